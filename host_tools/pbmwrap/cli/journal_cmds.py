"""`pbmwrap journal`: the daily number, what is written beside it, red flags, questionnaires."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import Json, Port, Result, Yes, ask, register_group, warn
from pbmwrap.cli.household import (
    Who,
    open_household_of,
    read_now_ms,
    tell_wrap_if_there,
    write_calendars,
)
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import Refused, UsageError, plain
from pbmwrap.words import count

if TYPE_CHECKING:
    from datetime import date, datetime

    from pbmwrap.programme.model import JournalEntry, Measure, Person, RedFlag
    from pbmwrap.programme.store import Store

Day = Annotated[
    str | None,
    Option("--day", metavar="DAY", help="2026-11-29, 29.11.2026 or yesterday. Default: today."),
]
At = Annotated[str | None, Option("--at", metavar="TIME", help="When it was true: 8:30.")]
Sleep = Annotated[int | None, Option(help="0 (bad) to 10 (good).", min=0, max=10)]
Skin = Annotated[
    str | None,
    Option(metavar="WORD", help="Skin where the wrap lies: fine, red, sore, blister, wound, burn."),
]
Changed = Annotated[str | None, Option(help="What changed: medicine, illness, physiotherapy.")]
Flags = Annotated[
    list[str] | None,
    Option("--flag", metavar="FLAG", help="A red flag: wound, burn, numb-spreads, fever."),
]
When = Annotated[str | None, Option(metavar="WHEN", help="baseline or end, of the course.")]
Paper = Annotated[bool, Option("--paper", help="Typed in from the diary sheet.")]
ZoneNow = Annotated[
    str | None, Option("--zone", help="Where you are, when you travel: Asia/Tokyo or +09:00.")
]


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    commands = {
        "add": write_entry,
        "correct": correct_entry,
        "list": list_entries,
        "flags": read_flags,
        "total": write_total,
        "mnsi": fill_mnsi,
        "import": import_journal,
    }
    help_text = "The daily number, and red flags (docs/programme.md)."
    register_group(app, "journal", help_text, commands)


def write_entry(
    number: Annotated[
        float | None,
        Argument(metavar="NUMBER", help="0 (none) to 10 (worst); or metres in 2 minutes."),
    ] = None,
    flag: Flags = None,
    skin: Skin = None,
    sleep: Sleep = None,
    changed: Changed = None,
    day: Day = None,
    at: At = None,
    paper: Paper = False,
    zone: ZoneNow = None,
    person: Who = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Write today's number, before the session. A red flag stops the light.

    Without NUMBER it asks the two questions.
    """
    from pbmwrap.programme import journal, red_flags
    from pbmwrap.programme.course_state import find_today

    with open_household_of(person) as (store, who):
        if number is None and not (flag or skin or changed or sleep is not None):
            number, flag = _ask_questions(journal.find_measure(store, who), json)
        before = {f.id for f in red_flags.list_unread(store, who)}
        today = find_today(store, who, read_now_ms())
        entry = journal.add_entry(
            store,
            who,
            read_now_ms(),
            number,
            day=_read_day(day, today),
            at=_read_at(at, day, today),
            sleep=sleep,
            skin=skin or "",
            changed=changed or "",
            flags=flag or (),
            zone=zone or "",
            way="paper" if paper else "cli",
        )
        return _finish_entry(store, who, entry, before, port)


def _ask_questions(measure: Measure, as_json: bool) -> tuple[float, list[str]]:
    """Ask the two questions of the journal in the terminal. Raises UsageError with --json."""
    from pbmwrap.programme import red_flags

    if as_json:
        raise UsageError("the number is missing", "write `pbmwrap journal add NUMBER`")
    number = click.prompt(measure.question, type=float, err=True)
    kinds = [kind for kind in red_flags.FLAGS if kind.code != "pain-rise"]
    for place, kind in enumerate(kinds, 1):
        click.echo(f"  {place}  {kind.question}", err=True)
    answer = click.prompt("Is any of this new? Numbers, or Enter for none", default="", err=True)
    words = answer.replace(",", " ").split()
    if not all(word.isdecimal() and 1 <= int(word) <= len(kinds) for word in words):
        raise UsageError(f"{answer!r} is not a list of these numbers", "run the command again")
    return number, [kinds[int(word) - 1].code for word in words]


