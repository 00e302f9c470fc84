"""One process owns a port and lets other programs of its user reach the wrap through it.

Two threads: one moves bytes between the guests' sockets and `Waiting`, one talks to the wrap over
one `Link`, so requests are serialised and ids are the owner's (docs/decisions/0022).
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import threading
from typing import Any

from pbmwrap.device.endpoint import WELCOME, Door
from pbmwrap.device.guests import MOST_KEPT, Guest, Request, Waiting
from pbmwrap.device.link import Link
from pbmwrap.device.transfer import COMMIT_S
from pbmwrap.device.transport import Transport
from pbmwrap.errors import DeviceError, LinkLost, UsageError, WrapError, plain
from wrap import errors
from wrap.link import frames
from wrap.rules import limits

LISTEN_S = 0.02  # how late a request may be noticed while nobody talks
TALK_S = 0.05  # after a request the next one is waited for, so that a transfer is not slowed down
EXCLUSIVE = ("service", "reset")  # the wrap leaves the port
_SLOW = ("proto.put", "proto.activate", "proto.delete")
MOST_STRANGERS = 8  # connections that have shown no token yet
_CHUNK = 65536
_LEAST_MS, _MOST_MS = 100, 60000  # of `telemetry`


class PortOwner:
    """Serves an opened transport until `close`. `door`: where other programs come in, or None.

    `failure` is set when the wrap's port has failed; every guest then finds its connection closed.
    """

    def __init__(self, transport: Transport, door: Door | None = None) -> None:
        self.failure: WrapError | None = None
        self._transport = transport
        self._door = door
        self._link = Link(transport)
        self._waiting = Waiting()
        self._guests: list[Guest] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._every_ms = 0
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)
        if door is not None:
            door.socket.setblocking(False)
            self._selector.register(door.socket, selectors.EVENT_READ)
        self._threads = [
            threading.Thread(target=body, name=f"pbmwrap {body.__name__}", daemon=True)
            for body in (self._serve_sockets, self._serve_wrap)
        ]
        for thread in self._threads:
            thread.start()

    def attach(self) -> socket.socket:
        """A connection for this process: as many as it has uses for the wrap."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        guest = Guest(theirs, own=True, admitted=True)
        with self._lock:
            self._guests.append(guest)
        self._rouse()
        return ours

    def other_programs(self) -> list[str]:
        """Who uses the port beside this process: "`pbmwrap run` (process 12)"."""
        return [plain(g.called) for g in self._list_guests() if g.admitted and not g.own]

    def close(self) -> None:
        """End all connections and give the port back. Safe to call twice."""
        self._closing.set()
        self._waiting.rouse()
        self._rouse()
        for thread in self._threads:
            thread.join()
        self._transport.close()
        self._wake.close()

    # ---- the sockets' thread

    def _rouse(self) -> None:
        with contextlib.suppress(OSError):  # closed: nobody is left to be roused
            self._wake.send(b"x")

    def _serve_sockets(self) -> None:
        try:
            while not self._closing.is_set():
                self._watch_guests()
                for key, events in self._selector.select():
                    if key.fileobj is self._woken:
                        self._woken.recv(_CHUNK)
                    elif isinstance(key.data, Guest):
                        self._exchange(key.data, events)
                    else:
                        self._let_in()
        finally:
            self._shut()

    def _watch_guests(self) -> None:
        known = {key.data: key.events for key in self._selector.get_map().values()}
        for guest in self._list_guests():
            if len(guest.out) > MOST_KEPT:
                self._lose(guest)
                continue
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if guest.out else 0)
            if guest not in known:
                self._selector.register(guest.sock, events, guest)
            elif known[guest] != events:
                self._selector.modify(guest.sock, events, guest)

    def _list_guests(self) -> list[Guest]:
        with self._lock:
            return list(self._guests)

    def _let_in(self) -> None:
        assert self._door is not None
        try:
            sock, _ = self._door.socket.accept()
        except OSError:
            return  # it has gone already
        sock.setblocking(False)
        strangers = [guest for guest in self._list_guests() if not guest.admitted]
        if len(strangers) >= MOST_STRANGERS:
            self._lose(strangers[0])
        with self._lock:
            self._guests.append(Guest(sock))

    def _exchange(self, guest: Guest, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                guest.flush()
            if events & selectors.EVENT_READ:
                data = guest.sock.recv(_CHUNK)
                if not data:
                    self._lose(guest)
                    return
                for asked in guest.feed(data):
                    if isinstance(asked, Request):
                        self._waiting.put(asked)
                    elif not self._admit(guest, asked):
                        self._lose(guest)
                        return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._lose(guest)

    def _admit(self, guest: Guest, greeting: bytes) -> bool:
        """Whether the guest has shown the token; one that has not is not answered."""
        try:
            said = json.loads(greeting)
            token, called = said["token"], f"`{said['command']}` (process {said['pid']})"
        except (ValueError, KeyError, TypeError):
            return False
        if self._door is None or not self._door.admits(token):
            return False
        guest.send(frames.encode(WELCOME))  # before any push
        guest.admitted, guest.called = True, called
        return True

    def _lose(self, guest: Guest) -> None:
        guest.gone = True
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(guest.sock)
        guest.sock.close()
        with self._lock:
            if guest in self._guests:
                self._guests.remove(guest)
        self._waiting.drop(guest)

    def _shut(self) -> None:
        self._closing.set()
        if self._door is not None:
            self._door.close()
        for guest in self._list_guests():
            with contextlib.suppress(OSError):
                guest.flush()
            self._lose(guest)
        self._selector.close()
        self._woken.close()

    # ---- the wrap's thread

    def _serve_wrap(self) -> None:
        self._link.hopeless = lambda noise: self._closing.is_set() or self._waiting.urgent()
        clock = self._transport.monotonic
        heard_s = clock() - TALK_S
        try:
            while not self._closing.is_set():
                now_s = clock()
                request = self._waiting.take(now_s, max(0.0, heard_s + TALK_S - now_s))
                if request is None and self._closing.is_set():
                    return
                if request is None:
                    self._link.listen(LISTEN_S, self._spread)
                    continue
                self._act(request)
                self._rouse()
                heard_s = clock()
        except WrapError as problem:
            self.failure = problem
        finally:
            self._closing.set()
            self._rouse()

    def _act(self, request: Request) -> None:
        if request.method in EXCLUSIVE and not request.guest.own:
            request.refuse(errors.NOT_NOW, "the port is shared: this needs it alone")
            return
        try:
            request.answer({"r": self._ask(request)})
        except DeviceError as refusal:
            request.refuse(refusal.device_code, refusal.text)
        except UsageError as problem:
            request.refuse(errors.BAD_PARAM, problem.message)
        except LinkLost:
            request.guest.forget(request)  # it asks again; a port that failed shows itself next
            return
        self._waiting.acted(request, self._transport.monotonic())

    def _ask(self, request: Request) -> Any:
        if request.method == "telemetry" and _is_subscription(request.params):
            return self._subscribe(request.guest, request.params)
        return self._link.call(
            request.method,
            request.params,
            behind=request.behind,
            timeout_s=COMMIT_S if request.method in _SLOW else None,
            on_push=lambda name, params: self._push(request.guest, name, params),
        )

    def _subscribe(self, guest: Guest, params: dict[str, Any]) -> Any:
        """The wrap has one telemetry: as often as the fastest guest wants, as long as the last."""
        now_s = self._transport.monotonic()
        lease_ms = params.get("ms", limits.LEASE_MS)
        guest.every_s, guest.until_s = params["every_ms"] / 1000, now_s + lease_ms / 1000
        guest.sent_s = 0.0
        live = [g for g in self._list_guests() if g.every_s and g.until_s > now_s]
        self._every_ms = round(min((g.every_s for g in live), default=0.0) * 1000)
        merged = {"every_ms": self._every_ms}
        if live:
            merged["ms"] = max(1, round((max(g.until_s for g in live) - now_s) * 1000))
        self._link.call("telemetry", merged, on_push=self._spread)
        return {"every_ms": params["every_ms"]}

    def _push(self, guest: Guest, name: str, params: dict[str, Any]) -> None:
        """A push while a request of `guest` is acted on: bytes of the log are its own."""
        if name != "raw":
            self._spread(name, params)
            return
        about = {"o": params.get("o"), "size": len(params["d"])}
        guest.send(_push_line("raw", about) + params["d"])

    def _spread(self, name: str, params: dict[str, Any]) -> None:
        """A sample goes to everybody who wants one now, any other push to all."""
        now_s = self._transport.monotonic()
        line = _push_line(name, params)
        for guest in self._list_guests():
            if name == "sample" and not self._wants(guest, now_s):
                continue
            if guest.admitted and guest.send(line, may_drop=True):
                guest.sent_s = now_s
        self._rouse()

    def _wants(self, guest: Guest, now_s: float) -> bool:
        if not guest.every_s or now_s >= guest.until_s:
            return False
        as_often = guest.every_s * 1000 <= self._every_ms
        return as_often or now_s - guest.sent_s >= 0.9 * guest.every_s


def _is_subscription(params: dict[str, Any]) -> bool:
    """Whether the wrap would take it; what it would not it is asked itself, for its reason."""
    every, lease = params.get("every_ms"), params.get("ms", limits.LEASE_MS)
    if type(every) is not int or type(lease) is not int:
        return False
    return (every == 0 or _LEAST_MS <= every <= _MOST_MS) and 1 <= lease <= _MOST_MS


def _push_line(name: str, params: dict[str, Any]) -> bytes:
    body = json.dumps({"n": name, "p": params}, separators=(",", ":"))
    return frames.encode(body.encode("ascii"))
