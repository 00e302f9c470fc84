"""The programs that use a shared port: what they have asked, in which order it is answered."""

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

MOST_WAITING = 16384  # bytes that wait for a slow guest; above it, samples are dropped
MOST_KEPT = 1 << 20  # above it, the guest itself is dropped
MAX_LINE = 1024  # a greeting; a request too long for the wrap is refused when it is sent on
TRANSFER_S = 10.0  # a log transfer that its guest does not go on with is over
DARKENING = ("session.stop", "session.pause")  # wrap.link.commands.AGAIN, which is slow to load
_STARTS = ("session.start", "session.resume")


@dataclass(eq=False)
class Request:
    """One request of a guest. `number` and `body` are the guest's; `behind` follows as it is."""

    guest: Guest
    number: int
    method: str
    params: dict[str, Any]
    body: bytes
    behind: bytes = b""

    def answer(self, result: dict[str, Any]) -> None:
        """Send {"r": ...} or {"e": ...} to the guest, with the id that it chose."""
        self.guest.reply(self, frames.encode(_dumps({"i": self.number, **result})))

    def refuse(self, code: str, text: str) -> None:
        self.answer({"e": [code, text]})


@dataclass(eq=False)
class Guest:
    """One connection. `own`: of the owner's own process. `every_s`: between its samples, 0: none.

    `feed` and `out` belong to the thread of the sockets, the subscription to the one of the wrap.
    """

    sock: socket.socket
    own: bool = False
    called: str = "this program"
    admitted: bool = False
    gone: bool = False
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
        """Queue bytes for the guest; False when they were dropped."""
        with self._lock:
            if may_drop and len(self.out) > MOST_WAITING:
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
        """The answer to `request`, kept for a repetition."""
        self._last = request.body, line
        self._pending = None
        self.send(line)

    def forget(self, request: Request) -> None:
        """`request` has no answer: a repetition is acted on."""
        if self._pending == request.body:
            self._pending = None

    def feed(self, data: bytes) -> Iterator[Request | bytes]:
        """The requests in `data`, behind a whole greeting of a guest that is not admitted yet
        (its bytes). Repetitions are answered here."""
        at = 0
        while at < len(data):
            if self._upload is not None:
                piece = data[at : at + self._left]
                at += len(piece)
                yield from self._take(self._upload, piece)
                continue
            event = self._reader.take(data, at, len(data))
            at = self._reader.at
            if event == frames.OK:
                body = self._reader.body()
                if not self.admitted:
                    yield body
                else:
                    yield from self._request(body)
            elif event in (frames.BAD_CRC, frames.TOO_LONG) and self.admitted:
                self.send(_WRONG)

    def _request(self, body: bytes) -> Iterator[Request]:
        asked = parse(body)
        if not asked:
            if asked is None:
                self.send(_WRONG)
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

    def _take(self, request: Request, piece: bytes) -> Iterator[Request]:
        request.behind += piece
        self._left -= len(piece)
        if not self._left:
            self._upload = None
            yield request


class Waiting:
    """Requests that wait for the wrap. `session.stop` and `session.pause` are taken first."""

    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._changed = threading.Condition()
        self._transfer: tuple[Guest, float] | None = None

    def put(self, request: Request) -> None:
        """A stop ends what would light the lamps behind it: that was asked before the stop."""
        with self._changed:
            if request.method == "session.stop":
                self._refuse_starts()
            self._requests.append(request)
            self._changed.notify()

    def _refuse_starts(self) -> None:
        late = [r for r in self._requests if r.method in _STARTS]
        self._requests = [r for r in self._requests if r.method not in _STARTS]
        for request in late:
            request.refuse(errors.NOT_NOW, "another program has asked for a stop")

    def drop(self, guest: Guest) -> None:
        """A guest has gone: only what can darken is still acted on."""
        with self._changed:
            self._requests = [
                r for r in self._requests if r.guest is not guest or r.method in DARKENING
            ]
            if self._transfer is not None and self._transfer[0] is guest:
                self._transfer = None

    def urgent(self) -> bool:
        """Whether a stop or a pause waits."""
        with self._changed:
            return any(r.method in DARKENING for r in self._requests)

    def take(self, now_s: float, wait_s: float) -> Request | None:
        """The next request; waits at most `wait_s` for one."""
        with self._changed:
            if not self._requests and wait_s > 0:
                self._changed.wait(wait_s)
            for wanted in (DARKENING, None):
                for request in self._requests:
                    if (wanted is None or request.method in wanted) and self._may(request, now_s):
                        self._requests.remove(request)
                        return request
            return None

    def _may(self, request: Request, now_s: float) -> bool:
        """The wrap holds one log transfer at a time, so a second one waits for the first's end."""
        method = request.method
        if not method.startswith("log.") or method == "log.info" or self._transfer is None:
            return True
        holder, until_s = self._transfer
        return request.guest is holder or now_s >= until_s

    def rouse(self) -> None:
        """End the wait of `take`."""
        with self._changed:
            self._changed.notify_all()

    def acted(self, request: Request, now_s: float) -> None:
        """The wrap has done `request`: who holds the log transfer from now on."""
        with self._changed:
            if request.method in ("log.open", "log.next"):
                self._transfer = request.guest, now_s + TRANSFER_S
            elif request.method == "log.close":
                self._transfer = None


def _dumps(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode("ascii")


_WRONG = frames.encode(_dumps({"i": None, "e": [errors.BAD_CRC, "no request; send it again"]}))
