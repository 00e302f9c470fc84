"""The objects of the programme, and their form in the store. Reads no clock and no file.

Each object that is stored has `as_body`, a dict of JSON values, and a `read_...` function for it.
A body may have more keys than this program knows (a newer one wrote them); they are ignored here
and stay in the store.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

WAIT_DAYS = 7  # between enrolment and the first day of the baseline
BASELINE_DAYS = 14
LEAST_BASELINE_ENTRIES = 7  # of the 14 days
JUDGED_DAYS = 14  # the last days before the stop rule's date: their mean is compared
LEAST_JUDGED_ENTRIES = 5  # of these 14 days, and of the baseline's
DEFAULT_POINTS = 2.0  # Farrar 2001, doi 10.1016/S0304-3959(01)00349-9
DEFAULT_PERCENT = 30.0
SESSIONS_A_WEEK = (3, 5)
COURSE_WEEKS = (4, 12)
TAG = re.compile("[a-z0-9]{1,8}")


class Kind(StrEnum):
    """The kinds of events in the store. A newer program may write others; they are kept."""

    PERSON = "person"  # made or changed: the newest counts
    COURSE = "course"  # the plan, drafted or changed before it is frozen
    FREEZE = "freeze"
    CLOSE = "close"
    ENTRY = "entry"  # one day of the journal, or the correction of one
    TOTAL = "total"  # a questionnaire
    CLAIM = "claim"  # who had a session
    FLAG = "flag"  # a red flag was raised
    READ = "read"  # a person confirmed having read what it means
    SENT = "sent"  # what a wrap received: a frozen plan's hash, a hold
    TRIAL = "trial"  # the frozen plan of a blinded trial
    TRIAL_ENTRY = "trial-entry"  # a day's numbers, one for each site
    GUESS = "guess"  # after a period of a trial
    TRIAL_EVENT = "trial-event"  # armed, closed, revealed, unblinded, ended
    FORGET = "forget"


@dataclass(frozen=True, order=True)
class Stamp:
    """A moment and where the person was: UTC in ms, and the zone's offset then, in minutes."""

    unix_ms: int
    offset_min: int

    @property
    def local(self) -> datetime:
        """Local wall time where the person was, without zone."""
        shifted = self.unix_ms + self.offset_min * 60_000
        return datetime(1970, 1, 1) + timedelta(milliseconds=shifted)

    @cached_property
    def day(self) -> date:
        """The local day where the person was: the journal's day."""
        return self.local.date()

    @property
    def utc(self) -> str:
        """`2026-11-21T08:30:05Z`."""
        moment = datetime.fromtimestamp(self.unix_ms / 1000, UTC)
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z")

    def __str__(self) -> str:
        """`2026-11-21 09:30 +01:00`."""
        return f"{self.local:%Y-%m-%d %H:%M} {format_offset(self.offset_min)}"

    def as_body(self) -> list[int]:
        return [self.unix_ms, self.offset_min]


def format_offset(minutes: int) -> str:
    """Format a zone's offset: `+01:00`."""
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def read_stamp(body: Any) -> Stamp | None:
    """Read what `Stamp.as_body` wrote; None stays None."""
    return None if body is None else Stamp(int(body[0]), int(body[1]))


def _stamp_body(stamp: Stamp | None) -> list[int] | None:
    return None if stamp is None else stamp.as_body()


@dataclass(frozen=True)
class Person:
    """A person who wears a wrap. tag: opaque, the only name of theirs that a wrap knows.

    zone: IANA name ("Europe/Berlin") or an offset ("+01:00"): where the person is at home.
    """

    tag: str
    name: str
    zone: str
    added: Stamp

    def as_body(self) -> dict[str, Any]:
        return {"name": self.name, "zone": self.zone, "added": self.added.as_body()}


@dataclass(frozen=True)
class Measure:
    """The primary number of a course. `better` is "lower" or "higher".

    code: "pain", "rating" (the person's own question, 0 to 10) or "walk". loinc: "" if none fits.
    """

    code: str
    question: str
    low: float
    high: float
    unit: str
    better: str
    step: float = 1.0
    loinc: str = ""

    def as_body(self) -> dict[str, Any]:
        return {"code": self.code, "question": self.question, "better": self.better}

    def format_value(self, value: float) -> str:
        """Format a value or a mean with at most one decimal, and the unit if there is one."""
        return f"{value:.1f}".removesuffix(".0") + (f" {self.unit}" if self.unit else "")

    def count_gain(self, before: float, after: float) -> float:
        """Return the change in the better direction: above 0 is better, below 0 is worse."""
        return before - after if self.better == "lower" else after - before


