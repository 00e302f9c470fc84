"""Which log was pulled last, and what people call their wraps: two small files in the archive.

They only help to choose a log. Without them, or when they cannot be read, no log is lost.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from pbmwrap import disk
from pbmwrap.errors import InvalidFile, UsageError, WrapError

LATEST_FILE = "latest"
NAMES_FILE = "names.json"
LONGEST_NAME = 40


def read_latest(root: Path) -> str | None:
    """The log that was pulled last, None when nothing says so."""
    try:
        return (root / LATEST_FILE).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def write_latest(root: Path, uid: str) -> None:
    """Remember the log that was pulled last."""
    with suppress(WrapError):  # the pull went well, and this only chooses a default
        disk.write_file(root / LATEST_FILE, uid + "\n", replace=True)


def read_names(root: Path) -> dict[str, str]:
    """{log: nickname}. Raises InvalidFile."""
    file = root / NAMES_FILE
    hint = "correct or delete it; it holds only the nicknames"
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise InvalidFile(f"{file} cannot be read: {problem.strerror}", hint) from None
    except ValueError:
        raise InvalidFile(f"{file} is not JSON", hint) from None
    if not isinstance(said, dict) or not all(isinstance(name, str) for name in said.values()):
        raise InvalidFile(f"{file} is not a table of nicknames", hint)
    return said


def write_names(root: Path, names: dict[str, str]) -> None:
    """Keep all nicknames. Raises InvalidFile, NoPermission."""
    text = json.dumps(names, indent=2, ensure_ascii=False)
    disk.write_file(root / NAMES_FILE, text + "\n", replace=True)


def check_name(name: str, uids: list[str], names: dict[str, str]) -> str:
    """A nickname that can be used. Raises UsageError; names: those of the other logs."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or name.startswith("-"):
        raise UsageError(
            f"{name!r} cannot be a nickname",
            f"use 1 to {LONGEST_NAME} printable characters, the first one not a hyphen",
        )
    taken = {uid.casefold(): uid for uid in uids}
    taken |= {other.casefold(): uid for uid, other in names.items()}
    if name.casefold() in taken:
        raise UsageError(f"{name} already means {taken[name.casefold()]}", "choose another name")
    return name


def match(word: str, uids: list[str], names: dict[str, str]) -> list[str]:
    """The logs that `word` can mean: an id, a nickname, or the beginning of one of them.

    The whole word comes before a beginning, and a log before its own older copies.
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
