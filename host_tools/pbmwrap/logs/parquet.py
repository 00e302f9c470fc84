"""Writes one wrap's log as Parquet, one file per SQL view (`views`)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbmwrap.logs import notes, views
from pbmwrap.logs.archive import WrapArchive
from pbmwrap.logs.decode import Decoded
from pbmwrap.logs.summary import SessionSummary, WrapInfo, read_wrap_info, summarize_sessions

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]
_MAX_NAMES = 255  # more channels or sensors than a sample can carry
_MAX_OBJECT_BYTES = 1 << 26  # of a line of JSON: duckdb's own limit is 16 MiB


@dataclass(frozen=True)
class WrapLog:
    """Everything that SQL sees of one wrap. times_ms: UTC in ms per record, None if unknown."""

    info: WrapInfo
    about: Mapping[str, Any]
    decoded: Decoded
    times_ms: list[int | None]
    sessions: list[SessionSummary]
    notes: list[str]
    size: int


def read_log(kept: WrapArchive) -> WrapLog:
    """Read a wrap's log from its archive."""
    decoded, clock = kept.decoded(), kept.clock()
    info = read_wrap_info(kept.folder.name, kept.about())
    return WrapLog(
        info,
        kept.about(),
        decoded,
        [clock.unix_ms_of(entry) for entry in decoded.entries],
        summarize_sessions(decoded, clock, info),
        list(notes.list_notes(kept)),
        kept.size,
    )


def path_of(folder: Path, view: views.View) -> Path:
    """Return the path of a view's file in a wrap's folder."""
    return folder / f"{view.name}.parquet"


def write_views(folder: Path, log: WrapLog) -> None:
    """Write all views of a wrap into `folder`. Raises duckdb.Error."""
    import duckdb

    with duckdb.connect() as db:
        _write_json(folder, views.RECORDS, _make_record_rows(log))
        _write_json(folder, views.SESSIONS, _make_session_rows(log))
        _write_json(folder, views.WRAPS, [_make_wrap_row(log)])
        _write_view(db, folder, views.SESSIONS, _select_json(folder, views.SESSIONS))
        _write_view(db, folder, views.WRAPS, _select_json(folder, views.WRAPS))
        db.execute(f"CREATE TABLE raw AS {_select_json(folder, views.RECORDS, _RAW)}")
        _write_view(db, folder, views.RECORDS, f"SELECT *, {_WHEN_UTC} FROM raw")
        _write_view(db, folder, views.SAMPLES, _select_samples(log.info))
    for lines in folder.glob("*.json"):
        lines.unlink()


# Rows: values of JSON.


def _make_record_rows(log: WrapLog) -> Iterator[Row]:
    """Make a row per record, with `unix_ms` instead of `when_utc`: SQL derives samples from it."""
    for entry, unix_ms in zip(log.decoded.entries, log.times_ms, strict=True):
        yield {
            "uid": log.info.uid,
            "byte": entry.offset,
            "size": entry.size,
            "type": entry.name,
            "schema": entry.schema,
            "seq": entry.seq,
            "boot": entry.boot,
            "unix_ms": unix_ms,
            "up_s": entry.up_ms_total / 1000,
            "session": entry.session,
            "data": entry.data,
        }


def _make_session_rows(log: WrapLog) -> Iterator[Row]:
    channels = _number_names([name for name, _ in log.info.channels])
    sensors = _number_names([name for name, _ in log.info.sensors])
    for session in log.sessions:
        doses = [_scale_value(uj, 1e6) for uj in session.dose_uj]
        yield {
            "uid": session.uid,
            "session": session.number,
            "boot": session.boot,
            "when_utc": _format_timestamp(session.first_unix_ms),
            "up_s": session.first_up_ms / 1000,
            "protocol": session.protocol_id,
            "protocol_name": session.protocol_name,
            "site": session.site,
            "grade": session.grade,
            "started_by": session.started_by,
            "reason": session.reason,
            "restart_cause": session.restart_cause,
            "active_s": _scale_value(session.active_ms, 1000),
            "paused_s": _scale_value(session.paused_ms, 1000),
            # Added in J/cm2 as the report adds its channels, so that both give the same digits.
            "dose_total_j_cm2": sum(d or 0 for d in doses) if session.calibrated else None,
            "dose_j_cm2": _make_map(channels, doses),
            "on_s": _make_map(channels, [_scale_value(ms, 1000) for ms in session.on_ms or ()]),
            "max_skin_c": _scale_value(session.max_skin_mc, 1000),
            "max_board_c": _scale_value(session.max_board_mc, 1000),
            "max_temp_c": _make_map(sensors, [_scale_value(mc, 1000) for mc in session.max_mc]),
            "faults": len(session.faults),
            "samples": len(session.samples),
            "whole": session.whole,
            "firmware": session.firmware,
        }


def _make_wrap_row(log: WrapLog) -> Row:
    decoded = log.decoded
    times_ms = [ms for ms in log.times_ms if ms is not None]
    return {
        "uid": log.info.uid,
        "board": _read_text(log.about, "board"),
        "firmware": _read_text(log.about, "fw"),
        "channels": [name for name, _ in log.info.channels] or None,
        "sensors": [name for name, _ in log.info.sensors] or None,
        "sessions": len(log.sessions),
        "records": len(decoded.entries),
        "bytes": log.size,
        "first_utc": _format_timestamp(min(times_ms, default=None)),
        "last_utc": _format_timestamp(max(times_ms, default=None)),
        "missing_bytes": _add_lengths(decoded.missing),
        "damaged_bytes": _add_lengths(decoded.damage),
        "unknown_records": sum(count for _, count in decoded.unknown),
        "newer_records": decoded.newer,
        "unreadable_records": decoded.unreadable,
        "notes": log.notes,
    }


