"""The random bit of the emulated chip's ring oscillator (datasheet 2.17.5), which rp2040py lacks.

The bits are pseudo-random and the same in each run: a trial on the emulated chip keeps no secret.
A real oscillator's bits are biased and alike; these are balanced.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from rp2040py.peripherals.peripheral import UnimplementedPeripheral
from rp2040py.rp2040 import RP2040

PAGE = 0x40060  # of the address
_RANDOM_BIT = 0x1C
_SEED = 850660


class RingOscillator(UnimplementedPeripheral):
    """draw: returns the next bit; a test replaces it by a source that has failed."""

    def __init__(self, mcu: RP2040) -> None:
        super().__init__(mcu, "ROSC_BASE")
        bits = random.Random(_SEED)
        self.draw: Callable[[], int] = lambda: bits.getrandbits(1)

    def read_uint32(self, offset: int) -> int:
        if offset == _RANDOM_BIT:
            return self.draw()
        return super().read_uint32(offset)
