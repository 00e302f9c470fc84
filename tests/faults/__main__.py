"""The fault campaign: python -m tests.faults (docs/faults.md)."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.faults import case as cases
from tests.faults import engine, nominal, pairs, plots, summary
from tests.faults.case import Case, Row
from tests.faults.results import ROOT, Results

OUT = Console(highlight=False, soft_wrap=True)
BAR = Console(stderr=True)
_SHOWN = 30
NONE = "no case is called {!r}; --list says which there are"


def _options(words: list[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    p.add_argument("--out", type=Path, default=Path("build/faults"), help="where results go")
    p.add_argument("--seeds", type=int, default=2, help="seeds per kind, phase and plant")
    p.add_argument("--only", default="*", help="ids to run, as a shell pattern")
    p.add_argument("--most", type=int, default=0, help="run at most so many cases (0: all)")
    p.add_argument("--jobs", type=int, default=0, help="processes (0: one per CPU)")
    p.add_argument("--dask", metavar="ADDRESS|local", help="run on a Dask cluster")
    p.add_argument("--case", metavar="ID", help="run one case and show its row")
    p.add_argument("--pairs", type=int, metavar="N", help="play N drawn pairs of faults instead")
    p.add_argument("--nominal", type=float, metavar="HOURS", help="count false trips instead")
    p.add_argument("--docs", action="store_true", help="put plots and table into docs/")
    p.add_argument("--list", action="store_true", help="only say which cases there are")
    return p.parse_args(words)


def shown(
    rows: Iterator[list[Row]], todo: int, kept: int = 0, label: str = "faults"
) -> Iterator[list[Row]]:
    """The same rows, with a bar of what is done."""
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bad = TextColumn("[red]{task.fields[bad]} failed")
    with Progress(*columns, bad, console=BAR) as bar:
        task = bar.add_task(label, total=todo + kept, completed=kept, bad=0)
        failed = 0
        for some in rows:
            failed += sum(row.get("verdict") == "FAIL" for row in some)
            bar.update(task, advance=len(some), bad=failed)
            yield some


def _alone(name: str) -> int:
    row = cases.run_case(Case.from_id(name))
    OUT.print_json(json.dumps(row))
    return 1 if row["verdict"] == "FAIL" else 0


def _nominal(options: argparse.Namespace) -> int:
    names = nominal.list_seeds(options.nominal)
    began = time.monotonic()
    found = engine.run_in_processes(names, options.jobs, nominal.play_sessions)
    rows = [row for some in shown(found, len(names)) for row in some]
    hours = sum(float(str(row["hours"])) for row in rows)
    trips = Counter(str(row["trip"]) for row in rows if row["trip"])
    people = Counter(f"{row['person']}: {row['end']}, {row['power']}" for row in rows)
    ends = Counter(str(row["end"]) for row in rows)
    hottest = max(float(str(row["max_mc"])) for row in rows) / 1000
    OUT.print(
        f"{len(rows)} sessions, {hours:.1f} h of light, {sum(trips.values())} trips {dict(trips)}; "
        f"ends {dict(ends)}; hottest skin reading {hottest:.2f} C; {time.monotonic() - began:.0f} s"
    )
    for said, count in sorted(people.items()):
        OUT.print(f"  {count} {said}")
    for row in rows:
        if row["trip"]:
            OUT.print(f"  nominal seed {row['seed']}: {row['trip']}")
    return 1 if trips else 0


def _pairs(options: argparse.Namespace) -> int:
    out = options.out / "pairs"
    names = list(pairs.match_ids(options.pairs, options.only))
    results = Results(out)
    done = results.list_done()
    todo = [name for name in names if name not in done]
    found = engine.run_in_processes(todo, options.jobs, pairs.run_pairs)
    try:
        for some in shown(found, len(todo), len(names) - len(todo), "pairs"):
            results.add(some)
    finally:
        results.flush()
    results.export(out / "results.parquet")
    said = summary.pairs_text(results)
    OUT.print(said)
    if options.docs:
        page = ROOT / "docs" / "faults.md"
        summary.into_docs(page, said, "<!-- pairs -->", "<!-- /pairs -->")
    return _failed(results)


def _picked(options: argparse.Namespace) -> list[str]:
    names = [c.id for c in cases.list_cases(options.seeds)]
    names = [name for name in names if fnmatch.fnmatch(name, options.only)]
    if not names:
        sys.exit(NONE.format(options.only))
    return names[: options.most or None]


def _campaign(options: argparse.Namespace) -> int:
    names = _picked(options)
    results = Results(options.out)
    done = results.list_done()
    todo = [name for name in names if name not in done]
    began = time.monotonic()
    if options.dask:
        rows = engine.run_on_dask(todo, options.dask, options.jobs)
    else:
        rows = engine.run_in_processes(todo, options.jobs)
    try:
        for some in shown(rows, len(todo), len(names) - len(todo)):
            results.add(some)
    finally:
        results.flush()
    wall = time.monotonic() - began
    return _report(options, results, len(todo), wall)


def _report(options: argparse.Namespace, results: Results, ran: int, wall_s: float) -> int:
    (options.out / "summary.md").write_text(summary.text(results))
    results.export(options.out / "results.parquet")
    plots.save(results, options.out)
    if options.docs:
        plots.save(results, ROOT / "docs" / "img")
        summary.into_docs(ROOT / "docs" / "faults.md", summary.text(results))
    rate = f", {ran / wall_s:.0f} cases/s" if ran else ""
    OUT.print(f"{ran} cases run in {wall_s:.0f} s{rate}; all results: {options.out}")
    OUT.print(summary.text(results).splitlines()[0])
    _open(results)
    return _failed(results)


def _open(results: Results) -> None:
    open_kinds = summary.unprotected(results)
    if open_kinds:
        count = sum(n for _, n, _ in open_kinds)
        OUT.print(f"NOT YET PROTECTED: {count} cases of {len(open_kinds)} kinds break a promise:")
        for kind, n, peak_c in open_kinds:
            OUT.print(f"  {kind}: {n} cases, skin up to {peak_c:.2f} C")


def _failed(results: Results) -> int:
    wrong = summary.failures(results)
    for name, reason in wrong[:_SHOWN]:
        OUT.print(f"FAIL {name}: {reason}\n     alone: python -m tests.faults --case {name}")
    if len(wrong) > _SHOWN:
        OUT.print(f"... and {len(wrong) - _SHOWN} more (results.parquet)")
    results.close()
    return 1 if wrong else 0


def main(words: list[str] | None = None) -> int:
    """The exit code: 1 when any case failed or anything tripped in nominal use."""
    options = _options(words)
    if options.list:
        OUT.print("\n".join(_picked(options)))
        return 0
    if options.case:
        return _alone(options.case)
    if options.pairs:
        return _pairs(options)
    return _nominal(options) if options.nominal else _campaign(options)


if __name__ == "__main__":
    sys.exit(main())
