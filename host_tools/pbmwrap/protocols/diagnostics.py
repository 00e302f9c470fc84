"""What is wrong in a protocol file, by the file's own keys: line, key, reason."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from pbmwrap.protocols.locate import KeyPath
from pbmwrap.protocols.model import Channel, Evidence, Protocol


@dataclass(frozen=True, order=True)
class Fault:
    """`line` counts from 1; `key` is dotted (`step[1].red.intensity`, elements from 1) or empty."""

    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.key + ' ' if self.key else ''}{self.reason}"


_TYPES = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "literal_error": 'must be "continuous" or "pulsed"',
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
}


def _known_keys(parent: KeyPath) -> list[str]:
    if not parent:
        return ["schema" if name == "version" else name for name in Protocol.model_fields]
    if parent[0] == "evidence":
        return list(Evidence.model_fields)
    return list(Channel.model_fields)


def _not_known(path: KeyPath) -> str:
    known = _known_keys(path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, 1)
    return f"is not known; did you mean {close[0]}?" if close else "is not known"


def _stray_in_step(path: KeyPath) -> str:
    close = difflib.get_close_matches(str(path[-1]), ["duration_s"], 1, 0.5)
    hint = "; did you mean duration_s?" if close else ""
    return f"is not known: a step has duration_s and one table per channel{hint}"


def model_reason(error: ErrorDetails, path: KeyPath) -> str:
    """One plain sentence part for an error of the model at `path`."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return _not_known(path)
    if kind in ("model_type", "model_attributes_type") and len(path) == 3 and path[0] == "step":
        return _stray_in_step(path)
    if kind == "value_error":
        return str(error["ctx"]["error"]) if "ctx" in error else error["msg"]
    return _TYPES.get(kind, error["msg"][:1].lower() + error["msg"][1:])


_KEYS = {
    "v": "schema",
    "dose": "dose_j_cm2",
    "ramp": "ramp_s",
    "trip": "skin_trip_c",
    "flicker_ok": "photosensitivity_confirmed",
}
_SPEC = ("intensity", "frequency_hz", "on_fraction")
_PLACE = re.compile(r"^steps(?:\[(\d+)\])?(?:\.(t|ch)(?:\.([^\[]*))?(?:\[(\d)\])?)?$")


def rule_path(path: str) -> KeyPath:
    """The file's key for a path of `wrap.rules.protocol.problems`."""
    if path == "grade":
        return ("evidence", "grade")
    found = _PLACE.match(path)
    if found is None:
        return (_KEYS.get(path, path),) if path else ()
    step, part, channel, item = found.groups()
    out: list[Any] = ["step"] + ([int(step)] if step else [])
    out += ["duration_s"] if part == "t" else [channel] if channel else []
    return tuple(out + ([_SPEC[int(item)]] if item else []))


_BOUNDS = re.compile(r"^must be a whole number from (\d+) to (\d+) (\S+)$")
_HUMAN = {"permille": (10, "%"), "mJ/cm2": (1000, "J/cm2"), "ms": (1000, "s"), "mC": (1000, "C")}


def rule_reason(reason: str, path: KeyPath) -> str:
    """The shared rule's reason with its bounds in the file's units."""
    found = _BOUNDS.match(reason)
    if found is None or found[3] not in _HUMAN:
        return reason
    per_unit, unit = _HUMAN[found[3]]
    if path[-1] == "on_fraction":
        per_unit, unit = 1000, ""
    low, high = (f"{int(found[i]) / per_unit:g}" for i in (1, 2))
    return f"must be from {low} to {high} {unit}".rstrip()


def covered(path: KeyPath, by: Iterable[KeyPath]) -> bool:
    """Whether a fault at `path`, or around it, has been found already."""
    return any(path[: len(other)] == other for other in by)
