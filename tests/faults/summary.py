"""What a campaign found, as text: for the terminal, for build/faults and for docs/faults.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.faults.limits import BOUNDS
from tests.faults.results import Results

BEGIN, END = "<!-- results -->", "<!-- /results -->"
_HEAD = (
    "| kind | group | light | limit ms | cases | passed | unprotected | failed | not met "
    "| latest ms | hottest C | zone | CEM43 min | needs |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
)
# Kinds that differ by the call or place alone share a line.
FAMILY = """CASE WHEN kind LIKE 'raise-%' AND kind <> 'raise-for-ever' THEN 'raise-CALL'
 WHEN kind LIKE 'memory-%.%' THEN 'memory-PLACE'
 WHEN kind LIKE 'memory-%' AND kind <> 'memory-exhausted' THEN 'memory-CALL' ELSE kind END"""
_SQL = f"""SELECT {FAMILY} AS family, any_value("group"), arg_max(expect, expect <> 'either'),
 max(limit_ms), count(*), count(*) FILTER (verdict = 'pass'),
 count(*) FILTER (verdict = 'unprotected'), count(*) FILTER (verdict = 'FAIL'),
 count(*) FILTER (verdict = 'not met'),
 max(dark_ms) FILTER (lit_at_cause AND expect IN ('off', 'stop', 'reset') AND verdict = 'pass'),
 max(peak_c), arg_max(zone, peak_c), max(cem43_min), any_value(kind)
 FROM cases GROUP BY family ORDER BY 2, 1"""


@dataclass(frozen=True)
class Totals:
    """Counts of verdicts, the hottest skin and the latest dark (ms over all passed)."""

    cases: int
    counts: dict[str, int]
    hottest_c: float
    cem43_min: float
    cpu_s: float

    @property
    def failed(self) -> int:
        return self.counts.get("FAIL", 0)


def totals(results: Results) -> Totals:
    """All kept cases together."""
    counts = dict(results.query("SELECT verdict, count(*) FROM cases GROUP BY verdict"))
    asked = "SELECT max(peak_c), max(cem43_min), sum(cpu_ms) / 1000 FROM cases"
    hottest, dose, cpu_s = (value or 0.0 for value in results.query(asked)[0])
    return Totals(sum(counts.values()), counts, hottest, dose, cpu_s)


def _figure(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def lines(results: Results) -> list[str]:
    """The table of kinds and verdicts."""
    out = list(_HEAD)
    for *cells, kind in results.query(_SQL):
        bound = BOUNDS.get(kind)
        out.append("| " + " | ".join(map(_figure, [*cells, bound.needs if bound else ""])) + " |")
    return out


def failures(results: Results, verdict: str = "FAIL") -> list[tuple[str, str]]:
    """(id, reason) of every case with that verdict."""
    return results.query("SELECT id, reason FROM cases WHERE verdict = ? ORDER BY id", verdict)


def unprotected(results: Results) -> list[tuple[str, int, float]]:
    """(kind, cases, hottest skin) of what nothing protects from yet."""
    return results.query(
        "SELECT kind, count(*), max(peak_c) FROM cases WHERE verdict = 'unprotected' "
        "GROUP BY kind ORDER BY 3 DESC"
    )


def pairs_text(results: Results) -> str:
    """What the drawn pairs gave, in Markdown."""
    t = totals(results)
    dose = results.query("SELECT max(cem43_min) FROM cases")[0][0]
    counts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(t.counts.items()))
    worst = results.query(
        "SELECT id, peak_c, zone, cem43_min, fault, verdict FROM cases "
        "ORDER BY peak_c DESC, id LIMIT 12"
    )
    head = "| pair/plant/seed | hottest C | zone | CEM43 min | latched | verdict |"
    rows = ["| " + " | ".join(map(_figure, row)) + " |" for row in worst]
    said = f"{t.cases} pairs: {counts}. Hottest skin {t.hottest_c:.2f} C, CEM43 {dose:.2f} min."
    return "\n".join([said, "", head, "|---|---|---|---|---|---|", *rows, ""])


def text(results: Results) -> str:
    """The summary in Markdown."""
    t = totals(results)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(t.counts.items()))
    said = (
        f"{t.cases} cases: {counts}. Hottest skin {t.hottest_c:.2f} C, CEM43 at most "
        f"{t.cem43_min:.2f} min. CPU time {t.cpu_s:.0f} s."
    )
    return "\n".join([said, "", *lines(results), ""])


def into_docs(page: Path, said: str, begin: str = BEGIN, end: str = END) -> None:
    """Put `said` between the page's two marks."""
    old = page.read_text()
    before, rest = old.split(begin)
    after = rest.split(end)[1]
    page.write_text(f"{before}{begin}\n{said}{end}{after}")
