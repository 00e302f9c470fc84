"""Finds a sensor reading that follows the lamp current instead of the heat: a ground wire shared
with the lamps, or a leak from the 12 V feed onto a sensor's wire.

The lamps are switched off for one step of 10 ms every limits.WIRE_CHECK_MS, and before a session
the enable is opened alone. A bead cannot change by limits.WIRE_MC in so short a time, so a reading
that does is wired wrongly. The sensors' own filters settle within that step (0.4 ms,
docs/build-a-wrap.md). Owns no lamp: the app switches them off after `step` has returned True.

A lamp that pulses is dark in some readings anyway, at moments that depend on its frequency. At
50 Hz every second reading may be lit and the one before the dark step never. So with pulses a
window compares all readings of a whole period of the slowest pulses with each other.
"""

from wrap.compat import const
from wrap.rules import limits
from wrap.safety.thermistor import OPEN, SHORT

_CONFIRM_MS = const(200)  # a suspicious window is repeated after this time
_CONFIRM_COUNT = const(3)  # windows in a row: one may be disturbed by a wearer who moves
_CONFIRM_PULSED = const(5)  # the same with pulses: a window of 12 readings is disturbed more often
_EDGE_STEPS = const(2)  # steps compared after the enable has opened or dropped

# Readings compared before the dark step of a pulsed lamp: a period at limits.PULSE_MIN_HZ. In this
# time heat moves a bead by 0.2 K at most (RATE_MC_S), less than limits.WIRE_MC.
_SPAN_STEPS = const(10)

# Phases of a window: lit readings, a dark step, its readings, lit readings again. With pulses:
# readings of a period, a dark step, its readings.
_WAIT = const(0)
_DARK = const(1)
_LIT_AGAIN = const(2)
_SPAN = const(3)
_SPAN_DARK = const(4)

# Results of `check_edge`.
NO = 0
SUSPECT = 1
YES = 2


