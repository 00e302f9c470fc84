"""Runs the emulated RP2040's instructions, by rp2040py's own loop.

tools/toolchain/batch.pyx is the same loop, compiled against rp2040py's classes. `make toolchain`
puts it beside them as `pbmwrap.twin._batch`, which `pbmwrap.twin.rp2040_chip` prefers.
"""

from __future__ import annotations

from rp2040py.execute_batch import execute_batch
from rp2040py.rp2040 import RP2040

_EXACT_TICKS = 1  # the clock moves after every instruction


class Batch:
    """Runs the chip's instructions until `stopped` is set. `execute_batch` reads the attributes."""

    def __init__(self, rp2040: RP2040) -> None:
        self.rp2040 = rp2040
        self.clock = rp2040.clock
        self.stopped = True

    def run(self) -> None:
        """Run until `stopped` is set by a callback, or for 5 ms of wall time."""
        execute_batch(self, _EXACT_TICKS)  # type: ignore[arg-type]
