"""Reads a protocol file and reports everything that is wrong with it at once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pbmwrap.errors import InvalidFile
from pbmwrap.protocols import board, encode, syntax
from pbmwrap.protocols.diagnostics import Fault, covered, model_reason, rule_path, rule_reason
from pbmwrap.protocols.locate import KeyPath, dotted, key_lines, line_of
from pbmwrap.protocols.model import Protocol
from pbmwrap.text_files import NotUtf8, decode_text
from wrap.rules import protocol as rules

MAX_FILE_BYTES = 65536


@dataclass(frozen=True)
class LoadResult:
    """A file's protocol, or why there is none. Exactly one of `protocol` and `faults` is empty."""

    source: str
    protocol: Protocol | None
    faults: tuple[Fault, ...]

    def require(self) -> Protocol:
        """The protocol. Raises InvalidFile with every fault."""
        if self.protocol is not None:
            return self.protocol
        raise refuse_files(self)


def refuse_files(*results: LoadResult) -> InvalidFile:
    """The error for files with faults: a single fault in its message, several as its problems."""
    faults = tuple(f"{result.source}: {fault}" for result in results for fault in result.faults)
    if len(faults) == 1:
        return InvalidFile(faults[0], "correct it; docs/protocols.md explains every key")
    wrong = [result.source for result in results if result.faults]
    where = wrong[0] if len(wrong) == 1 else f"{len(wrong)} files"
    hint = "correct each line listed; docs/protocols.md explains every key"
    return InvalidFile(f"{len(faults)} faults in {where}", hint, faults)


def _prune(table: dict[str, Any], path: KeyPath) -> None:
    """Take the value at `path` out, so that the rules are not asked about what has no meaning."""
    at: Any = table
    for part in path[:-1]:
        at = at[part]
    if isinstance(at, dict):
        at.pop(path[-1], None)
    else:
        at[int(path[-1])] = {}


def _by_model(table: dict[str, Any]) -> tuple[Protocol | None, dict[KeyPath, str]]:
    try:
        return Protocol.model_validate(table), {}
    except ValidationError as error:
        return None, {e["loc"]: model_reason(e, e["loc"]) for e in error.errors()}


def _by_rules(
    table: dict[str, Any], found: dict[KeyPath, str], channels: Mapping[str, int]
) -> dict[KeyPath, str]:
    kept = copy.deepcopy(table)
    for path in sorted(found, key=len, reverse=True):
        _prune(kept, path)
    obj = encode.draft(kept)
    out: dict[KeyPath, str] = {}
    for where, reason in rules.problems(obj, channels):
        path = rule_path(where)
        if not covered(path, found):
            out.setdefault(path, rule_reason(reason, path))
    if not found and not out and len(encode.dump(obj)) > rules.MAX_BYTES:
        out[()] = f"is longer than {rules.MAX_BYTES} bytes on the wrap; use fewer steps"
    return out


def _faults(
    table: dict[str, Any], text: str, found: dict[KeyPath, str], broken: bool
) -> list[Fault]:
    """`broken`: lines with syntax faults were left out; what seems missing may stand in them."""
    lines = key_lines(text) if found else {}
    return [
        Fault(line_of(path, lines), dotted(path), reason)
        for path, reason in found.items()
        if not (broken and "missing" in reason)
    ]


def loads(
    text: str, channels: Mapping[str, int] | None = None, source: str = "protocol"
) -> LoadResult:
    """Check a file's text. channels: {name: nm} of the wrap, None for the default board's."""
    table, good, faults = syntax.parse(text)
    if good or not faults:
        for key in [key for key in table if key.startswith(syntax.UNREADABLE)]:
            del table[key]
        protocol, found = _by_model(table)
        found |= _by_rules(table, found, board.wavelengths() if channels is None else channels)
        faults += _faults(table, good, found, bool(faults))
        if not faults:
            return LoadResult(source, protocol, ())
    return LoadResult(source, None, tuple(sorted(faults)))


def load(path: str | Path, channels: Mapping[str, int] | None = None) -> LoadResult:
    """Check a file. Raises InvalidFile only when it cannot be read at all."""
    source = str(path)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise InvalidFile(
            f"{source} cannot be read: {error.strerror or error}", "check the path"
        ) from None
    if len(raw) > MAX_FILE_BYTES:
        return LoadResult(source, None, (Fault(1, "", "is far too long for a protocol"),))
    try:
        text = decode_text(raw)
    except NotUtf8 as error:
        return LoadResult(source, None, (Fault(error.line, "", str(error)),))
    return loads(text, channels, source)