class WireCheck:
    """Looks for readings that follow the lamps. n: number of sensors. sensor: index of the one
    whose reading followed the lamps. suspects: windows in a row in which one did. edge_left: steps
    that `check_edge` still has to compare. While both are 0, nothing is suspected."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._before = [0] * n  # with pulses: the lowest of the window's readings
        self._dark = [0] * n  # with pulses: the highest
        self._span_left = 0
        self._confirm_count = _CONFIRM_COUNT
        self._edge = [0] * n
        self._last = [0] * n
        self.edge_left = 0
        self.sensor = 0
        self.begin_session()

    def begin_session(self) -> None:
        """Schedule the first window soon after light begins, and drop all suspicion."""
        self._phase = _WAIT
        self._left_ms = _CONFIRM_MS
        self.suspects = 0
        self._fresh = False  # `_last` holds the readings of the previous step

    def due_in_ms(self) -> int:
        """Return the milliseconds until the next dark step; 0 within a window."""
        return self._left_ms if self._phase == _WAIT else 0

    def add_elapsed(self, ms: int) -> None:
        """Add `ms` of steady light in which no window was due."""
        self._left_ms -= ms

    def step(self, temps_mc: "list[int]", dt_ms: int, pulsed: bool) -> bool:
        """Add one step of steady light with its readings. pulsed: a lamp pulses. Returns whether
        the lamps must be off until the next step."""
        phase = self._phase
        if phase == _WAIT:
            self._left_ms -= dt_ms
            if self._left_ms > 0:
                return False
            _copy_values(temps_mc, self._before)
            self._phase = _DARK
            if pulsed:
                _copy_values(temps_mc, self._dark)
                self._span_left = _SPAN_STEPS
                self._phase = _SPAN
            return not pulsed
        if phase == _SPAN or phase == _SPAN_DARK:
            return self._add_to_span(temps_mc)
        if phase == _DARK:
            _copy_values(temps_mc, self._dark)
            self._phase = _LIT_AGAIN
            return False
        self._phase = _WAIT
        self._confirm_count = _CONFIRM_COUNT
        self._compare_window(temps_mc)
        return False

    def _add_to_span(self, temps_mc: "list[int]") -> bool:
        """Widen the span of each sensor's readings. Returns True before the dark step; after it the
        spans are compared, and the next window is scheduled."""
        low, high = self._before, self._dark
        for i in range(self._n):
            low[i] = min(low[i], temps_mc[i])
            high[i] = max(high[i], temps_mc[i])
        if self._phase == _SPAN:
            self._span_left -= 1
            if self._span_left:
                return False
            self._phase = _SPAN_DARK
            return True
        self._phase = _WAIT
        self._confirm_count = _CONFIRM_PULSED
        for i in range(self._n):
            if high[i] - low[i] > limits.WIRE_MC and _are_valid(low[i], high[i]):
                self._suspect(i)  # H-45
                return False
        self._clear()
        return False

    def _compare_window(self, after: "list[int]") -> None:
        """Compare the dark readings with the mean of the lit ones around them, so that a steady
        rise cancels out, and schedule the next window."""
        for i in range(self._n):
            lit = (self._before[i] + after[i]) // 2
            if abs(lit - self._dark[i]) > limits.WIRE_MC and _are_valid(after[i], self._dark[i]):
                self._suspect(i)  # H-45
                return
        self._clear()

    def _suspect(self, sensor: int) -> None:
        """Count a window in which `sensor` followed the lamps, and repeat it soon."""
        self.sensor = sensor
        self.suspects += 1
        self._left_ms = _CONFIRM_MS

    def _clear(self) -> None:
        """Drop the suspicion after a window in which no sensor followed the lamps."""
        self.suspects = 0
        self._left_ms = limits.WIRE_CHECK_MS

    def is_confirmed(self) -> bool:
        """Return whether a reading followed the lamps in enough windows in a row."""
        return self.suspects >= self._confirm_count

    def abort_window(self) -> None:
        """Discard an open window: the light changes for another reason."""
        if self._phase != _WAIT:
            self._phase = _WAIT
            self._left_ms = _CONFIRM_MS

    def expect_edge(self, temps_mc: "list[int]") -> None:
        """Keep the readings of a step after which the enable may open or drop."""
        _copy_values(temps_mc, self._last)
        self._fresh = True

    def keep_edge(self, temps_mc: "list[int]") -> None:
        """Keep the readings before the enable, and with it the 12 V feed, opens or drops now. A
        reading far from that of the previous step is disturbed: the undisturbed ones after it would
        look like a jump, so this sensor is not compared at this edge."""
        edge = self._edge
        _copy_values(temps_mc, edge)
        if self._fresh:
            for i in range(self._n):
                if abs(edge[i] - self._last[i]) > limits.WIRE_EDGE_MC:
                    edge[i] = OPEN
        self._fresh = False
        self.edge_left = _EDGE_STEPS

    def check_edge(self, temps_mc: "list[int]") -> int:
        """Return whether a reading has moved by more than heat can since `keep_edge`: NO, SUSPECT
        in the first step, YES in the second. One disturbed reading is not enough."""
        if not self.edge_left:
            return NO
        self.edge_left -= 1
        for i in range(self._n):
            if abs(temps_mc[i] - self._edge[i]) > limits.WIRE_EDGE_MC:  # H-46
                if _are_valid(temps_mc[i], self._edge[i]):
                    self.sensor = i
                    return SUSPECT if self.edge_left else YES
        self.edge_left = 0
        return NO


def _copy_values(values: "list[int]", to: "list[int]") -> None:
    # Element by element: a slice would allocate.
    for i in range(len(to)):
        to[i] = values[i]


def _are_valid(a: int, b: int) -> bool:
    """Return whether both temperatures are inside the thermistor's table."""
    return OPEN < a < SHORT and OPEN < b < SHORT
