"""The methods of the link (docs/link.md): each checks parameters and state, calls the part that
does the work, and shapes the answer. Methods of one subject form a group."""

import binascii

from wrap.compat import const
from wrap.errors import (
    BAD_PARAM,
    DARK_ONLY,
    FAULT,
    MEMORY,
    NO_HEAP,
    NOT_FOUND,
    NOT_NOW,
    STORAGE,
    UNKNOWN_METHOD,
    Refused,
)
from wrap.link.transfer import CHUNK, WINDOW, Download, Upload, b64
from wrap.rules import limits, states
from wrap.rules.protocol import MAX_BYTES, MAX_TAG, is_slug, is_tag
from wrap.session.holds import ANYBODY
from wrap.storage import payloads, records
from wrap.storage.protocols import SLOTS
from wrap.storage.settings import DATE_LEAST, DATE_MOST, FULL_PM

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeVar

    from wrap.control.light_output import LightOutput
    from wrap.fast_step import FastStep
    from wrap.heap_reserve import HeapReserve
    from wrap.install_trial import InstallTrial
    from wrap.link.budget import Budget
    from wrap.link.host_session import HostSession
    from wrap.link.json_writer import JsonWriter, Write
    from wrap.link.status import Identity, StatusView, StepBench
    from wrap.session.calibration_light import CalibrationLight
    from wrap.session.confirmation import Confirmation
    from wrap.session.control import SessionControl
    from wrap.session.fault_control import FaultControl
    from wrap.session.holds import Holds
    from wrap.session.host_clock import HostClock
    from wrap.session.lit_time import LitTime
    from wrap.session.start import SessionStart
    from wrap.session.state_machine import Session
    from wrap.storage.log import Log
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.protocols import Protocols
    from wrap.storage.settings import Settings
    from wrap.uptime import Uptime

    Params = TypeVar("Params")
    # By name: in which states a method is allowed, and the function of its parameters.
    Methods = dict[str, tuple[int, Callable[[dict], object]]]

    class Group(Protocol):
        """Methods of one subject."""

        def methods(self) -> Methods: ...


# In which states a method is allowed.
ALWAYS = 0
IDLE = 1  # idle or done
SESSION = 2  # a session is under way
IN_FAULT = 3
REST = 4  # idle, done or fault
HEAVY = 5  # always, but with a small heap only in the dark
AGAIN = ("session.stop", "session.pause")  # acted on when repeated: they can only darken
# What a method costs of the budget of writes; clock.set and proto.put cost when they write.
_WRITES = {
    "settings.set": 2,
    "settings.confirm": 8,
    "cal.set": 3,
    "cal.light": limits.HOST_START_WRITES,
    "heat.set": 2,
    "hold.clear": 4,  # with the two of its hold.set, which is never refused for its writes
    "course.note": 1,
    "trial.arm": 9,  # with the four of its trial.unblind, which is never refused for its writes
    "trial.close": 4,
    "trial.reveal": 4,
    "proto.activate": 1,
    "proto.delete": 1,
    "session.start": limits.HOST_START_WRITES,
    "session.resume": 1,
    "wake.answer": 1,
    "service": 1,
    "reset": 1,
}
_MOST_REASON = 24
_PIECE = const(120)  # bytes of a protocol in an answer: a small heap has no room for many more
_CLOCK_MOST_S = 4102444800  # 2100: records keep 32 bits of a time that goes on after it is set


def get_int(params: dict, key: str, low: int, high: int, default: "int | None" = None) -> int:
    """Return the whole number `key`, from `low` to `high`. Raises Refused."""
    value = params.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused(BAD_PARAM, "%s must be a whole number from %d to %d" % (key, low, high))
    return value


def get_text(params: dict, key: str, size: int) -> str:
    """Return the printable ASCII text `key` of at most `size` characters. Raises Refused."""
    value = params.get(key)
    if not isinstance(value, str) or len(value) > size or not all(" " <= c <= "~" for c in value):
        raise Refused(BAD_PARAM, "%s must be ASCII text of at most %d characters" % (key, size))
    return value


