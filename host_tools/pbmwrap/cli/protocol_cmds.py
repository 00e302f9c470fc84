"""Commands for protocols: files on this machine, slots on the wrap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli import complete
from pbmwrap.cli.command import (
    Force,
    Json,
    Port,
    Result,
    register_group,
    show_progress,
    wrap_at,
    wrap_if_named,
)
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import DeviceError, InvalidFile, Refused, UsageError, VerifyFailed
from wrap.errors import INVALID

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Slots
    from pbmwrap.protocols.model import Protocol

File = Annotated[
    str,
    Argument(
        help="A protocol file (TOML), or the id of an example.",
        autocompletion=complete.complete_protocols,
    ),
]
Number = Annotated[int, Argument(help="The slot, 0 to 7.", min=0, max=7)]


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    commands = {
        "check": check_files,
        "show": show_protocol,
        "flash": flash_protocol,
        "list": list_slots,
        "activate": activate_slot,
        "delete": delete_slot,
        "new": write_new_file,
        "examples": list_examples,
    }
    help_text = "Check, show, store and choose protocols (docs/protocols.md)."
    register_group(app, "protocol", help_text, commands)


def check_files(
    files: Annotated[
        list[str],
        Argument(
            help="Protocol files, or ids of examples.",
            autocompletion=complete.complete_protocols,
        ),
    ],
    json: Json = False,
) -> Result:
    """Check files against every rule and list all their faults. Needs no wrap."""
    from pbmwrap.protocols.load import LoadResult, load, refuse_files
    from pbmwrap.protocols.template import find_file

    results: list[LoadResult] = []
    unreadable: list[InvalidFile] = []
    for name in files:
        try:
            results.append(load(find_file(name)))
        except InvalidFile as problem:
            unreadable.append(problem)
    wrong = [result for result in results if result.faults]
    if unreadable or wrong:
        raise _join_errors(unreadable, [refuse_files(result) for result in wrong])
    data = [{"file": r.source, "id": r.require().id} for r in results]
    return Result(data, "\n".join(f"{d['file']}: correct" for d in data))


def _join_errors(unreadable: list[InvalidFile], wrong: list[InvalidFile]) -> InvalidFile:
    """Return one error for all files that were checked."""
    errors = unreadable + wrong
    if len(errors) == 1:
        return errors[0]
    lines = [line for error in errors for line in error.problems or (error.message,)]
    hint = "correct each line listed; docs/protocols.md explains every key"
    return InvalidFile(f"{len(errors)} files are not correct", hint, tuple(lines))


def show_protocol(
    file: Annotated[
        str | None,
        Argument(
            help="A protocol file, or the id of an example.",
            autocompletion=complete.complete_protocols,
        ),
    ] = None,
    slot: Annotated[int | None, Option(help="Show what a slot has stored.", min=0, max=7)] = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Compute duration and fluence per channel before anything is lit.

    With --port, $PBMWRAP_PORT or a port in the config file it uses that wrap's channels and
    calibration, else the default board's.
    """
    from pbmwrap.cli import protocol_text as shown

    if (file is None) == (slot is None):
        raise UsageError("give either a file or --slot", "see `pbmwrap protocol show --help`")
    if slot is not None:
        with wrap_at(port) as (client, hello):
            protocol = _read_stored(client, slot, dict(hello.channels))
            return shown.make_result(protocol, hello, client.calibrations())
    with wrap_if_named(port) as found:
        if found is None:
            return shown.make_result(_load_protocol(str(file), None))
        client, hello = found
        protocol = _load_protocol(str(file), dict(hello.channels))
        return shown.make_result(protocol, hello, client.calibrations())


def _load_protocol(file: str, channels: dict[str, int] | None) -> Protocol:
    from pbmwrap.protocols.load import load
    from pbmwrap.protocols.template import find_file

    return load(find_file(file), channels).require()


def _read_stored(client: Client, slot: int, channels: dict[str, int]) -> Protocol:
    from pbmwrap.protocols.encode import from_canonical

    try:
        return from_canonical(client.read_protocol(slot), channels)
    except ValueError as problem:
        hint = f"store it again with `pbmwrap protocol flash FILE --slot {slot}`"
        raise VerifyFailed(f"slot {slot} has no valid protocol: {problem}", hint) from problem


