"""Composes the modules; owns the order of a step and the single entry into a fault."""

from wrap.background import Background
from wrap.compat import const
from wrap.control.light_output import LightOutput
from wrap.fast_step import FastStep
from wrap.hal import LIGHT, PRESSED, find_warmer_shares, list_outputs
from wrap.heap_reserve import HeapReserve
from wrap.install_trial import InstallTrial
from wrap.link.budget import Budget
from wrap.link.commands import (
    AGAIN,
    CalibrationCommands,
    Commands,
    CourseCommands,
    HostCommands,
    LogCommands,
    ProtocolCommands,
    RequestGate,
    SessionCommands,
    SettingCommands,
    ViewCommands,
)
from wrap.link.host_session import HostSession
from wrap.link.server import Buffers, Server
from wrap.link.status import Identity, StatusView, StepBench
from wrap.rules import faults, limits, states
from wrap.safety import limit_check
from wrap.safety.fault_latch import FaultLatch
from wrap.safety.integrity import Integrity
from wrap.safety.multiplexer_check import MultiplexerCheck
from wrap.safety.restart_count import RestartCount
from wrap.safety.thermal import ThermalChecks
from wrap.safety.thermistor import OPEN, SHORT
from wrap.safety.violation import Violation
from wrap.safety.wire_check import SUSPECT, YES, WireCheck
from wrap.session.calibration_light import CalibrationLight
from wrap.session.caps import SessionCaps
from wrap.session.confirmation import Confirmation
from wrap.session.control import SessionControl
from wrap.session.fault_control import FaultControl
from wrap.session.holds import Holds
from wrap.session.host_clock import HostClock
from wrap.session.lit_time import LitTime
from wrap.session.recorder import SessionRecorder
from wrap.session.self_test import SelfTest
from wrap.session.site_history import SiteHistory
from wrap.session.start import SessionStart, session_count
from wrap.session.start_guard import StartGuard
from wrap.session.state_machine import Session
from wrap.session.wake_check import WakeCheck
from wrap.step_state import StepState
from wrap.storage import payloads, records
from wrap.storage.atomic_store import Store
from wrap.storage.double_store import DoubleStore
from wrap.storage.log import Log
from wrap.storage.log_queue import LogQueue
from wrap.storage.protocols import Protocols
from wrap.storage.settings import Settings
from wrap.storage.upkeep import Upkeep
from wrap.turn import run_link, turn
from wrap.ui.button import Button
from wrap.ui.buzzer import Buzzer
from wrap.ui.gestures import Gestures
from wrap.ui.indicator import Indicator
from wrap.ui.signals import Signals
from wrap.uptime import Uptime

try:
    from wrap.link.trial_commands import TrialCommands
    from wrap.session.trial import Trial
except ImportError:  # installed as files, which a stock board loads into its heap
    from wrap.session.no_trial import NoTrial as Trial

    TrialCommands = None
from wrap.version import VERSION

# 3 KB on a chip: littlefs takes 1 KB of it for an open file, all else 1.2 KB (tests/esp32). A board
# that loads modules into its heap has 1.5 KB to spare: three times what a protocol of half a
# kilobyte takes as a record.
_RESERVE_WORDS = const(768)
_SMALL_RESERVE_WORDS = const(384)
_LARGE_HEAP = const(65536)  # bytes free

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from array import array

    from wrap.control.lamps import Lamps
    from wrap.hal.contract import BoardFacts, Hal
    from wrap.session.trial import Trial as BlindTrial
    from wrap.storage.mount import Storage


