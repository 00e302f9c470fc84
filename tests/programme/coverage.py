"""Counts how often the interval of `estimate_change` contains the true change, on made-up series.

    python -m tests.programme.coverage [SERIES]

A series is 14 days of baseline and the days of a course with one number each: its mean, plus an
AR(1) process with standard deviation 1.5 (docs/programme.md), 15 % of the days missing. `rounded`
series are whole numbers from 0 to 10, as people give them. The interval is a 95 % one: its share
has to lie between 93 and 97 %.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from pbmwrap.programme.analysis import TooFewEntriesError, estimate_change

BASELINE_DAYS = 14
MISSING = 0.15
DEVIATION = 1.5
MEAN = 5.0


@dataclass(frozen=True)
class Cell:
    """correlation: of one day with the next; days: baseline and course; change: the true one."""

    correlation: float
    days: int
    rounded: bool
    change: float = 0.0


CELLS = [
    Cell(correlation, days, rounded, change)
    for correlation in (0.0, 0.5, 0.8)
    for days, change in ((70, 0.0), (98, -2.0))
    for rounded in (False, True)
]


def make_series(cell: Cell, source: random.Random) -> tuple[list[int], list[float]]:
    """Return the days with an entry, and the entries."""
    days: list[int] = []
    values: list[float] = []
    noise = source.gauss(0, DEVIATION)
    fresh = DEVIATION * math.sqrt(1 - cell.correlation**2)
    for day in range(cell.days):
        if day:
            noise = cell.correlation * noise + source.gauss(0, fresh)
        if source.random() < MISSING:
            continue
        value = MEAN + noise + (cell.change if day >= BASELINE_DAYS else 0.0)
        days.append(day)
        values.append(float(min(10, max(0, round(value)))) if cell.rounded else value)
    return days, values


def count_hits(cell: Cell, series: int, seed: int = 1) -> tuple[int, int, float]:
    """Return the intervals that contain the true change, all intervals, and their mean width."""
    source = random.Random(f"{seed} {cell}")
    hits = tried = 0
    width = 0.0
    while tried < series:
        days, values = make_series(cell, source)
        try:
            found = estimate_change(days, values, BASELINE_DAYS)
        except TooFewEntriesError:
            continue
        tried += 1
        hits += found.low <= cell.change <= found.high
        width += found.high - found.low
    return hits, tried, width / tried


def make_table(series: int) -> Iterator[str]:
    """Yield the table, a line per cell."""
    yield "correlation  days  entries  true change  contains it  mean width"
    for cell in CELLS:
        hits, tried, width = count_hits(cell, series)
        kind = "rounded" if cell.rounded else "exact"
        yield (
            f"{cell.correlation:11.1f}  {cell.days:4d}  {kind:>7}  {cell.change:11.1f}"
            f"  {100 * hits / tried:9.1f} %  {width:10.2f}"
        )


if __name__ == "__main__":
    for line in make_table(int(sys.argv[1]) if len(sys.argv) > 1 else 2000):
        print(line, flush=True)
