"""Checks the text of a protocol file for the page: all problems by line, or what it gives."""

from __future__ import annotations

from typing import Any

from pbmwrap.device.models import Hello
from pbmwrap.errors import InvalidFile
from pbmwrap.protocols.check_text import MAX_FILE_BYTES, LoadResult, loads
from pbmwrap.protocols.diagnostics import Fault

PAGE = "protocol"  # what error messages name, in place of a file
_HINT = "docs/protocols.md explains every key"


def load_text(text: str, hello: Hello | None) -> LoadResult:
    """Return the protocol of a text or all its faults."""
    if len(text.encode("utf-8", "replace")) > MAX_FILE_BYTES:
        return LoadResult(PAGE, None, (Fault(1, "", "is far too long for a protocol"),))
    return loads(text, dict(hello.channels) if hello else None, PAGE)


def describe_problem(fault: Fault) -> dict[str, Any]:
    """Return one problem with its line in the text."""
    message = f"{fault.key} {fault.reason}".strip()
    return {"line": fault.line, "key": fault.key, "message": message, "hint": _HINT}


def refuse_text(found: LoadResult) -> InvalidFile:
    """Return the error for a text that may not be stored."""
    lines = tuple([f"line {fault.line}: {fault.key} {fault.reason}" for fault in found.faults])
    return InvalidFile(f"the protocol has {len(lines)} faults", _HINT, lines)
