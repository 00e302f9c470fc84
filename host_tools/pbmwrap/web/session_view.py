"""Sessions as the pages show them, from the summaries of a log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from pbmwrap.logs.summary import SessionSummary, WrapInfo
from pbmwrap.logs.to_report import make_report
from pbmwrap.words import name_end

_NESTED = ("samples", "plan", "calibrations", "faults")


def list_rows(logs: Iterable[Sequence[SessionSummary]]) -> list[dict[str, Any]]:
    """Return one row per session of all logs, newest first."""
    rows = [
        (_sort_key(session, place), make_row(session))
        for sessions in logs
        for place, session in enumerate(sessions)
    ]
    return [row for _, row in sorted(rows, key=lambda found: found[0], reverse=True)]


def describe_session(session: SessionSummary, info: WrapInfo, notes: list[str]) -> dict[str, Any]:
    """Return one session with its samples, faults and the notes on its log."""
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


def _sort_key(session: SessionSummary, place: int) -> tuple[int, int]:
    return session.first_unix_ms or 0, place


def make_row(session: SessionSummary) -> dict[str, Any]:
    """Return a session's figures without its samples."""
    row = {name: value for name, value in vars(session).items() if name not in _NESTED}
    return {
        **row,
        "calibrations": [dict(vars(cal)) if cal else None for cal in session.calibrations],
        "faults": [dict(vars(fault)) for fault in session.faults],
        "dose_total_uj": session.dose_total_uj,
        "calibrated": session.calibrated,
        "when_utc": session.when_utc,
        "when_local": session.when_local,
        "reason_text": name_end(session.reason),
    }


def _turn(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn rows into columns. A log that does not say which sensors its wrap has may have fewer."""
    return [list(column) for column in zip_longest(*rows)]
