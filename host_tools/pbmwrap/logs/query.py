"""SQL over the archive. It sees the views and nothing else, and can change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbmwrap import installed
from pbmwrap.errors import InvalidFile, UsageError, WrapError
from pbmwrap.logs import views
from pbmwrap.logs.index import parquet

if TYPE_CHECKING:
    import duckdb

_HINT = "see `pbmwrap logs query --schema` for the views and their columns"


class BrokenCache(InvalidFile):
    """The Parquet files cannot be read; they can be made again from the archive."""

    default_hint = "remove that folder, or name another cache folder in $PBMWRAP_CACHE"


@dataclass(frozen=True)
class Answer:
    """What a query gives. types: SQL's names; more: rows that were left out."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    more: bool = False


def library() -> Any:
    """The module duckdb. Raises WrapError when it is not installed."""
    try:
        import duckdb
    except ImportError:
        raise WrapError(
            "SQL needs duckdb, which is not installed", installed.hint_extra("sql")
        ) from None
    return duckdb


class Query:
    """A closed room with the views in it. Raises WrapError without duckdb, BrokenCache."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """folders: one per wrap, as `Index.fresh` gives them."""
        self._duckdb = library()
        self._folders = folders
        self._db: duckdb.DuckDBPyConnection = self._duckdb.connect()
        try:
            self._open(folders)
        except self._duckdb.Error as problem:
            self._db.close()
            raise self._broken(problem) from problem

    def _open(self, folders: Sequence[Path]) -> None:
        files = [str(parquet(folder, view)) for folder in folders for view in views.ALL]
        self._db.execute("SET allowed_paths = $1", [files])
        self._db.execute("SET enable_external_access = false")
        for view in views.ALL:
            self._view(view, [str(parquet(folder, view)) for folder in folders])
        self._db.execute("SET lock_configuration = true")

    def _view(self, view: views.View, files: list[str]) -> None:
        if not files:
            self._db.execute(f"CREATE TABLE {view.name} ({view.ddl})")
            return
        names = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        self._db.execute(f"CREATE VIEW {view.name} AS SELECT * FROM read_parquet([{names}])")

    def __enter__(self) -> Query:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def run(self, sql: str, most: int | None = None) -> Answer:
        """One SELECT. most: rows to give at most. Raises UsageError in one line, BrokenCache."""
        try:
            self._judge(sql)
            done = self._db.execute(sql)
            columns = [column[0] for column in done.description or ()]
            types = [str(column[1]) for column in done.description or ()]
            rows = done.fetchall() if most is None else done.fetchmany(most + 1)
        except self._duckdb.Error as problem:
            if self._is_of_files(problem):
                raise self._broken(problem) from problem
            raise UsageError(one_line(problem), _HINT) from None
        cut = most is not None and len(rows) > most
        return Answer(columns, types, rows[:most] if cut else rows, cut)

    def _is_of_files(self, problem: Exception) -> bool:
        """Whether it is damage of a Parquet file: duckdb has no kind of its own for that, but names
        the file, or raises its base class (what Thrift says of the file's structure)."""
        if type(problem) in (self._duckdb.Error, self._duckdb.IOException):
            return True
        return any(str(folder) in str(problem) for folder in self._folders)

    def _broken(self, problem: Exception) -> BrokenCache:
        where = self._folders[0].parents[1] if self._folders else "memory"
        return BrokenCache(f"the cache in {where} cannot be read: {one_line(problem)}")

    def _judge(self, sql: str) -> None:
        """Only a SELECT can neither write nor change: the rest is refused before it runs."""
        statements = self._db.extract_statements(sql)
        select = self._duckdb.StatementType.SELECT
        if len(statements) != 1 or statements[0].type != select:
            raise UsageError("logs query takes one SELECT and nothing else", _HINT)

    def notes(self) -> list[str]:
        """What has to be said of the wraps' logs."""
        try:
            found = self._db.execute("SELECT unnest(notes) FROM wraps ORDER BY uid").fetchall()
        except self._duckdb.Error as problem:
            raise self._broken(problem) from problem
        return [note for (note,) in found]


def one_line(problem: Exception) -> str:
    """The part of duckdb's message that is not drawn: kind, reason, candidates."""
    said = str(problem).split("\nLINE ")[0]
    return " ".join(said.split())
