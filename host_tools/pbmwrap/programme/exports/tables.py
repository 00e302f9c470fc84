"""Exports a person's journal, questionnaires and sessions as CSV or Parquet, one table each.

CSV is UTF-8 with a header; a cell is empty where a figure is not known. Parquet has the same
columns with types, and needs duckdb (extra `sql`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pbmwrap import installed
from pbmwrap.errors import UsageError
from pbmwrap.programme.exports.data import PersonData

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """columns: name and SQL type of each; rows: one cell per column."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: Sequence[tuple[Cell, ...]]


_JOURNAL = (
    ("person", "VARCHAR"),
    ("day", "DATE"),
    ("measure", "VARCHAR"),
    ("value", "DOUBLE"),
    ("measured_utc", "TIMESTAMP"),
    ("written_utc", "TIMESTAMP"),
    ("written_local", "VARCHAR"),
    ("late", "BOOLEAN"),
    ("sleep", "INTEGER"),
    ("skin", "VARCHAR"),
    ("changed", "VARCHAR"),
    ("flags", "VARCHAR"),
    ("way", "VARCHAR"),
    ("id", "INTEGER"),
    ("corrects", "INTEGER"),
)
_TOTALS = (
    ("person", "VARCHAR"),
    ("day", "DATE"),
    ("name", "VARCHAR"),
    ("when", "VARCHAR"),
    ("value", "DOUBLE"),
    ("low", "DOUBLE"),
    ("high", "DOUBLE"),
    ("answers", "VARCHAR"),
)
_SESSIONS = (
    ("person", "VARCHAR"),
    ("wrap", "VARCHAR"),
    ("session", "INTEGER"),
    ("start_utc", "TIMESTAMP"),
    ("start_local", "VARCHAR"),
    ("site", "VARCHAR"),
    ("protocol", "VARCHAR"),
    ("complete", "BOOLEAN"),
    ("reason", "VARCHAR"),
    ("active_s", "DOUBLE"),
    ("dose_j_cm2", "DOUBLE"),
    ("dose_unc_j_cm2", "DOUBLE"),
    ("attributed_by", "VARCHAR"),
    ("started_by", "VARCHAR"),
    ("max_skin_c", "DOUBLE"),
    ("faults", "INTEGER"),
)


def make_tables(data: PersonData) -> list[Table]:
    """Return the tables journal, totals and sessions."""
    tag = data.person.tag
    journal = [
        (
            tag,
            entry.day.isoformat(),
            entry.measure,
            entry.value,
            None if entry.at is None else entry.at.utc,
            entry.written.utc,
            str(entry.written),
            entry.late,
            entry.sleep,
            entry.skin or None,
            entry.changed or None,
            " ".join(entry.flags) or None,
            entry.way,
            entry.id,
            entry.corrects,
        )
        for entry in data.entries
    ]
    totals = [
        (
            tag,
            total.day.isoformat(),
            total.name,
            total.when or None,
            total.value,
            total.low,
            total.high,
            "".join("01"[answer] for answer in total.answers) or None,
        )
        for total in data.totals
    ]
    sessions = [
        (
            tag,
            use.uid,
            use.number,
            None if use.start is None else use.start.utc,
            None if use.start is None else str(use.start),
            use.site,
            use.protocol_id,
            use.full,
            use.reason or None,
            use.active_ms / 1000,
            _scale(use.dose_uj, 1e6),
            _scale(use.dose_unc_uj, 1e6),
            use.by,
            use.started_by or None,
            _scale(use.max_skin_mc, 1e3),
            use.faults,
        )
        for use in data.sessions
    ]
    return [
        Table("journal", _JOURNAL, journal),
        Table("totals", _TOTALS, totals),
        Table("sessions", _SESSIONS, sessions),
    ]


def _scale(value: int | None, by: float) -> float | None:
    return None if value is None else value / by


def format_csv(table: Table) -> str:
    """Return a table as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for name, _ in table.columns])
    for row in table.rows:
        writer.writerow(["" if cell is None else _format_cell(cell) for cell in row])
    return out.getvalue()


def _format_cell(cell: Cell) -> Cell:
    """Keep a text that a spreadsheet would run as a formula a text."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@"):
        return "'" + cell
    return cell


def write_parquet(table: Table, path: Path) -> None:
    """Write a table as Parquet. Raises UsageError without duckdb, OSError."""
    try:
        import duckdb
    except ImportError:
        raise UsageError(
            "Parquet needs duckdb, which is not installed", installed.hint_extra("sql")
        ) from None
    names = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in table.columns)
    given = ", ".join(f"'{name}': 'VARCHAR'" for name, _ in table.columns)
    with TemporaryDirectory() as folder:
        lines = Path(folder) / "rows.json"
        with lines.open("w", encoding="utf-8") as out:
            for row in table.rows:
                cells = zip(table.columns, row, strict=True)
                out.write(json.dumps({name: cell for (name, _), cell in cells}) + "\n")
        with duckdb.connect() as db:
            db.execute(
                f"COPY (SELECT {names} FROM read_json(?, format = 'newline_delimited',"
                f" columns = {{{given}}})) TO '{_quote(path)}' (FORMAT parquet)",
                [str(lines)],
            )


def _quote(path: Path) -> str:
    return str(path).replace("'", "''")
