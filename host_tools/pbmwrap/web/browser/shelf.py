"""Protocols for the page: the wrap's slots, files that somebody opens, and the examples that the
build has translated."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello, Slot
from pbmwrap.errors import DeviceError
from pbmwrap.protocols import board
from pbmwrap.protocols.encode import canonical
from pbmwrap.web.browser.plain_protocol import parse_plain
from pbmwrap.web.protocol_check import describe_problem, load_text, refuse_text
from pbmwrap.web.protocol_view import Cals, describe, make_empty_row

if TYPE_CHECKING:
    from pbmwrap.protocols.model import Protocol

Example = dict[str, Any]


class Shelf:
    """examples: `{toml, canonical, cautions, summary, references}` of each file."""

    def __init__(self, examples: list[Example]) -> None:
        self._examples = examples
        self._by_sha = {hash_text(one["canonical"]): one for one in examples}
        self._stored: dict[str, Example] = {}  # by this page, by their hash

    def list_rows(self, client: Client, hello: Hello) -> list[dict[str, Any]]:
        """Return one row per slot that holds something, then the examples."""
        found, cals = client.protocols(), client.calibrations()
        rows = [
            self._make_slot_row(client, hello, number, slot, number == found.active, cals)
            for number, slot in enumerate(found.slots)
            if slot is not None
        ]
        return [*rows, *self.list_examples(hello, cals)]

    def list_examples(self, hello: Hello | None, cals: Cals) -> list[dict[str, Any]]:
        """Return one row per example."""
        rows = []
        for sha, one in self._by_sha.items():
            channels = dict(hello.channels) if hello else one["channels"]
            try:
                protocol: Any = parse_plain(one["canonical"].encode(), channels, one)
            except ValueError:
                continue  # for another board
            about = {"slot": None, "active": False, "broken": None, "sha": sha}
            rows.append({**describe(protocol, one["toml"], hello, cals), **about})
        return sorted(rows, key=lambda row: row["id"])

    def _make_slot_row(
        self, client: Client, hello: Hello, number: int, slot: Slot, active: bool, cals: Cals
    ) -> dict[str, Any]:
        about = {"slot": number, "active": active, "sha": slot.sha, "broken": slot.broken}
        if slot.broken:
            return {**make_empty_row(slot), **about}
        known = self._stored.get(slot.sha) or self._by_sha.get(slot.sha, {})
        try:
            raw = client.read_protocol(number)
            protocol: Any = parse_plain(raw, dict(hello.channels), known)
        except (ValueError, DeviceError) as problem:
            return {**make_empty_row(slot), **about, "broken": str(problem)}
        return {**describe(protocol, known.get("toml", ""), hello, cals), **about}

    def store(self, client: Client, slot: int, canonical: str) -> dict[str, Any]:
        """Store canonical JSON in a slot, and verify it. Raises WrapError."""
        raw, sha = canonical.encode(), hash_text(canonical)
        stored = client.flash_protocol(slot, raw, sha)
        client.verify_protocol(slot, raw)
        return {"slot": slot, "id": stored["id"], "sha": sha}

    def check(self, toml: str, hello: Hello | None, cals: Cals) -> dict[str, Any]:
        """Return all problems of a file's text, or what the protocol gives."""
        found = load_text(toml, hello)
        if found.protocol is None:
            return {"problems": [describe_problem(one) for one in found.faults], "summary": None}
        channels = dict(hello.channels) if hello else board.map_wavelengths()
        protocol: Any = parse_plain(
            canonical(found.protocol), channels, _list_more(found.protocol, toml)
        )
        return {"problems": [], "summary": describe(protocol, "", hello, cals)}

    def find_example(self, protocol_id: str) -> str:
        """Return the canonical JSON of an example. Raises KeyError."""
        return {json.loads(one["canonical"])["id"]: one["canonical"] for one in self._examples}[
            protocol_id
        ]

    def read_file(self, toml: str, hello: Hello) -> str:
        """Return the canonical JSON of a file's text, and remember the text for this page, since a
        wrap stores neither cautions nor references. Raises InvalidFile."""
        found = load_text(toml, hello)
        if found.protocol is None:
            raise refuse_text(found)
        text = canonical(found.protocol).decode()
        self._stored[hash_text(text)] = _list_more(found.protocol, toml)
        return text


def _list_more(protocol: Protocol, toml: str) -> Example:
    """Return what the canonical JSON does not have."""
    evidence = protocol.evidence
    return {
        "toml": toml,
        "cautions": list(protocol.cautions),
        "summary": evidence.summary if evidence else "",
        "references": list(evidence.references) if evidence else [],
    }


def hash_text(text: str) -> str:
    """Return the SHA-256 of ASCII text as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()