def flash_protocol(
    file: File,
    slot: Annotated[
        int | None,
        Option(
            help="The slot to store it in. Default: the slot with the same id, else a free one.",
            min=0,
            max=7,
        ),
    ] = None,
    active: Annotated[
        bool, Option("--activate", help="Let the button and `run` start it.")
    ] = False,
    person: Annotated[
        str | None,
        Option(
            "--person",
            metavar="NAME",
            help="For this person of several: their sessions count for them (docs/programme.md).",
        ),
    ] = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Check a file, show what it will give, store it on the wrap and verify it."""
    from pbmwrap.cli import protocol_text as shown
    from pbmwrap.protocols.encode import as_table, dump_canonical, encode_draft, sha256

    tag = _find_tag(person) if person else None
    with wrap_at(port) as (client, hello):
        protocol = _load_protocol(file, dict(hello.channels))
        content = encode_draft(as_table(protocol)) | ({"person": tag} if tag else {})
        raw = dump_canonical(content)
        tag = content.get("person", "")
        chosen = _choose_slot(client.protocols(), protocol.id, tag) if slot is None else slot
        computed = shown.make_result(protocol, hello, client.calibrations())
        with show_progress("storing") as bar, _explained_tag(tag):
            client.flash_protocol(chosen, raw, sha256(raw), bar)
        client.verify_protocol(chosen, raw)
        now = client.activate(chosen) if active else client.protocols().active
    mark = " and active" if now == chosen else ""
    data = {"slot": chosen, "active": now, "sha": sha256(raw), **computed.data}
    return Result(data, shown.append_line(computed, f"stored in slot {chosen}{mark}, verified"))


def _find_tag(name: str) -> str:
    from pbmwrap.cli.household import open_household_of

    with open_household_of(name) as (_, person):
        return person.tag


@contextmanager
def _explained_tag(tag: str) -> Iterator[None]:
    """Explain that an older firmware refuses a protocol with a person's tag."""
    try:
        yield
    except DeviceError as problem:
        if tag and problem.device_code == INVALID:
            raise Refused(
                f"the wrap refused a protocol for one person: {problem.text}",
                "if its firmware is older than this program, run `pbmwrap install`",
            ) from problem
        raise


def _choose_slot(slots: Slots, protocol_id: str, person: str) -> int:
    chosen = slots.choose_slot(protocol_id, person)
    if chosen is None:
        raise UsageError("all slots are in use", "choose one to replace with --slot")
    return chosen


def list_slots(port: Port = None, json: Json = False) -> Result:
    """List the protocols that the wrap has stored."""
    from pbmwrap.cli import text

    with wrap_at(port) as (client, _):
        found = client.protocols()
    return Result(found, text.slots_table(found))


def activate_slot(slot: Number, port: Port = None, json: Json = False) -> Result:
    """Choose the protocol that the button and `run` start."""
    with wrap_at(port) as (client, _):
        return _active_result(client.activate(slot))


def delete_slot(slot: Number, port: Port = None, json: Json = False) -> Result:
    """Empty a slot."""
    with wrap_at(port) as (client, _):
        return _active_result(client.delete(slot))


def _active_result(slot: int | None) -> Result:
    text = "no slot is active" if slot is None else f"slot {slot} is active"
    return Result({"active": slot}, text)


def write_new_file(
    file: Annotated[Path, Argument(help="The file to write.")],
    id: Annotated[
        str | None,
        Option(help="a-z, 0-9 and -, at most 24 characters. Default: from the file's name."),
    ] = None,
    name: Annotated[
        str | None,
        Option(help="Shown to people: plain ASCII, at most 40 characters."),
    ] = None,
    source: Annotated[
        str | None,
        Option(
            "--from",
            metavar="PROTOCOL",
            help="Start from an example (`protocol examples`) or a file.",
            autocompletion=complete.complete_protocols,
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> Result:
    """Write a new protocol file, with comments, to be edited."""
    from pbmwrap import disk

    disk.check_target(file, force)
    disk.write_file(file, _make_text(file, id, name, source), force)
    shown = f"{file} written; edit it, then check it with `pbmwrap protocol check`"
    return Result({"file": str(file)}, shown)


def _make_text(file: Path, id: str | None, name: str | None, source: str | None) -> str:
    """Return the text of a new file, which passes `check`. Raises UsageError, InvalidFile."""
    from pbmwrap.protocols import template
    from pbmwrap.protocols.load import loads

    chosen = template.id_from(file.stem) if id is None else id
    if source is None:
        text = template.make_template(chosen, "My protocol" if name is None else name)
    else:
        path = template.find_file(source)
        _load_protocol(str(path), None)
        text = template.rename_protocol(path.read_bytes(), chosen, name)
    faults = loads(text, source=str(file)).faults
    if faults:
        options = {"id": "--id", "name": "--name"}
        wrong = "; ".join(f"{options.get(f.key, f.key)} {f.reason}".lstrip() for f in faults)
        raise UsageError(wrong, "nothing was written; see `pbmwrap protocol new --help`")
    return text


def list_examples(json: Json = False) -> Result:
    """List the protocols that come with pbmwrap."""
    from pbmwrap.cli import text
    from pbmwrap.protocols import template
    from pbmwrap.protocols.load import load

    rows: list[dict[str, Any]] = []
    for id, path in template.examples().items():
        found = load(path).require()
        grade = found.evidence.grade if found.evidence else ""
        row = {"id": id, "name": found.name, "site": found.site, "duration_s": found.duration_s}
        rows.append(row | {"evidence": grade, "file": str(path)})
    heads = ("id", "name", "site", "time", "evidence")
    shown = [
        (r["id"], r["name"], r["site"], text.clock_text(r["duration_s"] * 1000), r["evidence"])
        for r in rows
    ]
    return Result(rows, text.format_table(heads, shown))
