"""Runs the fault scenarios on the emulated binary: python -m tests.faults_binary
(docs/faults.md)."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import sys
import time
from pathlib import Path

from tests.contract.conftest import tool
from tests.faults import engine, summary
from tests.faults.__main__ import NONE, OUT, shown
from tests.faults.results import ROOT, Results, digest_program
from tests.faults_binary import case as cases
from tests.faults_binary import table

CHUNK = 24  # cases that share the making of their base


def _options(words: list[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(prog="python -m tests.faults_binary", description=__doc__)
    p.add_argument("--out", type=Path, default=Path("build/faults-binary"), help="for results")
    p.add_argument("--only", default="*", help="ids to run, as a shell pattern")
    p.add_argument("--jobs", type=int, default=0, help="processes (0: one per CPU)")
    p.add_argument("--docs", action="store_true", help="put the table into docs/faults.md")
    p.add_argument("--list", action="store_true", help="only say which cases there are")
    return p.parse_args(words)


def open_results(out: Path) -> Results:
    """Return the results of this program in `out`."""
    return Results(out, digest_program(*table.FOLDERS), table.COLUMNS)


def _run(options: argparse.Namespace, names: list[str]) -> int:
    """Run the cases; return the exit code."""
    tool("firmware", "--board", "PBMWRAP_RP2040", "--out", str(ROOT / "build"))  # once, not by each
    results = open_results(options.out)
    done = results.list_done()
    todo = [name for name in names if name not in done]
    began = time.monotonic()
    jobs = options.jobs or os.cpu_count() or 1
    rows = engine.run_in_processes(todo, jobs, cases.run_cases, CHUNK)
    for some in shown(rows, len(todo), len(names) - len(todo)):
        results.add(some)
        results.flush()
    OUT.print(f"{len(todo)} cases run in {time.monotonic() - began:.0f} s; all: {options.out}")
    return _report(options, results)


def _report(options: argparse.Namespace, results: Results) -> int:
    said = table.text(results)
    (options.out / "latency.md").write_text(said)
    results.export(options.out / "results.parquet")
    (options.out / "results.json").write_text(json.dumps(table.rows(results), indent=1) + "\n")
    if options.docs:
        summary.into_docs(ROOT / "docs" / "faults.md", said, table.BEGIN, table.END)
    OUT.print(said.splitlines()[0])
    wrong = table.failures(results)
    for name, reason in wrong:
        OUT.print(f"FAIL {name}: {reason}\n     alone: python -m tests.faults_binary --only {name}")
    results.close()
    return 1 if wrong else 0


def main(words: list[str] | None = None) -> int:
    """Run what the words say; return the exit code, 1 when any case failed."""
    options = _options(words)
    names = [c.id for c in cases.list_cases() if fnmatch.fnmatch(c.id, options.only)]
    if options.list:
        OUT.print("\n".join(names))
        return 0
    if not names:
        sys.exit(NONE.format(options.only))
    return _run(options, names)


if __name__ == "__main__":
    sys.exit(main())
