"""Owns a port, and forwards the requests of other programs of this user to the wrap.

Two threads: one moves bytes between the programs' sockets and the `RequestQueue`, one communicates
with the wrap over one `Link`. So requests are serialised, and their ids are the owner's
(docs/decisions/0022).
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import threading
from typing import Any

from pbmwrap.device.endpoint import WELCOME, Listener
from pbmwrap.device.link import Link
from pbmwrap.device.port_users import MAX_QUEUED, PortUser, Request, RequestQueue
from pbmwrap.device.transfer import COMMIT_S
from pbmwrap.device.transport import Transport
from pbmwrap.errors import DeviceError, LinkLost, UsageError, WrapError, plain
from wrap import errors
from wrap.link import frames
from wrap.rules import limits

LISTEN_S = 0.02  # the longest delay until a request is noticed, while there are none
TALK_S = 0.05  # wait this long for the next request, so that transfers are not slowed down
EXCLUSIVE = ("service", "reset")  # the wrap closes the port
_SLOW = ("proto.put", "proto.activate", "proto.delete")
MAX_UNAUTHENTICATED = 8  # connections that have not sent the token yet
_CHUNK = 65536
_LEAST_MS, _MOST_MS = 100, 60000  # of `telemetry`


class PortOwner:
    """Serves an opened transport until `close`. listener: accepts other programs, or None.

    failure: why the wrap's port has failed, or None; then every connection is closed.
    """

    def __init__(self, transport: Transport, listener: Listener | None = None) -> None:
        self.failure: WrapError | None = None
        self._transport = transport
        self._listener = listener
        self._link = Link(transport)
        self._queue = RequestQueue()
        self._users: list[PortUser] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._every_ms = 0
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)
        if listener is not None:
            listener.socket.setblocking(False)
            self._selector.register(listener.socket, selectors.EVENT_READ)
        self._threads = [
            threading.Thread(target=body, name=f"pbmwrap {body.__name__}", daemon=True)
            for body in (self._serve_sockets, self._serve_wrap)
        ]
        for thread in self._threads:
            thread.start()

    def attach(self) -> socket.socket:
        """Return a new connection for this process, which may have several."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        user = PortUser(theirs, own=True, authenticated=True)
        with self._lock:
            self._users.append(user)
        self._wake_sockets()
        return ours

    def other_programs(self) -> list[str]:
        """Return the other programs that use the port: "`pbmwrap run` (process 12)"."""
        return [plain(u.description) for u in self._list_users() if u.authenticated and not u.own]

    def close(self) -> None:
        """End all connections and close the port. Safe to call twice."""
        self._closing.set()
        self._queue.wake_up()
        self._wake_sockets()
        for thread in self._threads:
            thread.join()
        self._transport.close()
        self._wake.close()

    # ---- the sockets' thread

    def _wake_sockets(self) -> None:
        with contextlib.suppress(OSError):  # closed already
            self._wake.send(b"x")

    def _serve_sockets(self) -> None:
        try:
            while not self._closing.is_set():
                self._update_selector()
                for key, events in self._selector.select():
                    if key.fileobj is self._woken:
                        self._woken.recv(_CHUNK)
                    elif isinstance(key.data, PortUser):
                        self._transfer_bytes(key.data, events)
                    else:
                        self._accept_connection()
        finally:
            self._close_all()

    def _update_selector(self) -> None:
        known = {key.data: key.events for key in self._selector.get_map().values()}
        for user in self._list_users():
            if len(user.out) > MAX_QUEUED:
                self._drop_user(user)
                continue
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if user.out else 0)
            if user not in known:
                self._selector.register(user.sock, events, user)
            elif known[user] != events:
                self._selector.modify(user.sock, events, user)

    def _list_users(self) -> list[PortUser]:
        with self._lock:
            return list(self._users)

    def _accept_connection(self) -> None:
        assert self._listener is not None
        try:
            sock, _ = self._listener.socket.accept()
        except OSError:
            return  # it is closed already
        sock.setblocking(False)
        waiting = [user for user in self._list_users() if not user.authenticated]
        if len(waiting) >= MAX_UNAUTHENTICATED:
            self._drop_user(waiting[0])
        with self._lock:
            self._users.append(PortUser(sock))

    def _transfer_bytes(self, user: PortUser, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                user.flush()
            if events & selectors.EVENT_READ:
                data = user.sock.recv(_CHUNK)
                if not data:
                    self._drop_user(user)
                    return
                for asked in user.split_requests(data):
                    if isinstance(asked, Request):
                        self._queue.put(asked)
                    elif not self._check_token(user, asked):
                        self._drop_user(user)
                        return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop_user(user)

    def _check_token(self, user: PortUser, greeting: bytes) -> bool:
        """Whether the program has sent the token; without it, it gets no answer."""
        try:
            said = json.loads(greeting)
            token, description = said["token"], f"`{said['command']}` (process {said['pid']})"
        except (ValueError, KeyError, TypeError):
            return False
        if self._listener is None or not self._listener.accepts_token(token):
            return False
        user.send(frames.encode(WELCOME))  # before any push
        user.authenticated, user.description = True, description
        return True

    def _drop_user(self, user: PortUser) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(user.sock)
        user.sock.close()
        with self._lock:
            if user in self._users:
                self._users.remove(user)
        self._queue.drop_user(user)

    def _close_all(self) -> None:
        self._closing.set()
        if self._listener is not None:
            self._listener.close()
        for user in self._list_users():
            with contextlib.suppress(OSError):
                user.flush()
            self._drop_user(user)
        self._selector.close()
        self._woken.close()

    # ---- the wrap's thread

    def _serve_wrap(self) -> None:
        self._link.should_give_up = lambda noise: self._closing.is_set() or self._queue.has_urgent()
        clock = self._transport.monotonic
        heard_s = clock() - TALK_S
        try:
            while not self._closing.is_set():
                now_s = clock()
                request = self._queue.take(now_s, max(0.0, heard_s + TALK_S - now_s))
                if request is None and self._closing.is_set():
                    return
                if request is None:
                    self._link.listen(LISTEN_S, self._send_push)
                    continue
                self._execute_request(request)
                self._wake_sockets()
                heard_s = clock()
        except WrapError as problem:
            self.failure = problem
        finally:
            self._closing.set()
            self._wake_sockets()

    def _execute_request(self, request: Request) -> None:
        if request.method in EXCLUSIVE and not request.user.own:
            request.send_error(errors.NOT_NOW, "the port is shared: this needs it alone")
            return
        try:
            request.send_result({"r": self._ask_wrap(request)})
        except DeviceError as refusal:
            request.send_error(refusal.device_code, refusal.text)
        except UsageError as problem:
            request.send_error(errors.BAD_PARAM, problem.message)
        except LinkLost:
            request.user.forget_pending(request)  # it repeats the request
            return
        self._queue.note_done(request, self._transport.monotonic())

    def _ask_wrap(self, request: Request) -> Any:
        if request.method == "telemetry" and _is_subscription(request.params):
            return self._merge_subscriptions(request.user, request.params)
        return self._link.call(
            request.method,
            request.params,
            behind=request.behind,
            timeout_s=COMMIT_S if request.method in _SLOW else None,
            on_push=lambda name, params: self._forward_push(request.user, name, params),
        )

    def _merge_subscriptions(self, user: PortUser, params: dict[str, Any]) -> Any:
        """Merge all subscriptions into the wrap's one: the shortest period and the latest end."""
        now_s = self._transport.monotonic()
        lease_ms = params.get("ms", limits.LEASE_MS)
        user.every_s, user.until_s = params["every_ms"] / 1000, now_s + lease_ms / 1000
        user.sent_s = 0.0
        live = [u for u in self._list_users() if u.every_s and u.until_s > now_s]
        self._every_ms = round(min((u.every_s for u in live), default=0.0) * 1000)
        merged = {"every_ms": self._every_ms}
        if live:
            merged["ms"] = max(1, round((max(u.until_s for u in live) - now_s) * 1000))
        self._link.call("telemetry", merged, on_push=self._send_push)
        return {"every_ms": params["every_ms"]}

    def _forward_push(self, user: PortUser, name: str, params: dict[str, Any]) -> None:
        """Forward a push that arrives during a request; bytes of the log go only to `user`."""
        if name != "raw":
            self._send_push(name, params)
            return
        about = {"o": params.get("o"), "size": len(params["d"])}
        user.send(_push_line("raw", about) + params["d"])

    def _send_push(self, name: str, params: dict[str, Any]) -> None:
        """Send a sample to every program that is due one, any other push to all."""
        now_s = self._transport.monotonic()
        line = _push_line(name, params)
        for user in self._list_users():
            if name == "sample" and not self._wants_sample(user, now_s):
                continue
            if user.authenticated and user.send(line, may_drop=True):
                user.sent_s = now_s
        self._wake_sockets()

    def _wants_sample(self, user: PortUser, now_s: float) -> bool:
        if not user.every_s or now_s >= user.until_s:
            return False
        as_often = user.every_s * 1000 <= self._every_ms
        return as_often or now_s - user.sent_s >= 0.9 * user.every_s


def _is_subscription(params: dict[str, Any]) -> bool:
    """Whether the wrap would accept it. If not, the wrap is asked, so that it gives the reason."""
    every, lease = params.get("every_ms"), params.get("ms", limits.LEASE_MS)
    if type(every) is not int or type(lease) is not int:
        return False
    return (every == 0 or _LEAST_MS <= every <= _MOST_MS) and 1 <= lease <= _MOST_MS


def _push_line(name: str, params: dict[str, Any]) -> bytes:
    body = json.dumps({"n": name, "p": params}, separators=(",", ":"))
    return frames.encode(body.encode("ascii"))
