"""`pbmwrap person`: people of the household, whose session is whose, export, forgetting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli import programme_files
from pbmwrap.cli.command import Force, Json, Result, Yes, ask, register_group, warn
from pbmwrap.cli.household import (
    ask_owners,
    describe_session,
    open_household,
    read_book,
    read_now_ms,
    write_calendars,
)
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import VerifyFailed
from pbmwrap.words import count

if TYPE_CHECKING:
    from pbmwrap.programme.model import Person

Name = Annotated[str, Argument(metavar="NAME", help="Their name, or its beginning.")]
Zone = Annotated[
    str | None,
    Option("--zone", help="Time zone, such as Europe/Berlin or +01:00. Default: this machine's."),
]


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    commands = {
        "add": add_new_person,
        "list": list_people,
        "use": use_person,
        "change": change_person,
        "sessions": list_open_sessions,
        "assign": assign_sessions,
        "forget": forget_person,
        "export": export_household,
        "import": import_household,
        "verify": verify_household,
        "tables": programme_files.tables,
        "fhir": programme_files.fhir,
    }
    help_text = "People who use the wraps of this household (docs/programme.md)."
    register_group(app, "person", help_text, commands)


def add_new_person(
    name: Annotated[str, Argument(metavar="NAME", help="How the household calls them.")],
    zone: Zone = None,
    json: Json = False,
) -> Result:
    """Add a person. A wrap knows them by a random tag only, never by the name."""
    from pbmwrap.programme import people
    from pbmwrap.programme.times import find_machine_zone

    with open_household(create=True) as store:
        person = people.add_person(store, name, zone or find_machine_zone(), read_now_ms())
        others = len(people.list_people(store)) - 1
    text = f"{person.name} added, tag {person.tag}, time zone {person.zone}"
    if others:
        text += f"\nseveral people now: choose one with `pbmwrap person use {person.name}`"
    return Result(_make_row(person), text)


def _make_row(person: Person) -> dict[str, Any]:
    added = person.added
    return {"tag": person.tag, "name": person.name, "zone": person.zone, "added": added.utc}


def list_people(json: Json = False) -> Result:
    """List the people of the household. Shows nothing of their journals."""
    from pbmwrap.cli import text
    from pbmwrap.programme import people

    with open_household() as store:
        found, chosen = people.list_people(store), store.choice("person")
    rows = [_make_row(p) | {"chosen": p.tag == chosen} for p in found]
    shown = [(p.name, "chosen" if p.tag == chosen else "", p.tag, p.zone) for p in found]
    return Result(rows, text.format_table(("name", "", "tag", "time zone"), shown))


def use_person(
    name: Annotated[str, Argument(metavar="NAME", help="Their name; `nobody` to ask each time.")],
    json: Json = False,
) -> Result:
    """Choose the person for the commands that follow on this machine."""
    from pbmwrap.programme import people

    with open_household() as store:
        known = people.list_people(store)
        person = None if name.casefold() == "nobody" else people.find_person(known, name)
        people.use_person(store, person)
    text = f"commands are for {person.name} now" if person else "nobody is chosen"
    return Result({"tag": person.tag if person else None}, text)


def change_person(
    name: Name,
    to: Annotated[str | None, Option("--name", help="Their new name.")] = None,
    zone: Annotated[str | None, Option("--zone", help="Where they live now.")] = None,
    json: Json = False,
) -> Result:
    """Change a person's name or time zone. Days that are stored stay as they are."""
    from pbmwrap.programme import people

    with open_household() as store:
        person = people.find_person(people.list_people(store), name)
        person = people.change_person(
            store, person, to or person.name, zone or person.zone, read_now_ms()
        )
    return Result(_make_row(person), f"{person.name}, time zone {person.zone}")


def list_open_sessions(json: Json = False) -> Result:
    """List the sessions that belong to nobody yet, and ask whose they are in a terminal."""
    from pbmwrap.programme.rows import make_session_row

    with open_household() as store:
        book = read_book()
        warn(book.notes)
        found = ask_owners(store, book, json)
        if not json:
            write_calendars(store, book)
    rows = [make_session_row(session) for session in found]
    lines = [describe_session(session) for session in found]
    if lines:
        lines.append("say whose they are: `pbmwrap person assign NAME SESSION...`")
    shown = "\n".join(lines) or "every logged session belongs to somebody"
    return Result({"sessions": rows, "open": len(found)}, shown)


