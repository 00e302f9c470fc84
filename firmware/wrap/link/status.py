"""Makes and writes what the link shows. Decides nothing."""

import sys

from wrap.build_info import PROGRAM_SHA256
from wrap.compat import const
from wrap.hal import find_warmer_shares, list_outputs
from wrap.link import frames
from wrap.rules import faults, limits, states
from wrap.safety.thermistor import OPEN, SHORT
from wrap.session.daily_light import DAY_S
from wrap.storage.protocols import SLOTS
from wrap.version import LINK_VERSION, PRODUCT, VERSION

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wrap.control.light_output import LightOutput
    from wrap.fast_step import FastStep
    from wrap.hal.contract import BoardFacts, Hal
    from wrap.install_trial import InstallTrial
    from wrap.link.json_writer import JsonWriter
    from wrap.safety.fault_latch import FaultLatch
    from wrap.safety.integrity import Integrity
    from wrap.safety.thermal import ThermalChecks
    from wrap.session.caps import SessionCaps
    from wrap.session.holds import Holds
    from wrap.session.host_clock import HostClock
    from wrap.session.self_test import SelfTest
    from wrap.session.state_machine import Session
    from wrap.session.trial import Trial
    from wrap.session.wake_check import WakeCheck
    from wrap.step_state import StepState
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.protocols import Protocols
    from wrap.storage.settings import Settings
    from wrap.ui.signals import Signals
    from wrap.uptime import Uptime

_BENCH = const(16)
_FEEDS = const(20)  # of the dead-man in its test: 0.2 s
_FALL_MS = const(300)  # longest wait for its fall


def _interpreter_version() -> str:
    """Return the version of MicroPython; of any other interpreter with its name."""
    version = ".".join([str(n) for n in sys.implementation.version[:3]])
    name = sys.implementation.name
    return version if name == "micropython" else name + " " + version


class Identity:
    """Describes the wrap. facts: the board's facts; cause: of this boot."""

    def __init__(
        self,
        hal: "Hal",
        facts: "BoardFacts",
        cause: str,
        session: "Session",
        integrity: "Integrity",
        self_test: "SelfTest",
        trial: "InstallTrial",
        log_queue: "LogQueue",
        uptime: "Uptime",
    ) -> None:
        self._board = facts.BOARD
        self._mpy = _interpreter_version()
        self._uid = hal.uid()
        self._channels = [[c[0], c[1]] for c in facts.CHANNELS]
        self._sensors = [[s[0], s[1]] for s in facts.SENSORS]
        self._worst_uw = [c[4] for c in facts.CHANNELS]
        outputs = list_outputs(facts)
        self._warmer = None
        if find_warmer_shares(outputs):
            self._warmer = [outputs[-1][0], list(find_warmer_shares(outputs)[:-1])]
        self._cause = cause
        self._session = session
        self._integrity = integrity
        self._sensing = self_test.sensing
        self._trial = trial
        self._boot = log_queue.boot
        self._uptime = uptime

    def write_hello(self, out: "JsonWriter") -> None:
        """Write the answer to hello; see docs/link.md."""
        installed = self._trial.installed
        out.put("product", PRODUCT)
        out.put("fw", VERSION)
        out.put("link", LINK_VERSION)
        out.put("board", self._board)
        out.put("mpy", self._mpy)
        out.put("program", PROGRAM_SHA256)
        out.put("frozen", PROGRAM_SHA256 != "files")
        out.put("uid", self._uid)
        out.put("max_request", frames.MAX_REQUEST)
        out.put("slots", SLOTS)
        out.put("channels", self._channels)
        out.put("sensors", self._sensors)
        out.put("uptime_s", self._uptime.s)
        out.put("boot", self._boot)
        out.put("cause", self._cause)
        out.put("state", states.NAMES[self._session.shown_state()])
        out.put("integrity", self._integrity.state)
        out.put("memory", self._integrity.memory)
        out.put("sense", self._sensing)
        out.put("slot", installed.name if installed else None)
        out.put("fell", installed.rollback_reason if installed else None)
        out.put("worst_uw", self._worst_uw)
        if self._warmer:
            out.put("warmer", self._warmer)


