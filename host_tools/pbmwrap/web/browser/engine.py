"""The connection to a wrap without I/O: takes received bytes and the time, returns bytes to send.

It does for a page in the browser what `hub.py` does in the server, over the bytes of any port:
those of a simulated wrap in another worker, or of Web Serial. Connecting sends nothing that changes
a session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pbmwrap.device.answers import parse_answer
from pbmwrap.device.client import Client
from pbmwrap.device.link import (
    FLUSH,
    ID_RANGE,
    MessageReader,
    encode_request,
    end_with_newline,
    reports_damage,
)
from pbmwrap.device.models import Hello
from pbmwrap.device.status_poll import TELEMETRY_LEASE_MS, StatusPoll, merge_sample
from pbmwrap.errors import DeviceError, LinkLost, NoDevice, NotAWrap, WrapError
from pbmwrap.web.browser.replay import Answer, Pending, ReplayClient, ReplayLink, Request
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
from wrap.version import LINK_VERSION, PRODUCT

URGENT, NORMAL = 0, 1  # a stop overtakes a transfer; all others take turns
HELLO_S, HELLO_ATTEMPTS = 1.0, 3  # the same request: a late answer counts
_PROMPT = b">>> "
_NOISE_KEPT = 512


class _Job:
    def __init__(
        self,
        act: Callable[[Client], Any],
        on_done: Callable[[Any], object],
        on_failed: Callable[[WrapError], object],
        rank: int,
    ) -> None:
        self.act = act
        self.on_done = on_done
        self.on_failed = on_failed
        self.rank = rank
        self.link = ReplayLink()
        self.client = ReplayClient(self.link)


class _Flight:
    """A request that was sent and is not answered."""

    def __init__(self, job: _Job, request: Request, number: int) -> None:
        self.job = job
        self.request = request
        self.number = number
        line = encode_request(number, request.method, request.params)
        self.line = line + end_with_newline(request.behind)
        self.sent = 0
        self.due_s = 0.0
        self.pushes: list[tuple[str, dict[str, Any]]] = []


class Engine:
    """One wrap at `port`. first_id: number of the first request, different in each page."""

    def __init__(self, port: str, simulated: bool, first_id: int) -> None:
        self.port = port
        self.simulated = simulated
        self.state = "searching"
        self.message = ""
        self.hint = ""
        self.reason = ""  # why there is no wrap: a key of the texts `serial.reason`
        self._noise = b""
        self._frames_before = 0  # the greeting
        self.hello: Hello | None = None
        self.history = History()
        self.speed = 1
        self._now_s = 0.0  # of this machine
        self._wrap_s = 0.0  # of the wrap; only differences have a meaning
        self._utc_ms = 0
        self._id = first_id % ID_RANGE
        self._reader = MessageReader()
        self._fresh = False
        self._flight: _Flight | None = None
        self._jobs: list[_Job] = []
        self._out = bytearray()
        self._events: list[tuple[str, Any]] = []
        self._misses = 0
        self._connected = False
        self._polling = False  # a job of its own is waiting or under way
        self._status_poll = StatusPoll()
        self._renew_due_s = self._hello_due_s = 0.0
        self._status: dict[str, Any] | None = None  # the last one
        self._published_s = 0.0  # when a status was published
        self._renewed = False  # the telemetry, since the status was asked for
        self._active = False
        self._limits: dict[str, int] = {}
        self._limits_key: tuple[Any, ...] | None = None
        self._uptime_s = (0, 0.0)
        self.publish_state()

    # ---- for the owner

    def pump(self, now_s: float, utc_ms: int, wrap_s: float, data: bytes) -> None:
        """Take received bytes, and do what is due. wrap_s: a clock that runs as the wrap's."""
        self._now_s, self._utc_ms, self._wrap_s = now_s, utc_ms, wrap_s
        if data:
            self._noise = (self._noise + data)[-_NOISE_KEPT:]
            self._reader.feed(data, self._take_push)
            self._take_answers()
        self._check_deadline()
        self._poll()
        self._work()

    def take_output(self) -> bytes:
        """Return the bytes to send."""
        out, self._out = bytes(self._out), bytearray()
        return out

    def take_events(self) -> list[tuple[str, Any]]:
        """Return the events for the pages: (name, data)."""
        events, self._events = self._events, []
        return events

    def now(self) -> tuple[int, float]:
        """Return UTC in ms and the wrap's clock in s, as the last `pump` gave them."""
        return self._utc_ms, self._wrap_s

    def add_job(
        self,
        act: Callable[[Client], Any],
        on_done: Callable[[Any], object],
        on_failed: Callable[[WrapError], object],
        rank: int = NORMAL,
    ) -> None:
        """Run a function that needs the wrap. Fails at once while there is none."""
        if not self._connected:
            what = self.message or "no wrap is connected yet"
            on_failed(NoDevice(what, self.hint or "plug the wrap in"))
            return
        self._jobs.append(_Job(act, on_done, on_failed, rank))

    def refresh(self, limits_changed: bool = False) -> None:
        """Read the status again soon."""
        if limits_changed:
            self._limits_key = None
        self._status_poll.ask_now()

    def progress(self, done: int, total: int) -> None:
        """Publish how much of the log has been read, bytes."""
        self._events.append(("progress", {"done": done, "total": total}))

    def lose(self, message: str, hint: str, reason: str = "silent") -> None:
        """The port is gone: fail what waits, and look for the wrap again when bytes arrive."""
        jobs, self._jobs = self._jobs, []
        if self._flight is not None:
            jobs.insert(0, self._flight.job)
            self._flight = None
        self._connected = self._polling = False
        self._fresh = False
        self._hello_due_s = self._now_s + RETRY_S
        self._set_state("lost" if self.hello else "searching", message, hint, reason)
        for job in jobs:
            job.on_failed(LinkLost(message, hint))

    def publish_state(self) -> None:
        """Publish the connection's state."""
        state = {
            "connection": self.state,
            "message": self.message,
            "hint": self.hint,
            "reason": self.reason,
            "port": self.port,
            "simulated": self.simulated,
            "hello": self.hello.as_json() if self.hello else None,
            "actor": True,
        }
        self._events.append(("state", state))

    def _set_state(self, state: str, message: str = "", hint: str = "", reason: str = "") -> None:
        new = (state, message, hint, reason)
        if new != (self.state, self.message, self.hint, self.reason):
            self.state, self.message, self.hint, self.reason = new
            self.publish_state()

    # ---- requests

    def _work(self) -> None:
        """Run jobs until one needs an answer."""
        while self._flight is None and self._jobs:
            ranks = [job.rank for job in self._jobs]
            self._run(self._jobs.pop(ranks.index(min(ranks))))

    def _run(self, job: _Job) -> None:
        job.link.begin()
        try:
            value = job.act(job.client)
        except Pending as pending:
            self._id = (self._id + 1) % ID_RANGE
            try:
                self._flight = _Flight(job, pending.request, self._id)
            except WrapError as problem:
                job.on_failed(problem)
                return
            self._send()
        except WrapError as problem:
            job.on_failed(problem)
        else:
            job.on_done(value)

    def _send(self) -> None:
        flight = self._flight
        assert flight is not None
        self._reader.drop_raw()
        # As in device/link.py: ends half a line that an earlier program may have sent.
        self._out += flight.line if self._fresh else FLUSH + flight.line
        self._fresh = True
        flight.sent += 1
        flight.due_s = self._now_s + flight.request.timeout_s

    def _take_answers(self) -> None:
        arrived = self._reader.take_answers()
        flight = self._flight
        if flight is None:
            return
        for message in arrived:
            if message.get("i") == flight.number:
                self._finish(message)
                return
        if any(map(reports_damage, arrived)):
            flight.due_s = self._now_s

    def _check_deadline(self) -> None:
        flight = self._flight
        if flight is None or self._now_s < flight.due_s:
            return
        if flight.sent < flight.request.attempts:
            self._fresh = False
            self._send()
            return
        method = flight.request.method
        problem = LinkLost(f"{self.port} does not answer {method} ({flight.sent} tries)")
        self._continue(Answer(None, problem, [], flight.sent - 1))

    def _finish(self, message: dict[str, Any]) -> None:
        flight = self._flight
        assert flight is not None
        error = None
        if "e" in message:
            code, text = message["e"]
            error = DeviceError(code, text, flight.request.method)
        self._continue(Answer(message.get("r"), error, flight.pushes, flight.sent - 1))

    def _continue(self, answer: Answer) -> None:
        flight = self._flight
        assert flight is not None
        self._flight = None
        flight.job.link.add(answer)
        self._jobs.append(flight.job)

    # ---- live data

    def _poll(self) -> None:
        if self._polling:
            return
        if not self._connected:
            if self._now_s >= self._hello_due_s:
                self._noise = b""
                self._frames_before = self._reader.frames_seen
                self._start_poll(_greet, self._take_hello)
            return
        is_due = self._status_poll.is_due(self._now_s, self.speed)
        if self._now_s >= self._renew_due_s or (
            is_due and self._status_poll.is_silent(self._now_s) and not self._renewed
        ):
            self._renewed = True
            self._renew_due_s = self._now_s + (RENEW_FAST_S if self.speed > 1 else RENEW_S)
            params = {
                "every_ms": choose_period_ms(self._wall_ms(), self.speed),
                "ms": TELEMETRY_LEASE_MS,
            }
            self._start_poll(lambda client: _call(client, "telemetry", params), self._pass)
        elif is_due:
            self._renewed = False
            self._status_poll.note_asked(self._now_s)
            self._start_poll(lambda client: _call(client, "status"), self._take_status)

    def _wall_ms(self) -> int:
        """Return the time between two samples."""
        return LIT_MS if self._active else DARK_MS

    def _start_poll(self, act: Callable[[Client], Any], on_done: Callable[[Any], object]) -> None:
        self._polling = True

        def done(value: Any) -> None:
            self._polling = False
            self._misses = 0
            if self._connected:
                self._set_state("connected")
            on_done(value)

        self._jobs.append(_Job(act, done, self._miss, NORMAL))

    def _pass(self, value: Any) -> None:
        pass

    def _miss(self, problem: WrapError) -> None:
        self._polling = False
        self._renew_due_s = 0.0  # what has failed is asked again
        self._status_poll.ask_now()
        self._misses += 1
        if not self._connected:
            self._hello_due_s = self._now_s + RETRY_S
            state = "lost" if self.hello else "searching"
            self._set_state(state, problem.message, problem.hint, self._find_reason(problem))
        elif self._misses >= MISSES:
            self.lose(f"the wrap at {self.port} does not answer", "check the cable")
        elif self._misses == MISSES - 1:
            text = f"the wrap at {self.port} does not answer"
            self._set_state("lost", text, "check the cable", "silent")

    def _find_reason(self, problem: WrapError) -> str:
        """Return why the greeting failed."""
        if isinstance(problem, WrongVersion):
            return "version"
        if _PROMPT in self._noise:
            return "prompt"
        heard = self._noise and self._reader.frames_seen == self._frames_before
        return "other" if heard or not isinstance(problem, LinkLost) else "silent"

    def _take_hello(self, hello: Hello) -> None:
        self.hello = hello
        self._connected = True
        self._limits_key = None
        self._status_poll = StatusPoll()
        self._status = None
        self._renew_due_s = 0.0
        self.state = ""
        self._set_state("connected")

    def _take_push(self, name: str, params: dict[str, Any]) -> None:
        if name == "sample":
            self._take_sample(params)
        elif self._flight is not None:
            self._flight.pushes.append((name, params))

    def _take_sample(self, sample: dict[str, Any]) -> None:
        if not self._connected:
            return
        self._note_active(sample.get("state") in ACTIVE)
        self._status_poll.note_sample(sample, self._now_s, self._wall_ms())
        self.history.add(sample, self._wrap_s)
        uptime_s, then_s = self._uptime_s
        described = describe_sample(sample, self._utc_ms, uptime_s + self._wrap_s - then_s)
        self._events.append(("sample", described))
        if self._active and self._status and self._now_s - self._published_s >= STATUS_S:
            self._publish_status(merge_sample(self._status, sample, self._wrap_s - then_s))

    def _note_active(self, active: bool) -> None:
        if active != self._active:
            self._active = active
            self._renew_due_s = 0.0
            self._status_poll.ask_now()  # other figures change as well

    def _take_status(self, status: Any) -> None:
        if not isinstance(status, dict):
            self._miss(LinkLost(f"{self.port} gave a status that cannot be read"))
            return
        uptime_s = status.get("uptime_s") or 0
        restarted = uptime_s < self._uptime_s[0]
        self._uptime_s = uptime_s, self._wrap_s
        if restarted:
            self._renew_due_s = 0.0
            self._start_poll(_read_hello, self._take_hello)
            return
        self._note_active(status.get("state") in ACTIVE)
        if isinstance(status.get("session"), int):
            self.history.note_session(status["session"])
        key = make_limits_key(status, self.hello)
        self._status = status
        if key == self._limits_key:
            self._publish_status(status)
            return

        def take(found: dict[str, int]) -> None:
            self._limits, self._limits_key = found, key
            self._publish_status(status)

        self._start_poll(lambda client: read_limits(client, status), take)

    def _publish_status(self, status: dict[str, Any]) -> None:
        self._published_s = self._now_s
        self._events.append(("status", {**status, "limits": self._limits}))


def _call(client: Client, method: str, params: dict[str, Any] | None = None) -> Any:
    return client.call(method, params, timeout_s=ANSWER_S, attempts=1)


class WrongVersion(NotAWrap):
    """The wrap uses another version of the link."""


def _greet(client: Client) -> Hello:
    """Ask for `hello`. Raises WrapError."""
    answer = client.call("hello", timeout_s=HELLO_S, attempts=HELLO_ATTEMPTS)
    if not isinstance(answer, dict) or answer.get("product") != PRODUCT:
        raise NotAWrap("this is not a wrap")
    if answer.get("link") != LINK_VERSION:
        text = f"the wrap uses link version {answer.get('link')}, this page {LINK_VERSION}"
        raise WrongVersion(text, "install the firmware of this page")
    try:
        return parse_answer(Hello, answer)
    except LinkLost as problem:
        raise WrongVersion(problem.message, problem.hint) from problem


def _read_hello(client: Client) -> Hello:
    return client.hello()
