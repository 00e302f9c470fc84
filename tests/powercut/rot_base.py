"""Makes wraps that have lived their day, in whose flash bits are flipped: what is in their flash,
what is true, and which byte of the flash is which of the log."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Any

from pbmwrap.twin.fake_board import FakeBoard
from tests.nor import SECTOR, STORE, Nor, log_sectors, store_of
from tests.powercut.cut import flash_before, stream
from tests.powercut.day import SITES, Wrap, tape
from tests.unit.conftest import MemFiles
from wrap.storage import record_reader, records
from wrap.storage.log import UNUSED, Log, used_bytes
from wrap.storage.sectors import FileSectors

KINDS = ("new", "used", "latched", "files")
FLASH = "flash"  # the one file of a bare flash
LATCHED = 3
_NOTES = 40

Mem = dict[str, bytearray]
Key = tuple[int, int, int, int, bytes]  # kind, boot, up_s, up_ms, payload


class FilesWrap(Wrap):
    """Plays a wrap on a filesystem instead of bare flash."""

    board: Any

    def __init__(self, mem: Mem) -> None:
        self.files = MemFiles()
        self.files.data = {name: bytes(data) for name, data in mem.items()}
        super().__init__(Nor(1))

    def _board(self, nor: Nor) -> FakeBoard:
        return FakeBoard(self.files, self.facts)


def wrap_on(kind: str, mem: Mem) -> Wrap:
    """Return a wrap that is off, with this in its flash."""
    return FilesWrap(mem) if kind == "files" else Wrap(Nor(0, mem=bytes(mem[FLASH])))


@dataclass
class Base:
    """Holds a wrap after its day. log: {offset: (size, record)}; places: (file, position there,
    offset in the log, bytes) of its sectors; starts: {sector: offset}; newest: (begin, end) of the
    store's newest entry, which when broken looks like one that power cut short."""

    mem: dict[str, bytes]
    log: dict[int, tuple[int, Key]]
    places: list[tuple[str, int, int, int]]
    starts: dict[int, int]
    newest: tuple[int, int]
    trip_mc: int
    slot: str
    fault: int
    sites: tuple[str, ...]
    holds: tuple[str, ...]
    ever: tuple[int, ...] = (40000, 40500, 39000)  # trip_mc

    def offset(self, name: str, at: int) -> int:
        """Return the offset in the log of a byte of the flash; -1 when it is none."""
        for file, begin, offset, size in self.places:
            if file == name and begin <= at < begin + size:
                return offset + at - begin
        return -1


def found_in(raw: bytes, first: int) -> dict[int, tuple[int, Key]]:
    """Return the true records of a log."""
    out = {}
    for kind, _, boot, up_s, up_ms, payload, end in record_reader.scan(raw)[0]:
        size = records.size(len(payload))
        out[first + end - size] = (size, (kind, boot, up_s, up_ms, payload))
    return out


def _starts(log: Log) -> dict[int, int]:
    return {i: start for i, start in enumerate(log.starts) if start != UNUSED}


@functools.cache
def base(kind: str) -> Base:
    return _on_files() if kind == "files" else _on_flash(kind)


def _on_flash(kind: str) -> Base:
    played = tape("used" if kind == "latched" else kind)
    k = len(played.ops)
    if kind == "latched":
        k = max(n for n, p in enumerate(played.promises) if p.latched == LATCHED and not p.acked)
    mem = bytes(flash_before(played, k).mem)
    promise = played.promises[k]
    nor = Nor(0, mem=mem)
    log = Log(log_sectors(nor))
    places = [
        (FLASH, (STORE + i) * SECTOR, start, used_bytes(log_sectors(nor), i))
        for i, start in _starts(log).items()
    ]
    store = store_of(nor)
    # Private: `_where`, since bits are flipped at a file's own place, which no caller needs.
    i, at, size = max(store._where.values())
    return Base(
        {FLASH: mem},
        found_in(stream(log), log.first),
        places,
        _starts(log),
        (i * SECTOR + at - 20, i * SECTOR + at + size + 4),
        promise.settings[0],
        promise.slots[0],
        promise.latched,
        promise.sites,
        promise.holds[0],
    )


def _on_files() -> Base:
    wrap = FilesWrap({})
    wrap.on()
    wrap.store("first", SITES[0])
    for n in range(_NOTES):
        wrap.app.log.append(records.NOTE, wrap.app.log_queue.boot, n, 0, b"%07d" % n * 80)
    wrap.app.settings.set("trip_mc", 40500)
    wrap.app.settings.set("trip_mc", 40000)
    wrap.session()
    wrap.until("done")
    wrap.board.advance(300)
    wrap.store("second", SITES[1])
    wrap.board.power_off()
    wrap.on()
    wrap.session()
    wrap.warm(46000)
    wrap.board.advance(300)
    wrap.board.power_off()
    log = Log(FileSectors(wrap.files))
    places = [
        (f"log.{i:03}", 0, start, len(wrap.files.data[f"log.{i:03}"]))
        for i, start in _starts(log).items()
    ]
    mem = dict(wrap.files.data)
    true = found_in(stream(log), log.first)
    more = ("second", LATCHED, SITES[:2], ())
    return Base(mem, true, places, _starts(log), (0, 0), 40000, *more)


def rotten(kind: str, flips: int, rng: random.Random, written: float) -> tuple[Mem, list[tuple]]:
    """Return the flash with so many different bits turned over, and where. written: the share of
    the flips that go where something is written."""
    mem = {name: bytearray(data) for name, data in base(kind).mem.items()}
    files = list(mem)
    sizes = [len(mem[name]) for name in files]
    bits: set[tuple[str, int, int]] = set()
    while len(bits) < flips:
        name = rng.choices(files, sizes)[0]
        at = rng.randrange(len(mem[name]))
        if base(kind).mem[name][at] == 0xFF and rng.random() < written:
            continue
        bits.add((name, at, rng.randrange(8)))
    for name, at, bit in bits:
        mem[name][at] ^= 1 << bit
    return mem, sorted(bits)
