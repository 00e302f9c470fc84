"""Courses: the plan, its hash, and what makes a comparison unfair."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from pbmwrap.errors import InvalidFile, Refused, UsageError
from pbmwrap.programme import courses
from pbmwrap.programme.model import PAIN, Kind, Person, StopRule, make_rating, read_course
from pbmwrap.programme.store import Store
from pbmwrap.protocols.template import examples
from tests.programme.builders import FOOT, HAND, START, every_day, make_entries, make_plan

TODAY = date(2026, 1, 5)


def make(store: Store, person: Person, clock, **options):
    given = {"aim": "walk to the shop", "sites": [FOOT], "measure": PAIN, "unix_ms": clock.ms}
    return courses.make_course(store, person, **(given | options))


def test_a_course_begins_after_7_days_to_wait_and_14_to_measure(
    store: Store, ada: Person, clock
) -> None:
    course = make(store, ada, clock)
    assert course.start == TODAY + timedelta(days=21)
    assert course.baseline_from == TODAY + timedelta(days=7)
    assert course.waited
    assert (course.end - course.start).days == 56
    assert courses.list_courses(store, ada) == [course]
    assert courses.list_unfairness(course, (), TODAY) == []


def test_an_earlier_start_is_possible_and_warned_about(store: Store, ada: Person, clock) -> None:
    course = make(store, ada, clock, start=TODAY + timedelta(days=20))
    assert [w.startswith(courses.UNFAIR) for w in courses.list_unfairness(course, (), TODAY)] == [
        True
    ]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"sites": []}, "needs a protocol"),
        ({"sites": [FOOT, FOOT]}, "same site"),
        ({"sessions_a_week": 7}, "outside 3 to 5"),
        ({"sessions_a_week": 2}, "outside 3 to 5"),
        ({"weeks": 3}, "outside 4 to 12"),
        ({"weeks": 13}, "outside 4 to 12"),
        ({"stop": StopRule(3)}, "stop rule's week 3"),
        ({"stop": StopRule(9)}, "stop rule's week 9"),
        ({"stop": StopRule(8, None, None)}, "no size of change"),
        ({"stop": StopRule(8, 0)}, "--points 0"),
        ({"start": TODAY}, "not after today"),
        ({"aim": " "}, "the aim"),
        ({"others": ["x" * 201]}, "another treatment"),
    ],
)
def test_plans_outside_of_what_was_studied_are_refused(
    store: Store, ada: Person, clock, options: dict, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        make(store, ada, clock, **options)
    assert courses.list_courses(store, ada) == []


def test_one_course_at_a_time(store: Store, ada: Person, clock) -> None:
    first = make(store, ada, clock)
    with pytest.raises(Refused, match="is open"):
        make(store, ada, clock)
    courses.close_course(store, ada, first, "moved", clock.ms)
    second = make(store, ada, clock)
    assert (first.id, second.id) == (f"{ada.tag}-1", f"{ada.tag}-2")
    assert courses.find_course(store, ada) == second
    assert courses.find_course(store, ada, "1").closed_why == "moved"
    with pytest.raises(UsageError, match="no course 3"):
        courses.find_course(store, ada, "3")


def test_a_frozen_plan_cannot_change(store: Store, ada: Person, clock) -> None:
    course = make(store, ada, clock)
    changed = courses.change_course(store, ada, replace(course, weeks=12), clock.ms)
    frozen = courses.freeze_course(store, ada, changed, clock.days(1))
    assert (frozen.weeks, frozen.frozen is not None) == (12, True)
    assert courses.list_courses(store, ada) == [frozen]
    with pytest.raises(Refused, match="frozen on 2026-01-06"):
        courses.change_course(store, ada, course, clock.ms)
    with pytest.raises(Refused, match="frozen on"):
        courses.freeze_course(store, ada, frozen, clock.ms)
    # Another program that writes a plan after it was frozen changes nothing either.
    store.append(Kind.COURSE, ada.tag, replace(course, weeks=4).as_body(), clock.ms)
    assert courses.list_courses(store, ada) == [frozen]
    assert not courses.changed_after_freeze(frozen)
    assert courses.changed_after_freeze(replace(frozen, weeks=4))


def test_a_plan_is_frozen_before_it_begins(store: Store, ada: Person, clock) -> None:
    course = make(store, ada, clock)
    clock.days(22)
    with pytest.raises(Refused, match="should have begun"):
        courses.freeze_course(store, ada, course, clock.ms)
    clock.days(-1)
    assert courses.freeze_course(store, ada, course, clock.ms).frozen


def test_the_hash_is_that_of_the_canonical_plan(store: Store, ada: Person, clock) -> None:
    course = courses.freeze_course(store, ada, make(store, ada, clock), clock.ms)
    text = json.dumps(course.as_body(), sort_keys=True, separators=(",", ":"))
    assert course.plan_sha == hashlib.sha256(text.encode()).hexdigest()
    assert read_course(json.loads(text)) == replace(course, frozen=None, plan_sha="")


def test_every_part_of_the_plan_is_in_the_hash() -> None:
    plan = make_plan()
    changes = {
        "id": "x-2", "person": "x", "aim": "x", "sites": (HAND,), "sessions_a_week": 4, "weeks": 9,
        "start": TODAY, "measure": make_rating("x"), "stop": StopRule(7), "minute": 1,
        "enrolled": plan.enrolled.__class__(0, 0), "weekdays": (1,), "others": ("x",),
    }  # fmt: skip
    shas = {make_plan(**{key: value}).plan_sha for key, value in changes.items()}
    assert len(shas | {plan.plan_sha}) == len(changes) + 1


def test_a_record_of_a_newer_program_is_named(store: Store, ada: Person, clock) -> None:
    body = make(store, ada, clock).as_body()
    newer = body | {"measure": body["measure"] | {"code": "gait"}}
    store.append(Kind.COURSE, ada.tag, newer, clock.ms)
    with pytest.raises(InvalidFile, match="cannot be read here: measure 'gait'"):
        courses.list_courses(store, ada)


def test_a_closed_course_stays_closed(store: Store, ada: Person, clock) -> None:
    course = courses.close_course(store, ada, make(store, ada, clock), "done", clock.ms)
    for act in (courses.freeze_course, courses.change_course):
        with pytest.raises(Refused, match="closed"):
            act(store, ada, course, clock.ms)
    with pytest.raises(Refused, match="was closed"):
        courses.close_course(store, ada, course, "again", clock.ms)


def test_an_unfair_comparison_says_why() -> None:
    plan = make_plan()
    full = make_entries(every_day(plan.baseline_from, [5] * 14))
    assert courses.list_unfairness(plan, full, START) == []
    assert courses.list_unfairness(plan, full[:7], START) == []
    (few,) = courses.list_unfairness(plan, full[:6], START)
    assert "only 6 of the 14 days" in few
    (lit,) = courses.list_unfairness(plan, full, START, 2)
    assert "2 sessions" in lit
    assert courses.list_unfairness(plan, [], plan.baseline_from + timedelta(days=7)) == []


def test_negative_evidence_is_recognised_in_the_examples() -> None:
    grades = {name: courses.read_site(path) for name, path in examples().items()}
    negative = {name for name, site in grades.items() if courses.is_negative(site.grade)}
    assert negative == {"diabetic-foot"}
    assert all(site.summary and site.grade for site in grades.values())
