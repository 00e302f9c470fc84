"""A protocol as the pages show it: what it says and what it gives on a wrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pbmwrap.device.models import Calibration, Hello, Slot
from pbmwrap.protocols import board
from pbmwrap.protocols.summary import summary

if TYPE_CHECKING:
    from pbmwrap.protocols.model import Protocol

Cals = Sequence[Calibration | None] | None


def make_empty_row(slot: Slot) -> dict[str, Any]:
    """Return the row of a slot whose protocol cannot run or cannot be read."""
    nothing = {"site": None, "fluence": None, "duration_s": None, "cautions": [], "warnings": []}
    return {"id": slot.id, "name": slot.name, **nothing, "evidence": None, "toml": ""}


def describe(protocol: Protocol, text: str, hello: Hello | None, cals: Cals) -> dict[str, Any]:
    """Return what a protocol says and what it gives on this wrap."""
    evidence = protocol.evidence
    return {
        "id": protocol.id,
        "name": protocol.name,
        "site": protocol.site,
        "cautions": list(protocol.cautions),
        "evidence": evidence.grade if evidence else None,
        "evidence_summary": evidence.summary if evidence else "",
        "references": list(evidence.references) if evidence else [],
        **compute(protocol, hello, cals),
        "toml": text,
    }


def compute(protocol: Protocol, hello: Hello | None, cals: Cals) -> dict[str, Any]:
    """Return duration and fluence; without a calibration only the worst case is known."""
    lamps = _order_lamps(hello)
    usable = cals if cals is not None and len(cals) == len(lamps) else None
    found = summary(protocol, lamps, usable)
    channels = [{**asdict(c), "fluence_text": c.fluence_text} for c in found.channels]
    return {
        "duration_s": found.duration_s,
        "ends_by": found.ends_by,
        "ends_s": found.ends_s,
        "fluence": {
            "text": found.fluence_text,
            "j_cm2": found.fluence_j_cm2,
            "worst_j_cm2": found.fluence_worst_j_cm2,
            "target_j_cm2": found.dose_j_cm2,
            "calibrated": found.calibrated,
            "channels": channels,
        },
        "warnings": list(found.warnings),
    }


def _order_lamps(hello: Hello | None) -> tuple[board.Lamp, ...]:
    """Return the board's lamps in the wrap's order; the default board's for other channels."""
    known = {lamp.name: lamp for lamp in board.lamps()}
    if hello is None or any(name not in known for name, _ in hello.channels):
        return tuple(known.values())
    return tuple(known[name] for name, _ in hello.channels)