def get_sha(params: dict, key: str) -> str:
    """Return the SHA-256 `key`: 64 hex digits, lower case. Raises Refused."""
    value = params.get(key)
    if not isinstance(value, str) or len(value) != 64 or value.strip("0123456789abcdef"):
        raise Refused(BAD_PARAM, key + " must be 64 hex digits")
    return value


def get_person(params: dict, anybody: bool = False) -> str:
    """Return the tag `person`; ANYBODY as well where `anybody`. Raises Refused."""
    value = params.get("person")
    if is_tag(value) or (anybody and value == ANYBODY):
        return value  # type: ignore - a tag is text
    more = " or " + ANYBODY if anybody else ""
    raise Refused(BAD_PARAM, "person must be 1 to %d characters a-z and 0-9%s" % (MAX_TAG, more))


class RequestGate:
    """Lets a request act when the state and the budget of writes allow it."""

    def __init__(
        self,
        session: "Session",
        log_queue: "LogQueue",
        uptime: "Uptime",
        budget: "Budget",
        small_heap: bool = False,
    ) -> None:
        """small_heap: each piece of it that a request takes may cost a collection."""
        self._small_heap = small_heap
        self._session = session
        self._log_queue = log_queue
        self._uptime = uptime
        self.budget = budget

    def run(
        self, when: int, act: "Callable[[Params], object]", params: "Params", writes: int = 0
    ) -> object:
        """Return the result of act(params). when: in which states it is allowed; writes: its cost.
        Raises Refused."""
        if not _allowed(when, self._session):
            raise Refused(NOT_NOW, "not while " + states.NAMES[self._session.shown_state()])
        if when == HEAVY and self._small_heap and not _is_dark(self._session):
            raise Refused(MEMORY, DARK_ONLY)
        if writes:
            self.check_writes(writes)
        try:
            result = act(params)
        except OSError as e:
            # It may have written before it failed.
            self.budget.spend(writes)
            raise Refused(STORAGE, "the flash answered with error %s" % e) from None
        except MemoryError:
            # What a session was asked for and not done is a fault: dark at once.
            if when != ALWAYS and when != HEAVY and self._session.active():
                raise
            self.budget.spend(writes)
            raise Refused(MEMORY, NO_HEAP) from None
        # After the act: what was refused has written nothing and costs nothing.
        self.budget.spend(writes)
        return result

    def check_writes(self, writes: int) -> None:
        """Raise Refused when a host may not make the wrap write so much now."""
        self.budget.check(writes, self._uptime.s)
        if self._log_queue.is_crowded():
            raise Refused(NOT_NOW, "records wait for the flash: possible in 1 s")


class Commands:
    """Finds the method of a request. methods: those of all `groups`, by name."""

    def __init__(
        self, fast_step: "FastStep", gate: RequestGate, groups: "tuple[Group, ...]"
    ) -> None:
        self._fast_step = fast_step
        self._gate = gate
        self.methods = {}
        for group in groups:
            self.methods.update(group.methods())

    def handle(self, method: str, params: dict) -> object:
        """Return the result of one request, a JSON value or a stream. Raises Refused."""
        self._fast_step.exit_fast_path()  # a request may change anything
        entry = self.methods.get(method)
        if entry is None:
            raise Refused(UNKNOWN_METHOD, "no method " + method[:40])
        return self._gate.run(entry[0], entry[1], params, _WRITES.get(method, 0))