def _read_day(text: str | None, today: date) -> date | None:
    from pbmwrap.programme.times import read_day

    return None if text is None else read_day(text, today)


def _read_at(text: str | None, day: str | None, today: date) -> datetime | None:
    from datetime import datetime, time

    if text is None:
        return None
    try:
        hour, _, minute = text.partition(":")
        moment = time(int(hour), int(minute or 0))
    except ValueError:
        raise UsageError(f"{text!r} is not a time of the day", "write it as 8:30") from None
    return datetime.combine(_read_day(day, today) or today, moment)


def _finish_entry(
    store: Store, person: Person, entry: JournalEntry, before: set[int], port: str | None
) -> Result:
    """Show an entry, what its red flags mean, and tell the wrap."""
    from pbmwrap.programme import red_flags

    raised = [f for f in red_flags.list_unread(store, person) if f.id not in before]
    lines = [f"{_describe_entry(entry)}, stored as entry {entry.id}"]
    if raised:
        lines += ["", *_format_flags(raised), "", "No light until you have confirmed that you have"]
        lines[-1] += " read this: `pbmwrap journal flags`"
        tell_wrap_if_there(port, store)
    write_calendars(store)
    data = _make_row(entry) | {"raised": [_make_flag_row(flag) for flag in raised]}
    return Result(data, "\n".join(lines))


def _format_flags(raised: list[RedFlag]) -> list[str]:
    from pbmwrap.programme import red_flags

    lines = []
    for flag in raised:
        detail = f" ({flag.detail})" if flag.detail else ""
        lines.append(f"{flag.day}: {red_flags.name_advice(flag.code)}{detail}")
    return lines


def _make_flag_row(flag: RedFlag) -> dict[str, Any]:
    from pbmwrap.programme import red_flags

    return {
        "id": flag.id,
        "code": flag.code,
        "day": flag.day.isoformat(),
        "raised": flag.raised.utc,
        "advice": red_flags.name_advice(flag.code),
        "read": flag.read.utc if flag.read else None,
    }


def _describe_entry(entry: JournalEntry) -> str:
    number = "no number" if entry.value is None else f"{entry.value:g}"
    parts = [f"{entry.day}: {number}"]
    if entry.sleep is not None:
        parts.append(f"sleep {entry.sleep}")
    parts += [f"skin {entry.skin}"] if entry.skin else []
    parts += [entry.changed] if entry.changed else []
    if entry.late:
        parts.append(f"written later, on {entry.written}")
    return ", ".join(parts)


def _make_row(entry: JournalEntry) -> dict[str, Any]:
    from pbmwrap.programme.rows import make_entry_row

    return make_entry_row(entry, str(entry.at) if entry.at else None, str(entry.written))