PAIN = Measure(
    "pain", "How strong is your pain right now, 0 (none) to 10 (worst you can imagine)?", 0, 10, "",
    "lower", loinc="72514-3",
)  # fmt: skip
WALK = Measure("walk", "How far did you walk in 2 minutes, in metres?", 0, 400, "m", "higher")


def make_rating(question: str, better: str = "lower") -> Measure:
    """Make a 0 to 10 rating of what the person names, for example tingling or sleep."""
    return Measure("rating", question, 0, 10, "", better)


def read_measure(body: Mapping[str, Any]) -> Measure:
    """Read a measure. Raises ValueError for a code of a newer program."""
    code = body["code"]
    if code == "rating":
        return make_rating(str(body["question"]), str(body["better"]))
    known = {"pain": PAIN, "walk": WALK}.get(code)
    if known is None:
        raise ValueError(f"measure {code!r} is not known here")
    return known


@dataclass(frozen=True)
class StopRule:
    """Fixed before the first session: without this change by the end of `week`, stop.

    points: change in the measure's unit; percent: of the baseline. Reaching either is enough; None
    leaves one out.
    """

    week: int
    points: float | None = DEFAULT_POINTS
    percent: float | None = DEFAULT_PERCENT

    def as_body(self) -> dict[str, Any]:
        return {"week": self.week, "points": self.points, "percent": self.percent}

    def threshold(self, baseline: float) -> float:
        """Return the least change that matters, in the measure's unit, for this baseline."""
        by_percent = None if self.percent is None else abs(baseline) * self.percent / 100
        known = [part for part in (self.points, by_percent) if part is not None]
        return min(known) if known else 0.0


@dataclass(frozen=True)
class CourseSite:
    """A place on the body, the protocol used there, and the evidence for the use, as shown."""

    site: str
    protocol_id: str
    protocol_sha: str
    protocol_name: str = ""
    grade: str = ""
    summary: str = ""

    def as_body(self) -> dict[str, Any]:
        return {
            "site": self.site,
            "protocol": self.protocol_id,
            "sha": self.protocol_sha,
            "name": self.protocol_name,
            "grade": self.grade,
            "summary": self.summary,
        }


@dataclass(frozen=True)
class Course:
    """A plan: what is done, how often, what is measured, and when it is stopped.

    id: `TAG-NUMBER`. start: local day of the first session. weekdays: 0 is Monday; only for the
    calendar. minute: of the day, for the calendar. others: other treatment, as the person wrote it.
    enrolled: when it was made; frozen: from then on the plan cannot change; closed: ended.
    """

    id: str
    person: str
    aim: str
    sites: tuple[CourseSite, ...]
    sessions_a_week: int
    weeks: int
    start: date
    measure: Measure
    stop: StopRule
    enrolled: Stamp
    weekdays: tuple[int, ...] = ()
    minute: int = 18 * 60
    others: tuple[str, ...] = ()
    frozen: Stamp | None = None
    plan_sha: str = ""
    closed: Stamp | None = None
    closed_why: str = ""

    def as_body(self) -> dict[str, Any]:
        """Return the plan: what is frozen, and what its hash covers. Not its later state."""
        return {
            "schema": 1,
            "id": self.id,
            "person": self.person,
            "aim": self.aim,
            "sites": [site.as_body() for site in self.sites],
            "sessions_a_week": self.sessions_a_week,
            "weeks": self.weeks,
            "start": self.start.isoformat(),
            "measure": self.measure.as_body(),
            "stop": self.stop.as_body(),
            "enrolled": self.enrolled.as_body(),
            "weekdays": list(self.weekdays),
            "minute": self.minute,
            "others": list(self.others),
        }

    @property
    def end(self) -> date:
        """The first day after the course."""
        return self.start + timedelta(weeks=self.weeks)

    @property
    def rule_day(self) -> date:
        """The day on which the stop rule is evaluated: the first after its last week."""
        return self.start + timedelta(weeks=min(self.stop.week, self.weeks))

    @property
    def baseline_from(self) -> date:
        """The first day of the baseline; it ends before `start`."""
        return self.start - timedelta(days=BASELINE_DAYS)

    @property
    def planned_sessions(self) -> int:
        """Sessions of the whole course, all sites."""
        return self.sessions_a_week * self.weeks * len(self.sites)

    @property
    def waited(self) -> bool:
        """Whether the baseline begins at least 7 days after enrolment."""
        return self.baseline_from >= self.enrolled.day + timedelta(days=WAIT_DAYS)