class ViewCommands:
    """Shows the wrap. Changes nothing but the trial of new firmware, which a hello ends."""

    def __init__(
        self,
        identity: "Identity",
        status_view: "StatusView",
        trial: "InstallTrial",
        bench: "StepBench",
    ) -> None:
        self._identity = identity
        self._status_view = status_view
        self._trial = trial
        self._bench = bench

    def methods(self) -> "Methods":
        """Return the methods by name, for `Commands`."""
        view = self._status_view
        write_status = view.write_status  # once: binding a method allocates
        return {
            "hello": (ALWAYS, self._hello),
            "status": (ALWAYS, lambda p: write_status),
            "state": (ALWAYS, lambda p: view.state()),
            "course.get": (ALWAYS, lambda p: view.course()),
            "bench": (REST, lambda p: self._bench.measure()),
            "deadman.test": (IDLE, lambda p: self._bench.test_dead_man()),
            "fault.get": (ALWAYS, lambda p: view.fault()),
        }

    def _hello(self, p: dict) -> "Write":
        """Return what writes who the wrap is. Counts as the greeting that ends a trial."""
        self._trial.mark_greeted()
        return self._identity.write_hello


class SettingCommands:
    """Reads and stores settings and the heat test."""

    def __init__(self, settings: "Settings", confirmation: "Confirmation") -> None:
        self._settings = settings
        self._confirmation = confirmation

    def methods(self) -> "Methods":
        """Return the methods by name, for `Commands`."""
        settings = self._settings
        return {
            "settings.get": (ALWAYS, lambda p: settings.all()),
            "settings.set": (IDLE, lambda p: settings.set(get_text(p, "k", 16), p.get("v"))),
            "settings.confirm": (IDLE, lambda p: self._confirmation.confirm("link")),
            "heat.get": (ALWAYS, lambda p: settings.heat_record()),
            "heat.set": (IDLE, self._set_heat),
        }

    def _set_heat(self, p: dict) -> "dict | None":
        """Store or remove the maker's heat test. Raises Refused or OSError."""
        pm = get_int(p, "pm", 0, FULL_PM)
        date = max_mc = 0
        how = ""
        if pm:
            date = get_int(p, "date", DATE_LEAST, DATE_MOST)
            max_mc = get_int(p, "max_mc", limits.HEAT_TEST_LEAST_MC, limits.HEAT_TEST_MOST_MC)
            how = get_text(p, "how", 40)
        return self._confirmation.set_heat_test(pm, date, max_mc, how)


class CalibrationCommands:
    """Reads and stores the calibrations, and starts the light that they are measured by."""

    def __init__(
        self,
        settings: "Settings",
        light: "LightOutput",
        lit_time: "LitTime",
        calibration_light: "CalibrationLight",
        session: "Session",
    ) -> None:
        self._settings = settings
        self._light = light
        self._lit_time = lit_time
        self._calibration_light = calibration_light
        self._session = session

    def methods(self) -> "Methods":
        """Return the methods by name, for `Commands`."""
        return {
            "cal.get": (ALWAYS, lambda p: self._shown()),
            "cal.set": (IDLE, self._set),
            "cal.light": (IDLE, self._begin_light),
        }

    def _shown(self) -> list:
        """Return per channel the calibration with its seconds of light since, or None."""
        shown = []
        for cal, lit_s in zip(self._settings.calibrations(), self._lit_time.lit_s()):
            if cal is not None:
                cal = dict(cal)
                cal["lit_s"] = lit_s
            shown.append(cal)
        return shown

    def _set(self, p: dict) -> list:
        """Store or remove a channel's calibration. Raises Refused or OSError."""
        name = get_text(p, "ch", 16)
        uw = get_int(p, "uw", 0, limits.CAL_MOST_UW)
        unc = get_int(p, "unc_pm", 0, limits.CAL_UNC_MOST_PM, 0)
        date = get_int(p, "date", DATE_LEAST, DATE_MOST) if uw else 0
        how = get_text(p, "how", 40) if uw else ""
        more = {}
        if "peak_pm" in p:
            low, high = limits.CAL_PEAK_LEAST_PM, limits.CAL_PEAK_MOST_PM
            more["peak_pm"] = get_int(p, "peak_pm", low, high)
        if "instrument" in p:
            more["instrument"] = get_text(p, "instrument", 40)
        if "sha" in p:
            more["sha"] = get_sha(p, "sha")
        self._light.calibrate(name, uw, unc, date, how, more)
        self._lit_time.restart(name)
        return self._shown()

    def _begin_light(self, p: dict) -> dict:
        """Begin light for a calibration, once the host confirms an empty wrap. Raises Refused."""
        if p.get("confirm") != states.NOBODY:  # H-62
            raise Refused(BAD_PARAM, 'confirm must be "%s"' % states.NOBODY)
        duty_pm = get_int(p, "duty_pm", 1, 1000)
        seconds = get_int(p, "seconds", 1, limits.CAL_LIGHT_S)
        self._calibration_light.begin(get_text(p, "channel", 16), duty_pm, seconds)
        return {"state": states.NAMES[self._session.shown_state()]}


