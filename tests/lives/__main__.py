"""Simulates 50 people for 15 weeks with two wraps each, and checks what pbmwrap says of them.

`python -m tests.lives [--kind NAME] [--seed N] [--jobs N]`

Prints a line for each person; the exit code is 1 when one differs from the truth. A life is the
same each time: `--kind "lost log" --seed 3` repeats one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.lives.check import Row, live_and_check
from tests.lives.life import KINDS, LIVES, Kind

_HEAD = (
    f"{'life':<18}{'seed':>4} {'who':<5} {'sessions':>8} {'lost':>4} {'open':>4} {'seen':>4} "
    f"{'J/cm2':>7} {'seen':>7}  {'verdict':<24}{'given':<24}{'refused':>7} {'flags':>5} "
    f"{'pages':>5}"
)


def list_lives() -> list[tuple[Kind, int]]:
    """List the kind and the seed of every life."""
    pairs = zip(KINDS, LIVES, strict=True)
    return [(kind, seed) for kind, number in pairs for seed in range(1, number + 1)]


def live_alone(life: tuple[Kind, int]) -> tuple[list[Row], float]:
    """Live one life in a folder of its own; returns its rows and its CPU time, s."""
    began = time.process_time()
    with tempfile.TemporaryDirectory(prefix="pbmwrap-life-") as folder:
        rows = live_and_check(*life, Path(folder))
    return rows, time.process_time() - began


def format_row(row: Row) -> str:
    """Format one person as a line of the table."""
    return (
        f"{row.kind:<18}{row.seed:>4} {row.name:<5} {row.sessions:>8} {row.lost:>4} {row.open:>4} "
        f"{row.seen:>4} {row.dose_j:>7.3f} {row.dose_seen_j:>7.3f}  {row.verdict:<24}"
        f"{row.given:<24}{row.refused:>7} {row.flags:>5} {row.requests:>5}"
    )


def main(args: Sequence[str] | None = None) -> int:
    """Simulate who was asked for; returns 1 when one differs from the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS])
    parser.add_argument("--seed", type=int)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(args)
    lives = [
        (kind, seed)
        for kind, seed in list_lives()
        if options.kind in (None, kind.name) and options.seed in (None, seed)
    ]
    print(_HEAD)
    wrong = people = 0
    cpu_s = 0.0
    with ProcessPoolExecutor(options.jobs) as pool:
        for rows, used_s in pool.map(live_alone, lives):
            cpu_s += used_s
            for row in rows:
                people += 1
                wrong += bool(row.problems)
                print("\n".join([format_row(row), *(f"    {p}" for p in row.problems)]), flush=True)
    print(f"{people} people, {wrong} of them wrong; {cpu_s:.0f} s of CPU")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
