"""Archives as they were before JSON lines: `log.bin`, `index.json`, `marks.jsonl`, `about.json`.

Read once, and removed once the new file is on disk.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pbmwrap.errors import InvalidFile
from pbmwrap.logs.clock import Mark
from pbmwrap.logs.extents import Extent
from pbmwrap.logs.jsonl import Log

_INDEX = "index.json"
_FILES = (_INDEX, "log.bin", "marks.jsonl", "about.json")


def is_there(folder: Path) -> bool:
    """Whether an older program kept a log here."""
    return any((folder / name).exists() for name in _FILES)


def remove(folder: Path) -> None:
    """The index first: without it the rest does not count."""
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)


def read(folder: Path) -> Log:
    """All of it. Raises InvalidFile when its files do not belong together."""
    return Log(folder.name, 1, _pieces(folder), _marks(folder), _abouts(folder))


def _broken(folder: Path, why: str) -> InvalidFile:
    hint = "move that folder away and pull the log again"
    return InvalidFile(f"the log archive in {folder} is damaged: {why}", hint)


def _pieces(folder: Path) -> list[Extent]:
    """Bytes count where the index names them."""
    if not (folder / _INDEX).exists():
        return []
    try:
        kept = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        spots = [(int(start), int(size)) for start, size in kept["extents"]]
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise _broken(folder, f"its index cannot be read ({error})") from None
    raw = (folder / "log.bin").read_bytes() if (folder / "log.bin").exists() else b""
    if len(raw) < sum(size for _, size in spots):
        raise _broken(folder, "log.bin is shorter than its index says")
    out: list[Extent] = []
    at = 0
    for start, size in spots:
        out.append((start, raw[at : at + size]))
        at += size
    return out


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _marks(folder: Path) -> list[Mark]:
    """A line that was cut short is left out, as it always was."""
    found = map(_mark, _text(folder / "marks.jsonl").splitlines())
    return [mark for mark in found if mark is not None]


def _mark(line: str) -> Mark | None:
    try:
        kept: dict[str, Any] = json.loads(line)
        return Mark(int(kept["boot"]), int(kept["up_ms"]), int(kept["unix_ms"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _abouts(folder: Path) -> list[dict[str, Any]]:
    try:
        about = json.loads(_text(folder / "about.json"))
    except ValueError:
        return []
    return [about] if isinstance(about, dict) else []
