"""The course as an iCalendar file, for any calendar, offline.

It reminds only of what is left: days that are done, and weeks that have their sessions, have no
alarm. Times have no zone ("18:00 wherever I am"), so travel and daylight saving move nothing. The
texts name neither a person nor a complaint: calendars are often shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from pbmwrap.programme.days import find_values
from pbmwrap.programme.model import CourseState

if TYPE_CHECKING:
    from icalendar import Event

_MINUTES = 15
NUMBER_MINUTE = -10  # the number is written before the session


def make_calendar(state: CourseState, unix_ms: int) -> bytes:
    """Make the file's bytes. The same state gives the same bytes, apart from the stamp."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//pbmwrap//programme//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Light course")
    stamp = datetime.fromtimestamp(unix_ms // 1000, UTC)
    for event in (*_list_numbers(state), *_list_sessions(state), _make_rule_event(state)):
        event.add("dtstamp", stamp)
        event.add("sequence", len(state.adherence.sessions))
        calendar.add_component(event)
    return calendar.to_ical()


def _make_event(state: CourseState, kind: str, day: date, minute: int, text: str) -> Event:
    from icalendar import Event

    event = Event()
    event.add("uid", f"{state.course.id}-{kind}-{day.isoformat()}@pbmwrap")
    begin = datetime.combine(day, time()) + timedelta(minutes=minute)
    event.add("dtstart", begin)
    event.add("dtend", begin + timedelta(minutes=_MINUTES))
    event.add("summary", text)
    return event


def _add_alarm(event: Event, text: str) -> None:
    from icalendar import Alarm

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", text)
    alarm.add("trigger", timedelta())
    event.add_component(alarm)


def _list_numbers(state: CourseState) -> Iterator[Event]:
    """The daily number, from the baseline to the course's end; only what is left."""
    written = find_values(state.entries, state.course.measure.code)
    day = max(state.course.baseline_from, state.today)
    while day < state.course.end:
        if day not in written:
            minute = state.course.minute + NUMBER_MINUTE
            event = _make_event(state, "number", day, minute, "Write your number")
            _add_alarm(event, "Write your number")
            yield event
        day += timedelta(days=1)


def _list_sessions(state: CourseState) -> Iterator[Event]:
    course = state.course
    done: dict[date, int] = {}
    for use in state.adherence.sessions:
        if use.day is not None:
            done[use.day] = done.get(use.day, 0) + 1
    for day in sorted(done):
        yield _make_event(state, "session", day, course.minute, "Light session (done)")
    for week in state.adherence.weeks:
        left = week.planned // len(course.sites) - sum(
            week.first_day <= day < week.first_day + timedelta(days=7) for day in done
        )
        for day in _list_planned_days(state, week.first_day):
            if left > 0 and day >= state.today and day not in done:
                left -= 1
                event = _make_event(state, "session", day, course.minute, "Light session")
                _add_alarm(event, "Light session. Write your number first.")
                yield event


def _list_planned_days(state: CourseState, first: date) -> list[date]:
    week = [first + timedelta(days=n) for n in range(7)]
    return [day for day in week if day.weekday() in state.course.weekdays]


def _make_rule_event(state: CourseState) -> Event:
    day = state.course.rule_day
    event = _make_event(state, "rule", day, state.course.minute, "Light course: stop rule")
    _add_alarm(event, "The stop rule is evaluated today: pbmwrap course show")
    return event
