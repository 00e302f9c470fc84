"""Formats sessions and samples as CSV for spreadsheets. `jsonl` exports every byte instead."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pbmwrap.logs.clock import format_utc
from pbmwrap.logs.summary import SessionSummary, WrapInfo, name_state

_FIXED = (
    "row",
    "session",
    "boot",
    "uptime_s",
    "time_utc",
    "active_s",
    "state",
    "reason",
    "protocol",
    "protocol_name",
)
Row = dict[str, object]


def format_csv(sessions: Sequence[SessionSummary], wrap: WrapInfo) -> str:
    """Format one row per sample, and one per session after its samples.

    A session's row has the highest temperatures, doses, end reason, and the protocol's id and name.
    Temperatures in C, duty 0..1, doses in J/cm2; a cell is empty where the figure is unknown.
    """
    columns = _name_columns(sessions, wrap)
    names = [*_FIXED, *columns.temps, *columns.duties, *columns.doses]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    for session in sessions:
        writer.writerows(_sample_rows(session, columns))
        writer.writerow(_session_row(session, columns))
    return out.getvalue()


@dataclass(frozen=True)
class _Columns:
    """Column names per quantity. Sensors and channels without a known name have their number."""

    temps: list[str]
    duties: list[str]
    doses: list[str]


def _name_columns(sessions: Sequence[SessionSummary], wrap: WrapInfo) -> _Columns:
    samples = [sample for session in sessions for sample in session.samples]
    temps = max([len(s.temps_mc) for s in samples] + [len(s.max_mc) for s in sessions], default=0)
    lamps = max(
        [len(s.duties_u16) for s in samples] + [len(s.dose_uj) for s in sessions], default=0
    )
    sensors = [name for name, _ in wrap.sensors]
    channels = [name for name, _ in wrap.channels]
    return _Columns(
        _list_names(sensors, temps, "{}_c"),
        _list_names(channels, lamps, "{}_duty"),
        _list_names(channels, lamps, "{}_j_cm2"),
    )


def _list_names(names: Sequence[str], count: int, pattern: str) -> list[str]:
    return [pattern.format(names[i] if i < len(names) else i + 1) for i in range(count)]


def _sample_rows(session: SessionSummary, columns: _Columns) -> Iterator[Row]:
    for sample in session.samples:
        yield {
            "row": "sample",
            "session": session.number,
            **_format_time(session.boot, sample.up_ms, sample.unix_ms),
            "active_s": "" if sample.active_ms is None else f"{sample.active_ms / 1000:.3f}",
            "state": name_state(sample.state),
            **_format_cells(columns.temps, sample.temps_mc, 1000),
            **_format_cells(columns.duties, sample.duties_u16, 65535),
            **_format_cells(columns.doses, sample.doses_uj, 1e6),
        }


def _session_row(session: SessionSummary, columns: _Columns) -> Row:
    return {
        "row": "session",
        "session": session.number,
        **_format_time(session.boot, session.first_up_ms, session.first_unix_ms),
        "active_s": f"{(session.active_ms or 0) / 1000:.3f}",
        "reason": session.reason,
        "protocol": session.protocol_id or "",
        "protocol_name": session.protocol_name or "",
        **_format_cells(columns.temps, session.max_mc, 1000),
        **_format_cells(columns.doses, session.dose_uj, 1e6),
    }


def _format_time(boot: int, up_ms: int, unix_ms: int | None) -> Row:
    return {
        "boot": boot,
        "uptime_s": f"{up_ms / 1000:.3f}",
        "time_utc": "" if unix_ms is None else format_utc(unix_ms),
    }


def _format_cells(columns: Sequence[str], values: Sequence[int | None], per_unit: float) -> Row:
    pairs = zip(columns, values, strict=False)
    return {name: "" if value is None else f"{value / per_unit:.6g}" for name, value in pairs}
