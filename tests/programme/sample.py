"""A made-up person with a course, for tests of reports and exports: the same each time."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta

from pbmwrap.programme.model import (
    PAIN,
    Adherence,
    Course,
    CourseSite,
    CourseState,
    JournalEntry,
    Person,
    RedFlag,
    SessionUse,
    Stamp,
    StopRule,
    Total,
    Verdict,
    Word,
)

_DAY_MS = 86_400_000
_UID = "e6614103e7452d2f"
NASTY = '<b>&"\\#{}$'  # text of a person that HTML, SVG or typst would read as more than text


@dataclass(frozen=True)
class Sample:
    """A person, and the state of their course after ten weeks."""

    person: Person
    state: CourseState
    sessions: list[SessionUse]


def make_sample(nasty: bool = False) -> Sample:
    """Return the sample. nasty: with `NASTY` in all texts that a person can write."""
    source = random.Random(3)
    more = NASTY if nasty else ""
    enrolled = Stamp(1_788_000_000_000, 120)
    person = Person("a1", "Anna Example" + more, "Europe/Berlin", enrolled)
    start = enrolled.day + timedelta(days=21)
    site = CourseSite(
        "foot-left",
        "diabetic-foot",
        "ab" * 32,
        "Diabetic neuropathy, foot" + more,
        "weak, mixed to negative" + more,
        "Meta-analysis (Robinson 2017): no lasting benefit." + more,
    )
    course = Course(
        id="a1-1",
        person="a1",
        aim="less burning in the left foot" + more,
        sites=(site,),
        sessions_a_week=4,
        weeks=12,
        start=start,
        measure=PAIN,
        stop=StopRule(8),
        enrolled=enrolled,
        others=("duloxetine 60 mg" + more,),
        frozen=enrolled,
        plan_sha="9f" * 32,
    )
    entries = _make_entries(source, enrolled, course, more)
    sessions = _make_sessions(source, enrolled)
    full = sum(use.full for use in sessions)
    early = len(sessions) - full
    dose = sum(use.dose_uj or 0 for use in sessions)
    adherence = Adherence(
        planned=48,
        planned_so_far=40,
        full=full,
        early=early,
        skipped=40 - len(sessions),
        dose_uj=dose,
        dose_unc_uj=dose * 13 // 100,
        no_dose=0,
        active_ms=600_000 * len(sessions),
        why={"stop-button": early},
        weeks=(),
        sessions=sessions,
        elsewhere=(),
        undated=(),
        baseline_light=(),
    )
    verdict = Verdict(
        Word.STOP,
        course.rule_day,
        "After 8 weeks the number fell by 0.7; the plan asked for 1.8.",
        before=6.1,
        after=5.4,
        gain=0.7,
        threshold=1.8,
        n_before=12,
        n_after=11,
    )
    state = CourseState(
        course,
        start + timedelta(days=70),
        entries,
        adherence,
        verdict,
        warnings=("Sessions on 2 days of the baseline: the comparison is not fair." + more,),
        flags=(RedFlag(1, "a1", "rising-pain", start, enrolled, "by 3 for a week" + more),),
        totals=(Total(1, "a1", "MNSI", 7, 0, 13, start, "baseline", enrolled, (True, False)),),
    )
    return Sample(person, state, sessions)


def make_empty() -> Sample:
    """Return the sample without an entry and without a session: the first day of a course."""
    sample = make_sample()
    none = replace(
        sample.state.adherence, sessions=(), full=0, early=0, dose_uj=0, dose_unc_uj=0, why={}
    )
    verdict = Verdict(Word.WAIT, sample.state.course.start, "It is evaluated later.")
    state = replace(
        sample.state,
        entries=(),
        adherence=none,
        verdict=verdict,
        warnings=(),
        flags=(),
        totals=(),
    )
    return Sample(sample.person, state, [])


def _make_entries(
    source: random.Random, enrolled: Stamp, course: Course, more: str
) -> list[JournalEntry]:
    found = []
    for at in range(-14, 70):
        if source.random() < 0.15:
            continue
        day = course.start + timedelta(days=at)
        late_days = 2 if source.random() < 0.08 else 0
        days = (day - enrolled.day).days + late_days
        found.append(
            JournalEntry(
                id=at + 100,
                person="a1",
                day=day,
                value=float(min(10, max(0, round(source.gauss(6 if at < 0 else 5.2, 1.2))))),
                measure="pain",
                written=Stamp(enrolled.unix_ms + days * _DAY_MS, 120),
                skin="fine" if at % 9 else "red",
                changed="pregabalin added" + more if at == 20 else "",
            )
        )
    return found


def _make_sessions(source: random.Random, enrolled: Stamp) -> list[SessionUse]:
    found = []
    for at in range(70):
        if at % 7 not in (0, 2, 3, 5) or source.random() < 0.15:
            continue
        full = source.random() < 0.9
        found.append(
            SessionUse(
                key=f"{_UID}:{at}:1",
                uid=_UID,
                number=at + 1,
                start=Stamp(enrolled.unix_ms + (21 + at) * _DAY_MS, 120),
                site="foot-left",
                protocol_id="diabetic-foot",
                full=full,
                reason="" if full else "stop-button",
                active_ms=600_000,
                dose_uj=4_200_000,
                dose_unc_uj=546_000,
                by="tag",
                started_by="button",
                max_skin_mc=38_200 + at,
            )
        )
    return found
