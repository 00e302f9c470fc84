"""Follows a wrap for the terminal view: samples, requests by key, and a link that comes back.

No widgets here. `Watcher.follow` runs in one thread; other threads read `picture`, which is never
changed but replaced, and call `request`.
"""

from __future__ import annotations

import contextlib
import json
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pbmwrap.device.models import Hello, Sample, Status
from pbmwrap.device.status_poll import StatusPoll, estimate_wake_due_s
from pbmwrap.errors import DeviceError, LinkLost, NotAWrap, WrapError
from wrap.rules import limits, states

if TYPE_CHECKING:
    from pbmwrap.device.client import Client

BY_HAND = "to end the light, hold the wrap's button for a second or unplug the wrap"
RETRY_S = 1.0  # between two attempts to find a lost wrap
REQUEST_S = 5.0  # a key is not acted on later than this: the situation may have changed
POINT_S = 1.0  # between two points of the graph
KEPT_S = limits.SESSION_HARD_S
_NO_METHOD = "unknown_method"
_ACTIVE = tuple(states.NAMES[n] for n in states.ACTIVE)

Connect = Callable[[], "tuple[Client, Hello]"]


@dataclass(frozen=True)
class Limits:
    """The temperatures that the graph shows, mC. Board sensors have a trip only."""

    skin_trip_mc: int
    board_trip_mc: int = limits.BOARD_TRIP_MC

    @property
    def derate_from_mc(self) -> int:
        """The light is dimmed above this temperature."""
        return self.skin_trip_mc - limits.DERATE_BAND_MC


@dataclass(frozen=True)
class Point:
    """Temperatures, mC, and light at one moment. `temps_mc` is empty where the link was lost.

    dose_pm: permille of the target, None without one.
    """

    at_s: float
    temps_mc: tuple[int | None, ...] = ()
    duty_u16: tuple[int, ...] = ()
    dose_pm: int | None = None


@dataclass(frozen=True)
class Picture:
    """All that the view shows. Times are those of the watcher's clock.

    status: the newest status with the newest sample in it; heard_s: when that came; lost_s: since
    when the wrap does not answer, None while it does; problem: why; message: about the last key;
    said_s: when that was said; can_answer: whether the wrap may know `wake.answer`.
    """

    port: str
    hello: Hello
    status: Status
    heard_s: float
    limits: Limits
    points: tuple[Point, ...] = ()
    lost_s: float | None = None
    problem: str = ""
    message: str = ""
    said_s: float = 0.0
    can_answer: bool = True


@dataclass
class Clock:
    """The time and how to wait: tests put a twin's virtual time here."""

    now_s: Callable[[], float] = time.monotonic
    wait_s: Callable[[float], object] = time.sleep


