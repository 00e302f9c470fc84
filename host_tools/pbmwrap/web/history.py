"""Keeps the samples of the running or last session, thinned to a fixed number of points."""

from __future__ import annotations

import threading
from typing import Any

from wrap.rules import states

MOST_POINTS = 2000
ACTIVE = frozenset(states.NAMES[state] for state in states.ACTIVE)
_Row = tuple[float, list[float | None], list[float], float | None]


class History:
    """Samples of one session. Memory is bounded: when it is full, every second point goes."""

    def __init__(self, most_points: int = MOST_POINTS) -> None:
        self._most = most_points
        self._lock = threading.Lock()
        self._rows: list[_Row] = []
        self._stride = 1
        self._skipped = 0
        self._start_s = 0.0
        self._active = False
        self._session: int | None = None

    def add(self, sample: dict[str, Any], now_s: float) -> bool:
        """Add a sample, taken at `now_s` of the wrap's time. Returns whether a session began.

        Samples without a session are ignored, except the first one after its end.
        """
        active = sample.get("state") in ACTIVE
        with self._lock:
            began = active and not self._active
            if began:
                self._clear(now_s - (sample.get("active_ms") or 0) / 1000)
            if active or self._active:
                self._put(_make_row(sample, now_s - self._start_s), last=not active)
            self._active = active
            return began

    def note_session(self, number: int) -> None:
        """Note the session that the samples belong to."""
        with self._lock:
            self._session = number

    def as_json(self) -> dict[str, Any]:
        """Return columns: seconds since the start, C, duty from 0 to 1, J/cm2 of all channels."""
        with self._lock:
            rows, session, active = list(self._rows), self._session, self._active
        return {
            "session": session,
            "active": active,
            "t_s": [row[0] for row in rows],
            "temps_c": _turn([row[1] for row in rows]),
            "duty": _turn([row[2] for row in rows]),
            "dose_j_cm2": [row[3] for row in rows],
        }

    def _clear(self, start_s: float) -> None:
        self._rows.clear()
        self._stride, self._skipped, self._start_s = 1, 0, start_s

    def _put(self, row: _Row, last: bool) -> None:
        self._skipped += 1
        if self._rows and not last and self._skipped < self._stride:
            return
        self._skipped = 0
        self._rows.append(row)
        if len(self._rows) > self._most:
            self._rows = self._rows[::2]
            self._stride *= 2


def _make_row(sample: dict[str, Any], t_s: float) -> _Row:
    temps = [None if mc is None else mc / 1000 for mc in sample.get("temps_mc") or ()]
    duties = [round(duty / 65535, 4) for duty in sample.get("duty_u16") or ()]
    total_uj = sample.get("dose_total_uj")
    return round(t_s, 2), temps, duties, None if total_uj is None else total_uj / 1e6


def _turn(rows: list[Any]) -> list[list[Any]]:
    """Turn rows into one column per sensor or channel; a row that lacks one has None there."""
    width = max(map(len, rows), default=0)
    return [[row[i] if i < len(row) else None for row in rows] for i in range(width)]
