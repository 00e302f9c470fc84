"""Keeps the programs that use a shared port, and the queue of their requests.

The owner of the port serves each of them through a socket (docs/decisions/0022).
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from wrap import errors
from wrap.link import frames
from wrap.link.server import parse
from wrap.rules.protocol import MAX_BYTES

MAX_WAITING = 16384  # bytes waiting for a slow program; above it, samples are dropped
MAX_QUEUED = 1 << 20  # bytes; above it, the program is disconnected
MAX_LINE = 1024  # bytes of a line; what is too long for the wrap is refused when it is forwarded
TRANSFER_S = 10.0  # a log transfer without a request for so long is over
DARKENING = ("session.stop", "session.pause")  # as wrap.link.commands.AGAIN, which is slow to load
_STARTS = ("session.start", "session.resume")


@dataclass(eq=False)
class Request:
    """One request. number, body: as the program sent them; behind: raw bytes that follow it."""

    user: PortUser
    number: int
    method: str
    params: dict[str, Any]
    body: bytes
    behind: bytes = b""

    def send_result(self, result: dict[str, Any]) -> None:
        """Send {"r": ...} or {"e": ...} to the program, with the id of its request."""
        self.user.reply(self, frames.encode(_encode_json({"i": self.number, **result})))

    def send_error(self, code: str, text: str) -> None:
        """Answer with an error of the link."""
        self.send_result({"e": [code, text]})


@dataclass(eq=False)
class PortUser:
    """One connection to a shared port.

    own: from the owner's own process. every_s: seconds between its samples, 0 for none; until_s:
    when they end. Only the thread of the sockets may use `split_requests` and `out`, only the
    thread of the wrap the samples.
    """

    sock: socket.socket
    own: bool = False
    description: str = "this program"
    authenticated: bool = False
    until_s: float = 0.0
    every_s: float = 0.0
    sent_s: float = 0.0
    out: bytearray = field(default_factory=bytearray)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reader: frames.LineReader = field(default_factory=lambda: frames.LineReader(MAX_LINE))
    _pending: bytes | None = None  # the body of the request that waits or is being acted on
    _last: tuple[bytes, bytes] = (b"", b"")  # body and answer of the last request
    _upload: Request | None = None
    _left: int = 0

    def send(self, data: bytes, may_drop: bool = False) -> bool:
        """Queue bytes for the program; False when they were dropped."""
        with self._lock:
            if may_drop and len(self.out) > MAX_WAITING:
                return False
            self.out += data
            return True

    def flush(self) -> bool:
        """Send what the socket takes; True when something is left. Raises OSError."""
        with self._lock:
            while self.out:
                try:
                    del self.out[: self.sock.send(self.out)]
                except (BlockingIOError, InterruptedError):
                    return True
            return False

    def reply(self, request: Request, line: bytes) -> None:
        """Send the answer to `request`, and keep it for a repetition."""
        self._last = request.body, line
        self._pending = None
        self.send(line)

    def forget_pending(self, request: Request) -> None:
        """Drop a request without an answer, so that a repetition is executed."""
        if self._pending == request.body:
            self._pending = None

    def split_requests(self, data: bytes) -> Iterator[Request | bytes]:
        """Yield the requests in `data`, or the bytes of a greeting before authentication.

        Repeated requests are answered here.
        """
        at = 0
        while at < len(data):
            if self._upload is not None:
                piece = data[at : at + self._left]
                at += len(piece)
                yield from self._take_piece(self._upload, piece)
                continue
            event = self._reader.take(data, at, len(data))
            at = self._reader.at
            if event == frames.OK:
                body = self._reader.body()
                if not self.authenticated:
                    yield body
                else:
                    yield from self._parse_request(body)
            elif event in (frames.BAD_CRC, frames.TOO_LONG) and self.authenticated:
                self.send(_UNREADABLE)

    def _parse_request(self, body: bytes) -> Iterator[Request]:
        asked = parse(body)
        if not asked:
            if asked is None:
                self.send(_UNREADABLE)
            return
        number, method, params = asked
        if body == self._pending:
            return  # its answer is on the way
        if body == self._last[0] and method not in DARKENING:
            self.send(self._last[1])
            return
        self._pending = body
        request = Request(self, number, method, params, body)
        size = params.get("size")
        if method == "proto.put" and type(size) is int and 2 <= size <= MAX_BYTES:
            self._upload, self._left = request, size
            return
        yield request

    def _take_piece(self, request: Request, piece: bytes) -> Iterator[Request]:
        request.behind += piece
        self._left -= len(piece)
        if not self._left:
            self._upload = None
            yield request


class RequestQueue:
    """Holds requests for the wrap. `session.stop` and `session.pause` are taken first."""

    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._changed = threading.Condition()
        self._transfer: tuple[PortUser, float] | None = None

    def put(self, request: Request) -> None:
        """Queue a request. A stop refuses the starts that were queued before it."""
        with self._changed:
            if request.method == "session.stop":
                self._refuse_starts()
            self._requests.append(request)
            self._changed.notify()

    def _refuse_starts(self) -> None:
        late = [r for r in self._requests if r.method in _STARTS]
        self._requests = [r for r in self._requests if r.method not in _STARTS]
        for request in late:
            request.send_error(errors.NOT_NOW, "another program has asked for a stop")

    def drop_user(self, user: PortUser) -> None:
        """Remove the requests of a program that left, except those that can switch light off."""
        with self._changed:
            self._requests = [
                r for r in self._requests if r.user is not user or r.method in DARKENING
            ]
            if self._transfer is not None and self._transfer[0] is user:
                self._transfer = None

    def has_urgent(self) -> bool:
        """Whether a stop or a pause is queued."""
        with self._changed:
            return any(r.method in DARKENING for r in self._requests)

    def take(self, now_s: float, wait_s: float) -> Request | None:
        """Remove and return the next request; waits at most `wait_s` for one."""
        with self._changed:
            if not self._requests and wait_s > 0:
                self._changed.wait(wait_s)
            for wanted in (DARKENING, None):
                for request in self._requests:
                    if (wanted is None or request.method in wanted) and self._is_allowed(
                        request, now_s
                    ):
                        self._requests.remove(request)
                        return request
            return None

    def _is_allowed(self, request: Request, now_s: float) -> bool:
        """Whether a request may be taken: the wrap has one log transfer, so a second one waits."""
        method = request.method
        if not method.startswith("log.") or method == "log.info" or self._transfer is None:
            return True
        holder, until_s = self._transfer
        return request.user is holder or now_s >= until_s

    def wake_up(self) -> None:
        """End the wait of `take`."""
        with self._changed:
            self._changed.notify_all()

    def note_done(self, request: Request, now_s: float) -> None:
        """Note which program holds the log transfer after the wrap has executed `request`."""
        with self._changed:
            if request.method in ("log.open", "log.next"):
                self._transfer = request.user, now_s + TRANSFER_S
            elif request.method == "log.close":
                self._transfer = None


def _encode_json(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode("ascii")


_UNREADABLE = frames.encode(
    _encode_json({"i": None, "e": [errors.BAD_CRC, "no request; send it again"]})
)
