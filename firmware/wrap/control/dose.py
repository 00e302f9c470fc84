"""The dose integral of one channel, in integers, without drift. Knows only duty and time.

On-time is kept as whole milliseconds at full duty plus a remainder in 1/65535 ms, so a 20-minute
session loses nothing; every intermediate stays below 2^30 (MicroPython's small integers).
"""

from wrap.compat import const

_FULL = const(65535)


class DoseMeter:
    """full_uw, upper_uw: irradiance at full duty in uW/cm2, nominal and worst case (at most 300000,
    which a calibration's bounds keep)."""

    def __init__(self, full_uw, upper_uw):
        self.full_uw = full_uw
        self.upper_uw = upper_uw
        self.clear()

    def clear(self):
        """Start a new session."""
        self.on_ms = 0  # milliseconds at full duty
        self._on_rest = 0
        self.uj = 0  # nominal dose, uJ/cm2
        self._nj = 0
        self.upper_uj = 0  # with the irradiance's upper bound: what caps are held against
        self._upper_nj = 0

    def add(self, duty_u16, dt_ms):
        """`duty_u16` was on the pin for `dt_ms` (0..3000)."""
        rest = self._on_rest + duty_u16 * dt_ms
        ms = rest // _FULL
        self._on_rest = rest - ms * _FULL
        if ms:
            self.on_ms += ms
            nj = self._nj + ms * self.full_uw
            uj = nj // 1000
            self.uj += uj
            self._nj = nj - uj * 1000
            nj = self._upper_nj + ms * self.upper_uw
            uj = nj // 1000
            self.upper_uj += uj
            self._upper_nj = nj - uj * 1000
