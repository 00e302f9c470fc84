"""Holds what was recorded of a day: the flash at any moment of it, and what was whole in it by
then.

Records and the latch are looked for in the recorded operations themselves, with readers of their
own: the firmware's are what is judged.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.nor import PAGE, SECTOR, Nor
from wrap.storage import record_reader, records
from wrap.storage.atomic_store import Store
from wrap.storage.flash_files import FlashFiles
from wrap.storage.log import Log
from wrap.storage.nor_sectors import NorSectors

# wrap/hal/rp2040/flash.py: store | filesystem | log, up to the end of 2 MB
STORE_AT, STORE = 0x80000, 16
FILES_AT = 0x90000
LOG_AT, LOG = 0xA0000, 352
LOG_SIZE = SECTOR - 8  # of a sector's bytes
_USED_TRIP_MC = 40500
_TAG = 0x5A  # of an entry in the store

Op = tuple[int, bytes]


@dataclass
class Promise:
    """Holds what had been promised when an operation began. Two values: an answer is still due."""

    settings: tuple[int, ...] = ()  # trip_mc
    slots: tuple[str, ...] = ()  # ids in slot 0
    sites: tuple[str, ...] = ()  # where the pins had shown light
    holds: tuple[str, ...] = ("",)  # whom holds stand for, as one text
    trials: tuple[str, ...] = ("none",)  # the blinded trial, as `describe_trial` gives it


def describe_trial(answer: Mapping[str, Any]) -> str:
    """Return what `trial.get` says that no power cut may change."""
    if answer["state"] == "none":
        return "none"
    counts = ",".join(map(str, answer["counts"]))
    return f"{answer['state']}, period {answer['period']}, session {answer['n']}, counts {counts}"


@dataclass(frozen=True)
class Record:
    """Holds one record. `op`: the operation that made it whole."""

    offset: int
    raw: bytes
    boot: int
    kind: int
    op: int


@dataclass
class Tape:
    """Holds a recorded day. base: 2 MB; ops: (byte offset, data; none: an erase); promises: one for
    each, and one for the end."""

    base: bytes
    ops: list[Op] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)

    def flash(self, k: int) -> bytearray:
        """Return the flash after the first `k` operations."""
        mem = bytearray(self.base)
        for op in self.ops[:k]:
            apply(mem, op)
        return mem

    @cached_property
    def first(self) -> int:
        """Return the offset of the newest sector of the log that the base had; 0 when it had
        none."""
        return max(_starts(self.base).values(), default=0)

    @cached_property
    def stream(self) -> bytes:
        """Return the log's bytes from `first` on, at the day's end."""
        return stream(bytes(self.flash(len(self.ops))), self.first)

    @cached_property
    def records(self) -> list[Record]:
        """Return the records that the day wrote, in order."""
        mem = bytes(self.flash(len(self.ops)))
        out = []
        for i, start in sorted(_starts(mem).items(), key=lambda found: found[1]):
            if start >= self.first:
                out += [r for r in self._of_sector(mem, i, start) if r.op >= 0]
        return out

    def _of_sector(self, mem: bytes, i: int, start: int) -> Iterator[Record]:
        at = LOG_AT + i * SECTOR
        for kind, _, boot, _, _, payload, end in record_reader.scan(mem[at : at + LOG_SIZE])[0]:
            begin = end - records.size(len(payload))
            op = self._whole(at + begin, at + end)
            yield Record(start + begin, mem[at + begin : at + end], boot, kind, op)

    def _whole(self, begin: int, end: int) -> int:
        """Return the last operation that wrote something between these bytes of the flash, or
        -1."""
        for n in range(len(self.ops) - 1, -1, -1):
            at, data = self.ops[n]
            some = data[max(0, begin - at) : max(0, end - at)]
            if at < end and some.strip(b"\xff"):
                return n
        return -1

    def committed(self, k: int) -> list[Record]:
        """Records that are whole after `k` operations."""
        return [r for r in self.records if r.op < k]

    @cached_property
    def latches(self) -> list[int]:
        """Return the latched fault's code after 0, 1, ... operations, by the store's newest
        entry."""
        mem = bytearray(self.base)
        newest = _newest(mem, (0, 0))
        out = [newest[1]]
        for op in self.ops:
            apply(mem, op)
            if STORE_AT <= op[0] < FILES_AT:
                newest = _newest(mem, newest)
            out.append(newest[1])
        return out


def apply(mem: bytearray, op: Op) -> None:
    """Do one whole operation."""
    at, data = op
    if not data:
        mem[at : at + SECTOR] = b"\xff" * SECTOR
    for k, byte in enumerate(data):
        mem[at + k] &= byte


def _starts(mem: bytes) -> dict[int, int]:
    """Return {sector: the offset it begins at} of the log."""
    out = {}
    for i in range(LOG):
        record = record_reader.parse(mem[LOG_AT + i * SECTOR : LOG_AT + (i + 1) * SECTOR], 0)
        if record and record[0] == records.SECTOR:
            out[i] = struct.unpack_from("<I", record[5], 1)[0]
    return out


def stream(mem: bytes, first: int) -> bytes:
    """Return a log's bytes from the head of a sector on."""
    out = b""
    for i, start in sorted(_starts(mem).items(), key=lambda found: found[1]):
        if start >= first:
            at = LOG_AT + i * SECTOR
            found = record_reader.scan(mem[at : at + LOG_SIZE])[0]
            out += mem[at : at + found[-1][6]]
    return out


