"""Converts between the file's human units and the device's integers; makes the canonical bytes and
their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pbmwrap.protocols.model import Protocol
from wrap.rules import limits
from wrap.rules import protocol as rules


def _to_units(value: Any, per_unit: int) -> Any:
    return int(Fraction(value) * per_unit) if isinstance(value, int | Decimal) else value


def _encode_channel(spec: Mapping[str, Any]) -> list[Any]:
    level = _to_units(spec.get("intensity"), 10)
    if spec.get("mode") != "pulsed":
        return [level]
    return [level, spec.get("frequency_hz"), _to_units(spec.get("on_fraction"), 1000)]


def _encode_step(step: Mapping[str, Any]) -> dict[str, Any]:
    lamps = {
        name: _encode_channel(spec) for name, spec in step.items() if isinstance(spec, Mapping)
    }
    return {"t": step.get("duration_s"), "ch": lamps}


def _encode_value(table: Mapping[str, Any], key: str, per_unit: int, default: int) -> Any:
    value = table.get(key)
    return default if value is None else _to_units(value, per_unit)


def encode_draft(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the device object of a file's table, which may be incomplete.

    Required keys that are missing stay missing, so that the shared rules can report them.
    """
    out: dict[str, Any] = {
        "dose": _encode_value(table, "dose_j_cm2", 1000, 0),
        "ramp": _encode_value(table, "ramp_s", 1000, limits.RAMP_UP_MS),
        "trip": _encode_value(table, "skin_trip_c", 1000, limits.SKIN_TRIP_MC),
        "flicker_ok": table.get("photosensitivity_confirmed", False),
        "grade": (table.get("evidence") or {}).get("grade", ""),
    }
    names = {"schema": "v", "id": "id", "name": "name", "site": "site", "person": "person"}
    out.update({mine: table[key] for key, mine in names.items() if key in table})
    if "step" in table:
        out["steps"] = [_encode_step(step) for step in table["step"]]
    return out


def as_table(protocol: Protocol) -> dict[str, Any]:
    """Return the file's table, without keys that are None."""
    return protocol.model_dump(by_alias=True, exclude_none=True)


def dump_canonical(obj: Mapping[str, Any]) -> bytes:
    """Return canonical JSON: sorted keys, no spaces, ASCII."""
    text = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii")


def canonical(protocol: Protocol) -> bytes:
    """Return the bytes that the wrap stores. Defaults are written out, so that a later change of a
    default cannot change a stored protocol."""
    return dump_canonical(encode_draft(as_table(protocol)))


def sha256(raw: bytes) -> str:
    """Return the SHA-256 as 64 hex digits, by which a wrap and its log identify a protocol."""
    return hashlib.sha256(raw).hexdigest()


def _decode_value(value: int, per_unit: int) -> Decimal:
    return Decimal(value) / per_unit


def _channel_table(spec: list[int]) -> dict[str, Any]:
    out: dict[str, Any] = {"intensity": _decode_value(spec[0], 10)}
    if len(spec) == 3:
        out.update(mode="pulsed", frequency_hz=spec[1], on_fraction=_decode_value(spec[2], 1000))
    return out


def _step_table(step: Mapping[str, Any]) -> dict[str, Any]:
    lamps = {name: _channel_table(spec) for name, spec in step["ch"].items()}
    return {"duration_s": step["t"], **lamps}


def from_canonical(raw: bytes, channels: Mapping[str, int]) -> Protocol:
    """Return the model of a protocol that was read from a wrap or a log.

    channels: {name: wavelength nm}. Raises ValueError with the first rule that it breaks. The wrap
    does not store the cautions, nor the evidence except its grade.
    """
    obj = rules.parse(raw)
    found = rules.find_problems(obj, dict(channels))
    if found:
        raise ValueError(rules.problem_text(found[0]).strip())
    table: dict[str, Any] = {k: obj[k] for k in ("id", "name", "site", "person") if k in obj}
    table |= {"schema": obj["v"], "step": [_step_table(step) for step in obj["steps"]]}
    table["photosensitivity_confirmed"] = obj.get("flicker_ok", False)
    for mine, key in (("dose", "dose_j_cm2"), ("ramp", "ramp_s"), ("trip", "skin_trip_c")):
        if obj.get(mine):
            table[key] = _decode_value(obj[mine], 1000)
    if obj.get("grade"):
        table["evidence"] = {"grade": obj["grade"]}
    return Protocol.model_validate(table)
