"""Courses: a plan is made, frozen before it begins, and closed. One is open per person.

A frozen plan cannot change. Its hash goes into the log of the wrap, so a rule that was changed
afterwards would show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pbmwrap.errors import Refused, UsageError
from pbmwrap.programme.model import (
    BASELINE_DAYS,
    COURSE_WEEKS,
    LEAST_BASELINE_ENTRIES,
    SESSIONS_A_WEEK,
    WAIT_DAYS,
    Course,
    CourseSite,
    JournalEntry,
    Kind,
    Measure,
    Person,
    StopRule,
    hash_plan,
    read_course,
    read_stamp,
)
from pbmwrap.programme.store import Event, Store, readable
from pbmwrap.programme.times import make_stamp

if TYPE_CHECKING:
    from pbmwrap.protocols.model import Protocol

MAX_TEXT = 200
LEAST_STOP_WEEK = 4  # "give it 4 to 8 weeks"
DEFAULT_STOP_WEEK = 8
# Days of the week for the calendar, Monday is 0: as far apart as a week allows.
_WEEKDAYS = {3: (0, 2, 4), 4: (0, 1, 3, 5), 5: (0, 1, 2, 3, 4)}
NEGATIVE = (
    "The evidence for this use is negative or mixed: trials with a sham device found no lasting "
    "benefit, and pain may even get worse. Read the summary, and ask a clinician first."
)
UNFAIR = "This comparison is not fair"


def list_courses(store: Store, person: Person) -> list[Course]:
    """List a person's courses, in the order in which they were made.

    Only what the plan said when it was frozen counts.
    """
    found: dict[str, Course] = {}
    for event in store.read(Kind.COURSE, Kind.FREEZE, Kind.CLOSE, person=person.tag):
        with readable(event):
            _apply(found, event)
    return list(found.values())


def _apply(found: dict[str, Course], event: Event) -> None:
    body = event.body
    known = found.get(body["id"])
    if event.kind == Kind.COURSE and (known is None or known.frozen is None):
        found[body["id"]] = read_course(body)
    elif event.kind == Kind.FREEZE and known and known.frozen is None:
        frozen, sha = read_stamp(body["at"]), str(body["sha"])
        found[known.id] = replace(known, frozen=frozen, plan_sha=sha)
    elif event.kind == Kind.CLOSE and known:
        why = str(body["why"])
        found[known.id] = replace(known, closed=read_stamp(body["at"]), closed_why=why)


def find_course(store: Store, person: Person, word: str | None = None) -> Course:
    """Find a course by its id or number, or the open one, else the last. Raises UsageError."""
    courses = list_courses(store, person)
    if not courses:
        raise UsageError(f"{person.name} has no course", "make one: `pbmwrap course new`")
    if word is None:
        return next((c for c in courses if c.closed is None), courses[-1])
    found = [c for c in courses if word in (c.id, c.id.rpartition("-")[2])]
    if not found:
        raise UsageError(f"{person.name} has no course {word}", "see `pbmwrap course list`")
    return found[0]


def is_negative(grade: str) -> bool:
    """Whether the evidence grade of a protocol says that trials found no benefit."""
    return "negative" in grade.casefold()


def read_site(file: Path) -> CourseSite:
    """Read a protocol file as a site of a course. Raises InvalidFile."""
    from pbmwrap.protocols import load

    return make_site(load.load(file).require())


def make_site(protocol: Protocol) -> CourseSite:
    """Make a site of a course out of a protocol."""
    from pbmwrap.protocols import encode

    evidence = protocol.evidence
    return CourseSite(
        protocol.site,
        protocol.id,
        encode.sha256(encode.canonical(protocol)),
        protocol.name,
        evidence.grade if evidence else "",
        " ".join(evidence.summary.split()) if evidence else "",
    )


def make_course(
    store: Store,
    person: Person,
    *,
    aim: str,
    sites: Sequence[CourseSite],
    measure: Measure,
    unix_ms: int,
    sessions_a_week: int = 3,
    weeks: int = 8,
    stop: StopRule | None = None,
    start: date | None = None,
    minute: int = 18 * 60,
    others: Sequence[str] = (),
) -> Course:
    """Make a draft. Without `start` it begins 21 days from today: 7 to wait, 14 of baseline.

    Raises UsageError for a plan that the ranges of research do not cover, Refused while another
    course is open.
    """
    enrolled = make_stamp(unix_ms, person.zone)
    start = start or enrolled.day + timedelta(days=WAIT_DAYS + BASELINE_DAYS)
    stop = stop or StopRule(min(weeks, DEFAULT_STOP_WEEK))
    with store.writing():
        courses = list_courses(store, person)
        still = next((c for c in courses if c.closed is None), None)
        if still:
            raise Refused(
                f"course {still.id} of {person.name} is open",
                "one number is followed at a time: end it with `pbmwrap course close`",
            )
        course = Course(
            id=f"{person.tag}-{len(courses) + 1}",
            person=person.tag,
            aim=_check_text("the aim", aim),
            sites=tuple(sites),
            sessions_a_week=sessions_a_week,
            weeks=weeks,
            start=start,
            measure=measure,
            stop=stop,
            enrolled=enrolled,
            weekdays=_WEEKDAYS.get(sessions_a_week, ()),
            minute=minute,
            others=tuple(_check_text("another treatment", other) for other in others),
        )
        _check_plan(course)
        store.append(Kind.COURSE, person.tag, course.as_body(), unix_ms)
    return course


def change_course(store: Store, person: Person, course: Course, unix_ms: int) -> Course:
    """Store a changed draft. Raises Refused once it is frozen, UsageError."""
    with store.writing():
        _require_draft(find_course(store, person, course.id))
        _check_plan(course)
        store.append(Kind.COURSE, person.tag, course.as_body(), unix_ms)
    return course


def _require_draft(course: Course) -> None:
    if course.closed:
        raise Refused(f"course {course.id} is closed", "make a new one: `pbmwrap course new`")
    if course.frozen:
        raise Refused(
            f"the plan of course {course.id} was frozen on {course.frozen.day} and cannot change",
            "close it with `pbmwrap course close`, and make a new one",
        )


def _check_text(what: str, text: str) -> str:
    text = " ".join(text.split())
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise UsageError(f"{what} must have 1 to {MAX_TEXT} characters", "write it in few words")
    return text


def _check_plan(course: Course) -> None:
    """Refuse what no study covers: docs/programme.md names the sources. Raises UsageError."""
    few, many = SESSIONS_A_WEEK
    short, long = COURSE_WEEKS
    stop = course.stop
    if not course.sites:
        raise UsageError("a course needs a protocol", "name a file, or an example")
    if len({site.site for site in course.sites}) < len(course.sites):
        raise UsageError("two protocols are for the same site", "choose one protocol for a site")
    if not few <= course.sessions_a_week <= many:
        raise UsageError(
            f"{course.sessions_a_week} sessions a week is outside {few} to {many}",
            "research used 3 to 5 a week; more light is not better",
        )
    if not short <= course.weeks <= long:
        raise UsageError(
            f"{course.weeks} weeks is outside {short} to {long}", "research used 4 to 12 weeks"
        )
    if not LEAST_STOP_WEEK <= stop.week <= course.weeks:
        raise UsageError(
            f"the stop rule's week {stop.week} is outside {LEAST_STOP_WEEK} to {course.weeks}",
            "a change needs 4 to 8 weeks to show, and the rule ends no later than the course",
        )
    if stop.points is None and stop.percent is None:
        raise UsageError("the stop rule has no size of change", "give --points, --percent or both")
    for name, size in (("--points", stop.points), ("--percent", stop.percent)):
        if size is not None and not 0 < size <= 100:
            raise UsageError(f"{name} {size:g} is not a size of change", "give a number above 0")
    if course.start <= course.enrolled.day:
        raise UsageError(
            f"the start {course.start} is not after today", "measure first, then begin"
        )


def freeze_course(store: Store, person: Person, course: Course, unix_ms: int) -> Course:
    """Freeze the plan; returns it with its hash. Raises Refused for one that has begun."""
    now = make_stamp(unix_ms, person.zone)
    with store.writing():
        course = find_course(store, person, course.id)
        _require_draft(course)
        if now.day > course.start:
            raise Refused(
                f"course {course.id} should have begun on {course.start}",
                "a plan is frozen before it begins: set a new start with `pbmwrap course change`",
            )
        sha = hash_plan(course)
        body = {"id": course.id, "sha": sha, "at": now.as_body()}
        store.append(Kind.FREEZE, person.tag, body, unix_ms)
    return replace(course, frozen=now, plan_sha=sha)


def close_course(store: Store, person: Person, course: Course, why: str, unix_ms: int) -> Course:
    """End a course. why: as the person gives it. Raises Refused, UsageError."""
    why, now = _check_text("the reason", why), make_stamp(unix_ms, person.zone)
    with store.writing():
        course = find_course(store, person, course.id)
        if course.closed:
            raise Refused(f"course {course.id} was closed on {course.closed.day}", "")
        body = {"id": course.id, "why": why, "at": now.as_body()}
        store.append(Kind.CLOSE, person.tag, body, unix_ms)
    return replace(course, closed=now, closed_why=why)


def list_unfairness(
    course: Course, entries: Iterable[JournalEntry], today: date, lit_in_baseline: int = 0
) -> list[str]:
    """List why before and after cannot be compared fairly. Shown on everything while not empty.

    People begin when it is worst, and then it gets better by itself (regression to the mean).
    """
    found = []
    if not course.waited:
        found.append(
            f"{UNFAIR}: the {BASELINE_DAYS} days of baseline do not begin {WAIT_DAYS} days after "
            "this course was made. People begin when it is worst; it then often gets better by "
            "itself."
        )
    days = {
        e.day
        for e in entries
        if e.value is not None
        and e.measure == course.measure.code
        and course.baseline_from <= e.day < course.start
    }
    possible = min(BASELINE_DAYS, max(0, (today - course.baseline_from).days))
    missing = possible - len(days)
    if missing > BASELINE_DAYS - LEAST_BASELINE_ENTRIES:
        found.append(
            f"{UNFAIR}: only {len(days)} of the {BASELINE_DAYS} days before the first session have "
            f"a number; {LEAST_BASELINE_ENTRIES} are needed."
        )
    if lit_in_baseline:
        many = "a session" if lit_in_baseline == 1 else f"{lit_in_baseline} sessions"
        found.append(f"{UNFAIR}: there was light ({many}) in the {BASELINE_DAYS} days before.")
    return found


def changed_after_freeze(course: Course) -> bool:
    """Whether a frozen plan differs from its hash: the store was changed by other means."""
    return course.frozen is not None and hash_plan(course) != course.plan_sha
