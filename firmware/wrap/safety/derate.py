"""How much of the light the skin's temperature allows: a line, taken slowly. Knows no lamp.

The line ends below the trip, because heat stored in the pad reaches the skin after the light has
gone. What is put on the line is smoothed, so that neither noise nor a code step of the ADC is seen
as flicker, but it never lags more than `_LAG_MC` behind skin that warms.
"""

from wrap.compat import const
from wrap.rules import limits

FULL_Q = const(4096)  # nothing is derated
_LAG_MC = const(200)
_SHIFT = const(4)  # the smoothed value keeps 1/16 mC
_UP_Q = const(41)  # light comes back by at most 1 % a second


class Derate:
    """q: share of the light allowed, 0..FULL_Q."""

    def __init__(self):
        self._fine = 0
        self.fresh = True
        self.q = FULL_Q

    def take(self, hottest_mc, trip_mc):
        """One second with the hottest skin sensor at `hottest_mc`, as a mean."""
        fine = hottest_mc << _SHIFT
        if self.fresh:
            self._fine = fine
        self._fine += (fine - self._fine) >> 4
        least = fine - (_LAG_MC << _SHIFT)
        if self._fine < least:
            self._fine = least
        q = allowed(self._fine >> _SHIFT, trip_mc)
        if q > self.q + _UP_Q and not self.fresh:
            q = self.q + _UP_Q
        self.q = q
        self.fresh = False


def allowed(mc, trip_mc):  # H-01
    """The line: FULL_Q up to the band below the trip, 0 from DERATE_ZERO_MC below it."""
    room = trip_mc - limits.DERATE_ZERO_MC - mc
    band = limits.DERATE_BAND_MC - limits.DERATE_ZERO_MC
    if room >= band:
        return FULL_Q
    return FULL_Q * room // band if room > 0 else 0
