"""Serves the link: reads bytes, handles one request at a time, and sends bytes in bounded slices.

Does not interpret methods: `handle(method, params)` returns the result or raises Refused. A request
with the same bytes as the last one is a repetition. It gets the same answer and is not executed
again, unless its method is in `again`. Nothing here blocks: output that cannot be sent waits, and
pushes are dropped first. Work that takes longer than a slice of reading waits until enough time is
left before the next control step.
"""

import binascii
import json

from wrap.compat import const
from wrap.errors import BAD_CRC as CODE_CRC
from wrap.errors import BAD_FRAME, DONE_UNSEEN, INTERNAL, MEMORY, NO_HEAP, Refused
from wrap.errors import TOO_LONG as CODE_LONG
from wrap.link import frames
from wrap.link.json_writer import open_writer

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wrap.hal.contract import Hal
    from wrap.link.json_writer import Write

    class Stream(Protocol):
        """Bytes that are received or sent before the answer, see `Server`."""

        def wants_input(self) -> bool: ...
        def input_buffer(self) -> memoryview: ...
        def add_received(self, n: int) -> None: ...
        def step(self) -> "tuple[bytes, ...] | memoryview | None": ...
        def result(self) -> object: ...


_RX = const(64)  # bytes read in one slice
_TX = const(2560)  # bytes of the output buffer: the longest answer and a push
_WRITE = const(1024)  # bytes written in one slice
_ACT_MS = const(7)  # time that a request may take, see docs/benchmarks.md
_STEP_MS = const(2)  # time that a piece of a stream may take
_MOST_WAITS = const(20)  # slices that work waits for time; then it is done in any case
_QUIET_SLICES = const(100)  # slices without work until the host counts as silent
_MOST_WRONG = const(32)  # wrong lines answered in a row, so that an echo cannot repeat without end
_TOO_LONG_ANSWER = "the answer is too long"
_ANSWER_KEYS = ("r", "e", "n")  # only the wrap sends these: a line with one is an echo


def dumps(obj: object) -> bytes:
    """Return `obj` as compact, printable ASCII JSON.

    Other characters become question marks. They come from texts of the host that are sent back;
    MicroPython's JSON does not escape DEL and characters beyond ASCII.
    """
    text = json.dumps(obj, separators=(",", ":"))
    raw = text.encode()
    if len(raw) != len(text) or b"\x7f" in raw:
        raw = bytes([b if b < 127 else 63 for b in raw])
    return raw


def _encode_error(number: "int | None", code: str, text: str) -> bytes:
    """Return the JSON of an answer that is an error. number: of the request, None when unknown."""
    return dumps({"i": number, "e": [code, text]})


# A wrong line must not cost more time than a valid one, so its answer is made at import.
_BAD_CRC = frames.encode(
    _encode_error(None, CODE_CRC, "the checksum does not match; send the line again")
)
_TOO_LONG = frames.encode(
    _encode_error(None, CODE_LONG, "at most %d bytes a line" % frames.MAX_REQUEST)
)
_NO_REQUEST = frames.encode(
    _encode_error(None, BAD_FRAME, "not a request: needs i (number), m (text), p (object)")
)
_NO_ROOM = frames.encode(_encode_error(None, MEMORY, NO_HEAP))


def parse(body: bytes) -> "tuple | None":
    """Return (id, method, parameters) of a request's JSON, None when it is not a request, or ()
    when it is an answer or a push, which a line with an echo sends back."""
    try:
        request = json.loads(body)
        if isinstance(request, dict) and "m" not in request:
            return () if any([key in request for key in _ANSWER_KEYS]) else None
        number = request["i"]
        method = request["m"]
        params = request.get("p", {})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    good = isinstance(method, str) and isinstance(params, dict)
    good = good and isinstance(number, int) and not isinstance(number, bool)
    good = good and 0 <= number < 1 << 30
    return (number, method, params) if good else None


