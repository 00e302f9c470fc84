"""Cuts the power at every flash operation of a day of the emulated binary: python -m
tests.powercut.binary (docs/powercut.md). A run that was stopped goes on where it was."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults import engine
from tests.faults.__main__ import OUT, shown
from tests.faults.case import Row
from tests.faults.results import Results
from tests.nor import TORN
from tests.powercut import binary_cut as cut
from tests.powercut.binary_day import image, tape
from tests.powercut.binary_tape import stamp

COLUMNS = {"id": "VARCHAR", "verdict": "VARCHAR", "reason": "VARCHAR", "cpu_ms": "DOUBLE"}
_CHUNK = 4
_SHOWN = 20


def work(names: Sequence[str]) -> list[Row]:
    """Return a row for each cut."""
    return [_one(name) for name in names]


def _cpu_s() -> float:
    """Return the seconds of CPU of this process and its children."""
    return sum(os.times()[:4])


def _one(name: str) -> Row:
    began = _cpu_s()
    try:
        wrong = cut.run(name)
    except Exception:
        last = traceback.format_exc(limit=-2).strip().splitlines()
        wrong = ["it could not be judged: " + " | ".join(last)[-400:]]
    verdict = "FAIL" if wrong else "pass"
    cpu_ms = round((_cpu_s() - began) * 1000)
    return {"id": name, "verdict": verdict, "reason": "; ".join(wrong), "cpu_ms": cpu_ms}


def main(words: list[str] | None = None) -> int:
    """Return the exit code: 1 when anything did not hold."""
    p = argparse.ArgumentParser(prog="python -m tests.powercut.binary", description=__doc__)
    p.add_argument("--torn", type=int, default=1, help="random tears of each operation")
    p.add_argument("--jobs", type=int, default=0, help="processes (0: one per CPU)")
    p.add_argument("--only", default="*", help="cuts to run, as a shell pattern")
    p.add_argument("--every", type=int, default=1, metavar="N", help="run only each Nth of them")
    p.add_argument("--out", type=Path, default=Path("build/powercut"), help="for results")
    p.add_argument("--list", action="store_true", help="only say which cuts there are")
    options = p.parse_args(words)
    began = time.monotonic()
    names = [name for name in cut.names(options.torn) if fnmatch.fnmatch(name, options.only)]
    names = names[:: options.every]
    if options.list:
        OUT.print("\n".join(names))
        return 0
    rules = stamp(image(), "binary_cut", "binary_boot", "../nor")
    results = Results(options.out / "binary", rules, COLUMNS)
    _run(results, names, options.jobs)
    return _report(results, names, options.out, time.monotonic() - began)


def _run(results: Results, names: list[str], jobs: int) -> None:
    done = results.list_done()
    todo = [name for name in names if name not in done]
    rows = engine.run_in_processes(todo, jobs, work, _CHUNK)
    for some in shown(rows, len(todo), len(names) - len(todo), "binary"):
        results.add(some)
        results.flush()


def _report(results: Results, names: list[str], out: Path, wall_s: float) -> int:
    kept = results.query("SELECT id, verdict, reason, cpu_ms FROM cases")
    rows = [row for row in kept if row[0] in set(names)]
    wrong = [{"id": row[0], "reason": row[2]} for row in rows if row[1] != "pass"]
    said = _said(rows) | {"failed": len(wrong), "wall_s": round(wall_s), "wrong": wrong}
    (out / "binary.json").write_text(json.dumps(said, indent=1) + "\n")
    OUT.print(
        f"{said['cuts']} cuts ({said['torn']} of them torn) on the emulated binary in "
        f"{said['wall_s']} s, {len(wrong)} failed; operations {said['operations']}"
    )
    for row in wrong[:_SHOWN]:
        OUT.print(f"FAIL {row['id']}: {row['reason']}")
    results.close()
    return 1 if wrong or not rows else 0


def _said(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    kinds = sorted({str(row[0]).split("/")[0] for row in rows})
    return {
        "cuts": len(rows),
        "torn": sum(f"/{TORN}/" in row[0] for row in rows),
        "operations": {kind: len(tape(kind).ops) for kind in kinds},
        "erases": {kind: sum(not data for _, data in tape(kind).ops) for kind in kinds},
        "records": {kind: len(tape(kind).records) for kind in kinds},
        "cpu_s": round(sum(row[3] for row in rows) / 1000),
    }


if __name__ == "__main__":
    sys.exit(main())
