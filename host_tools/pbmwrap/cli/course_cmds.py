"""`pbmwrap course`: a plan, frozen before it begins; adherence; the stop rule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli import complete, programme_files
from pbmwrap.cli.command import Force, Json, Port, Result, Yes, ask, register_group, warn
from pbmwrap.cli.household import (
    Who,
    open_household_of,
    read_book,
    read_now_ms,
    tell_wrap_if_there,
    write_calendars,
)
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import InvalidFile, Refused, UsageError
from pbmwrap.words import count, name_end

if TYPE_CHECKING:
    from pbmwrap.programme.model import Adherence, Course, CourseSite, CourseState, Measure
    from pbmwrap.programme.store import Store

Id = Annotated[
    str | None, Argument(metavar="COURSE", help="Its number. Default: the open one, or the last.")
]
Sessions = Annotated[int | None, Option(help="Sessions a week and site, 3 to 5. Default: 3.")]
Weeks = Annotated[int | None, Option(help="Weeks, 4 to 12. Default: 8.")]
StopWeek = Annotated[
    int | None, Option(help="Evaluate the stop rule after this week. Default: 8, or the last.")
]
Points = Annotated[
    float | None, Option(help="Change that matters, in points or metres. Default: 2 points.")
]
Percent = Annotated[
    float | None, Option(help="Change that matters, percent of the baseline. Default: 30.")
]
Start = Annotated[
    str | None,
    Option(metavar="DAY", help="First day. Default: in 21 days: 7 to wait, 14 to measure."),
]
Time = Annotated[str | None, Option(metavar="TIME", help="For the calendar. Default: 18:00.")]
Others = Annotated[
    list[str] | None,
    Option("--other", metavar="TEXT", help="Other treatment: medicine, physiotherapy, diet."),
]


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    commands = {
        "new": make_plan,
        "list": list_courses,
        "show": show_course,
        "change": change_plan,
        "freeze": freeze_plan,
        "note": send_plan,
        "close": end_course,
        "calendar": write_calendar,
        "sheet": write_sheet,
        "report": programme_files.report,
    }
    help_text = "A plan of light, frozen before it begins, and its stop rule (docs/programme.md)."
    register_group(app, "course", help_text, commands)


def make_plan(
    protocols: Annotated[
        list[str],
        Argument(
            metavar="PROTOCOL",
            help="Protocol files or ids of examples, one for each site; or one plan (.toml).",
            autocompletion=complete.complete_protocols,
        ),
    ],
    aim: Annotated[str | None, Option(help="What you hope for, in your words.")] = None,
    measure: Annotated[
        str | None,
        Option(metavar="KIND", help="pain (0-10), rating (0-10 of --question) or walk (metres)."),
    ] = None,
    question: Annotated[
        str | None, Option(help="Your own question, with --measure rating.")
    ] = None,
    better: Annotated[
        str | None, Option(metavar="WAY", help="lower or higher, with --measure rating.")
    ] = None,
    sessions: Sessions = None,
    weeks: Weeks = None,
    stop_week: StopWeek = None,
    points: Points = None,
    percent: Percent = None,
    start: Start = None,
    time: Time = None,
    other: Others = None,
    person: Who = None,
    yes: Yes = False,
    json: Json = False,
) -> Result:
    """Make a plan. Shows the evidence first; the plan can change until `course freeze`."""
    from pbmwrap.programme import courses
    from pbmwrap.programme.times import require_clock

    given: dict[str, Any] = {
        "protocols": protocols,
        "aim": aim,
        "measure": measure,
        "question": question,
        "better": better,
        "sessions": sessions,
        "weeks": weeks,
        "stop_week": stop_week,
        "points": points,
        "percent": percent,
        "start": start,
        "time": time,
        "other": other,
    }
    plan = _read_plan(given)
    sites = [_read_site(name) for name in plan["protocols"]]
    with open_household_of(person) as (store, who):
        _ask_about_evidence(sites, yes, json)
        require_clock(read_now_ms())
        length = plan["weeks"] or 8
        course = courses.make_course(
            store,
            who,
            aim=plan["aim"] or "",
            sites=sites,
            measure=_make_measure(plan),
            unix_ms=read_now_ms(),
            sessions_a_week=plan["sessions"] or 3,
            weeks=length,
            stop=_make_rule(plan, length),
            start=_read_start(plan["start"], store, who),
            minute=_read_minute(plan["time"]),
            others=plan["other"] or [],
        )
        warnings = courses.list_unfairness(course, (), course.enrolled.day)
    warn(warnings)
    return Result(_make_row(course), f"{_format_plan(course)}\n\n{_NEXT}")


_NEXT = (
    "next: write the number every day (`pbmwrap journal add`), and freeze the plan before its "
    "first day: `pbmwrap course freeze`"
)
_KEYS = {
    "aim": str,
    "protocols": list,
    "measure": str,
    "question": str,
    "better": str,
    "sessions": int,
    "weeks": int,
    "stop_week": int,
    "points": (int, float),
    "percent": (int, float),
    "start": object,
    "time": object,
    "other": list,
}


def _read_plan(given: dict[str, Any]) -> dict[str, Any]:
    """Return the plan as given, over that of a TOML file with a `protocols` key.

    Raises InvalidFile.
    """
    names = given["protocols"]
    file = Path(names[0])
    if len(names) != 1 or file.suffix != ".toml" or not file.is_file():
        return given
    from pbmwrap.text_files import read_toml

    try:
        table = read_toml(file)
    except (OSError, ValueError) as problem:
        raise InvalidFile(f"{file} is not TOML: {problem}", "correct it") from None
    if "protocols" not in table:
        return given  # a protocol file
    wrong = [key for key, value in table.items() if not isinstance(value, _KEYS.get(key, ()))]
    if wrong:
        raise InvalidFile(
            f"{file}: {', '.join(wrong)} is no key of a plan, or of another type",
            f"the keys are {', '.join(_KEYS)}; docs/programme.md explains them",
        )
    kept = {key: value for key, value in given.items() if value not in (None, [])}
    return given | table | (kept | {"protocols": table["protocols"]})


def _read_site(name: str) -> CourseSite:
    from pbmwrap.programme.courses import read_site
    from pbmwrap.protocols.template import find_file

    return read_site(find_file(name))


def _ask_about_evidence(sites: list[CourseSite], yes: bool, as_json: bool) -> None:
    """Show the evidence of each protocol; a negative one has to be confirmed.

    Raises WrapError when the answer is no.
    """
    from pbmwrap.programme.courses import NEGATIVE, is_negative

    shown = [
        f"{site.protocol_name} ({site.site}), evidence: {site.grade or 'none stated'}. "
        f"{site.summary}"
        for site in sites
    ]
    negative = [site for site in sites if is_negative(site.grade)]
    if not negative:
        warn(shown)
        return
    if yes:
        warn([*shown, NEGATIVE])
    ask((*shown, NEGATIVE), "Make this course all the same?", yes, as_json)


def _make_measure(plan: dict[str, Any]) -> Measure:
    from pbmwrap.programme.model import PAIN, WALK, make_rating

    kind = plan["measure"] or "pain"
    if kind == "rating":
        question, better = plan["question"], plan["better"] or "lower"
        if not question or better not in ("lower", "higher"):
            raise UsageError("a rating needs its question", "add --question TEXT, --better lower")
        return make_rating(" ".join(question.split())[:200], better)
    known = {"pain": PAIN, "walk": WALK}
    if kind not in known:
        raise UsageError(f"--measure {kind} is not known", "write pain, rating or walk")
    return known[kind]


def _make_rule(plan: dict[str, Any], weeks: int) -> Any:
    from pbmwrap.programme.courses import DEFAULT_STOP_WEEK
    from pbmwrap.programme.model import DEFAULT_PERCENT, DEFAULT_POINTS, StopRule

    week = plan["stop_week"] or min(weeks, DEFAULT_STOP_WEEK)
    points, percent = plan["points"], plan["percent"]
    if points is None and percent is None:
        if plan["measure"] == "walk":
            raise UsageError(
                "how many metres more would matter to you?", "add --points METRES or --percent"
            )
        points, percent = DEFAULT_POINTS, DEFAULT_PERCENT
    return StopRule(week, points, percent)


def _read_start(value: Any, store: Store, who: Any) -> Any:
    from datetime import date, datetime

    from pbmwrap.programme.course_state import find_today
    from pbmwrap.programme.times import read_day

    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    return read_day(str(value), find_today(store, who, read_now_ms()))


def _read_minute(value: Any) -> int:
    from datetime import time

    if value is None:
        return 18 * 60
    try:
        hour, minute = str(value).split(":")[:2]
        moment = time(int(hour), int(minute))
    except ValueError:
        raise UsageError(f"{value} is not a time of the day", "write it as 18:00") from None
    return moment.hour * 60 + moment.minute


def _format_plan(course: Course) -> str:
    from pbmwrap.programme.stop_rule import name_rule

    sites = ", ".join(f"{s.site} ({s.protocol_name}, evidence: {s.grade})" for s in course.sites)
    state = f"frozen on {course.frozen.day}" if course.frozen else "a draft, not frozen"
    if course.closed:
        state = f"closed on {course.closed.day}: {course.closed_why}"
    lines = [
        f"course {course.id}: {course.aim}",
        f"state     {state}",
        f"sites     {sites}",
        f"plan      {course.sessions_a_week} sessions a week for {course.weeks} weeks, from "
        f"{course.start} to {course.end}: {count(course.planned_sessions, 'session')}",
        f"baseline  {course.baseline_from} to {course.start}, without light",
        f"number    {course.measure.question}",
        f"stop rule {name_rule(course)}",
    ]
    if course.others:
        lines.append(f"other     {'; '.join(course.others)}")
    if course.plan_sha:
        lines.append(f"sha-256   {course.plan_sha}")
    return "\n".join(lines)


def _make_row(course: Course) -> dict[str, Any]:
    from pbmwrap.programme.stop_rule import name_rule

    return course.as_body() | {
        "end": course.end.isoformat(),
        "rule_day": course.rule_day.isoformat(),
        "rule": name_rule(course),
        "frozen": course.frozen.utc if course.frozen else None,
        "sha": course.plan_sha,
        "closed": course.closed.utc if course.closed else None,
        "closed_why": course.closed_why,
    }


def list_courses(person: Who = None, json: Json = False) -> Result:
    """List the courses of one person."""
    from pbmwrap.cli import text
    from pbmwrap.programme import courses

    with open_household_of(person) as (store, who):
        found = courses.list_courses(store, who)
    shown = [
        (
            c.id,
            c.aim,
            f"{c.start} to {c.end}",
            ("closed" if c.closed else "frozen" if c.frozen else "draft")
            + ("" if c.waited else ", comparison not fair"),
        )
        for c in found
    ]
    table = text.format_table(("course", "aim", "days", "state"), shown)
    return Result([_make_row(c) for c in found], table if found else f"{who.name} has no course")


def show_course(course: Id = None, person: Who = None, json: Json = False) -> Result:
    """Show a course: plan, what was done, the number, and what the stop rule says."""
    from pbmwrap.programme.course_state import read_course_state
    from pbmwrap.programme.courses import find_course

    with open_household_of(person) as (store, who):
        chosen, book = find_course(store, who, course), read_book()
        state = read_course_state(store, who, chosen, book, read_now_ms())
    warn([*book.notes, *state.warnings])
    return Result(_make_state_row(state), _format_state(state))


def _make_state_row(state: CourseState) -> dict[str, Any]:
    verdict, done = state.verdict, state.adherence
    return {
        "course": _make_row(state.course),
        "today": state.today.isoformat(),
        "verdict": {
            "word": str(verdict.word),
            "day": verdict.day.isoformat(),
            "text": verdict.text,
            "before": verdict.before,
            "after": verdict.after,
            "gain": verdict.gain,
            "threshold": verdict.threshold,
            "n_before": verdict.n_before,
            "n_after": verdict.n_after,
            "until": verdict.until.isoformat() if verdict.until else None,
        },
        "adherence": {
            **done.as_counts(),
            "sessions": [use.key for use in done.sessions],
            "elsewhere": [use.key for use in done.elsewhere],
            "undated": [use.key for use in done.undated],
            "baseline_light": [use.key for use in done.baseline_light],
        },
        "warnings": list(state.warnings),
        "flags": [flag.code for flag in state.flags],
    }


def _format_state(state: CourseState) -> str:
    verdict = state.verdict
    lines = [_format_plan(state.course), "", *_format_adherence(state.adherence), ""]
    lines += _format_calendar(state)
    lines += ["", f"{str(verdict.word).upper()} ({verdict.day})", verdict.text]
    for flag in state.flags:
        from pbmwrap.programme import red_flags

        lines += ["", red_flags.name_advice(flag.code)]
    return "\n".join(lines)


def _format_adherence(done: Adherence) -> list[str]:
    lines = [
        f"sessions  {done.full} complete, {done.early} ended early, {done.skipped} skipped; "
        f"planned {done.planned_so_far} so far, {done.planned} in all"
    ]
    if done.why:
        why = ", ".join(f"{number} {name_end(reason)}" for reason, number in done.why.items())
        lines.append(f"early     {why}")
    dose = "not calibrated: no dose is known"
    if done.full + done.early > done.no_dose:
        unc = "uncertainty not stated"
        if done.dose_unc_uj is not None:
            unc = f"+- {done.dose_unc_uj / 1e6:.1f} (k = 2)"
        dose = f"{done.dose_uj / 1e6:.1f} J/cm2 in all, {unc}"
        dose += f"; {done.no_dose} without a dose" if done.no_dose else ""
    lines.append(f"dose      {dose}")
    if done.elsewhere:
        lines.append(f"also      {count(len(done.elsewhere), 'session')} at other sites")
    return lines


_MARKS = {"full": "x", "early": "e"}


def _format_calendar(state: CourseState) -> list[str]:
    """Return one line per week that has begun: a mark per day, and the number below it."""
    from datetime import timedelta

    from pbmwrap.programme.days import find_values

    course = state.course
    values = find_values(state.entries, course.measure.code)
    marks: dict[Any, str] = {}
    for use in state.adherence.sessions:
        mark = _MARKS["full" if use.full else "early"]
        marks[use.day] = max(marks.get(use.day, ""), mark)
    lines = ["week      seven days from that day; x complete, e ended early, and the number"]
    for week in state.adherence.weeks:
        if week.first_day > state.today:
            break
        days = [week.first_day + timedelta(days=n) for n in range(7)]
        cells = [
            f"{marks.get(day, '.')}{values[day]:g}" if day in values else marks.get(day, ".")
            for day in days
        ]
        lines.append(
            f"{week.number:>4}      {week.first_day}  " + " ".join(f"{c:>4}" for c in cells)
        )
    return lines


def change_plan(
    course: Id = None,
    aim: Annotated[str | None, Option(help="What you hope for.")] = None,
    sessions: Sessions = None,
    weeks: Weeks = None,
    stop_week: StopWeek = None,
    points: Points = None,
    percent: Percent = None,
    start: Start = None,
    time: Time = None,
    other: Others = None,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Change a plan that is not frozen yet."""
    from dataclasses import replace

    from pbmwrap.programme import courses
    from pbmwrap.programme.model import StopRule

    with open_household_of(person) as (store, who):
        old = courses.find_course(store, who, course)
        length = weeks or old.weeks
        stop = StopRule(
            stop_week or min(old.stop.week, length),
            old.stop.points if points is None else points,
            old.stop.percent if percent is None else percent,
        )
        changed = replace(
            old,
            aim=aim or old.aim,
            sessions_a_week=sessions or old.sessions_a_week,
            weeks=length,
            stop=stop,
            start=_read_start(start, store, who) or old.start,
            minute=old.minute if time is None else _read_minute(time),
            others=tuple(other or ()) or old.others,
        )
        kept = courses.change_course(store, who, changed, read_now_ms())
        warn(courses.list_unfairness(kept, (), kept.enrolled.day))
    return Result(_make_row(kept), _format_plan(kept))


