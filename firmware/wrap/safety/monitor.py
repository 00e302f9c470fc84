"""Judges the sensor readings of every step against the limits. Decides nothing about light itself.

Limits are compared as raw readings, computed once when a limit changes, so a step divides nothing.
"""

from wrap.mp import const
from wrap.safety import faults, limits
from wrap.safety.thermistor import OPEN, SHORT

_WINDOW = const((1 << 4) - 1)  # limits.FILTER_OF readings are remembered


class Monitor:
    """roles: "skin" or "board" per sensor; curve: their Thermistor."""

    def __init__(self, roles, curve):
        n = len(roles)
        self._n = n
        self._curve = curve
        self._skin = tuple([r == "skin" for r in roles])
        self.temps_mc = [0] * n
        self.max_mc = [-273150] * n
        self._trip_raw = [0] * n
        self._gross_raw = [0] * n
        self._over = [0] * n  # last readings as bits, newest lowest: over the trip
        self._cold_raw = curve.raw_at(limits.PLAUSIBLE_MIN_MC)
        self.calm_below = min(self._cold_raw + 1, curve.raw_max)
        self._cold = [0] * n
        self._last = [-1] * n
        self._settled = [False] * n  # the same reading again would change nothing
        self._sums = [0] * n  # readings since `means`
        self._count = 0
        self._means = [0] * n
        self.hottest_mc = 0  # of the skin sensors
        self.coldest_mc = 0
        self.warn = False
        self.cold = False
        self.sensor = 0  # who caused the last fault
        self.limit_mc = 0
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
            self._settled[i] = False

    def start_session(self):
        """Forget the maxima of the session before."""
        for i in range(self._n):
            self.max_mc[i] = self.temps_mc[i]

    def check(self, raws):
        """The fault that these readings mean, or faults.NONE. `raws`: one reading per sensor."""
        found = faults.NONE
        last = self._last
        sums = self._sums
        self._count += 1
        for i in range(self._n):
            raw = raws[i]
            sums[i] += raw
            if raw != last[i] or not self._settled[i]:
                last[i] = raw
                found = self._judge(i, raw, found)
        return found

    def rests(self):
        """Every sensor was calm for as long as the filter remembers."""
        for i in range(self._n):
            if not self._settled[i] or self._cold[i]:
                return False
        return True

    def calm_from(self, i):
        """A reading of sensor `i` from here to below `calm_below` is no reason for anything."""
        return max(self._trip_raw[i] + 1, self._curve.raw_min)

    def took(self, i, total, least, newest):
        """Readings of sensor `i` that were all calm: their sum, the lowest, the last."""
        self._sums[i] += total
        self._last[i] = newest
        self.temps_mc[i] = self._curve.mc(newest)
        most_mc = self._curve.mc(least)
        if most_mc > self.max_mc[i]:
            self.max_mc[i] = most_mc

    def took_steps(self, n):
        """So many steps those readings were of."""
        self._count += n
        self._summarise()

    def _judge(self, i, raw, found):
        mc = self._curve.mc(raw)
        trip = raw <= self._trip_raw[i]
        self._over[i] = over = (self._over[i] << 1 | trip) & _WINDOW
        self._cold[i] = (self._cold[i] << 1 | (raw > self._cold_raw)) & _WINDOW
        self.temps_mc[i] = mc
        if mc == OPEN:  # H-03
            code = faults.SENSOR_OPEN
        elif mc == SHORT:
            code = faults.SENSOR_SHORT
        elif raw <= self._gross_raw[i]:  # H-02
            code = faults.GROSS
        elif trip and _enough(over):  # H-01
            code = faults.SKIN_HOT if self._skin[i] else faults.BOARD_HOT  # H-49
        else:
            code = faults.NONE
        if mc != OPEN and mc != SHORT and mc > self.max_mc[i]:
            self.max_mc[i] = mc
        self._settled[i] = not code and over == 0 and self._cold[i] in (0, _WINDOW)
        self._summarise()
        if found or not code:
            return found
        self.sensor = i
        self.limit_mc = self.trip_mc if self._skin[i] else limits.BOARD_TRIP_MC
        return code

    def _summarise(self):
        hottest = -273150
        coldest = SHORT
        cold = False
        for i in range(self._n):
            if self._skin[i]:
                hottest = max(hottest, self.temps_mc[i])  # H-41, H-42
                coldest = min(coldest, self.temps_mc[i])
            cold = cold or _enough(self._cold[i])  # H-03
        self.cold = cold
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
