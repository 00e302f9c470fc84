"""Keeps the local copies of wraps' logs: every byte as pulled, never thinned, never rewritten.

Each wrap has a folder named after its unique id, with one file, `log.jsonl`
(`pbmwrap.logs.jsonl`), which only grows. Everything else, SQL included, is derived from it. A line
counts once its line end is on disk: an interrupted append leaves a torn last line, which readers
ignore and the next append removes.
"""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pbmwrap import disk, paths
from pbmwrap.errors import InvalidFile, VerifyFailed, WrapError
from pbmwrap.logs import extents, jsonl
from pbmwrap.logs.clock import Clock, Mark, make_clock
from pbmwrap.logs.decode import (
    MAX_RECORD_BYTES,
    Decoded,
    decode,
    decode_extents,
    decode_outline,
)
from pbmwrap.logs.extents import Conflict, Extent
from wrap.storage import records

FILE = "log.jsonl"
LATEST_FILE = "latest"
HINT = "name another data folder in $PBMWRAP_DATA"
_UID = re.compile(r"[A-Za-z0-9_-]{1,64}(\.old-[0-9]{1,6})?")  # `retire_copy` adds the end
OTHER_LOG = (
    "the wrap's flash was erased, or it is another wrap with the same id; nothing was changed; "
    "`pbmwrap logs pull --anew` (or `logs import --anew`) keeps both logs"
)
_TRANSIENT = ("uptime_s", "boot", "cause", "state")  # keys of `about` that always change


def default_root() -> Path:
    """Return the archive's folder in the platform's user data folder."""
    return paths.data_dir() / "logs"


