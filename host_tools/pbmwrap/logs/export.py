"""The log for other programs: CSV for spreadsheets, JSON lines with every byte of it."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pbmwrap.errors import InvalidFile
from pbmwrap.logs.clock import Clock, Mark, iso
from pbmwrap.logs.decode import Decoded, Entry, decode_extents
from pbmwrap.logs.sessions import Session, clock_of, sessions
from wrap.session import states

SCHEMA = 1
_MOST = 1 << 45  # more than any offset, and milliseconds until the year 3084
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


def _session_rows(session: Session, clock: Clock, layout: _Layout) -> Iterator[dict[str, Any]]:
    for entry in session.samples:
        data = entry.data or {}
        yield {
            "row": "sample",
            "session": session.number,
            **_where(entry, clock),
            "active_s": f"{data['active_ms'] / 1000:.3f}",
            "state": state_name(data["state"]),
            **layout.values(data["temps_mc"], data["duties_u16"], data["doses_uj"]),
        }
    yield {
        "row": "session",
        "session": session.number,
        **_where(session.first, clock),
        "active_s": f"{session.active_ms / 1000:.3f}",
        "reason": session.reason,
        "protocol": session.protocol or "",
        **layout.values(session.max_mc, [], session.dose_uj),
    }


def to_csv(
    decoded: Decoded,
    marks: Sequence[Mark] = (),
    sensors: Sequence[str] = (),
    channels: Sequence[str] = (),
) -> str:
    """One row per sample, then one per session: highest temperatures, doses, end reason, protocol.

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


def _lines(
    extents: Sequence[tuple[int, bytes]], marks: Sequence[Mark], uid: str
) -> Iterator[dict[str, Any]]:
    yield {"pbmwrap": "log", "schema": SCHEMA, "uid": uid}
    for mark in marks:
        yield {"mark": asdict(mark)}
    decoded = decode_extents(extents)
    clock = clock_of(decoded, marks)
    spots = [(e.offset, e) for e in decoded.entries] + [
        (start, end) for start, end in decoded.damage
    ]
    for offset, what in sorted(spots, key=lambda spot: spot[0]):
        size = what.size if isinstance(what, Entry) else what - offset
        raw = base64.b64encode(_bytes(extents, offset, size)).decode()
        line: dict[str, Any] = {"offset": offset, "raw": raw}
        if isinstance(what, Entry):
            line |= {"type": what.name, "seq": what.seq, "boot": what.boot, "data": what.data}
            line |= {"up_ms": what.up_ms_total, "unix_ms": clock.of(what)}
        yield line


def _bytes(extents: Sequence[tuple[int, bytes]], offset: int, size: int) -> bytes:
    for start, data in extents:
        if start <= offset < start + len(data):
            return data[offset - start : offset - start + size]
    raise ValueError(f"offset {offset} is not in the log")


def to_jsonl(
    extents: Sequence[tuple[int, bytes]], marks: Sequence[Mark] = (), uid: str = ""
) -> Iterator[str]:
    """One line per record, mark and damaged range, with raw bytes; `from_jsonl` is its inverse."""
    for line in _lines(extents, marks, uid):
        yield json.dumps(line, ensure_ascii=True) + "\n"


def _joined(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    out: list[tuple[int, bytearray]] = []
    for offset, raw in pieces:
        if out and out[-1][0] + len(out[-1][1]) == offset:
            out[-1][1].extend(raw)
        else:
            out.append((offset, bytearray(raw)))
    return [(offset, bytes(raw)) for offset, raw in out]


def _whole(value: Any, name: str) -> int:
    """`value`, a number that a log can hold. Raises ValueError."""
    if type(value) is not int or not 0 <= value < _MOST:
        raise ValueError(f"{name} is not a whole number from 0 to {_MOST - 1}")
    return value


def from_jsonl(text: str) -> tuple[str, list[tuple[int, bytes]], list[Mark]]:
    """(uid, extents, marks) of an export. Raises InvalidFile naming the line."""
    uid = ""
    if not text.strip():
        raise InvalidFile("this log export is empty", "export the log again")
    pieces: list[tuple[int, bytes]] = []
    marks: list[Mark] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            said = json.loads(line)
            if number == 1 and (said["pbmwrap"] != "log" or said["schema"] != SCHEMA):
                raise ValueError("its schema is not known")
            if "mark" in said:
                marks.append(Mark(**{k: _whole(v, k) for k, v in said["mark"].items()}))
            elif "raw" in said:
                at = _whole(said["offset"], "offset")
                pieces.append((at, base64.b64decode(said["raw"], validate=True)))
            else:
                uid = str(said["uid"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            hint = "export the log again"
            raise InvalidFile(f"line {number} is no line of a log export: {error}", hint) from None
    return uid, _joined(pieces), marks
