"""Commands for protocols: files on this machine, slots on the wrap."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import Json, Port, Result, command, new_app, progress, wrap_at
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import InvalidFile, UsageError, VerifyFailed

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Slots
    from pbmwrap.protocols.model import Protocol

File = Annotated[str, Argument(help="A protocol file (TOML), or the id of an example.")]
Number = Annotated[int, Argument(help="The slot, 0 to 7.", min=0, max=7)]


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    group = new_app("Check, compute, store and choose protocols.")
    for body in (check, show, flash, list_slots, activate, delete, new):
        name = "list" if body is list_slots else body.__name__
        command(group, f"protocol {name}")(body)
    app.add_command(group, "protocol")


def _path(name: str) -> Path:
    """The file that `name` means: a path, or an example's id."""
    from pbmwrap.protocols.template import examples

    path = Path(name)
    if path.exists() or path.suffix:
        return path
    shipped = examples()
    if name not in shipped:
        known = ", ".join(shipped)
        raise InvalidFile(f"there is no file {name}", f"the examples are {known}")
    return shipped[name]


def check(
    files: Annotated[list[str], Argument(help="Protocol files, or ids of examples.")],
    json: Json = False,
) -> Result:
    """Check files against every rule; all faults are listed at once. Needs no wrap."""
    from pbmwrap.protocols.load import load

    results = [load(_path(name)) for name in files]
    faults = tuple(f"{r.source}: {fault}" for r in results for fault in r.faults)
    if faults:
        many = "" if len(faults) == 1 else f" and {len(faults) - 1} more"
        hint = "mend what is listed; keys are explained in docs/protocols.md"
        raise InvalidFile(f"{faults[0]}{many}", hint, faults if many else ())
    data = [{"file": r.source, "id": r.require().id} for r in results]
    return Result(data, "\n".join(f"{d['file']}: good" for d in data))


def show(
    file: Annotated[str | None, Argument(help="A protocol file or example.")] = None,
    slot: Annotated[int | None, Option(help="Show what a slot holds.", min=0, max=7)] = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Compute duration and fluence per channel; with --port by the wrap's own calibration."""
    from pbmwrap.cli import protocol_text as shown

    if (file is None) == (slot is None):
        raise UsageError("give either a file or --slot", "see `pbmwrap protocol show --help`")
    if slot is None and port is None:
        return shown.result(_load(str(file), None))
    with wrap_at(port) as (client, hello):
        channels = dict(hello.channels)
        protocol = _load(file, channels) if file else _stored(client, slot or 0, channels)
        return shown.result(protocol, hello, client.calibrations())


def _load(file: str, channels: dict[str, int] | None) -> Protocol:
    from pbmwrap.protocols.load import load

    return load(_path(file), channels).require()


def _stored(client: Client, slot: int, channels: dict[str, int]) -> Protocol:
    from pbmwrap.protocols.device import from_canonical

    try:
        return from_canonical(client.read_protocol(slot), channels)
    except ValueError as problem:
        raise VerifyFailed(f"slot {slot} holds no good protocol: {problem}") from problem


def flash(
    file: File,
    slot: Annotated[
        int | None,
        Option(help="Where to; default: its own slot, or a free one.", min=0, max=7),
    ] = None,
    active: Annotated[bool, Option("--activate", help="Make it the button's choice.")] = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Check a file, show what it will give, store it on the wrap, read it back."""
    from pbmwrap.cli import protocol_text as shown
    from pbmwrap.protocols.device import canonical, sha256

    with wrap_at(port) as (client, hello):
        protocol = _load(file, dict(hello.channels))
        raw = canonical(protocol)
        chosen = _choose(client.protocols(), protocol.id) if slot is None else slot
        computed = shown.result(protocol, hello, client.calibrations())
        with progress("storing") as bar:
            client.flash_protocol(chosen, raw, sha256(raw), bar)
        _verify(client, chosen, raw)
        now = client.activate(chosen) if active else client.protocols().active
    mark = " and active" if now == chosen else ""
    data = {"slot": chosen, "active": now, "sha": sha256(raw), **computed.data}
    return Result(data, shown.stack(computed, f"stored in slot {chosen}{mark}, read back alike"))


def _choose(slots: Slots, wanted: str) -> int:
    """The slot that holds this id, else the first that is empty."""
    for n, slot in enumerate(slots.slots):
        if slot and slot.id == wanted:
            return n
    for n, slot in enumerate(slots.slots):
        if slot is None:
            return n
    raise UsageError("all slots are in use", "choose one to replace with --slot")


def _verify(client: Client, slot: int, raw: bytes) -> None:
    if client.read_protocol(slot) != raw:
        raise VerifyFailed(f"slot {slot} reads back different from what was sent", "flash it again")


def list_slots(port: Port = None, json: Json = False) -> Result:
    """List what the wrap holds."""
    from pbmwrap.cli import text

    with wrap_at(port) as (client, _):
        found = client.protocols()
    return Result(found, text.slots(found))


def activate(slot: Number, port: Port = None, json: Json = False) -> Result:
    """Choose the protocol that the button starts."""
    with wrap_at(port) as (client, _):
        return _now_active(client.activate(slot))


def delete(slot: Number, port: Port = None, json: Json = False) -> Result:
    """Empty a slot."""
    with wrap_at(port) as (client, _):
        return _now_active(client.delete(slot))


def _now_active(slot: int | None) -> Result:
    text = "no slot is active" if slot is None else f"slot {slot} is active"
    return Result({"active": slot}, text)


def new(
    file: Annotated[Path, Argument(help="The file to write.")],
    id: Annotated[str | None, Option(help="Default: the file's name.")] = None,
    name: Annotated[str, Option(help="For people, at most 40 characters.")] = "My protocol",
    force: Annotated[bool, Option("--force", help="Replace a file.")] = False,
    json: Json = False,
) -> Result:
    """Write a new protocol file with comments, ready to be changed."""
    from pbmwrap.protocols.template import template

    if file.exists() and not force:
        raise UsageError(f"{file} exists", "choose another name or add --force")
    chosen: dict[str, Any] = {"id": id or file.stem, "name": name}
    try:
        file.write_text(template(**chosen), encoding="utf-8")
    except OSError as problem:
        raise InvalidFile(f"{file} cannot be written: {problem.strerror}") from problem
    return Result({"file": str(file)}, f"{file} written; check it with `pbmwrap protocol check`")
