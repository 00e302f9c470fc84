"""Sends requests to a wrap, one at a time, each repeated with its id until it is answered.

The wrap does not execute an id twice (docs/link.md), so every request may be repeated. Bytes that
are not a valid line are skipped; pushes are passed to a callback.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from pbmwrap.device.transport import Transport
from pbmwrap.errors import DeviceError, LinkLost, UsageError
from wrap import errors
from wrap.link import frames

ANSWER_S = 2.0
ATTEMPTS = 4
ID_RANGE = 1 << 30
FLUSH = b"\r\r\n"
MAX_RAW = 1 << 16  # bytes that a wrap may announce at once
NOISE_KEPT = 512  # bytes received, which distinguish a prompt from silence
_DAMAGED = (errors.BAD_CRC, errors.TOO_LONG, errors.BAD_FRAME)

Push = Callable[[str, dict[str, Any]], None]


def encode_request(number: int, method: str, params: dict[str, Any] | None) -> bytes:
    """Return the request's line with its newline. Raises UsageError when it is too long."""
    body: dict[str, Any] = {"i": number, "m": method}
    if params:
        body["p"] = params
    line = frames.encode(json.dumps(body, separators=(",", ":")).encode("ascii"))
    if len(line) - 1 > frames.MAX_REQUEST:
        over = len(line) - 1 - frames.MAX_REQUEST
        raise UsageError(f"the request {method} is {over} bytes too long", "use shorter texts")
    return line


class MessageReader:
    """Reads messages out of received bytes. It does no I/O."""

    def __init__(self) -> None:
        self.frames_seen = 0
        self._reader = frames.LineReader(frames.MAX_ANSWER)
        self._answers: list[dict[str, Any]] = []
        self._raw: dict[str, Any] = {}  # the push `raw` whose bytes are arriving
        self._raw_left = 0

    def drop_raw(self) -> None:
        """Expect no more bytes of a push `raw`."""
        self._raw_left = 0

    def take_answers(self) -> list[dict[str, Any]]:
        """Return the answers that arrived since the last call."""
        arrived, self._answers = self._answers, []
        return arrived

    def feed(self, data: bytes, on_push: Push | None) -> bool:
        """Read received bytes; True when a push was passed on."""
        pushed = False
        at = 0
        while at < len(data):
            if self._raw_left:
                at, done = self._take_raw(data, at, on_push)
                pushed = done or pushed
                continue
            event = self._reader.take(data, at, len(data))
            at = self._reader.at
            if event == frames.OK:
                pushed = self._handle_message(self._reader.body(), on_push) or pushed
        return pushed

    def _take_raw(self, data: bytes, at: int, on_push: Push | None) -> tuple[int, bool]:
        """Collect the bytes of a push `raw`; returns (next position, whether it is complete)."""
        piece = data[at : at + self._raw_left]
        self._raw["d"] += piece
        self._raw_left -= len(piece)
        if not self._raw_left and on_push is not None:
            on_push("raw", {**self._raw, "d": bytes(self._raw["d"])})
        return at + len(piece), not self._raw_left

    def _handle_message(self, body: bytes, on_push: Push | None) -> bool:
        """Keep an answer, or pass on a push; True for a push."""
        message = _decode_message(body)
        if message is None:
            return False
        if "m" in message:
            return False  # this program's own request, echoed by a prompt or a terminal
        self.frames_seen += 1
        if "n" not in message:
            self._answers.append(message)
            return False
        params = message.get("p") or {}
        if message["n"] == "raw":
            if isinstance(params, dict) and _announces_raw(params):
                self._raw, self._raw_left = {**params, "d": bytearray()}, params["size"]
            return False
        if on_push is not None and isinstance(params, dict):
            on_push(message["n"], params)
        return True


