"""Converts NTC readings to milli-degrees by an integer table, computed once. No I/O, no state.

The divider is a pull-up to the ADC reference and the NTC to ground, so a hotter sensor reads lower:
raw = 65520 * Rntc / (Rntc + Rpullup), Rntc = R25 * exp(B * (1/T - 1/T25)). The table has 257 knots
256 codes apart; between them the curve is a line (at most 0.1 K off from 0 to 80 C, see tests).
"""

import math
from array import array

from wrap.compat import const

FULL = const(65520)  # 4095 << 4: a 12-bit code scaled as `Hal.inputs` does
OPEN = -1000000  # a reading colder than the table: no NTC is connected
SHORT = 1000000  # hotter than the table: the NTC is shorted
_LOW_C = -20.0
_HIGH_C = 120.0
_T25 = 298.15
_KELVIN = 273.15


def _compute_celsius(raw: int, r25: int, beta: int, pullup: int) -> float:
    """Return the temperature of a reading in C, by the B-parameter equation."""
    ohm = pullup * raw / (FULL - raw)
    return 1.0 / (1.0 / _T25 + math.log(ohm / r25) / beta) - _KELVIN


class Thermistor:
    """Converts readings of one kind of sensor: r25 and pullup in ohm, beta in K.

    raw_min, raw_max: readings from raw_min to below raw_max are temperatures."""

    def __init__(self, r25: int, beta: int, pullup: int) -> None:
        knots = array("i", [0] * 257)
        # At least 1, also where no reading reaches _HIGH_C: knot 0 has no temperature (log of 0).
        first = 1
        last = 0
        for i in range(1, 256):
            c = _compute_celsius(i * 256, r25, beta, pullup)
            knots[i] = int(c * 1000 + (0.5 if c >= 0 else -0.5))
            if c >= _HIGH_C:
                first = i + 1
            if c > _LOW_C:
                last = i
        self.knots = knots
        self.raw_min = first << 8
        self.raw_max = last << 8

    def mc(self, raw: int) -> int:
        """Return the temperature of a reading (0..65520) in mC; SHORT below `raw_min`, OPEN from
        `raw_max` on. Never clamped."""
        if raw < self.raw_min:
            return SHORT
        if raw >= self.raw_max:
            return OPEN
        i = raw >> 8
        knots = self.knots
        low = knots[i]
        return low + ((knots[i + 1] - low) * (raw & 255) >> 8)

    def raw_at(self, mc: int) -> int:
        """Return the highest reading that is `mc` or hotter: `raw <= raw_at(mc)` is the same as
        `self.mc(raw) >= mc`. Bisects, so call it only when a limit changes."""
        low = self.raw_min
        high = self.raw_max - 1
        while low < high:
            mid = (low + high + 1) >> 1
            if self.mc(mid) >= mc:
                low = mid
            else:
                high = mid - 1
        return low
