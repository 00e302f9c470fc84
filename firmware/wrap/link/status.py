"""What the link shows of the app: plain dictionaries, no decisions."""

import sys

from wrap.build_info import PROGRAM_SHA256
from wrap.compat import const
from wrap.link import frames
from wrap.rules import faults, states
from wrap.safety.thermistor import OPEN, SHORT
from wrap.session.daily_light import DAY_S
from wrap.storage.protocols import SLOTS
from wrap.version import LINK_VERSION, PRODUCT, VERSION

_BENCH = const(16)


def _mpy():
    """The version of MicroPython; of anything else (a twin's CPython) with its name."""
    version = ".".join([str(n) for n in sys.implementation.version[:3]])
    name = sys.implementation.name
    return version if name == "micropython" else name + " " + version


class StatusView:
    """app: the wrap.app.App."""

    def __init__(self, app):
        self._app = app
        facts = app.facts
        self._mpy = _mpy()
        self._uid = app.hal.uid()
        self._channels = [[c[0], c[1]] for c in facts.CHANNELS]
        self._sensors = [[s[0], s[1]] for s in facts.SENSORS]
        self._worst_uw = [c[4] for c in facts.CHANNELS]
        self._has_buzzer = getattr(facts, "BUZZER_PIN", None) is not None

    def hello(self):
        """Who this is; see docs/link.md."""
        app = self._app
        app.control.greeted()
        installed = app.control.installed
        return {
            "product": PRODUCT,
            "fw": VERSION,
            "link": LINK_VERSION,
            "board": app.facts.BOARD,
            "mpy": self._mpy,
            "program": PROGRAM_SHA256,
            "frozen": PROGRAM_SHA256 != "files",
            "uid": self._uid,
            "max_request": frames.MAX_REQUEST,
            "slots": SLOTS,
            "channels": self._channels,
            "sensors": self._sensors,
            "uptime_s": app.up_s,
            "boot": app.log_queue.boot,
            "cause": app.cause,
            "state": states.NAMES[app.session.state],
            "integrity": app.integrity.state,
            "memory": app.integrity.memory,
            "sense": app.self_test.sensing,
            "slot": installed.name if installed else None,
            "fell": installed.rollback_reason if installed else None,
            "worst_uw": self._worst_uw,
        }

    def state(self):
        """The least a host asks again and again: cheap to make and to send."""
        session = self._app.session
        return {
            "state": states.NAMES[session.state],
            "session": session.number,
            "active_ms": session.active_ms,
        }

    def sample(self):
        """The fields of status that move."""
        app = self._app
        session = app.session
        lamps = app.lamps
        doses = [m.uj if c else None for m, c in zip(lamps.meters, app.channel_calibrated)]
        return {
            "state": states.NAMES[session.state],
            "active_ms": session.active_ms,
            "temps_mc": [None if t in (OPEN, SHORT) else t for t in app.temp_limits.temps_mc],
            "duty_u16": lamps.duties,
            "dose_uj": doses if True in app.channel_calibrated else None,
            "dose_total_uj": lamps.dose_uj() if app.calibrated else None,  # H-32
            "on_ms": [m.on_ms for m in lamps.meters],
            "derate_pm": app.thermal.derate.q * 1000 // 4096,
            "warn": app.temp_limits.warn,
            "warnings": app.thermal.warnings(),
            "wake_waiting": app.control.wake_check.waiting,
        }

    def status(self):
        """Everything a person may ask; see docs/link.md."""
        app = self._app
        session = app.session
        plan = session.plan
        used, free = app.hal.heap()
        out = self.sample()
        slot = app.protocols.active()
        out.update(
            {
                "session": session.number,
                "end_reason": session.end_reason,
                "protocol": plan.id if plan else None,
                "site": plan.site if plan else None,
                "total_ms": plan.total_ms if plan else 0,
                "dose_target_uj": plan.dose_uj if plan else 0,
                "slot": slot,
                "next_protocol": app.protocols.slots[slot][0] if slot >= 0 else None,
                "wake_due_s": app.control.wake_check.due_s(session.active_ms),
                "next_s": app.control.next_s(*app.protocols.slots[slot][4:]) if slot >= 0 else None,
                "calibrated": app.calibrated,
                "fault": self.fault(),
                "unix_s": app.control.unix_s(),
                "uptime_s": app.up_s,
                "heap_used": used,
                "heap_free": free,
                "step_us_last": app.step_us,
                "step_us_max": app.step_us_max,
                "steps_late": app.steps_late,
                "log_end": app.log.end,
                "log_failed": app.log_queue.failed,
                "records_lost": app.log_queue.lost,
                "settings_damaged": bool(app.settings.damaged()),
                "cal_void": app.settings.void(),
                "unconfirmed": app.settings.unconfirmed(),
                "tethered": session.tethered,
                "buzzer": self._buzzer(),
            }
        )
        out.update(self.power_limit())
        return out

    def power_limit(self):
        """What the lamps together may draw, in permille of full power, and what holds it down: in
        the session that is lit or paused, else if light began now."""
        app = self._app
        limit = app.power_limit
        begun = states.RAMP_UP <= app.session.state <= states.RAMP_DOWN
        ma = app.power_ma if begun else app.allowed_ma()
        return {
            "power_pm": ma * 1000 // limit.full_ma(),
            "power_why": limit.why or None,
        }

    def _buzzer(self):
        """Whether it sounds; None: the board has none."""
        return self._app.background.buzzing if self._has_buzzer else None

    def course(self):
        """Which sites had sessions, and when each may have the next; the light of the day."""
        app = self._app
        control = app.control
        course = control.history.sessions
        shown = {}
        for site in list(course.sites):
            next_s = control.next_s(site)
            ages = course.ages_s(site)
            shown[site] = {
                "last_age_s": ages[0] if ages else None,
                "day": len([a for a in ages if a < DAY_S]),
                "week": len(ages),
                "next_s": next_s,
            }
        most_s = app.settings.get("light_day_s")
        slot = app.protocols.active()
        need_s = app.protocols.slots[slot][5] if slot >= 0 else 1
        light = {
            "day_s": course.light.used_s(),
            "most_s": most_s,
            "next_s": control.history.light_next_s(need_s, most_s, app.up_s),
        }
        return {"age_s": course.age_s, "sites": shown, "light": light}

    def bench(self):
        """What a step's two calls to the hardware take here: means of _BENCH of each. In the dark
        only."""
        app = self._app
        hal, raws = app.hal, app.raws
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

    def fault(self):
        """The latched fault, or None."""
        latch = self._app.fault_latch
        if not latch.code:
            return None
        out = dict(latch.info)
        out["name"] = faults.NAMES[latch.code]
        out["text"] = faults.TEXTS[latch.code]
        out["later"] = latch.later
        return out
