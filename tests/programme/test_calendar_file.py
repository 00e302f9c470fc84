"""The calendar reminds of what is left, and the diary sheet has a row a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from html.parser import HTMLParser

import icalendar
import pytest

from pbmwrap.programme.adherence import count_adherence
from pbmwrap.programme.calendar_file import make_calendar
from pbmwrap.programme.diary_sheet import make_sheet
from pbmwrap.programme.model import PAIN, CourseState
from pbmwrap.programme.stop_rule import evaluate_rule
from tests.programme.builders import START, make_entries, make_plan, on_days


def state_on(day: date, done: list[int] = [], written: list[int] = []) -> CourseState:  # noqa: B006
    plan = make_plan()
    entries = make_entries({START + timedelta(days=n): 5 for n in written})
    uses = on_days(done)
    return CourseState(
        plan, day, entries, count_adherence(plan, uses, day), evaluate_rule(plan, entries, day)
    )


def events(state: CourseState, kind: str) -> list[tuple[date, bool]]:
    """(day, whether it has an alarm) of each event."""
    found = icalendar.Calendar.from_ical(make_calendar(state, 1_772_000_000_000))
    return sorted(
        (event["dtstart"].dt.date(), bool(event.walk("VALARM")))
        for event in found.walk("VEVENT")
        if f"-{kind}-" in event["uid"]
    )


def test_a_plan_ahead_has_an_alarm_for_each_session() -> None:
    found = events(state_on(START - timedelta(days=20)), "session")
    assert len(found) == 24 and all(alarm for _, alarm in found)
    assert {day.weekday() for day, _ in found} == {0, 2, 4}
    assert events(state_on(START), "rule") == [(date(2026, 4, 27), True)]


def test_what_is_done_has_no_alarm_and_a_full_week_asks_for_nothing_more() -> None:
    found = events(state_on(START + timedelta(days=3), done=[0, 1, 2]), "session")
    week = [(day, alarm) for day, alarm in found if day < START + timedelta(days=7)]
    assert week == [(START + timedelta(days=n), False) for n in (0, 1, 2)]
    assert len(found) == 3 + 21


def test_a_missed_day_is_not_asked_for_again_and_a_late_one_moves_nothing() -> None:
    found = events(state_on(START + timedelta(days=3), done=[1]), "session")
    week = [(day, alarm) for day, alarm in found if day < START + timedelta(days=7)]
    assert week == [(START + timedelta(days=1), False), (START + timedelta(days=4), True)]


def test_the_number_is_asked_for_on_days_without_one() -> None:
    found = events(state_on(START, written=[0, 1]), "number")
    assert found[0] == (START + timedelta(days=2), True)
    assert len(found) == 54
    before = events(state_on(START - timedelta(days=30)), "number")
    assert before[0][0] == START - timedelta(days=14)


def test_times_are_local_wherever_the_person_is_and_names_stay_the_same() -> None:
    first, again = (
        icalendar.Calendar.from_ical(make_calendar(state_on(START), ms)) for ms in (1, 9_000_000)
    )
    for event in first.walk("VEVENT"):
        begin = event["dtstart"].dt
        assert isinstance(begin, datetime) and begin.tzinfo is None
        assert (begin.hour, begin.minute) in ((18, 0), (17, 50))
    uids = [event["uid"] for event in first.walk("VEVENT")]
    assert len(set(uids)) == len(uids)
    assert uids == [event["uid"] for event in again.walk("VEVENT")]


def test_a_calendar_names_neither_person_nor_complaint() -> None:
    text = make_calendar(state_on(START), 1).decode()
    assert "pain" not in text and "foot" not in text


class Rows(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)


@pytest.mark.parametrize(("days", "sheets"), [(1, 1), (14, 1), (15, 2), (28, 2)])
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_sheet_has_a_row_for_each_day(language: str, days: int, sheets: int) -> None:
    plan = make_plan()
    page = make_sheet(PAIN, START, days, language, plan)
    rows = Rows()
    rows.feed(page)
    assert rows.tags.count("section") == sheets
    assert rows.tags.count("tr") == days + sheets
    assert f'<html lang="{language}">' in page
    assert "2026-03-02 *" in page and ("2026-03-03 *" not in page)


def test_a_sheet_before_the_course_asks_for_no_session() -> None:
    page = make_sheet(PAIN, START - timedelta(days=13), 14, "en", make_plan())
    assert page.count("<td>-</td>") == 13 and page.count(" *<") == 1
    german = make_sheet(PAIN, START, 14, "de", make_plan())
    assert "nicht mindestens 2 Punkte oder 30 % niedriger: aufhören" in german
    assert "Wie stark ist der Schmerz" in german and "How strong" not in german
    assert "<td>-</td>" not in make_sheet(PAIN, START, 14)