@contextmanager
def paused_collection() -> Iterator[None]:
    """Look for no garbage meanwhile: nothing of a log is, and it would be a fifth of reading one.

    Two threads at once are harmless: one of them collects earlier than it had to.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class WrapArchive:
    """One wrap's log. Raises InvalidFile if its lines contradict each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / FILE
        self._forget_loaded()
        with disk.explained(self.file, "read", HINT):
            if self.file.exists():
                self._load_file()

    def _forget_loaded(self) -> None:
        self._log = jsonl.Log(self.folder.name)
        self._extents: list[Extent] = []
        self._decoded: Decoded | None = None
        self._outline: Decoded | None = None
        self._clock: Clock | None = None
        self._torn: Extent = (0, b"")  # the last bytes written, if they are not a whole record
        self._size = self._whole = 0  # bytes of the file and of its complete lines

    def _load_file(self) -> None:
        content = self.file.read_bytes()
        self._size = self._whole = len(content)
        end = content.rfind(b"\n") + 1
        if end < len(content) and not jsonl.is_line(content[end:]):
            self._whole = end  # an interrupted write
        self._log = jsonl.read_content(content[: self._whole], str(self.file))
        self._log.uid = self.folder.name
        self._log.marks = list(dict.fromkeys(self._log.marks))
        try:
            self._extents = self._log.extents()
        except Conflict as conflict:
            hint = "move that folder away and pull the log again"
            raise InvalidFile(f"{self.file} holds {conflict}", hint) from None
        if self._log.pieces:
            self._torn = _find_torn(*self._log.pieces[-1])
        self._log.pieces = []

    @property
    def problems(self) -> list[str]:
        """Lines that cannot be read, as `file:line: reason`; their bytes are gaps until an import
        or a pull fills them."""
        return self._log.problems

    @property
    def schema(self) -> int:
        """Schema in the file's head; 0 without a file."""
        return self._log.schema

    @property
    def unknown_lines(self) -> int:
        """Number of lines of kinds that this program does not know; they are kept."""
        return len(self._log.others)

    @property
    def next_offset(self) -> int:
        """The first offset after all kept bytes."""
        return self._extents[-1][0] + len(self._extents[-1][1]) if self._extents else 0

    @property
    def size(self) -> int:
        """Number of kept bytes of the log."""
        return sum(len(raw) for _, raw in self._extents)

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Offsets (start, end) of bytes that are missing between kept ones."""
        return extents.find_gaps(self._extents)

    @property
    def check_start(self) -> int:
        """Offset of the last kept sector.

        Its header contains the SHA-256 of the sector before, so a log with the same bytes from here
        to `next_offset` is this log, including everything before.
        """
        if not self._extents:
            return 0
        run_start = self._extents[-1][0]
        heads = (e.offset for e in self.decoded().entries if e.kind == records.SECTOR)
        return max((at for at in heads if at >= run_start), default=run_start)

    def extents(self) -> list[Extent]:
        """Return the runs of kept bytes with their absolute offsets, rising."""
        return list(self._extents)

    def check_same(self, runs: Iterable[Extent]) -> int:
        """Compare `runs` with the kept bytes; return how many bytes both have.

        Raises extents.Conflict at the first difference.
        """
        return sum(
            len(raw) - sum(len(new) for _, new in extents.find_new(self._extents, offset, raw))
            for offset, raw in runs
        )

    def append(self, offset: int, data: bytes) -> int:
        """Keep `data` that begins at the absolute `offset`; return the next offset.

        Raises VerifyFailed if bytes that are kept already differ (the wrap's flash was erased:
        call `retire_copy` first). An offset beyond the end leaves a gap; later bytes may fill it.
        """
        self.merge_log(jsonl.Log(pieces=[(offset, data)]))
        return self.next_offset

    def add_mark(self, mark: Mark) -> None:
        """Keep the time at an uptime of a boot."""
        self.merge_log(jsonl.Log(marks=[mark]))

    def add_about(self, about: dict[str, Any]) -> None:
        """Keep the wrap's answer to `hello` if it differs from the last one."""
        if _drop_transient(about) != _drop_transient(self.about()):
            self.merge_log(jsonl.Log(abouts=[about]))

    def merge_log(self, other: jsonl.Log) -> int:
        """Add all that is new in another log of this wrap; return the number of lines added.

        Merging the same again changes nothing, and the order does not matter. Raises VerifyFailed,
        and changes nothing, if bytes differ from the kept ones.
        """
        runs = self._find_new_runs(other)
        abouts = _find_new_items(other.abouts, self._log.abouts)
        marks = _find_new_items(other.marks, self._log.marks)
        others = _find_new_items(other.others, self._log.others)
        lines = [
            *map(jsonl.format_about, abouts),
            *map(jsonl.format_mark, marks),
            *map(jsonl.format_other, others),
            *(line for run in runs for line in self._format_run(*run)),
        ]
        if not lines:
            return 0
        self._append_lines(lines)
        self._log.abouts += abouts
        self._log.marks += marks
        self._log.others += others
        self._extents = extents.join_extents([*self._extents, *runs])
        self._clock = None
        if runs:
            self._decoded = self._outline = None
        return len(lines)

    def _find_new_runs(self, other: jsonl.Log) -> list[Extent]:
        try:
            runs = other.extents()
            return [piece for run in runs for piece in extents.find_new(self._extents, *run)]
        except Conflict as conflict:
            raise VerifyFailed(
                f"the log differs from the copy in {self.folder} at offset {conflict.offset}",
                OTHER_LOG,
            ) from None

    def _format_run(self, offset: int, data: bytes) -> Iterator[str]:
        """Format a new run. If it completes a torn record, that record is written again, whole."""
        start, head = self._torn
        if not head or start + len(head) != offset:
            start, head = offset, b""
        self._torn = _find_torn(start, head + data)
        return jsonl.format_bytes(start, head + data)

    def _append_lines(self, lines: Iterable[str]) -> None:
        """Append lines and flush them to disk. Lines that another process appended stay."""
        disk.make_folder(self.folder, HINT)
        created = not self.file.exists()
        with disk.explained(self.file, "written", HINT), self.file.open("ab") as out:
            if self._whole < self._size == out.tell():
                out.truncate(self._whole)
            out.write(self._make_lead())
            out.writelines(line.encode() for line in lines)
            out.flush()
            os.fsync(out.fileno())
            self._size = self._whole = out.tell()
        if created:
            with disk.explained(self.folder, "written", HINT):
                disk.sync_folder(self.folder)
                disk.sync_folder(self.folder.parent)

    def _make_lead(self) -> bytes:
        """Make what goes before appended lines: the head, or a line end that an editor removed."""
        if not self._whole:
            return jsonl.format_head(self.folder.name).encode()
        with disk.explained(self.file, "read", HINT), self.file.open("rb") as kept:
            kept.seek(self._whole - 1)
            return b"" if kept.read(1) == b"\n" else b"\n"

    def list_marks(self) -> list[Mark]:
        """Return all marks, in the order in which they were added."""
        return list(self._log.marks)

    def about(self) -> dict[str, Any]:
        """Return the wrap's last answer to `hello`; empty if unknown.

        It names channels and sensors, which the log itself does not.
        """
        return max(self._log.abouts, key=_read_age, default={})

    def decoded(self) -> Decoded:
        """Decode all kept records; the result is cached."""
        if self._decoded is None:
            self._decoded = decode_extents(self._extents)
        return self._decoded

    def outline(self) -> Decoded:
        """Decode all kept records but those inside of whole sessions, see `decode_outline`.

        The result is cached.
        """
        if self._outline is None:
            self._outline = self._decoded or decode_outline(self._extents)
        return self._outline

    def decode_boot(self, offset: int) -> Decoded:
        """Decode the boot of the wrap that has the record at `offset`, and how it ended: the record
        of the next one."""
        first = after = None
        for entry in self.outline().entries:
            if entry.kind == records.BOOT:
                if entry.offset > offset:
                    after = entry
                    break
                first = entry
        start = first.offset if first else 0
        end = after.offset + after.size if after else self.next_offset
        blobs = [
            (e.offset, e.size) for e in self.outline().entries if e.kind == records.BLOB
        ]  # that its records may name
        spans = [(at, at + size) for at, size in blobs if at < start]
        return decode_extents(extents.cut(self._extents, [*spans, (start, end)]))

    def clock(self) -> Clock:
        """Make the clock of this log, by its records and marks; the result is cached."""
        if self._clock is None:
            self._clock = make_clock(self.outline(), self._log.marks)
        return self._clock

    def format_lines(self) -> Iterator[str]:
        """Format everything as lines for a file, each record with its time if that is known."""
        yield from jsonl.format_log(self._log, self._extents, self.clock())

    def retire_copy(self) -> Path:
        """Rename this copy to `UID.old-1` and begin a new one. Return the copy's new folder."""
        old = _find_free_name(self.folder)
        with disk.explained(old, "written", HINT):
            self.folder.rename(old)
            disk.sync_folder(old.parent)
        self._forget_loaded()
        return old


