"""Red flags: what must be seen by a clinician before there is light again.

While a flag is unread, the host refuses to start a session, and a wrap that knows `hold.set`
refuses too, also by its button. A person confirms having read it; nobody else can. The sources are
in docs/programme.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import fmean

from pbmwrap.errors import Refused, UsageError
from pbmwrap.programme.courses import list_courses
from pbmwrap.programme.days import find_values, list_between, select_current
from pbmwrap.programme.model import (
    BASELINE_DAYS,
    JournalEntry,
    Kind,
    Measure,
    Person,
    RedFlag,
    read_stamp,
)
from pbmwrap.programme.people import list_people
from pbmwrap.programme.store import Store
from pbmwrap.programme.times import make_stamp

SEE = "See a clinician"
RISE = 3.0  # points above what was usual
RISE_DAYS = 7
_LEAST_RISE_ENTRIES = 5  # of these 7 days
_LEAST_USUAL_ENTRIES = 5


@dataclass(frozen=True)
class FlagKind:
    """A kind of red flag. question: as the journal asks it; advice: what is shown until read."""

    code: str
    question: str
    advice: str


FLAGS = (
    FlagKind(
        "wound",
        "A new wound, blister or open sore where the wrap lies or on a foot",
        "within one working day: a wound on a foot that does not feel can get infected unnoticed. "
        "At once with fever, spreading redness, a bad smell or black skin.",
    ),
    FlagKind(
        "burn",
        "A burn, or skin that stays red, where the wrap was",
        "today: cool it with running water for 20 minutes now. Light on numb skin can burn "
        "without being felt. Do not use the wrap there.",
    ),
    FlagKind(
        "numb-spreads",
        "Numbness or weakness that is new, or that spreads",
        "today. Call the emergency number at once if it came suddenly, is on one side, or comes "
        "with trouble speaking, or with loss of control of bladder or bowel.",
    ),
    FlagKind(
        "fever",
        "Fever, 38 C or more, or shivering",
        "today. At once if there is also a wound, confusion, or fast breathing.",
    ),
    FlagKind(
        "pain-rise",
        "Pain that is 3 points higher than usual for a week",
        "within the next days: the number has been 3 or more above the usual for a week.",
    ),
)
BY_SKIN = {"wound": "wound", "blister": "wound", "burn": "burn"}


def find_flag(code: str) -> FlagKind:
    """Find a kind of flag by its code. Raises UsageError."""
    found = next((kind for kind in FLAGS if kind.code == code), None)
    if found is None:
        known = ", ".join(kind.code for kind in FLAGS)
        raise UsageError(f"{code!r} is not a red flag", f"write one of {known}")
    return found


def name_advice(code: str) -> str:
    """Return what a person reads: "See a clinician ...". A code not known here stays as it is."""
    found = next((kind for kind in FLAGS if kind.code == code), None)
    return f"{found.question}. {SEE} {found.advice}" if found else f"{code}. {SEE}."


def list_flags(store: Store, person: Person) -> list[RedFlag]:
    """List all flags of a person, in their order."""
    found: dict[int, RedFlag] = {}
    for event in store.read(Kind.FLAG, Kind.READ, person=person.tag):
        stamp = read_stamp(event.body["at"])
        if stamp is None:
            continue
        if event.kind == Kind.FLAG:
            day = date.fromisoformat(event.body["day"])
            found[event.number] = RedFlag(
                event.number,
                person.tag,
                event.body["code"],
                day,
                stamp,
                event.body.get("detail", ""),
            )
        else:
            for number in event.body["flags"]:
                if number in found:
                    found[number] = replace(found[number], read=stamp)
    return list(found.values())


def list_unread(store: Store, person: Person) -> list[RedFlag]:
    """List the flags that no person has confirmed having read."""
    return [flag for flag in list_flags(store, person) if flag.read is None]


def raise_flag(
    store: Store, person: Person, code: str, day: date, unix_ms: int, detail: str = ""
) -> None:
    """Raise a flag. Raises UsageError for an unknown code."""
    body = {
        "code": find_flag(code).code,
        "day": day.isoformat(),
        "at": make_stamp(unix_ms, person.zone).as_body(),
        "detail": detail,
    }
    store.append(Kind.FLAG, person.tag, body, unix_ms)


def confirm_read(store: Store, person: Person, flags: Sequence[RedFlag], unix_ms: int) -> None:
    """Keep that a person has read what these flags mean. Light is possible again."""
    stamp = make_stamp(unix_ms, person.zone)
    body = {"flags": [flag.id for flag in flags], "at": stamp.as_body()}
    if flags:
        store.append(Kind.READ, person.tag, body, unix_ms)


def raise_from_entry(
    store: Store,
    person: Person,
    entry: JournalEntry,
    history: Sequence[JournalEntry],
    measure: Measure,
    unix_ms: int,
) -> None:
    """Raise the flags that an entry names, that its skin check shows, or that its number gives."""
    known = list_flags(store, person)
    codes = dict.fromkeys(entry.flags)
    if entry.skin in BY_SKIN:
        codes.setdefault(BY_SKIN[entry.skin])
    old = next((e for e in history if e.id == entry.corrects), None)
    for code in codes:
        if old is None or code not in (*old.flags, BY_SKIN.get(old.skin)):
            raise_flag(store, person, code, entry.day, unix_ms)
    recent = [f for f in known if f.code == "pain-rise"]
    if any(f.read is None or abs((entry.day - f.day).days) < RISE_DAYS for f in recent):
        return
    usual = find_rise(store, person, entry.day, history, measure)
    if usual is not None:
        detail = f"usual {usual:.1f}, {RISE:g} or more above it for {RISE_DAYS} days"
        raise_flag(store, person, "pain-rise", entry.day, unix_ms, detail)


def find_rise(
    store: Store,
    person: Person,
    day: date,
    history: Sequence[JournalEntry],
    measure: Measure,
) -> float | None:
    """Return the usual number if all numbers of the week up to `day` are 3 or more above it.

    Usual: the baseline of the open course, or the mean of the 14 days before that week; either is
    enough. Needs numbers on 5 days of each. Only for measures where lower is better.
    """
    if measure.better != "lower":
        return None
    values = find_values(select_current(history), measure.code)
    week_from = day - timedelta(days=RISE_DAYS - 1)
    week = list_between(values, week_from, day + timedelta(days=1))
    if len(week) < _LEAST_RISE_ENTRIES:
        return None
    windows = [(week_from - timedelta(days=BASELINE_DAYS), week_from)]
    for course in list_courses(store, person):
        if course.frozen and not course.closed and course.start <= week_from:
            windows.append((course.baseline_from, course.start))
    for first, after in windows:
        usual = list_between(values, first, after)
        if len(usual) >= _LEAST_USUAL_ENTRIES and min(week) >= fmean(usual) + RISE:
            return fmean(usual)
    return None


def list_held(store: Store) -> list[tuple[Person, list[RedFlag]]]:
    """List the people of the household with unread flags."""
    found = [(person, list_unread(store, person)) for person in list_people(store)]
    return [(person, flags) for person, flags in found if flags]


def refuse_light(store: Store, tag: str | None) -> None:
    """Refuse a start while a flag is unread. tag: the active protocol's; None: it has none.

    A protocol without a tag could be for anybody, so anybody's flag refuses it; whose flag it is
    is said to nobody. Raises Refused.
    """
    held = list_held(store)
    mine = [person for person, _ in held if tag in (None, "", person.tag)]
    if not mine:
        return
    raise Refused(
        "no light: a red flag in the journal was not confirmed as read",
        "read it with `pbmwrap journal flags`, then confirm it there; and see a clinician",
    )
