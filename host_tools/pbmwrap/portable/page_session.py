"""A page's conversation with a wrap over any stream of bytes, without a port and without a clock.

Greets the wrap, asks for samples and the status, and carries out the page's requests, all over one
link. The caller passes on what arrives (`take`), lets time pass (`tick`), and fetches with `drain`
what is to be sent and to be shown. Nothing that this sends by itself changes a session.
"""

from __future__ import annotations

from typing import Any

from pbmwrap.errors import DeviceError, LinkLost, WrapError
from pbmwrap.portable import page_requests
from pbmwrap.portable.conversation import Conversation
from pbmwrap.portable.history import ACTIVE, History
from pbmwrap.portable.transfers import Reply, Request
from wrap.version import LINK_VERSION, PRODUCT

ANSWER_MS = 2000
ATTEMPTS = 4
POLL_ATTEMPTS = 2
HELLO_MS = 1000
RETRY_MS = 1000  # between two greetings without an answer
STATUS_MS = 1000
LIT_MS, DARK_MS = 250, 1000  # between two samples
LEASE_MS, RENEW_MS = 5000, 2500
# Of a simulated wrap whose time runs faster than the page's: in its time, and in the page's.
FAST_LEASE_MS, FAST_RENEW_MS = 60_000, 300
_PROMPT = b">>> "
_URGENT = (("session", "stop"), ("session", "pause"))


class Job:
    """A request of the page, or one of the session's own (number None), under way.

    steps: yields requests and is sent replies. reply, error: for its next step.
    """

    def __init__(self, number: int | None, name: str, steps: Any, urgent: bool = False) -> None:
        self.number = number
        self.name = name
        self.steps = steps
        self.urgent = urgent
        self.reply: Reply | None = None
        self.error: WrapError | None = None

    def advance(self) -> Request:
        """Return the next request. Raises StopIteration at the end, or what the steps raise."""
        reply, self.reply = self.reply, None
        error, self.error = self.error, None
        if error is not None:
            return self.steps.throw(error)
        return self.steps.send(reply)


