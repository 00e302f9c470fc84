"""NOR flash in memory: programming only clears bits, erasing sets a whole sector, and power can go
before, in the middle of or after each operation, or single operations can fail."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from pbmwrap.twin.fake_board import FakeBoard
from wrap.storage.flash_files import FlashFiles
from wrap.storage.mount import Storage
from wrap.storage.nor_sectors import NorSectors

SECTOR = 4096
PAGE = 256
STORE = 8  # sectors of the small files; the real board has 16, and 352 for the log
LOG = 12
BEFORE, TORN, AFTER = "before", "torn", "after"


class PowerCut(BaseException):
    """Power is gone: nothing after it runs, whatever is caught."""


class Nor:
    """mem: what the flash holds. Operation number `cut_at` (from 1) loses power at `moment`.

    broken(operation, sector): True makes that operation do nothing (worn out, seen by read-back).
    """

    def __init__(self, sectors: int, seed: int = 0, mem: bytes | None = None) -> None:
        self.mem = bytearray(mem or b"\xff" * (sectors * SECTOR))
        self.ops = 0
        self.cut_at = -1
        self.moment = BEFORE
        self.broken: Callable[[str, int], bool] = lambda operation, sector: False
        self.erased = [0] * (len(self.mem) // SECTOR)
        self.rng = random.Random(seed)

    def _gate(self) -> bool:
        """Whether this operation is the one that is torn."""
        self.ops += 1
        if self.ops != self.cut_at:
            return False
        if self.moment == BEFORE:
            raise PowerCut
        return self.moment == TORN

    def _done(self) -> None:
        if self.ops == self.cut_at:
            raise PowerCut

    def program(self, at: int, page: bytes) -> None:
        assert at % PAGE == 0 and len(page) == PAGE, "the RP2040 programs whole pages"
        data = bytes(page)
        if self._gate():
            data = self._torn_page(data)
        if not self.broken("program", at // SECTOR):
            for k, byte in enumerate(data):
                self.mem[at + k] &= byte
        self._done()

    def erase(self, at: int) -> None:
        torn = self._gate()
        sector = at // SECTOR
        if torn:
            self._half_erase(at)
        elif not self.broken("erase", sector):
            self.mem[at : at + SECTOR] = b"\xff" * SECTOR
            self.erased[sector] += 1
        self._done()

    def _torn_page(self, data: bytes) -> bytes:
        """Some bytes are there, some bits of the next few, or bits all over the page."""
        n = self.rng.randrange(PAGE)
        if self.rng.random() < 0.3:
            return bytes(b | self.rng.randrange(256) for b in data)
        tail = bytes(b | self.rng.randrange(256) for b in data[n : n + 4])
        return (data[:n] + tail).ljust(PAGE, b"\xff")

    def _half_erase(self, at: int) -> None:
        """Nearly nothing, a part, or what reads as all of it but for its strength."""
        how = self.rng.random()
        size = SECTOR if how > 0.8 else self.rng.randrange(SECTOR)
        for k in range(size):
            byte = 0xFF if how > 0.4 else self.rng.randrange(256)
            self.mem[at + k] |= byte

    def flip(self, at: int, bit: int) -> None:
        self.mem[at] ^= 1 << bit


def store_of(nor: Nor) -> FlashFiles:
    """The small files, as a boot finds them."""
    return FlashFiles(NorSectors(nor, 0, STORE))


def log_sectors(nor: Nor) -> NorSectors:
    """Where the log is."""
    return NorSectors(nor, STORE, LOG)


class NorBoard(FakeBoard):
    """A wrap on the fake HAL whose storage is bare flash, opened anew at each boot."""

    def __init__(self, nor: Nor, facts: Any) -> None:
        super().__init__(None, facts)
        self.nor = nor

    def _open_storage(self) -> Storage:
        self.files = store_of(self.nor)
        return Storage(self.files, log_sectors(self.nor))


def nor() -> Nor:
    """As new."""
    return Nor(STORE + LOG)
