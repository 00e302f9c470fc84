"""Button gestures from raw samples. Knows nothing of what they are for.

A press is taken after two equal samples (20 ms at 100 Hz), so a person sees light dim at once;
contact bounce after that is held off. Time is handed in as step lengths.
"""

from wrap.compat import const

NONE = 0
DOWN = 1  # pressed this very step
SHORT = 2  # released, and no second press came in time
DOUBLE = 3
LONG = 4  # held for a second; reported while still held
HOLD = 5  # held for five seconds; follows LONG

_DEBOUNCE_MS = const(20)
_LONG_MS = const(1000)
_HOLD_MS = const(5000)
_GAP_MS = const(400)  # a second press within this after release makes a double


class Button:
    """Feed `step` once a control step."""

    def __init__(self):
        self._down = False
        self._differs_ms = 0
        self._held_ms = 0
        self._gap_ms = -1  # time since release of a short press that may become double, or -1
        self._second = False
        self._spent = True  # this press has been reported as long or double

    def step(self, down, dt_ms):
        """One gesture, or NONE."""
        if down != self._down:
            self._differs_ms += dt_ms
            if self._differs_ms >= _DEBOUNCE_MS:
                self._differs_ms = 0
                self._down = down
                return self._pressed() if down else self._released()
        else:
            self._differs_ms = 0
        if self._down:
            return self._holding(dt_ms)
        if self._gap_ms >= 0:
            return self._waiting(dt_ms)
        return NONE

    def is_quiescent(self):
        """Up, and no gesture is under way."""
        return not self._down and self._differs_ms == 0 and self._gap_ms < 0

    def _pressed(self):
        self._second = self._gap_ms >= 0
        self._gap_ms = -1
        self._held_ms = 0
        self._spent = False
        return DOWN

    def _released(self):
        if self._spent:
            return NONE
        self._spent = True
        if self._second:
            return DOUBLE
        self._gap_ms = 0
        return NONE

    def _holding(self, dt_ms):
        before = self._held_ms
        self._held_ms += dt_ms
        if before < _LONG_MS <= self._held_ms:
            self._spent = True
            return LONG
        return HOLD if before < _HOLD_MS <= self._held_ms else NONE

    def _waiting(self, dt_ms):
        self._gap_ms += dt_ms
        if self._gap_ms < _GAP_MS:
            return NONE
        self._gap_ms = -1
        return SHORT
