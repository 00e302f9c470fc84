"""Frames of the link: `@<compact JSON>*<crc32, 8 hex digits>\n`. Does not interpret the JSON, no
I/O.

The reader has one preallocated line. It skips everything that is not a valid line, such as boot
banners and stray prints. Frames are ASCII only, because 0x03 must remain Ctrl-C on the port, which
MicroPython's prompt shares.
"""

import binascii

from wrap.compat import const

MAX_REQUEST = 400  # most bytes of a line from the host, without the newline
MAX_ANSWER = 2048  # most bytes of a line from the device

OK = 0
SKIPPED = 1  # not a frame: noise, a banner, a prompt
BAD_CRC = 2
TOO_LONG = 3

_STAR = const(0x2A)
_CR = const(0x0D)


def encode(body: bytes) -> bytes:
    """Return the line for `body` (ASCII JSON), with its newline."""
    return b"@%s*%08x\n" % (body, binascii.crc32(body) & 0xFFFFFFFF)


class LineReader:
    """Collects received bytes into a line and checks the line at its newline.

    Noise before a frame is not stored, so it costs one search however long it is.
    """

    def __init__(self, limit: int = MAX_REQUEST) -> None:
        """limit: most bytes of a line."""
        self._limit = limit
        self._line = bytearray(limit)
        self._view = memoryview(self._line)
        self._n = 0  # bytes of a line that starts with an at-sign; 0: noise, or nothing yet
        self._end = 1
        self._overrun = False
        self.at = 0  # index at which the last `take` stopped

    def reset(self) -> None:
        """Drop an incomplete line."""
        self._n = 0
        self._overrun = False

    def take(self, buf: "bytes | bytearray", at: int, end: int) -> "int | None":
        """Read buf[at:end] up to the first newline and set `self.at` to the index behind it.

        Returns None while the line is incomplete, else OK, SKIPPED, BAD_CRC or TOO_LONG. After OK,
        `body()` returns the JSON until the next call.
        """
        newline = buf.find(b"\n", at, end)
        stop = end if newline < 0 else newline
        if self._n == 0:
            at = buf.find(b"@", at, stop)
        if 0 <= at < stop:
            self._keep(buf, at, stop)
        if newline < 0:
            self.at = end
            return None
        self.at = newline + 1
        return self._finish()

    def _keep(self, buf: "bytes | bytearray", at: int, stop: int) -> None:
        """Add buf[at:stop] to the line, as far as it has room."""
        n = self._n
        free = self._limit - n
        size = stop - at
        if size > free:
            size = free
            self._overrun = True
        self._line[n : n + size] = memoryview(buf)[at : at + size]
        self._n = n + size

    def _finish(self) -> int:
        """Check the line at its newline. Returns as `take` does."""
        n = self._n
        overrun = self._overrun
        self._n = 0
        self._overrun = False
        if n == 0:
            return SKIPPED
        # Before the CRC, which such a line has lost: a host has to learn that its line was
        # too long.
        if overrun:
            return TOO_LONG
        if self._line[n - 1] == _CR:
            n -= 1
        # The place follows from the length of the CRC. A search would find a star in the
        # JSON.
        star = n - 9
        if star < 1 or self._line[star] != _STAR:
            return BAD_CRC
        self._end = star
        crc = binascii.crc32(self._view[1:star]) & 0xFFFFFFFF
        return OK if self._view[star + 1 : n] == b"%08x" % crc else BAD_CRC  # H-36

    def body(self) -> bytes:
        """Return a copy of the JSON of the last valid line."""
        return bytes(self._view[1 : self._end])
