"""Makes courses, sessions and journals for tests of the programme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from pbmwrap.programme.attribution import LoggedSession
from pbmwrap.programme.model import (
    PAIN,
    Course,
    CourseSite,
    JournalEntry,
    SessionUse,
    Stamp,
    StopRule,
    hash_plan,
)

FOOT = CourseSite("foot-left", "nerve-pain", "a" * 64, "Nerve pain", "weak, suggestive", "Few.")
HAND = CourseSite("hand-left", "carpal", "b" * 64, "Carpal", "weak", "Some.")
START = date(2026, 3, 2)  # a Monday


def stamp(day: date, hour: int = 12, offset_min: int = 0) -> Stamp:
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return Stamp(round(moment.timestamp() * 1000), offset_min)


def make_plan(frozen: bool = True, **changes) -> Course:
    plan = Course(
        id="ada-1",
        person="ada",
        aim="less pain",
        sites=(FOOT,),
        sessions_a_week=3,
        weeks=8,
        start=START,
        measure=PAIN,
        stop=StopRule(8),
        enrolled=stamp(START - timedelta(days=21)),
        weekdays=(0, 2, 4),
    )
    plan = replace(plan, **changes)
    if not frozen:
        return plan
    return replace(plan, frozen=stamp(START - timedelta(days=1)), plan_sha=hash_plan(plan))


def make_entries(numbers: Mapping[date, float], measure: str = "pain") -> list[JournalEntry]:
    return [
        JournalEntry(n, "ada", day, value, measure, stamp(day))
        for n, (day, value) in enumerate(numbers.items(), 1)
    ]


def every_day(first: date, values: Iterable[float]) -> dict[date, float]:
    return {first + timedelta(days=n): value for n, value in enumerate(values)}


def make_logged(number: int, day: date | None, **changes) -> LoggedSession:
    session = LoggedSession(
        key=f"w1:1:{number}",
        uid="w1",
        number=number,
        unix_ms=None if day is None else stamp(day, 18).unix_ms,
        tag="",
        site="foot-left",
        protocol_id="nerve-pain",
        reason="dose",
        started_by="button",
        active_ms=600_000,
        dose_uj=6_000_000,
        dose_unc_uj=600_000,
        max_skin_mc=36_000,
        faults=0,
    )
    return replace(session, **changes)


def make_use(day: date | None, reason: str = "dose", **changes) -> SessionUse:
    use = SessionUse(
        key=f"w1:1:{day}",
        uid="w1",
        number=1,
        start=None if day is None else stamp(day, 18),
        site="foot-left",
        protocol_id="nerve-pain",
        full=reason in ("dose", "time"),
        reason=reason,
        active_ms=600_000,
        dose_uj=6_000_000,
        dose_unc_uj=600_000,
        by="tag",
    )
    return replace(use, **changes)


def on_days(offsets: Sequence[int], **changes) -> list[SessionUse]:
    return [make_use(START + timedelta(days=n), **changes) for n in offsets]
