"""The local copy of wraps' logs: raw bytes with their absolute offsets, never thinned or rewritten.

Per wrap a folder named after its unique id: `log.bin` (bytes as pulled), `index.json` (which
offsets they are), `marks.jsonl` (when which uptime was). Bytes count once the index names them,
and they are on disk before it is replaced: a crash leaves the archive as it was or should be.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pbmwrap import paths
from pbmwrap.errors import InvalidFile, VerifyFailed
from pbmwrap.logs.clock import Mark
from pbmwrap.logs.decode import Decoded, decode_extents

_UID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_SCHEMA = 1


def default_root() -> Path:
    """In the platform's user data folder."""
    return paths.data_dir() / "logs"


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened, and needs no flush
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _replace(path: Path, text: str) -> None:
    """Write all of a small file or none of it."""
    fresh = path.with_suffix(path.suffix + ".new")
    with fresh.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)


class WrapArchive:
    """One wrap's log. Raises InvalidFile when its files do not belong together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bin = folder / "log.bin"
        self._index = folder / "index.json"
        self._marks = folder / "marks.jsonl"
        self._extents: list[list[int]] = self._read_index()

    def _read_index(self) -> list[list[int]]:
        if not self._index.exists():
            return []
        try:
            kept = json.loads(self._index.read_text(encoding="utf-8"))
            extents = [[int(start), int(size)] for start, size in kept["extents"]]
        except (ValueError, KeyError, TypeError) as error:
            raise self._broken(f"its index cannot be read ({error})") from None
        have = self._bin.stat().st_size if self._bin.exists() else 0
        if have < sum(size for _, size in extents):
            raise self._broken("log.bin is shorter than its index says")
        return extents

    def _broken(self, why: str) -> InvalidFile:
        hint = "move that folder away and pull the log again"
        return InvalidFile(f"the log archive in {self.folder} is damaged: {why}", hint)

    @property
    def next_offset(self) -> int:
        """The first offset not yet kept."""
        return sum(self._extents[-1]) if self._extents else 0

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Offsets (start, end) that the wrap had dropped before they were pulled."""
        ends = [sum(extent) for extent in self._extents]
        starts = [start for start, _ in self._extents]
        return [(a, b) for a, b in zip(ends, starts[1:], strict=False) if b > a]

    def extents(self) -> list[tuple[int, bytes]]:
        """Runs of bytes with their absolute offsets, rising."""
        if not self._extents:
            return []
        raw = self._bin.read_bytes()
        out: list[tuple[int, bytes]] = []
        at = 0
        for start, size in self._extents:
            out.append((start, raw[at : at + size]))
            at += size
        return out

    def append(self, offset: int, data: bytes) -> int:
        """Keep `data` that begins at the absolute `offset`; returns the next offset.

        What is kept already is compared: VerifyFailed when it differs (the wrap's flash was erased:
        `retire` this archive first). Offsets beyond the end leave a gap, which is recorded.
        """
        known = self._verify(offset, data)
        fresh = data[known:]
        if not fresh:
            return self.next_offset
        self._append_bytes(fresh)
        start = offset + known
        if self._extents and start == self.next_offset:
            self._extents[-1][1] += len(fresh)
        else:
            self._extents.append([start, len(fresh)])
        text = json.dumps({"schema": _SCHEMA, "extents": self._extents})
        _replace(self._index, text + "\n")
        return self.next_offset

    def _verify(self, offset: int, data: bytes) -> int:
        """How many bytes of `data` lie before the end; those kept must be the same."""
        end = offset + len(data)
        for start, kept in self.extents() if offset < self.next_offset else []:
            low, high = max(start, offset), min(start + len(kept), end)
            if (
                low < high
                and kept[low - start : high - start] != data[low - offset : high - offset]
            ):
                raise VerifyFailed(
                    f"the wrap's log differs from the copy in {self.folder} at offset {low}",
                    "its flash was erased or it is another wrap: retire that copy, then pull again",
                )
        return min(len(data), max(0, self.next_offset - offset))

    def _append_bytes(self, fresh: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        committed = sum(size for _, size in self._extents)
        with self._bin.open("r+b" if self._bin.exists() else "w+b") as out:
            out.truncate(committed)  # the rest of an append that was cut short
            out.seek(committed)
            out.write(fresh)
            out.flush()
            os.fsync(out.fileno())

    def mark(self, mark: Mark) -> None:
        """Remember what time it was at an uptime of a boot."""
        self.folder.mkdir(parents=True, exist_ok=True)
        torn = self._marks.exists() and not self._marks.read_bytes().endswith(b"\n")
        with self._marks.open("a", encoding="ascii") as out:
            out.write(("\n" if torn else "") + json.dumps(asdict(mark)) + "\n")
            out.flush()
            os.fsync(out.fileno())

    def marks(self) -> list[Mark]:
        """All marks; a line that was cut short is left out."""
        if not self._marks.exists():
            return []
        lines = self._marks.read_text(encoding="utf-8", errors="replace").splitlines()
        return [mark for mark in map(_mark, lines) if mark is not None]

    def decoded(self) -> Decoded:
        """All records kept."""
        return decode_extents(self.extents())

    def retire(self) -> Path:
        """Set this copy aside (`UID.old-1`) and begin anew. Returns where it is now."""
        number = 1
        while (old := self.folder.with_name(f"{self.folder.name}.old-{number}")).exists():
            number += 1
        self.folder.rename(old)
        _sync_folder(old.parent)
        self._extents = []
        return old


def _mark(line: str) -> Mark | None:
    try:
        kept: dict[str, Any] = json.loads(line)
        return Mark(int(kept["boot"]), int(kept["up_ms"]), int(kept["unix_ms"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


class Archive:
    """All wraps' logs under one root. Creates nothing before something is kept."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = default_root() if root is None else root

    def wrap(self, uid: str) -> WrapArchive:
        """One wrap's. Raises ValueError when `uid` is no plain id."""
        if not _UID.match(uid):
            raise ValueError(f"{uid!r} is no wrap id: it may hold only letters, digits, - and _")
        return WrapArchive(self.root / uid)

    def uids(self) -> list[str]:
        """The wraps that have been pulled."""
        if not self.root.is_dir():
            return []
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and _UID.match(p.name))
