"""The USB port of an RP2040, read and written without waiting.

Our image has a C module for it (boards/PBMWRAP_RP2040/wrap_usb.c), where one call takes all bytes
received. A stock image has only streams that block: there, one byte per call after a poll.
"""

import gc
import select
import sys
import time

from wrap.compat import const

try:
    import wrap_usb  # type: ignore
except ImportError:  # installed as files on a stock image
    wrap_usb = None

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    class Port(Protocol):
        """States what `StockPort` and the C module do alike."""

        def read(self, buf: "bytearray | memoryview") -> int: ...
        def write(self, view: memoryview, at: int, end: int) -> int: ...
        def wait_until(self, tick_ms: int) -> None: ...
        def allocated(self) -> int: ...
        def heap_used(self) -> int: ...
        def heap_total(self) -> int: ...


_SLOW = const(8)  # bytes read or written in one call on a stock image: about 60 us each


class StockPort:
    """Reads and writes the port of a stock image, by streams and polls. A write to an open port
    that no host reads would wait up to 500 ms, so single bytes are written, each after POLLOUT.

    No method has variables for more than 11 words: a larger one takes them from the heap at each
    call, and where the heap is full of modules the search for them takes a millisecond."""

    def __init__(self) -> None:
        self._in = sys.stdin.buffer  # type: ignore
        self._out = sys.stdout.buffer
        self._poll_in = select.poll()
        self._poll_in.register(sys.stdin, select.POLLIN)
        self._poll_out = select.poll()
        self._poll_out.register(sys.stdout, select.POLLOUT)
        self._one = bytearray(1)

    def read(self, buf: "bytearray | memoryview") -> int:
        """Move at most _SLOW received bytes into `buf`. Returns how many."""
        n = 0
        one = self._one
        while n < _SLOW and n < len(buf) and _is_ready(self._poll_in):
            self._in.readinto(one)  # type: ignore
            buf[n] = one[0]
            n += 1
        return n

    def write(self, view: memoryview, at: int, end: int) -> int:
        """Write at most _SLOW bytes of view[at:end], as many as find room. Returns how many."""
        n = 0
        while n < _SLOW and at + n < end and _is_ready(self._poll_out):
            # With an offset and a length, as MicroPython's streams take them: a slice for each
            # byte would be 48 bytes of garbage.
            if not self._out.write(view, at + n, 1):  # type: ignore
                break
            n += 1
        return n

    def wait_until(self, tick_ms: int) -> None:
        """Sleep until `ticks_ms` has reached `tick_ms`."""
        wait = time.ticks_diff(tick_ms, time.ticks_ms())
        if wait > 0:
            time.sleep_ms(wait)

    def allocated(self) -> int:
        return 0  # only a walk through the heap could tell

    def heap_used(self) -> int:
        return gc.mem_alloc()

    def heap_total(self) -> int:
        return gc.mem_alloc() + gc.mem_free()


def _is_ready(poll: "select.poll") -> bool:
    for _ in poll.ipoll(0):
        return True
    return False


def open_port() -> "Port":
    """Return the port: the C module where the image has it, else `StockPort`."""
    return StockPort() if wrap_usb is None else wrap_usb  # type: ignore - C, without stubs