def read_course(body: Mapping[str, Any]) -> Course:
    """Read a plan. Raises KeyError, TypeError, ValueError for one that this program cannot read."""
    enrolled = read_stamp(body["enrolled"])
    if enrolled is None:
        raise ValueError("enrolled is missing")
    stop = body["stop"]
    return Course(
        id=str(body["id"]),
        person=str(body["person"]),
        aim=str(body["aim"]),
        sites=tuple(
            CourseSite(
                s["site"], s["protocol"], s["sha"], s["name"], s["grade"], s.get("summary", "")
            )
            for s in body["sites"]
        ),
        sessions_a_week=int(body["sessions_a_week"]),
        weeks=int(body["weeks"]),
        start=date.fromisoformat(body["start"]),
        measure=read_measure(body["measure"]),
        stop=StopRule(int(stop["week"]), stop["points"], stop["percent"]),
        enrolled=enrolled,
        weekdays=tuple(body["weekdays"]),
        minute=int(body["minute"]),
        others=tuple(body["others"]),
    )


def canonical_json(body: Any) -> str:
    """Return canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def hash_plan(course: Course) -> str:
    """Return the SHA-256 of the canonical plan, 64 hex digits: what a wrap's log keeps of it."""
    return hashlib.sha256(canonical_json(course.as_body()).encode("ascii")).hexdigest()


@dataclass(frozen=True)
class JournalEntry:
    """One day of a person's journal. id: number of its event in the store.

    day: the local day that it is about. at: when the number was true, None if only the day is
    known. written: when it was stored. late: stored on a later local day than `day`. value: of the
    measure `measure`; None if only other things were written. sleep: 0 (bad) to 10. skin: a word
    of SKIN, or "". flags: red flags that the person named. corrects: id of the entry that it
    replaces. way: "cli", "web", "paper" or "import"; source: the line of a file that it came from.
    """

    id: int
    person: str
    day: date
    value: float | None
    measure: str
    written: Stamp
    at: Stamp | None = None
    sleep: int | None = None
    skin: str = ""
    changed: str = ""
    flags: tuple[str, ...] = ()
    corrects: int | None = None
    way: str = "cli"
    source: str = ""
    zone: str = ""

    @property
    def late(self) -> bool:
        """Whether it was written on a later local day than the one it is about."""
        return self.written.day > self.day

    def as_body(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "value": self.value,
            "measure": self.measure,
            "written": self.written.as_body(),
            "at": _stamp_body(self.at),
            "sleep": self.sleep,
            "skin": self.skin,
            "changed": self.changed,
            "flags": list(self.flags),
            "corrects": self.corrects,
            "way": self.way,
            "source": self.source,
            "zone": self.zone,
        }


SKIN = ("fine", "red", "sore", "blister", "wound", "burn")


def read_entry(number: int, person: str, body: Mapping[str, Any]) -> JournalEntry:
    """Read an entry; number: of its event."""
    written = read_stamp(body["written"])
    if written is None:
        raise ValueError("written is missing")
    return JournalEntry(
        number,
        person,
        date.fromisoformat(body["day"]),
        body["value"],
        body["measure"],
        written,
        read_stamp(body["at"]),
        body["sleep"],
        body["skin"],
        body["changed"],
        tuple(body["flags"]),
        body["corrects"],
        body["way"],
        body["source"],
        body.get("zone", ""),
    )


@dataclass(frozen=True)
class Total:
    """The total of a questionnaire. when: "baseline", "end" or "". answers: only of MNSI, which
    may be shipped; of licensed ones only the total is typed in."""

    id: int
    person: str
    name: str
    value: float
    low: float
    high: float
    day: date
    when: str
    written: Stamp
    answers: tuple[bool, ...] = ()

    def as_body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "day": self.day.isoformat(),
            "when": self.when,
            "written": self.written.as_body(),
            "answers": list(self.answers),
        }