def _read_text(about: Mapping[str, Any], key: str) -> str | None:
    value = about.get(key)
    return value if isinstance(value, str) and value else None


def _number_names(names: Sequence[str]) -> tuple[str, ...]:
    """Make as many names as a sample can carry, each unique: a second `skin` is `skin-2`.

    They are keys of SQL maps, whose keys must differ. Where no name is known, the number serves.
    """
    out: dict[str, None] = {}
    for number in range(1, _MAX_NAMES + 1):
        name = names[number - 1] if number <= len(names) else str(number)
        while name in out:
            name = f"{name}-{number}"
        out[name] = None
    return tuple(out)


def _make_map(names: Sequence[str], values: Sequence[float | None]) -> Row | None:
    return dict(zip(names, values, strict=False)) or None


def _scale_value(value: int | None, per_unit: float) -> float | None:
    return None if value is None else value / per_unit


def _add_lengths(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(end - start for start, end in ranges)


def _format_timestamp(unix_ms: int | None) -> str | None:
    """Format UTC as SQL reads it; None also beyond the year 9999."""
    try:
        moment = None if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S.%f")


# Files: rows go to duckdb as lines of JSON.


def _write_json(folder: Path, view: views.View, rows: Iterable[Row]) -> None:
    with (folder / f"{view.name}.json").open("w", encoding="ascii") as out:
        out.writelines(map(_format_line, rows))


def _format_line(row: Row) -> str:
    """Format strict JSON. The data of a record need not be: Python's parser takes NaN."""
    try:
        line = json.dumps(row, allow_nan=False)
    except ValueError:
        line = json.dumps(_make_strict(row))
    return (json.dumps(_make_strict(row)) if "\\ud" in line else line) + "\n"


def _make_strict(value: Any) -> Any:
    """Replace NaN, infinity and halves of surrogate pairs."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_make_strict(inner) for inner in value]
    if isinstance(value, dict):
        return {_make_strict(key): _make_strict(inner) for key, inner in value.items()}
    return value


_RAW = tuple(
    ("unix_ms", "BIGINT", "") if name == "when_utc" else (name, kind, meaning)
    for name, kind, meaning in views.RECORDS.columns
)
_WHEN_UTC = "TRY(make_timestamp(unix_ms * 1000)) AS when_utc"


def _quote_sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _select_json(folder: Path, view: views.View, columns: views.Columns | None = None) -> str:
    """Write the SELECT that reads what `_write_json` wrote."""
    kinds = ", ".join(f"{name}: '{kind}'" for name, kind, _ in columns or view.columns)
    file = _quote_sql(str(folder / f"{view.name}.json"))
    return (
        f"SELECT * FROM read_json({file}, format='newline_delimited', columns={{{kinds}}}, "
        f"maximum_object_size={_MAX_OBJECT_BYTES})"
    )


def _write_view(db: duckdb.DuckDBPyConnection, folder: Path, view: views.View, select: str) -> None:
    names = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind, _ in view.columns)
    file = _quote_sql(str(path_of(folder, view)))
    options = "FORMAT parquet, COMPRESSION zstd"
    db.execute(f"COPY (SELECT {names} FROM ({select})) TO {file} ({options})")


def _select_samples(info: WrapInfo) -> str:
    """Write the SELECT that makes samples out of the records' data.

    SQL does this, since millions of samples through Python would take most of the time.
    """
    lists = (
        ("temps", "temps_mc", "BIGINT[]"),
        ("duties", "duties_u16", "BIGINT[]"),
        ("doses", "doses_uj", "BIGINT[]"),
    )
    parts = ", ".join(f"CAST(data->'{key}' AS {kind}) AS {name}" for name, key, kind in lists)
    channels = _number_names([name for name, _ in info.channels])
    sensors = _number_names([name for name, _ in info.sensors])
    return (
        f"SELECT uid, session, boot, {_WHEN_UTC}, up_s, "
        "CAST(data->>'active_ms' AS DOUBLE) / 1000 AS active_s, "
        f"{_select_state()} AS state, "
        f"{_select_greatest(info, 'skin')} AS skin_c, "
        f"{_select_greatest(info, 'board')} AS board_c, "
        f"{_select_map('temps', sensors, 1000)} AS temp_c, "
        f"{_select_map('duties', channels, 65535)} AS duty, "
        f"{_select_map('doses', channels, 1_000_000)} AS dose_j_cm2 "
        f"FROM (SELECT *, {parts} FROM raw WHERE type = 'sample' AND data IS NOT NULL "
        "AND session IS NOT NULL ORDER BY byte)"
    )


def _select_state() -> str:
    from wrap.rules import states

    number = "CAST(data->>'state' AS BIGINT)"
    cases = " ".join(f"WHEN {i} THEN {_quote_sql(name)}" for i, name in enumerate(states.NAMES))
    return f"CASE {number} {cases} ELSE CAST({number} AS VARCHAR) END"


def _select_greatest(info: WrapInfo, role: str) -> str:
    """Write the highest reading of the sensors with a role, C; NULL if none is valid."""
    roles = [its for _, its in info.sensors]
    temps = [f"temps[{i}]" for i, its in enumerate(roles, 1) if its == role]
    return f"greatest({', '.join(temps)}) / 1000" if temps else "CAST(NULL AS DOUBLE)"


def _select_map(values: str, names: Sequence[str], per_unit: int) -> str:
    keys = "[" + ", ".join(map(_quote_sql, names)) + "]"
    scaled = f"list_transform({values}, lambda x: x / {per_unit})"
    return f"map({keys}[1:len({values})], {scaled})"
