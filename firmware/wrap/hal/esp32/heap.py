"""The heap of an ESP32: how much was allocated since the last collection.

MicroPython keeps that figure and does not tell it; gc.mem_alloc() walks through the heap. The heap
is small (64 KB at the start of most boards), so a walk ten times a second is cheap, in the time
between two steps.
"""

import gc

import esp32

from wrap.compat import const

_CALLS = const(10)  # of `allocated`, one a step, from one walk to the next


class Heap:
    """Counts the heap's bytes. `used` is that of the last walk."""

    def __init__(self) -> None:
        self._calls = 0
        self._kept = 0
        self.used = 0
        self.free = 0
        self.measure()
        self._kept = self.used

    def measure(self) -> None:
        """Walk through the heap."""
        self._calls = 0
        self.used = gc.mem_alloc()
        # Without what the heap could grow by, which gc.mem_free() counts as free: it grows only
        # after a collection that finds no room (py/gc.c; py/modgc.c, gc_mem_free).
        grows = max([part[2] for part in esp32.idf_heap_info(esp32.HEAP_DATA)])
        self.free = max(0, gc.mem_free() - grows)

    def allocated(self) -> int:
        """Return the bytes allocated since the last `collect`, as of a tenth of a second ago."""
        self._calls += 1
        if self._calls >= _CALLS:
            self._calls = 0
            self.used = gc.mem_alloc()
        return max(0, self.used - self._kept)

    def collect(self) -> None:
        """Collect garbage now."""
        gc.collect()
        self.measure()
        self._kept = self.used