def read_total(number: int, person: str, body: Mapping[str, Any]) -> Total:
    """Read a questionnaire's total; number: of its event."""
    written = read_stamp(body["written"])
    if written is None:
        raise ValueError("written is missing")
    return Total(
        number,
        person,
        body["name"],
        body["value"],
        body["low"],
        body["high"],
        date.fromisoformat(body["day"]),
        body["when"],
        written,
        tuple(body["answers"]),
    )


@dataclass(frozen=True)
class RedFlag:
    """A red flag of a person. code: of `red_flags.FLAGS`. read: when a person confirmed having
    read what it means; until then light is refused."""

    id: int
    person: str
    code: str
    day: date
    raised: Stamp
    detail: str = ""
    read: Stamp | None = None


@dataclass(frozen=True)
class SessionUse:
    """A session of the wrap's log that belongs to a person.

    key: `WRAP:BOOT:NUMBER:START`, it never changes. start: None if the log has no date for it.
    full: whether it ended by its dose or its time; reason: the log's code otherwise. dose_uj: all
    channels together, uJ/cm2; None if a channel was not calibrated. dose_unc_uj: its uncertainty
    (k = 2, as the calibration states it). by: "tag" (the protocol's) or "claim" (a person said so).
    """

    key: str
    uid: str
    number: int
    start: Stamp | None
    site: str
    protocol_id: str
    full: bool
    reason: str
    active_ms: int
    dose_uj: int | None
    dose_unc_uj: int | None
    by: str
    started_by: str = ""
    max_skin_mc: int | None = None
    faults: int = 0

    @property
    def day(self) -> date | None:
        """The local day where the person was."""
        return None if self.start is None else self.start.day


@dataclass(frozen=True)
class WeekUse:
    """One week of a course. skipped: planned and not begun, only once the week is over."""

    number: int
    first_day: date
    planned: int
    full: int
    early: int
    skipped: int
    over: bool
    dose_uj: int


@dataclass(frozen=True)
class Adherence:
    """Planned against done, by the sealed logs. Sessions at other sites and undated ones are kept
    apart. dose_uj: of the sessions that have one; dose_unc_uj: of that sum, k = 2, None if a
    calibration states none; no_dose: how many have no dose. why: how often each
    reason ended a session early."""

    planned: int
    planned_so_far: int
    full: int
    early: int
    skipped: int
    dose_uj: int
    dose_unc_uj: int | None
    no_dose: int
    active_ms: int
    why: Mapping[str, int]
    weeks: Sequence[WeekUse]
    sessions: Sequence[SessionUse]
    elsewhere: Sequence[SessionUse]
    undated: Sequence[SessionUse]
    baseline_light: Sequence[SessionUse]
    """Sessions at the course's sites in the baseline: then it is no baseline."""

    def as_counts(self) -> dict[str, Any]:
        """Return the counts and sums, without the sessions, for the command and the page."""
        names = "planned planned_so_far full early skipped dose_uj dose_unc_uj no_dose active_ms"
        return {name: getattr(self, name) for name in names.split()} | {"why": dict(self.why)}


class Word(StrEnum):
    """What the stop rule says. No other words are used."""

    WAIT = "not yet"
    GO_ON = "go on until"
    STOP = "stop"
    ASK = "ask a clinician (worse)"
    UNDECIDED = "cannot be evaluated yet"


@dataclass(frozen=True)
class Verdict:
    """The stop rule on `day`. Means are of days with a number; None without enough of them.

    gain: change in the better direction. threshold: what the plan asked for, in the measure's unit.
    until: with GO_ON, the last day; with WAIT and UNDECIDED, when it is evaluated.
    """

    word: Word
    day: date
    text: str
    before: float | None = None
    after: float | None = None
    gain: float | None = None
    threshold: float | None = None
    n_before: int = 0
    n_after: int = 0
    until: date | None = None


@dataclass(frozen=True)
class CourseState:
    """All that a page or a report shows of a course, computed for one day."""

    course: Course
    today: date
    entries: Sequence[JournalEntry]
    adherence: Adherence
    verdict: Verdict
    warnings: Sequence[str] = ()
    flags: Sequence[RedFlag] = ()
    totals: Sequence[Total] = field(default_factory=tuple)
