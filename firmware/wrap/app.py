"""Wires the rooms together; owns the order of a step, the lamps' writing and the heartbeat."""

from wrap.background import Background
from wrap.compat import const, micropython
from wrap.control.lamps import Lamps
from wrap.fast_step import SAMPLE_MS, SLACK_DUE, FastStep
from wrap.hal import LIGHT, PRESSED
from wrap.link.commands import AGAIN, Commands
from wrap.link.server import Server
from wrap.link.status import StatusView
from wrap.rules import faults, limits, states
from wrap.safety import limit_check
from wrap.safety.fault_latch import FaultLatch
from wrap.safety.integrity import Program
from wrap.safety.power_limit import PowerLimit
from wrap.safety.restart_count import RestartCount
from wrap.safety.thermal import ThermalChecks
from wrap.safety.wire_check import SUSPECT, YES, WireCheck
from wrap.session.confirmation import Confirmation
from wrap.session.control import SessionControl
from wrap.session.self_test import SelfTest
from wrap.session.state_machine import Session
from wrap.storage import log_queue, payloads, records
from wrap.storage.atomic_store import Store
from wrap.storage.log import Log
from wrap.storage.log_queue import LogQueue
from wrap.storage.protocols import Protocols
from wrap.storage.settings import Settings
from wrap.ui import button
from wrap.ui.buzzer import Buzzer
from wrap.ui.indicator import Indicator
from wrap.version import VERSION

_NO_DOSE = const(-(1 << 29))
LIMITED = ", limited power"  # behind the self-test's words, payloads.REASONS