def correct_entry(
    entry: Annotated[int, Argument(metavar="ENTRY", help="Its number, see `journal list`.", min=1)],
    value: Annotated[float | None, Option(help="The right number.")] = None,
    skin: Skin = None,
    sleep: Sleep = None,
    changed: Changed = None,
    flag: Flags = None,
    day: Day = None,
    person: Who = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Correct an entry: a new one replaces it, and both are kept.

    What is not given stays as it was.
    """
    from pbmwrap.programme import journal, red_flags
    from pbmwrap.programme.course_state import find_today

    with open_household_of(person) as (store, who):
        before = {f.id for f in red_flags.list_unread(store, who)}
        fresh = journal.add_entry(
            store,
            who,
            read_now_ms(),
            value,
            day=_read_day(day, find_today(store, who, read_now_ms())),
            sleep=sleep,
            skin=skin or "",
            changed=changed or "",
            flags=flag or (),
            corrects=entry,
        )
        return _finish_entry(store, who, fresh, before, port)


def list_entries(
    days: Annotated[int, Option(help="How many days back; 0 for all.", min=0)] = 28,
    all_: Annotated[bool, Option("--all", help="Also entries that were corrected later.")] = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """List the entries of one person's journal."""
    from datetime import timedelta

    from pbmwrap.programme import journal
    from pbmwrap.programme.days import select_current
    from pbmwrap.programme.times import make_stamp

    with open_household_of(person) as (store, who):
        history = journal.list_history(store, who)
    today = make_stamp(read_now_ms(), journal.find_zone(history, who)).day
    found = history if all_ else select_current(history)
    first = today - timedelta(days=days - 1) if days else None
    found = [entry for entry in found if first is None or entry.day >= first]
    gone = {entry.corrects for entry in history}
    if json:
        return Result([_make_row(entry) | {"corrected": entry.id in gone} for entry in found])
    lines = [_HEAD, *(_format_line(entry, entry.id in gone) for entry in found)]
    return Result(None, "\n".join(lines) if found else f"no entry of {who.name} yet")


_HEAD = "entry  day         number  sleep  skin     what changed, and how it was written"


def _format_line(entry: JournalEntry, gone: bool) -> str:
    """Format an entry. Plain text: ten years are 3,650 lines, and a table would take seconds."""
    number = "" if entry.value is None else f"{entry.value:g}"
    sleep = "" if entry.sleep is None else str(entry.sleep)
    rest = ", ".join(filter(None, (plain(entry.changed), _describe_writing(entry, gone))))
    line = f"{entry.id:<5}  {entry.day}  {number:<6}  {sleep:<5}  {entry.skin:<7}  {rest}"
    return line.rstrip()


def _describe_writing(entry: JournalEntry, gone: bool) -> str:
    parts = [f"later: {entry.written}"] if entry.late else []
    parts += [entry.way] if entry.way in ("paper", "import") else []
    parts += [f"corrects {entry.corrects}"] if entry.corrects else []
    parts += ["corrected later"] if gone else []
    return ", ".join(parts)


def read_flags(
    yes: Yes = False,
    person: Who = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Show the red flags that nobody has confirmed as read, and ask for it.

    After that the wrap gives light again. It does not mean that light is a good idea: ask the
    clinician.
    """
    from pbmwrap.programme import red_flags

    with open_household_of(person) as (store, who):
        unread = red_flags.list_unread(store, who)
        rows = [_make_flag_row(flag) for flag in unread]
        if not unread:
            tell_wrap_if_there(port, store) if port else None
            return Result({"flags": [], "read": False}, f"no unread red flag of {who.name}")
        if json and not yes:
            return Result(
                {"flags": rows, "read": False},
                problem=Refused("no light until these are confirmed as read", "add --yes"),
            )
        question = "Have you read this, and will you see a clinician?"
        ask(_format_flags(unread), question, yes, json)
        red_flags.confirm_read(store, who, unread, read_now_ms())
        tell_wrap_if_there(port, store)
    text = f"{count(len(unread), 'red flag')} read. {red_flags.SEE} before the next session."
    return Result({"flags": rows, "read": True}, text)


def write_total(
    name: Annotated[str, Argument(metavar="NAME", help="The questionnaire, such as PROMIS.")],
    value: Annotated[float, Argument(metavar="TOTAL", help="Its total.")],
    low: Annotated[float, Option(help="The lowest possible total.")] = 0.0,
    high: Annotated[float, Option(help="The highest possible total.")] = 100.0,
    when: When = None,
    day: Day = None,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Write the total of a questionnaire that you filled in elsewhere.

    Licensed ones are not part of pbmwrap: fill them in where you have the right to.
    """
    from pbmwrap.programme import journal
    from pbmwrap.programme.course_state import find_today

    with open_household_of(person) as (store, who):
        at = _read_day(day, find_today(store, who, read_now_ms()))
        kept = journal.add_total(store, who, name, value, low, high, when or "", read_now_ms(), at)
    text = f"{kept.name}: {kept.value:g} of {kept.low:g} to {kept.high:g} on {kept.day}"
    return Result(kept.as_body() | {"id": kept.id}, text)


def fill_mnsi(
    answers: Annotated[
        str | None,
        Argument(metavar="ANSWERS", help="15 letters, y or n. Without them it asks each question."),
    ] = None,
    when: When = None,
    day: Day = None,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Fill in the history questionnaire of the MNSI, at the baseline and at the end.

    It gives a total, no diagnosis.
    """
    from pbmwrap.programme import journal
    from pbmwrap.programme import mnsi as form
    from pbmwrap.programme.course_state import find_today

    with open_household_of(person) as (store, who):
        given = _read_answers(answers, form.QUESTIONS, json)
        score = form.score_answers(given)
        at = _read_day(day, find_today(store, who, read_now_ms()))
        kept = journal.add_total(
            store, who, form.NAME, score, 0, form.HIGH, when or "", read_now_ms(), at, given
        )
    return Result(kept.as_body() | {"id": kept.id}, f"{form.NAME}: {score} of 0 to {form.HIGH}")


def _read_answers(text: str | None, questions: tuple[str, ...], as_json: bool) -> list[bool]:
    if text is None:
        if as_json:
            raise UsageError("the answers are missing", "write 15 letters, y or n")
        return [click.confirm(f"{n}. {q}", err=True) for n, q in enumerate(questions, 1)]
    letters = text.casefold().replace(" ", "")
    if set(letters) - {"y", "n"}:
        raise UsageError(f"{text!r} has other letters than y and n", "write 15 of them")
    return [letter == "y" for letter in letters]


_CONVERTED = "The numbers of this file are on a scale of 0 to 100. They are divided by 10:"


def import_journal(
    file: Annotated[Path, Argument(metavar="FILE", help="A CSV file of a spreadsheet.")],
    dates: Annotated[
        str | None,
        Option(metavar="ORDER", help="Of dates with slashes: dmy (day first) or mdy."),
    ] = None,
    scale: Annotated[int, Option(help="10, or 100: numbers are divided by 10.")] = 10,
    of_day: Annotated[
        str | None, Option(metavar="WHICH", help="Of several numbers of a day: first or last.")
    ] = None,
    skip_known: Annotated[
        bool, Option("--skip-known", help="Leave days alone that the journal has already.")
    ] = False,
    date_column: Annotated[str | None, Option(metavar="NAME", help="Column of the day.")] = None,
    value_column: Annotated[
        str | None, Option(metavar="NAME", help="Column of the number.")
    ] = None,
    yes: Yes = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Take over a journal from a spreadsheet. All lines are taken, or none.

    Dates may be 2026-11-29, 29.11.2026 or with slashes. Lines that are wrong are all listed.
    """
    from pbmwrap.programme import journal_file as files

    columns = {"date": date_column or "", "value": value_column or ""}
    options = files.FileOptions(dates or "", scale, of_day or "", columns)
    with open_household_of(person) as (store, who):
        found, measure = files.read_journal_file(
            store, who, file, options, skip_known, read_now_ms()
        )
        warn(found.notes)
        if scale != 10 and found.rows:
            sample = [
                f"  {row.day}: {row.original:g} becomes {row.value:g}"
                for row in found.rows
                if row.value is not None
            ]
            ask((_CONVERTED, *sample[:5]), f"Take {len(found.rows)} days?", yes, json)
        stored = files.store_journal(store, who, found, measure, read_now_ms())
        write_calendars(store)
    data = {"file": str(file), "stored": stored, "notes": found.notes}
    return Result(data, f"{count(stored, 'day')} of {file} stored for {who.name}")
