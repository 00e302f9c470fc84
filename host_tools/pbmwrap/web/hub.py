"""Owns the connection to the wrap: connects, reconnects, reads samples, lends connections.

One thread reads samples and the status. Requests of pages use connections of their own to the same
wrap (docs/decisions/0022), so that a stop never waits for a log transfer. Connecting and closing
send nothing that changes a session.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.device.shared import SharedTransport
from pbmwrap.device.status_poll import TELEMETRY_LEASE_MS, StatusPoll, merge_sample
from pbmwrap.errors import DeviceError, LinkLost, NoDevice, PortBusy, WrapError
from pbmwrap.web.history import ACTIVE, History
from pbmwrap.web.live import (
    ANSWER_S,
    DARK_MS,
    LIT_MS,
    MISSES,
    RENEW_FAST_S,
    RENEW_S,
    RETRY_S,
    STATUS_S,
    choose_period_ms,
    describe_sample,
    make_limits_key,
    read_limits,
)
from pbmwrap.web.world import SimulatedWrap

LISTEN_S = 0.1
IDLE_CONNECTIONS = 4

OpenWrap = Callable[[], tuple[Client, Hello]]
Publish = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class Connection:
    """What pages see of the connection. state: connected, searching, busy or lost."""

    state: str = "searching"
    message: str = ""
    hint: str = ""
    hello: Hello | None = None


class Hub:
    """Serves one wrap from `start` to `close`.

    open_wrap: opens a shared connection to the wrap; raises WrapError. publish: takes `status`,
    `sample` and `world` events. on_state: called when `connection` has changed. lit_ms, dark_ms:
    between two samples, with and without a session. world: the simulated wrap, if it is one.
    """

    def __init__(
        self,
        port: str,
        open_wrap: OpenWrap,
        publish: Publish,
        on_state: Callable[[], None],
        world: SimulatedWrap | None = None,
        lit_ms: int = LIT_MS,
        dark_ms: int = DARK_MS,
    ) -> None:
        self.port = port
        self.world = world
        self.connection = Connection()
        self.history = History()
        self._open_wrap = open_wrap
        self._publish = publish
        self._on_state = on_state
        self._lit_ms, self._dark_ms = lit_ms, dark_ms
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._main: SharedTransport | None = None
        self._idle: list[Client] = []
        self._was_connected = False
        self._active = False
        self._limits: dict[str, int] = {}
        self._limits_key: tuple[Any, ...] | None = None
        self._uptime_s = (0, 0.0)  # the wrap's, at this time of `now_s`
        self._world_state: dict[str, Any] = {}
        self._poll = StatusPoll()
        self._renew_due_s = 0.0
        self._status: dict[str, Any] | None = None  # the last one
        self._published_s = 0.0  # when a status was published
        self._thread = threading.Thread(target=self._run, name="pbmwrap hub", daemon=True)

    def start(self) -> None:
        """Begin to connect, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Close the port. A session goes on."""
        self._closing.set()
        self._thread.join()

    @contextmanager
    def borrow(self) -> Iterator[tuple[Client, Hello]]:
        """Lend a connection to the wrap, to one thread. Raises NoDevice while there is none."""
        main, hello, client = self._take_connection()
        try:
            client = client or Client(main.open_another())
        except OSError as problem:
            raise LinkLost(f"{self.port} was closed: {problem}") from problem
        try:
            yield client, hello
        except DeviceError:
            self._give_back(main, client)
            raise
        except BaseException:
            client.close()
            raise
        self._give_back(main, client)

    def refresh(self, limits_changed: bool = False) -> None:
        """Read the status again soon, after a request of a page may have changed it."""
        if limits_changed:
            self._limits_key = None
        self._poll.ask_now()

    def limit_speed(self, most: int) -> None:
        """Let a simulated wrap's time run at most `most` times as fast as the wall clock."""
        if self.world is not None and self.world.speed > most:
            self.world.change("speed", most)
            self.world_changed()

    @contextmanager
    def around_bottle(self) -> Iterator[None]:
        """Lay a simulated wrap around a bottle of water meanwhile, as a person does a real one."""
        with self.world.around_bottle() if self.world else nullcontext():
            yield

    def world_changed(self) -> None:
        """Publish the world's state if it differs from the last one."""
        if self.world is None:
            return
        state = self.world.state()
        if state != self._world_state:
            self._world_state = state
            self._publish("world", state)

    # ---- connections

    def _take_connection(self) -> tuple[SharedTransport, Hello, Client | None]:
        with self._lock:
            hello = self.connection.hello
            if self._main is None or hello is None:
                now = self.connection
                what = now.message or "no wrap is connected yet"
                raise NoDevice(what, now.hint or "plug the wrap in; the page finds it by itself")
            return self._main, hello, self._idle.pop() if self._idle else None

    def _give_back(self, main: SharedTransport, client: Client) -> None:
        with self._lock:
            if main is self._main and len(self._idle) < IDLE_CONNECTIONS:
                self._idle.append(client)
                return
        client.close()

    def _set_main(self, main: SharedTransport | None) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
            self._main = main
        for client in idle:
            client.close()

    def _set_connection(self, connection: Connection) -> None:
        if connection != self.connection:
            self.connection = connection
            self._on_state()

    # ---- the thread

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._connect_once()
            except WrapError as problem:
                self._note_failure(problem)
            except Exception as bug:  # whatever happens, the next attempt may succeed
                traceback.print_exception(bug, file=sys.stderr)
                self._note_failure(WrapError(f"{type(bug).__name__} in the server: {bug}"))
            self.world_changed()
            self._closing.wait(RETRY_S)

    def _note_failure(self, problem: WrapError) -> None:
        if self._closing.is_set():
            return
        state = "lost" if self._was_connected else "searching"
        if isinstance(problem, PortBusy):
            state = "busy"
        hello = self.connection.hello
        self._set_connection(Connection(state, problem.message, problem.hint, hello))

    def _connect_once(self) -> None:
        client, hello = self._open_wrap()
        try:
            assert isinstance(client.transport, SharedTransport)
            self._set_main(client.transport)
            self._was_connected = True
            self._limits_key = None
            self._poll = StatusPoll()
            self._status = None
            self._renew_due_s = 0.0
            self._set_connection(Connection("connected", hello=hello))
            self._serve(client)
        finally:
            self._set_main(None)
            if self._closing.is_set():
                with suppress(WrapError):  # else the lease ends by itself
                    client.call("telemetry", {"every_ms": 0}, timeout_s=0.5, attempts=1)
            client.close()

    def _serve(self, client: Client) -> None:
        """Read samples and the status until the connection is lost. Raises WrapError."""
        misses = 0
        while not self._closing.is_set():
            try:
                self._ask_what_is_due(client)
                misses = 0
                if self.connection.state != "connected":
                    self._set_connection(Connection("connected", hello=self.connection.hello))
            except LinkLost:
                self._poll.ask_now()  # it may have been the status
                misses += 1
                if misses >= MISSES:
                    raise
                if misses == MISSES - 1:
                    message = f"the wrap at {self.port} does not answer"
                    hello = self.connection.hello
                    self._set_connection(Connection("lost", message, "check the cable", hello))
                continue
            client.link.listen(LISTEN_S, self._take_push)
            self.world_changed()

    def _ask_what_is_due(self, client: Client) -> None:
        now_s = time.monotonic()
        is_due = self._poll.is_due(now_s, self.speed)
        if now_s >= self._renew_due_s or (is_due and self._poll.is_silent(now_s)):
            params = {
                "every_ms": choose_period_ms(self._wall_ms(), self.speed),
                "ms": TELEMETRY_LEASE_MS,
            }
            self._renew_due_s = 0.0  # if it fails
            self._call(client, "telemetry", params)
            self._renew_due_s = now_s + (RENEW_FAST_S if self.speed > 1 else RENEW_S)
        if is_due:
            self._poll.note_asked(now_s)
            self._take_status(client, self._call(client, "status"))

    def _wall_ms(self) -> int:
        """Return the time between two samples."""
        return self._lit_ms if self._active else self._dark_ms

    @property
    def speed(self) -> int:
        """How many times as fast as the wall clock the wrap's time runs."""
        return self.world.speed if self.world else 1

    def _call(self, client: Client, method: str, params: dict[str, Any] | None = None) -> Any:
        return client.call(method, params, timeout_s=ANSWER_S, attempts=1, on_push=self._take_push)

    def now_s(self) -> float:
        """Return seconds of the wrap's time; only differences have a meaning."""
        return self.world.now_s() if self.world else time.monotonic()

    def _take_push(self, name: str, params: dict[str, Any]) -> None:
        if name == "sample":
            self.take_sample(params)

    def take_sample(self, sample: dict[str, Any]) -> None:
        """Keep and publish one sample, as the link gives it."""
        now_s = self.now_s()
        self._note_active(sample.get("state") in ACTIVE)
        self._poll.note_sample(sample, time.monotonic(), self._wall_ms())
        self.history.add(sample, now_s)
        uptime_s, then_s = self._uptime_s
        at_ms = round(time.time() * 1000)
        self._publish("sample", describe_sample(sample, at_ms, uptime_s + now_s - then_s))
        if self._active and self._status and time.monotonic() - self._published_s >= STATUS_S:
            self._publish_status(merge_sample(self._status, sample, now_s - then_s))

    def _note_active(self, active: bool) -> None:
        if active != self._active:
            self._active = active
            self._renew_due_s = 0.0
            self._poll.ask_now()  # other figures change as well

    def _take_status(self, client: Client, status: Any) -> None:
        if not isinstance(status, dict):
            raise LinkLost(f"{self.port} gave a status that cannot be read")
        uptime_s = status.get("uptime_s") or 0
        restarted = uptime_s < self._uptime_s[0]
        self._uptime_s = uptime_s, self.now_s()
        if restarted:
            self._renew_due_s = 0.0
            hello = client.hello()
            self._set_connection(Connection("connected", hello=hello))
        self._note_active(status.get("state") in ACTIVE)
        if isinstance(status.get("session"), int):
            self.history.note_session(status["session"])
        self._refresh_limits(client, status)
        self._status = status
        self._publish_status(status)

    def _publish_status(self, status: dict[str, Any]) -> None:
        self._published_s = time.monotonic()
        self._publish("status", {**status, "limits": self._limits})

    def _refresh_limits(self, client: Client, status: dict[str, Any]) -> None:
        """Read the limits in force again when the protocol or the wrap has changed."""
        key = make_limits_key(status, self.connection.hello)
        if key == self._limits_key:
            return
        self._limits = read_limits(client, status)
        self._limits_key = key