class Link:
    """Requests and answers over one transport. Not thread-safe."""

    def __init__(
        self,
        transport: Transport,
        *,
        answer_s: float = ANSWER_S,
        attempts: int = ATTEMPTS,
        first_id: int | None = None,
    ) -> None:
        self.transport = transport
        self.answer_s = answer_s
        self.attempts = attempts
        self.repeats = 0  # requests sent again
        self.noise = b""
        self.should_give_up: Callable[[bytes], bool] = lambda noise: False  # called before a repeat
        # Random: a wrap takes a line equal to the last request for its repetition, and the
        # last program may have ended with the same call.
        self._id = int.from_bytes(os.urandom(4)) % ID_RANGE if first_id is None else first_id
        self._reader = MessageReader()
        self._on_push: Push | None = None
        self._fresh = False

    @property
    def frames_seen(self) -> int:
        """Valid messages of a wrap so far."""
        return self._reader.frames_seen

    def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        behind: bytes = b"",
        timeout_s: float | None = None,
        attempts: int | None = None,
        on_push: Push | None = None,
    ) -> Any:
        """Send a request and return its result.

        behind: bytes that follow the request as they are. timeout_s, attempts: for this request.
        Raises DeviceError, LinkLost, UsageError.
        """
        self._id = (self._id + 1) % ID_RANGE
        line = encode_request(self._id, method, params) + end_with_newline(behind)
        previous, self._on_push = self._on_push, on_push or self._on_push
        try:
            answer = self._send_until_answered(
                line, timeout_s or self.answer_s, attempts or self.attempts
            )
        finally:
            self._on_push = previous
        if answer is None:
            tries = f"{attempts or self.attempts} tries of {timeout_s or self.answer_s:g} s"
            raise LinkLost(f"{self.transport.name} does not answer {method} ({tries})")
        if "e" in answer:
            code, text = answer["e"]
            raise DeviceError(code, text, method)
        return answer["r"]

    def listen(self, timeout_s: float, on_push: Push) -> None:
        """Pass on pushes; returns after the first batch of them, or after `timeout_s`."""
        previous, self._on_push = self._on_push, on_push
        try:
            deadline = self.transport.monotonic() + timeout_s
            while (left := deadline - self.transport.monotonic()) > 0:
                if self._handle_input(left):
                    return
        finally:
            self._on_push = previous

    def _send_until_answered(
        self, line: bytes, timeout_s: float, attempts: int
    ) -> dict[str, Any] | None:
        for _ in range(attempts):
            self._reader.drop_raw()
            # A newline first ends half a line that an earlier program may have sent. The CRs end
            # what was typed at a MicroPython prompt, so that it prints `>>>`.
            self.transport.write(line if self._fresh else FLUSH + line)
            self._fresh = True
            answer = self._wait_for_answer(timeout_s)
            if answer is not None:
                return answer
            self._fresh = False
            self.repeats += 1
            if self.should_give_up(self.noise):
                return None
        return None

    def _wait_for_answer(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the answer to the request in flight; None when it must be repeated."""
        deadline = self.transport.monotonic() + timeout_s
        while True:
            arrived = self._reader.take_answers()
            for message in arrived:
                # Other ids: late answers to requests that were given up.
                if message.get("i") == self._id:
                    return message
            # At once instead of after the timeout: the wrap has read the line and could
            # not use it.
            if any(map(reports_damage, arrived)):
                return None
            left = deadline - self.transport.monotonic()
            if left <= 0:
                return None
            self._handle_input(left)

    def _handle_input(self, timeout_s: float) -> bool:
        """Read once and handle what arrived; True when a push was passed on."""
        data = self.transport.read(timeout_s)
        self.noise = (self.noise + data)[-NOISE_KEPT:]
        return self._reader.feed(data, self._on_push)


def _decode_message(body: bytes) -> dict[str, Any] | None:
    """Return the message, or None for what docs/link.md does not allow."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    # A list or a number is valid JSON, and no message.
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
    # Not isinstance: `true` is an int in Python, and no size.
    return type(size) is int and 0 < size <= MAX_RAW


def end_with_newline(data: bytes) -> bytes:
    """Append a newline, which ends the line for a wrap that takes `data` for noise."""
    if b"\x03" in data:
        raise UsageError("the bytes to be sent contain Ctrl-C, which would stop the wrap")
    return data + b"\n" if data else b""


def reports_damage(message: dict[str, Any]) -> bool:
    """Whether the wrap could not read a line, so that it must be repeated at once."""
    return message.get("i") is None and "e" in message and message["e"][0] in _DAMAGED