class App:
    """Composes the parts of a wrap and runs its steps. No object holds the app: each gets the
    collaborators that it uses.

    busy: the link had work in its last slice; raws: begins with the newest reading per sensor."""

    def __init__(self, hal: "Hal", facts: "BoardFacts", storage: "Storage") -> None:
        hal.dark()
        buffers = Buffers()  # before all else: later the heap of a stock board has no such piece
        self.hal = hal
        self.cause = hal.reset_cause()
        self.busy = False
        # Given back at the first fault: to latch and store one takes memory, which may be what has
        # run out.
        free = hal.heap()[1]
        large = free >= _LARGE_HEAP
        self._small_heap = 0 < free < _LARGE_HEAP  # 0: not known
        self.reserve = HeapReserve(_RESERVE_WORDS if large else _SMALL_RESERVE_WORDS)
        self._tripped = faults.NONE  # the last fault that a check of `step` tripped
        self._names = tuple([s[0] for s in facts.SENSORS])
        self._own = Violation()  # of the checks in this class
        self._delayed = Violation()  # see `_check_wiring`
        self.uptime = Uptime()
        self.steps = StepState(hal.ticks_ms())
        self._open_storage(storage, facts)
        self._compose_safety(hal, facts)
        self._compose_session(hal)
        self._compose_host(hal, facts)
        self._compose_steps(hal, facts, buffers)
        self._check_boot()

    def _open_storage(self, storage: "Storage", facts: "BoardFacts") -> None:
        self.files = files = storage.files
        self.log = Log(storage.sectors)
        self.log_queue = LogQueue(self.log, self.uptime, self.reserve)
        self.settings = Settings(files, facts.CHANNELS)
        outputs = list_outputs(facts)
        names = tuple([c[0] for c in outputs])
        self.protocols = Protocols(files, [(c[0], c[1]) for c in facts.CHANNELS], names)
        self.fault_latch = FaultLatch(Store(files, "fault"))
        if storage.restart_count is None:
            storage.restart_count = RestartCount(Store(files, "resets"), self.cause)
        self.restart_count = storage.restart_count
        self._counter = Store(files, "count")
        self.history = SiteHistory(Store(files, "course"), session_count(self._counter))
        self._outputs = names
        self.lit_time = LitTime(Store(files, "lit"), names[: len(facts.CHANNELS)])
        self.holds = Holds(self.settings.hold_store, self.log_queue)
        self.blind_trial: "BlindTrial" = Trial(  # type: ignore - `NoTrial` does what is used here
            DoubleStore(files, "trial"),
            self.log_queue,
            self.uptime,
            tuple([c[1] for c in outputs]),
            find_warmer_shares(outputs),
        )

    def _compose_safety(self, hal: "Hal", facts: "BoardFacts") -> None:
        self.thermal = ThermalChecks(facts)
        self.temp_limits = self.thermal.temp_limits
        self.wire_check = WireCheck(len(facts.SENSORS))
        self.integrity = Integrity(hal)
        self.light = LightOutput(hal, facts, self.settings, self.thermal)

    def _compose_session(self, hal: "Hal") -> None:
        log_queue, settings, thermal, light = (
            self.log_queue,
            self.settings,
            self.thermal,
            self.light,
        )
        self.wake_check = wake_check = WakeCheck()
        self.caps = caps = SessionCaps(self.history, settings, self.uptime)
        recorder = SessionRecorder(
            log_queue,
            settings,
            thermal,
            light,
            caps,
            wake_check,
            self.lit_time,
            self.blind_trial,
        )
        self.recorder = recorder
        self.session = session = Session(recorder.state_changed)
        self.confirmation = Confirmation(settings, log_queue)
        self.trial = InstallTrial()
        self.host_clock = HostClock(self.uptime, self.history, log_queue)
        self.self_test = SelfTest(hal, self.integrity, log_queue, thermal, self.wire_check, light)
        self.control = SessionControl(
            session,
            recorder,
            settings,
            thermal,
            self.wire_check,
            self.self_test,
            light,
            wake_check,
            log_queue,
        )
        guard = StartGuard(session, recorder, log_queue, self.trial, self.confirmation, self.holds)
        self.starter = SessionStart(
            self.control,
            self.protocols,
            settings,
            caps,
            guard,
            self.host_clock,
            log_queue,
            self._counter,
            self.blind_trial,
            hal.collect,
            self.reserve,
        )
        self.calibration_light = CalibrationLight(
            guard,
            self.control,
            settings,
            caps,
            thermal,
            log_queue,
            self._outputs,
            self.blind_trial,
            hal.collect,
        )
        self.fault_control = FaultControl(
            self.fault_latch, self.steps, self.integrity, self.restart_count, session, log_queue
        )

    def _compose_host(self, hal: "Hal", facts: "BoardFacts") -> None:
        self.button = Button()
        self.indicator = Indicator()
        self.buzzer = Buzzer(self.fault_latch.code != faults.NONE)
        self.gestures = Gestures(
            self.control,
            self.starter,
            self.fault_control,
            self.wake_check,
            self.protocols,
            self.buzzer,
            self.indicator,
        )
        self.signals = Signals(
            hal,
            self.indicator,
            self.buzzer,
            self.session,
            self.thermal,
            self.light,
            self.fault_latch,
            self.wake_check,
            self.steps,
        )
        has_buzzer = getattr(facts, "BUZZER_PIN", None) is not None
        self.status_view = StatusView(
            hal,
            self.session,
            self.wake_check,
            self.thermal,
            self.light,
            self.fault_latch,
            self.protocols,
            self.caps,
            self.holds,
            self.blind_trial,
            self.host_clock,
            self.log_queue,
            self.settings,
            self.uptime,
            self.steps,
            self.signals if has_buzzer else None,
        )
        self.identity = Identity(
            hal,
            facts,
            self.cause,
            self.session,
            self.integrity,
            self.self_test,
            self.trial,
            self.log_queue,
            self.uptime,
        )
        self.host_session = HostSession(
            hal, self.files, self.trial, self.log_queue, self.status_view
        )

    def _compose_steps(self, hal: "Hal", facts: "BoardFacts", buffers: Buffers) -> None:
        upkeep = Upkeep(
            hal,
            self.files,
            self.fault_latch,
            self.log_queue,
            self.settings,
            self.restart_count,
            self.history,
            self.lit_time,
            self.blind_trial,
            self.uptime,
        )
        self.background = Background(
            self.session,
            self.recorder,
            self.log_queue,
            upkeep,
            self.fault_latch,
            MultiplexerCheck(hal),
            self.integrity,
            self.thermal,
            self.signals,
            self.host_session,
        )
        self.fast_step = FastStep(
            hal,
            len(facts.SENSORS),
            self.uptime,
            self.steps,
            self.thermal,
            self.light,
            self.control,
            self.button,
            self.self_test,
            self.background,
        )
        budget = Budget(Store(self.files, "writes"), self.cause)
        gate = RequestGate(self.session, self.log_queue, self.uptime, budget, self._small_heap)
        bench = StepBench(hal, self.fast_step)
        groups = (
            ViewCommands(self.identity, self.status_view, self.trial, bench),
            SettingCommands(self.settings, self.confirmation),
            CalibrationCommands(
                self.settings, self.light, self.lit_time, self.calibration_light, self.session
            ),
            CourseCommands(self.holds, self.log_queue),
            ProtocolCommands(self.protocols, gate, self.reserve),
            SessionCommands(self.control, self.starter, self.fault_control, self.status_view),
            HostCommands(self.host_clock, self.host_session, self.control, gate),
            LogCommands(self.log),
        )
        if TrialCommands is not None:
            groups += (TrialCommands(self.blind_trial, hal),)
        self.budget = budget
        self.commands = Commands(self.fast_step, gate, groups)
        self.server = Server(hal, self.commands.handle, AGAIN, buffers)
        self.raws: "array[int]" = self.fast_step.words
        self.step_fast = self.fast_step.step
        self._trip = self.trip  # bound once, because binding a method allocates

    def _check_boot(self) -> None:
        """Trip on what is wrong at boot, or restore a latched fault, and record the boot."""
        wrong = limit_check.find_problem(limits)
        if wrong:
            self.integrity.mark_damaged()
            self.trip(faults.PROGRAM, wrong)
        elif self.fault_latch.code:
            self.session.state = states.FAULT
        elif self.files.missing:
            self.trip(faults.STORAGE, self.files.missing)
        elif self.restart_count.failed:
            self.trip(faults.STORAGE, "restarts cannot be counted")
        elif self.restart_count.too_many():
            self.trip(faults.RESETS, self.restart_count.count)
        boot = payloads.pack_boot(self.cause, VERSION, self.log_queue.boot)
        self.log_queue.note(records.BOOT, boot)
        self.blind_trial.note_again()
        self.confirmation.note_damage()

    @property
    def lamps(self) -> "Lamps":
        """Return the lamps with the calibration in force."""
        return self.light.lamps

    # ---- the step

    turn = turn  # see wrap.turn

    def step_timed(self, now: int) -> None:
        """Run `step`, and record its duration."""
        hal = self.hal
        steps = self.steps
        started_us = hal.ticks_us()
        self.step(now)
        us = hal.ticks_diff(hal.ticks_us(), started_us)
        steps.step_us = us
        if us > steps.step_us_max:
            steps.step_us_max = us

    def step(self, now: int) -> None:
        """Run a full step at `now` (ticks_ms): sensors, limits, session, lamps, read-back and
        watchdog, in this order."""
        hal = self.hal
        raws = self.raws
        steps = self.steps
        fast_step = self.fast_step
        # The fast path adds its steps to all but uptime and light, and moves steps.now.
        since_booked_ms = hal.ticks_diff(now, steps.now)
        unbooked_ms = fast_step.begin_full_step()
        seen = fast_step.seen if fast_step.taken else hal.inputs(raws)
        dt = since_booked_ms - unbooked_ms
        if dt < 0:
            dt = limits.STEP_LATE_MS + 1  # ticks that go back are a fault, as a late step is
        steps.now = now
        steps.background_ms += dt
        self.uptime.add_elapsed(unbooked_ms + dt)
        lamps = self.light.lamps
        session = self.session
        if dt > limits.STEP_MS * 2:
            steps.steps_late += 1
            lamps.meter(unbooked_ms)  # on its own: `meter` limits the gap of a late step
            unbooked_ms = 0
        lamps.meter(unbooked_ms + dt)
        found = self._check_inputs(raws, dt, seen)
        steps.code = faults.NONE if found is None else found.code
        if found is None and session.lit_now:
            found = self._check_lit(dt)
        # A fault that lasts is tripped once: a trip in every step would count further faults.
        if found is not None and (found.code != self._tripped or session.state != states.FAULT):
            self._tripped = found.code
            self.trip(found.code, None, found.sensor, found.limit_mc)
        gesture = self.button.step(seen & PRESSED == PRESSED, dt)
        if gesture:
            self.gestures.handle_gesture(gesture)
        if session.active_now:
            self._advance_session(dt)
        self._drive_lamps(dt)
        if hal.verify_and_feed():  # H-24
            fast_step.enter()
        else:
            self._handle_readback_failure()

    def _check_inputs(self, raws: "array[int]", dt: int, seen: int) -> "Violation | None":
        """Return the Violation of this step's inputs, with light or without, or None. dt:
        milliseconds since the last step; seen: what `Hal.inputs` returned."""
        found = self.thermal.check(raws, dt, self.light.lamps.meters)
        if found is None and self.self_test.sensing:
            code = self.self_test.check_light(self.session, seen & LIGHT)
            if code:
                found = self._own.set(code)
        wires = self.wire_check
        if wires.edge_left or wires.suspects:
            found = self._check_wiring(wires, found)
        return found

    def _check_lit(self, dt: int) -> "Violation | None":
        """Return the Violation of a check that counts only while light is on, or None."""
        if self.temp_limits.cold:
            return self._own.set(faults.COLD)
        if dt > limits.STEP_LATE_MS:
            return self._own.set(faults.STEP_LATE)
        return None

    def _check_wiring(self, wires: WireCheck, found: "Violation | None") -> "Violation | None":
        """Return `found`, or the fault that a reading follows the lamp current.

        A suspicious edge of the enable delays the verdict until the next step, which knows the
        cause. All lamps are off at such an edge, so waiting gives no light. A fault that only this
        step shows (H-02, H-03) is returned in that next step."""
        jumped = wires.check_edge(self.temp_limits.temps_mc)
        delayed = self._delayed
        if jumped == SUSPECT and not self.session.lit_now:
            if found is None:
                delayed.set(faults.NONE)
            else:
                delayed.set(found.code, found.sensor, found.limit_mc)
            return None
        was_delayed = delayed.code != faults.NONE
        if jumped == YES or wires.is_confirmed():
            wires.begin_session()
            delayed.set(faults.NONE)
            return self._own.set(faults.WIRING, wires.sensor)
        if was_delayed:
            found = self._own.set(delayed.code, delayed.sensor, delayed.limit_mc)
            delayed.set(faults.NONE)
        return found

    def _handle_readback_failure(self) -> None:
        """Switch off after a failed read-back. Trips once; while the fault is latched, later
        failures only switch off again."""
        if self.steps.readback_failed and self.session.state == states.FAULT:
            self.light.lamps.dark()
        else:
            self.steps.readback_failed = True
            code = faults.DEADMAN if self.hal.enable_dropped() else faults.READBACK
            self.trip(code, list(self.light.lamps.duties))

    def _advance_session(self, dt: int) -> None:
        if self.session.state == states.SELF_TEST:
            wrong = self.self_test.step(self.session)
            if wrong:
                self.trip(faults.SELF_TEST, wrong)
        self.control.advance(dt)

    def _drive_lamps(self, dt: int) -> None:
        """Write enable and lamps as the session's state requires, with the dark steps of the wire
        check."""
        session = self.session
        lamps = self.light.lamps
        if session.lit_now:
            rising = session.state == states.RUNNING or session.state == states.RAMP_UP
            self.hal.enable(True)
            lamps.unblank()
            lamps.apply(session.lamp_spec(), session.fade, self.thermal.derate.q, rising)
            if session.state != states.RUNNING or not lamps.is_steady():
                self.wire_check.abort_window()
                if not rising:  # the light fades out
                    self.wire_check.expect_edge(self.temp_limits.temps_mc)
            elif self.wire_check.step(self.temp_limits.temps_mc, dt, lamps.is_pulsed()):
                lamps.blank()
        elif session.state != states.SELF_TEST and lamps.stay_dark():
            self.wire_check.keep_edge(self.temp_limits.temps_mc)

    # ---- faults

    def trip(
        self,
        code: int,
        detail: "str | int | list | None",
        sensor: "int | None" = None,
        limit_mc: "int | None" = None,
    ) -> None:
        """Enter a fault: dark first, then the latch, then the record. It is the only entry. detail:
        for the record; sensor: index of the sensor that shows the fault; limit_mc: the limit that
        it passed, mC."""
        self.hal.dark()
        try:
            self.fast_step.exit_fast_path()  # adds the light until now
        except Exception:
            self.fast_step.discard_sums()  # nothing may prevent the latch
        self.light.lamps.dark()
        self.reserve.release()
        info = None
        if not self.fault_latch.code:  # of a further fault no evidence is kept
            try:
                info = self._evidence(code, detail, sensor, limit_mc)
            except MemoryError:
                pass  # the code alone is latched
        if self.fault_latch.trip(code, info):
            if code == faults.EXCEPTION:
                self._save_fault()
            self.recorder.fault = self.fault_latch.info
        try:
            self.session.enter_fault(states.BY_FAULT)
        except MemoryError:
            pass  # the state is entered; the recorder does later what found no room

    def _save_fault(self) -> None:
        """Write the latch at once: behind an exception nothing is sure, and what the reserve has
        given back may soon be taken."""
        try:
            self.fault_latch.save_when_due(0)
        except Exception:
            pass  # it is repeated in the background

    def _evidence(
        self,
        code: int,
        detail: "str | int | list | None",
        sensor: "int | None",
        limit_mc: "int | None",
    ) -> dict:
        """Return what is known of a fault, for the latch and the log."""
        session = self.session
        shown = sensor is not None
        mc = self.temp_limits.temps_mc[sensor] if shown else OPEN
        return {
            "code": code,
            "detail": detail,
            "sensor": self._names[sensor] if shown else None,
            "raw": self.raws[sensor] if shown else None,
            "temp_mc": None if mc in (OPEN, SHORT) else mc,
            "limit_mc": limit_mc,
            "session": session.recorded_number(),
            "active_ms": session.active_ms if session.active() else 0,
            "boot": self.log_queue.boot,
            "uptime_s": self.uptime.s,
        }

    def panic(self, error: Exception) -> None:
        """Trip on an exception, with the outputs off before anything else. Only flash raises
        OSError."""
        self.hal.dark()  # H-22
        self.reserve.release()
        code = faults.STORAGE if isinstance(error, OSError) else faults.EXCEPTION
        if self.fault_latch.code:
            self.trip(code, None)
            return
        self.trip(code, type(error).__name__ + ": " + str(error)[:60])

    # ---- between the steps

    def run_background(self) -> None:
        """Run one slice of background work, and one of the link."""
        self.fast_step.begin_background()
        steps = self.steps
        dt = steps.background_ms
        steps.background_ms = 0
        self.background.run(dt, self.server, self._trip)
        self.run_link(0)

    def run_link(self, spare_ms: int = limits.STEP_MS) -> bool:
        """Run a slice of the link. spare_ms: time until the next step, which the slice must not
        exceed while light is on; in the dark a step may wait. Returns whether it had work."""
        return run_link(self, spare_ms if self.session.lit_now else limits.STEP_MS)
