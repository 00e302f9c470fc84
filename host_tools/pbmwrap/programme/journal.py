"""The journal: one number a day, asked before the session, and what may be written beside it.

Nothing is changed: a correction is a new entry that names the old one, and both stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from pbmwrap.errors import UsageError
from pbmwrap.programme import red_flags
from pbmwrap.programme.courses import list_courses
from pbmwrap.programme.days import select_current
from pbmwrap.programme.model import (
    PAIN,
    SKIN,
    JournalEntry,
    Kind,
    Measure,
    Person,
    Stamp,
    Total,
    read_entry,
    read_total,
)
from pbmwrap.programme.store import Store, readable
from pbmwrap.programme.times import make_local_stamp, make_stamp, read_zone, require_clock

MAX_NOTE = 500
EARLIEST = date(1990, 1, 1)
LICENSED = ("PROMIS", "BPI", "NTSS-6", "NPSI", "painDETECT", "PEG")


def list_history(store: Store, person: Person) -> list[JournalEntry]:
    """List every entry ever written, also those that were corrected, in the order of writing."""
    found = []
    for event in store.read(Kind.ENTRY, person=person.tag):
        with readable(event):
            found.append(read_entry(event.number, person.tag, event.body))
    return found


def list_entries(store: Store, person: Person) -> list[JournalEntry]:
    """List the entries that count, by day."""
    return select_current(list_history(store, person))


def find_measure(store: Store, person: Person) -> Measure:
    """Return the number that the person follows: that of the open course, else of the last one."""
    courses = list_courses(store, person)
    still = next((c for c in courses if c.closed is None), courses[-1] if courses else None)
    return still.measure if still else PAIN


def find_zone(history: Sequence[JournalEntry], person: Person) -> str:
    """Return the zone where the person was last: that of the last entry that names one."""
    return next((e.zone for e in reversed(history) if e.zone), person.zone)


def check_value(value: float, measure: Measure) -> float:
    """Return the number. Raises UsageError outside the measure's range, or between its steps."""
    if not measure.low <= value <= measure.high:
        hint = "a journal on a 0-100 scale is converted by `pbmwrap journal import --scale 100`"
        raise UsageError(
            f"{value:g} is outside {measure.low:g} to {measure.high:g}",
            hint if measure.high == 10 else "write metres",
        )
    if value % measure.step:
        raise UsageError(f"{value:g} is between two steps", "write a whole number")
    return value


def add_entry(
    store: Store,
    person: Person,
    unix_ms: int,
    value: float | None = None,
    *,
    day: date | None = None,
    at: datetime | None = None,
    sleep: int | None = None,
    skin: str = "",
    changed: str = "",
    flags: Sequence[str] = (),
    corrects: int | None = None,
    zone: str = "",
    way: str = "cli",
    source: str = "",
) -> JournalEntry:
    """Write an entry, and raise the red flags in it.

    day: the local day that it is about, by default today where the person is. at: local time on
    that day. zone: where the person is, if that has changed. corrects: number of the entry that it
    replaces; what is not given is taken from there. Raises UsageError.
    """
    require_clock(unix_ms)
    if zone:
        read_zone(zone)
    with store.writing():
        history = list_history(store, person)
        where = zone or find_zone(history, person)
        written = make_stamp(unix_ms, where)
        old = _find_corrected(history, corrects)
        day = day or (old.day if old else written.day)
        measure = find_measure(store, person)
        _check_day(day, written)
        if value is not None:
            value = check_value(value, measure)
        _check_rest(sleep, skin, changed, flags)
        stamp = _make_at(at, day, where, written, explicit=old is None)
        entry = JournalEntry(
            0,
            person.tag,
            day,
            value if value is not None or old is None else old.value,
            measure.code if old is None or value is not None else old.measure,
            written,
            at=stamp or (old.at if old else None),
            sleep=sleep if sleep is not None or old is None else old.sleep,
            skin=skin or (old.skin if old else ""),
            changed=changed or (old.changed if old else ""),
            flags=tuple(flags) or (old.flags if old else ()),
            corrects=corrects,
            way=way,
            source=source,
            zone=zone,
        )
        said = (entry.skin, entry.changed, entry.flags)
        if (entry.value, entry.sleep) == (None, None) and not any(said):
            raise UsageError("the entry is empty", "give at least the number")
        _refuse_second(history, entry)
        number = store.append(Kind.ENTRY, person.tag, entry.as_body(), unix_ms)
        entry = read_entry(number, person.tag, entry.as_body())
        red_flags.raise_from_entry(store, person, entry, [*history, entry], measure, unix_ms)
    return entry


