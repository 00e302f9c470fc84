"""Simulates a small NOR flash whose power can go at any operation. Runs on MicroPython too.

tests/nor.py is the thorough one, for CPython; this one is fast, and what it holds is chosen by the
input.
"""

from wrap.storage.nor_sectors import NorSectors

_SECTOR = 4096  # the firmware's; only the first _USED bytes of each are used here
_USED = 512
PAGE = 256


class Cut(Exception):
    """Power is gone."""


def _both(a, b):
    """Return what is left of `a` after `b` was programmed over it."""
    n = int.from_bytes(a, "little") & int.from_bytes(b, "little")
    return n.to_bytes(len(a), "little")


class Flash:
    """Simulates the flash. mem: what it holds. After `left` more operations (-1: never) one is cut
    short, of which the first `part` bytes are done."""

    def __init__(self, sectors):
        self.mem = bytearray(b"\xff" * (sectors * _SECTOR))
        self.left = -1
        self.part = 0

    def _size(self, n):
        self.left -= self.left >= 0
        return self.part % (n + 1) if self.left == 0 else n

    def _over(self):
        if self.left == 0:
            self.left = -1
            raise Cut

    def program(self, at, page):
        n = self._size(PAGE)
        self.mem[at : at + n] = _both(self.mem[at : at + n], bytes(page)[:n])
        self._over()

    def erase(self, at):
        n = self._size(_USED)
        self.mem[at : at + n] = b"\xff" * n
        self._over()

    def put(self, sector, at, data):
        """Set bytes to `data`, as no program could write it; for what a boot may find."""
        at = sector * _SECTOR + at % _USED
        self.mem[at : at + len(data)] = data

    def flip(self, sector, at, mask):
        self.mem[sector * _SECTOR + at % _USED] ^= mask


class Sectors(NorSectors):
    """Gives the firmware's sectors, cut down to _USED bytes each."""

    def __init__(self, flash, n):
        super().__init__(flash, 0, n)
        self.size -= _SECTOR - _USED


def damage(src, flash, sectors):
    """Flip bits, or overwrite bytes, at places that `src` names."""
    for _ in range(1 + src.below(3)):
        sector, at = src.below(sectors), src.byte() | src.below(2) << 8
        if src.below(2):
            flash.flip(sector, at, 1 << src.below(8))
        else:
            flash.put(sector, at, src.some(src.below(12)))
