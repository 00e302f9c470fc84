"""python -m tests.fuzz [TARGET...] [--runs N] [--guided N] [--jobs J] [--seed S]
python -m tests.fuzz --repeat TARGET FILE       runs one input again, with its traceback
python -m tests.fuzz --minimise [TARGET...]     what was found into the kept corpus

Exit codes: 0 nothing found, 1 a crash or memory that grows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path

from tests.fuzz import campaign, engine, keep
from tests.fuzz.targets import ALL

PROGRESS_S = 30
GUIDED = 100_000
AGAIN = "python -m tests.fuzz --repeat"
LOUD = """
********************************************************************************
*  atheris is not installed: these are seeded random inputs, blind to coverage. *
*  `make fuzz` installs it where it has a wheel (docs/dependencies.md).         *
********************************************************************************
"""


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(ALL))
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=engine.SEED)
    parser.add_argument("--guided", type=int, default=GUIDED, help="of the runs, by coverage")
    parser.add_argument("--out", type=Path, default=campaign.ROOT / "build" / "fuzz")
    parser.add_argument("--repeat", nargs=2, metavar=("TARGET", "FILE"))
    parser.add_argument("--minimise", action="store_true")
    options = parser.parse_args(words)
    if unknown := set(options.targets) - set(ALL):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    return options


def _reported(result: campaign.Result) -> None:
    row = result.row()
    print(
        f"{result.target:10} {result.inputs:>9,} inputs, {result.guided:>9,} of them guided"
        f" {result.seconds:>8.1f} s"
        f" {row['per_s']:>7,}/s  cov {result.cov:>5}  peak {result.peak_mb} MB"
        f"  left behind {result.grown:+} bytes",
        flush=True,
    )
    if result.crash:
        print(f"  CRASH: {result.crash}")
        print(f"  again: {AGAIN} {result.target} {result.crash}", flush=True)


def _keep(results: list[campaign.Result], out: Path) -> None:
    """Write results.json: a row a target, those of earlier runs of other targets too."""
    file = out / "results.json"
    rows = {row["target"]: row for row in json.loads(file.read_text())} if file.exists() else {}
    rows |= {result.target: result.row() for result in results}
    file.write_text(json.dumps([rows[name] for name in ALL if name in rows], indent=1) + "\n")


def _progress(running: set[str], out: Path, runs: int) -> None:
    counts = {name: campaign.done_so_far(name, out) for name in sorted(running)}
    reported = [f"{name} {count:,}" for name, count in counts.items() if count]
    print(f"  of {runs:,}: {', '.join(reported)}" if reported else "  starting", file=sys.stderr)


def run(options: argparse.Namespace) -> int:
    guided = min(options.guided, options.runs)
    if guided and not campaign.has_atheris():
        print(LOUD, file=sys.stderr)
        guided = 0
    options.out.mkdir(parents=True, exist_ok=True)
    results: list[campaign.Result] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context, max_tasks_per_child=1) as pool:
        todo = {
            pool.submit(campaign.one, name, options.runs, guided, options.seed, options.out): name
            for name in options.targets or ALL
        }
        while todo:
            for done in wait(todo, PROGRESS_S, FIRST_COMPLETED).done:
                del todo[done]
                results.append(done.result())
                _reported(results[-1])
                _keep(results, options.out)
            running = {name for done, name in todo.items() if done.running()}
            _progress(running, options.out, options.runs)
    return 0 if all(result.good(options.runs) for result in results) else 1


def repeat(name: str, file: str) -> int:
    """Run one input again; whatever it raises is shown."""
    engine.target(name)(Path(file).read_bytes())
    print(f"{name}: {file} passes")
    return 0


def main(words: list[str]) -> int:
    options = parse(words)
    if options.repeat:
        return repeat(*options.repeat)
    if options.minimise:
        return keep.minimise(options.targets or list(ALL), options.out)
    return run(options)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
