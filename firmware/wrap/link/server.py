"""Serves the link: bytes in, one request at a time, bytes out in small bounded slices.

Knows no meaning: `handle(method, params)` returns the result or raises Refused. A repeated id is
not acted on again. Nothing here blocks; what cannot be sent now waits, and telemetry is dropped
first.
"""

import json

from wrap.link import frames
from wrap.link.codes import BAD_CRC as CODE_CRC
from wrap.link.codes import BAD_FRAME, INTERNAL, Refused
from wrap.link.codes import TOO_LONG as CODE_LONG
from wrap.mp import const

_RX = const(64)  # bytes looked at in one slice
_TX = const(4096)
_WRITE = const(64)


def dumps(obj):
    """Compact ASCII JSON bytes. Letters of other alphabets (a host's own words, sent back) become
    question marks, where MicroPython's JSON leaves them as they are."""
    text = json.dumps(obj, separators=(",", ":"))
    raw = text.encode()
    if len(raw) != len(text):
        raw = bytes([b if b < 127 else 63 for b in raw])
    return raw


def parse(body):
    """(id, method, parameters) of a request's JSON, or None when it is no request."""
    try:
        request = json.loads(body)
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
    """hal: for link_read and link_write."""

    def __init__(self, hal, handle):
        self._hal = hal
        self._handle = handle
        self._reader = frames.LineReader()
        self._rx = bytearray(_RX)
        self._rx_at = 0
        self._rx_end = 0
        self._tx = bytearray(_TX)
        self._view = memoryview(self._tx)
        self._tx_at = 0
        self._tx_end = 0
        self._last_id = -1
        self._last_answer = b""

    def idle(self):
        """Nothing waits to be sent."""
        return self._tx_at == self._tx_end

    def push(self, name, params):
        """Queue a push; False (and nothing sent) when there is no room for it."""
        return self._send(dumps({"n": name, "p": params}))

    def _send(self, body):
        line = frames.encode(body)
        if self._tx_end + len(line) > _TX:
            return False
        self._tx[self._tx_end : self._tx_end + len(line)] = line
        self._tx_end += len(line)
        return True

    def poll(self):
        """One bounded slice; True when something was done."""
        if self._tx_at != self._tx_end:
            return self._pump()
        if self._rx_at == self._rx_end:
            self._rx_at = 0
            self._rx_end = self._hal.link_read(self._rx)
            if self._rx_end == 0:
                return False
        while self._rx_at < self._rx_end:
            byte = self._rx[self._rx_at]
            self._rx_at += 1
            event = self._reader.feed(byte)
            if event is not None and event != frames.SKIPPED:
                self._line(event)
                break
        return True

    def _pump(self):
        end = min(self._tx_end, self._tx_at + _WRITE)
        sent = self._hal.link_write(self._view[self._tx_at : end])
        self._tx_at += sent
        if self._tx_at == self._tx_end:
            self._tx_at = self._tx_end = 0
        return sent > 0

    def _line(self, event):
        if event == frames.BAD_CRC:
            self._error(None, CODE_CRC, "the checksum does not match; send the line again")
        elif event == frames.TOO_LONG:
            self._error(None, CODE_LONG, "at most %d bytes a line" % frames.MAX_REQUEST)
        else:
            self._request(self._reader.body())

    def _error(self, number, code, text):
        self._send(dumps({"i": number, "e": [code, text]}))

    def _request(self, body):
        request = parse(body)
        if request is None:
            self._error(None, BAD_FRAME, "not a request: needs i (number), m (text), p (object)")
            return
        number, method, params = request
        if number != self._last_id:
            self._last_answer = self._answer(number, method, params)
            self._last_id = number
        self._send(self._last_answer)

    def _answer(self, number, method, params):
        try:
            body = dumps({"i": number, "r": self._handle(method, params)})
        except Refused as e:
            return dumps({"i": number, "e": [e.args[0], e.args[1]]})
        if len(body) > frames.MAX_ANSWER:
            return dumps({"i": number, "e": [INTERNAL, "the answer is too long"]})
        return body
