"""The local copy of wraps' logs: every byte as pulled, never thinned, never rewritten.

Per wrap a folder named after its unique id, and in it one file, `log.jsonl` (`pbmwrap.logs.jsonl`),
which only grows. Everything else, SQL included, is derived from it. A line counts once its end is
on disk: an append cut short leaves a torn last line, which is ignored and cut off by the next one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pbmwrap import disk, paths
from pbmwrap.errors import InvalidFile, VerifyFailed
from pbmwrap.logs import extents, jsonl, names
from pbmwrap.logs.clock import Mark
from pbmwrap.logs.decode import LONGEST, Decoded, decode, decode_extents
from pbmwrap.logs.extents import Conflict, Extent
from pbmwrap.logs.sessions import clock_of
from wrap.storage import records

FILE = "log.jsonl"
WAY = "name another data folder in $PBMWRAP_DATA"
_UID = re.compile(r"[A-Za-z0-9_-]{1,64}(\.old-[0-9]{1,6})?")  # `retire` adds the end
OTHER_LOG = (
    "the wrap's flash was erased, or it is another wrap with the same id; nothing was changed; "
    "`pbmwrap logs pull --anew` (or `logs import --anew`) keeps both logs"
)
_PASSING = ("uptime_s", "boot", "cause", "state")  # of `about`: what changes without a reason


def default_root() -> Path:
    """In the platform's user data folder."""
    return paths.data_dir() / "logs"


class WrapArchive:
    """One wrap's log. Raises InvalidFile when its lines contradict each other.

    problems: lines that cannot be read, as `file:line: why`; their bytes are gaps until an import
    fills them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / FILE
        self._forget()
        with disk.explained(self.file, "read", WAY):
            if self.file.exists():
                self._load()

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

    @property
    def check_start(self) -> int:
        """Where the last sector that is kept begins.

        Its head holds the SHA-256 of the sector before, so a log with the same bytes from here to
        `next_offset` is this log, with all that came before.
        """
        if not self._extents:
            return 0
        run_start = self._extents[-1][0]
        heads = (e.offset for e in self.decoded().entries if e.kind == records.SECTOR)
        return max((at for at in heads if at >= run_start), default=run_start)

    def extents(self) -> list[Extent]:
        """Runs of bytes with their absolute offsets, rising."""
        return list(self._extents)

    def check_same(self, runs: Iterable[Extent]) -> int:
        """Compare `runs` with what is kept; returns how many bytes both have.

        Raises extents.Conflict at the first difference.
        """
        return sum(
            len(raw) - sum(len(new) for _, new in extents.fresh(self._extents, offset, raw))
            for offset, raw in runs
        )

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
                OTHER_LOG,
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
        disk.make_folder(self.folder, WAY)
        created = not self.file.exists()
        with disk.explained(self.file, "written", WAY), self.file.open("ab") as out:
            if self._whole < self._size == out.tell():
                out.truncate(self._whole)
            out.write(self._lead())
            out.writelines(line.encode() for line in lines)
            out.flush()
            os.fsync(out.fileno())
            self._size = self._whole = out.tell()
        if created:
            with disk.explained(self.folder, "written", WAY):
                disk.sync_folder(self.folder)
                disk.sync_folder(self.folder.parent)

    def _lead(self) -> bytes:
        """What comes before appended lines: the head, or the line end that an editor took away."""
        if not self._whole:
            return jsonl.head_line(self.folder.name).encode()
        with disk.explained(self.file, "read", WAY), self.file.open("rb") as kept:
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
        old = _free_name(self.folder)
        with disk.explained(old, "written", WAY):
            self.folder.rename(old)
            disk.sync_folder(old.parent)
        self._forget()
        return old


def _free_name(folder: Path) -> Path:
    number = 1
    while (old := folder.with_name(f"{folder.name}.old-{number}")).exists():
        number += 1
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

    def copies(self, uid: str) -> list[WrapArchive]:
        """Every log under a wrap's id, the current one first, then the newest; a current one that
        is not there yet last.

        There are several when the wrap's flash was erased, or when two wraps have one id.
        """
        current = self.wrap(uid)
        numbers = [int(n.rpartition("-")[2]) for n in self.uids() if n.startswith(f"{uid}.old-")]
        older = [self.wrap(f"{uid}.old-{n}") for n in sorted(numbers, reverse=True)]
        return [current, *older] if current.folder.exists() else [*older, current]

    def new_copy(self, uid: str) -> WrapArchive:
        """An empty log beside those that are kept under a wrap's id."""
        current = self.wrap(uid)
        return self.wrap(_free_name(current.folder).name) if current.folder.exists() else current

    def latest(self) -> str | None:
        """The log that was pulled last, else the one that changed last; None without any."""
        uids = self.uids()
        said = names.read_latest(self.root)
        return said if said in uids else max(uids, key=self._changed, default=None)

    def _changed(self, uid: str) -> int:
        file = self.root / uid / FILE
        return file.stat().st_mtime_ns if file.exists() else 0

    def set_latest(self, uid: str) -> None:
        """Remember which log was pulled last."""
        names.write_latest(self.root, uid)

    def forget(self, uid: str) -> None:
        """Remove one log from this machine. Raises InvalidFile, NoPermission; a log is either whole
        or gone."""
        gone = self.root / f".forgotten-{uid}"
        shutil.rmtree(gone, ignore_errors=True)  # what an earlier try left
        way = "close the programs that use it and try again"
        with disk.explained(self.root / uid, "removed", way):
            (self.root / uid).rename(gone)
            disk.sync_folder(self.root)
            shutil.rmtree(gone)

    def uids(self) -> list[str]:
        """The logs that are kept: wraps' ids, with `.old-N` behind it where `retire` did so.
        Raises InvalidFile, NoPermission when the root cannot be read, or is no folder."""
        with disk.explained(self.root, "read", WAY):
            try:
                inside = list(self.root.iterdir())
            except FileNotFoundError:
                return []
            return sorted(p.name for p in inside if p.is_dir() and _UID.fullmatch(p.name))
