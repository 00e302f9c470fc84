"""Sessions for the page, out of the archive of pulled logs."""

from __future__ import annotations

import threading
from dataclasses import asdict, fields
from typing import Any

from pbmwrap.logs.archive import FILE, Archive
from pbmwrap.logs.notes import list_notes
from pbmwrap.logs.summary import (
    SessionSummary,
    WrapInfo,
    read_wrap_info,
    summarize_sessions,
)
from pbmwrap.logs.to_report import make_report
from pbmwrap.words import name_end

_NESTED = ("samples", "plan", "calibrations", "faults")
_MOST_LOGS = 16  # summarised logs that are kept in memory


class SessionBook:
    """Reads the archive; a log is read again only when its file has changed."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Any, WrapInfo, list[SessionSummary], list[str]]] = {}

    def list_sessions(self) -> list[dict[str, Any]]:
        """Return all sessions of all wraps, newest first."""
        rows = [
            (_sort_key(session, place), make_row(session))
            for uid in self._archive.uids()
            for place, session in enumerate(self._read(uid)[1])
        ]
        return [row for _, row in sorted(rows, key=lambda found: found[0], reverse=True)]

    def find_session(self, uid: str, number: int) -> dict[str, Any] | None:
        """Return one session with its samples, faults and notes; None when there is none."""
        if uid not in self._archive.uids():
            return None
        info, sessions, notes = self._read(uid)
        session = next((s for s in reversed(sessions) if s.number == number), None)
        if session is None:
            return None
        report = make_report(session, info.with_default_board())
        return {
            **make_row(session),
            "channels": [asdict(channel) for channel in report.channels],
            "sensors": list(map(list, zip(report.sensors, report.roles, strict=True))),
            "limits": {
                "skin_trip_c": report.skin_trip_c,
                "skin_derate_c": report.skin_derate_c,
                "board_trip_c": report.board_trip_c,
            },
            "fault_texts": list(report.faults),
            "notes": notes,
            "samples": {
                "t_s": [point.t_s for point in report.samples],
                "temps_c": _turn([point.temps_c for point in report.samples]),
                "duty": _turn([tuple(d / 100 for d in p.duty_pct) for p in report.samples]),
                "dose_j_cm2": _turn([point.dose_j_cm2 for point in report.samples]),
                "state": [point.state for point in report.samples],
            },
        }

    def _read(self, uid: str) -> tuple[WrapInfo, list[SessionSummary], list[str]]:
        with self._lock:
            file = self._archive.root / uid / FILE
            stamp = (file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else None
            known = self._kept.pop(uid, None)
            if known is None or known[0] != stamp:
                kept = self._archive.wrap(uid)
                info = read_wrap_info(uid, kept.about())
                sessions = summarize_sessions(
                    kept.decoded(), kept.clock(), info.with_default_board()
                )
                known = (stamp, info, sessions, list(list_notes(kept)))
            self._kept[uid] = known
            while len(self._kept) > _MOST_LOGS:
                del self._kept[next(iter(self._kept))]
            return known[1:]


def _sort_key(session: SessionSummary, place: int) -> tuple[int, int]:
    return session.first_unix_ms or 0, place


def make_row(session: SessionSummary) -> dict[str, Any]:
    """Return a session's figures without its samples."""
    row = {f.name: getattr(session, f.name) for f in fields(session) if f.name not in _NESTED}
    return {
        **row,
        "calibrations": [asdict(cal) if cal else None for cal in session.calibrations],
        "faults": [asdict(fault) for fault in session.faults],
        "dose_total_uj": session.dose_total_uj,
        "calibrated": session.calibrated,
        "when_utc": session.when_utc,
        "when_local": session.when_local,
        "reason_text": name_end(session.reason),
    }


def _turn(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn rows into columns, all of the same width."""
    return [list(column) for column in zip(*rows, strict=True)]