class Watcher:
    """Owns the client until `close`. connect: finds the wrap again after it was lost."""

    def __init__(
        self,
        client: Client,
        hello: Hello,
        connect: Connect,
        every_ms: int = 1000,
        clock: Clock | None = None,
    ) -> None:
        self.changed: Callable[[], object] = lambda: None  # called when `picture` is new
        self.clock = clock or Clock()
        self.client: Client | None = client
        self._connect = connect
        self._every_ms = every_ms
        self._requests: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
        self._poll = StatusPoll()
        status = self._ask_status(client)
        self._limits_of = _find_session(status)
        now_s = self.clock.now_s()
        self.picture = Picture(
            port=client.transport.name,
            hello=hello,
            status=status,
            heard_s=now_s,
            limits=_read_limits(client, status),
            message=_explain_not_shared(client),
            said_s=now_s,
        )
        self._add_point()

    def request(self, name: str) -> None:
        """Do one of `ACTIONS` soon: pause, resume, stop, acknowledge, next, awake."""
        self._requests.put((self.clock.now_s(), name))

    def close(self) -> None:
        """Close the port. The session goes on."""
        if self.client is not None:
            self.client.close()
            self.client = None

    def follow(self, ended: Callable[[], bool]) -> None:
        """Follow the wrap until `ended()` is true, also when it is lost and comes back."""
        while not ended():
            try:
                self._listen(self.client or self._find_again(), ended)
            except WrapError as problem:
                self._lose(problem)
                self._wait_for_retry(ended)

    def _listen(self, client: Client, ended: Callable[[], bool]) -> None:
        """Take samples until `ended()`. Raises LinkLost."""

        def turn() -> None:
            self._act_on_requests(client)
            self._update_status(client)

        samples = client.telemetry(self._every_ms, meanwhile=turn, ended=ended)
        with contextlib.closing(samples):
            for sample in samples:
                self._take(sample)
                turn()  # a fault or a question is shown with its details at once

    def _take(self, sample: Sample) -> None:
        before = self.picture.status
        now_s = self.clock.now_s()
        self._poll.note_sample(vars(sample), now_s, self._every_ms)
        due_s = estimate_wake_due_s(vars(self._status), vars(sample), now_s - self._status_s)
        now = replace(before, **vars(sample), wake_due_s=due_s)
        self._show(status=now, heard_s=now_s)
        self._add_point()

    def _ask_status(self, client: Client) -> Status:
        """Return the status, and keep it with its time."""
        now_s = self.clock.now_s()
        self._poll.note_asked(now_s)
        self._status, self._status_s = client.status(), now_s
        return self._status

    def _update_status(self, client: Client) -> None:
        if not self._poll.is_due(self.clock.now_s()):
            return
        status = self._ask_status(client)
        self._show(status=status, heard_s=self._status_s)
        session = _find_session(status)
        if session != self._limits_of:
            self._show(limits=_read_limits(client, status))
            self._limits_of = session

    def _act_on_requests(self, client: Client) -> None:
        for name in self._take_requests():
            self._show(message=self._act(client, name))
            self._poll.ask_now()

    def _take_requests(self) -> list[str]:
        """Return the requests that are not too old."""
        out = []
        with contextlib.suppress(queue.Empty):
            while True:
                asked_s, name = self._requests.get_nowait()
                if self.clock.now_s() - asked_s <= REQUEST_S:
                    out.append(name)
        return out

    def _act(self, client: Client, name: str) -> str:
        """Do one action; returns what to say about it. Raises LinkLost."""
        try:
            return ACTIONS[name](self, client)
        except DeviceError as refusal:
            return explain_refusal(name, refusal)

    def _answer_wake(self, client: Client) -> str:
        if not client.status().wake_waiting:
            return "the wrap does not ask now"
        try:
            client.call("wake.answer")
        except DeviceError as refusal:
            if refusal.device_code != _NO_METHOD:
                raise
            self._show(can_answer=False)
            return "this wrap takes the answer only by its button: press it"
        return "answered: the wearer is awake"

    def _lose(self, problem: WrapError) -> None:
        """Close the client, and remember since when and why the wrap does not answer."""
        self.close()
        self._refuse_requests()
        since_s = self.picture.lost_s
        if since_s is None:
            since_s = self.clock.now_s()
            self._show(points=(*self.picture.points, Point(since_s)))
        self._show(lost_s=since_s, problem=problem.message)

    def _wait_for_retry(self, ended: Callable[[], bool]) -> None:
        due_s = self.clock.now_s() + RETRY_S
        while not ended() and self.clock.now_s() < due_s:
            self.clock.wait_s(0.05)
            self._refuse_requests()

    def _refuse_requests(self) -> None:
        for name in self._take_requests():
            self._show(message=f"not connected, {name} was not sent; {BY_HAND}")

    def _find_again(self) -> Client:
        """Connect again. Raises WrapError, also when it is another wrap."""
        client, hello = self._connect()
        try:
            if hello.uid != self.picture.hello.uid:
                raise NotAWrap(f"another wrap ({hello.uid}) is at {client.transport.name}")
            self._poll = StatusPoll()
            status = self._ask_status(client)
            found = _read_limits(client, status)
        except BaseException:
            client.close()
            raise
        self._limits_of = _find_session(status)
        self.client = client
        now_s = self.clock.now_s()
        away_s = now_s - (self.picture.lost_s or now_s)
        self._show(
            port=client.transport.name,
            hello=hello,
            status=status,
            heard_s=now_s,
            limits=found,
            lost_s=None,
            problem="",
            message=f"connected again after {away_s:.0f} s",
        )
        return client

    def _add_point(self) -> None:
        points = self.picture.points
        at_s = self.picture.heard_s
        # A tenth is for the jitter of a sample that comes every POINT_S.
        if points and points[-1].temps_mc and at_s - points[-1].at_s < 0.9 * POINT_S:
            return
        kept = tuple(point for point in points if at_s - point.at_s <= KEPT_S)
        self._show(points=(*kept, _make_point(at_s, self.picture.status)))

    def _show(self, **new: Any) -> None:
        if "message" in new:
            new["said_s"] = self.clock.now_s()
        self.picture = replace(self.picture, **new)
        self.changed()


