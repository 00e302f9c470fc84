"""Detects button gestures in raw samples. Does not know what a gesture does.

A change counts after _DEBOUNCE_MS of equal samples, two at 100 Hz, so that the light reacts at once
to a press and contact bounce is ignored. Reads no clock: the caller passes the length of each step.
"""

from wrap.compat import const

NONE = 0
DOWN = 1  # pressed in this step
SHORT = 2  # released, without a second press within _GAP_MS
DOUBLE = 3
LONG = 4  # held for 1 s; reported while the button is down
HOLD = 5  # held for 5 s; follows LONG

_DEBOUNCE_MS = const(20)
_LONG_MS = const(1000)
_HOLD_MS = const(5000)
_GAP_MS = const(400)  # most time from a release to the second press of DOUBLE


class Button:
    """Detects gestures. Call `step` once in each control step."""

    def __init__(self) -> None:
        self._down = False
        self._differs_ms = 0
        self._held_ms = 0
        self._gap_ms = -1  # time since the release of a press that may become DOUBLE, or -1
        self._second = False  # this press follows another within _GAP_MS
        self._reported = True  # this press has been reported as LONG or DOUBLE

    def step(self, down: bool, dt_ms: int) -> int:
        """Return the gesture of this step, or NONE. down: the button is pressed; dt_ms: time since
        the last step."""
        if down != self._down:
            self._differs_ms += dt_ms
            if self._differs_ms >= _DEBOUNCE_MS:
                self._differs_ms = 0
                self._down = down
                return self._handle_press() if down else self._handle_release()
        else:
            self._differs_ms = 0
        if self._down:
            return self._handle_hold(dt_ms)
        if self._gap_ms >= 0:
            return self._handle_wait(dt_ms)
        return NONE

    def is_quiescent(self) -> bool:
        """Return whether the button is up and no gesture has started."""
        return not self._down and self._differs_ms == 0 and self._gap_ms < 0

    def _handle_press(self) -> int:
        """Return DOWN: every press counts at once."""
        self._second = self._gap_ms >= 0
        self._gap_ms = -1
        self._held_ms = 0
        self._reported = False
        return DOWN

    def _handle_release(self) -> int:
        """Return DOUBLE, or NONE. A first release waits: a second press may follow."""
        if self._reported:
            return NONE
        self._reported = True
        if self._second:
            return DOUBLE
        self._gap_ms = 0
        return NONE

    def _handle_hold(self, dt_ms: int) -> int:
        """Return LONG or HOLD in the step that reaches its time, else NONE."""
        before = self._held_ms
        self._held_ms += dt_ms
        if before < _LONG_MS <= self._held_ms:
            self._reported = True
            return LONG
        return HOLD if before < _HOLD_MS <= self._held_ms else NONE

    def _handle_wait(self, dt_ms: int) -> int:
        """Return SHORT once no second press can follow, else NONE."""
        self._gap_ms += dt_ms
        if self._gap_ms < _GAP_MS:
            return NONE
        self._gap_ms = -1
        return SHORT
