"""Cuts the power at every flash operation of a day, and flips bits of the flash, on the simulator:
python -m tests.powercut (docs/powercut.md). The emulated binary: tests.powercut.binary."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.faults import engine
from tests.faults.__main__ import OUT, shown
from tests.faults.case import Row
from tests.powercut import cut, rot
from tests.powercut.day import tape

_SHOWN = 20
_CHUNK = 64


def cuts(names: Sequence[str]) -> list[Row]:
    """Return a row for each cut."""
    return _rows(names, cut.run)


def flips(names: Sequence[str]) -> list[Row]:
    """Return a row for each case of bits that turn over."""
    return _rows(names, rot.run)


def _rows(names: Sequence[str], run: Callable[[str], list[str]]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        found = run(name)
        limited = all(text.startswith(rot.LIMIT) for text in found)
        verdict = "FAIL" if not limited else "limit" if found else "pass"
        rows.append({"id": name, "verdict": verdict, "reason": "; ".join(found)})
    return rows


def main(words: list[str] | None = None) -> int:
    """Return the exit code: 1 when anything did not hold."""
    p = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    p.add_argument("--torn", type=int, default=30, help="random tears of each operation")
    p.add_argument("--rot", type=int, default=100, help="rounds of 36 cases of flipped bits")
    p.add_argument("--jobs", type=int, default=0, help="processes (0: one per CPU)")
    p.add_argument("--case", metavar="ID", help="one cut or case alone")
    p.add_argument("--out", type=Path, default=Path("build/powercut"), help="for results")
    options = p.parse_args(words)
    if options.case:
        run = cut.run if options.case.count("/") == 3 else rot.run
        wrong = run(options.case)
        OUT.print("\n".join(wrong) or "all holds")
        return 1 if wrong else 0
    options.out.mkdir(parents=True, exist_ok=True)
    failed = _campaign("sim", cut.names(options.torn), cuts, _of_cuts(), options)
    return _campaign("rot", rot.names(options.rot), flips, {}, options) | failed


def _of_cuts() -> dict[str, Any]:
    return {
        "operations": {kind: len(tape(kind).ops) for kind in cut.KINDS},
        "records_promised": {kind: len(tape(kind).committed) for kind in cut.KINDS},
    }


def _campaign(
    what: str,
    names: list[str],
    work: Callable[[Sequence[str]], list[Row]],
    more: dict[str, Any],
    options: argparse.Namespace,
) -> int:
    """Run all, keep what was found in WHAT.json."""
    began = time.monotonic()
    found = shown(
        engine.run_in_processes(names, options.jobs, work, _CHUNK), len(names), label=what
    )
    rows = [row for some in found for row in some]
    wrong = [row for row in rows if row["verdict"] == "FAIL"]
    limits = [row for row in rows if row["verdict"] == "limit"]
    said = {
        "cases": len(rows),
        "failed": len(wrong),
        "at_a_limit": len(limits),
        "kinds": dict(Counter(str(row["id"]).split("/")[0] for row in rows)),
        "wall_s": round(time.monotonic() - began),
    } | more
    kept = json.dumps(said | {"wrong": wrong[:200], "limits": limits[:200]}, indent=1)
    (options.out / f"{what}.json").write_text(kept + "\n")
    OUT.print(f"{what}: {len(rows)} cases in {said['wall_s']} s, {len(wrong)} failed")
    for row in wrong[:_SHOWN]:
        OUT.print(f"FAIL {row['id']}: {row['reason']}")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
