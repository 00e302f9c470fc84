"""What the commands of the programme share: the household's file, its people, the wrap's part."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import resolve_port, warn
from pbmwrap.cli.options import Option
from pbmwrap.errors import NoDevice, SeveralDevices, UsageError, WrapError
from pbmwrap.words import count

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.programme.attribution import LoggedSession, SessionBook
    from pbmwrap.programme.model import Person
    from pbmwrap.programme.store import Store

Who = Annotated[
    str | None,
    Option(
        "--person",
        metavar="NAME",
        help="Name of the person, or its beginning. Default: `person use`, or the only one.",
    ),
]


@contextmanager
def open_household(create: bool = False) -> Iterator[Store]:
    """Open the household's file. Raises UsageError when there is none and `create` is False."""
    from pbmwrap.programme.store import open_store

    store = open_store(create=create)
    if store is None:
        raise UsageError("nobody is in this household yet", "add one: `pbmwrap person add NAME`")
    with store:
        yield store


@contextmanager
def open_household_of(who: str | None) -> Iterator[tuple[Store, Person]]:
    """Open the household's file for one person. Raises UsageError."""
    from pbmwrap.programme.people import choose_person

    with open_household() as store:
        yield store, choose_person(store, who)


@contextmanager
def open_household_if_kept() -> Iterator[Store | None]:
    """Open the household's file if there is one. An error becomes a note: the caller goes on."""
    from pbmwrap.programme.store import default_path, open_store

    if not default_path().exists():
        yield None
        return
    try:
        store = open_store(create=False)
    except WrapError as problem:
        warn([f"the journal's file cannot be used: {problem}"])
        yield None
        return
    if store is None:
        yield None
        return
    with store:
        yield store


def read_book() -> SessionBook:
    """Read all sessions of the archive of logs."""
    from pbmwrap.programme.attribution import read_sessions

    return read_sessions()


def remember_log(kept: WrapArchive) -> None:
    """Summarise a log that this command has changed, if there is a household that will ask."""
    from pbmwrap.programme import attribution
    from pbmwrap.programme.store import default_path

    if default_path().exists():
        attribution.remember_log(kept)


def read_now_ms() -> int:
    """Return this machine's clock, UTC in ms."""
    from pbmwrap.programme import times

    return times.read_unix_ms()


def tell_wrap(client: Client, hello: Hello, store: Store) -> None:
    """Bring the wrap's holds up to date, and put hashes of frozen plans into its log.

    Prints what an old firmware cannot do. What the wrap refuses now is a note, and tried again the
    next time: the journal, a pull or a start must not fail because of it.
    """
    try:
        tell_holds(client, store)
        _tell_plans(client, hello, store)
    except WrapError as problem:
        warn([f"the wrap lacks a hold or a plan: {problem}; then run `pbmwrap logs pull`"])


def tell_holds(client: Client, store: Store) -> None:
    """Bring the wrap's holds up to date. Raises DeviceError, LinkLost."""
    from pbmwrap.programme import holds

    changed = holds.sync_holds(client, store)
    if changed.stopped:
        warn(["the session was stopped"])
    if changed.too_old:
        warn([holds.TOO_OLD_HOLD])
    if changed.set:
        warn(["the wrap refuses light now, until the red flag is confirmed as read"])
    if changed.cleared:
        warn(["the wrap gives light again"])


def note_missing_entry(store: Store, tag: str | None) -> None:
    """Note that a person in a trial has not written today's numbers: they count only before the
    session. tag: of the active protocol."""
    from pbmwrap.programme.model import Kind
    from pbmwrap.programme.people import list_people

    if not store.read(Kind.TRIAL, person=tag or ""):
        return
    from pbmwrap.programme.course_state import find_today

    for person in list_people(store):
        if person.tag == tag and _lacks_entry(
            store, person, find_today(store, person, read_now_ms())
        ):
            warn(["today's numbers of the trial are missing: after the session they do not count"])


def _lacks_entry(store: Store, person: Person, today: date) -> bool:
    """Whether a trial that is not over has no numbers of the day."""
    from pbmwrap.programme.model import Kind

    trials = store.read(Kind.TRIAL, person=person.tag)
    last = trials[-1].body["plan"]["id"]
    over = ("revealed", "unblinded", "ended")
    events = store.read(Kind.TRIAL_EVENT, person=person.tag)
    if any(e.body["trial"] == last and e.body["what"] in over for e in events):
        return False
    entries = store.read(Kind.TRIAL_ENTRY, person=person.tag)
    return not any(e.body["trial"] == last and e.body["day"] == today.isoformat() for e in entries)


