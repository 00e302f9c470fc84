"""Writes the envelope of every `--json` output; envelope_model.py has its model and schema.

The text is made without that model: importing pydantic and building it takes 200 ms of CPU, three
times as much as all of `pbmwrap version`. The tests check every line against the model.
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


def format_success(command: str, data: Any, problem: WrapError | None = None) -> str:
    """Return the line for a command that succeeded.

    data: JSON values, dataclasses, times and paths. problem: what it found wrong, as `doctor` does.
    """
    return _make_line(command, data, problem)


def format_failure(command: str, problem: WrapError) -> str:
    """Return the line for a command that failed."""
    return _make_line(command, None, problem)


def _make_line(command: str, data: Any, problem: WrapError | None) -> str:
    """Return the line in ASCII, which is the same in a pipe of any encoding."""
    envelope = {
        "ok": problem is None,
        "command": command,
        "data": _to_json(data),
        "error": _error_part(problem) if problem else None,
        "version": VERSION,
    }
    return json.dumps(envelope, separators=(",", ":"), allow_nan=False)


def _error_part(problem: WrapError) -> dict[str, Any]:
    return {
        "code": problem.code,
        "exit": problem.exit_code,
        "message": problem.message,
        "hint": problem.hint,
        "problems": list(getattr(problem, "problems", ())),
    }


def _to_json(value: Any) -> Any:
    """Convert a value for JSON: nan and infinity to null, times to ISO 8601. Raises TypeError."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _to_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(inner) for inner in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _to_json(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
