"""Wires the rooms together and owns the order of a step. The only writer of lamps, the only feeder
of the watchdog."""

from array import array

from wrap import journal
from wrap.control.lamps import Lamps
from wrap.journal import Journal
from wrap.link.codes import FAULT, INVALID, NOT_FOUND, NOT_NOW, STORAGE, Refused
from wrap.link.commands import Commands
from wrap.link.server import Server
from wrap.mp import const
from wrap.safety import faults, limits
from wrap.safety.latch import Latch
from wrap.safety.monitor import Monitor
from wrap.safety.thermistor import Thermistor
from wrap.session import states
from wrap.session.machine import Session
from wrap.storage import payloads, records
from wrap.storage.log import Log
from wrap.storage.protocols import Protocols
from wrap.storage.settings import Settings
from wrap.storage.store import Store
from wrap.ui import button
from wrap.ui.indicator import SLOT_MS, Indicator
from wrap.version import VERSION
from wrap.view import View

_SAMPLE_MS = const(10000)
_RESTART_MS = const(250)  # long enough for the answer to leave
_RESTART_MOST_MS = const(2000)  # neither an unread port nor failing flash holds it up longer
_SAVE_AGAIN_MS = const(1000)
_NO_DOSE = const(-(1 << 29))


class App:
    """hal: a wrap.hal; facts: the board's facts module."""

    def __init__(self, hal, facts):
        hal.dark()
        self.hal = hal
        self.facts = facts
        self.up_s = 0
        self._up_ms = 0
        self._unix_less_up = None
        self.step_us = 0
        self.step_us_max = 0
        self.steps_late = 0
        self.lease_ms = 0
        self._tele_every = self._tele_ms = self._tele_due = 0
        self._sample_ms = 0
        self._restart_ms = -1  # since it was asked for; -1: it was not
        self._save_ms = 0  # until an unsaved fault is tried again
        self._unheld = False  # a lamp that does not hold has been told
        self._blink_ms = 0
        self.busy = False  # the link had something to do in the last slice
        self._dt = limits.STEP_MS
        self._code = self._tripped = faults.NONE
        self._paused_here = False
        self._cap_uj = 0
        self.cause = hal.reset_cause()
        self._names = tuple([s[0] for s in facts.SENSORS])
        self._raws = array("i", [0] * len(facts.SENSORS))
        curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)
        self.monitor = Monitor([s[1] for s in facts.SENSORS], curve)
        self._open_storage(hal.files, facts.CHANNELS)
        self.session = Session(self._changed)
        self._calibration()
        self._button = button.Button()
        self._indicator = Indicator()
        self.view = View(self)
        commands = Commands(self, lambda name, params: self._server.push(name, params))
        self._server = Server(hal, commands.handle)
        self._now = hal.ticks_ms()
        if self.latch.code:
            self.session.state = states.FAULT
        self._note(records.BOOT, payloads.pack_boot(self.cause, VERSION, self.journal.boot))

    def _open_storage(self, files, channels):
        self.log = Log(files)
        self.journal = Journal(self.log)
        self.settings = Settings(files, channels)
        self.protocols = Protocols(files, [(c[0], c[1]) for c in channels])
        self.latch = Latch(Store(files, "fault"))
        self._counter = Store(files, "count")

    def _calibration(self):
        """Take the calibration in force into the lamps; only while nothing is lit."""
        cals = self.settings.calibrations()
        self.channel_calibrated = [c is not None for c in cals]
        self.calibrated = self.settings.calibrated()
        facts = self.facts
        self.lamps = Lamps(self.hal, facts.CHANNELS, facts.SUPPLY_MA, self.settings.irradiance())

    # ---- the step

    def turn(self, now):
        """One step and one slice of slack; whatever is raised inside ends in the dark."""
        hal = self.hal
        try:
            started = hal.ticks_us()
            self.step(now)
            us = hal.ticks_diff(hal.ticks_us(), started)
            self.step_us = us
            if us > self.step_us_max:
                self.step_us_max = us
        except Exception as e:
            self._panic(e)
        try:
            self.slack()
        except Exception as e:
            self._panic(e)

    def step(self, now):
        """Sensors, limits, session, lamps, verify, watchdog: in this order, `now` from ticks_ms."""
        hal = self.hal
        dt = hal.ticks_diff(now, self._now)
        self._now = now
        self._dt = dt
        self._uptime(dt)
        lamps = self.lamps
        session = self.session
        lamps.meter(dt)
        hal.read_raws(self._raws)
        code = self.monitor.check(self._raws)
        self._code = code
        if session.lit_now:
            if self.monitor.cold:
                code = code or faults.COLD
            if dt > limits.STEP_LATE_MS:
                code = code or faults.STEP_LATE
        if code and (code != self._tripped or session.state != states.FAULT):
            self._tripped = code
            self.trip(code, None)
        self._gesture(self._button.step(hal.button(), dt))
        if session.active_now:
            self._advance(dt)
        self._actuate()
        if not hal.lamps_hold():
            self._lamps_lost()
        hal.watchdog_feed()

    def _lamps_lost(self):
        """A lamp does not hold what was written: dark in every such step, told once."""
        if self._unheld and self.session.state == states.FAULT:
            self.lamps.dark()
        else:
            self._unheld = True
            self.trip(faults.READBACK, list(self.lamps.duties))

    def _uptime(self, dt):
        ms = self._up_ms + dt
        if ms >= 1000:
            self.up_s += ms // 1000
            ms %= 1000
        self._up_ms = ms
        if dt > limits.STEP_MS * 2:
            self.steps_late += 1

    def _advance(self, dt):
        session = self.session
        lamps = self.lamps
        if session.state == states.SELF_TEST:
            self._self_test()
        if self.calibrated:
            ahead = lamps.rate_uw * (limits.RAMP_DOWN_MS // 2) // 1000
            session.advance(dt, lamps.dose_uj(), ahead)
        else:
            session.advance(dt, _NO_DOSE, 0)
        if lamps.upper_uj() >= self._cap_uj:
            session.stop(states.BY_CAP)
        if session.tethered:
            self.lease_ms -= dt
            if self.lease_ms <= 0:
                session.stop(states.BY_LEASE)
        self._sample_ms += dt
        if self._sample_ms >= _SAMPLE_MS:
            self._sample_ms -= _SAMPLE_MS
            self._note(
                records.SAMPLE,
                journal.sample(session, self.monitor, lamps, self.channel_calibrated),
            )

    def _self_test(self):
        """Before first light: sensors plausible and cool, pins held low, records kept."""
        session = self.session
        if not session.self_test_due():
            return
        if self.monitor.cold:
            session.stop("self-test: a sensor is below %d C" % (limits.PLAUSIBLE_MIN_MC // 1000))
        elif self.monitor.derate_q == 0:
            session.stop("self-test: too warm to begin")
        elif not self.hal.lamps_hold():
            self.trip(faults.SELF_TEST, list(self.lamps.duties))
        elif self.journal.failed:
            session.stop("self-test: the log cannot be written")
        else:
            self.hal.watchdog_start(limits.WATCHDOG_MS)
            session.passed()

    def _actuate(self):
        session = self.session
        if session.lit_now:
            rising = session.state == states.RUNNING or session.state == states.RAMP_UP
            self.hal.enable(True)
            self.lamps.apply(session.spec(), session.fade, self.monitor.derate_q, rising)
        else:
            self.lamps.stay_dark()

    def trip(self, code, detail):
        """The one way into a fault: dark first, then the latch, then the record."""
        self.lamps.dark()
        info = journal.fault_info(
            code,
            self.monitor,
            self._raws,
            self._names,
            self.session,
            self.journal.boot,
            self.up_s,
            detail,
        )
        if self.latch.trip(code, info):
            self._note(records.FAULT, payloads.pack_json(info))
        self.session.fail(states.BY_FAULT)

    def _panic(self, error):
        """Something raised: outputs off before anything else. OSError comes from flash only."""
        self.hal.dark()
        code = faults.STORAGE if isinstance(error, OSError) else faults.EXCEPTION
        self.trip(code, type(error).__name__ + ": " + str(error)[:60])

    # ---- what people do

    def _gesture(self, gesture):
        session = self.session
        if gesture == button.NONE:
            return
        if gesture == button.DOWN:
            self._paused_here = session.pause("button")
        elif gesture == button.LONG:
            session.stop(states.BY_BUTTON)
        elif gesture == button.SHORT:
            self._short()
        elif session.state in (states.IDLE, states.DONE):
            self.protocols.next()

    def _short(self):
        session = self.session
        if session.state in (states.IDLE, states.DONE):
            try:
                self.start("button", False)
            except Refused:
                return  # nothing to start: the indicator goes on showing idle
        elif session.state == states.PAUSED and not self._paused_here:
            session.resume("button")

    def start(self, by, tethered):
        """Begin a session with the active protocol. Raises Refused or OSError."""
        session = self.session
        if session.state == states.FAULT:
            raise Refused(FAULT, "a fault is latched")
        if session.active():
            raise Refused(NOT_NOW, "a session is under way")
        if self.journal.failed:
            raise Refused(STORAGE, "the log cannot be written, so no session may begin")
        slot = self.protocols.active()
        if slot < 0:
            raise Refused(NOT_FOUND, "no usable protocol is stored")
        plan, raw = self.protocols.plan(slot)
        if plan.total_ms > self.settings.get("time_s") * 1000:
            raise Refused(INVALID, "the protocol is longer than the time_s setting allows")
        number = self._counter.value.get("session", 0) + 1
        self._counter.put({"session": number})
        self.monitor.set_skin_trip(min(plan.trip_mc, self.settings.get("trip_mc")))
        self.monitor.start_session()
        self._calibration()
        self.lamps.set_ramp(plan.ramp_ms)
        self._cap_uj = self.settings.get("cap_mj") * 1000
        self._sample_ms = 0
        self.lease_ms = limits.LEASE_MS
        unix = self.unix_s() or 0
        self._note(
            records.START,
            payloads.pack_start(number, by, raw, self.settings.calibrations(), unix),
        )
        self.hal.collect()  # now, while nothing is lit, rather than in the session
        session.begin(number, plan, by, tethered)

    def acknowledge(self, by):
        """Clear a latched fault whose cause is gone. Raises Refused or OSError."""
        if self._code:
            raise Refused(FAULT, "the cause is still there: " + faults.TEXTS[self._code])
        code = self.latch.code
        self.latch.clear()
        self._unheld = False
        self._note(records.ACK, payloads.pack_json({"code": code, "by": by}))
        self.session.settle("acknowledged by " + by)

    def calibrate(self, name, uw, unc_pm, date, how):
        """Store a calibration; returns all. Raises Refused or OSError."""
        self.settings.calibrate(name, uw, unc_pm, date, how)
        self._calibration()
        return self.settings.calibrations()

    def set_clock(self, unix_s):
        """The host says what time it is; returns it."""
        self._unix_less_up = unix_s - self.up_s
        self._note(records.CLOCK, payloads.pack_clock(unix_s))
        return unix_s

    def unix_s(self):
        """UTC seconds, or None when no host has set the clock since boot."""
        if self._unix_less_up is None:
            return None
        return self._unix_less_up + self.up_s

    def telemetry(self, every_ms, lease_ms):
        """Push a sample every `every_ms` until the lease is over."""
        self._tele_every = every_ms
        self._tele_ms = lease_ms
        self._tele_due = 0

    def restart(self, service):
        """Restart once the answer has left; with `service` into a plain REPL."""
        if service:
            self.hal.files.write("service", b"1")
        self._restart_ms = 0

    # ---- records

    def _note(self, kind, payload):
        self.journal.note(kind, self.up_s, self._up_ms, payload)

    def _changed(self, old, new, reason):
        number = self.session.number
        self._note(records.STATE, payloads.pack_state(number, old, new, reason[:60]))
        if journal.state_kind(old, new):
            self._note(
                records.END,
                journal.end(
                    self.session,
                    self.monitor,
                    self.lamps,
                    self.channel_calibrated,
                    self.session.end_reason,
                    1 if new == states.FAULT else 0,
                ),
            )
            self.monitor.set_skin_trip(self.settings.get("trip_mc"))

    # ---- the slack

    def slack(self):
        """What is left of a step's time: fault store, log, indicator, link. Each a bounded
        slice."""
        dt = self._dt
        if self.latch.unsaved:
            self._save_fault(dt)
        if not self.journal.slice(dt) and self.journal.failed and self.session.active():
            self.trip(faults.STORAGE, None)
        self._blink_ms -= dt
        if self._blink_ms <= 0:
            self._blink_ms += SLOT_MS
            self._blink()
        if self._tele_every:
            self._telemetry(dt)
        self.more_slack()
        if self._restart_ms >= 0:
            self._restarting(dt)

    def _save_fault(self, dt):
        """Store a new fault; flash that fails costs neither the rest of the slack nor its time."""
        self._save_ms -= dt
        if self._save_ms > 0:
            return
        try:
            self.latch.save()
            self._save_ms = 0
        except OSError:
            self._save_ms = _SAVE_AGAIN_MS

    def _restarting(self, dt):
        self._restart_ms += dt
        settled = self._server.idle() and self.journal.idle()
        if self._restart_ms > (_RESTART_MS if settled else _RESTART_MOST_MS):
            self.hal.reset()

    def _blink(self):
        lit = self._indicator.slot(
            self.session.state, self.monitor.warn, self.calibrated, self.latch.code
        )
        self.hal.indicate(lit)

    def _telemetry(self, dt):
        self._tele_ms -= dt
        if self._tele_ms <= 0:
            self._tele_every = 0
            return
        self._tele_due -= dt
        if self._tele_due <= 0 and self._server.idle():
            self._tele_due = self._tele_every
            self._server.push("sample", self.view.sample())

    def more_slack(self):
        """Another slice for the link, when the next step is still far: True when it did
        something."""
        self.busy = self._server.poll()
        return self.busy