def _tell_plans(client: Client, hello: Hello, store: Store) -> None:
    from pbmwrap.programme import holds
    from pbmwrap.programme.people import list_people

    for person in list_people(store):
        for course, what in holds.list_unnoted(store, person, hello.uid):
            if not holds.note_plan(client, hello.uid, store, course, what, read_now_ms()):
                warn([holds.TOO_OLD_NOTE])
                return


def tell_wrap_if_there(port: str | None, store: Store) -> bool:
    """Do `tell_wrap` with the wrap at the port; a wrap that is not there is a note."""
    from pbmwrap.device import discovery

    try:
        client, hello = discovery.connect(resolve_port(port))
    except (NoDevice, SeveralDevices) as problem:
        way = "choose it with --port" if isinstance(problem, SeveralDevices) else "connect it"
        warn([f"no wrap has received this yet: {way} and run `pbmwrap logs pull`"])
        return False
    except WrapError as problem:
        warn([f"no wrap has received this yet: {problem}; then run `pbmwrap logs pull`"])
        return False
    with client:
        tell_wrap(client, hello, store)
    return True


def ask_owners(store: Store, book: SessionBook, as_json: bool) -> list[LoggedSession]:
    """Ask whose the sessions are that nobody has claimed; returns those that are still open.

    Asks only in a terminal; else a note says how to answer.
    """
    from pbmwrap.programme.attribution import list_unattributed
    from pbmwrap.programme.people import list_people

    people = list_people(store)
    left = list_unattributed(store, book) if people else []
    if left and not as_json and sys.stdin.isatty() and sys.stderr.isatty():
        left = _ask_each(store, people, left)
    if left:
        many = count(len(left), "session")
        is_ = "belongs" if len(left) == 1 else "belong"
        warn([f"{many} {is_} to nobody yet: see `pbmwrap person sessions`"])
    return left


def _ask_each(
    store: Store, people: Sequence[Person], sessions: Sequence[LoggedSession]
) -> list[LoggedSession]:
    from pbmwrap.programme.attribution import claim_sessions

    choices = {str(n): person for n, person in enumerate(people, 1)}
    listed = ", ".join(f"{n} {person.name}" for n, person in choices.items())
    for place, session in enumerate(sessions):
        click.echo(f"whose session is this? {describe_session(session)}", err=True)
        answer = click.prompt(
            f"{listed}, n nobody, Enter: ask me later",
            default="",
            show_default=False,
            type=click.Choice([*choices, "n", ""]),
            show_choices=False,
            err=True,
        )
        if not answer:
            return list(sessions[place:])
        claim_sessions(store, [session.key], choices.get(answer), read_now_ms())
    return []


def describe_session(session: LoggedSession) -> str:
    """Describe a session for the person who may have had it."""
    from pbmwrap.cli.text import clock_text
    from pbmwrap.logs.clock import format_local

    when = "without a date" if session.unix_ms is None else format_local(session.unix_ms)
    by = {"button": "by the button", "link": "over USB"}.get(session.started_by, "")
    parts = (
        f"{session.number} of wrap {session.uid}",
        when,
        session.site or "site unknown",
        f"{clock_text(session.active_ms)} of light",
        by,
    )
    return ", ".join(filter(None, parts))


def write_calendars(store: Store, book: SessionBook | None = None) -> list[Path]:
    """Write the calendar files again that `course calendar` made: what was done has no alarm."""
    from pathlib import Path

    from pbmwrap import disk
    from pbmwrap.programme.calendar_file import make_calendar
    from pbmwrap.programme.course_state import read_course_state
    from pbmwrap.programme.courses import find_course
    from pbmwrap.programme.people import find_person, list_people

    kept = store.choices("calendar:")
    written = []
    people = list_people(store)
    for name, file in kept.items():
        _, course_id, tag = name.split(":")
        person = find_person(people, tag)
        if Path(file).exists():
            book = book or read_book()
            course = find_course(store, person, course_id)
            state = read_course_state(store, person, course, book, read_now_ms())
            try:
                disk.write_file(Path(file), make_calendar(state, read_now_ms()), replace=True)
                written.append(Path(file))
            except WrapError as problem:
                warn([f"the calendar was not brought up to date: {problem}"])
    return written
