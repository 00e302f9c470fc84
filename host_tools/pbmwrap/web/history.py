"""Keeps the samples of the running or last session, for several threads."""

from __future__ import annotations

import threading
from typing import Any

from pbmwrap.portable import history
from pbmwrap.portable.history import ACTIVE, MOST_POINTS

__all__ = ("ACTIVE", "History")


class History(history.History):
    """A history that one thread fills and others read."""

    def __init__(self, most_points: int = MOST_POINTS) -> None:
        super().__init__(most_points)
        self._lock = threading.Lock()

    def add(self, sample: dict[str, Any], now_s: float) -> bool:
        with self._lock:
            return super().add(sample, now_s)

    def note_session(self, number: int) -> None:
        with self._lock:
            super().note_session(number)

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            return super().as_json()
