"""Runs a control step that needs no decision as one function of machine code. That is nearly every
step, in a session and at rest.

`FastStep.step` checks the time, compares the inputs with their limits, verifies the lamps and feeds
dead-man and watchdog. It sums what the step would have added, and `flush` adds the sums, with the
same results as step by step. A reading near a limit, a press, a due event or a failed read-back is
left to `App.step`, the reference, with the inputs already read. So this module decides nothing; it
only knows when no decision is needed (docs/decisions/0015).
"""

from array import array

from wrap.compat import const, micropython, ptr32
from wrap.hal import LIGHT, PRESSED
from wrap.rules import states

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable

    from wrap.background import Background
    from wrap.control.light_output import LightOutput
    from wrap.hal.contract import Hal
    from wrap.safety.thermal import ThermalChecks
    from wrap.session.control import SessionControl
    from wrap.session.self_test import SelfTest
    from wrap.step_state import StepState
    from wrap.ui.button import Button
    from wrap.uptime import Uptime

BACKGROUND_DUE = 2  # what `step` returns when a slice of background work is due

# Indices of the state's words. None is ever negative: viper on 64 bits reads them unsigned. Words 0
# to 3 are the newest readings.
_LAST = const(4)  # ticks_ms of the last step
_MS = const(5)  # time of the steps not yet added
_LEFT = const(6)  # of this time the fast path may take before an event is due
_STEPS = const(7)  # steps not yet added
_N = const(8)  # number of sensors
_SEEN = const(9)  # what `inputs` returned
_TAKEN = const(10)  # 1: the inputs were read, but the step was left to App.step
_WANTED = const(11)  # bits of _SEEN that need App.step, see `enter`
_SINCE = const(12)  # milliseconds since the last slice of background work
_ON = const(13)  # 1: the fast path may run
_HEAD = const(14)  # first word of the first sensor
# Words of a sensor. A reading from word 0 to below _HIGH needs no decision.
_HIGH = const(1)
_SUM = const(2)  # of the readings not yet added, with their lowest and newest
_LEAST = const(3)
_NEWEST = const(4)
_WORDS = const(5)

# Added to an index in viper code. MicroPython 1.26 and 1.27 change a variable that is an index by
# itself (issue 18800 of MicroPython).
_AT = const(0)

_LATE_MS = const(20)  # limits.STEP_MS * 2: App.step counts late steps
_BACKGROUND_MS = const(50)  # period of the background work in the fast path
_NONE_YET = const(1 << 20)  # above any reading
_WORTH_MS = const(30)  # fewer than three steps are not worth entering for
_SECOND_MS = const(1000)  # ThermalChecks.second_in_ms right after the checks of a second


def _make_step(
    words: "array[int]",
    inputs: "Callable[[array[int]], int]",
    verify_and_feed: "Callable[[], bool]",
) -> "Callable[[int], int]":
    """Return the function `FastStep.step`. It closes over its operands, so that a step looks up no
    attribute. inputs, verify_and_feed: of the HAL."""

    @micropython.viper
    def step(now: int) -> int:
        """Run one step at `now` (ticks_ms). Returns 1 or BACKGROUND_DUE when it is done, 0 when
        App.step must run it."""
        st = ptr32(words)
        st[_TAKEN] = 1
        seen = int(inputs(words))  # first in every step, so that the conversions start with it
        st[_SEEN] = seen
        if st[_ON] == 0 or seen & st[_WANTED]:
            return 0
        dt = now - st[_LAST]  # below 0 where the ticks wrap
        if dt < 0 or dt > _LATE_MS:
            return 0
        ms = st[_MS] + dt
        n = st[_N]
        i = 0
        at = _HEAD
        while i < n:
            raw = st[i + _AT]
            if raw < st[at + _AT] or raw >= st[at + _HIGH]:
                return 0
            i += 1
            at += _WORDS
        # Verified last: from here on nothing refuses the step, which has fed the watchdog.
        if ms >= st[_LEFT] or not verify_and_feed():
            return 0
        st[_TAKEN] = 0
        st[_LAST] = now
        st[_MS] = ms
        st[_STEPS] += 1
        i = 0
        at = _HEAD
        while i < n:
            raw = st[i + _AT]
            st[at + _SUM] += raw
            if raw < st[at + _LEAST]:
                st[at + _LEAST] = raw
            st[at + _NEWEST] = raw
            i += 1
            at += _WORDS
        since = st[_SINCE] + dt
        st[_SINCE] = since
        if since >= _BACKGROUND_MS:
            return 2
        return 1

    return step


