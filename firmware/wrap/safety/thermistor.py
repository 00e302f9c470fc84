"""Converts NTC readings to milli-degrees by an integer table, which the build of an image computes,
or else the boot. No I/O, no state.

The divider is a pull-up to the ADC reference and the NTC to ground, so a hotter sensor reads lower:
raw = 65520 * Rntc / (Rntc + Rpullup), Rntc = R25 * exp(B * (1/T - 1/T25)). The table has 257 knots
256 codes apart; between them the curve is a line (at most 0.1 K off from 0 to 80 C, see tests).
"""

import math
from array import array

from wrap.compat import const, small_int

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import TypeAlias

    # r25, beta, pullup, first and last knot of a temperature, all knots
    Stored: TypeAlias = tuple[int, int, int, int, int, bytes]

FULL = const(65520)  # 4095 << 4: a 12-bit code scaled as `Hal.inputs` does
OPEN = -1000000  # a reading colder than the table: no NTC is connected
SHORT = 1000000  # hotter than the table: the NTC is shorted
_LOW_MC = const(-20000)
_HIGH_MC = const(120000)
_T25 = 298.15
_KELVIN = 273.15
_PROOF_STEP = const(32)  # every so many knots of a stored table are computed again
_PROOF_MC = const(2)  # by which floats of the build and of the chip may differ


def _compute_celsius(raw: int, r25: int, beta: int, pullup: int) -> float:
    """Return the temperature of a reading in C, by the B-parameter equation."""
    ohm = pullup * raw / (FULL - raw)
    return 1.0 / (1.0 / _T25 + math.log(ohm / r25) / beta) - _KELVIN


def _compute_mc(knot: int, r25: int, beta: int, pullup: int) -> int:
    """Return the temperature of a knot in mC."""
    c = _compute_celsius(knot * 256, r25, beta, pullup)
    return int(c * 1000 + (0.5 if c >= 0 else -0.5))


def _compute_knots(r25: int, beta: int, pullup: int) -> "tuple[array[int], int, int]":
    """Return the knots, the first of a temperature, and the last."""
    knots = array("i", [0] * 257)
    # At least 1, also where no reading reaches _HIGH_MC: knot 0 has no temperature (log of 0).
    first = 1
    last = 0
    for i in range(1, 256):
        mc = _compute_mc(i, r25, beta, pullup)
        knots[i] = mc
        if mc >= _HIGH_MC:
            first = i + 1
        if mc > _LOW_MC:
            last = i
    return knots, first, last


def _read_stored(stored: "Stored", r25: int, beta: int, pullup: int) -> "array[int] | None":
    """Return the stored knots, or None when they are of other parts or not what is computed."""
    if stored[:3] != (r25, beta, pullup) or len(stored[5]) != 4 * 257:
        return None
    knots = array("i", stored[5])
    for i in range(_PROOF_STEP, 256, _PROOF_STEP):
        if abs(knots[i] - _compute_mc(i, r25, beta, pullup)) > _PROOF_MC:
            return None
    return knots


def pack_knots(r25: int, beta: int, pullup: int) -> "Stored":
    """Return what the build of an image stores."""
    knots, first, last = _compute_knots(r25, beta, pullup)
    return r25, beta, pullup, first, last, bytes(knots)


class Thermistor:
    """Converts readings of one kind of sensor: r25 and pullup in ohm, beta in K; stored: what the
    build computed for a kind of sensor, used when it is this one.

    raw_min, raw_max: readings from raw_min to below raw_max are temperatures."""

    def __init__(self, r25: int, beta: int, pullup: int, stored: "Stored | None" = None) -> None:
        knots = _read_stored(stored, r25, beta, pullup) if stored else None
        if stored and knots:
            first, last = small_int(stored[3]), small_int(stored[4])
        else:
            knots, first, last = _compute_knots(r25, beta, pullup)
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
        knots = self.knots
        low = self.raw_min >> 8
        high = last = self.raw_max >> 8
        if low > last or knots[low] < mc:
            return self.raw_min
        while low < high:  # for the last knot that is as hot
            mid = (low + high + 1) >> 1
            if knots[mid] >= mc:
                low = mid
            else:
                high = mid - 1
        if low == last:
            return self.raw_max - 1
        knot = low
        least = mc - knots[knot]
        slope = knots[knot + 1] - knots[knot]
        low = 0
        high = 255
        while low < high:  # for the last reading on the line behind it, as in `mc`
            mid = (low + high + 1) >> 1
            if slope * mid >> 8 >= least:
                low = mid
            else:
                high = mid - 1
        return knot << 8 | low
