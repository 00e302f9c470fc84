"""Writes a line of the link field by field into a buffer that exists.

Our image has a C module for it (boards/PBMWRAP_RP2040/wrap_json.c), which allocates nothing for
None, booleans, small integers, plain text and lists of those. Elsewhere the fields are collected in
a dictionary. The bytes are the same, those of `server.dumps`.
"""

from wrap.compat import const
from wrap.link import frames

try:
    from wrap_json import Writer  # type: ignore
except ImportError:  # another board, a simulator
    Writer = None

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class JsonWriter(Protocol):
        """States what `DictWriter` and the C module do alike."""

        def begin_line(self, at: int, most: int, name: str, value: object, inner: str) -> None: ...
        def put(self, name: str, value: object) -> None: ...
        def end_line(self) -> int: ...

    Write = Callable[[JsonWriter], None]

_FRAME = const(11)  # bytes of a line around its JSON


class DictWriter:
    """Writes lines into `buffer`. dumps: returns the JSON of a value."""

    def __init__(self, buffer: bytearray, dumps: "Callable[[object], bytes]") -> None:
        self._buffer = buffer
        self._dumps = dumps

    def begin_line(self, at: int, most: int, name: str, value: object, inner: str) -> None:
        """Begin a line at index `at` whose JSON is an object with the field `name` and the object
        `inner`, for the fields that follow. most: longest JSON, bytes."""
        self._at = at
        self._most = min(most, len(self._buffer) - at - _FRAME)
        self._fields = {}
        self._line = {name: value, inner: self._fields}

    def put(self, name: str, value: object) -> None:
        """Write a field. name: plain text; value: a list is as it is now."""
        self._fields[name] = list(value) if isinstance(value, list) else value

    def end_line(self) -> int:
        """End the line. Returns the index behind it, or -1 when it was too long."""
        body = self._dumps(self._line)
        if len(body) > self._most:
            return -1
        line = frames.encode(body)
        end = self._at + len(line)
        # A view of exactly these bytes, see `Server._reserve_line`.
        memoryview(self._buffer)[self._at : end] = line
        return end


def open_writer(buffer: bytearray, dumps: "Callable[[object], bytes]") -> "JsonWriter":
    """Return a writer of lines into `buffer`: the C module's where the image has it."""
    return (Writer or DictWriter)(buffer, dumps)
