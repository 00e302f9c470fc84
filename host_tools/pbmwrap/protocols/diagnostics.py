"""Faults of a protocol file, named by the file's own keys: line, key, reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pbmwrap.protocols.locate import KeyPath
from pbmwrap.protocols.model import KEY_MISSING, Channel, Evidence, Protocol
from wrap.rules import protocol as rules

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, order=True)
class Fault:
    """One fault. `line` counts from 1; `key` is dotted, with elements counted from 1
    (`step[1].red.intensity`), or empty when the fault is of the whole file."""

    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.key + ' ' if self.key else ''}{self.reason}"


@dataclass(frozen=True)
class Reason:
    """Why a key is wrong. `missing`: the key is required and absent, so that it may stand in a line
    which could not be read."""

    text: str
    missing: bool = False


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


def _unknown_key(path: KeyPath) -> str:
    known = _known_keys(path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, 1)
    return f"is not known; did you mean {close[0]}?" if close else "is not known"


def _unknown_step_key(path: KeyPath) -> str:
    close = difflib.get_close_matches(str(path[-1]), ["duration_s"], 1, 0.5)
    hint = "; did you mean duration_s?" if close else ""
    return f"is not known: a step has duration_s and one table per channel{hint}"


def model_reason(error: ErrorDetails, path: KeyPath) -> Reason:
    """Return the reason for an error that the pydantic model found at `path`."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return Reason(_unknown_key(path))
    if kind in ("model_type", "model_attributes_type") and len(path) == 3 and path[0] == "step":
        return Reason(_unknown_step_key(path))
    if kind == "value_error":
        return Reason(str(error["ctx"]["error"]) if "ctx" in error else error["msg"])
    text = _TYPES.get(kind, error["msg"][:1].lower() + error["msg"][1:])
    return Reason(text, kind in ("missing", KEY_MISSING))


_KEYS = {
    "v": "schema",
    "dose": "dose_j_cm2",
    "ramp": "ramp_s",
    "trip": "skin_trip_c",
    "flicker_ok": "photosensitivity_confirmed",
}
_CHANNEL_KEYS = ("intensity", "frequency_hz", "on_fraction")


def file_path(key: Sequence[str | int]) -> KeyPath:
    """Return the file's path for the `key` of a problem of `wrap.rules.protocol`."""
    if not key:
        return ()
    if key[0] == "grade":
        return ("evidence", "grade")
    if key[0] != "steps":
        return (_KEYS.get(str(key[0]), key[0]),)
    out: list[str | int] = ["step", *key[1:2]]
    if key[2:] == ("t",):
        out.append("duration_s")
    elif len(key) > 3:
        out.append(key[3])
        out += [_CHANNEL_KEYS[int(index)] for index in key[4:]]
    return tuple(out)


# Device units of a range, with how many of them are one of the file's units.
_FILE_UNITS = {
    "permille": (10, "%"),
    "mJ/cm2": (1000, "J/cm2"),
    "ms": (1000, "s"),
    "mC": (1000, "C"),
}


def rule_reason(code: int, values: Sequence[Any], path: KeyPath) -> Reason:
    """Return the reason for a problem of the shared rules at `path`, in the file's units."""
    if code != rules.OUT_OF_RANGE or values[2] not in _FILE_UNITS:
        return Reason(rules.reason_text(code, tuple(values)), code == rules.MISSING)
    per_unit, unit = _FILE_UNITS[values[2]]
    if path[-1] == "on_fraction":
        per_unit, unit = 1000, ""
    low, high = (f"{bound / per_unit:g}" for bound in values[:2])
    return Reason(f"must be from {low} to {high} {unit}".rstrip())


def is_covered(path: KeyPath, by: Iterable[KeyPath]) -> bool:
    """Return whether `by` has `path` itself or a table around it."""
    return any(path[: len(other)] == other for other in by)