class PageSession:
    """One wrap at one port. examples: rows of the protocols that come with the page."""

    def __init__(self, first_id: int, examples: list[dict[str, Any]]) -> None:
        self.examples = examples
        self.history = History()
        self.hello: dict[str, Any] | None = None
        self.status: dict[str, Any] | None = None
        self.now_ms = 0
        self.unix_ms = 0
        self.pulls = False  # a log transfer is under way
        self.speed = 1  # of a simulated wrap's time
        self._wrap_ms = 0  # a clock that runs as the wrap's
        self._conversation = Conversation(first_id)
        self._jobs: list[Job] = []
        self._flying: Job | None = None  # whose request is in flight
        self._deadline_ms = self._timeout_ms = self._attempts_left = 0
        self._repeated = False
        self._raws: list[dict[str, Any]] = []
        self._open = False
        self._connection = "searching"
        self._greet_due_ms = self._poll_due_ms = self._renew_due_ms = 0
        self._polls = False
        self._active = False
        self._limits: dict[str, int] = {}
        self._limits_key: Any = None
        self._uptime = (0, 0)  # the wrap's in s, at this time of its clock
        self._out: dict[str, list[Any]] = {}
        self.drain()

    # ---- what the caller uses

    def set_time(self, now_ms: int, unix_ms: int, wrap_ms: int | None = None) -> None:
        """Set the time before any other call. now_ms: of a clock that only rises; wrap_ms: of one
        that runs as the wrap's, if that is another."""
        self.now_ms, self.unix_ms = now_ms, unix_ms
        self._wrap_ms = now_ms if wrap_ms is None else wrap_ms

    def begin(self, name: str, args: list[Any]) -> Any:
        """Return the answer to a request of the page, or the steps to it. Raises WrapError."""
        return page_requests.begin(self, name, args)

    def open(self) -> None:
        """Begin: the port is open."""
        self._open = True
        self._conversation.distrust()
        self._greet_due_ms = self.now_ms
        self.tick()

    def close(self) -> None:
        """End: the port is closed or lost. What is under way fails."""
        self._open = False
        self._set_connection("lost", "unplugged")
        self._fail_all()

    def ask(self, number: int, name: str, args: list[Any]) -> None:
        """Begin a request of the page; its answer has this number."""
        try:
            steps = self.begin(name, args)
        except WrapError as problem:
            self._answer_error(number, problem)
            return
        if not hasattr(steps, "send"):
            self._out["answers"].append([number, {"r": steps}])
        elif self._connection != "connected":
            steps.close()
            self._answer_error(number, LinkLost("no wrap is connected", "plug it in"))
        else:
            urgent = tuple([name] + args[:1]) in _URGENT
            self._jobs.append(Job(number, name, steps, urgent))
            self._pump()

    def take(self, data: bytes) -> None:
        """Handle bytes that arrived."""
        for name, params in self._conversation.take(data):
            if name == "raw":
                self._raws.append(params)
            elif name == "sample":
                self._take_sample(params)
        job = self._flying
        if job is None:
            return
        answer = self._conversation.answer
        if answer is None:
            if self._conversation.is_damaged:
                self._repeat_or_give_up()
            return
        self._flying = None
        if "e" in answer:
            job.error = DeviceError(answer["e"][0], answer["e"][1], job.name)
        else:
            job.reply = Reply(answer["r"], self._raws, self._repeated)
        self._jobs.append(job)
        self._pump()

    def tick(self) -> None:
        """Let time pass: repeat what was not answered, and do what is due."""
        if self._flying is not None and self.now_ms >= self._deadline_ms:
            self._repeat_or_give_up()
        if not self._open:
            return
        if self._connection != "connected":
            if not self._polls and self.now_ms >= self._greet_due_ms:
                self._begin_own("hello", self._greet())
        elif not self._polls and self.now_ms >= self._poll_due_ms:
            self._begin_own("status", self._poll())

    def drain(self) -> dict[str, list[Any]]:
        """Return what has come up: `send` (bytes), `events` ([name, data]), `answers` ([number,
        {"r"} or {"e"}])."""
        found = self._out
        self._out = {"send": [], "events": [], "answers": []}
        return found

    def publish(self, name: str, data: Any) -> None:
        """Add an event for the page."""
        self._out["events"].append([name, data])

    def refresh(self, limits_changed: bool = False) -> None:
        """Read the status again at once, after something was changed."""
        self._poll_due_ms = 0
        if limits_changed:
            self._limits_key = None

    # ---- requests in flight

    def _begin_own(self, name: str, steps: Any) -> None:
        self._polls = True
        self._jobs.append(Job(None, name, steps))
        self._pump()

    def _next_job(self) -> Job:
        for i in range(len(self._jobs)):
            if self._jobs[i].urgent:
                return self._jobs.pop(i)
        return self._jobs.pop(0)

    def _pump(self) -> None:
        """Send the next request of the next job, in turn; urgent ones first."""
        while self._flying is None and self._jobs:
            job = self._next_job()
            try:
                request = job.advance()
                line = self._conversation.begin(request.method, request.params, request.behind)
            except StopIteration as done:
                self._end(job, done.value)
            except WrapError as problem:
                self._end_by(job, problem)
            else:
                self._fly(job, request, line)

    def _fly(self, job: Job, request: Request, line: bytes) -> None:
        usual = HELLO_MS if job.name == "hello" else ANSWER_MS
        self._flying = job
        self._raws = []
        self._repeated = False
        self._timeout_ms = int(request.timeout_s * 1000) if request.timeout_s else usual
        self._deadline_ms = self.now_ms + self._timeout_ms
        own = 1 if job.name == "hello" else POLL_ATTEMPTS
        self._attempts_left = (own if job.number is None else ATTEMPTS) - 1
        self._out["send"].append(line)

    def _repeat_or_give_up(self) -> None:
        job = self._flying
        assert job is not None
        if self._attempts_left > 0:
            self._attempts_left -= 1
            self._repeated = True
            self._raws = []
            self._deadline_ms = self.now_ms + self._timeout_ms
            self._out["send"].append(self._conversation.repeat())
            return
        self._flying = None
        self._conversation.distrust()
        job.error = LinkLost("the wrap does not answer", "check the cable")
        self._jobs.append(job)
        if job.number is None and self._connection == "connected":
            self._set_connection("lost", "silent")
            self._greet_due_ms = self.now_ms
        self._pump()

    def _end(self, job: Job, result: Any) -> None:
        if job.number is None:
            self._polls = False
        else:
            self._out["answers"].append([job.number, {"r": result}])

    def _end_by(self, job: Job, problem: WrapError) -> None:
        if job.number is not None:
            self._answer_error(job.number, problem)
            return
        self._polls = False
        self._poll_due_ms = self.now_ms + STATUS_MS

    def _answer_error(self, number: int, problem: WrapError) -> None:
        error = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        self._out["answers"].append([number, {"e": error}])

    def _fail_all(self) -> None:
        jobs, self._jobs = self._jobs, []
        if self._flying is not None:
            jobs.append(self._flying)
            self._flying = None
        for job in jobs:
            job.steps.close()
            if job.number is not None:
                self._answer_error(job.number, LinkLost("the connection was lost"))
        self._polls = self.pulls = False
        self._conversation.distrust()

    # ---- the session's own requests

    def _set_connection(self, state: str, reason: str = "") -> None:
        self._connection = state
        event = {"connection": state, "reason": reason, "hello": self.hello}
        self.publish("connection", event)

    def _greet(self) -> Any:
        """Ask for `hello`; without a wrap's answer, say why, and try again later."""
        seen = self._conversation.frames_seen
        self._greet_due_ms = self.now_ms + HELLO_MS + RETRY_MS
        self._conversation.noise = b""
        try:
            hello = (yield Request("hello")).result
        except WrapError:
            noise = self._conversation.noise
            reason = "silent"
            if _PROMPT in noise:
                reason = "prompt"
            elif noise and self._conversation.frames_seen == seen:
                reason = "other"
            self._set_connection("lost" if self.hello else "searching", reason)
            return
        if not isinstance(hello, dict) or hello.get("product") != PRODUCT:
            self._set_connection("searching", "other")
        elif hello.get("link") != LINK_VERSION:
            self._set_connection("searching", "version")
        else:
            self.hello = hello
            self._poll_due_ms = self._renew_due_ms = 0
            self._limits_key = None
            self._uptime = (hello.get("uptime_s") or 0, self._wrap_ms)
            self._set_connection("connected")

    def _poll(self) -> Any:
        """Renew the samples' lease when it is due, and read the status."""
        self._poll_due_ms = self.now_ms + (STATUS_MS if self.speed == 1 else FAST_RENEW_MS)
        if self.now_ms >= self._renew_due_ms:
            fast = self.speed > 1
            self._renew_due_ms = self.now_ms + (FAST_RENEW_MS if fast else RENEW_MS)
            every_ms = (LIT_MS if self._active else DARK_MS) * self.speed
            lease_ms = FAST_LEASE_MS if fast else LEASE_MS
            yield Request("telemetry", {"every_ms": min(every_ms, lease_ms), "ms": lease_ms})
        status = (yield Request("status")).result
        if not isinstance(status, dict):
            raise LinkLost("the wrap gave a status that cannot be read")
        uptime_s = status.get("uptime_s") or 0
        if uptime_s < self._uptime[0]:  # it has restarted
            self._renew_due_ms = 0
            self.hello = (yield Request("hello")).result
            self._limits_key = None
            self._set_connection("connected")
        self._uptime = (uptime_s, self._wrap_ms)
        self._note_active(status.get("state") in ACTIVE)
        if isinstance(status.get("session"), int):
            self.history.note_session(status["session"])
        key = (status.get("slot"), status.get("next_protocol"), self.hello and self.hello["boot"])
        if key != self._limits_key:
            self._limits = yield from page_requests.read_limits(status.get("slot"))
            self._limits_key = key
        status["limits"] = self._limits
        self.status = status
        self.publish("status", status)

    def _take_sample(self, sample: dict[str, Any]) -> None:
        self._note_active(sample.get("state") in ACTIVE)
        if self.history.add(sample, self._wrap_ms / 1000):
            self._poll_due_ms = 0  # it names the session
        uptime_s, then_ms = self._uptime
        sample["at_ms"] = self.unix_ms
        sample["uptime_s"] = round(uptime_s + (self._wrap_ms - then_ms) / 1000, 1)
        self.publish("sample", sample)

    def _note_active(self, active: bool) -> None:
        if active != self._active:
            self._active = active
            self._renew_due_ms = self._poll_due_ms = 0  # other figures change as well
