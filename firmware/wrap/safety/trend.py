"""The last minute of one value: smoothed, one entry a second. Judges nothing."""

from array import array

from wrap.compat import const

_MASK = const(63)  # a minute fits


class Trend:
    """now: the value smoothed over about four seconds; n: seconds since `clear`."""

    def __init__(self):
        self._ring = array("i", [0] * 64)
        self.clear()

    def clear(self):
        """Forget: what comes next has nothing to do with what was."""
        self.n = 0
        self.now = 0

    def take(self, value):
        """One more second."""
        if self.n:
            self.now += (value - self.now) >> 2
        else:
            self.now = value
        self._ring[self.n & _MASK] = self.now
        self.n += 1

    def ago(self, seconds):
        """The value `seconds` (0..60) ago; only when n > seconds."""
        return self._ring[(self.n - 1 - seconds) & _MASK]