class App:
    """hal: a wrap.hal; facts: the board's facts module; storage: a wrap.storage.mount.Storage."""

    def __init__(self, hal, facts, storage):
        hal.dark()
        self.hal = hal
        self.facts = facts
        self.up_s = self._up_ms = 0
        self.step_us = self.step_us_max = self.steps_late = 0
        self.background_ms = limits.STEP_MS  # since the last whole background slice
        self.sample_ms = 0  # since the last SAMPLE record
        self.readback_failed = False  # a lamp that does not hold has been told
        self.busy = False  # the link had something to do in the last slice
        self.code = self._tripped = faults.NONE
        self.cap_uj = 0
        self.cause = hal.reset_cause()
        self._names = tuple([s[0] for s in facts.SENSORS])
        self.thermal = ThermalChecks(facts)
        self.temp_limits = self.thermal.temp_limits
        self.power_limit = PowerLimit(facts)
        self.wire_check = WireCheck(len(facts.SENSORS))
        self._delayed_code = faults.NONE  # see _check_wiring
        self.integrity = Program(hal)
        self._open_storage(storage, facts.CHANNELS)
        self.session = Session(self._changed)
        self.take_calibration()
        self.button = button.Button()
        self.indicator = Indicator()
        self.buzzer = Buzzer(self.fault_latch.code != faults.NONE)
        self.self_test = SelfTest(self)
        self.control = SessionControl(self)
        self.confirmation = Confirmation(self)
        self.status_view = StatusView(self)
        self.commands = Commands(self)
        self.server = Server(hal, self.commands.handle, AGAIN)
        self.now = hal.ticks_ms()  # of the last step
        self.fast_step = FastStep(self, len(facts.SENSORS))
        self.raws = self.fast_step.words  # the first are the sensors' readings
        self._steady_step = self.fast_step.step
        self.background = Background(self)
        wrong = limit_check.problem(limits)
        if wrong:
            self.integrity.reject(wrong)
            self.trip(faults.PROGRAM, wrong)
        elif self.fault_latch.code:
            self.session.state = states.FAULT
        elif self.files.missing:
            self.trip(faults.STORAGE, self.files.missing)
        elif self.restart_count.failed:
            self.trip(faults.STORAGE, "restarts cannot be counted")
        elif self.restart_count.too_many():
            self.trip(faults.RESETS, self.restart_count.count)
        self.note(records.BOOT, payloads.pack_boot(self.cause, VERSION, self.log_queue.boot))
        self.confirmation.note_damage()

    def _open_storage(self, storage, channels):
        self.files = files = storage.files
        self.log = Log(storage.sectors)
        self.log_queue = LogQueue(self.log)
        self.settings = Settings(files, channels)
        self.protocols = Protocols(files, [(c[0], c[1]) for c in channels])
        self.fault_latch = FaultLatch(Store(files, "fault"))
        self.restart_count = RestartCount(Store(files, "resets"), self.cause)

    def take_calibration(self):
        """Take the calibration in force into the lamps; only while nothing is lit."""
        cals = self.settings.calibrations()
        self.channel_calibrated = [c is not None for c in cals]
        self.calibrated = self.settings.calibrated()
        f = self.facts
        self.power_ma = self.power_limit.allowed_ma(0, False, False)
        self.lamps = Lamps(self.hal, f.CHANNELS, self.power_ma, self.settings.irradiance())

    def allowed_ma(self):
        """What the lamps may draw when light begins now, mA; power_limit.why says what holds it
        down."""
        thermal = self.thermal
        return self.power_limit.allowed_ma(
            self.settings.heat_test(), thermal.referenced(), thermal.worn()
        )

    def limit_power(self):
        """Set what the lamps may draw in the session about to be lit. Returns the words for its
        record, "" at full power."""
        allowed = self.allowed_ma()
        self.power_ma = allowed
        self.lamps.limit_current(allowed)
        if not self.power_limit.why:
            return ""
        return LIMITED

    def arm(self, plan):
        """Put a plan's limits in force; only while nothing is lit."""
        self.temp_limits.set_skin_trip(min(plan.trip_mc, self.settings.get("trip_mc")))
        self.thermal.start_session()
        self.wire_check.begin()
        self.self_test.begin()
        self.take_calibration()
        self.lamps.set_ramp(plan.ramp_ms)
        self.cap_uj = self.settings.get("cap_mj") * 1000
        self.sample_ms = 0

    # ---- the step

    @micropython.native
    def turn(self, now):
        """One step and one slice of slack; whatever is raised inside ends in the dark."""
        done = 0
        try:
            done = self._steady_step(now)
            if not done:
                self._timed_step(now)
        except Exception as e:
            self._panic(e)
        if done and done != SLACK_DUE:
            self.run_link(0)
            return
        try:
            self.slack()
        except Exception as e:
            self._panic(e)

    def _timed_step(self, now):
        hal = self.hal
        started = hal.ticks_us()
        self.step(now)
        us = hal.ticks_diff(hal.ticks_us(), started)
        self.step_us = us
        if us > self.step_us_max:
            self.step_us_max = us

    def step(self, now):
        """Sensors, limits, session, lamps, verify, watchdog: in this order, `now` from ticks_ms."""
        hal = self.hal
        raws = self.raws
        steady = self.fast_step
        since_booked = hal.ticks_diff(now, self.now)
        unbooked = steady.begin_full_step()  # ms of steady steps: their uptime and light
        seen = steady.seen if steady.taken else hal.inputs(raws)
        dt = since_booked - unbooked
        if dt < 0:
            dt = limits.STEP_LATE_MS + 1  # a clock that goes back is as wrong as a step too late
        self.now = now
        self.background_ms += dt
        self.uptime(unbooked + dt)
        lamps = self.lamps
        session = self.session
        if dt > limits.STEP_MS * 2:
            self.steps_late += 1
            lamps.meter(unbooked)  # apart: a gap is booked up to a limit
            unbooked = 0
        lamps.meter(unbooked + dt)
        code = self.thermal.check(raws, dt, lamps.meters)
        if self.self_test.sensing:
            code = code or self.self_test.check_light(session, seen & LIGHT)
        wires = self.wire_check
        if wires.edge_left or wires.suspects:
            code = self._check_wiring(wires, code)
        self.code = code
        if session.lit_now:
            if self.temp_limits.cold:
                code = code or faults.COLD
            if dt > limits.STEP_LATE_MS:
                code = code or faults.STEP_LATE
        if code and (code != self._tripped or session.state != states.FAULT):
            self._tripped = code
            self.trip(code, None)
        gesture = self.button.step(seen & PRESSED == PRESSED, dt)
        if gesture:
            self.control.handle_gesture(gesture)
        if session.active_now:
            self._advance(dt)
        self._actuate(dt)
        if hal.verify_and_feed():  # H-24
            steady.enter()
        else:
            self._lamps_lost()

    def _check_wiring(self, wires, code):
        """`code`, or the fault that a reading follows the lamps. As the enable opens or drops every
        lamp is out, so a verdict may wait for the next step, which knows the cause; a fault that
        only this step shows (H-02, H-03) is returned in that next step."""
        jumped = wires.jumped(self.temp_limits.temps_mc)
        if jumped == SUSPECT and not self.session.lit_now:
            self._delayed_code = code
            return faults.NONE
        delayed = self._delayed_code
        self._delayed_code = faults.NONE
        if jumped == YES or wires.found():
            wires.begin()
            self.temp_limits.sensor = wires.sensor
            return faults.WIRING
        return delayed or code

    def _lamps_lost(self):
        """A lamp does not hold what was written: dark in every such step, told once."""
        if self.readback_failed and self.session.state == states.FAULT:
            self.lamps.dark()
        else:
            self.readback_failed = True
            fell = self.hal.enable_dropped()
            self.trip(faults.DEADMAN if fell else faults.READBACK, list(self.lamps.duties))

    def uptime(self, dt):
        """`dt` ms have passed."""
        ms = self._up_ms + dt
        if ms >= 1000:
            self.up_s += ms // 1000
            ms %= 1000
        self._up_ms = ms

    def _advance(self, dt):
        session = self.session
        lamps = self.lamps
        if session.state == states.SELF_TEST:
            self.self_test.step()
        if self.calibrated:
            ahead = lamps.rate_uw * (limits.RAMP_DOWN_MS // 2) // 1000
            session.advance(dt, lamps.dose_uj(), ahead)
        else:
            session.advance(dt, _NO_DOSE, 0)
        # H-26
        if lamps.upper_uj() >= self.cap_uj or lamps.worst_mj() >= limits.DOSE_CAP_HARD_MJ:
            session.stop(states.BY_CAP)
        if self.thermal.moved:
            session.stop(states.BY_MOVED)
        self.control.update_session(dt)
        self.sample_ms += dt
        if self.sample_ms >= SAMPLE_MS:
            self.sample_ms -= SAMPLE_MS
            self.note(
                records.SAMPLE,
                log_queue.sample(session, self.temp_limits, lamps, self.channel_calibrated),
            )

    def _actuate(self, dt):
        session = self.session
        lamps = self.lamps
        if session.lit_now:
            rising = session.state == states.RUNNING or session.state == states.RAMP_UP
            self.hal.enable(True)
            lamps.unblank()
            lamps.apply(session.spec(), session.fade, self.thermal.derate.q, rising)
            if session.state != states.RUNNING or not lamps.is_steady():
                self.wire_check.abort()
                if not rising:  # the light fades out
                    self.wire_check.expect_edge(self.temp_limits.temps_mc)
            elif self.wire_check.step(self.temp_limits.temps_mc, dt):
                lamps.blank()
        elif session.state != states.SELF_TEST and lamps.stay_dark():
            self.wire_check.keep(self.temp_limits.temps_mc)

    def trip(self, code, detail):
        """The one way into a fault: dark first, then the latch, then the record."""
        self.hal.dark()
        try:
            self.fast_step.exit_fast_path()  # books the light there was
        except Exception:
            self.fast_step.forget()  # a fault is latched all the same
        self.lamps.dark()
        info = log_queue.fault_info(
            code,
            self.temp_limits,
            self.raws,
            self._names,
            self.session,
            self.log_queue.boot,
            self.up_s,
            detail,
        )
        if self.fault_latch.trip(code, info):
            self.note(records.FAULT, payloads.pack_json(info))
        self.session.fail(states.BY_FAULT)

    def _panic(self, error):
        """Something raised: outputs off before anything else. OSError comes from flash only."""
        self.hal.dark()  # H-22
        code = faults.STORAGE if isinstance(error, OSError) else faults.EXCEPTION
        self.trip(code, type(error).__name__ + ": " + str(error)[:60])

    # ---- records

    def note(self, kind, payload):
        """Queue a record of now."""
        self.log_queue.note(kind, self.up_s, self._up_ms, payload)

    def _changed(self, old, new, reason):
        self.fast_step.exit_fast_path()
        session = self.session
        self.note(records.STATE, payloads.pack_state(old, new, reason))
        if log_queue.state_kind(old, new):
            cals, count = self.channel_calibrated, 1 if new == states.FAULT else 0
            end = log_queue.end(
                session, self.temp_limits, self.lamps, cals, session.end_reason, count
            )
            self.note(records.END, end)
            self.control.ended()
            self.temp_limits.set_skin_trip(self.settings.get("trip_mc"))

    # ---- the background work

    def slack(self):
        """What is left of a step's time, in bounded slices: storage, indicator, link."""
        self.background.run()
        self.run_link(0)

    def run_link(self, room_ms=limits.STEP_MS):
        """Another slice for the link, `room_ms` before the next step: True when it did
        something. In the dark a step may wait for the link, while light is on it never does."""
        if not self.session.lit_now:
            room_ms = limits.STEP_MS
        try:
            self.busy = self.server.poll(room_ms)
        except Exception as e:
            self.busy = False
            self._panic(e)
        return self.busy