class CourseCommands:
    """Takes over what the wrap must know of the people and courses that a host keeps."""

    def __init__(self, holds: "Holds", log_queue: "LogQueue") -> None:
        self._holds = holds
        self._log_queue = log_queue

    def methods(self) -> "Methods":
        """Return the methods by name, for `Commands`."""
        return {
            "course.note": (IDLE, self._note),
            "hold.get": (ALWAYS, lambda p: self._holds.shown()),
            "hold.set": (REST, lambda p: self._holds.add(*_hold(p))),
            "hold.clear": (IDLE, lambda p: self._holds.clear(*_hold(p))),
        }

    def _note(self, p: dict) -> dict:
        """Record that a course's plan was frozen or closed. Raises Refused."""
        person = get_person(p)
        sha = get_sha(p, "sha")
        what = p.get("what")
        if what not in payloads.COURSE_EVENTS:
            events = " or ".join(payloads.COURSE_EVENTS)
            raise Refused(BAD_PARAM, "what must be " + events)
        payload = payloads.pack_course(what, person, binascii.unhexlify(sha))
        self._log_queue.note(records.COURSE, payload)
        return {"person": person, "what": what}


def _hold(p: dict) -> "tuple[str, str]":
    """Return the person and the reason of a hold. Raises Refused."""
    reason = get_text(p, "reason", _MOST_REASON)
    if not reason or not is_slug(reason):
        text = "reason must be 1 to %d characters a-z, 0-9 and -" % _MOST_REASON
        raise Refused(BAD_PARAM, text)
    return get_person(p, True), reason


class ProtocolCommands:
    """Reads and changes the slots of stored protocols. reserve: released while one is received and
    stored."""

    def __init__(self, protocols: "Protocols", gate: RequestGate, reserve: "HeapReserve") -> None:
        self._protocols = protocols
        self._gate = gate
        self._reserve = reserve

    def methods(self) -> "Methods":
        """Return the methods by name, for `Commands`."""
        return {
            "proto.list": (HEAVY, self._list),
            "proto.put": (IDLE, self._put),
            "proto.get": (HEAVY, self._get),
            "proto.activate": (IDLE, self._activate),
            "proto.delete": (IDLE, self._delete),
        }

    def _list(self, p: dict) -> "Write":
        """Return what writes what each slot holds, and the active one."""
        protocols = self._protocols
        shown = []
        for slot in protocols.slots:
            if isinstance(slot, str):
                shown.append({"broken": slot})
            elif slot is None:
                shown.append(None)
            else:
                one = {"id": slot[0], "name": slot[1], "sha": slot[2], "size": slot[3]}
                one["person"] = slot[6] or None
                shown.append(one)
        active = protocols.active()

        def write(out: "JsonWriter") -> None:
            out.put("active", active)
            out.put("slots", shown)

        return write

    def _put(self, p: dict) -> Upload:
        """Return the stream that receives a protocol and stores it. Raises Refused."""
        size = get_int(p, "size", 2, MAX_BYTES)
        slot = get_int(p, "slot", 0, SLOTS - 1)
        sha = p.get("sha")
        if not isinstance(sha, str) or len(sha) != 64:
            raise Refused(BAD_PARAM, "sha must be 64 hex digits")
        cost = limits.HOST_PUT_WRITES
        gate = self._gate
        gate.check_writes(cost)
        save = lambda raw: {"slot": slot, "id": self._protocols.save(slot, raw, sha)}
        act = lambda raw: gate.run(IDLE, save, raw, cost)  # a session may have begun
        return Upload(size, act, self._reserve)

    def _get(self, p: dict) -> "Write":
        """Return what writes at most _PIECE bytes of a slot's protocol as base64. Raises Refused or
        OSError."""
        slot = get_int(p, "slot", 0, SLOTS - 1)
        size = self._protocols.size(slot)
        at = get_int(p, "o", 0, size)
        data = b64(self._protocols.read_at(slot, at, min(_PIECE, size - at)))

        def write(out: "JsonWriter") -> None:
            out.put("o", at)
            out.put("size", size)
            out.put("d", data)

        return write

    def _activate(self, p: dict) -> dict:
        """Choose the slot that the button starts. Raises Refused or OSError."""
        self._protocols.activate(get_int(p, "slot", 0, SLOTS - 1))
        return {"active": self._protocols.active()}

    def _delete(self, p: dict) -> dict:
        """Empty a slot. Raises Refused or OSError."""
        slot = get_int(p, "slot", 0, SLOTS - 1)
        if self._protocols.slots[slot] is None:
            raise Refused(NOT_FOUND, "slot %d is empty" % slot)
        self._protocols.delete(slot)
        return {"active": self._protocols.active()}


