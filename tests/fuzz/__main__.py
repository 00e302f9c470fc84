"""python -m tests.fuzz [TARGET...] [--runs N] [--jobs J] [--engine atheris|random]
python -m tests.fuzz --repeat TARGET FILE       runs one input again, with its traceback
python -m tests.fuzz --minimise [TARGET...]     what was found into the kept corpus

Exit codes: 0 nothing found, 1 a crash or memory that grows.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz import campaign, engine, keep
from tests.fuzz.targets import ALL

GROWTH_MOST = 32768  # bytes of Python memory left behind by GROWTH_INPUTS, once warm
GROWTH_INPUTS = 5000
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
    parser.add_argument("--engine", choices=("atheris", "random"))
    parser.add_argument("--out", type=Path, default=campaign.ROOT / "build" / "fuzz")
    parser.add_argument("--repeat", nargs=2, metavar=("TARGET", "FILE"))
    parser.add_argument("--minimise", action="store_true")
    options = parser.parse_args(words)
    if unknown := set(options.targets) - set(ALL):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    return options


def _told(result: campaign.Result) -> None:
    row = result.row()
    print(
        f"{result.target:10} {result.engine:8} {result.inputs:>9,} inputs {result.seconds:>8.1f} s"
        f" {row['per_s']:>7,}/s  cov {result.cov:>5}  peak {result.peak_mb} MB",
        flush=True,
    )
    if result.crash:
        print(f"  CRASH: {result.crash}")
        print(f"  again: make fuzz-repeat TARGET={result.target} FILE={result.crash}", flush=True)


def _grown(name: str) -> bool:
    grown = engine.growth(name, GROWTH_INPUTS)
    print(f"{name:10} memory {grown:+} bytes after {GROWTH_INPUTS} inputs", flush=True)
    return grown > GROWTH_MOST


def run(options: argparse.Namespace) -> int:
    kind = options.engine or ("atheris" if campaign.has_atheris() else "random")
    if kind == "random" and not options.engine:
        print(LOUD, file=sys.stderr)
    one = campaign.by_atheris if kind == "atheris" else campaign.by_random
    names = options.targets or list(ALL)
    options.out.mkdir(parents=True, exist_ok=True)
    results = []
    jobs = options.jobs if kind == "atheris" else 1
    with ThreadPoolExecutor(jobs) as pool:
        todo = [pool.submit(one, name, options.runs, options.seed, options.out) for name in names]
        for done in todo:
            results.append(done.result())
            _told(results[-1])
    rows = [result.row() for result in results]
    (options.out / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    crashed = [r for r in results if r.crash or r.inputs < options.runs]
    grown = [name for name in names if not crashed and _grown(name)]
    return 1 if crashed or grown else 0


def repeat(name: str, file: str) -> int:
    """One input again; whatever it raises is shown."""
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
