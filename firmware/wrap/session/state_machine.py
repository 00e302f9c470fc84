"""The session state machine: which step of the plan, how far faded, when it ends. Owns no pin and
no clock.

idle -> self-test -> ramp-up -> running -> ramp-down -> done -> idle (on the next start)
ramp-up, running -> paused (fading out) -> ramp-up        any -> fault (at once dark)
"""

from wrap.compat import const
from wrap.control.lamps import FADE_FULL
from wrap.rules import limits, states

_SELF_TEST_MS = const(100)


class Session:
    """on_change(session, old, new, reason) is called at every change of state.

    A caller outside a step leaves the fast path first (FastStep.exit_fast_path)."""

    def __init__(self, on_change):
        self._on_change = on_change
        self.state = states.IDLE
        self.number = 0
        self.plan = None
        self.by = ""
        self.tethered = False
        self.end_reason = ""
        self.active_now = False  # kept with the state, since every step asks
        self.lit_now = False
        self._clear()

    def _clear(self):
        self.active_ms = 0  # light time: ramp-up and running
        self.paused_ms = 0
        self.step = 0
        self._step_ms = 0
        self.fade = 0  # 0..FADE_FULL
        self._in_state_ms = 0

    def _to(self, new, reason):
        old = self.state
        self.state = new
        self.active_now = states.SELF_TEST <= new <= states.RAMP_DOWN
        self.lit_now = self.fade > 0 or new == states.RAMP_UP or new == states.RUNNING
        self._in_state_ms = 0
        self._on_change(self, old, new, reason)

    def active(self):
        """A session is under way (perhaps paused)."""
        return self.active_now

    def lit(self):
        """Light may be on: ramping, running, or fading into a pause."""
        return self.lit_now

    def spec(self):
        """The lamp settings of the step in force."""
        return self.plan.lamps[self.step]

    def begin(self, number, plan, by, tethered):
        """From idle or done into the self-test."""
        self._clear()
        self.number = number
        self.plan = plan
        self.by = by
        self.tethered = tethered
        self.end_reason = ""
        self._to(states.SELF_TEST, by)

    def passed(self, how):
        """The self-test found nothing: light may rise. how: what it could see."""
        self._to(states.RAMP_UP, how)

    def self_test_due(self):
        """The self-test has watched the sensors for long enough."""
        return self._in_state_ms >= _SELF_TEST_MS

    def pause(self, reason):
        """Fade out and stop the clock. False when there is nothing to pause."""
        if self.state not in (states.RAMP_UP, states.RUNNING):
            return False
        self._to(states.PAUSED, reason)
        return True

    def resume(self, reason):
        """Light rises again from dark. False when not paused."""
        if self.state != states.PAUSED:
            return False
        self._to(states.RAMP_UP, reason)
        return True

    def stop(self, reason):
        """End the session softly. False when none is under way or it is ending already."""
        if self.state not in (states.SELF_TEST, states.RAMP_UP, states.RUNNING, states.PAUSED):
            return False
        self.end_reason = reason
        self._to(states.RAMP_DOWN, reason)
        return True

    def fail(self, reason):
        """Into the fault state; the caller has put the lamps out."""
        if self.active():
            self.end_reason = reason
        self.fade = 0
        if self.state != states.FAULT:
            self._to(states.FAULT, reason)

    def return_to_idle(self, reason):
        """Back to idle: after an acknowledged fault."""
        self.fade = 0
        self._to(states.IDLE, reason)

    def advance(self, dt_ms, dose_uj, ahead_uj):
        """Let `dt_ms` pass. dose_uj: the session's dose so far, or -1 when not calibrated;
        ahead_uj: what fading out from here will still add."""
        self._in_state_ms += dt_ms
        state = self.state
        if state == states.RUNNING:
            self._clock(dt_ms, dose_uj, ahead_uj)
        elif state == states.RAMP_UP:
            self.fade += FADE_FULL * dt_ms // self.plan.ramp_ms
            if self.fade >= FADE_FULL:
                self.fade = FADE_FULL
                self._to(states.RUNNING, "at level")
            self._clock(dt_ms, dose_uj, ahead_uj)
        elif state == states.PAUSED:
            self._fade_out(dt_ms)
            self.paused_ms += dt_ms
            if self._in_state_ms >= limits.PAUSE_TIMEOUT_S * 1000:
                self.stop(states.BY_PAUSE)
        elif state == states.RAMP_DOWN:
            self._fade_out(dt_ms)
            if self.fade == 0:
                self._to(states.DONE, self.end_reason)

    def add_elapsed(self, ms):
        """`ms` of running in which nothing was due."""
        self._in_state_ms += ms
        self.active_ms += ms
        self._step_ms += ms

    def event_in_ms(self):
        """While running: light time to the next step of the plan, or its end."""
        plan = self.plan
        left = plan.durations_ms[self.step] - self._step_ms
        return min(left, plan.total_ms - self.active_ms)

    def _fade_out(self, dt_ms):
        if self.fade:
            self.fade = max(0, self.fade - FADE_FULL * dt_ms // limits.RAMP_DOWN_MS)
            self.lit_now = self.fade > 0

    def _clock(self, dt_ms, dose_uj, ahead_uj):
        self.active_ms += dt_ms
        self._step_ms += dt_ms
        if 0 < self.plan.dose_uj <= dose_uj + ahead_uj:
            self.stop(states.BY_DOSE)
        elif self.active_ms >= self.plan.total_ms:  # H-26
            self.stop(states.BY_TIME)
        else:
            while self._step_ms >= self.plan.durations_ms[self.step]:
                self._step_ms -= self.plan.durations_ms[self.step]
                self.step += 1
