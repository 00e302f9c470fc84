"""Parses TOML text into a table and reports every syntax fault, not only the first."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal, InvalidOperation
from typing import Any

from pbmwrap.protocols.diagnostics import Fault

# tomllib states the place of a fault in its message only (attributes came with Python 3.14).
_WHERE = re.compile(r"\(at line (\d+), column (\d+)\)$")
_MAX_FAULTS = 20
_SPANS_LINES = ("Unclosed", "Unterminated", 'Expected \'"""\'', "Expected \"'''\"")
# Name given to a table whose header could not be read; its keys are not checked.
UNREADABLE = "unreadable-table-"


def _parse_decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # the exponent is too large
        return Decimal("NaN")


def _locate_error(error: Exception, lines: list[str]) -> tuple[int, str]:
    text = str(error)
    found = _WHERE.search(text)
    reason = text.split(" (at ")[0]
    reason = reason[:1].lower() + reason[1:]
    if found is None:
        return len(lines), reason
    return int(found.group(1)), f"{reason} at column {found.group(2)}"


def _blank_line(lines: list[str], line: int, reason: str) -> bool:
    """Remove a faulty line so that the rest can be parsed. Returns False when the rest would then
    be parsed wrongly."""
    text = lines[line - 1].strip()
    if reason.lower().startswith(tuple(s.lower() for s in _SPANS_LINES)):
        return False
    if text.startswith("["):
        lines[line - 1] = f"[{UNREADABLE}{line}]"
        return True
    lines[line - 1] = ""
    return bool(text) and '"""' not in text and "'''" not in text


def parse_text(text: str) -> tuple[dict[str, Any], str, list[Fault]]:
    """Return (table, the text that it was read from, faults). Lines with faults are left out."""
    lines = text.replace("\r\n", "\n").split("\n")
    faults: list[Fault] = []
    while len(faults) < _MAX_FAULTS:
        good = "\n".join(lines)
        try:
            return tomllib.loads(good, parse_float=_parse_decimal), good, faults
        except RecursionError:
            return {}, "", [*faults, Fault(1, "", "is nested too deeply")]
        except ValueError as error:
            line, reason = _locate_error(error, lines)
            faults.append(Fault(line, "", "is not valid TOML: " + reason))
            if not _blank_line(lines, line, reason):
                break
    return {}, "", faults