def _newest(mem: bytearray, newest: tuple[int, int]) -> tuple[int, int]:
    """Return (generation, code) of the newest fault entry, at least as new as `newest`."""
    for i in range(STORE):
        sector = bytes(mem[STORE_AT + i * SECTOR : STORE_AT + (i + 1) * SECTOR])
        at = sector.find(_TAG)
        while at >= 0:
            newest = max(newest, _fault(sector, at))
            at = sector.find(_TAG, at + 1)
    return newest


def _fault(sector: bytes, at: int) -> tuple[int, int]:
    """Return the same of one place, (0, 0) where no whole fault entry begins."""
    _, n, size = struct.unpack_from("<BBH", sector[at : at + 4].ljust(4, b"\xff"))
    end = at + 4 + n + size
    if not sector[at + 4 :].startswith(b"fault.") or size == 0xFFFF or end + 4 > SECTOR:
        return 0, 0
    if struct.unpack_from("<I", sector, end)[0] != binascii.crc32(sector[at:end]):
        return 0, 0
    kept = json.loads(sector[at + 4 + n + 8 : end])
    return kept["g"], kept["v"].get("code", 0)


# ---- a wrap that has been used


def used(flash: bytearray) -> tuple[bytes, int]:
    """Return (`flash` with a log that has gone round and a store, both about to go on elsewhere,
    trip_mc)."""
    nor = Nor(STORE + LOG)
    _fill_log(Log(NorSectors(nor, STORE, LOG)))
    files = FlashFiles(NorSectors(nor, 0, STORE))
    kept = Store(files, "settings")
    # Private: `_i` and `_at`, since only the place of the next write tells how near the change of
    # banks or sectors is, and no caller of files or log needs it.
    while not _near(files._i % (STORE // 2) * SECTOR + files._at, 6 * SECTOR):
        kept.put({"trip_mc": _USED_TRIP_MC})
    flash[STORE_AT : STORE_AT + STORE * SECTOR] = nor.mem[: STORE * SECTOR]
    flash[LOG_AT:] = nor.mem[STORE * SECTOR :]
    return bytes(flash), _USED_TRIP_MC


def _fill_log(log: Log) -> None:
    while log.first == 0:
        note = b'\x01{"old":"%s"}' % (b"x" * 2300)
        log.append(records.NOTE, 1 + log.seq // 100, log.seq, 0, note)
    while not _near(log._at, LOG_SIZE):
        log.append(records.NOTE, log.boot + 9, log.seq, 0, b'\x01{"old":"%s"}' % (b"y" * 99))


def _near(at: int, end: int) -> bool:
    """Return whether a part of what the day writes fits."""
    return end - 600 < at < end - 300


# ---- kept on disk, so that each process need not play it again


def stamp(image: Path, *more: str) -> str:
    """Return a hash of all that a recorded day depends on, and of `more` modules beside this
    one."""
    digest = hashlib.sha256(image.read_bytes())
    for name in ("binary_day", "binary_tape", *more):
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]


def keep(path: Path, ops: list[Op], promises: list[Promise]) -> None:
    """Write it whole or not at all."""
    reported = {
        "ops": [[at, base64.b64encode(data).decode()] for at, data in ops],
        "promises": [asdict(p) for p in promises],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(gzip.compress(json.dumps(reported).encode()))
    fresh.replace(path)


def kept(path: Path) -> tuple[list[Op], list[Promise]]:
    """Return what `keep` wrote."""
    reported = json.loads(gzip.decompress(path.read_bytes()))
    ops = [(at, base64.b64decode(data)) for at, data in reported["ops"]]
    assert all(len(data) in (0, PAGE) for _, data in ops), "the RP2040 programs whole pages"
    promises = [Promise(**{k: tuple(v) for k, v in p.items()}) for p in reported["promises"]]
    return ops, promises
