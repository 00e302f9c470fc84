"""Checks the text of a protocol file and reports all its faults at once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from pbmwrap.errors import InvalidFile
from pbmwrap.protocols import board, encode, syntax
from pbmwrap.protocols.diagnostics import (
    Fault,
    Reason,
    file_path,
    is_covered,
    model_reason,
    rule_reason,
)
from pbmwrap.protocols.locate import KeyPath, format_path, key_lines, line_of
from pbmwrap.protocols.model import Protocol
from wrap.rules import protocol as rules

MAX_FILE_BYTES = 65536


@dataclass(frozen=True)
class LoadResult:
    """A file's protocol, or its faults. Exactly one of `protocol` and `faults` is empty."""

    source: str
    protocol: Protocol | None
    faults: tuple[Fault, ...]

    def require(self) -> Protocol:
        """Return the protocol. Raises InvalidFile with every fault."""
        if self.protocol is not None:
            return self.protocol
        raise refuse_files(self)


def refuse_files(*results: LoadResult) -> InvalidFile:
    """Return the error for files with faults. A single fault becomes its message, several become
    its `problems`."""
    faults = tuple(f"{result.source}: {fault}" for result in results for fault in result.faults)
    if len(faults) == 1:
        return InvalidFile(faults[0], "correct it; docs/protocols.md explains every key")
    wrong = [result.source for result in results if result.faults]
    where = wrong[0] if len(wrong) == 1 else f"{len(wrong)} files"
    hint = "correct each line listed; docs/protocols.md explains every key"
    return InvalidFile(f"{len(faults)} faults in {where}", hint, faults)


def _remove_value(table: dict[str, Any], path: KeyPath) -> None:
    """Remove the value at `path`, so that the rules do not check what the model has refused."""
    at: Any = table
    for part in path[:-1]:
        at = at[part]
    if isinstance(at, dict):
        at.pop(path[-1], None)
    else:
        at[int(path[-1])] = {}


def _check_model(table: dict[str, Any]) -> tuple[Protocol | None, dict[KeyPath, Reason]]:
    try:
        return Protocol.model_validate(table), {}
    except ValidationError as error:
        return None, {e["loc"]: model_reason(e, e["loc"]) for e in error.errors()}


def _check_rules(
    table: dict[str, Any], found: dict[KeyPath, Reason], channels: Mapping[str, int]
) -> dict[KeyPath, Reason]:
    """Return what the shared rules find beyond `found`, the reasons of the model."""
    kept = copy.deepcopy(table)
    for path in sorted(found, key=len, reverse=True):
        _remove_value(kept, path)
    obj = encode.encode_draft(kept)
    out: dict[KeyPath, Reason] = {}
    for code, key, values in rules.find_problems(obj, dict(channels)):
        path = file_path(key)
        if not is_covered(path, found):
            out.setdefault(path, rule_reason(code, values, path))
    if not found and not out and len(encode.dump_canonical(obj)) > rules.MAX_BYTES:
        out[()] = Reason(f"is longer than {rules.MAX_BYTES} bytes on the wrap; use fewer steps")
    return out


def _locate_faults(text: str, found: dict[KeyPath, Reason], broken: bool) -> list[Fault]:
    """Locate the reasons in `text`. broken: lines with syntax faults were left out, and a key that
    seems missing may be in one of them."""
    lines = key_lines(text) if found else {}
    return [
        Fault(line_of(path, lines), format_path(path), reason.text)
        for path, reason in found.items()
        if not (broken and reason.missing)
    ]


def loads(
    text: str, channels: Mapping[str, int] | None = None, source: str = "protocol"
) -> LoadResult:
    """Check a file's text. channels: {name: wavelength nm} of the wrap; None: the default
    board's."""
    table, good, faults = syntax.parse_text(text)
    if good or not faults:
        for key in [key for key in table if key.startswith(syntax.UNREADABLE)]:
            del table[key]
        protocol, found = _check_model(table)
        found |= _check_rules(
            table, found, board.map_wavelengths() if channels is None else channels
        )
        faults += _locate_faults(good, found, bool(faults))
        if not faults:
            return LoadResult(source, protocol, ())
    return LoadResult(source, None, tuple(sorted(faults)))
