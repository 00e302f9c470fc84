"""Shows what a protocol will do, as data and as text, before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pbmwrap.cli.command import Result
from pbmwrap.cli.text import clock_text, format_table
from pbmwrap.protocols import board, encode
from pbmwrap.protocols.summary import Summary, summary
from pbmwrap.words import name_end
from wrap.rules import states

if TYPE_CHECKING:
    from pbmwrap.device.models import Calibration, Hello
    from pbmwrap.protocols.model import Protocol


def make_result(
    protocol: Protocol,
    hello: Hello | None = None,
    calibration: Sequence[Calibration | None] | None = None,
) -> Result:
    """Return what the protocol does on this wrap, or on the default board without one."""
    computed = summary(protocol, _order_lamps(hello), calibration)
    data = {
        "id": protocol.id,
        "name": protocol.name,
        "site": protocol.site,
        "sha": encode.sha256(encode.canonical(protocol)),
        "summary": asdict(computed),
        "protocol": protocol.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    return Result(data, _make_group(protocol, computed))


def _order_lamps(hello: Hello | None) -> tuple[board.Lamp, ...]:
    """Return the board's lamps in the wrap's order; the default board's for other channels."""
    known = {lamp.name: lamp for lamp in board.lamps()}
    if hello is None or any(name not in known for name, _ in hello.channels):
        return tuple(known.values())
    return tuple(known[name] for name, _ in hello.channels)


def _make_group(protocol: Protocol, computed: Summary) -> Any:
    from rich.console import Group

    grade = protocol.evidence.grade if protocol.evidence else "none stated"
    lines = [
        f"{protocol.name} ({protocol.id}) at {protocol.site}, evidence: {grade}",
        _course_text(computed),
    ]
    rows = [
        (c.name, f"{c.nm} nm", clock_text(round(c.lit_s * 1000)), _peak_text(c), c.fluence_text)
        for c in computed.channels
    ]
    rows.append(("all", "", "", "", computed.fluence_text))
    heads = ("channel", "", "time lit", "peak", "fluence")
    notes = [f"note: {warning}" for warning in computed.warnings]
    return Group(*lines, "", format_table(heads, rows), *([""] if notes else []), *notes)


def _course_text(computed: Summary) -> str:
    """Return how long the protocol runs, and what ends it."""
    runs = f"runs {clock_text(round(computed.ends_s * 1000))}, then stops"
    if computed.ends_by == states.BY_TIME:
        return runs
    full = clock_text(computed.duration_s * 1000)
    return f"{runs}: {name_end(computed.ends_by)} (its steps would last {full})"


def _peak_text(channel: Any) -> str:
    if channel.peak_mw_cm2 is None:
        return f"at most {channel.peak_worst_mw_cm2:.1f} mW/cm2"
    return f"{channel.peak_mw_cm2:.1f} mW/cm2"


def append_line(first: Result, last: str) -> Any:
    """Return what `first` shows, then a line."""
    from rich.console import Group

    return Group(first.show, "", last)
