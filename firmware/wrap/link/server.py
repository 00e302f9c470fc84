"""Serves the link: bytes in, one request at a time, bytes out in small bounded slices.

Knows no meaning: `handle(method, params)` returns the result or raises Refused. A request whose
body is that of the last one, byte by byte, is a repetition: it gets the same answer and is not
acted on again, unless its method is in `again`. Nothing here blocks; what cannot be sent now waits,
and telemetry is dropped first. What takes longer than a slice of reading waits until the next step
is far.
"""

import binascii
import json

from wrap.compat import const
from wrap.errors import BAD_CRC as CODE_CRC
from wrap.errors import BAD_FRAME, INTERNAL, Refused
from wrap.errors import TOO_LONG as CODE_LONG
from wrap.link import frames

_RX = const(64)  # bytes looked at in one slice
_TX = const(2560)  # the longest answer and a push
_WRITE = const(1024)  # bytes offered in one slice
_ACT_MS = const(6)  # what a request may take, see docs/benchmarks.md
_STEP_MS = const(2)  # what a piece of a stream may take
_PATIENCE = const(20)  # slices that a request waits for room; then it is acted on all the same
_TALK = const(100)  # slices without work until a conversation counts as over
_WRONG = const(32)  # wrong lines answered in a row; an echoing line must not bring them for ever
_ANSWER_KEYS = ("r", "e", "n")  # only the wrap sends them: a line with one is an echo


def dumps(obj):
    """Compact, printable ASCII JSON bytes. What else is in a host's own words, sent back, becomes
    question marks, where MicroPython's JSON leaves it: letters of other alphabets, and DEL."""
    text = json.dumps(obj, separators=(",", ":"))
    raw = text.encode()
    if len(raw) != len(text) or b"\x7f" in raw:
        raw = bytes([b if b < 127 else 63 for b in raw])
    return raw


def _error(number, code, text):
    return dumps({"i": number, "e": [code, text]})


# Wrong lines must cost no more than right ones, so the lines that answer them are made beforehand.
_BAD_CRC = frames.encode(_error(None, CODE_CRC, "the checksum does not match; send the line again"))
_TOO_LONG = frames.encode(_error(None, CODE_LONG, "at most %d bytes a line" % frames.MAX_REQUEST))
_NO_REQUEST = frames.encode(
    _error(None, BAD_FRAME, "not a request: needs i (number), m (text), p (object)")
)


def parse(body):
    """(id, method, parameters) of a request's JSON, None when it is no request, () when it is an
    answer or a push, which a line that echoes sends back."""
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


