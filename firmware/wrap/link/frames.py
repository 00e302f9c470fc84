"""Frames of the link: `@<compact JSON>*<crc32, 8 hex digits>\n`. No meaning, no I/O.

The reader keeps one preallocated line; whatever is not a valid line is skipped, so boot banners and
stray prints do no harm. ASCII only, because 0x03 must stay Ctrl-C on the shared port.
"""

import binascii

from wrap.compat import const

MAX_REQUEST = 240  # bytes of one line from the host, newline not counted
MAX_ANSWER = 2048  # bytes of one line from the device

OK = 0
SKIPPED = 1  # not a frame at all: noise, a banner, a prompt
BAD_CRC = 2
TOO_LONG = 3

_STAR = const(0x2A)
_CR = const(0x0D)


def encode(body):
    """One line, newline included, for `body` (ASCII JSON bytes)."""
    return b"@%s*%08x\n" % (body, binascii.crc32(body) & 0xFFFFFFFF)


class LineReader:
    """Collects bytes into one line, a run of them at a time; a finished line is judged at once.

    Noise in front of a frame is not kept, so it costs one search however long it is.
    """

    def __init__(self, limit=MAX_REQUEST):
        self._limit = limit
        self._line = bytearray(limit)
        self._view = memoryview(self._line)
        self._n = 0  # bytes of a line that began with an at-sign; 0: noise, or nothing yet
        self._end = 1
        self._overrun = False
        self.at = 0  # where the last `take` stopped

    def reset(self):
        """Forget a half line."""
        self._n = 0
        self._overrun = False

    def take(self, buf, at, end):
        """Read buf[at:end] (bytes or bytearray) up to the first newline, and leave in `self.at`
        where to go on. None while the line goes on, else OK, SKIPPED, BAD_CRC or TOO_LONG.

        After OK, `body()` holds the JSON until more is taken.
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

    def _keep(self, buf, at, stop):
        n = self._n
        room = self._limit - n
        size = stop - at
        if size > room:
            size = room
            self._overrun = True
        self._line[n : n + size] = memoryview(buf)[at : at + size]
        self._n = n + size

    def _finish(self):
        n = self._n
        overrun = self._overrun
        self._n = 0
        self._overrun = False
        if n == 0:
            return SKIPPED
        if overrun:
            return TOO_LONG
        if self._line[n - 1] == _CR:
            n -= 1
        star = n - 9
        if star < 1 or self._line[star] != _STAR:
            return BAD_CRC
        self._end = star
        crc = binascii.crc32(self._view[1:star]) & 0xFFFFFFFF
        return OK if self._view[star + 1 : n] == b"%08x" % crc else BAD_CRC  # H-36

    def body(self):
        """The JSON bytes of the line just finished (a copy)."""
        return bytes(self._view[1 : self._end])
