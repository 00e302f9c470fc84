"""Sessions and samples as CSV for spreadsheets. Every byte as JSON: `pbmwrap.logs.jsonl`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pbmwrap.logs.clock import Clock, Mark, iso
from pbmwrap.logs.decode import Decoded, Entry
from pbmwrap.logs.sessions import Session, clock_of, sessions
from wrap.rules import states

_FIXED = (
    "row",
    "session",
    "boot",
    "uptime_s",
    "time_utc",
    "active_s",
    "state",
    "reason",
    "protocol",
    "protocol_name",
)


def state_name(number: Any) -> str:
    """`running`; a number when it is newer than this program."""
    known = isinstance(number, int) and 0 <= number < len(states.NAMES)
    return states.NAMES[number] if known else str(number)


def _columns(names: Sequence[str], count: int, pattern: str) -> list[str]:
    return [pattern.format(names[i] if i < len(names) else i + 1) for i in range(count)]


@dataclass(frozen=True)
class _Layout:
    """Column names per quantity. The log names no sensor or channel: numbers stand in for them."""

    temps: list[str]
    duties: list[str]
    doses: list[str]

    def values(self, temps: Any, duties: Any, doses: Any) -> dict[str, Any]:
        """A row's measured cells; what is unknown stays empty."""
        out: dict[str, Any] = {}
        for columns, cells, scale in (
            (self.temps, temps, 1000),
            (self.duties, duties, 65535),
            (self.doses, doses, 1e6),
        ):
            for column, value in zip(columns, cells or [], strict=False):
                out[column] = "" if value is None else f"{value / scale:.6g}"
        return out


def _layout(
    decoded: Decoded, every: list[Session], sensors: Sequence[str], channels: Sequence[str]
) -> _Layout:
    samples = [e.data for s in every for e in s.samples if e.data]
    temps = max([len(d["temps_mc"]) for d in samples] + [len(s.max_mc) for s in every], default=0)
    lamps = max(
        [len(d["duties_u16"]) for d in samples] + [len(s.dose_uj) for s in every], default=0
    )
    return _Layout(
        _columns(sensors, temps, "{}_c"),
        _columns(channels, lamps, "{}_duty"),
        _columns(channels, lamps, "{}_j_cm2"),
    )


def _where(entry: Entry, clock: Clock) -> dict[str, Any]:
    unix_ms = clock.of(entry)
    return {
        "boot": entry.boot,
        "uptime_s": f"{entry.up_ms_total / 1000:.3f}",
        "time_utc": "" if unix_ms is None else iso(unix_ms),
    }


def _seconds(ms: int | None) -> str:
    return "" if ms is None else f"{ms / 1000:.3f}"


def _session_rows(session: Session, clock: Clock, layout: _Layout) -> Iterator[dict[str, Any]]:
    for entry in session.samples:
        data = entry.data or {}
        yield {
            "row": "sample",
            "session": session.number,
            **_where(entry, clock),
            "active_s": _seconds(data["active_ms"]),
            "state": state_name(data["state"]),
            **layout.values(data["temps_mc"], data["duties_u16"], data["doses_uj"]),
        }
    yield {
        "row": "session",
        "session": session.number,
        **_where(session.first, clock),
        "active_s": f"{session.active_ms / 1000:.3f}",
        "reason": session.reason,
        "protocol": session.protocol_text("id") or "",
        "protocol_name": session.protocol_text("name") or "",
        **layout.values(session.max_mc, [], session.dose_uj),
    }


def to_csv(
    decoded: Decoded,
    marks: Sequence[Mark] = (),
    sensors: Sequence[str] = (),
    channels: Sequence[str] = (),
) -> str:
    """One row per sample, then one per session: highest temperatures, doses, end reason, protocol
    by its id and name.

    Temperatures in C, duty 0..1, doses J/cm2, empty where unknown.
    """
    every = sessions(decoded)
    clock = clock_of(decoded, marks)
    layout = _layout(decoded, every, sensors, channels)
    out = io.StringIO()
    names = [*_FIXED, *layout.temps, *layout.duties, *layout.doses]
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    for session in every:
        writer.writerows(_session_rows(session, clock, layout))
    return out.getvalue()
