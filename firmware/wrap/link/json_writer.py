"""Writes a line of the link field by field into a buffer that exists.

Our image has a C module for it (boards/PBMWRAP_RP2040/wrap_json.c), which allocates nothing for
None, booleans, small integers, plain text and lists of those. Elsewhere a few fields at a time
are collected in a dictionary. The bytes are the same, those of `server.dumps`.
"""

import binascii

from wrap.compat import const

try:
    from wrap_json import Writer  # type: ignore
except ImportError:  # another board, a simulator
    Writer = None

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class JsonWriter(Protocol):
        """States what `PieceWriter` and the C module do alike."""

        def begin_line(self, at: int, most: int, name: str, value: object, inner: str) -> None: ...
        def put(self, name: str, value: object) -> None: ...
        def end_line(self) -> int: ...

    Write = Callable[[JsonWriter], None]

_SEAL = const(10)  # bytes behind the JSON of a line
_AT_SIGN = const(0x40)
_PIECE = const(6)  # fields


class PieceWriter:
    """Writes lines into `buffer`. dumps: returns the JSON of a value.

    It makes the JSON of a few fields at a time. That of a whole line, three times as long while it
    is made, would need pieces of the heap that a board with its modules in the heap seldom has."""

    def __init__(self, buffer: bytearray, dumps: "Callable[[object], bytes]") -> None:
        self._view = memoryview(buffer)
        self._dumps = dumps
        self._fields = {}
        self._from = self._at = self._end = 0
        self._lost = True  # something did not fit, so the line is dropped
        self._more = False  # there are fields before the next ones

    def begin_line(self, at: int, most: int, name: str, value: object, inner: str) -> None:
        """Begin a line at index `at` whose JSON is an object with the field `name` and the object
        `inner`, for the fields that follow. most: longest JSON, bytes."""
        self._from = self._at = at + 1
        self._end = min(self._from + most, len(self._view) - _SEAL)
        self._lost = self._more = False
        self._fields.clear()  # of a line that an exception has ended
        self._write(self._dumps({name: value})[:-1] + b',"%s":{' % inner.encode())

    def put(self, name: str, value: object) -> None:
        """Write a field. name: plain text, once in a line; value: a list is as it is now."""
        self._fields[name] = list(value) if isinstance(value, list) else value
        if len(self._fields) >= _PIECE:
            self._write_fields()

    def _write_fields(self) -> None:
        if self._more:
            self._write(b",")
        self._more = True
        raw = self._dumps(self._fields)
        self._fields.clear()
        self._write(memoryview(raw)[1:-1])

    def _write(self, raw: "bytes | memoryview") -> None:
        end = self._at + len(raw)
        if self._lost or end > self._end:
            self._lost = True
            return
        # A view of exactly these bytes, see `Server._reserve_line`.
        self._view[self._at : end] = raw
        self._at = end

    def end_line(self) -> int:
        """End the line. Returns the index behind it, or -1 when it was too long."""
        if self._fields:
            self._write_fields()
        self._write(b"}}")
        if self._lost:
            return -1
        self._lost = True  # until the next line is begun
        end = self._at + _SEAL
        crc = binascii.crc32(self._view[self._from : self._at]) & 0xFFFFFFFF
        self._view[self._from - 1] = _AT_SIGN
        self._view[self._at : end] = b"*%08x\n" % crc
        return end


def open_writer(buffer: bytearray, dumps: "Callable[[object], bytes]") -> "JsonWriter":
    """Return a writer of lines into `buffer`: the C module's where the image has it."""
    return (Writer or PieceWriter)(buffer, dumps)
