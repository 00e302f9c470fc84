"""Where finished cases are kept: Parquet parts, appended through duckdb, so a run can go on later.

A part belongs to a program: the digest of the firmware, the twin and the campaign's own rules.
After a change of any of them the old parts are not counted and the cases run again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb

from tests.faults.case import Row

ROOT = Path(__file__).parents[2]
_RULES = ("firmware/wrap", "boards/PBMWRAP_RP2040", "host_tools/pbmwrap/twin", "tests/faults")
_NO_RULE = (
    "__main__.py",
    "engine.py",
    "nominal.py",
    "plots.py",
    "results.py",
    "summary.py",
    "table.py",
)
COLUMNS = {
    "id": "VARCHAR",
    "kind": "VARCHAR",
    "phase": "VARCHAR",
    "plant": "VARCHAR",
    "seed": "INTEGER",
    "ambient_c": "DOUBLE",
    "covered": "BOOLEAN",
    "blood_flow": "DOUBLE",
    "contact": "DOUBLE",
    "led_red": "DOUBLE",
    "led_nir": "DOUBLE",
    "warm": "BOOLEAN",
    "group": "VARCHAR",
    "expect": "VARCHAR",
    "limit_ms": "INTEGER",
    "met": "BOOLEAN",
    "lit_at_cause": "BOOLEAN",
    "dark_ms": "DOUBLE",
    "peak_c": "DOUBLE",
    "zone": "VARCHAR",
    "cem43_min": "DOUBLE",
    "fault": "VARCHAR",
    "resumed": "BOOLEAN",
    "records": "VARCHAR",
    "verdict": "VARCHAR",
    "reason": "VARCHAR",
    "cpu_ms": "DOUBLE",
}
_MOST = 256  # rows in memory before they become a part


def digest_program(*more: str) -> str:
    """Return the digest of everything that a result depends on: the folders of _RULES and `more`
    (paths below the repository)."""
    digest = hashlib.sha256()
    for folder in (*_RULES, *more):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if file.name not in _NO_RULE and not file.name.startswith("test_"):
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


class Results:
    """`out`/parts/<program>-<number>.parquet. columns: names and SQL types of a row, `id` first."""

    def __init__(
        self, out: Path, digest: str | None = None, columns: dict[str, str] | None = None
    ) -> None:
        self._columns = columns or COLUMNS
        self._parts = out / "parts"
        self._parts.mkdir(parents=True, exist_ok=True)
        self._program = digest or digest_program()
        self._rows: list[Row] = []
        self._db = duckdb.connect()
        names = ", ".join(f'"{name}" {kind}' for name, kind in self._columns.items())
        self._db.execute(f"CREATE TABLE fresh ({names})")

    def _files(self) -> list[Path]:
        return sorted(self._parts.glob(f"{self._program}-*.parquet"))

    def add(self, rows: list[Row]) -> None:
        """Keep rows. They are on disk once there are 256 of them, or after `flush`."""
        self._rows += rows
        if len(self._rows) >= _MOST:
            self.flush()

    def flush(self) -> None:
        """Write what is in memory as one more part."""
        if not self._rows:
            return
        marks = ", ".join("?" * len(self._columns))
        values = [[row.get(name) for name in self._columns] for row in self._rows]
        self._db.executemany(f"INSERT INTO fresh VALUES ({marks})", values)
        part = self._parts / f"{self._program}-{len(self._files()):05d}.parquet"
        self._db.execute(f"COPY fresh TO '{part}.new' (FORMAT parquet)")
        Path(f"{part}.new").rename(part)
        self._db.execute("DELETE FROM fresh")
        self._rows = []

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT over the table `cases`, which has each kept row once; none
        when nothing is kept. values: of the marks `?` in `sql`. Raises duckdb.Error."""
        self.flush()
        if not self._files():
            return []
        glob = self._parts / f"{self._program}-*.parquet"
        kept = f"(SELECT DISTINCT ON (id) * FROM read_parquet('{glob}') ORDER BY id)"
        return self._db.execute(f"WITH cases AS {kept} {sql}", list(values)).fetchall()

    def list_done(self) -> set[str]:
        """Return the ids of the finished cases."""
        return {row[0] for row in self.query("SELECT id FROM cases")}

    def export(self, file: Path) -> None:
        """Write all rows to one Parquet file. Raises duckdb.Error when there are none."""
        self.flush()
        glob = self._parts / f"{self._program}-*.parquet"
        rows = f"SELECT DISTINCT ON (id) * FROM read_parquet('{glob}') ORDER BY id"
        self._db.execute(f"COPY ({rows}) TO '{file}' (FORMAT parquet)")

    def close(self) -> None:
        """Write what is in memory, and close the database."""
        self.flush()
        self._db.close()
