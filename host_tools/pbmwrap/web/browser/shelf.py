"""Protocols for the page: the wrap's slots, and the examples that the build has translated."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello, Slot
from pbmwrap.errors import DeviceError, InvalidFile
from pbmwrap.web.browser.plain_protocol import parse_plain
from pbmwrap.web.protocol_view import Cals, describe, make_empty_row

Example = dict[str, Any]
_ONLY_EXAMPLES = "this page stores only the examples"
_HINT = "use `pbmwrap protocol flash FILE` for files of your own"


class Shelf:
    """examples: `{toml, canonical, cautions, summary, references}` of each file."""

    def __init__(self, examples: list[Example]) -> None:
        self._examples = examples
        self._by_sha = {hash_text(one["canonical"]): one for one in examples}

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
        known = self._by_sha.get(slot.sha, {})
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
        """Return what an example gives; for another text, that this page cannot read it."""
        try:
            raw = self.find_canonical(toml).encode()
        except InvalidFile as problem:
            line = {"line": 1, "key": "", "message": problem.message, "hint": problem.hint}
            return {"problems": [line], "summary": None}
        known = self._by_sha.get(hash_text(raw.decode()), {})
        channels = dict(hello.channels) if hello else known["channels"]
        try:
            protocol: Any = parse_plain(raw, channels, known)
        except ValueError as problem:
            line = {"line": 1, "key": "", "message": str(problem), "hint": ""}
            return {"problems": [line], "summary": None}
        return {"problems": [], "summary": describe(protocol, "", hello, cals)}

    def find_example(self, protocol_id: str) -> str:
        """Return the canonical JSON of an example. Raises KeyError."""
        return {json.loads(one["canonical"])["id"]: one["canonical"] for one in self._examples}[
            protocol_id
        ]

    def find_canonical(self, toml: str) -> str:
        """Return the canonical JSON of an example's text. Raises InvalidFile for another text."""
        return self._find(toml)["canonical"]

    def _find(self, toml: str) -> Example:
        for one in self._examples:
            if one["toml"] == toml:
                return one
        raise InvalidFile(_ONLY_EXAMPLES, _HINT)


def hash_text(text: str) -> str:
    """Return the SHA-256 of ASCII text as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()