class Server:
    """hal: for link_read and link_write. again: methods whose repetition is acted on again, because
    they can only darken; when that is refused (they have had their effect) the answer is the same.

    What a handler returns may be a stream: bytes that come or go before its result. It has
    wants(): whether more is to come in; then room() is a memoryview for it, and add_received(n)
    takes the number of bytes that came, which may be 0;
    step(): a bounded piece of work: the parts of a push's JSON, or a memoryview of bytes that go
    out as they are, or None when there is no more; and
    result(): the result, once `step` has returned None; raises Refused.
    """

    def __init__(self, hal, handle, again=()):
        self._hal = hal
        self._handle = handle
        self._again = again
        self._reader = frames.LineReader()
        self._rx = bytearray(_RX)
        self._rx_end = 0
        self._tx = bytearray(_TX)
        self._view = memoryview(self._tx)
        self._tx_at = 0
        self._tx_end = 0
        self._number = -1  # id of the request in work
        self._body = None  # its bytes
        self._last_body = None  # of the last request that has an answer; None: nothing to repeat
        self._last_answer = b""
        self._wrong = 0  # wrong lines since the last request
        self._asked = False  # a request was read and waits for room
        self._waited = 0
        self._stream = None
        self._raw = self._view[:0]  # bytes of the stream that go out as they are
        self._silent = _TALK

    def idle(self):
        """Nothing waits to be sent."""
        return self._tx_at == self._tx_end and self._stream is None

    def talks(self):
        """A host has been at work a moment ago."""
        return self._silent < _TALK

    def push(self, name, params):
        """Queue a push; False (and nothing sent) when there is no room for it, or a stream is under
        way, whose bytes stand alone."""
        return self._stream is None and self._send(dumps({"n": name, "p": params}))

    def _send(self, *parts):
        """Queue one line whose JSON is `parts` one after the other; False when it does not fit."""
        n = 11
        for part in parts:
            n += len(part)
        line = self._line(n)
        if line is None:
            return False
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

    def _reject(self, ready):  # H-57
        """Queue a line made beforehand that answers a wrong one, at most _WRONG in a row. It fits,
        because nothing is read before all is sent."""
        if self._wrong < _WRONG:
            self._wrong += 1
            at = self._tx_end
            self._tx_end = end = at + len(ready)
            self._view[at:end] = ready
        return True

    def _line(self, n):
        """The next `n` bytes of what is to be sent, or None. A view of just these, because a slice
        that is assigned moves all that is behind it onto itself."""
        at = self._tx_end
        if at + n > _TX:
            return None
        self._tx_end = at + n
        return self._view[at : at + n]

    def poll(self, room_ms):
        """One bounded slice; True when something was done. room_ms: time until the next step is
        due; with less than _ACT_MS nothing but reading and writing is begun."""
        if self._tx_at != self._tx_end:
            done = self._pump()
        elif self._raw:
            done = self._pump_raw()
        elif self._stream is not None:
            if self._stream.wants():
                done = self._feed()
            else:
                done = self._has_room(room_ms, _STEP_MS) and self._go_on()
        elif self._asked:
            done = self._has_room(room_ms, _ACT_MS) and self._request()
        else:
            done = self._read()
        self._silent = 0 if done else self._silent + 1
        return done

    def _has_room(self, room_ms, need_ms):
        if room_ms < need_ms and self._waited < _PATIENCE:
            self._waited += 1
            return False
        self._waited = 0
        return True

    def _pump(self):
        end = min(self._tx_end, self._tx_at + _WRITE)
        sent = self._hal.link_write(self._view[self._tx_at : end])
        self._tx_at += sent
        if self._tx_at == self._tx_end:
            self._tx_at = self._tx_end = 0
        return sent > 0

    def _pump_raw(self):
        sent = self._hal.link_write(self._raw[:_WRITE])
        self._raw = self._raw[sent:]
        return sent > 0

    def _feed(self):
        """What has arrived goes to the stream; first what was read with its request."""
        reader = self._reader
        room = self._stream.room()
        n = min(self._rx_end - reader.at, len(room))
        if n > 0:
            room[:n] = memoryview(self._rx)[reader.at : reader.at + n]
            reader.at += n
        else:
            n = self._hal.link_read(room)
        self._stream.add_received(n)
        return n > 0

    def _read(self):
        """At most _RX bytes that have arrived; or, of those read before, at most one line."""
        reader = self._reader
        if reader.at >= self._rx_end:
            reader.at = 0
            self._rx_end = self._hal.link_read(self._rx)
            return self._rx_end > 0
        event = reader.take(self._rx, reader.at, self._rx_end)
        if event == frames.OK:
            self._asked = True
        elif event == frames.BAD_CRC:
            self._reject(_BAD_CRC)
        elif event == frames.TOO_LONG:
            self._reject(_TOO_LONG)
        return True

    def _request(self):
        """Act on the request that was read, or answer its repetition."""
        self._asked = False
        body = self._reader.body()
        if body == self._last_body:  # H-56
            return self._repeat(body)
        request = parse(body)
        if request is None:
            return self._reject(_NO_REQUEST)
        if request:
            self._wrong = 0
            self._last_body = None  # should the handler raise, a repetition is acted on
            self._number = request[0]
            self._body = body
            self._reply(self._handle, request[1], request[2])
        return True

    def _repeat(self, body):
        """Send the answer to the last request once more."""
        number, method, params = parse(body)  # type: ignore - it was parsed before
        self._wrong = 0
        if method in self._again:
            try:
                self._last_answer = dumps({"i": number, "r": self._handle(method, params)})
            except Refused:
                pass  # nothing is left to darken
        return self._send(self._last_answer)

    def _reply(self, call, *args):
        """Send the answer to request `_number` and keep it for a repetition; none yet when the
        result is a stream."""
        number = self._number
        try:
            result = call(*args)
            if hasattr(result, "step"):
                self._stream = result
                return
            answer = dumps({"i": number, "r": result})
        except Refused as e:
            answer = _error(number, e.args[0], e.args[1])
        if len(answer) > frames.MAX_ANSWER:
            answer = _error(number, INTERNAL, "the answer is too long")
        self._last_answer = answer
        self._last_body = self._body
        self._send(answer)

    def _go_on(self):
        """The next piece of the stream; behind the last one its answer."""
        stream = self._stream
        self._stream = None  # whatever is raised below has ended it
        piece = stream.step()
        if piece is None:
            self._reply(stream.result)
            return True
        self._stream = stream
        if isinstance(piece, memoryview):
            self._raw = piece
            return True
        return self._send(*piece)
