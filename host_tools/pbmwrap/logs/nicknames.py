"""Keeps nicknames of wraps, one small file in the archive, and finds the log that a word means.

Nicknames only help to choose a log. If the file is missing or unreadable, no log is lost.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pbmwrap import disk
from pbmwrap.errors import InvalidFile, UsageError

FILE = "names.json"
MAX_LENGTH = 40


def read_nicknames(root: Path) -> dict[str, str]:
    """Read {log: nickname}; empty without a file. Raises InvalidFile."""
    file = root / FILE
    hint = "correct or delete it; it holds only the nicknames"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise InvalidFile(f"{file} cannot be read: {problem.strerror}", hint) from None
    except ValueError:
        raise InvalidFile(f"{file} is not JSON", hint) from None
    is_table = isinstance(content, dict) and all(isinstance(n, str) for n in content.values())
    if not is_table:
        raise InvalidFile(f"{file} is not a table of nicknames", hint)
    return content


def write_nicknames(root: Path, names: dict[str, str]) -> None:
    """Write all nicknames. Raises InvalidFile, NoPermission."""
    text = json.dumps(names, indent=2, ensure_ascii=False)
    disk.write_file(root / FILE, text + "\n", replace=True)


def check_nickname(name: str, uids: Sequence[str], names: dict[str, str]) -> str:
    """Return a new nickname without surrounding space.

    Raises UsageError if it is malformed, or if it already means a log. uids: all logs; names:
    nicknames of the other logs.
    """
    name = name.strip()
    if not name or len(name) > MAX_LENGTH or not name.isprintable() or name.startswith("-"):
        raise UsageError(
            f"{name!r} cannot be a nickname",
            f"use 1 to {MAX_LENGTH} printable characters, the first one not a hyphen",
        )
    taken = {uid.casefold(): uid for uid in uids}
    taken |= {other.casefold(): uid for uid, other in names.items()}
    if name.casefold() in taken:
        raise UsageError(f"{name} already means {taken[name.casefold()]}", "choose another name")
    return name


def match_logs(word: str, uids: Sequence[str], names: dict[str, str]) -> list[str]:
    """List the logs that `word` can mean: an id, a nickname, or the beginning of one of them.

    A whole word takes precedence over a beginning, and a log over its own older copies.
    """
    if word in uids:
        return [word]
    plain = word.casefold()
    named = [uid for uid in uids if names.get(uid, "").casefold() == plain]
    if named:
        return named
    found = [
        uid
        for uid in uids
        if uid.casefold().startswith(plain) or names.get(uid, "").casefold().startswith(plain)
    ]
    current = [uid for uid in found if uid.partition(".")[0] not in found or "." not in uid]
    return current if len(current) == 1 else found
