"""Decides whether a session may begin, and begins it."""

import json

from wrap.compat import const
from wrap.errors import INVALID, NOT_FOUND, NOT_NOW, WRITE_ERRORS, Refused
from wrap.rules import limits
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable

    from wrap.heap_reserve import HeapReserve
    from wrap.rules.protocol import Plan
    from wrap.session.caps import SessionCaps
    from wrap.session.control import SessionControl
    from wrap.session.host_clock import HostClock
    from wrap.session.start_guard import StartGuard
    from wrap.session.trial import Trial
    from wrap.storage.atomic_store import Store
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.protocols import Protocols
    from wrap.storage.settings import Settings


class SessionStart:
    """Starts sessions. counter: the Store that counts the sessions; collect(): collects garbage;
    reserve: released for a start."""

    def __init__(
        self,
        control: "SessionControl",
        protocols: "Protocols",
        settings: "Settings",
        caps: "SessionCaps",
        guard: "StartGuard",
        host_clock: "HostClock",
        log_queue: "LogQueue",
        counter: "Store",
        trial: "Trial",
        collect: "Callable[[], None]",
        reserve: "HeapReserve",
    ) -> None:
        self._control = control
        self._protocols = protocols
        self._settings = settings
        self._caps = caps
        self._guard = guard
        self._host_clock = host_clock
        self._log_queue = log_queue
        self._counter = counter
        self._trial = trial
        self._collect = collect
        self._reserve = reserve

    def start(self, by: str, tethered: bool) -> None:
        """Begin a session with the active protocol. by: "button" or "link"; tethered: it ends when
        the host no longer renews its lease. Raises Refused, OSError or MemoryError; then, unless
        its state is active, it has not begun and is not booked."""
        self._reserve.release()
        try:
            self._start(by, tethered)
        finally:
            self._reserve.restore()

    def _start(self, by: str, tethered: bool) -> None:
        """Begin a session, see `start`."""
        plan, raw = self._startable_plan()
        number = session_count(self._counter) + 1
        blind = self._trial.covers(plan.person, plan.site)
        plan = self._count(number, plan, blind)
        try:
            self._control.prepare(plan)
            cals = json.dumps(self._settings.calibrations()).encode()
            names = self._record_blob(raw), self._record_blob(cals)
            unix_s = self._host_clock.unix_s() or 0
            start = payloads.pack_start(number, by, names[0], names[1], unix_s)
            self._log_queue.note(records.START, start)
        except WRITE_ERRORS:
            self._caps.cancel_session()
            raise
        self._collect()  # in the dark, where a collection of 6 ms delays no lit step
        self._control.session.begin(number, plan, by, tethered, blind)

    def _startable_plan(self) -> "tuple[Plan, bytes]":
        """Return the plan of the active protocol and its canonical bytes. Raises Refused with the
        first reason against a session now."""
        self._guard.require_ready()
        slot = self._protocols.active()
        if slot < 0:
            raise Refused(NOT_FOUND, "no usable protocol is stored")
        plan, raw = self._protocols.plan(slot)
        self._guard.holds.require_free(plan.person)  # H-63
        for key in ("time_s", "light_day_s"):
            if plan.total_ms > self._settings.get(key) * 1000:
                raise Refused(INVALID, "the protocol is longer than the %s setting allows" % key)
        why = self._caps.refusal(plan) or self._trial.refusal(plan) or self._cap_problem(plan)
        if why:
            raise Refused(NOT_NOW, why)
        return plan, raw

    def _cap_problem(self, plan: "Plan") -> "str | None":
        """Return why `plan` would end by its dose in a blinded trial, or None: the sham has none,
        so a cap would show which arm it is."""
        if not self._trial.covers(plan.person, plan.site):
            return None
        settings = self._settings
        upper = plan.most_mj([uw for _, uw in settings.irradiance()])
        if upper < settings.get("cap_mj"):
            if plan.most_mj(settings.worst_uw()) < limits.DOSE_CAP_HARD_MJ:
                return None
        return "a dose cap could end one arm of the trial: calibrate, or take less light or time"

    def _count(self, number: int, plan: "Plan", blind: bool) -> "Plan":
        """Book a session before its first light. Returns the plan that it plays: in a blinded
        trial the wrap chooses. Raises OSError; then it has not begun."""
        self._caps.begin_session(plan)
        try:
            self._counter.put({"session": number})
            return self._trial.begin_session(plan, number) if blind else plan
        except WRITE_ERRORS:
            self._caps.cancel_session()
            raise

    def _record_blob(self, raw: bytes) -> bytes:
        """Return the name of `raw` for a record. Queues `raw` itself first when the log does not
        hold it."""
        name, new = self._log_queue.log.blob(raw)
        if new:
            self._log_queue.note(records.BLOB, payloads.pack_blob(name, b""), raw)
        return name


def session_count(counter: "Store") -> int:
    """Return the number of sessions that have begun. A record holds 32 bits of the next one."""
    return counter.get_int("session", 0xFFFFFFFE)
