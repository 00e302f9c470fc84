"""Runs SQL over the archive. It sees the views and nothing else, and can change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbmwrap import installed
from pbmwrap.errors import InvalidFile, UsageError, WrapError
from pbmwrap.logs import views
from pbmwrap.logs.parquet import path_of

if TYPE_CHECKING:
    import duckdb

_HINT = "see `pbmwrap logs query --schema` for the views and their columns"


class BrokenCache(InvalidFile):
    """The Parquet files cannot be read; the archive can make them again."""

    default_hint = "remove that folder, or name another cache folder in $PBMWRAP_CACHE"


@dataclass(frozen=True)
class Answer:
    """Result of a query. types: SQL's names of them; more: whether rows were left out."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    more: bool = False


def load_duckdb() -> Any:
    """Import duckdb. Raises WrapError when it is not installed."""
    try:
        import duckdb
    except ImportError:
        raise WrapError(
            "SQL needs duckdb, which is not installed", installed.hint_extra("sql")
        ) from None
    return duckdb


class Query:
    """A database in memory that contains only the views, closed to files and network."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Open the views. folders: one per wrap, from `Index.refresh_cache`.

        Raises WrapError without duckdb, BrokenCache.
        """
        self._duckdb = load_duckdb()
        self._folders = folders
        self._db: duckdb.DuckDBPyConnection = self._duckdb.connect()
        try:
            self._open_views(folders)
        except self._duckdb.Error as problem:
            self._db.close()
            raise self._make_error(problem) from problem

    def _open_views(self, folders: Sequence[Path]) -> None:
        files = [str(path_of(folder, view)) for folder in folders for view in views.ALL]
        self._db.execute("SET allowed_paths = $1", [files])
        self._db.execute("SET enable_external_access = false")
        for view in views.ALL:
            self._create_view(view, [str(path_of(folder, view)) for folder in folders])
        self._db.execute("SET lock_configuration = true")

    def _create_view(self, view: views.View, files: list[str]) -> None:
        if not files:
            self._db.execute(f"CREATE TABLE {view.name} ({view.ddl})")
            return
        names = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        self._db.execute(f"CREATE VIEW {view.name} AS SELECT * FROM read_parquet([{names}])")

    def __enter__(self) -> Query:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def run_select(self, sql: str, most: int | None = None) -> Answer:
        """Run one SELECT. most: rows to return at most. Raises UsageError, BrokenCache."""
        try:
            self._check_statement(sql)
            done = self._db.execute(sql)
            columns = [column[0] for column in done.description or ()]
            types = [str(column[1]) for column in done.description or ()]
            rows = done.fetchall() if most is None else done.fetchmany(most + 1)
        except self._duckdb.Error as problem:
            if self._is_damage(problem):
                raise self._make_error(problem) from problem
            raise UsageError(format_error(problem), _HINT) from None
        cut = most is not None and len(rows) > most
        return Answer(columns, types, rows[:most] if cut else rows, cut)

    def _is_damage(self, problem: Exception) -> bool:
        """Whether a Parquet file is damaged.

        duckdb has no error class for that. Its message names the file, or it raises its base class
        (an error of Thrift, which encodes the file's structure).
        """
        if type(problem) in (self._duckdb.Error, self._duckdb.IOException):
            return True
        return any(str(folder) in str(problem) for folder in self._folders)

    def _make_error(self, problem: Exception) -> BrokenCache:
        where = self._folders[0].parents[1] if self._folders else "memory"
        return BrokenCache(f"the cache in {where} cannot be read: {format_error(problem)}")

    def _check_statement(self, sql: str) -> None:
        """Refuse anything but one SELECT, which can neither write nor change. Raises UsageError."""
        statements = self._db.extract_statements(sql)
        select = self._duckdb.StatementType.SELECT
        if len(statements) != 1 or statements[0].type != select:
            raise UsageError("logs query takes one SELECT and nothing else", _HINT)

    def list_notes(self) -> list[str]:
        """List the notes on all wraps' logs. Raises BrokenCache."""
        try:
            found = self._db.execute("SELECT unnest(notes) FROM wraps ORDER BY uid").fetchall()
        except self._duckdb.Error as problem:
            raise self._make_error(problem) from problem
        return [note for (note,) in found]


def format_error(problem: Exception) -> str:
    """Format duckdb's message as one line: kind, reason, candidates; without the marked query."""
    message = str(problem).split("\nLINE ")[0]
    return " ".join(message.split())
