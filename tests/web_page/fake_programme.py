"""The programme's answers for the fake server: scripted people, journals and courses.

Numbers, adherence and verdict are computed by the programme itself, from scripted entries and
sessions, for a fixed day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pbmwrap.programme import courses, mnsi
from pbmwrap.programme.adherence import count_adherence
from pbmwrap.programme.model import (
    PAIN,
    WALK,
    Course,
    CourseState,
    JournalEntry,
    RedFlag,
    SessionUse,
    Stamp,
    StopRule,
    hash_plan,
)
from pbmwrap.programme.stop_rule import evaluate_rule
from pbmwrap.protocols import template
from pbmwrap.web import programme_rows as rows

START = date(2026, 9, 21)  # a Monday
_UID = "E66138935F1C2A2B"
_SITE = courses.read_site(template.examples()["minor-injury"])
# name: days since the start, whether the plan is frozen, red flags, sessions that are nobody's
MOMENTS: dict[str, tuple[int, bool, tuple[str, ...], int]] = {
    "running": (45, True, (), 0),
    "stop": (57, True, (), 0),
    "flag": (45, True, ("burn", "pain-rise"), 0),
    "draft": (-12, False, (), 2),
    "walk": (45, True, (), 0),
    "none": (45, True, (), 0),
    "nobody": (45, True, (), 0),
    "two": (45, True, (), 0),
}


def make_stamp(day: date, hour: int = 8) -> Stamp:
    """Return a moment of a day, in UTC."""
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return Stamp(round(moment.timestamp() * 1000), 0)


def make_course(moment: str) -> Course:
    """Return the plan of a moment."""
    plan = Course(
        id="ada234-1",
        person="ada234",
        aim="Walk without a break",
        sites=(_SITE,),
        sessions_a_week=3,
        weeks=8,
        start=START,
        measure=WALK if moment == "walk" else PAIN,
        stop=StopRule(8, 20.0, None) if moment == "walk" else StopRule(8),
        enrolled=make_stamp(START - timedelta(days=24)),
        weekdays=(0, 2, 4),
        others=("Vitamin B12",),
    )
    if not MOMENTS[moment][1]:
        return plan
    return replace(plan, frozen=make_stamp(START - timedelta(days=3)), plan_sha=hash_plan(plan))


def make_entries(course: Course, today: date) -> list[JournalEntry]:
    """Return a number a day, with gaps, a late one and a change of medicine."""
    found = []
    day, place = course.baseline_from, 0
    while day < today:
        place += 1
        since = max(0, (day - course.start).days)
        value = round(6.4 - since / 40 + (0, 1, -1, 0, 1, 0, -1)[place * 3 % 7])
        if course.measure.code == "walk":
            value = 90 + since // 2 + place % 4
        if place % 9:
            written = make_stamp(day + timedelta(days=2 if place % 13 == 0 else 0))
            changed = "Other blood pressure medicine" if since == 20 else ""
            entry = JournalEntry(
                place, course.person, day, value, course.measure.code, written, at=None,
                sleep=place % 11, skin="fine" if place % 2 else "", changed=changed, way="web",
            )  # fmt: skip
            found.append(entry)
        day += timedelta(days=1)
    return found


def make_uses(course: Course, today: date) -> list[SessionUse]:
    """Return sessions of the plan's days, some left out, some ended early."""
    found = []
    for place in range(24):
        day = course.start + timedelta(days=place // 3 * 7 + (0, 2, 4)[place % 3])
        if day < today and place % 7 != 5:
            full = place % 6 != 3
            use = SessionUse(
                f"{_UID}:1:{place}:0", _UID, place, make_stamp(day, 18), "calf-left",
                "minor-injury", full, "dose" if full else "button", 600_000, 6_000_000, 720_000,
                "tag",
            )  # fmt: skip
            found.append(use)
    return found


def make_state(moment: str) -> CourseState:
    """Return all that the page shows of a course."""
    course = make_course(moment)
    today = START + timedelta(days=MOMENTS[moment][0])
    entries = make_entries(course, today)
    warnings = courses.list_unfairness(course, entries, today)
    if moment == "stop":
        warnings.append(courses.list_unfairness(replace(course, enrolled=make_stamp(START)), [],
                                                START)[0])  # fmt: skip
    return CourseState(
        course,
        today,
        entries,
        count_adherence(course, make_uses(course, today), today),
        evaluate_rule(course, entries, today),
        tuple(warnings),
    )


class FakeProgramme:
    """One household. moment: of MOMENTS."""

    def __init__(self, moment: str) -> None:
        self.moment = moment
        self.state = make_state(moment)
        self.people = [] if moment == "nobody" else [{"tag": "ada234", "name": "Ada"}]
        if moment == "two":
            self.people.append({"tag": "bo5678", "name": "Bo"})
        self.chosen = "ada234" if len(self.people) == 1 else None
        self.entries = list(self.state.entries)
        day, stamp = self.state.today, make_stamp(self.state.today)
        self.has_pdf = True
        self.totals: list[dict[str, Any]] = []
        self.flags = [
            RedFlag(n, "ada234", code, day, stamp) for n, code in enumerate(MOMENTS[moment][2], 1)
        ]
        self.open = [
            {
                "key": f"{_UID}:2:{n}:0",
                "uid": _UID,
                "number": n,
                "unix_ms": make_stamp(day - timedelta(days=n), 17).unix_ms,
                "site": "calf-left",
                "protocol": "minor-injury",
                "active_ms": 600_000,
                "started_by": "button",
            }
            for n in range(1, MOMENTS[moment][3] + 1)
        ]

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return (status, JSON) of one request."""
        if path == "people/sessions":
            if method == "POST":
                self.open = [row for row in self.open if row["key"] not in body["keys"]]
            return 200, {"sessions": self.open}
        if path.startswith("people"):
            if path == "people/choose":
                self.chosen = body["tag"]
            elif method == "POST":
                self.people.append({"tag": "new234", "name": body["name"]})
                self.chosen = "new234"
            return 200, {"people": self.people, "chosen": self.chosen}
        if self.chosen is None:
            return 200, {"person": None, "flags": []}
        if path.startswith("journal"):
            return self._answer_journal(method, path, body)
        return self._answer_course(method, path, body)

    @property
    def _person(self) -> dict[str, Any]:
        return next(p for p in self.people if p["tag"] == self.chosen)

    def _answer_journal(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "journal/mnsi":
            if method == "POST":
                score = mnsi.score_answers(body["answers"])
                one = {"day": self.state.today.isoformat(), "value": score, "high": mnsi.HIGH}
                self.totals.insert(0, one | {"when": body["when"]})
            return 200, {"totals": self.totals}
        more: dict[str, Any] = {}
        if path == "journal/read":
            self.flags = [flag for flag in self.flags if flag.id not in body["flags"]]
            more = {"wrap": "sent"}
        elif method == "POST":
            more = self._add_entry(body)
        shown = sorted(self.entries, key=lambda entry: entry.day, reverse=True)
        return 200, {
            "person": self._person,
            "measure": rows.describe_measure(self.state.course.measure),
            "today": self.state.today.isoformat(),
            "entries": [rows.describe_entry(entry) for entry in shown[:14]],
            "older": max(0, len(shown) - 14),
            "flags": [rows.describe_flag(flag) for flag in self.flags],
            **more,
        }

    def _add_entry(self, body: Any) -> dict[str, Any]:
        corrects = body.get("corrects")
        old = next((e for e in self.entries if e.id == corrects), None)
        today = self.state.today
        day = old.day if old else date.fromisoformat(body.get("day") or today.isoformat())
        entry = JournalEntry(
            1000 + len(self.entries), "ada234", day, body.get("value"),
            self.state.course.measure.code, make_stamp(today), None, body.get("sleep"),
            body.get("skin", ""), body.get("changed", ""), tuple(body["flags"]), corrects, "web",
        )  # fmt: skip
        self.entries = [e for e in self.entries if e.id != corrects] + [entry]
        raised = [RedFlag(50 + n, "ada234", code, day, make_stamp(today))
                  for n, code in enumerate(entry.flags)]  # fmt: skip
        self.flags += raised
        sent = "absent" if raised else None
        return {"stored": rows.describe_entry(entry), "raised": len(raised), "wrap": sent}

    def _answer_course(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        course = self.state.course
        stamp = make_stamp(self.state.today)
        if path == "course/freeze":
            course = replace(course, frozen=stamp, plan_sha=hash_plan(course))
        elif path == "course/close":
            course = replace(course, closed=stamp, closed_why=body["why"])
        elif method == "POST":
            self.moment = "draft"
            self.state = make_state("draft")
            course = replace(self.state.course, aim=body["aim"])
        self.state = replace(
            self.state,
            course=course,
            verdict=evaluate_rule(course, self.state.entries, self.state.today),
        )
        none = self.moment == "none"
        return 200, {
            "person": self._person,
            "today": self.state.today.isoformat(),
            "courses": [] if none else [rows.describe_course(course)],
            "open_sessions": len(self.open),
            "flags": [rows.describe_flag(flag) for flag in self.flags],
            "notes": [],
            "pdf": self.has_pdf,
            "state": None if none else rows.describe_state(self.state),
            "wrap": "sent" if method == "POST" else None,
        }