class SessionCommands:
    """Starts, pauses, resumes and stops sessions, answers the wake check, acknowledges faults."""

    def __init__(
        self,
        control: "SessionControl",
        starter: "SessionStart",
        fault_control: "FaultControl",
        status_view: "StatusView",
    ) -> None:
        self._control = control
        self._session = control.session
        self._starter = starter
        self._fault_control = fault_control
        self._status_view = status_view

    def methods(self) -> "Methods":
        """Return the methods by name, for `Commands`."""
        session = self._session
        return {
            "session.start": (REST, self._start),
            "session.pause": (SESSION, lambda p: self._change(session.pause)),
            "session.resume": (SESSION, lambda p: self._change(session.resume)),
            "session.stop": (SESSION, lambda p: self._change(session.stop)),
            "wake.answer": (SESSION, self._answer_wake),
            "fault.ack": (IN_FAULT, self._acknowledge),
        }

    def _start(self, p: dict) -> dict:
        """Begin a session. Raises Refused, in a fault with its text."""
        if self._session.state == states.FAULT:
            text = self._status_view.fault()["text"]  # type: ignore - one is latched
            raise Refused(FAULT, text + "; acknowledge it first")
        self._starter.start("link", p.get("tethered") is True)
        return {"session": self._session.number}

    def _change(self, act: "Callable[[str], bool]") -> dict:
        """Call `act` with the cause. Raises Refused when it returns False."""
        if not act("link"):
            raise Refused(NOT_NOW, "not while " + states.NAMES[self._session.shown_state()])
        return {"state": states.NAMES[self._session.shown_state()]}

    def _answer_wake(self, p: dict) -> dict:
        """Answer the wake check. Raises Refused when it asks nothing."""
        if not self._control.answer_wake():
            raise Refused(NOT_NOW, "the wake check asks nothing now")
        return {"state": states.NAMES[self._session.state]}

    def _acknowledge(self, p: dict) -> dict:
        """Clear the latched fault. Raises Refused while its cause is there, or OSError."""
        self._fault_control.acknowledge("link")
        return {"state": states.NAMES[self._session.state]}


