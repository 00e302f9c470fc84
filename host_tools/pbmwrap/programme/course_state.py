"""All that a page, a report or a command shows of a course, computed for one day."""

from __future__ import annotations

from datetime import date

from pbmwrap.programme import courses, red_flags
from pbmwrap.programme.adherence import count_adherence
from pbmwrap.programme.attribution import SessionBook, list_unattributed, list_uses
from pbmwrap.programme.days import select_current
from pbmwrap.programme.journal import find_zone, list_history, list_totals
from pbmwrap.programme.model import Course, CourseState, Person
from pbmwrap.programme.stop_rule import evaluate_rule
from pbmwrap.programme.store import Store
from pbmwrap.programme.times import make_stamp


def find_today(store: Store, person: Person, unix_ms: int) -> date:
    """Return the day where the person is."""
    return make_stamp(unix_ms, find_zone(list_history(store, person), person)).day


def read_course_state(
    store: Store, person: Person, course: Course, book: SessionBook, unix_ms: int
) -> CourseState:
    """Compute the state of a course at this moment."""
    history = list_history(store, person)
    entries = select_current(history)
    today = make_stamp(unix_ms, find_zone(history, person)).day
    uses = list_uses(store, person, book, history)
    adherence = count_adherence(course, uses, today)
    warnings = courses.list_unfairness(course, entries, today, len(adherence.baseline_light))
    if courses.changed_after_freeze(course):
        warnings.append("The plan differs from the one that was frozen: do not rely on its rule.")
    if any(courses.is_negative(site.grade) for site in course.sites):
        warnings.append(courses.NEGATIVE)
    if adherence.undated:
        many = len(adherence.undated)
        warnings.append(
            f"{many} of your sessions have no date and are not counted: see `pbmwrap logs date`."
        )
    asked = len(list_unattributed(store, book))
    if asked:
        warnings.append(
            f"Nobody has said whose {asked} logged sessions are: see `pbmwrap person sessions`."
        )
    return CourseState(
        course=course,
        today=today,
        entries=entries,
        adherence=adherence,
        verdict=evaluate_rule(course, entries, today),
        warnings=tuple(warnings),
        flags=tuple(red_flags.list_unread(store, person)),
        totals=tuple(list_totals(store, person)),
    )
