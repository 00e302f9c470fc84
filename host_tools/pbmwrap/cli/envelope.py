"""Writes the one shape of every `--json` output. envelope_model.py describes it, with its schema.

The text is made without that model: importing pydantic and building it took 200 ms of CPU, three
times as much as all of `pbmwrap version`. The tests hold every line against the model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from pathlib import PurePath
from typing import Any

from pbmwrap.errors import WrapError

VERSION = 1


def good(command: str, data: Any, problem: WrapError | None = None) -> str:
    """The line for a command that did its work. data: JSON values, dataclasses, times and paths.

    problem: what it found wrong, for example by `doctor`.
    """
    return _line(command, data, problem)


def bad(command: str, problem: WrapError) -> str:
    """The line for a command that failed."""
    return _line(command, None, problem)


def _line(command: str, data: Any, problem: WrapError | None) -> str:
    """In ASCII: the same in a pipe of any encoding."""
    envelope = {
        "ok": problem is None,
        "command": command,
        "data": _plain(data),
        "error": _part(problem) if problem else None,
        "version": VERSION,
    }
    return json.dumps(envelope, separators=(",", ":"), allow_nan=False)


def _part(problem: WrapError) -> dict[str, Any]:
    return {
        "code": problem.code,
        "exit": problem.exit_code,
        "message": problem.message,
        "hint": problem.hint,
        "problems": list(getattr(problem, "problems", ())),
    }


def _plain(value: Any) -> Any:
    """A value as JSON has it: nan and infinite as null, times as ISO 8601. Raises TypeError."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
