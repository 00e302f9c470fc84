"""Reports that a served twin is slower than requested, and why. Arithmetic only: reads no clock."""

from __future__ import annotations

from collections.abc import Iterator

WINDOW_S = 5.0  # length of one measurement
REACHED = 0.8  # share of the requested speed; less is reported
CHANGED = 1.5  # factor of a change that is reported again
_HOST = "a host is connected, whose leases run in real time"
_MACHINE = "this machine is not faster"


class SpeedNews:
    """`asked`: times real time, None for as fast as it goes, of which nothing is said.

    Feed `lines` often with both clocks; it gives a line after the first window that was too slow,
    and after one that differs much from what was said last.
    """

    def __init__(self, asked: float | None, now_s: float, virtual_ms: int) -> None:
        self._asked = asked
        self._begin_interval(now_s, virtual_ms)
        self._told: float | None = None

    def _begin_interval(self, now_s: float, virtual_ms: int) -> None:
        self._from_s, self._from_ms = now_s, virtual_ms
        self._talked = False

    def skipped(self, now_s: float, virtual_ms: int) -> None:
        """Restart the measurement after a skip."""
        self._begin_interval(now_s, virtual_ms)

    def lines(self, now_s: float, virtual_ms: int, talking: bool) -> Iterator[str]:
        """Return the text to report now, if any. talking: a host is in conversation."""
        self._talked = self._talked or talking
        elapsed_s = now_s - self._from_s
        if self._asked is None or elapsed_s < WINDOW_S:
            return
        reached = (virtual_ms - self._from_ms) / 1000 / elapsed_s
        why = _HOST if self._talked else _MACHINE
        self._begin_interval(now_s, virtual_ms)
        if reached >= REACHED * self._asked:
            if self._told is not None:
                self._told = None
                yield f"speed: {self._asked:g}, as asked"
        elif self._told is None or not 1 / CHANGED <= reached / max(self._told, 1e-9) <= CHANGED:
            self._told = reached
            yield f"speed: {reached:.1f} reached of {self._asked:g} asked: {why}"