_FREEZE = """\
After this the plan cannot change: neither the number, nor the size of change, nor the day on which
you stop without it. Its hash goes into the log of the wrap."""


def freeze_plan(
    course: Id = None, person: Who = None, port: Port = None, yes: Yes = False, json: Json = False
) -> Result:
    """Freeze the plan, before its first day, and put its hash into the wrap's log."""
    from pbmwrap.programme import courses

    with open_household_of(person) as (store, who):
        chosen = courses.find_course(store, who, course)
        if not chosen.frozen:
            ask((_format_plan(chosen), _FREEZE), "Freeze this plan?", yes, json)
        frozen = courses.freeze_course(store, who, chosen, read_now_ms())
        warn(courses.list_unfairness(frozen, (), frozen.enrolled.day))
        reached = tell_wrap_if_there(port, store)
        noted = reached and _is_noted(store, who, frozen)
    text = f"frozen: {frozen.plan_sha}"
    if noted:
        text += "\nthe wrap has taken its hash; `pbmwrap logs pull` shows it in the log"
    return Result(_make_row(frozen) | {"in_log": noted}, text)


def _is_noted(store: Store, who: Any, course: Course) -> bool:
    from pbmwrap.programme.model import Kind

    sent = store.read(Kind.SENT, person=who.tag)
    return any(e.body["id"] == course.id and e.body["sha"] == course.plan_sha for e in sent)


