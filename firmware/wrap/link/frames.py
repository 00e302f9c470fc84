"""Frames of the link: `@<compact JSON>*<crc32, 8 hex digits>\n`. No meaning, no I/O.

The reader keeps one preallocated line; whatever is not a valid line is skipped, so boot banners and
stray prints do no harm. ASCII only, because 0x03 must stay Ctrl-C on the shared port.
"""

import binascii

from wrap.mp import const

MAX_REQUEST = 240  # bytes of one line from the host, newline not counted
MAX_ANSWER = 2048  # bytes of one line from the device

OK = 0
SKIPPED = 1  # not a frame at all: noise, a banner, a prompt
BAD_CRC = 2
TOO_LONG = 3

_AT = const(0x40)
_STAR = const(0x2A)
_NL = const(0x0A)
_CR = const(0x0D)


def encode(body):
    """One line, newline included, for `body` (ASCII JSON bytes)."""
    return b"@%s*%08x\n" % (body, binascii.crc32(body) & 0xFFFFFFFF)


def hex8(buf, start):
    """The value of eight hex digits at `start`, or -1."""
    value = 0
    for i in range(start, start + 8):
        c = buf[i]
        if 48 <= c <= 57:
            digit = c - 48
        elif 97 <= c <= 102:
            digit = c - 87
        else:
            return -1
        value = value << 4 | digit
    return value


class LineReader:
    """Collects bytes into one line. `feed` one byte at a time; a finished line is judged at
    once."""

    def __init__(self, limit=MAX_REQUEST):
        self._limit = limit
        self._line = bytearray(limit)
        self._view = memoryview(self._line)
        self._n = 0
        self._end = 1
        self._overrun = False

    def reset(self):
        """Forget a half line."""
        self._n = 0
        self._overrun = False

    def feed(self, byte):
        """None while the line goes on, else OK, SKIPPED, BAD_CRC or TOO_LONG.

        After OK, `body()` holds the JSON until the next byte is fed.
        """
        if byte == _NL:
            return self._finish()
        if byte == _AT and (self._n == 0 or self._line[0] != _AT):
            self._n = 0  # noise before a frame on the same line is dropped
            self._overrun = False
        if self._n >= self._limit:
            self._overrun = True
            return None
        self._line[self._n] = byte
        self._n += 1
        return None

    def _finish(self):
        n = self._n
        overrun = self._overrun
        framed = n > 0 and self._line[0] == _AT
        self._n = 0
        self._overrun = False
        if not framed:
            return SKIPPED
        if overrun:
            return TOO_LONG
        if self._line[n - 1] == _CR:
            n -= 1
        star = n - 9
        if star < 1 or self._line[star] != _STAR:
            return BAD_CRC
        self._end = star
        if hex8(self._line, star + 1) != binascii.crc32(self._view[1:star]) & 0xFFFFFFFF:
            return BAD_CRC
        return OK

    def body(self):
        """The JSON bytes of the line just finished (a copy)."""
        return bytes(self._view[1 : self._end])
