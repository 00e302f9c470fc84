"""One wrap's log as rows for SQL (`pbmwrap.logs.views`), plain JSON values. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pbmwrap.logs import notices
from pbmwrap.logs.archive import WrapArchive
from pbmwrap.logs.clock import Clock
from pbmwrap.logs.decode import Decoded
from pbmwrap.logs.jsonl import schema_of, session_number, session_of
from pbmwrap.logs.sessions import Session, clock_of, sessions
from pbmwrap.logs.to_report import firmware_of

Row = dict[str, Any]
_MOST = 255  # channels or sensors that a sample can carry


@dataclass(frozen=True)
class Names:
    """Channels, sensors and the sensors' roles, as the wrap last told them; numbers stand in."""

    channels: tuple[str, ...]
    sensors: tuple[str, ...]
    roles: tuple[str, ...]

    def of_role(self, role: str) -> list[int]:
        """Which sensors have it."""
        return [i for i, its in enumerate(self.roles) if its == role]


def names_of(about: Mapping[str, Any]) -> Names:
    """Of `hello`. Nonsense is taken for silence: names are for people, only the order counts."""
    channels, _ = _pairs(about.get("channels"))
    sensors, roles = _pairs(about.get("sensors"))
    return Names(_numbered(channels), _numbered(sensors), tuple(roles))


def _pairs(said: Any) -> tuple[list[str], list[str]]:
    try:
        pairs = [(str(one), str(other)) for one, other in said]
    except (TypeError, ValueError):
        pairs = []
    return [one for one, _ in pairs], [other for _, other in pairs]


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    """As many as a sample can carry, each once: a second `skin` is `skin-2`."""
    out: dict[str, None] = {}
    for number in range(1, _MOST + 1):
        name = names[number - 1] if number <= len(names) else str(number)
        while name in out:
            name = f"{name}-{number}"
        out[name] = None
    return tuple(out)


@dataclass(frozen=True)
class Wrap:
    """One wrap's log, read. times: UTC ms per record, None where unknown."""

    uid: str
    about: Mapping[str, Any]
    names: Names
    decoded: Decoded
    clock: Clock
    times: list[int | None]
    sessions: list[Session]
    notes: list[str]
    bytes: int


def read(kept: WrapArchive) -> Wrap:
    """Everything that is derived from a wrap's lines."""
    decoded = kept.decoded()
    clock = clock_of(decoded, kept.marks())
    return Wrap(
        kept.folder.name,
        kept.about(),
        names_of(kept.about()),
        decoded,
        clock,
        [clock.of(entry) for entry in decoded.entries],
        sessions(decoded),
        list(notices.of_wrap(kept, decoded)),
        kept.size,
    )


def record_rows(wrap: Wrap) -> Iterator[Row]:
    """`unix_ms` instead of `when_utc`; samples are made of these by SQL."""
    for entry, unix_ms in zip(wrap.decoded.entries, wrap.times, strict=True):
        yield {
            "uid": wrap.uid,
            "byte": entry.offset,
            "size": entry.size,
            "type": entry.name,
            "schema": schema_of(entry),
            "seq": entry.seq,
            "boot": entry.boot,
            "unix_ms": unix_ms,
            "up_s": entry.up_ms_total / 1000,
            "session": session_of(entry),
            "data": entry.data,
        }


def session_rows(wrap: Wrap) -> Iterator[Row]:
    """In the log's order."""
    firmware = firmware_of(wrap.decoded)
    for session in wrap.sessions:
        start = session.first
        yield {
            "uid": wrap.uid,
            "session": session_number(session.number),
            "boot": session.boot,
            "when_utc": timestamp(wrap.clock.of(start)),
            "up_s": start.up_ms_total / 1000,
            **_protocol(session),
            **_end(session),
            **_light(session, wrap.names),
            **_heat(session, wrap.names),
            "faults": len(session.faults),
            "samples": len(session.samples),
            "whole": session.start is not None and session.end is not None,
            "firmware": firmware.get(session.boot),
        }


def _protocol(session: Session) -> Row:
    columns = {"protocol": "id", "protocol_name": "name", "site": "site", "grade": "grade"}
    return {column: session.protocol_text(key) for column, key in columns.items()}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _end(session: Session) -> Row:
    return {
        "started_by": _text(session.started_by),
        "reason": session.reason,
        "restart_cause": _text(session.restart_cause),
        "active_s": _active_s(session),
        "paused_s": _scaled(session.paused_ms, 1000),
    }


def _active_s(session: Session) -> float | None:
    """None where neither the end nor a sample tells: `Session.active_ms` gives 0 then."""
    for entry in (session.end, *reversed(session.samples)):
        active_ms = (entry.data or {}).get("active_ms") if entry else None
        if active_ms is not None:
            return _scaled(active_ms, 1000)
    return None


def _listed(session: Session, what: str) -> list[Any]:
    """A list property; empty where the log says nothing or nonsense."""
    try:
        return list(getattr(session, what) or [])
    except (TypeError, ValueError):
        return []


def _light(session: Session, names: Names) -> Row:
    doses = [_scaled(uj, 1e6) for uj in _listed(session, "dose_uj")]
    known = [dose for dose in doses if dose is not None]
    return {
        "dose_total_j_cm2": sum(known) if doses and len(known) == len(doses) else None,
        "dose_j_cm2": _by(names.channels, doses),
        "on_s": _by(names.channels, [_scaled(ms, 1000) for ms in _listed(session, "on_ms")]),
    }


def _heat(session: Session, names: Names) -> Row:
    temps = [_scaled(mc, 1000) for mc in _listed(session, "max_mc")]
    return {
        "max_skin_c": _hottest(temps, names.of_role("skin")),
        "max_board_c": _hottest(temps, names.of_role("board")),
        "max_temp_c": _by(names.sensors, temps),
    }


def _hottest(temps: Sequence[float | None], which: Sequence[int]) -> float | None:
    known = [temps[i] for i in which if i < len(temps)]
    return max((temp for temp in known if temp is not None), default=None)


def _by(names: Sequence[str], values: Sequence[Any]) -> Row | None:
    return dict(zip(names, values, strict=False)) or None


def _scaled(value: Any, per_unit: float) -> float | None:
    """None where the log gives no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value / per_unit
    except OverflowError:  # JSON numbers have no end
        return None


def wrap_row(wrap: Wrap) -> Row:
    """The wrap itself."""
    decoded = wrap.decoded
    times = [ms for ms in wrap.times if ms is not None]
    return {
        "uid": wrap.uid,
        "board": _text(wrap.about.get("board")),
        "firmware": _text(wrap.about.get("fw")),
        "channels": _pairs(wrap.about.get("channels"))[0] or None,
        "sensors": _pairs(wrap.about.get("sensors"))[0] or None,
        "sessions": len(wrap.sessions),
        "records": len(decoded.entries),
        "bytes": wrap.bytes,
        "first_utc": timestamp(min(times, default=None)),
        "last_utc": timestamp(max(times, default=None)),
        "missing_bytes": _length(decoded.missing),
        "damaged_bytes": _length(decoded.damage),
        "unknown_records": sum(count for _, count in decoded.unknown),
        "newer_records": decoded.newer,
        "unreadable_records": decoded.unreadable,
        "notes": wrap.notes,
    }


def _length(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(end - start for start, end in ranges)


def timestamp(unix_ms: int | None) -> str | None:
    """As SQL reads it, UTC; None also beyond the year 9999."""
    try:
        moment = None if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S.%f")
