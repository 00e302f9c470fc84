"""Cuts the power at every flash operation of a day: python -m tests.powercut
(docs/decisions/0012)."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults import engine
from tests.faults.__main__ import OUT, shown
from tests.faults.case import Row
from tests.powercut import cut
from tests.powercut.day import tape

_SHOWN = 20


def work(names: Sequence[str]) -> list[Row]:
    """A row for each cut."""
    rows: list[Row] = []
    for name in names:
        wrong = cut.run(name)
        verdict = "FAIL" if wrong else "pass"
        rows.append({"id": name, "verdict": verdict, "reason": "; ".join(wrong)})
    return rows


def main(words: list[str] | None = None) -> int:
    """The exit code: 1 when anything did not hold."""
    p = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    p.add_argument("--torn", type=int, default=30, help="random tears of each operation")
    p.add_argument("--jobs", type=int, default=0, help="processes (0: one per CPU)")
    p.add_argument("--case", metavar="ID", help="one cut alone")
    p.add_argument("--out", type=Path, default=Path("build/powercut"), help="for results")
    options = p.parse_args(words)
    if options.case:
        wrong = cut.run(options.case)
        OUT.print("\n".join(wrong) or "all holds")
        return 1 if wrong else 0
    return _campaign(options)


def _campaign(options: argparse.Namespace) -> int:
    names = cut.names(options.torn)
    began = time.monotonic()
    found = shown(engine.processes(names, options.jobs, work, 64), len(names))
    rows = [row for some in found for row in some]
    wrong = [row for row in rows if row["verdict"] != "pass"]
    ops = {kind: len(tape(kind).ops) for kind in cut.KINDS}
    said = {
        "cuts": len(rows),
        "failed": len(wrong),
        "operations": ops,
        "records_promised": {kind: len(tape(kind).committed) for kind in cut.KINDS},
        "wall_s": round(time.monotonic() - began),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    kept = json.dumps(said | {"wrong": wrong[:200]}, indent=1)
    (options.out / "sim.json").write_text(kept + "\n")
    OUT.print(f"{len(rows)} cuts in {said['wall_s']} s, {len(wrong)} failed; operations {ops}")
    for row in wrong[:_SHOWN]:
        OUT.print(f"FAIL {row['id']}: {row['reason']}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
