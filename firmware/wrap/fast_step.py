"""Does a control step in one function of machine code when it has nothing to decide: nearly every
step of a session, and of a week on the shelf.

`FastStep.step` checks the time, compares the inputs with their limits, verifies the lamps and feeds
dead-man and watchdog. It adds up what the step would have booked, and `flush` books the sums, which
gives the same numbers as step by step. A reading near a limit, a press, an event that is due or a
failed read-back is left to `App.step`, the reference, together with the inputs already taken. So
this module decides nothing; it only knows when there is nothing to decide (docs/decisions/0015).
"""

from array import array

from wrap.compat import const, micropython, ptr32
from wrap.hal import LIGHT, PRESSED
from wrap.rules import states

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.background import Background
    from wrap.control.light_output import LightOutput
    from wrap.safety.thermal import ThermalChecks
    from wrap.session.control import SessionControl
    from wrap.session.self_test import SelfTest
    from wrap.step_state import StepState
    from wrap.ui.button import Button
    from wrap.uptime import Uptime

BACKGROUND_DUE = 2  # what `step` returns when a slice of background work is due

# Words of the state, never below 0: viper on 64 bits reads them without a sign. First come the
# newest readings, at most four.
_LAST = const(4)  # ticks of the last step
_MS = const(5)  # not yet booked
_LEFT = const(6)  # as much may pass before something is due
_STEPS = const(7)  # not yet booked
_N = const(8)  # sensors
_SEEN = const(9)  # what `inputs` returned
_TAKEN = const(10)  # inputs were read, but the step was left to App.step
_WANTED = const(11)  # bits of it that App.step has to see: see `enter`
_SINCE = const(12)  # ms since the last slice of background work
_ON = const(13)
_HEAD = const(14)
# A sensor's words:
# 0: at least this
_HIGH = const(1)  # and below this a reading means nothing new
_SUM = const(2)
_LEAST = const(3)
_NEWEST = const(4)
_WORDS = const(5)

_LATE_MS = const(20)  # limits.STEP_MS * 2: a step so late is App.step's
_BACKGROUND_MS = const(50)
_NONE_YET = const(1 << 20)
_WORTH_MS = const(30)
_SECOND_MS = const(1000)  # what ThermalChecks.second_in_ms gives once the second's work is done


def _make_step(words, inputs, verify_and_feed):
    """Return the function that is `FastStep.step`. Its operands are closed over, so that a step
    looks nothing up."""

    @micropython.viper
    def step(now: int) -> int:
        """One step at `now` (ticks_ms): 1 or BACKGROUND_DUE when done; 0: App.step has to do it."""
        st = ptr32(words)
        st[_TAKEN] = 1
        seen = int(inputs(words))  # of every step, so that conversions begin as it does
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
            raw = st[i]
            if raw < st[at] or raw >= st[at + _HIGH]:
                return 0
            i += 1
            at += _WORDS
        if ms >= st[_LEFT] or not verify_and_feed():
            return 0
        st[_TAKEN] = 0
        st[_LAST] = now
        st[_MS] = ms
        st[_STEPS] += 1
        i = 0
        at = _HEAD
        while i < n:
            raw = st[i]
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
    """words: the newest reading of each sensor, and private state. step(now): see `_make_step`."""

    def __init__(
        self,
        hal,
        sensors: int,
        uptime: "Uptime",
        steps: "StepState",
        thermal: "ThermalChecks",
        light: "LightOutput",
        control: "SessionControl",
        button: "Button",
        self_test: "SelfTest",
        background: "Background",
    ):
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
        self._clear()
        self.step = _make_step(self.words, hal.inputs, hal.verify_and_feed)

    @property
    def on(self) -> bool:
        """Whether the last step found nothing to decide, so that `step` may do the next."""
        return self.words[_ON] == 1

    def enter(self) -> None:
        """After a step of App: set `on` when the next ones have nothing to decide. Not after the
        work of a second: that step is the longest as it is (docs/benchmarks.md)."""
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
        # While running light is expected, in the dark it is a fault: App.step's.
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

    def _clear(self):
        st = self.words
        st[_MS] = st[_STEPS] = 0
        at = _HEAD
        for _ in range(st[_N]):
            st[at + _SUM] = 0
            st[at + _LEAST] = _NONE_YET
            at += _WORDS

    def flush(self) -> None:
        """Book what was added up, so that everything is what App.step would have left."""
        ms = self._book()
        if ms:
            self._uptime.add_elapsed(ms)
            self._light.lamps.meter(ms)

    def _book(self):
        """Book all but uptime and light; returns the milliseconds of those."""
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
        self._clear()
        return ms

    def begin_background(self) -> None:
        """Flush; the next slice of background work is due in _BACKGROUND_MS."""
        self.flush()
        self.words[_SINCE] = 0

    def exit_fast_path(self) -> None:
        """Flush; App.step decides again."""
        self.flush()
        self.words[_ON] = self.words[_TAKEN] = 0

    def begin_full_step(self) -> int:
        """App.step decides this step; `taken`: its inputs have been read already. Returns the
        milliseconds before it that App has still to book as uptime and light: together with those
        of the step, as nothing has changed since."""
        ms = self._book()
        st = self.words
        self.taken = st[_TAKEN] == 1
        st[_ON] = st[_TAKEN] = 0
        return ms

    def forget(self) -> None:
        """App.step decides again; what was added up and cannot be booked is lost."""
        self._clear()
        self.words[_ON] = self.words[_TAKEN] = 0

    @property
    def seen(self) -> int:
        """What `inputs` returned, when the inputs were taken."""
        return self.words[_SEEN]
