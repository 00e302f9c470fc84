"""People of a household: who they are, which one a command means, and forgetting one.

Nobody's journal is shown by accident: with several people, one has to be chosen.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import TypeVar

from pbmwrap.errors import UsageError
from pbmwrap.programme.model import TAG, Kind, Person, read_stamp
from pbmwrap.programme.store import Store
from pbmwrap.programme.times import make_stamp, read_zone

MAX_NAME = 40
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike
_CHOSEN = "person"
Found = TypeVar("Found")


def list_people(store: Store) -> list[Person]:
    """List the people, in the order in which they were added; forgotten ones are left out."""
    found: dict[str, Person] = {}
    for event in store.read(Kind.PERSON):
        added = read_stamp(event.body["added"])
        if added is not None:
            name, zone = str(event.body["name"]), str(event.body["zone"])
            found[event.person] = Person(event.person, name, zone, added)
    return list(found.values())


def add_person(store: Store, name: str, zone: str, unix_ms: int) -> Person:
    """Add a person. The tag is random: it says nothing about them. Raises UsageError."""
    read_zone(zone)
    with store.writing():
        people = list_people(store)
        name = _check_name(name, people)
        taken = {event.person for event in store.read(Kind.PERSON, Kind.FORGET)}
        tag = next(tag for tag in iter(_make_tag, "") if tag not in taken)
        person = Person(tag, name, zone, make_stamp(unix_ms, zone))
        store.append(Kind.PERSON, tag, person.as_body(), unix_ms)
    return person


def _make_tag() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(6))


def change_person(store: Store, person: Person, name: str, zone: str, unix_ms: int) -> Person:
    """Change a person's name or zone. Stored days stay as they are. Raises UsageError."""
    read_zone(zone)
    with store.writing():
        others = [p for p in list_people(store) if p.tag != person.tag]
        changed = Person(person.tag, _check_name(name, others), zone, person.added)
        store.append(Kind.PERSON, person.tag, changed.as_body(), unix_ms)
    return changed


def _check_name(name: str, people: Sequence[Person]) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable() or name.startswith("-"):
        raise UsageError(
            f"{name!r} cannot be a name",
            f"use 1 to {MAX_NAME} printable characters, the first one not a hyphen",
        )
    if name.casefold() in {word for p in people for word in (p.name.casefold(), p.tag)}:
        raise UsageError(f"{name} is taken", "choose another name")
    return name


def find_person(people: Sequence[Person], word: str) -> Person:
    """Find the person that `word` means: a name, the beginning of one, or a tag.

    Raises UsageError.
    """
    plain = word.strip().casefold()
    exact = [p for p in people if plain in (p.name.casefold(), p.tag)]
    found = exact or [p for p in people if plain and p.name.casefold().startswith(plain)]
    if not found:
        raise UsageError(f"{word} is nobody's name here", "see `pbmwrap person list`")
    return require_one(found, word, lambda person: person.name, "write more of it")


def require_one(found: Sequence[Found], word: str, name: Callable[[Found], str], way: str) -> Found:
    """Return the one thing found. way: what to do when `word` means several. Raises UsageError."""
    if len(found) > 1:
        raise UsageError(f"{word} can mean {', '.join(map(name, found))}", way)
    return found[0]


def choose_person(store: Store, word: str | None) -> Person:
    """Return the person that a command works for: `word`, else the chosen one, else the only one.

    Raises UsageError when that is nobody, or when it could be several.
    """
    people = list_people(store)
    if not people:
        raise UsageError("nobody is in this household yet", "add one: `pbmwrap person add NAME`")
    if word:
        return find_person(people, word)
    chosen = next((p for p in people if p.tag == store.choice(_CHOSEN)), None)
    if chosen or len(people) == 1:
        return chosen or people[0]
    listed = ", ".join(p.name for p in people)
    raise UsageError(
        f"several people use this wrap ({listed})",
        "add --person NAME, or `pbmwrap person use NAME`",
    )


def use_person(store: Store, person: Person | None) -> None:
    """Choose the person for the commands that follow on this machine; None: nobody."""
    store.set_choice(_CHOSEN, person.tag if person else "")


def is_tag(text: str) -> bool:
    """Whether `text` can be a person's tag."""
    return TAG.fullmatch(text) is not None


def forget_person(store: Store, person: Person, unix_ms: int) -> int:
    """Delete all that the household's file says about a person; returns the number of events.

    Sessions of the log that were theirs stay in the archive of logs, and are no longer anybody's:
    nobody is asked about them again.
    """
    keys = sorted(
        {
            key
            for event in store.read(Kind.CLAIM, person=person.tag)
            for key in event.body.get("keys", ())
        }
    )
    with store.writing():
        if store.choice(_CHOSEN) == person.tag:
            use_person(store, None)
        if keys:
            store.append(Kind.CLAIM, "", {"keys": keys, "why": "forgotten"}, unix_ms)
        erased = store.erase_bodies(person.tag, unix_ms)
    store.finish_erasing()
    return erased
