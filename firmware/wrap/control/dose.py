"""Integrates the dose of one channel in integers, without drift. Knows only duty and time.

On-time is kept as whole milliseconds at full duty plus a remainder in 1/65535 ms, so a session of
20 minutes loses nothing. All intermediate results stay below 2^30 (MicroPython's small integers),
so `add` does not allocate.
"""

from wrap.compat import const

_FULL = const(65535)


class DoseMeter:
    """Sums the light of one channel. full_uw, upper_uw: irradiance at full duty, uW/cm2, nominal
    and upper bound. At most 300000, which limits.CAL_MOST_UW and its uncertainty keep.

    on_ms: time at full duty; uj, upper_uj: nominal dose and its upper bound, uJ/cm2."""

    def __init__(self, full_uw: int, upper_uw: int) -> None:
        self.full_uw = full_uw
        self.upper_uw = upper_uw
        self.clear()

    def clear(self) -> None:
        """Reset the sums for a new session."""
        self.on_ms = 0
        self._on_rest = 0  # of on_ms, 1/65535 ms
        self.uj = 0
        self._nj = 0  # of uj, below 1000
        self.upper_uj = 0
        self._upper_nj = 0

    def add(self, duty_u16: int, dt_ms: int) -> None:
        """Add `dt_ms` (0..3000) at `duty_u16` (0..65535)."""
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