class Buffers:
    """Holds the largest pieces of the heap that the link uses. An app takes them before it makes
    anything else, while the heap of a stock board still has such pieces."""

    def __init__(self) -> None:
        self.tx = bytearray(_TX)
        self.reader = frames.open_reader()


class Server:
    """Reads requests and sends answers, pushes and streams over the HAL's link.

    A result with a `step` method is a stream: bytes that are received or sent before the answer. It
    has
    wants_input(): whether more bytes are to be received; then input_buffer() is a memoryview for
    them, and add_received(n) gets the number of bytes received, which may be 0;
    step(): does a bounded piece of work and returns a tuple with the parts of a push's JSON, a
    memoryview of bytes that are sent unchanged, or None at the end; and
    result(): the request's result, called after `step` has returned None. Raises Refused.

    A result that is a function writes the fields of the result with the JsonWriter that it is
    called with. Such an answer is not kept: a repetition of its request is executed. What such a
    request was parsed to is kept instead, one for each method, so that a host that asks the same
    again and again, with other ids, lets the wrap allocate nothing. `handle` must not change the
    parameters.
    """

    def __init__(
        self,
        hal: "Hal",
        handle: "Callable[[str, dict], object]",
        again: "tuple[str, ...]" = (),
        buffers: "Buffers | None" = None,
    ) -> None:
        """handle: called as handle(method, params); again: methods that a repetition executes."""
        buffers = buffers or Buffers()
        self._hal = hal
        self._handle = handle
        self._again = again
        self._reader = buffers.reader
        self._rx = bytearray(_RX)
        self._rx_end = 0
        self._tx = buffers.tx
        self._view = memoryview(self._tx)
        self._writer = open_writer(self._tx, dumps)
        self._tx_at = 0
        self._tx_end = 0
        self._number = -1  # id of the request in progress
        self._body: "bytes | None" = None  # its bytes, where they were copied
        self._last_body = None  # of the last request with an answer; None: no repetition
        self._last_answer = b""
        self._known = []  # (JSON behind the id, method, parameters) of requests that came before
        self._wrong = 0  # wrong lines since the last request
        self._asked = False  # a request was read and waits for time
        self._waited = 0
        self._stream: "Stream | None" = None
        self._raw = self._view[:0]  # bytes of the stream that are sent unchanged
        self._silent = _QUIET_SLICES

    def is_idle(self) -> bool:
        """Return whether nothing waits to be sent."""
        return self._tx_at == self._tx_end and self._stream is None

    def is_talking(self) -> bool:
        """Return whether there was work for a host in the last _QUIET_SLICES slices."""
        return self._silent < _QUIET_SLICES

    def push(self, name: str, write: "Write") -> bool:
        """Queue a push. write: writes the fields of its parameters. Returns False and sends nothing
        when the buffer is full, or during a stream, whose bytes must not be interrupted."""
        if self._stream is not None:
            return False
        self._writer.begin_line(self._tx_end, _TX, "n", name, "p")
        return self._write_fields(write)

    def _write_fields(self, write: "Write") -> bool:
        """Write the fields of the line that was begun, end it and queue it. Returns False when it
        was too long."""
        write(self._writer)
        end = self._writer.end_line()
        if end < 0:
            return False
        self._tx_end = end
        return True

    def _queue_line(self, *parts: bytes) -> bool:
        """Queue a line whose JSON is the concatenation of `parts`. Returns True. It fits, because
        only a push is queued before everything is sent."""
        # At-sign, star, eight digits of the CRC, newline.
        n = 11
        for part in parts:
            n += len(part)
        line = self._reserve_line(n)
        line[0] = 0x40
        at = 1
        crc = 0
        for part in parts:
            end = at + len(part)
            line[at:end] = part
            crc = binascii.crc32(part, crc)
            at = end
        line[at:n] = b"*%08x\n" % (crc & 0xFFFFFFFF)
        return True

    def _queue_refusal(self, ready: bytes) -> bool:  # H-57
        """Queue `ready`, the answer to a wrong line, at most _MOST_WRONG times in a row. It fits,
        because nothing is read before everything is sent."""
        if self._wrong < _MOST_WRONG:
            self._wrong += 1
            at = self._tx_end
            self._tx_end = end = at + len(ready)
            self._view[at:end] = ready
        return True

    def _reserve_line(self, n: int) -> memoryview:
        """Return a view of the next `n` bytes of the output buffer.

        A view of exactly these bytes, because MicroPython's slice assignment to a longer buffer
        also moves all bytes behind the slice.
        """
        at = self._tx_end
        self._tx_end = at + n
        return self._view[at : at + n]

    def poll(self, spare_ms: int) -> bool:
        """Do one bounded slice of work. Returns whether there was any.

        spare_ms: time until the next control step. With less than _ACT_MS no request is started,
        and with less than _STEP_MS no piece of a stream, until _MOST_WAITS slices have passed.
        """
        # What is to be sent comes first, so there is always room for an answer.
        if self._tx_at != self._tx_end:
            done = self._pump_lines()
        elif self._raw:
            done = self._pump_raw()
        elif self._stream is not None:
            if self._stream.wants_input():
                done = self._feed_stream()
            else:
                done = self._has_time(spare_ms, _STEP_MS) and self._step_stream()
        elif self._asked:
            done = self._has_time(spare_ms, _ACT_MS) and self._execute_request()
        else:
            done = self._read_line()
        self._silent = 0 if done else self._silent + 1
        return done

    def _has_time(self, spare_ms: int, need_ms: int) -> bool:
        """Return whether work of `need_ms` may begin: it fits, or has waited _MOST_WAITS slices."""
        if spare_ms < need_ms and self._waited < _MOST_WAITS:
            self._waited += 1
            return False
        self._waited = 0
        return True

    def _pump_lines(self) -> bool:
        """Send at most _WRITE bytes of the output buffer. Returns whether the port took any."""
        end = min(self._tx_end, self._tx_at + _WRITE)
        sent = self._hal.link_write(self._view, self._tx_at, end)
        self._tx_at += sent
        if self._tx_at == self._tx_end:
            self._tx_at = self._tx_end = 0
        return sent > 0

    def _pump_raw(self) -> bool:
        """Send at most _WRITE of a stream's bytes. Returns whether the port took any."""
        sent = self._hal.link_write(self._raw, 0, min(len(self._raw), _WRITE))
        self._raw = self._raw[sent:]
        return sent > 0

    def _feed_stream(self) -> bool:
        """Pass received bytes to the stream, first those that were read with its request."""
        reader = self._reader
        buffer = self._stream.input_buffer()
        n = min(self._rx_end - reader.at, len(buffer))
        if n > 0:
            buffer[:n] = memoryview(self._rx)[reader.at : reader.at + n]
            reader.at += n
        else:
            n = self._hal.link_read(buffer)
        self._stream.add_received(n)
        return n > 0

    def _read_line(self) -> bool:
        """Read at most _RX bytes, or parse at most one line of the bytes that were read before."""
        reader = self._reader
        if reader.at >= self._rx_end:
            reader.at = 0
            self._rx_end = self._hal.link_read(self._rx)
            return self._rx_end > 0
        event = reader.take(self._rx, reader.at, self._rx_end)
        if event == frames.OK:
            self._asked = True
        elif event == frames.BAD_CRC:
            self._queue_refusal(_BAD_CRC)
        elif event == frames.TOO_LONG:
            self._queue_refusal(_TOO_LONG)
        return True

    def _execute_request(self) -> bool:
        """Execute the request that was read, or answer its repetition."""
        reader = self._reader
        last_body = self._last_body
        if last_body is not None and reader.is_body(last_body):  # H-56
            return self._repeat_answer(last_body)
        number = reader.number()
        known = self._find_known() if number >= 0 else None
        self._body = None
        if known is None:
            self._body = body = reader.body()
            known = parse(body)
            if known:
                number = known[0]
        self._asked = False  # from here on it may act
        if known is None:
            return self._queue_refusal(_NO_REQUEST)
        if not known:
            return True
        self._wrong = 0
        self._last_body = None  # if the handler raises, a repetition is executed
        self._number = number
        self._answer_call(self._handle, known[1], known[2])
        return True

    def forget_unread(self) -> bool:
        """Forget the request that was to be executed. Returns whether there was one that had not
        acted yet."""
        unread = self._asked
        self._asked = False
        return unread

    def refuse_unread(self) -> None:
        """Answer a request for which the heap had no room."""
        self._queue_refusal(_NO_ROOM)

    def _find_known(self) -> "tuple | None":
        """Return the kept request that the line is, apart from its id."""
        for known in self._known:
            if self._reader.ends_with(known[0]):
                return known
        return None

    def _keep_parsed(self, method: str, params: dict) -> None:
        """Keep what the request in progress was parsed to, in the place of its method. Without room
        for it in the heap, it is parsed again the next time."""
        body = self._body
        if body is None or b"\\" in body:
            return
        try:
            self._keep_tail(body, method, params)
        except MemoryError:
            return

    def _keep_tail(self, body: bytes, method: str, params: dict) -> None:
        """Keep the JSON of the request behind its id, with what it was parsed to."""
        tail = body[body.find(b",") :]
        # Neither escaped nor in the tail, so the id is the only thing before the tail.
        if b'"i"' in tail:
            return
        known = tail, method, params
        for i in range(len(self._known)):
            if self._known[i][1] == method:
                self._known[i] = known
                return
        self._known.append(known)

    def _repeat_answer(self, body: bytes) -> bool:
        """Send the answer to the last request again; execute a method in `again` first."""
        number, method, params = parse(body)  # type: ignore - it was parsed before
        self._asked = False
        self._wrong = 0
        if method in self._again:
            try:
                self._last_answer = dumps({"i": number, "r": self._handle(method, params)})
            except Refused:
                pass  # it has had its effect: the light is off, and the answer stays the same
        return self._queue_line(self._last_answer)

    def _answer_call(
        self, call: "Callable[..., object]", method: str = "", params: "dict | None" = None
    ) -> None:
        """Send the result of call(method, params), or of call() without a method, as the answer to
        request `_number` and keep it for a repetition. When the result is a stream, start that
        instead."""
        number = self._number
        result = call  # until there is a result
        try:
            result = call(method, params) if method else call()
            if hasattr(result, "step"):
                self._stream = result  # type: ignore - a stream, by its `step`
                return
            if callable(result):
                if not self._answer_fields(result):  # type: ignore - a `Write`
                    raise Refused(INTERNAL, _TOO_LONG_ANSWER)
                self._keep_parsed(method, params)  # type: ignore - not of a stream
                return
            answer = dumps({"i": number, "r": result})
        except Refused as e:
            answer = _encode_error(number, e.args[0], e.args[1])
        except MemoryError:  # not in a `try` of its own: each one takes heap at every request
            if result is call:
                raise
            answer = _encode_error(number, MEMORY, DONE_UNSEEN)
        # The host's reader has a line of this size and would drop a longer one.
        if len(answer) > frames.MAX_ANSWER:
            answer = _encode_error(number, INTERNAL, _TOO_LONG_ANSWER)
        self._last_answer = answer
        self._last_body = self._body or self._reader.body()
        self._queue_line(answer)

    def _answer_fields(self, write: "Write") -> bool:
        """Send what `write` writes as the answer to request `_number`. Returns False when it was
        too long. The output buffer is empty: nothing is executed before everything is sent."""
        self._writer.begin_line(0, frames.MAX_ANSWER, "i", self._number, "r")
        return self._write_fields(write)

    def _step_stream(self) -> bool:
        """Send the next piece of the stream, and its answer after the last one."""
        stream = self._stream
        self._stream = None  # an exception below ends the stream
        piece = stream.step()
        if piece is None:
            self._answer_call(stream.result)
            return True
        self._stream = stream
        if isinstance(piece, memoryview):
            self._raw = piece
            return True
        return self._queue_line(*piece)
