"""Compares the sensor readings of every step with the limits. Decides nothing about light.

Limits are compared as raw readings, which are computed when a limit changes: a step needs no
division, and no conversion of a reading that repeats.
"""

from wrap.compat import const
from wrap.rules import faults, limits
from wrap.safety.thermistor import OPEN, SHORT
from wrap.safety.violation import Violation

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from array import array

    from wrap.safety.thermistor import Thermistor

_WINDOW = const((1 << 4) - 1)  # limits.FILTER_OF readings are remembered
_NONE_YET = const(1 << 16)  # above any reading


class TempLimits:
    """Compares each reading with its limits. roles: "skin" or "board" per sensor; curve: the
    thermistor of all.

    Per sensor: temps_mc, of the last step; max_mc, of the session; quiet_from and quiet_below (one
    for all): raw readings between them need no decision. hottest_mc, coldest_mc: of the skin
    sensors. trip_mc: skin trip in force. cold: a sensor is below limits.PLAUSIBLE_MIN_MC. warn:
    derating has begun."""

    def __init__(self, roles: "list[str]", curve: "Thermistor") -> None:
        n = len(roles)
        self._n = n
        self._curve = curve
        self._skin = tuple([r == "skin" for r in roles])
        self._skins = tuple([i for i in range(n) if self._skin[i]])
        self.temps_mc = [0] * n
        self.max_mc = [-273150] * n
        self._least = [_NONE_YET] * n  # the lowest valid reading: that of `max_mc`
        self._trip_raw = [0] * n
        self._gross_raw = [0] * n
        # Per sensor one bit for each of the last FILTER_OF readings, the newest lowest: 1 when it
        # was above the trip, or below PLAUSIBLE_MIN_MC.
        self._over = [0] * n
        self._cold_raw = curve.raw_at(limits.PLAUSIBLE_MIN_MC)
        self.quiet_below = min(self._cold_raw + 1, curve.raw_max)
        self._cold = [0] * n
        self._last = [-1] * n
        self._settled = [False] * n  # the same reading again would change nothing
        self.quiet_from = [0] * n
        self._sums = [0] * n  # of the readings since `take_means`
        self._count = 0  # steps since then
        self._means = [0] * n
        self.hottest_mc = 0
        self.coldest_mc = 0
        self.warn = False
        self.cold = False
        self._violation = Violation()
        self.set_skin_trip(limits.SKIN_TRIP_MC)

    def set_skin_trip(self, mc: int) -> None:
        """Set the skin trip, mC; at most limits.SKIN_TRIP_MC, whatever is asked for."""
        mc = min(mc, limits.SKIN_TRIP_MC)  # H-39
        self.trip_mc = mc
        self._derate_mc = mc - limits.DERATE_BAND_MC
        for i in range(self._n):
            trip = mc if self._skin[i] else limits.BOARD_TRIP_MC
            self._trip_raw[i] = self._curve.raw_at(trip)
            self._gross_raw[i] = self._curve.raw_at(trip + limits.GROSS_MARGIN_MC)
            self.quiet_from[i] = max(self._trip_raw[i] + 1, self._curve.raw_min)
            self._settled[i] = False  # the same reading may trip now
        self._quiescent = False

    def start_session(self) -> None:
        """Restart `max_mc` from the temperatures of the last step."""
        for i in range(self._n):
            if self._last[i] >= 0:
                self.max_mc[i] = self.temps_mc[i]
                self._least[i] = self._last[i]

    def check(self, raws: "array[int]") -> "Violation | None":
        """Return the Violation of this step's readings, or None. raws: begins with one reading per
        sensor, 0..65520."""
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
                self._set_temp(i, raw, self._curve.mc(raw))  # its filters stay as they are
            else:
                judged = True
                found = self._check_reading(i, raw, found)
        if judged:
            self._update_filters()
        if changed:
            self._update_extremes()
        return found

    def _set_temp(self, i: int, raw: int, mc: int) -> None:
        """Set the temperature of sensor `i` from a reading inside the table."""
        self.temps_mc[i] = mc
        if raw < self._least[i]:
            self._least[i] = raw
            self.max_mc[i] = mc

    def is_quiescent(self) -> bool:
        """Return whether all readings in the filters of all sensors need no decision."""
        return self._quiescent

    def add_elapsed(self, steps: int, sums: "array[int]", at: int, stride: int) -> None:
        """Add `steps` steps of the fast path, whose readings all needed no decision. sums: from
        `at` on, every `stride` words, a sensor's sum of readings, its lowest and its last one."""
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
            self._update_extremes()

    def _check_reading(self, i: int, raw: int, found: "Violation | None") -> "Violation | None":
        """Put a reading into the filters of sensor `i` and compare it with its limits. Returns
        `found`, the Violation of a sensor before it, or its own: the first one counts."""
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
            self._set_temp(i, raw, mc)
        self._settled[i] = not code and over == 0 and (cold == 0 or cold == _WINDOW)
        if found is not None or not code:
            return found
        limit_mc = self.trip_mc if self._skin[i] else limits.BOARD_TRIP_MC
        return self._violation.set(code, i, limit_mc)

    def _update_filters(self) -> None:
        """Set `cold` and `is_quiescent` from the filters, of which one has changed."""
        cold = False
        quiescent = True
        for i in range(self._n):
            bits = self._cold[i]
            if bits and _ENOUGH[bits]:  # H-03
                cold = True
            if bits or not self._settled[i]:
                quiescent = False
        self.cold = cold
        self._quiescent = quiescent

    def _update_extremes(self) -> None:
        """Set `hottest_mc`, `coldest_mc` and `warn` from the temperatures of this step."""
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

    def take_means(self) -> "list[int]":
        """Return the temperatures of the mean readings since the last call, mC, OPEN or SHORT, and
        start new means. The list is reused."""
        for i in range(self._n):
            self._means[i] = self._curve.mc(self._sums[i] // self._count)
            self._sums[i] = 0
        self._count = 0
        return self._means


def _is_enough(bits: int) -> bool:
    """Return whether at least limits.FILTER_COUNT bits are set."""
    n = 0
    while bits:
        n += bits & 1
        bits >>= 1
    return n >= limits.FILTER_COUNT


# By the bits of a filter, so that a step counts none.
_ENOUGH = tuple([_is_enough(bits) for bits in range(1 << limits.FILTER_OF)])
