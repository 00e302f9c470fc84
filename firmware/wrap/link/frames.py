"""Frames of the link: `@<compact JSON>*<crc32, 8 hex digits>\n`. Does not interpret the JSON, no
I/O.

The reader has one preallocated line. It skips everything that is not a valid line, such as boot
banners and stray prints. Frames are ASCII only, because 0x03 must remain Ctrl-C on the port, which
MicroPython's prompt shares.
"""

import binascii

from wrap.compat import const

try:
    from wrap_json import LineReader as NativeReader  # type: ignore
except ImportError:  # another board, a simulator, a host
    NativeReader = None

MAX_REQUEST = 400  # most bytes of a line from the host, without the newline
MAX_ANSWER = 2048  # most bytes of a line from the device

OK = 0
SKIPPED = 1  # not a frame: noise, a banner, a prompt
BAD_CRC = 2
TOO_LONG = 3

_HEAD = b'{"i":'
_FIRST = const(6)  # index of the id's first digit in a line
_MOST_DIGITS = const(10)
_ID_MOST = const((1 << 30) - 1)
_STAR = const(0x2A)
_CR = const(0x0D)


def encode(body: bytes) -> bytes:
    """Return the line for `body` (ASCII JSON), with its newline."""
    return b"@%s*%08x\n" % (body, binascii.crc32(body) & 0xFFFFFFFF)


class LineReader:
    """Collects received bytes into a line and checks the line at its newline.

    Noise before a frame is not stored, so it costs one search however long it is. Our image has a C
    type that does the same and allocates nothing (boards/PBMWRAP_RP2040/wrap_json.c).
    """

    def __init__(self, limit: int = MAX_REQUEST) -> None:
        """limit: most bytes of a line."""
        self._limit = limit
        self._line = bytearray(limit)
        self._view = memoryview(self._line)
        self._n = 0  # bytes of a line that starts with an at-sign; 0: noise, or nothing yet
        self._end = self._tail = 1
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
        size = stop - at
        if n + size > self._limit:
            size = self._limit - n
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
        self._end = self._tail = star
        crc = binascii.crc32(self._view[1:star]) & 0xFFFFFFFF
        return OK if self._view[star + 1 : n] == b"%08x" % crc else BAD_CRC  # H-36

    def body(self) -> bytes:
        """Return a copy of the JSON of the last valid line."""
        return bytes(self._view[1 : self._end])

    def is_body(self, body: bytes) -> bool:
        """Return whether the JSON of the last valid line is `body`."""
        return self._view[1 : self._end] == body

    def number(self) -> int:
        """Return the id of the last valid line if its JSON begins with it, in plain digits below
        2^30, and more follows; else -1. A quick look without parsing: whether the rest is a
        request is not known."""
        line = self._line
        at = line.find(b",", _FIRST, self._end)
        if at < 0 or self._view[1:_FIRST] != _HEAD:
            return -1
        digits = bytes(self._view[_FIRST:at])
        if not digits.isdigit() or len(digits) > _MOST_DIGITS:
            return -1
        number = int(digits)
        if number > _ID_MOST or (line[_FIRST] == 0x30 and len(digits) > 1):
            return -1
        self._tail = at
        return number

    def ends_with(self, tail: bytes) -> bool:
        """Return whether the JSON behind the id that `number` has returned is `tail`."""
        return self._view[self._tail : self._end] == tail


def open_reader() -> LineReader:
    """Return a reader of requests: the C type where the image has it."""
    return (NativeReader or LineReader)(MAX_REQUEST)
