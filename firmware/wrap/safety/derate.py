"""Reduces the light as the skin warms: a line over temperature, followed slowly. Knows no lamp.

The line ends below the trip, because heat stored in the pad reaches the skin after the light has
gone. Its input is smoothed, so that neither noise nor one code step of the ADC becomes visible as
flicker, but it never lags more than `_LAG_MC` behind skin that warms.
"""

from wrap.compat import const
from wrap.rules import limits

FULL_Q = const(4096)  # nothing is derated
_LAG_MC = const(200)
_SHIFT = const(4)  # the smoothed value keeps 1/16 mC, so that its low-pass loses no remainder
_UP_Q = const(41)  # light comes back by at most 1 % a second, so the loop cannot hunt


class Derate:
    """Reduces the light as the skin warms. q: share of the light that is allowed, 0..FULL_Q.
    fresh: the next `update` takes its value without smoothing."""

    def __init__(self) -> None:
        self._fine = 0
        self.fresh = True
        self.q = FULL_Q

    def update(self, hottest_mc: int, trip_mc: int) -> None:
        """Set `q` after one more second. hottest_mc: mean of the hottest skin sensor, mC; trip_mc:
        the skin trip in force, mC."""
        fine = hottest_mc << _SHIFT
        if self.fresh:
            self._fine = fine
        self._fine += (fine - self._fine) >> 4
        least = fine - (_LAG_MC << _SHIFT)
        if self._fine < least:
            self._fine = least
        q = allowed_q(self._fine >> _SHIFT, trip_mc)
        if q > self.q + _UP_Q and not self.fresh:
            q = self.q + _UP_Q
        self.q = q
        self.fresh = False


def allowed_q(mc: int, trip_mc: int) -> int:  # H-01
    """Return the share of the light, 0..FULL_Q, for skin at `mc` (mC): FULL_Q until DERATE_BAND_MC
    below the trip, 0 from DERATE_ZERO_MC below it, a line between."""
    left_mc = trip_mc - limits.DERATE_ZERO_MC - mc
    band_mc = limits.DERATE_BAND_MC - limits.DERATE_ZERO_MC
    if left_mc >= band_mc:
        return FULL_Q
    return FULL_Q * left_mc // band_mc if left_mc > 0 else 0
