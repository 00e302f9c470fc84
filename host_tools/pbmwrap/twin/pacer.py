"""Paces a twin's virtual time against the wall clock. Arithmetic only: reads no clock.

The conflict: a host's timeouts run in wall time, a wrap's leases in virtual time. At 50 times real
time a lease of 3 s is over in 60 ms of wall time, long before a host thinks of renewing it.

The rule:

1. While nobody has the port open, time passes at the chosen speed. With speed None ("as fast as
   it goes") it does so only while there is something to see through (a lit lamp, an event of the
   scenario ahead); an idle wrap runs in real time, or it would age by days before a host talks.
2. A host in conversation (port open, heard within QUIET_S) slows it to real time, but everything
   it sends buys CREDIT_MS of virtual time at the chosen speed. So an answer comes as fast as it can
   be computed, and between two renewals R seconds of wall time apart a lease ages by at most R +
   CREDIT_MS: renewing a 3 s lease every 1.5 s holds at any speed. A host that wants the full
   speed talks more often.
3. QUIET_S is the longest lease the wrap grants: when a host has been silent for so long, no lease
   can be alive, and rule 1 holds again.
"""

from __future__ import annotations

import math

CREDIT_MS = 1000
QUIET_S = 10.0  # wrap.rules.limits.LEASE_MAX_MS
SLICE_MS = 10  # one control step; bytes move between slices
FREE_SLICE_MS = 20  # without a host; an emulated chip may need half a second for it
MAX_LAG_S = 0.1  # time that a slow machine could not keep up with is not caught up later


class Pacer:
    """`speed`: virtual seconds per wall second, or None for as fast as it goes."""

    def __init__(self, speed: float | None, now_s: float, credit_ms: int = CREDIT_MS) -> None:
        if speed is not None and not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"speed is {speed}; it must be above 0, or None")
        self.speed = speed
        self._credit_ms = credit_ms
        self._last_s = now_s
        self._heard_s: float | None = None
        self._fast_ms = 0
        self._due_ms = 0.0
        self._rate = 0.0

    def heard(self, now_s: float) -> None:
        """Record that the host sent bytes."""
        self._heard_s = now_s
        self._fast_ms = self._credit_ms

    def gone(self) -> None:
        """Record that the host closed the port."""
        self._heard_s = None
        self._fast_ms = 0

    def talking(self, now_s: float) -> bool:
        """Return whether a host is in conversation (rule 2)."""
        return self._heard_s is not None and now_s - self._heard_s < QUIET_S

    def grant(self, now_s: float, busy: bool) -> int:
        """Return the virtual milliseconds to advance, at most a slice; 0: wait. `busy`: rule 1."""
        talking = self.talking(now_s)
        top = SLICE_MS if talking else FREE_SLICE_MS
        fast = self._fast_ms > 0 if talking else (busy or self.speed is not None)
        elapsed_s = min(max(now_s - self._last_s, 0.0), MAX_LAG_S)
        self._last_s = now_s
        if fast and self.speed is None:
            ms, self._rate = top, math.inf
        else:
            ms = self._paced_ms(
                elapsed_s, self.speed if fast and self.speed else self._slow_rate(), top
            )
        if talking and fast:
            ms = min(ms, self._fast_ms)
            self._fast_ms -= ms
            if not self._fast_ms:
                self._due_ms = 0.0
        return ms

    def _slow_rate(self) -> float:
        """Return the virtual seconds per second unless a rule calls for speed: at most 1."""
        return 1.0 if self.speed is None else min(self.speed, 1.0)

    def _paced_ms(self, elapsed_s: float, rate: float, top: int) -> int:
        """Return the whole milliseconds that are due after `elapsed_s`, at most `top`.

        What a slow machine could not do within MAX_LAG_S is dropped, or the twin would race later.
        """
        self._rate = rate
        self._due_ms = min(self._due_ms + elapsed_s * 1000.0 * rate, MAX_LAG_S * 1000.0 * rate + 1)
        ms = min(int(self._due_ms), top)
        self._due_ms -= ms
        return ms

    def wait_s(self) -> float:
        """Return the wall seconds until the next slice is worth taking; 0: it is due."""
        if math.isinf(self._rate):
            return 0.0
        return max(0.0, (SLICE_MS - self._due_ms) / 1000.0 / self._rate) if self._rate else 0.0