def _find_free_name(folder: Path) -> Path:
    number = 1
    while (old := folder.with_name(f"{folder.name}.old-{number}")).exists():
        number += 1
    return old


def _find_new_items(items: Iterable[Any], known: Iterable[Any]) -> list[Any]:
    seen = set(map(_make_key, known))
    out: list[Any] = []
    for item in items:
        if (key := _make_key(item)) not in seen:
            seen.add(key)
            out.append(item)
    return out


def _make_key(item: Any) -> Any:
    """Make a hashable key that is equal for equal items."""
    return json.dumps(item, sort_keys=True) if isinstance(item, dict) else item


def _find_torn(offset: int, data: bytes) -> Extent:
    """Find the end of `data` if it may be the beginning of a record."""
    late = max(0, len(data) - MAX_RECORD_BYTES)
    decoded = decode(data[late:], offset + late)
    start, end = decoded.damage[-1] if decoded.torn else (0, 0)
    return (start, data[start - offset :]) if 0 < end - start < MAX_RECORD_BYTES else (0, b"")


def _drop_transient(about: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in about.items() if key not in _TRANSIENT}


def _read_age(about: dict[str, Any]) -> tuple[int, int]:
    """Return (boot, uptime in s), which orders a wrap's answers to `hello` in time."""
    numbers = [about.get(key) for key in ("boot", "uptime_s")]
    boot, uptime_s = (n if isinstance(n, int) else -1 for n in numbers)
    return boot, uptime_s


class Archive:
    """All wraps' logs in one folder. Creates nothing before something is kept."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = default_root() if root is None else root

    def wrap(self, uid: str) -> WrapArchive:
        """Open one wrap's log. Raises ValueError if `uid` is malformed."""
        if not _UID.fullmatch(uid):
            raise ValueError(f"{uid!r} is not a wrap id: it may hold only letters, digits, - and _")
        return WrapArchive(self.root / uid)

    def list_copies(self, uid: str) -> list[WrapArchive]:
        """List the logs under a wrap's id: the current one, then the older ones, newest first.

        A current one that does not exist yet comes last. There are several if the wrap's flash was
        erased, or if two wraps have one id.
        """
        current = self.wrap(uid)
        numbers = [int(n.rpartition("-")[2]) for n in self.uids() if n.startswith(f"{uid}.old-")]
        older = [self.wrap(f"{uid}.old-{n}") for n in sorted(numbers, reverse=True)]
        return [current, *older] if current.folder.exists() else [*older, current]

    def new_copy(self, uid: str) -> WrapArchive:
        """Return an empty log beside those that are kept under a wrap's id."""
        current = self.wrap(uid)
        if not current.folder.exists():
            return current
        return self.wrap(_find_free_name(current.folder).name)

    def find_latest(self) -> str | None:
        """Return the log that was pulled last, else the one that changed last; None without any."""
        uids = self.uids()
        noted = self._read_latest()
        return noted if noted in uids else max(uids, key=self._read_mtime_ns, default=None)

    def _read_latest(self) -> str | None:
        try:
            return (self.root / LATEST_FILE).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None

    def _read_mtime_ns(self, uid: str) -> int:
        file = self.root / uid / FILE
        return file.stat().st_mtime_ns if file.exists() else 0

    def set_latest(self, uid: str) -> None:
        """Note which log was pulled last. A failure is ignored: this only chooses a default."""
        with suppress(WrapError):
            disk.write_file(self.root / LATEST_FILE, uid + "\n", replace=True)

    def remove_log(self, uid: str) -> None:
        """Remove one log from this machine, completely or not at all.

        Raises InvalidFile, NoPermission.
        """
        gone = self.root / f".forgotten-{uid}"
        shutil.rmtree(gone, ignore_errors=True)  # left by an attempt that failed
        hint = "close the programs that use it and try again"
        with disk.explained(self.root / uid, "removed", hint):
            (self.root / uid).rename(gone)
            disk.sync_folder(self.root)
            shutil.rmtree(gone)

    def uids(self) -> list[str]:
        """List the kept logs: wraps' ids, with `.old-N` appended by `retire_copy`.

        Raises InvalidFile, NoPermission if the root cannot be read or is not a folder.
        """
        with disk.explained(self.root, "read", HINT):
            try:
                inside = list(self.root.iterdir())
            except FileNotFoundError:
                return []
            return sorted(p.name for p in inside if p.is_dir() and _UID.fullmatch(p.name))
