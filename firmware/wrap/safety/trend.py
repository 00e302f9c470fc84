"""Keeps the last minute of one value, smoothed, one entry a second. Judges nothing."""

from array import array

from wrap.compat import const

_MASK = const(63)  # of a ring of 64 entries: a power of two, so that the index needs no division


class Trend:
    """Keeps the last minute of one value. now: the value smoothed over about four seconds; n:
    seconds since `clear`."""

    def __init__(self) -> None:
        self._ring = array("i", [0] * 64)
        self.clear()

    def clear(self) -> None:
        """Discard all entries. The next value is taken without smoothing."""
        self.n = 0
        self.now = 0

    def add(self, value: int) -> None:
        """Add the value of one more second."""
        if self.n:
            self.now += (value - self.now) >> 2
        else:
            self.now = value
        self._ring[self.n & _MASK] = self.now
        self.n += 1

    def ago(self, seconds: int) -> int:
        """Return the smoothed value `seconds` (0..60) ago. Valid only while n > seconds."""
        return self._ring[(self.n - 1 - seconds) & _MASK]
