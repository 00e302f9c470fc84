"""The local copy of wraps' logs: every byte as pulled, never thinned, never rewritten.

Per wrap a folder named after its unique id, and in it one file, `log.jsonl` (`pbmwrap.logs.jsonl`),
which only grows. Everything else, SQL included, is derived from it. A line counts once its end is
on disk: an append cut short leaves a torn last line, which is ignored and cut off by the next one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pbmwrap import paths
from pbmwrap.errors import InvalidFile, VerifyFailed
from pbmwrap.logs import extents, jsonl, old_layout
from pbmwrap.logs.clock import Mark
from pbmwrap.logs.decode import LONGEST, Decoded, decode, decode_extents
from pbmwrap.logs.extents import Conflict, Extent
from pbmwrap.logs.sessions import clock_of

FILE = "log.jsonl"
_UID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PASSING = ("uptime_s", "boot", "cause", "state")  # of `about`: what changes without a reason


def default_root() -> Path:
    """In the platform's user data folder."""
    return paths.data_dir() / "logs"


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in `folder` last."""
    if os.name == "posix":  # elsewhere a folder cannot be opened, and needs no flush
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class WrapArchive:
    """One wrap's log. Raises InvalidFile when its lines contradict each other.

    problems: lines that cannot be read, as `file:line: why`; their bytes are gaps until an import
    fills them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / FILE
        self._forget()
        if self.file.exists():
            self._load()
        if old_layout.is_there(folder):
            self._adopt()

    def _forget(self) -> None:
        self._log = jsonl.Log(self.folder.name)
        self._extents: list[Extent] = []
        self._decoded: Decoded | None = None
        self._torn: Extent = (0, b"")  # the last bytes written, where they are no whole record
        self._size = self._whole = 0  # bytes of the file, and of its whole lines

    def _load(self) -> None:
        lines = self.file.read_bytes().splitlines(keepends=True)
        self._size = self._whole = sum(map(len, lines))
        if lines and not lines[-1].endswith(b"\n") and not jsonl.is_line(lines[-1]):
            self._whole -= len(lines.pop())  # its write never came to an end
        self._log = jsonl.read(lines, str(self.file))
        self._log.uid = self.folder.name
        self._log.marks = list(dict.fromkeys(self._log.marks))
        try:
            self._extents = self._log.extents()
        except Conflict as conflict:
            hint = "move that folder away and pull the log again"
            raise InvalidFile(f"{self.file} holds {conflict}", hint) from None
        if self._log.pieces:
            self._torn = _unfinished(*self._log.pieces[-1])
        self._log.pieces = []

    def _adopt(self) -> None:
        """Take over what an older program kept, then remove it."""
        self.merge(old_layout.read(self.folder))
        old_layout.remove(self.folder)

    @property
    def problems(self) -> list[str]:
        """What is wrong with which line."""
        return self._log.problems

    @property
    def schema(self) -> int:
        """Of the file, by its head; 0 without a file."""
        return self._log.schema

    @property
    def unknown_lines(self) -> int:
        """How many lines are of kinds that this program does not know; they are kept."""
        return len(self._log.others)

    @property
    def next_offset(self) -> int:
        """The first offset after all that is kept."""
        return self._extents[-1][0] + len(self._extents[-1][1]) if self._extents else 0

    @property
    def size(self) -> int:
        """Bytes of the log that are kept."""
        return sum(len(raw) for _, raw in self._extents)

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Offsets (start, end) that the wrap had dropped before they were pulled."""
        return extents.gaps(self._extents)

    def extents(self) -> list[Extent]:
        """Runs of bytes with their absolute offsets, rising."""
        return list(self._extents)

    def append(self, offset: int, data: bytes) -> int:
        """Keep `data` that begins at the absolute `offset`; returns the next offset.

        What is kept already is compared: VerifyFailed when it differs (the wrap's flash was erased:
        `retire` this archive first). Offsets beyond the end leave a gap; later bytes may fill it.
        """
        self.merge(jsonl.Log(pieces=[(offset, data)]))
        return self.next_offset

    def mark(self, mark: Mark) -> None:
        """Remember what time it was at an uptime of a boot."""
        self.merge(jsonl.Log(marks=[mark]))

    def tell(self, about: dict[str, Any]) -> None:
        """Remember what the wrap says of itself (`hello`), where it is news."""
        if _lasting(about) != _lasting(self.about()):
            self.merge(jsonl.Log(abouts=[about]))

    def merge(self, other: jsonl.Log) -> int:
        """Add all that is new in another log of this wrap; returns how many lines that took.

        Merging the same again changes nothing, and the order does not matter. Raises VerifyFailed,
        and changes nothing, when bytes differ from those kept.
        """
        runs = self._fresh(other)
        abouts = _news(other.abouts, self._log.abouts)
        marks = _news(other.marks, self._log.marks)
        others = _news(other.others, self._log.others)
        lines = [
            *map(jsonl.about_line, abouts),
            *map(jsonl.mark_line, marks),
            *map(jsonl.other_line, others),
            *(line for run in runs for line in self._byte_lines(*run)),
        ]
        if not lines:
            return 0
        self._grow(lines)
        self._log.abouts += abouts
        self._log.marks += marks
        self._log.others += others
        self._extents = extents.join([*self._extents, *runs])
        self._decoded = None
        return len(lines)

    def _fresh(self, other: jsonl.Log) -> list[Extent]:
        try:
            runs = other.extents()
            return [piece for run in runs for piece in extents.fresh(self._extents, *run)]
        except Conflict as conflict:
            raise VerifyFailed(
                f"the log differs from the copy in {self.folder} at offset {conflict.offset}",
                "the wrap's flash was erased, or it is another wrap: run "
                "`pbmwrap logs pull --anew` to begin a new copy, or move the folder away",
            ) from None

    def _byte_lines(self, offset: int, data: bytes) -> Iterator[str]:
        """Lines of a new run. What completes a torn record says the whole record again."""
        start, head = self._torn
        if not head or start + len(head) != offset:
            start, head = offset, b""
        self._torn = _unfinished(start, head + data)
        return jsonl.byte_lines(start, head + data)

    def _grow(self, lines: Iterable[str]) -> None:
        """Append lines and see them on disk. What another process appended meanwhile stays."""
        self.folder.mkdir(parents=True, exist_ok=True)
        created = not self.file.exists()
        with self.file.open("ab") as out:
            if self._whole < self._size == out.tell():
                out.truncate(self._whole)
            out.write(self._lead())
            out.writelines(line.encode() for line in lines)
            out.flush()
            os.fsync(out.fileno())
            self._size = self._whole = out.tell()
        if created:
            sync_folder(self.folder)
            sync_folder(self.folder.parent)

    def _lead(self) -> bytes:
        """What comes before appended lines: the head, or the line end that an editor took away."""
        if not self._whole:
            return jsonl.head_line(self.folder.name).encode()
        with self.file.open("rb") as kept:
            kept.seek(self._whole - 1)
            return b"" if kept.read(1) == b"\n" else b"\n"

    def marks(self) -> list[Mark]:
        """All marks, in the order they came."""
        return list(self._log.marks)

    def about(self) -> dict[str, Any]:
        """What the wrap last said of itself: the log itself names no channels. Empty if unknown."""
        return max(self._log.abouts, key=_age, default={})

    def decoded(self) -> Decoded:
        """All records kept."""
        if self._decoded is None:
            self._decoded = decode_extents(self._extents)
        return self._decoded

    def export(self) -> Iterator[str]:
        """All of it as lines for a file, each record with its time as far as it is known."""
        yield from jsonl.write(self._log, self._extents, clock_of(self.decoded(), self.marks()))

    def retire(self) -> Path:
        """Set this copy aside (`UID.old-1`) and begin anew. Returns where it is now."""
        number = 1
        while (old := self.folder.with_name(f"{self.folder.name}.old-{number}")).exists():
            number += 1
        self.folder.rename(old)
        sync_folder(old.parent)
        self._forget()
        return old


def _news(said: Iterable[Any], known: Iterable[Any]) -> list[Any]:
    seen = set(map(_key, known))
    out: list[Any] = []
    for item in said:
        if (key := _key(item)) not in seen:
            seen.add(key)
            out.append(item)
    return out


def _key(item: Any) -> Any:
    """Equal for what says the same."""
    return json.dumps(item, sort_keys=True) if isinstance(item, dict) else item


def _unfinished(offset: int, data: bytes) -> Extent:
    """The end of `data` that may be the beginning of a record."""
    late = max(0, len(data) - LONGEST)
    decoded = decode(data[late:], offset + late)
    start, end = decoded.damage[-1] if decoded.torn else (0, 0)
    return (start, data[start - offset :]) if 0 < end - start < LONGEST else (0, b"")


def _lasting(about: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in about.items() if key not in _PASSING}


def _age(about: dict[str, Any]) -> tuple[int, int]:
    """Orders what a wrap said of itself in time."""
    numbers = [about.get(key) for key in ("boot", "uptime_s")]
    boot, uptime_s = (n if isinstance(n, int) else -1 for n in numbers)
    return boot, uptime_s


class Archive:
    """All wraps' logs under one root. Creates nothing before something is kept."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = default_root() if root is None else root

    def wrap(self, uid: str) -> WrapArchive:
        """One wrap's. Raises ValueError when `uid` is no plain id."""
        if not _UID.fullmatch(uid):
            raise ValueError(f"{uid!r} is not a wrap id: it may hold only letters, digits, - and _")
        return WrapArchive(self.root / uid)

    def uids(self) -> list[str]:
        """The wraps that have been pulled."""
        if not self.root.is_dir():
            return []
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and _UID.fullmatch(p.name))