def _make_point(at_s: float, status: Status) -> Point:
    given, target = status.dose_total_uj, status.dose_target_uj
    dose_pm = round(given * 1000 / target) if given is not None and target else None
    return Point(at_s, tuple(status.temps_mc), tuple(status.duty_u16), dose_pm)


def _pause(_watcher: Watcher, client: Client) -> str:
    client.pause()
    return "paused: the light fades out; r resumes, s stops"


def _resume(_watcher: Watcher, client: Client) -> str:
    client.resume()
    return "resumed: the light comes on again"


def _stop(_watcher: Watcher, client: Client) -> str:
    try:
        client.stop()
    except LinkLost as problem:
        raise LinkLost(f"{problem.message}; stop may not have arrived: {BY_HAND}") from problem
    return "stopped: the light fades out"


def _acknowledge(_watcher: Watcher, client: Client) -> str:
    client.ack_fault()
    return "the fault is acknowledged"


def _next(_watcher: Watcher, client: Client) -> str:
    """Activate the next usable slot after the active one."""
    found = client.protocols()
    slots = len(found.slots)
    first = 0 if found.active is None else found.active + 1
    for n in range(slots):
        slot = (first + n) % slots
        stored = found.slots[slot]
        if stored is None or stored.broken:
            continue
        if slot == found.active:
            return "no other protocol is stored: see `pbmwrap protocol flash`"
        client.activate(slot)
        return f"next protocol: {stored.id} (slot {slot})"
    return "no protocol is stored: see `pbmwrap protocol flash`"


ACTIONS: dict[str, Callable[[Watcher, Client], str]] = {
    "pause": _pause,
    "resume": _resume,
    "stop": _stop,
    "acknowledge": _acknowledge,
    "next": _next,
    "awake": Watcher._answer_wake,
}

# What to press instead: hints of errors name commands, which a person in the view cannot type.
_KEY_HINTS = {
    ("pause", "paused"): "r resumes, s stops",
    ("pause", "self-test"): "wait a second, or s stops",
    ("resume", "running"): "the light is on already",
    ("acknowledge", "fault"): "remove the cause, then press a again",
}
_FOR_STATE = {
    "idle": "no session is running",
    "done": "no session is running",
    "fault": "a fault has ended the session; a acknowledges it",
    "paused": "the session is paused; r resumes, s stops",
    "running": "a session is running; s stops it",
    "ramp-up": "the light is fading in; s stops it",
    "ramp-down": "the light is fading out; wait a second",
    "calibrating": "a calibration is measured; s stops the light",
}


def explain_refusal(name: str, refusal: DeviceError) -> str:
    """Return why the wrap refused the action `name`, and which key helps."""
    state = refusal.text.removeprefix("not while ") if refusal.device_code == "not_now" else ""
    if refusal.device_code == "fault":
        state = "fault"
    if name == "acknowledge" and state in _FOR_STATE and state != "fault":
        return "acknowledge: there is no fault"
    hint = _KEY_HINTS.get((name, state)) or _FOR_STATE.get(state)
    if refusal.device_code == "fault" and name == "acknowledge":
        return f"acknowledge: refused, {refusal.text}; {hint}"
    return f"{name}: not possible, {hint}" if hint else f"{name}: {refusal}"


def _find_session(status: Status) -> int | None:
    """Return the number of the session in progress, None without one. The limits stay the same
    during a session, and without `trip_mc` reading them makes the wrap allocate 4 KB."""
    return status.session if status.state in _ACTIVE else None


def _read_limits(client: Client, status: Status) -> Limits:
    """Return the trip in force: that of the settings, or a stricter one of the session's protocol.
    A session's status has it; firmware without that is asked for both."""
    if status.state in _ACTIVE and status.trip_mc is not None:
        return Limits(status.trip_mc)
    trips = [client.settings().get("trip_mc")]
    if status.state in _ACTIVE and status.slot is not None:
        # The rest is shown also when the protocol cannot be read.
        with contextlib.suppress(DeviceError, ValueError, AttributeError):
            trips.append(json.loads(client.read_protocol(status.slot)).get("trip"))
    known = [trip for trip in trips if isinstance(trip, int)]
    return Limits(min([limits.SKIN_TRIP_MC, *known]))


def _explain_not_shared(client: Client) -> str:
    why = getattr(client.transport, "not_shared_reason", "")
    return f"no other program can reach the wrap meanwhile: {why}" if why else ""