def _find_corrected(history: Sequence[JournalEntry], corrects: int | None) -> JournalEntry | None:
    if corrects is None:
        return None
    found = next((e for e in history if e.id == corrects), None)
    if found is None:
        raise UsageError(f"there is no entry {corrects}", "see `pbmwrap journal list`")
    later = next((e for e in history if e.corrects == corrects), None)
    if later:
        raise UsageError(
            f"entry {corrects} was corrected by entry {later.id}", f"correct {later.id} instead"
        )
    return found


def _make_at(
    at: datetime | None, day: date, zone: str, written: Stamp, explicit: bool
) -> Stamp | None:
    """Return when the number was true: as given, or now for an entry about today."""
    if at is not None:
        stamp = make_local_stamp(at, zone)
        if stamp.unix_ms > written.unix_ms:
            raise UsageError(f"{stamp} is in the future", "give the time when it was true")
        if stamp.day != day:
            raise UsageError(f"{stamp} is not on {day}", "give a time on the day of the entry")
        return stamp
    return written if explicit and written.day == day else None


def _check_day(day: date, written: Stamp) -> None:
    if day > written.day:
        raise UsageError(f"{day} is in the future", f"today is {written.day}")
    if day < EARLIEST:
        raise UsageError(f"{day} is before {EARLIEST}", "check the year")


def _check_rest(sleep: int | None, skin: str, changed: str, flags: Sequence[str]) -> None:
    if sleep is not None and not 0 <= sleep <= 10:
        raise UsageError(f"sleep {sleep} is outside 0 (bad) to 10 (good)", "")
    if skin and skin not in SKIN:
        raise UsageError(f"skin {skin!r} is not known", f"write one of {', '.join(SKIN)}")
    if len(changed) > MAX_NOTE:
        raise UsageError(f"the note has more than {MAX_NOTE} characters", "write less")
    for code in flags:
        red_flags.find_flag(code)


def _refuse_second(history: Sequence[JournalEntry], entry: JournalEntry) -> None:
    """Refuse a second number for a day: which of two counts must not depend on chance."""
    if entry.value is None:
        return
    for other in select_current([*history, entry]):
        same = other.day == entry.day and other.measure == entry.measure
        if same and other.value is not None and other is not entry:
            raise UsageError(
                f"{entry.day} has the number {other.value:g} already (entry {other.id})",
                f"correct it: `pbmwrap journal correct {other.id} --value {entry.value:g}`",
            )


def add_total(
    store: Store,
    person: Person,
    name: str,
    value: float,
    low: float,
    high: float,
    when: str,
    unix_ms: int,
    day: date | None = None,
    answers: Sequence[bool] = (),
) -> Total:
    """Write the total of a questionnaire that was filled in elsewhere. Raises UsageError."""
    name = " ".join(name.split())
    if not name or len(name) > 40 or not name.isprintable():
        raise UsageError(f"{name!r} is not a questionnaire's name", "use 1 to 40 characters")
    if not low < high or not low <= value <= high:
        raise UsageError(f"{value:g} is outside {low:g} to {high:g}", "check the total")
    if when not in ("", "baseline", "end"):
        raise UsageError(f"{when!r} is not a time of a course", "write baseline or end")
    with store.writing():
        written = make_stamp(unix_ms, find_zone(list_history(store, person), person))
        day = day or written.day
        _check_day(day, written)
        total = Total(0, person.tag, name, value, low, high, day, when, written, tuple(answers))
        number = store.append(Kind.TOTAL, person.tag, total.as_body(), unix_ms)
    return read_total(number, person.tag, total.as_body())


def list_totals(store: Store, person: Person) -> list[Total]:
    """List the questionnaires of a person, in the order of writing."""
    return [
        read_total(event.number, person.tag, event.body)
        for event in store.read(Kind.TOTAL, person=person.tag)
    ]
