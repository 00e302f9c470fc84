"""Lists what the scenarios measured: columns of the results, and the table in Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.results import Results

BEGIN, END = "<!-- binary -->", "<!-- /binary -->"
FOLDERS = ("tests/faults_binary", "firmware", "boards/PBMWRAP_RP2040", "tests/contract")
COLUMNS = {
    "id": "VARCHAR",
    "scenario": "VARCHAR",
    "number": "VARCHAR",
    "expect": "VARCHAR",
    "limit_ms": "INTEGER",
    "lit_at_cause": "BOOLEAN",
    "cause_cycle": "BIGINT",
    "dark_cycle": "BIGINT",
    "low_cycle": "BIGINT",
    "dark_ms": "DOUBLE",
    "low_ms": "DOUBLE",
    "fault": "VARCHAR",
    "resumed": "BOOLEAN",
    "note": "VARCHAR",
    "verdict": "VARCHAR",
    "reason": "VARCHAR",
    "cpu_ms": "DOUBLE",
}
_HEAD = (
    "| scenario | light | cases | median ms | worst ms | last light, worst ms | limit ms "
    "| latched | passed |",
    "|---|---|---|---|---|---|---|---|---|",
)
# Nothing is timed where nothing was lit, and where light may go on.
_TIMED = "lit_at_cause AND expect <> 'ride'"
_MS = "coalesce(low_ms, dark_ms)"
_SQL = f"""SELECT scenario, any_value(expect), count(*),
 median({_MS}) FILTER ({_TIMED}), max({_MS}) FILTER ({_TIMED}), max(dark_ms) FILTER ({_TIMED}),
 any_value(limit_ms) FILTER ({_TIMED}),
 string_agg(DISTINCT fault, ', ' ORDER BY fault) FILTER (fault <> ''),
 count(*) FILTER (verdict = 'pass')
 FROM cases GROUP BY scenario ORDER BY scenario"""


@dataclass(frozen=True)
class Totals:
    """Counts over all kept cases."""

    scenarios: int
    cases: int
    failed: int
    resumed: int
    cpu_s: float


def totals(results: Results) -> Totals:
    """Return all kept cases together."""
    return Totals(
        *results.query(
            "SELECT count(DISTINCT scenario), count(*), count(*) FILTER (verdict <> 'pass'), "
            "count(*) FILTER (resumed), coalesce(sum(cpu_ms), 0) / 1000 FROM cases"
        )[0]
    )


def _figure(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def text(results: Results) -> str:
    """Return the table with one sentence before it."""
    t = totals(results)
    said = (
        f"{t.scenarios} scenarios, {t.cases} cases: {t.cases - t.failed} passed, "
        f"{t.failed} failed, light began again in {t.resumed}."
    )
    rows = ["| " + " | ".join(map(_figure, cells)) + " |" for cells in results.query(_SQL)]
    return "\n".join([said, "", *_HEAD, *rows, ""])


def failures(results: Results) -> list[tuple[str, str]]:
    """Return (id, reason) of every case that did not pass."""
    return results.query("SELECT id, reason FROM cases WHERE verdict <> 'pass' ORDER BY id")


def rows(results: Results) -> list[dict[str, object]]:
    """Return every row, for JSON."""
    names = ", ".join(COLUMNS)
    found = results.query(f"SELECT {names} FROM cases ORDER BY id")
    return [dict(zip(COLUMNS, row, strict=True)) for row in found]
