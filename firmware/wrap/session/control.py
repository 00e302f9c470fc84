"""Runs an active session: time, dose, caps, the host's lease and the wake check."""

from wrap.compat import const
from wrap.rules import limits, states
from wrap.session.wake_check import ASKED, UNANSWERED
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.control.light_output import LightOutput
    from wrap.rules.protocol import Plan
    from wrap.safety.thermal import ThermalChecks
    from wrap.safety.wire_check import WireCheck
    from wrap.session.recorder import SessionRecorder
    from wrap.session.self_test import SelfTest
    from wrap.session.state_machine import Session
    from wrap.session.wake_check import WakeCheck
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.settings import Settings

# Dose of a session without a calibration: so far below zero that no dose target ends it.
_NO_DOSE_UJ = const(-(1 << 29))


class SessionControl:
    """Runs an active session. lease_ms: remaining time of the host's lease on a tethered
    session."""

    def __init__(
        self,
        session: "Session",
        recorder: "SessionRecorder",
        settings: "Settings",
        thermal: "ThermalChecks",
        wire_check: "WireCheck",
        self_test: "SelfTest",
        light: "LightOutput",
        wake_check: "WakeCheck",
        log_queue: "LogQueue",
    ) -> None:
        self.session = session
        self._recorder = recorder
        self._settings = settings
        self._thermal = thermal
        self._wire_check = wire_check
        self._self_test = self_test
        self._light = light
        self._wake_check = wake_check
        self._log_queue = log_queue
        self.lease_ms = 0

    def prepare(self, plan: "Plan") -> None:
        """Put the limits of `plan` in force and reset every check. Only in the dark."""
        get = self._settings.get
        self.prepare_calibration(plan, get("cap_mj"))
        self._wake_check.begin_session(get("wake_s"), get("answer_s"))

    def prepare_calibration(self, plan: "Plan", cap_mj: int = limits.DOSE_CAP_MJ) -> None:
        """As `prepare`, without a wake check and without the dose cap of the settings: nobody wears
        the wrap."""
        # The protocol and the setting may each only lower the trip.
        trip_mc = min(plan.trip_mc, self._settings.get("trip_mc"))
        self._thermal.temp_limits.set_skin_trip(trip_mc)
        self._thermal.start_session()
        self._wire_check.begin_session()
        self._self_test.reset()
        self._light.prepare(plan, cap_mj)
        self._recorder.start_session()
        self.lease_ms = limits.LEASE_MS

    def advance(self, dt_ms: int) -> None:
        """Let `dt_ms` of an active session pass, and end it when a limit is reached."""
        session = self.session
        light = self._light
        lamps = light.lamps
        if light.calibrated:
            # The final fade still gives light: on average half the rate for RAMP_DOWN_MS.
            ahead_uj = lamps.rate_uw * (limits.RAMP_DOWN_MS // 2) // 1000
            session.advance(dt_ms, lamps.dose_uj(), ahead_uj)
        else:
            session.advance(dt_ms, _NO_DOSE_UJ, 0)
        # Several may be due in one step. The first one counts, because `stop` refuses a
        # session that is ending.
        if light.cap_reached():
            session.stop(states.BY_CAP)
        if self._thermal.moved:
            session.stop(states.BY_MOVED)
        if session.calibrating and self._thermal.heated_from_skin(limits.CAL_LIT_GAP_MC):
            session.stop(states.BY_WORN)  # H-62
        self.update_session(dt_ms)
        self._recorder.advance(session, dt_ms)

    def update_session(self, dt_ms: int) -> None:
        """Let `dt_ms` pass for the host's lease and the wake check."""
        session = self.session
        # Also while paused: a session must not wait for a host that has gone.
        if session.tethered:
            self.lease_ms -= dt_ms
            if self.lease_ms <= 0:
                session.stop(states.BY_LEASE)  # H-36
        wake = self._wake_check
        if wake.waiting or session.active_ms >= wake.due_ms:
            self._check_awake(session, dt_ms)

    def _check_awake(self, session: "Session", dt_ms: int) -> None:
        """Ask, pause without an answer, and end the session once the pause is dark."""
        wake = self._wake_check
        event = wake.step(dt_ms)
        if event == ASKED:
            self._note_wake("asked")
        elif event == UNANSWERED:
            self._note_wake("unanswered")
            session.pause(states.BY_WAKE)  # H-31
        elif wake.over and not (session.state == states.PAUSED and session.fade):
            session.stop(states.BY_WAKE)

    def answer_wake(self) -> bool:
        """Accept the answer to the wake check. Returns False when none was due."""
        if not self._wake_check.answer(self.session.active_ms):
            return False
        self._note_wake("answered")
        return True

    def _note_wake(self, what: str) -> None:
        self._log_queue.note(records.WAKE, payloads.pack_wake(what, self.session.active_ms))

    def event_in_ms(self) -> int:
        """Return the milliseconds for which a running session needs no decision, whatever the
        readings are. 0 while duties change or the wake check waits."""
        lamps, session, wake = self._light.lamps, self.session, self._wake_check
        if not lamps.is_steady() or wake.waiting:
            return 0
        left_ms = min(session.event_in_ms(), self._recorder.sample_in_ms())
        left_ms = min(left_ms, self._wire_check.due_in_ms(), wake.due_ms - session.active_ms)
        if session.tethered:
            left_ms = min(left_ms, self.lease_ms)
        target_uj = session.plan.dose_uj if self._light.calibrated else 0
        return min(left_ms, lamps.dose_in_ms(target_uj, self._light.cap_uj))

    def add_elapsed(self, ms: int) -> None:
        """Add `ms` of a running session in which no event was due."""
        self.session.add_elapsed(ms)
        self._wire_check.add_elapsed(ms)
        self._recorder.add_elapsed(ms)
        if self.session.tethered:
            self.lease_ms -= ms