def assign_sessions(
    name: Annotated[str, Argument(metavar="NAME", help="Whose they are; or `nobody`.")],
    numbers: Annotated[
        list[str], Argument(metavar="SESSION", help="Numbers or keys, see `person sessions`.")
    ],
    json: Json = False,
) -> Result:
    """Say whose logged sessions are. Say it again to correct it; what was said before stays."""
    from pbmwrap.programme.attribution import choose_owner, claim_sessions, find_session

    with open_household() as store:
        person, book = choose_owner(store, name), read_book()
        keys = [find_session(book, word).key for word in numbers]
        claim_sessions(store, keys, person, read_now_ms())
        write_calendars(store, book)
    whose = person.name if person else "nobody"
    return Result(
        {"tag": person.tag if person else None, "keys": keys},
        f"{count(len(keys), 'session')} of {whose}",
    )


_FORGET = """\
This deletes the journal, the courses, the questionnaires and the red flags of {name} from this
machine's file, and cannot be undone. `pbmwrap person export FILE` keeps a copy first."""


def forget_person(name: Name, yes: Yes = False, json: Json = False) -> Result:
    """Delete all that is kept about a person, and say what the wraps still hold."""
    from pbmwrap.programme import people
    from pbmwrap.programme.attribution import list_uses

    with open_household() as store:
        person = people.find_person(people.list_people(store), name)
        uses = list_uses(store, person, read_book())
        ask((_FORGET.format(name=person.name),), f"Forget {person.name}?", yes, json)
        calendars = [
            file for key, file in store.choices("calendar:").items() if key.endswith(person.tag)
        ]
        erased = people.forget_person(store, person, read_now_ms())
    held: dict[str, int] = {}
    for use_ in uses:
        held[use_.uid] = held.get(use_.uid, 0) + 1
    data = {"events": erased, "tag": person.tag, "wraps": held, "files": calendars}
    return Result(data, _format_forgotten(person, erased, held, calendars))


def _format_forgotten(
    person: Person, erased: int, held: dict[str, int], calendars: list[str]
) -> str:
    lines = [f"{person.name} is forgotten: {count(erased, 'record')} deleted and overwritten"]
    for uid, number in held.items():
        lines.append(
            f"wrap {uid}: its log still holds {count(number, 'session')} (time, site, dose, "
            f"temperatures; the tag {person.tag}, no name), until new records replace them; "
            "so does the copy on this machine (`pbmwrap logs forget`)"
        )
    lines.append(
        f"each wrap also keeps the tag {person.tag} in its count of sessions per site (7 days), in "
        "stored protocols (`pbmwrap protocol delete`), and in records of frozen plans (hashes)"
    )
    lines += [f"delete this file yourself: {file}" for file in calendars]
    lines.append("exports, reports and printed sheets that you made are still where you put them")
    return "\n".join(lines)


def export_household(
    file: Annotated[Path, Argument(metavar="FILE", help="Where to write it; .jsonl.")],
    force: Force = False,
    json: Json = False,
) -> Result:
    """Write the whole household to a file: all people, all journals. Keep it private."""
    from pbmwrap import disk

    disk.check_target(file, force)
    with open_household() as store:
        lines = list(store.export_lines())
    disk.write_file(file, "".join(lines), force)
    file.chmod(0o600)
    text = f"{file} written: {count(len(lines) - 1, 'record')} of all people; keep it private"
    return Result({"file": str(file), "events": len(lines) - 1}, text)


def import_household(
    file: Annotated[Path, Argument(metavar="FILE", help="An export.")], json: Json = False
) -> Result:
    """Add what an export of this household has and this machine has not."""
    from pbmwrap import disk

    with disk.explained(file, "read", "check the name"):
        text = file.read_bytes().decode("utf-8", "replace")
    with open_household(create=True) as store:
        added = store.import_lines(text.splitlines(), str(file))
    return Result({"file": str(file), "new_events": added}, f"{count(added, 'new record')}")


def verify_household(json: Json = False) -> Result:
    """Check that nothing in the household's file was changed, and that nothing is missing."""
    with open_household() as store:
        verdict = store.verify()
        path = store.path
    data = {
        "events": verdict.events,
        "forgotten": verdict.forgotten,
        "head": verdict.head,
        "problems": list(verdict.problems),
    }
    gone = f", {verdict.forgotten} of them forgotten" if verdict.forgotten else ""
    lines = [
        f"{count(verdict.events, 'record')}{gone}; head {verdict.head[:16]}",
        *verdict.problems,
    ]
    problem = None
    if verdict.problems:
        problem = VerifyFailed(
            f"{path}: {verdict.problems[0]}",
            "someone changed the file; import your last export into a new data folder",
        )
    else:
        lines.append("complete and unchanged")
    return Result(data, "\n".join(lines), problem)
