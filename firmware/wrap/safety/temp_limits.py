"""Compares the sensor readings of every step with the limits. Decides nothing about light.

Limits are compared as raw readings, computed once when a limit changes, so a step divides nothing.
"""

from wrap.compat import const
from wrap.rules import faults, limits
from wrap.safety.thermistor import OPEN, SHORT
from wrap.safety.violation import Violation

_WINDOW = const((1 << 4) - 1)  # limits.FILTER_OF readings are remembered
_NONE_YET = const(1 << 16)  # above any reading


class TempLimits:
    """roles: "skin" or "board" per sensor; curve: their Thermistor."""

    def __init__(self, roles, curve):
        n = len(roles)
        self._n = n
        self._curve = curve
        self._skin = tuple([r == "skin" for r in roles])
        self._skins = tuple([i for i in range(n) if self._skin[i]])
        self.temps_mc = [0] * n
        self.max_mc = [-273150] * n
        self._least = [_NONE_YET] * n  # the lowest real reading: what `max_mc` means
        self._trip_raw = [0] * n
        self._gross_raw = [0] * n
        self._over = [0] * n  # last readings as bits, newest lowest: over the trip
        self._cold_raw = curve.raw_at(limits.PLAUSIBLE_MIN_MC)
        self.quiet_below = min(self._cold_raw + 1, curve.raw_max)
        self._cold = [0] * n
        self._last = [-1] * n
        self._settled = [False] * n  # the same reading again would change nothing
        self.quiet_from = [0] * n  # a reading from here to below `quiet_below` means nothing new
        self._rests = False
        self._sums = [0] * n  # readings since `means`
        self._count = 0
        self._means = [0] * n
        self.hottest_mc = 0  # of the skin sensors
        self.coldest_mc = 0
        self.warn = False
        self.cold = False
        self._violation = Violation()
        self.set_skin_trip(limits.SKIN_TRIP_MC)

    def set_skin_trip(self, mc):
        """Put a trip in force; never above the default, whatever is asked."""
        mc = min(mc, limits.SKIN_TRIP_MC)  # H-39
        self.trip_mc = mc
        self._derate_mc = mc - limits.DERATE_BAND_MC
        for i in range(self._n):
            trip = mc if self._skin[i] else limits.BOARD_TRIP_MC
            self._trip_raw[i] = self._curve.raw_at(trip)
            self._gross_raw[i] = self._curve.raw_at(trip + limits.GROSS_MARGIN_MC)
            self.quiet_from[i] = max(self._trip_raw[i] + 1, self._curve.raw_min)
            self._settled[i] = False
        self._rests = False

    def start_session(self):
        """Forget the maxima of the session before."""
        for i in range(self._n):
            if self._last[i] >= 0:
                self.max_mc[i] = self.temps_mc[i]
                self._least[i] = self._last[i]

    def check(self, raws):
        """The Violation that these readings show, or None. raws: one reading per sensor."""
        found = None
        last = self._last
        sums = self._sums
        settled = self._settled
        calm_from = self.quiet_from
        calm_below = self.quiet_below
        changed = judged = False
        self._count += 1
        for i in range(self._n):
            raw = raws[i]
            sums[i] += raw
            if raw == last[i] and settled[i]:
                continue
            last[i] = raw
            changed = True
            if settled[i] and calm_from[i] <= raw < calm_below and not self._cold[i]:
                self._take(i, raw, self._curve.mc(raw))  # its filters remember nothing new
            else:
                judged = True
                found = self._judge(i, raw, found)
        if judged:
            self._review()
        if changed:
            self._summarise()
        return found

    def _take(self, i, raw, mc):
        """A reading inside the table, which means `mc`."""
        self.temps_mc[i] = mc
        if raw < self._least[i]:
            self._least[i] = raw
            self.max_mc[i] = mc

    def is_quiescent(self):
        """Every sensor was calm for as long as the filter remembers."""
        return self._rests

    def add_elapsed(self, steps, sums, at, stride):
        """`steps` steps whose readings were all calm: from `sums[at]` on, every `stride` words, a
        sensor's sum, its lowest and its last."""
        changed = False
        for i in range(self._n):
            self._sums[i] += sums[at]
            raw = sums[at + 2]
            if raw != self._last[i]:
                self._last[i] = raw
                self.temps_mc[i] = self._curve.mc(raw)
                changed = True
            raw = sums[at + 1]
            if raw < self._least[i]:
                self._least[i] = raw
                self.max_mc[i] = self._curve.mc(raw)
            at += stride
        self._count += steps
        if changed:
            self._summarise()

    def _judge(self, i, raw, found):
        mc = self._curve.mc(raw)
        trip = raw <= self._trip_raw[i]
        self._over[i] = over = (self._over[i] << 1 | trip) & _WINDOW
        self._cold[i] = cold = (self._cold[i] << 1 | (raw > self._cold_raw)) & _WINDOW
        if mc == OPEN:  # H-03
            code = faults.SENSOR_OPEN
        elif mc == SHORT:
            code = faults.SENSOR_SHORT
        elif raw <= self._gross_raw[i]:  # H-02
            code = faults.GROSS
        elif trip and _ENOUGH[over]:  # H-01
            code = faults.SKIN_HOT if self._skin[i] else faults.BOARD_HOT  # H-49
        else:
            code = faults.NONE
        if mc == OPEN or mc == SHORT:
            self.temps_mc[i] = mc
        else:
            self._take(i, raw, mc)
        self._settled[i] = not code and over == 0 and (cold == 0 or cold == _WINDOW)
        if found is not None or not code:
            return found
        limit_mc = self.trip_mc if self._skin[i] else limits.BOARD_TRIP_MC
        return self._violation.set(code, i, limit_mc)

    def _review(self):
        """What the filters of all sensors remember, once one of them has changed."""
        cold = False
        rests = True
        for i in range(self._n):
            bits = self._cold[i]
            if bits and _ENOUGH[bits]:  # H-03
                cold = True
            if bits or not self._settled[i]:
                rests = False
        self.cold = cold
        self._rests = rests

    def _summarise(self):
        temps = self.temps_mc
        hottest = -273150
        coldest = SHORT
        for i in self._skins:
            mc = temps[i]
            if mc > hottest:  # H-41, H-42
                hottest = mc
            if mc < coldest:
                coldest = mc
        self.hottest_mc = hottest
        self.coldest_mc = coldest
        self.warn = hottest > self._derate_mc

    def means(self):
        """The temperatures of the mean readings since the last call (the list is used again)."""
        for i in range(self._n):
            self._means[i] = self._curve.mc(self._sums[i] // self._count)
            self._sums[i] = 0
        self._count = 0
        return self._means


def _enough(bits):
    """At least limits.FILTER_COUNT of the remembered readings."""
    n = 0
    while bits:
        n += bits & 1
        bits >>= 1
    return n >= limits.FILTER_COUNT


_ENOUGH = tuple([_enough(bits) for bits in range(1 << limits.FILTER_OF)])
