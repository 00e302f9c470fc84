"""The states of a session: its step of the plan, its fade, its end. Owns no pin and no clock.

idle or done -> self-test -> ramp-up -> running -> ramp-down -> done
ramp-up, running -> paused (fading out) -> ramp-up
any -> fault (dark at once) -> idle

Light for a calibration goes the same way with the same checks, but does not count as a session: it
never pauses, ends in idle, and is shown and recorded as one state, calibrating.
"""

from wrap.compat import const
from wrap.control.lamps import FADE_FULL
from wrap.rules import limits, states

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable

    from wrap.control.lamps import Spec
    from wrap.rules.protocol import Plan

_SELF_TEST_MS = const(100)


class Session:
    """Advances the states of a session. on_change(session, old, new, reason) is called at every
    change of state.

    plan: of this session, or of the last one; by: what started it; end_reason: "" until it ends;
    active_ms: time of light (ramp-up and running); step: index in the plan; fade: 0..FADE_FULL.
    active_now, lit_now: as `active` and `lit`. calibrating: the plan is that of calibration light,
    from its begin to that of the next session. blind: a session of a blinded trial.

    A caller outside a step leaves the fast path first (FastStep.exit_fast_path)."""

    def __init__(self, on_change: "Callable[[Session, int, int, str], None]") -> None:
        self._on_change = on_change
        self.state = states.IDLE
        self.number = 0
        self.plan: "Plan" = None  # type: ignore - set before the first state that uses it
        self.by = ""
        self.tethered = False
        self.calibrating = False
        self.blind = False
        self.end_reason = ""
        self.active_now = False  # plain attributes, since every step reads them
        self.lit_now = False
        self._clear()

    def _clear(self) -> None:
        """Reset the times, the step and the fade."""
        self.active_ms = 0
        self.paused_ms = 0
        self.step = 0
        self._step_ms = 0
        self.fade = 0
        self._in_state_ms = 0

    def _change_state(self, new: int, reason: str) -> None:
        """Enter the state `new`, and report it to `on_change`."""
        old = self.state
        self.state = new
        self.active_now = states.SELF_TEST <= new <= states.RAMP_DOWN
        self.lit_now = self.fade > 0 or new == states.RAMP_UP or new == states.RUNNING
        self._in_state_ms = 0
        # Last: what is called reads the new state.
        self._on_change(self, old, new, reason)

    def active(self) -> bool:
        """Return whether a session is under way, also while it is paused, or calibration light."""
        return self.active_now

    def shown_state(self) -> int:
        """Return the state for people and hosts: calibration light is one state."""
        if self.calibrating and self.active_now:
            return states.CALIBRATING
        return self.state

    def recorded_number(self) -> int:
        """Return the number for records about this moment; 0 outside sessions."""
        return self.number if self.active_now and not self.calibrating else 0

    def lit(self) -> bool:
        """Return whether light may be on: ramping, running, or fading out."""
        return self.lit_now

    def lamp_spec(self) -> "Spec":
        """Return the lamp settings of the plan's present step."""
        return self.plan.lamps[self.step]

    def begin(
        self, number: int, plan: "Plan", by: str, tethered: bool, blind: bool = False
    ) -> None:
        """Begin session `number` with its self-test. Only from idle or done. by: "button" or
        "link"; tethered: a host must renew its lease; blind: nothing may show what it does."""
        self.number = number
        self.blind = blind
        self._begin(plan, by, tethered, False)

    def begin_calibration(self, plan: "Plan") -> None:
        """Begin calibration light with its self-test. Only from idle or done, and only for a host,
        which must renew its lease."""
        self.blind = False
        self._begin(plan, "link", True, True)  # H-62

    def _begin(self, plan: "Plan", by: str, tethered: bool, calibrating: bool) -> None:
        self._clear()
        self.plan = plan
        self.by = by
        self.tethered = tethered
        self.calibrating = calibrating
        self.end_reason = ""
        self._change_state(states.SELF_TEST, by)

    def pass_self_test(self, how: str) -> None:
        """Begin the light after the self-test. how: what the test covered, for the record."""
        self._change_state(states.RAMP_UP, how)

    def self_test_due(self) -> bool:
        """Return whether the self-test has lasted for its shortest time."""
        return self._in_state_ms >= _SELF_TEST_MS

    def pause(self, reason: str) -> bool:
        """Fade out and stop the session's clock. Returns False unless it was ramping up or running.
        Calibration light ends instead."""
        if self.calibrating:
            return self.stop(reason)  # H-62
        if self.state not in (states.RAMP_UP, states.RUNNING):
            return False
        self._change_state(states.PAUSED, reason)
        return True

    def resume(self, reason: str) -> bool:
        """Raise the light again. Returns False unless the session was paused."""
        if self.state != states.PAUSED:
            return False
        self._change_state(states.RAMP_UP, reason)
        return True

    def stop(self, reason: str) -> bool:
        """Fade out and end the session. Returns False when none is active or it is ending."""
        if self.state not in (states.SELF_TEST, states.RAMP_UP, states.RUNNING, states.PAUSED):
            return False
        # The self-test ends this way too: its fade is 0, so the next step ends the session.
        self.end_reason = reason
        self._change_state(states.RAMP_DOWN, reason)
        return True

    def enter_fault(self, reason: str) -> None:
        """Enter the fault state. The caller has switched the lamps off."""
        if self.active():
            self.end_reason = reason
        self.fade = 0
        if self.state != states.FAULT:
            self._change_state(states.FAULT, reason)

    def return_to_idle(self, reason: str) -> None:
        """Leave the fault state after its fault was acknowledged."""
        self.fade = 0
        self._change_state(states.IDLE, reason)

    def advance(self, dt_ms: int, dose_uj: int, ahead_uj: int) -> None:
        """Let `dt_ms` pass. dose_uj: the session's dose so far, -2^29 without a calibration (then
        no dose ends it); ahead_uj: dose that the fade-out will add if it begins now."""
        self._in_state_ms += dt_ms
        state = self.state
        if state == states.RUNNING:
            self._advance_light(dt_ms, dose_uj, ahead_uj)
        elif state == states.RAMP_UP:
            self.fade += FADE_FULL * dt_ms // self.plan.ramp_ms
            if self.fade >= FADE_FULL:
                self.fade = FADE_FULL
                self._change_state(states.RUNNING, "at level")
            # Light of the ramp is light: it heats the skin and gives dose.
            self._advance_light(dt_ms, dose_uj, ahead_uj)
        elif state == states.PAUSED:
            self._fade_out(dt_ms)
            self.paused_ms += dt_ms
            if self._in_state_ms >= limits.PAUSE_TIMEOUT_S * 1000:
                self.stop(states.BY_PAUSE)
        elif state == states.RAMP_DOWN:
            self._fade_out(dt_ms)
            if self.fade == 0:
                end = states.IDLE if self.calibrating else states.DONE
                self._change_state(end, self.end_reason)

    def add_elapsed(self, ms: int) -> None:
        """Add `ms` of running in which no event was due."""
        self._in_state_ms += ms
        self.active_ms += ms
        self._step_ms += ms

    def event_in_ms(self) -> int:
        """Return the milliseconds of light to the plan's next step or end. Only while running."""
        plan = self.plan
        left = plan.durations_ms[self.step] - self._step_ms
        return min(left, plan.total_ms - self.active_ms)

    def _fade_out(self, dt_ms: int) -> None:
        if self.fade:
            self.fade = max(0, self.fade - FADE_FULL * dt_ms // limits.RAMP_DOWN_MS)
            self.lit_now = self.fade > 0

    def _advance_light(self, dt_ms: int, dose_uj: int, ahead_uj: int) -> None:
        """Let `dt_ms` of light pass: end at the dose or the time, or go to the plan's next step."""
        self.active_ms += dt_ms
        self._step_ms += dt_ms
        # The dose first: when both are reached in one step, it is what the record names.
        if 0 < self.plan.dose_uj <= dose_uj + ahead_uj:
            self.stop(states.BY_DOSE)
        elif self.active_ms >= self.plan.total_ms:  # H-26
            self.stop(states.BY_TIME)
        else:
            while self._step_ms >= self.plan.durations_ms[self.step]:
                self._step_ms -= self.plan.durations_ms[self.step]
                self.step += 1
