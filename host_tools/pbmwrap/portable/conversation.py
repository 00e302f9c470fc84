"""The host's side of the link, without a port: makes the requests, reads what arrives.

One request is in flight. The caller sends the bytes of `begin` or `repeat`, passes on what arrives
to `take`, and repeats the request after a time without an answer.
"""

from __future__ import annotations

import json
from typing import Any

from pbmwrap.errors import UsageError
from wrap import errors
from wrap.link import frames

ID_RANGE = 1 << 30
FLUSH = b"\r\r\n"
MAX_RAW = 1 << 16  # bytes that a wrap may announce at once
NOISE_KEPT = 512  # bytes received, which distinguish a prompt from silence
_DAMAGED = (errors.BAD_CRC, errors.TOO_LONG, errors.BAD_FRAME)


def encode_request(number: int, method: str, params: dict[str, Any] | None) -> bytes:
    """Return the request's line with its newline. Raises UsageError when it is too long."""
    body: dict[str, Any] = {"i": number, "m": method}
    if params:
        body["p"] = params
    line = frames.encode(json.dumps(body, separators=(",", ":")).encode())
    if len(line) - 1 > frames.MAX_REQUEST:
        over = len(line) - 1 - frames.MAX_REQUEST
        raise UsageError(f"the request {method} is {over} bytes too long", "use shorter texts")
    return line


class Conversation:
    """Requests, answers and pushes of one connection.

    answer: the message that answers the request in flight, or None. is_damaged: the wrap could not
    read a line, so the request must be repeated at once. frames_seen: valid messages of the wrap.
    """

    def __init__(self, first_id: int) -> None:
        self.frames_seen = 0
        self.noise = b""
        self.answer: dict[str, Any] | None = None
        self.is_damaged = False
        self._id = first_id % ID_RANGE
        self._line = b""
        self._fresh = False
        self._reader = frames.LineReader(frames.MAX_ANSWER)
        self._raw: dict[str, Any] = {}  # the push `raw` whose bytes are arriving
        self._raw_data = bytearray()
        self._raw_left = 0

    def begin(self, method: str, params: dict[str, Any] | None, behind: bytes = b"") -> bytes:
        """Return the bytes of a new request. behind: bytes that follow it as they are.

        Raises UsageError.
        """
        self._id = (self._id + 1) % ID_RANGE
        self._line = encode_request(self._id, method, params) + _end_with_newline(behind)
        return self._prepare()

    def repeat(self) -> bytes:
        """Return the bytes of the request in flight, to be sent again."""
        self.distrust()
        return self._prepare()

    def distrust(self) -> None:
        """Assume that the wrap has half a line, which the next request must end first."""
        self._fresh = False

    def _prepare(self) -> bytes:
        """Return the request's bytes.

        A newline first ends half a line that an earlier program may have sent. The CRs end what was
        typed at a MicroPython prompt, so that it prints `>>>`.
        """
        self.answer = None
        self.is_damaged = False
        self._raw_left = 0
        line = self._line if self._fresh else FLUSH + self._line
        self._fresh = True
        return line

    def take(self, data: bytes) -> list[tuple[str, dict[str, Any]]]:
        """Handle bytes that arrived; returns the pushes in them as (name, parameters).

        The push `raw` has its bytes as `d`.
        """
        pushes: list[tuple[str, dict[str, Any]]] = []
        self.noise = (self.noise + data)[-NOISE_KEPT:]
        at = 0
        while at < len(data):
            if self._raw_left:
                at = self._take_raw(data, at, pushes)
                continue
            event = self._reader.take(data, at, len(data))
            at = self._reader.at
            if event == frames.OK:
                self._handle_message(self._reader.body(), pushes)
        return pushes

    def _take_raw(self, data: bytes, at: int, pushes: list[tuple[str, dict[str, Any]]]) -> int:
        """Collect the bytes of a push `raw`; returns the next position."""
        piece = data[at : at + self._raw_left]
        self._raw_data.extend(piece)
        self._raw_left -= len(piece)
        if not self._raw_left:
            complete = dict(self._raw)
            complete["d"] = bytes(self._raw_data)
            pushes.append(("raw", complete))
        return at + len(piece)

    def _handle_message(self, body: bytes, pushes: list[tuple[str, dict[str, Any]]]) -> None:
        """Keep the answer to the request in flight, or add a push."""
        message = _decode_message(body)
        if message is None or "m" in message:  # "m": this program's own request, echoed
            return
        self.frames_seen += 1
        if "n" not in message:
            if message.get("i") == self._id:
                self.answer = message
            elif _reports_damage(message):
                self.is_damaged = True
            return
        params = message.get("p") or {}
        if not isinstance(params, dict):
            return
        if message["n"] == "raw":
            if _announces_raw(params):
                self._raw, self._raw_left = params, params["size"]
                self._raw_data = bytearray()
            return
        pushes.append((message["n"], params))


def _decode_message(body: bytes) -> dict[str, Any] | None:
    """Return the message, or None for what docs/link.md does not allow."""
    try:
        message = json.loads(body)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        return None
    if not isinstance(message, dict):
        return None
    if "m" in message or isinstance(message.get("n"), str):
        return message
    if "e" not in message:
        return message if "r" in message else None
    fault = message["e"]
    valid = isinstance(fault, list) and len(fault) == 2 and all(isinstance(s, str) for s in fault)
    return message if valid else None


def _announces_raw(params: dict[str, Any]) -> bool:
    size = params.get("size")
    return type(size) is int and 0 < size <= MAX_RAW


def _end_with_newline(data: bytes) -> bytes:
    """Append a newline, which ends the line for a wrap that takes `data` for noise."""
    if b"\x03" in data:
        raise UsageError("the bytes to be sent contain Ctrl-C, which would stop the wrap")
    return data + b"\n" if data else b""


def _reports_damage(message: dict[str, Any]) -> bool:
    """Whether the wrap could not read a line, so that it must be repeated at once."""
    return message.get("i") is None and "e" in message and message["e"][0] in _DAMAGED