class StatusView:
    """Reads every part that a person may ask about. signals: None on a board without a buzzer."""

    def __init__(
        self,
        hal: "Hal",
        session: "Session",
        wake_check: "WakeCheck",
        thermal: "ThermalChecks",
        light: "LightOutput",
        fault_latch: "FaultLatch",
        protocols: "Protocols",
        caps: "SessionCaps",
        holds: "Holds",
        trial: "Trial",
        host_clock: "HostClock",
        log_queue: "LogQueue",
        settings: "Settings",
        uptime: "Uptime",
        steps: "StepState",
        signals: "Signals | None",
    ) -> None:
        self._hal = hal
        self._session = session
        self._wake_check = wake_check
        self._thermal = thermal
        self._light = light
        self._fault_latch = fault_latch
        self._protocols = protocols
        self._caps = caps
        self._holds = holds
        self._trial = trial
        self._host_clock = host_clock
        self._log_queue = log_queue
        self._settings = settings
        self._uptime = uptime
        self._steps = steps
        self._signals = signals
        # Values of the field that is being written.
        self._row: "list[int | None]" = [None] * len(light.channel_calibrated)

    def state(self) -> dict:
        """Return the least that a host requests again and again: cheap to make and to send."""
        session = self._session
        return {
            "state": states.NAMES[session.shown_state()],
            "session": session.number,
            "active_ms": session.active_ms,
        }

    def write_sample(self, out: "JsonWriter") -> None:
        """Write the fields of status that change during a session. Allocates nothing."""
        session, light, thermal = self._session, self._light, self._thermal
        lamps, temp_limits = light.lamps, thermal.temp_limits
        blind = self._trial.is_blind
        hidden = blind and self._trial.hides(session)
        # An hour after the session: what the pad is like may be seen, its light never.
        dark = hidden or (blind and self._trial.hides_light(session))
        row = self._row
        calibrated = light.channel_calibrated
        out.put("state", states.NAMES[session.shown_state()])
        out.put("active_ms", session.active_ms)
        out.put("temps_mc", self._shown_temps_mc(hidden))
        for i in range(len(row)):
            row[i] = 0 if hidden else lamps.duties[i]
        out.put("duty_u16", row)
        for i in range(len(row)):
            row[i] = lamps.meters[i].uj if calibrated[i] else None
        out.put("dose_uj", None if dark or True not in calibrated else row)
        out.put("dose_total_uj", lamps.dose_uj() if light.calibrated and not dark else None)  # H-32
        for i in range(len(row)):
            row[i] = 0 if dark else lamps.meters[i].on_ms
        out.put("on_ms", row)
        out.put("derate_pm", 1000 if hidden else thermal.derate.q * 1000 // 4096)
        out.put("warn", temp_limits.warn)
        out.put("warnings", thermal.warnings())
        out.put("wake_waiting", self._wake_check.waiting)
        if hidden:
            out.put("hidden", True)
        elif light.has_warmer:
            out.put("warmer_u16", light.warmer_u16())

    def _shown_temps_mc(self, hidden: bool) -> "Sequence[int | None]":
        """Return what may be shown of the sensors, None for one without a temperature."""
        temps_mc = self._thermal.temp_limits.temps_mc
        if hidden:
            return [None] * len(temps_mc)
        for mc in temps_mc:  # `in` would allocate, and so would a name that the list below uses
            if mc == OPEN or mc == SHORT:
                return [None if t in (OPEN, SHORT) else t for t in temps_mc]
        return temps_mc

    def write_status(self, out: "JsonWriter") -> None:
        """Write all that a person may ask about; see docs/link.md. The fields of a sample come
        first."""
        session = self._session
        plan = None if session.calibrating else session.plan
        protocols = self._protocols
        steps, log_queue, settings = self._steps, self._log_queue, self._settings
        blind = self._trial.is_blind
        hidden = blind and self._trial.hides(session)
        # How long a step takes depends on what it does.
        untimed = hidden or (blind and self._trial.hides_light(session))
        used, free = self._hal.heap()
        slot = protocols.active()
        ready = protocols.slots[slot] if slot >= 0 else None
        self.write_sample(out)
        out.put("session", session.number)
        out.put("end_reason", session.end_reason)
        out.put("protocol", plan.id if plan else None)
        out.put("site", plan.site if plan else None)
        out.put("total_ms", session.plan.total_ms if session.plan else 0)
        out.put("dose_target_uj", plan.dose_uj if plan else 0)
        out.put("trip_mc", self._thermal.temp_limits.trip_mc)
        out.put("slot", slot)
        out.put("next_protocol", ready[0] if ready else None)
        out.put("wake_due_s", self._wake_check.due_s(session.active_ms))
        out.put("next_s", self._caps.next_s(ready[4], ready[5]) if ready else None)
        out.put("calibrated", self._light.calibrated)
        out.put("fault", self.fault())
        out.put("unix_s", self._host_clock.unix_s())
        out.put("uptime_s", self._uptime.s)
        out.put("heap_used", used)
        out.put("heap_free", free)
        out.put("step_us_last", 0 if untimed else steps.step_us)
        out.put("step_us_max", 0 if untimed else steps.step_us_max)
        out.put("steps_late", steps.steps_late)
        out.put("log_end", log_queue.log.end)
        out.put("log_failed", log_queue.failed)
        out.put("records_lost", log_queue.lost)
        out.put("settings_damaged", bool(settings.damaged()))
        out.put("cal_void", settings.void())
        out.put("unconfirmed", settings.unconfirmed())
        out.put("tethered", session.tethered)
        out.put("buzzer", self._signals.buzzing if self._signals else None)
        if not hidden:
            out.put("power_pm", self._light.power_pm(session))
            out.put("power_why", self._light.power_limit.why or None)
        if plan and plan.person:
            out.put("person", plan.person)
        if ready:
            self._write_person(out, ready[6])

    def _write_person(self, out: "JsonWriter", person: str) -> None:
        """Write the person and the hold of the active slot. What does not apply is left out: each
        field costs time while light is on."""
        if person:
            out.put("next_person", person)
        held = self._holds.reason(person)
        if held:
            out.put("held", held)

    def course(self) -> dict:
        """Return the sites that had sessions, with the seconds until each may have the next, and
        the light of the day."""
        caps, protocols = self._caps, self._protocols
        course = caps.history.sessions
        course.set_uptime(self._uptime.s)
        shown = {}
        for site in list(course.sites):
            next_s = caps.next_s(site)
            ages = course.ages_s(site)
            shown[site] = {
                "last_age_s": ages[0] if ages else None,
                "day": len([a for a in ages if a < DAY_S]),
                "week": len(ages),
                "next_s": next_s,
            }
        slot = protocols.active()
        light = caps.light_day(protocols.slots[slot][5] if slot >= 0 else 1)
        return {"age_s": course.age_s, "sites": shown, "light": light}

    def fault(self) -> "dict | None":
        """Return the latched fault with its name and text, or None."""
        latch = self._fault_latch
        info = latch.info
        if info is None:
            return None
        out = dict(info)
        out["name"] = faults.NAMES[latch.code]
        out["text"] = faults.TEXTS[latch.code]
        out["later"] = latch.later
        return out


class StepBench:
    """Measures the two hardware calls of a step, in the dark only."""

    def __init__(self, hal: "Hal", fast_step: "FastStep") -> None:
        self._hal = hal
        self._raws = fast_step.words

    def measure(self) -> dict:
        """Return the mean durations of `inputs` and of `verify_and_feed`, us, and their number."""
        hal, raws = self._hal, self._raws
        t0 = hal.ticks_us()
        for _ in range(_BENCH):
            hal.inputs(raws)
        t1 = hal.ticks_us()
        for _ in range(_BENCH):
            hal.verify_and_feed()
        t2 = hal.ticks_us()
        return {
            "n": _BENCH,
            "inputs_us": hal.ticks_diff(t1, t0) // _BENCH,
            "held_us": hal.ticks_diff(t2, t1) // _BENCH,
        }

    def test_dead_man(self) -> dict:
        """Raise the enable with every lamp dark, verify some steps, then none, and return whether
        it rose, the longest time of a verification in us, and after how many ms it fell by itself
        (None: it did not). Takes up to 0.5 s."""
        hal = self._hal
        hal.dark()
        try:
            hal.enable(True)
            rose = True
            feed_us = 0
            for _ in range(_FEEDS):
                hal.wait_until(hal.ticks_add(hal.ticks_ms(), limits.STEP_MS))
                t0 = hal.ticks_us()
                rose = hal.verify_and_feed() and rose
                feed_us = max(feed_us, hal.ticks_diff(hal.ticks_us(), t0))
            begun = hal.ticks_ms()
            fell_ms = None
            while fell_ms is None and hal.ticks_diff(hal.ticks_ms(), begun) < _FALL_MS:
                hal.wait_until(hal.ticks_add(hal.ticks_ms(), 1))
                if hal.enable_dropped():
                    fell_ms = hal.ticks_diff(hal.ticks_ms(), begun)
        finally:
            hal.dark()
        return {"rose": rose, "feed_us": feed_us, "fell_ms": fell_ms}
