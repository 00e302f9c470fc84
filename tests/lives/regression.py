"""Counts false improvements by regression to the mean: people who begin when it is worst.

`python -m tests.lives.regression [SERIES]`

A person has a daily number with mean 5, standard deviation 1.5 and an autocorrelation of 0.5, as
whole numbers from 0 to 10. Light does nothing at all. On the first day with 6 or more the person
makes a course of 8 weeks; the real stop rule (2 points or 30 %, after week 8) is applied to it,
with

* a week of waiting and then 14 days of baseline, as `course new` plans it;
* 14 days of baseline from that day on, without the week;
* the 7 days from that day on as all of the baseline;
* the number of that day alone, as a person remembers how bad it was. The program's rule refuses so
  few numbers, so here the same sizes are compared without it.

"1 or more" is a gain of a point in the 14 days that the rule compares; "all weeks" is the same for
the mean of all 8 weeks. The exit code is 1 when more than 12 % of people with the full baseline
have the answer to go on, or a gain of a point over all weeks.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import fmean

from pbmwrap.programme.model import (
    BASELINE_DAYS,
    JUDGED_DAYS,
    PAIN,
    WAIT_DAYS,
    Course,
    CourseSite,
    JournalEntry,
    Stamp,
    StopRule,
    Word,
    hash_plan,
)
from pbmwrap.programme.stop_rule import evaluate_rule

MEAN, DEVIATION, CORRELATION = 5.0, 1.5, 0.5
WORST = 6
MOST_FALSE = 0.12
WEEKS = 8
_SEARCH_DAYS = 120
_SITE = CourseSite("foot-left", "made-up", "a" * 64)
FIRST = date(2026, 1, 5)


@dataclass(frozen=True)
class Way:
    """How a person begins. wait: days from the bad one to the baseline; days: of the baseline."""

    name: str
    wait: int
    days: int


WAYS = (
    Way("7 days of waiting, 14 of baseline", WAIT_DAYS, BASELINE_DAYS),
    Way("14 days of baseline, no waiting", 0, BASELINE_DAYS),
    Way("the first 7 days as baseline", 0, 7),
    Way("the number of the bad day", 0, 1),
)


@dataclass(frozen=True)
class Found:
    """Of one way: mean false gain in points, and shares of people."""

    way: Way
    gain: float
    by_one: float
    by_one_all: float
    go_on: float
    worse: float


def make_numbers(source: random.Random, days: int) -> list[int]:
    """Make the daily numbers of a person whom light does not change."""
    noise = source.gauss(0, DEVIATION)
    fresh = DEVIATION * math.sqrt(1 - CORRELATION**2)
    numbers = []
    for _ in range(days):
        numbers.append(min(10, max(0, round(MEAN + noise))))
        noise = CORRELATION * noise + source.gauss(0, fresh)
    return numbers


def judge(numbers: Sequence[int], bad: int, way: Way) -> tuple[float, Word]:
    """Return the gain, and what the stop rule says, of a person who begins in this way."""
    start = bad + way.wait + way.days
    if way.days == 1:
        return _judge_one(numbers, bad, start)
    kept = range(bad + way.wait, start + 7 * WEEKS)
    entries = [
        JournalEntry(n, "made", _day(n), float(numbers[n]), PAIN.code, _stamp(n)) for n in kept
    ]
    plan = Course(
        id="made-1",
        person="made",
        aim="less pain",
        sites=(_SITE,),
        sessions_a_week=3,
        weeks=WEEKS,
        start=_day(start),
        measure=PAIN,
        stop=StopRule(WEEKS),
        enrolled=_stamp(bad),
        frozen=_stamp(start - 1),
    )
    verdict = evaluate_rule(replace(plan, plan_sha=hash_plan(plan)), entries, plan.rule_day)
    assert verdict.gain is not None, verdict.text
    return verdict.gain, verdict.word


def _judge_one(numbers: Sequence[int], bad: int, start: int) -> tuple[float, Word]:
    end = start + 7 * WEEKS
    before = float(numbers[bad])
    gain = before - fmean(numbers[end - JUDGED_DAYS : end])
    threshold = StopRule(WEEKS).threshold(before)
    return gain, Word.GO_ON if gain >= threshold else Word.ASK if -gain >= threshold else Word.STOP


def _gain_over_all(numbers: Sequence[int], bad: int, way: Way) -> float:
    """Return the gain of the mean of all days of the course."""
    start = bad + way.wait + way.days
    return fmean(numbers[start - way.days : start]) - fmean(numbers[start : start + 7 * WEEKS])


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)


def _stamp(number: int) -> Stamp:
    return Stamp((_day(number) - date(1970, 1, 1)).days * 86_400_000 + 43_200_000, 0)


def count_false(series: int, seed: int = 1) -> list[Found]:
    """Apply every way of beginning to the same made-up people."""
    source = random.Random(f"regression {seed}")
    judged: list[list[tuple[float, float, Word]]] = [[] for _ in WAYS]
    while len(judged[0]) < series:
        numbers = make_numbers(source, _SEARCH_DAYS + 7 * WEEKS + 30)
        bad = next((n for n in range(_SEARCH_DAYS) if numbers[n] >= WORST), None)
        if bad is not None:
            for its, way in zip(judged, WAYS, strict=True):
                gain, word = judge(numbers, bad, way)
                its.append((gain, _gain_over_all(numbers, bad, way), word))
    return [
        Found(
            way,
            fmean(gain for gain, _, _ in its),
            fmean(gain >= 1 for gain, _, _ in its),
            fmean(over_all >= 1 for _, over_all, _ in its),
            fmean(word == Word.GO_ON for _, _, word in its),
            fmean(word == Word.ASK for _, _, word in its),
        )
        for way, its in zip(WAYS, judged, strict=True)
    ]


def main(args: Sequence[str]) -> int:
    """Print the table; returns 1 when the full baseline does not prevent false improvement."""
    series = int(args[0]) if args else 2000
    print(f"{series} made-up people, no effect at all")
    print(
        f"{'begins with':<36}{'mean gain':>10}{'1 or more':>11}{'all weeks':>11}"
        f"{'go on':>9}{'worse':>9}"
    )
    found = count_false(series)
    for row in found:
        print(
            f"{row.way.name:<36}{row.gain:>10.2f}{row.by_one:>11.1%}"
            f"{row.by_one_all:>11.1%}{row.go_on:>9.1%}"
            f"{row.worse:>9.1%}"
        )
    return int(max(found[0].go_on, found[0].by_one_all) > MOST_FALSE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
