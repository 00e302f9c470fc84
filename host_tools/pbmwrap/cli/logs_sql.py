"""`pbmwrap logs query`: runs SQL over the archive and prints a table, CSV or JSON."""

from __future__ import annotations

import csv as csvlib
import io
import json as jsonlib
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import Json, Result, register_command, show_progress, warn
from pbmwrap.cli.log_choice import open_archive
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import UsageError

if TYPE_CHECKING:
    from pbmwrap.logs.index import Index
    from pbmwrap.logs.query import Answer

MAX_SHOWN = 1000  # rows of a table for people


def add_to(group: click.Group) -> None:
    """Register this file's command in the group `logs`."""
    register_command(group, "logs query")(query_logs)


def query_logs(
    sql: Annotated[str | None, Argument(metavar="SELECT", help="One SELECT.")] = None,
    csv: Annotated[bool, Option("--csv", help="CSV instead of a table.")] = False,
    schema: Annotated[bool, Option("--schema", help="Show views and columns.")] = False,
    rebuild: Annotated[bool, Option("--rebuild", help="Read all logs again.")] = False,
    json: Json = False,
) -> Result:
    """Query the logs of all wraps in the archive with SQL.

    Give one SELECT, in duckdb's SQL, over these views.

    \b
    sessions  one row per session: protocol, site, reason, dose_total_j_cm2 ...
    samples   one row per sample: skin_c, board_c, temp_c, duty, dose_j_cm2 ...
    records   one row per log record: type, schema, data ...
    wraps     one row per wrap: firmware, sessions, first_utc, notes ...

    NULL means unknown: the dose of an uncalibrated channel is NULL, not 0.

    \b
    pbmwrap logs query "select protocol, count(*) from sessions group by protocol"
    """
    if schema:
        return _show_schema()
    if sql is None or (csv and json):
        what = "logs query needs a SELECT" if sql is None else "choose either --csv or --json"
        raise UsageError(what, "see `pbmwrap logs query --help`")
    answer = _run_query(sql, rebuild, None if csv or json else MAX_SHOWN)
    columns = zip(answer.columns, answer.types, strict=True)
    data = {
        "columns": [{"name": name, "type": kind} for name, kind in columns],
        "rows": [list(map(convert_value, row)) for row in answer.rows] if json else [],
    }
    return Result(data, None if json else _format_csv(answer) if csv else _make_table(answer))


def _run_query(sql: str, rebuild: bool, most: int | None) -> Answer:
    """Run a query. A damaged cache is rebuilt, once. most: rows to return at most."""
    from pbmwrap.logs.index import Index
    from pbmwrap.logs.query import BrokenCache, load_duckdb

    load_duckdb()
    index = Index(open_archive())
    if rebuild:
        index.delete_cache()
    try:
        return _run_on(index, sql, most)
    except BrokenCache:
        index.delete_cache()
        return _run_on(index, sql, most)


def _run_on(index: Index, sql: str, most: int | None) -> Answer:
    from pbmwrap.logs.query import Query

    with show_progress("reading logs") as bar:
        folders = index.refresh_cache(bar)
    with Query(folders) as database:
        warn(database.list_notes())
        return database.run_select(sql, most)


def _show_schema() -> Result:
    from pbmwrap.cli import text
    from pbmwrap.logs import views

    rows = [(view.name, *column) for view in views.ALL for column in view.columns]
    data = [dict(zip(("view", "column", "type", "meaning"), row, strict=True)) for row in rows]
    return Result(data, text.format_table(("view", "column", "type", "meaning"), rows))


def convert_value(value: Any) -> Any:
    """Convert a value of SQL to one of JSON: times to ISO 8601, intervals to s, others to text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {str(key): convert_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [convert_value(inner) for inner in value]
    return value if isinstance(value, str | int | None) else str(value)


def _format_cell(value: Any) -> str:
    simple = convert_value(value)
    if simple is None:
        return ""
    return simple if isinstance(simple, str) else jsonlib.dumps(simple, ensure_ascii=False)


def _format_csv(answer: Answer) -> str:
    out = io.StringIO()
    writer = csvlib.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(map(_format_cell, row) for row in answer.rows)
    return out.getvalue().removesuffix("\n")


def _format_short(value: Any) -> str:
    """Format a cell for people: six digits, whole seconds."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return f"{value:.6g}" if isinstance(value, float) else _format_cell(value)


def _make_table(answer: Answer) -> Any:
    from rich.console import Group

    from pbmwrap.cli import text

    table = text.format_table(answer.columns, (map(_format_short, row) for row in answer.rows))
    if not answer.more:
        return table
    return Group(table, f"only the first {MAX_SHOWN} rows are shown; add a LIMIT, or use --csv")