def send_plan(
    course: Id = None, person: Who = None, port: Port = None, json: Json = False
) -> Result:
    """Put the hash of a frozen plan into the log of the wrap at the port."""
    from pbmwrap.programme import courses

    with open_household_of(person) as (store, who):
        chosen = courses.find_course(store, who, course)
        if not chosen.frozen:
            raise Refused(f"course {chosen.id} is not frozen", "run `pbmwrap course freeze` first")
        noted = tell_wrap_if_there(port, store) and _is_noted(store, who, chosen)
    text = "the plan's hash is in no log yet"
    if noted:
        text = "the wrap has taken the plan's hash; `pbmwrap logs pull` shows it in the log"
    return Result({"id": chosen.id, "sha": chosen.plan_sha, "in_log": noted}, text)


def end_course(
    why: Annotated[str, Argument(metavar="WHY", help="In your words.")],
    course: Annotated[str | None, Option(metavar="COURSE", help="Its number.")] = None,
    person: Who = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """End a course: by its rule, at its end, or because you want to."""
    from pbmwrap.programme import courses

    with open_household_of(person) as (store, who):
        chosen = courses.find_course(store, who, course)
        closed = courses.close_course(store, who, chosen, why, read_now_ms())
        if closed.frozen:
            tell_wrap_if_there(port, store)
        write_calendars(store)
    return Result(_make_row(closed), f"course {closed.id} is closed: {closed.closed_why}")


def write_calendar(
    file: Annotated[Path, Argument(metavar="FILE", help="Where to write it; .ics.")],
    course: Annotated[str | None, Option(metavar="COURSE", help="Its number.")] = None,
    force: Force = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Write reminders for a calendar; written again whenever a session was done."""
    from pbmwrap import disk
    from pbmwrap.programme.calendar_file import make_calendar
    from pbmwrap.programme.course_state import read_course_state
    from pbmwrap.programme.courses import find_course

    with open_household_of(person) as (store, who):
        chosen = find_course(store, who, course)
        state = read_course_state(store, who, chosen, read_book(), read_now_ms())
        disk.write_file(file, make_calendar(state, read_now_ms()), force)
        store.set_choice(f"calendar:{chosen.id}:{who.tag}", str(file.resolve()))
    return Result({"file": str(file)}, f"{file} written")


def write_sheet(
    file: Annotated[Path, Argument(metavar="FILE", help="Where to write it; .html.")],
    days: Annotated[int, Option(help="How many days.", min=1, max=120)] = 28,
    first: Annotated[
        str | None, Option(metavar="DAY", help="The first day. Default: today.")
    ] = None,
    language: Annotated[str, Option(metavar="CODE", help="en or de.")] = "en",
    force: Force = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Write a diary sheet to print, for days without a computer."""
    from pbmwrap import disk
    from pbmwrap.programme import courses, journal
    from pbmwrap.programme.course_state import find_today
    from pbmwrap.programme.diary_sheet import make_sheet
    from pbmwrap.programme.times import read_day

    if language not in ("en", "de"):
        raise UsageError(f"--language {language} is not known", "write en or de")
    with open_household_of(person) as (store, who):
        today = find_today(store, who, read_now_ms())
        found = courses.list_courses(store, who)
        measure = journal.find_measure(store, who)
    still = next((c for c in found if not c.closed), None)
    begin = read_day(first, today) if first else today
    page = make_sheet(measure, begin, days, language, still)
    disk.write_file(file, page, force)
    return Result({"file": str(file), "days": days}, f"{file} written: print it")
