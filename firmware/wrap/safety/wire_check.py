"""Finds a sensor reading that follows the electricity instead of the heat: a ground wire shared
with the lamps, or a leak from the 12 V feed onto a sensor's wire.

The lamps are put out for one step of 10 ms, again and again, and before a session the enable is
opened alone. No bead can change by limits.WIRE_MC in so short a time, so a reading that does is
wired wrongly. A step of the sensors' own filters settles in 10 ms (0.4 ms, docs/build-a-wrap.md).
Owns no lamp: the app puts them out when `due`.
"""

from wrap.compat import const
from wrap.rules import limits
from wrap.safety.thermistor import OPEN, SHORT

_CONFIRM_MS = const(200)  # a suspicious window is repeated so soon
_CONFIRM_COUNT = const(3)
_EDGE_STEPS = const(2)  # steps after the enable has opened or dropped
_WAIT = const(0)
_DARK = const(1)
_LIT_AGAIN = const(2)
NO = 0
SUSPECT = 1
YES = 2


class WireCheck:
    """n: sensors. `sensor`: the one whose reading followed the lamps. `suspects`: windows in a row
    in which one did. `edge_left`: steps for which `jumped` compares. Both 0: nothing to judge."""

    def __init__(self, n):
        self._n = n
        self._before = [0] * n
        self._dark = [0] * n
        self._edge = [0] * n
        self._last = [0] * n
        self._fresh = False  # `_last` is of the step before
        self.edge_left = 0
        self.sensor = 0
        self.begin()

    def begin(self):
        """A session begins: the first window comes soon."""
        self._phase = _WAIT
        self._left_ms = _CONFIRM_MS
        self.suspects = 0
        self._fresh = False

    def due_in_ms(self):
        """Until the lamps have to be put out for a step; 0 while a window is open."""
        return self._left_ms if self._phase == _WAIT else 0

    def add_elapsed(self, ms):
        """`ms` of steady light have passed in the fast path."""
        self._left_ms -= ms

    def step(self, temps_mc, dt_ms):
        """One step of steady light with its readings: True when the next step has to be dark."""
        if self._phase == _WAIT:
            self._left_ms -= dt_ms
            if self._left_ms > 0:
                return False
            _copy(temps_mc, self._before)
            self._phase = _DARK
            return True
        if self._phase == _DARK:
            _copy(temps_mc, self._dark)
            self._phase = _LIT_AGAIN
            return False
        self._phase = _WAIT
        self._judge(temps_mc)
        return False

    def _judge(self, after):
        for i in range(self._n):
            lit = (self._before[i] + after[i]) // 2
            if abs(lit - self._dark[i]) > limits.WIRE_MC and _real(after[i], self._dark[i]):  # H-45
                self.sensor = i
                self.suspects += 1
                self._left_ms = _CONFIRM_MS
                return
        self.suspects = 0
        self._left_ms = limits.WIRE_CHECK_MS

    def found(self):
        """Whether a reading followed the lamps in three windows in a row."""
        return self.suspects >= _CONFIRM_COUNT

    def abort(self):
        """The light changes for another reason: the window says nothing."""
        if self._phase != _WAIT:
            self._phase = _WAIT
            self._left_ms = _CONFIRM_MS

    def expect_edge(self, temps_mc):
        """In each step in which the next one may open or drop the enable: its readings."""
        _copy(temps_mc, self._last)
        self._fresh = True

    def keep(self, temps_mc):
        """Keep the readings before the enable opens or drops, and the 12 V feed with it. A reading
        far from that of the step before is disturbed: the next ones would look like a jump beside
        it, so this sensor is not judged at this edge."""
        edge = self._edge
        _copy(temps_mc, edge)
        if self._fresh:
            for i in range(self._n):
                if abs(edge[i] - self._last[i]) > limits.WIRE_EDGE_MC:
                    edge[i] = OPEN
        self._fresh = False
        self.edge_left = _EDGE_STEPS

    def jumped(self, temps_mc):
        """In every step: NO, SUSPECT or YES, a reading has moved by more than heat can since
        `keep`. One disturbed reading is no jump: it has to stay so for two steps."""
        if not self.edge_left:
            return NO
        self.edge_left -= 1
        for i in range(self._n):
            if abs(temps_mc[i] - self._edge[i]) > limits.WIRE_EDGE_MC:  # H-46
                if _real(temps_mc[i], self._edge[i]):
                    self.sensor = i
                    return SUSPECT if self.edge_left else YES
        self.edge_left = 0
        return NO


def _copy(values, to):
    for i in range(len(to)):
        to[i] = values[i]


def _real(a, b):
    return OPEN < a < SHORT and OPEN < b < SHORT