class HostCommands:
    """Sets the clock, renews the lease, starts telemetry and restarts."""

    def __init__(
        self,
        host_clock: "HostClock",
        host_session: "HostSession",
        control: "SessionControl",
        gate: RequestGate,
    ) -> None:
        self._host_clock = host_clock
        self._host_session = host_session
        self._control = control
        self._gate = gate

    def methods(self) -> "Methods":
        """Return the methods by name, for `Commands`."""
        # A host renews lease and telemetry throughout a session. So their answers are written and
        # not kept: only a host that is there repeats such a request, and it may be acted on.
        control, host_session = self._control, self._host_session
        write_lease = lambda out: out.put("ms", control.lease_ms)
        write_telemetry = lambda out: out.put("every_ms", host_session.every_ms)
        return {
            "clock.set": (ALWAYS, self._set_clock),
            "lease": (ALWAYS, lambda p: self._renew_lease(p) or write_lease),
            "telemetry": (ALWAYS, lambda p: self._start_telemetry(p) or write_telemetry),
            "service": (REST, lambda p: self._restart(True)),
            "reset": (REST, lambda p: self._restart(False)),
        }

    def _set_clock(self, p: dict) -> dict:
        """Set the clock. Only one that differs costs a record. Raises Refused."""
        clock = self._host_clock
        unix_s = get_int(p, "t", 1700000000, _CLOCK_MOST_S)
        if clock.differs(unix_s):
            self._gate.run(ALWAYS, clock.set_utc, unix_s, 1)
        return {"unix_s": clock.unix_s()}

    def _renew_lease(self, p: dict) -> None:
        """Renew the host's lease on a tethered session, in ms. Raises Refused."""
        self._control.lease_ms = get_int(p, "ms", 1, limits.LEASE_MAX_MS, limits.LEASE_MS)

    def _start_telemetry(self, p: dict) -> None:
        """Push samples every `every_ms` (0: none) for `ms`. Raises Refused."""
        every = get_int(p, "every_ms", 0, 60000)
        if 0 < every < 100:
            raise Refused(BAD_PARAM, "every_ms must be 0 or at least 100")
        self._host_session.start_telemetry(every, get_int(p, "ms", 1, 60000, limits.LEASE_MS))

    def _restart(self, service: bool) -> dict:
        """Restart after the answer, and carry the budget of writes over. Raises OSError."""
        self._host_session.restart(service)
        budget = self._gate.budget
        budget.keep(budget.left - 1)
        return {}


class LogCommands:
    """Sends the log."""

    def __init__(self, log: "Log") -> None:
        self._log = log
        self._download = Download(log)

    def methods(self) -> "Methods":
        """Return the methods by name, for `Commands`."""
        return {
            "log.info": (ALWAYS, self._info),
            "log.open": (HEAVY, self._open),
            "log.next": (HEAVY, self._next),
            "log.close": (ALWAYS, self._close),
        }

    def _info(self, p: dict) -> dict:
        """Return the offsets of the log and its next sequence number."""
        log = self._log
        return {"first": log.first, "end": log.end, "seq": log.seq}

    def _open(self, p: dict) -> dict:
        """Begin a download of the log. Raises Refused."""
        at, end = self._download.open(_offset(p))
        return {"o": at, "end": end}

    def _next(self, p: dict) -> Download:
        """Return the stream that sends a window of the log. Raises Refused."""
        return self._download.prepare_window(_offset(p), get_int(p, "n", CHUNK, WINDOW, WINDOW))

    def _close(self, p: dict) -> dict:
        """End the download. Returns the SHA-256 of all it sent. Raises Refused."""
        at, end, sha = self._download.close()
        return {"o": at, "end": end, "sha": sha}


def _offset(p: dict) -> int:
    """Return the offset in the log. Raises Refused."""
    return get_int(p, "o", 0, (1 << 30) - 1)


def _allowed(when: int, session: "Session") -> bool:
    """Return whether the session's state is one of `when`."""
    state = session.state
    if when == ALWAYS or when == HEAVY:
        return True
    if when == SESSION:
        return session.active()
    if when == IN_FAULT:
        return state == states.FAULT
    rest = state in (states.IDLE, states.DONE)
    return rest or (when == REST and state == states.FAULT)


def _is_dark(session: "Session") -> bool:
    """Return whether no light is on or about to come: then a late step does no harm."""
    return not session.lit_now and session.state != states.SELF_TEST
