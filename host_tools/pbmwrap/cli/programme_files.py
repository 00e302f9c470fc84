"""Write a person's programme to files: `course report`, `person tables`, `person fhir`.

They are registered by `course_cmds` and `person_cmds`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pbmwrap.cli.command import Force, Json, Result, warn
from pbmwrap.cli.household import Who, open_household_of, read_book, read_now_ms
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import UsageError

if TYPE_CHECKING:
    from pbmwrap.programme.clinician.contents import Report
    from pbmwrap.programme.exports.data import PersonData
    from pbmwrap.programme.model import Person
    from pbmwrap.programme.store import Store

Simulated = Annotated[
    bool, Option("--simulated", help="Mark the data as simulated: not those of a person.")
]


def report(
    file: Annotated[Path, Argument(metavar="FILE", help="Where to write it: .html, .pdf or .png.")],
    course: Annotated[str | None, Option(metavar="COURSE", help="Its number.")] = None,
    simulated: Simulated = False,
    force: Force = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Write a report for a clinician: one sheet, and one with the details."""
    from pbmwrap import disk
    from pbmwrap.programme.clinician import page_html, page_pdf

    kind = file.suffix.lower()
    if kind not in (".html", ".pdf", ".png"):
        raise UsageError(f"{file} is no name of a report", "write a name in .html, .pdf or .png")
    made = _make_report(course, person, simulated)
    if kind == ".html":
        disk.write_file(file, page_html.make_page(made), force)
        return Result({"files": [str(file)]}, f"{file} written")
    pages = [page_pdf.make_pdf(made)] if kind == ".pdf" else page_pdf.make_pngs(made)
    names = [file] if len(pages) == 1 else [_number(file, i) for i in range(1, len(pages) + 1)]
    for name, page in zip(names, pages, strict=True):
        disk.write_file(name, page, force)
    shown = ", ".join(str(name) for name in names)
    return Result({"files": [str(name) for name in names]}, f"{shown} written")


def _number(file: Path, page: int) -> Path:
    return file.with_stem(f"{file.stem}-{page}")


def _make_report(course: str | None, person: str | None, simulated: bool) -> Report:
    from pbmwrap import __version__
    from pbmwrap.programme.clinician.contents import make_report
    from pbmwrap.programme.course_state import read_course_state
    from pbmwrap.programme.courses import find_course
    from pbmwrap.programme.light_facts import describe_calibrations, read_light_facts

    with open_household_of(person) as (store, who):
        chosen, book = find_course(store, who, course), read_book()
        warn(book.notes)
        state = read_course_state(store, who, chosen, book, read_now_ms())
    facts = read_light_facts(state.adherence.sessions, read=book.read)
    references = _list_references([site.protocol_id for site in chosen.sites])
    return make_report(
        state,
        who,
        __version__,
        describe_calibrations(facts),
        facts.parameters,
        references,
        simulated,
    )


def _list_references(ids: list[str]) -> list[str]:
    """List the sources that the bundled protocols of these ids name."""
    from pbmwrap.protocols.load import load
    from pbmwrap.protocols.template import examples

    found: list[str] = []
    for path in examples().values():
        protocol = load(path).protocol
        if protocol and protocol.id in ids and protocol.evidence:
            found += protocol.evidence.references
    return found


def tables(
    folder: Annotated[Path, Argument(metavar="FOLDER", help="Where to write the tables.")],
    parquet: Annotated[
        bool, Option("--parquet", help="Write Parquet instead of CSV (needs duckdb).")
    ] = False,
    force: Force = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Write the journal, questionnaires and sessions of a person as tables, CSV or Parquet."""
    from pbmwrap import disk
    from pbmwrap.programme.exports import tables as made

    with open_household_of(person) as (store, who):
        data = _read_data(store, who, False)
    disk.make_folder(folder)
    files = []
    for table in made.make_tables(data):
        file = folder / f"{table.name}.{'parquet' if parquet else 'csv'}"
        if parquet:
            disk.check_target(file, force)
            made.write_parquet(table, file)
        else:
            disk.write_file(file, made.format_csv(table), force)
        files.append(str(file))
    return Result({"files": files}, "\n".join(f"{file} written" for file in files))


def fhir(
    file: Annotated[Path, Argument(metavar="FILE", help="Where to write the bundle; .json.")],
    with_name: Annotated[
        bool, Option("--with-name", help="Put the person's name into it, not only the tag.")
    ] = False,
    simulated: Simulated = False,
    force: Force = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Write a person's sessions and entries as a FHIR R4 bundle for a clinic's system."""
    from pbmwrap import disk
    from pbmwrap.programme.exports import fhir as made
    from pbmwrap.programme.times import make_stamp

    with open_household_of(person) as (store, who):
        data = _read_data(store, who, simulated)
    bundle = made.make_bundle(data, make_stamp(read_now_ms(), who.zone), with_name)
    disk.write_file(file, made.format_bundle(bundle), force)
    return Result(
        {"file": str(file), "resources": len(bundle["entry"])},
        f"{file} written: {len(bundle['entry'])} resources",
    )


def _read_data(store: Store, who: Person, simulated: bool) -> PersonData:
    from pbmwrap.programme import courses
    from pbmwrap.programme.attribution import list_uses
    from pbmwrap.programme.days import select_current
    from pbmwrap.programme.exports.data import PersonData
    from pbmwrap.programme.journal import list_history, list_totals
    from pbmwrap.programme.light_facts import read_light_facts

    book = read_book()
    warn(book.notes)
    history = list_history(store, who)
    uses = list_uses(store, who, book, history)
    facts = read_light_facts(uses, read=book.read)
    return PersonData(
        who,
        courses.list_courses(store, who),
        select_current(history),
        list_totals(store, who),
        uses,
        facts.calibrations,
        facts.firmware,
        simulated,
    )
