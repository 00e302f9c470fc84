"""Protocols for the page: the wrap's slots and the examples, each with its text and what it gives.

A wrap stores neither the cautions nor the evidence of a file, so the text of each file that the
page stores is kept on this machine, by the protocol's hash.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from pbmwrap import disk, paths
from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello, Slot
from pbmwrap.errors import DeviceError, WrapError
from pbmwrap.protocols import template
from pbmwrap.protocols.encode import canonical, from_canonical, sha256
from pbmwrap.protocols.load import loads
from pbmwrap.protocols.to_toml import format_toml
from pbmwrap.web.protocol_check import describe_problem, load_text, refuse_text
from pbmwrap.web.protocol_view import Cals, compute, describe, make_empty_row


def list_slots(client: Client, hello: Hello) -> list[dict[str, Any]]:
    """Return one row per slot that holds something. Raises WrapError."""
    found, cals = client.protocols(), client.calibrations()
    return [
        _make_slot_row(client, hello, number, slot, number == found.active, cals)
        for number, slot in enumerate(found.slots)
        if slot is not None
    ]


def _make_slot_row(
    client: Client, hello: Hello, number: int, slot: Slot, active: bool, cals: Cals
) -> dict[str, Any]:
    about = {"slot": number, "active": active, "sha": slot.sha, "broken": slot.broken}
    if slot.broken:
        return {**make_empty_row(slot), **about}
    try:
        protocol = from_canonical(client.read_protocol(number), dict(hello.channels))
    except (ValueError, DeviceError) as problem:
        return {**make_empty_row(slot), **about, "broken": str(problem)}
    text = _find_text(slot.sha)
    whole = loads(text, dict(hello.channels)).protocol if text else None
    return {**describe(whole or protocol, text or format_toml(protocol), hello, cals), **about}


def list_examples(hello: Hello | None, cals: Cals) -> list[dict[str, Any]]:
    """Return one row per protocol that comes with pbmwrap."""
    rows = []
    for path in template.examples().values():
        text = path.read_text(encoding="utf-8")
        protocol = loads(text).protocol
        if protocol is not None:
            about = {"slot": None, "active": False, "broken": None}
            about["sha"] = sha256(canonical(protocol))
            rows.append({**describe(protocol, text, hello, cals), **about})
    return rows


def check(text: str, hello: Hello | None, cals: Cals) -> dict[str, Any]:
    """Return all problems of a file's text, or what the protocol gives."""
    found = load_text(text, hello)
    problems = [describe_problem(fault) for fault in found.faults]
    if found.protocol is None:
        return {"problems": problems, "summary": None}
    protocol = found.protocol
    about: dict[str, Any] = {"id": protocol.id, "name": protocol.name, "site": protocol.site}
    about["evidence"] = protocol.evidence.grade if protocol.evidence else None
    about["cautions"] = list(protocol.cautions)
    return {"problems": [], "summary": {**about, **compute(protocol, hello, cals)}}


def store(client: Client, hello: Hello, slot: int, text: str) -> dict[str, Any]:
    """Check a text, store it in a slot, verify it. Raises InvalidFile, WrapError."""
    found = load_text(text, hello)
    if found.protocol is None:
        raise refuse_text(found)
    raw = canonical(found.protocol)
    client.flash_protocol(slot, raw, sha256(raw))
    client.verify_protocol(slot, raw)
    with suppress(WrapError):  # only the cautions are missing later
        disk.make_folder(_folder())
        disk.write_file(_folder() / f"{sha256(raw)}.toml", text, replace=True)
    return {"slot": slot, "id": found.protocol.id, "sha": sha256(raw)}


def _folder() -> Path:
    return paths.data_dir() / "protocols"


def _find_text(sha: str) -> str | None:
    """Return the text of the file with this protocol: an example's, or one that was stored."""
    if sha in _hash_examples():
        return _hash_examples()[sha]
    if len(sha) != 64 or not set(sha) <= set("0123456789abcdef"):
        return None
    try:
        text = (_folder() / f"{sha}.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    protocol = loads(text).protocol
    return text if protocol is not None and sha256(canonical(protocol)) == sha else None


@cache
def _hash_examples() -> dict[str, str]:
    found = {}
    for path in template.examples().values():
        text = path.read_text(encoding="utf-8")
        protocol = loads(text).protocol
        if protocol is not None:
            found[sha256(canonical(protocol))] = text
    return found
