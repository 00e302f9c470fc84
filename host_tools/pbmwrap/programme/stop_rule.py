"""The stop rule: fixed before the first session, evaluated by the program on its date.

It compares two means of daily numbers: the 14 days before the first session, and the last 14 days
before the day of the rule. It has three answers (stop, go on until, ask a clinician); before its
day, or with too few numbers, it says when it is evaluated. None of them says that light works.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from statistics import fmean

from pbmwrap.programme.days import find_values, list_between
from pbmwrap.programme.model import (
    JUDGED_DAYS,
    LEAST_JUDGED_ENTRIES,
    Course,
    JournalEntry,
    Verdict,
    Word,
)

CANNOT_TELL = (
    "This comparison cannot tell light from time, hope, or other treatment. The self-trial can."
)


def evaluate_rule(course: Course, entries: Iterable[JournalEntry], today: date) -> Verdict:
    """Evaluate the rule as of `today`.

    The rule is evaluated once: on its day, or on the first later day with enough numbers, but not
    after the course's end. What is written for later days does not change it. Without enough
    numbers at the end the change was not shown, so the rule says stop.
    """
    entries = list(entries)
    values = find_values(entries, course.measure.code)
    if course.frozen is None:
        text = "The plan is not frozen: there is no stop rule yet. Freeze it before the first day."
        return Verdict(Word.WAIT, today, text, until=course.rule_day)
    if today < course.rule_day:
        return _wait(course, today)
    before = list_between(values, course.baseline_from, course.start)
    day = course.rule_day
    while day < min(today, course.end) and not _is_enough(course, values, before, day):
        day += timedelta(days=1)
    after = _judged(values, day)
    if _is_enough(course, values, before, day):
        return _judge(course, before, after, day, _count_late(course, entries, day))
    return _judge_without(course, len(before), len(after), day)


def _count_late(course: Course, entries: Iterable[JournalEntry], day: date) -> int:
    """Count the numbers that the rule uses and that were written on a later day."""
    first = day - timedelta(days=JUDGED_DAYS)
    return sum(
        entry.late
        and entry.value is not None
        and entry.measure == course.measure.code
        and (course.baseline_from <= entry.day < course.start or first <= entry.day < day)
        for entry in entries
    )


def _judged(values: dict[date, float], day: date) -> list[float]:
    return list_between(values, day - timedelta(days=JUDGED_DAYS), day)


def _is_enough(course: Course, values: dict[date, float], before: list[float], day: date) -> bool:
    return min(len(before), len(_judged(values, day))) >= LEAST_JUDGED_ENTRIES


def name_change(course: Course) -> str:
    """Return the size of change that the plan asks for, in words."""
    stop, unit = course.stop, course.measure.unit
    points = f"{stop.points:g} {unit or 'points'}" if stop.points is not None else ""
    percent = f"{stop.percent:g} %" if stop.percent is not None else ""
    return " or ".join(part for part in (points, percent) if part)


def name_rule(course: Course) -> str:
    """Return the rule in one sentence, as it is always shown."""
    way = "lower" if course.measure.better == "lower" else "higher"
    return (
        f"If the number is not at least {name_change(course)} {way} by {course.rule_day} "
        f"(after week {min(course.stop.week, course.weeks)}), stop."
    )


def _wait(course: Course, today: date) -> Verdict:
    text = f"{name_rule(course)} It is evaluated on {course.rule_day}, with the numbers."
    return Verdict(Word.WAIT, today, text, until=course.rule_day)


def _judge(
    course: Course, before: list[float], after: list[float], day: date, late: int
) -> Verdict:
    was, now = fmean(before), fmean(after)
    gain = course.measure.count_gain(was, now)
    # A person cannot state a change of less than one step of the scale.
    threshold = max(course.stop.threshold(was), course.measure.step)
    # A mean of whole numbers is a fraction: 2.0 reached by rounding error is reached.
    reached = gain >= threshold - 1e-9 and gain > 0
    worse = -gain >= threshold - 1e-9 and gain < 0
    word = Word.ASK if worse else Word.GO_ON if reached else Word.STOP
    shown = course.measure.format_value
    numbers = (
        f"Before: {shown(was)} (mean of {len(before)} of {JUDGED_DAYS} days). "
        f"Up to {day - timedelta(days=1)}: {shown(now)} ({len(after)} of {JUDGED_DAYS} days). "
        f"Your number changed by {now - was:+.1f}; the plan asks for {threshold:.1f}"
        f" ({name_change(course)})."
    )
    if late:
        numbers += f" {late} of these numbers were written on a later day."
    last = course.end - timedelta(days=1)
    says = {
        Word.GO_ON: f"Go on until {last}, the last day of the plan. Then the course is over; to "
        "use light again, make a new plan.",
        Word.STOP: "Stop. The change that you asked for before you began is not there.",
        Word.ASK: "Ask a clinician (worse). Stop until you have.",
    }[word]
    until = last if word == Word.GO_ON else None
    return Verdict(
        word,
        day,
        f"{says} {numbers} {CANNOT_TELL}",
        was,
        now,
        gain,
        threshold,
        len(before),
        len(after),
        until,
    )


def _judge_without(course: Course, n_before: int, n_after: int, day: date) -> Verdict:
    few = (
        f"{n_before} of the {JUDGED_DAYS} days before the course have a number, and {n_after} of "
        f"the last {JUDGED_DAYS}; {LEAST_JUDGED_ENTRIES} of each are needed."
    )
    hopeless = n_before < LEAST_JUDGED_ENTRIES
    if day < course.end and not hopeless:
        text = f"The stop rule cannot be evaluated yet: {few} Write the number every day."
        return Verdict(
            Word.UNDECIDED, day, text, n_before=n_before, n_after=n_after, until=course.end
        )
    text = f"Stop. No change was shown: {few}"
    return Verdict(Word.STOP, day, text, n_before=n_before, n_after=n_after)
