"""Writes a line of the link field by field into a buffer that exists.

Our image has a C module for it (boards/PBMWRAP_RP2040/wrap_json.c), which allocates nothing for
None, booleans, small integers, plain text and lists of those. Elsewhere `PlainWriter` does the
same. The bytes are those of `server.dumps`.
"""

import binascii

from wrap.compat import const, micropython, ptr8

try:
    from wrap_json import Writer  # type: ignore
except ImportError:  # another board, a simulator
    Writer = None

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class JsonWriter(Protocol):
        """States what `PlainWriter` and the C module do alike."""

        def begin_line(self, at: int, most: int, name: str, value: object, inner: str) -> None: ...
        def put(self, name: str, value: object) -> None: ...
        def end_line(self) -> int: ...

    Write = Callable[[JsonWriter], None]

_SEAL = const(10)  # bytes behind the JSON of a line; a list may write two of them while it is lost
_SMALL = const((1 << 30) - 1)  # integers up to this are no objects on a chip
_AT_SIGN = const(0x40)
_COMMA = const(0x2C)
_OPEN_LIST = const(0x5B)
_CLOSE_LIST = const(0x5D)
_OPEN = const(0x7B)
_LOST = const(-1)  # in place of an index: something did not fit, so the line is dropped
_NOT_PLAIN = const(-2)
_AT = const(0)  # see fast_step.py


@micropython.viper
def _copy(buffer: object, at: int, end: int, raw: object, n: int) -> int:
    """Write `n` bytes at index `at`. Returns the index behind, or _LOST beyond `end`."""
    if at + n > end:
        return _LOST
    to = ptr8(buffer)
    of = ptr8(raw)
    i = 0
    while i < n:
        to[at + i] = of[i + _AT]
        i += 1
    return at + n


@micropython.viper
def _write_text(buffer: object, at: int, end: int, text: object, n: int, lead: int) -> int:
    """Write `text`, of `n` characters, in quotes; as a field's name when there is a byte `lead`
    before it. Returns the index behind, _LOST beyond `end`, or _NOT_PLAIN when JSON writes one of
    them in another way."""
    if at + n + 4 > end:
        return _LOST
    to = ptr8(buffer)
    of = ptr8(text)
    if lead:
        to[at + _AT] = lead
        at += 1
    to[at + _AT] = 34
    at += 1
    i = 0
    while i < n:
        byte = int(of[i + _AT])
        if byte < 32 or byte > 126 or byte == 34 or byte == 92:
            return _NOT_PLAIN
        to[at + i] = byte
        i += 1
    at += n
    to[at + _AT] = 34
    if lead:
        to[at + 1] = 58
        return at + 2
    return at + 1


@micropython.viper
def _write_number(buffer: object, at: int, end: int, number: int) -> int:
    """Write a small integer. Returns the index behind, or _LOST beyond `end`."""
    n = 1
    if number < 0:
        n = 2
        number = 0 - number
    rest = number // 10
    while rest:
        n += 1
        rest = rest // 10
    if at + n > end:
        return _LOST
    to = ptr8(buffer)
    to[at + _AT] = 45
    i = at + n
    while True:
        rest = number // 10
        i -= 1
        to[i + _AT] = 48 + number - 10 * rest
        number = rest
        if not rest:
            return at + n


class PlainWriter:
    """Writes lines into `buffer`. dumps: returns the JSON of a value that is not plain.

    Names, plain text, small integers and lists of them are written byte by byte, without the heap.
    The JSON of even a few fields, three times as long while it is made, needs pieces of it that a
    board with its modules in the heap seldom has, and takes long to look for them."""

    def __init__(self, buffer: bytearray, dumps: "Callable[[object], bytes]") -> None:
        self._buffer = buffer
        self._view = memoryview(buffer)
        self._dumps = dumps
        self._from = self._end = 0
        self._at = _LOST
        self._lead = _OPEN  # before the next field

    def begin_line(self, at: int, most: int, name: str, value: object, inner: str) -> None:
        """Begin a line at index `at` whose JSON is an object with the field `name` and the object
        `inner`, for the fields that follow. most: longest JSON, bytes."""
        self._from = self._at = at + 1
        self._end = min(self._from + most, len(self._buffer) - _SEAL)
        self._lead = _OPEN
        self.put(name, value)
        self._at = self._write_name(inner)
        self._lead = _OPEN

    def put(self, name: str, value: object) -> None:
        """Write a field. name: plain text; value: a list is as it is now."""
        at = self._write_name(name)
        self._at = self._write_value(at, value) if at >= 0 else _LOST

    def _write_name(self, name: str) -> int:
        """Write what is before a field's value. Returns as `_copy` does."""
        lead, at = self._lead, self._at
        self._lead = _COMMA
        return _write_text(self._buffer, at, self._end, name, len(name), lead) if at >= 0 else _LOST

    def _write_value(self, at: int, value: object) -> int:
        """Write a value at index `at`. Returns as `_copy` does."""
        if value is None:
            return _copy(self._buffer, at, self._end, b"null", 4)
        if value is False:
            return _copy(self._buffer, at, self._end, b"false", 5)
        if value is True:
            return _copy(self._buffer, at, self._end, b"true", 4)
        if isinstance(value, int):
            if -_SMALL <= value <= _SMALL:
                return _write_number(self._buffer, at, self._end, value)
        elif isinstance(value, list):
            if value:
                return self._write_list(at, value)
        elif isinstance(value, str):
            behind = _write_text(self._buffer, at, self._end, value, len(value), 0)
            if behind != _NOT_PLAIN:
                return behind
        value = self._dumps(value)
        return _copy(self._buffer, at, self._end, value, len(value))

    def _write_list(self, at: int, values: list) -> int:
        """Write a list at index `at`. Returns as `_copy` does, or one more than the end."""
        i = 0
        while i < len(values):
            self._buffer[at] = _COMMA if i else _OPEN_LIST
            at = self._write_value(at + 1, values[i])
            if at < 0:
                return _LOST
            i += 1
        self._buffer[at] = _CLOSE_LIST
        return at + 1

    def end_line(self) -> int:
        """End the line. Returns the index behind it, or -1 when it was too long."""
        empty = self._lead == _OPEN
        at = self._at
        self._at = _LOST  # until the next line is begun
        if at >= 0:
            at = _copy(self._buffer, at, self._end, b"{}}" if empty else b"}}", 3 if empty else 2)
        if at < 0:
            return -1
        end = at + _SEAL
        crc = binascii.crc32(self._view[self._from : at]) & 0xFFFFFFFF
        self._view[self._from - 1] = _AT_SIGN
        self._view[at:end] = b"*%08x\n" % crc
        return end


def open_writer(buffer: bytearray, dumps: "Callable[[object], bytes]") -> "JsonWriter":
    """Return a writer of lines into `buffer`: the C module's where the image has it."""
    return (Writer or PlainWriter)(buffer, dumps)