class FastStep:
    """Runs the steps that need no decision. words: begins with the newest reading of each sensor;
    the rest is private. step(now): see `_make_step`. taken: the inputs of the step that App.step
    runs have been read already."""

    def __init__(
        self,
        hal: "Hal",
        sensors: int,
        uptime: "Uptime",
        steps: "StepState",
        thermal: "ThermalChecks",
        light: "LightOutput",
        control: "SessionControl",
        button: "Button",
        self_test: "SelfTest",
        background: "Background",
    ) -> None:
        self._uptime = uptime
        self._steps = steps
        self._thermal = thermal
        self._light = light
        self._control = control
        self._button = button
        self._self_test = self_test
        self._background = background
        self.words = array("i", [0] * (_HEAD + _WORDS * sensors))
        self.words[_N] = sensors
        self.taken = False
        self._clear_sums()
        self.step = _make_step(self.words, hal.inputs, hal.verify_and_feed)

    @property
    def on(self) -> bool:
        """Return whether `step` may run the next step."""
        return self.words[_ON] == 1

    def enter(self) -> None:
        """Set `on` when the next steps need no decision. Called at the end of App.step, but without
        an effect after the checks of a second: that step is the longest without the cost of this
        (docs/benchmarks.md)."""
        left_ms = self._thermal.second_in_ms()
        if left_ms < _WORTH_MS or left_ms == _SECOND_MS:
            return
        temp_limits = self._thermal.temp_limits
        quiet = self._button.is_quiescent() and temp_limits.is_quiescent()
        if self._steps.code or not quiet:
            return
        session = self._control.session
        if not self._background.is_quiescent():
            return
        if not self._self_test.is_quiescent(session.lit_now):
            return
        state = session.state
        if state == states.RUNNING:
            left_ms = min(left_ms, self._control.event_in_ms())
            if left_ms < _WORTH_MS:
                return
        elif state != states.IDLE and state != states.DONE:
            return
        st = self.words
        # Sensed light is expected while running, and a fault in the dark.
        st[_WANTED] = PRESSED if state == states.RUNNING else PRESSED | LIGHT
        st[_LAST] = self._steps.now
        st[_LEFT] = left_ms
        below = temp_limits.quiet_below
        at = _HEAD
        for low in temp_limits.quiet_from:
            st[at] = low
            st[at + _HIGH] = below
            at += _WORDS
        st[_ON] = 1

    def _clear_sums(self) -> None:
        st = self.words
        st[_MS] = st[_STEPS] = 0
        at = _HEAD
        for _ in range(st[_N]):
            st[at + _SUM] = 0
            st[at + _LEAST] = _NONE_YET
            at += _WORDS

    def flush(self) -> None:
        """Add the sums, so that all state is as App.step would have left it."""
        ms = self._add_sums()
        if ms:
            self._uptime.add_elapsed(ms)
            self._light.lamps.meter(ms)

    def _add_sums(self) -> int:
        """Add the sums to all but uptime and light. Returns the milliseconds to add to those."""
        st = self.words
        if not st[_STEPS]:
            return 0
        ms = st[_MS]
        self._steps.now = st[_LAST]
        self._steps.background_ms += ms
        self._thermal.add_elapsed(ms)
        if st[_WANTED] == PRESSED:
            self._control.add_elapsed(ms)
        self._thermal.temp_limits.add_elapsed(st[_STEPS], st, _HEAD + _SUM, _WORDS)
        st[_LEFT] -= ms
        self._clear_sums()
        return ms

    def begin_background(self) -> None:
        """Flush, and schedule the next slice of background work in _BACKGROUND_MS."""
        self.flush()
        self.words[_SINCE] = 0

    def exit_fast_path(self) -> None:
        """Flush, and leave the next step to App.step."""
        self.flush()
        self.words[_ON] = self.words[_TAKEN] = 0

    def begin_full_step(self) -> int:
        """Leave this step to App.step and set `taken`. Returns the milliseconds before it that
        App.step must still add to uptime and light, in one sum with those of the step, since the
        duties have not changed."""
        ms = self._add_sums()
        st = self.words
        self.taken = st[_TAKEN] == 1
        st[_ON] = st[_TAKEN] = 0
        return ms

    def discard_sums(self) -> None:
        """Leave the next step to App.step without adding the sums, after `flush` has failed."""
        self._clear_sums()
        self.words[_ON] = self.words[_TAKEN] = 0

    @property
    def seen(self) -> int:
        """Return what `inputs` returned in the last step. Only while `taken`."""
        return self.words[_SEEN]
