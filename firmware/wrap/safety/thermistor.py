"""NTC readings to milli-degrees by an integer table, made once at load. No I/O, no state.

The divider is pull-up to the ADC reference, NTC to ground, so a hotter sensor reads lower:
raw = 65520 * Rntc / (Rntc + Rpullup), Rntc = R25 * exp(B * (1/T - 1/T25)). The table has 257 knots
of 256 codes; between them the curve is a line (at most 0.1 K off from 0 to 80 C, see tests).
"""

import math
from array import array

from wrap.compat import const

FULL = const(65520)
OPEN = -1000000  # reading colder than the table: no NTC there
SHORT = 1000000  # hotter than the table: shorted
_LOW_C = -20.0
_HIGH_C = 120.0
_T25 = 298.15
_KELVIN = 273.15


def _celsius(raw, r25, beta, pullup):
    ohm = pullup * raw / (FULL - raw)
    return 1.0 / (1.0 / _T25 + math.log(ohm / r25) / beta) - _KELVIN


class Thermistor:
    """The curve of one kind of sensor: `r25` and `pullup` in ohm, `beta` in K."""

    def __init__(self, r25, beta, pullup):
        knots = array("i", [0] * 257)
        first = 1  # nor is 0 a temperature where no reading is as hot
        last = 0
        for i in range(1, 256):
            c = _celsius(i * 256, r25, beta, pullup)
            knots[i] = int(c * 1000 + (0.5 if c >= 0 else -0.5))
            if c >= _HIGH_C:
                first = i + 1
            if c > _LOW_C:
                last = i
        self.knots = knots
        self.raw_min = first << 8  # below: SHORT
        self.raw_max = last << 8  # at or above: OPEN

    def mc(self, raw):
        """mC for a reading, or OPEN, or SHORT; never clamped."""
        if raw < self.raw_min:
            return SHORT
        if raw >= self.raw_max:
            return OPEN
        i = raw >> 8
        knots = self.knots
        low = knots[i]
        return low + ((knots[i + 1] - low) * (raw & 255) >> 8)

    def raw_at(self, mc):
        """The highest reading that means `mc` or hotter: `raw <= raw_at(mc)` is the same as
        `mc(raw) >= mc`."""
        low = self.raw_min
        high = self.raw_max - 1
        while low < high:
            mid = (low + high + 1) >> 1
            if self.mc(mid) >= mc:
                low = mid
            else:
                high = mid - 1
        return low
