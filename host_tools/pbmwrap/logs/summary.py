"""Summarises the sessions of a log: the one place where records become figures.

The report, the CSV export, the SQL views and the JSON output read only `SessionSummary`. Figures
are integers in the log's own units; None means that the log does not contain the figure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from typing import Any, TypeVar

from pbmwrap.logs.clock import Clock, format_local, format_uptime, format_utc
from pbmwrap.logs.decode import Decoded, Entry
from pbmwrap.logs.sessions import Session, group_sessions
from wrap.rules import protocol as rules
from wrap.rules import states
from wrap.storage import records

T = TypeVar("T")
_CACHED_PROTOCOLS = 64  # a wrap runs few different ones: a log's sessions share what was parsed


@dataclass(frozen=True)
class WrapInfo:
    """What a log itself does not contain: the wrap's id, its channels and its sensors.

    channels: (name, wavelength in nm), sensors: (name, role "skin" or "board"), both in the wrap's
    order and empty where unknown. area_cm2: the treated area, as the user gave it.
    """

    uid: str
    channels: tuple[tuple[str, int], ...] = ()
    sensors: tuple[tuple[str, str], ...] = ()
    area_cm2: float | None = None

    def with_default_board(self) -> WrapInfo:
        """Fill in the default board's channels and sensors if either is unknown."""
        if self.channels and self.sensors:
            return self
        from pbmwrap.protocols import board

        channels = tuple(board.map_wavelengths().items())
        return replace(self, channels=channels, sensors=board.list_sensors())


def read_wrap_info(uid: str, about: Mapping[str, Any], area_cm2: float | None = None) -> WrapInfo:
    """Read channels and sensors out of `about`, the wrap's answer to `hello` as it was archived.

    A list that is missing or malformed counts as unknown: only names for people depend on it.
    """
    return WrapInfo(
        uid, _read_pairs(about, "channels", int), _read_pairs(about, "sensors", str), area_cm2
    )


def _read_pairs(about: Mapping[str, Any], key: str, kind: type) -> tuple[tuple[str, Any], ...]:
    try:
        return tuple((str(name), kind(value)) for name, value in about.get(key, ()))
    except (TypeError, ValueError, OverflowError):
        return ()


@dataclass(frozen=True)
class SampleSummary:
    """One sample.

    up_ms: uptime. unix_ms: UTC. active_ms: light time so far. state: number in
    `wrap.rules.states`. temps_mc: per sensor, mC, None without a valid reading. duties_u16,
    doses_uj: per channel, 0..65535 and uJ/cm2 so far; the dose is None if uncalibrated.
    """

    up_ms: int
    unix_ms: int | None
    active_ms: int | None
    state: int
    temps_mc: tuple[int | None, ...]
    duties_u16: tuple[int, ...]
    doses_uj: tuple[int | None, ...]


@dataclass(frozen=True)
class FaultSummary:
    """One fault record. code: of `wrap.rules.faults`. temp_mc, limit_mc: reading and limit, mC."""

    code: object
    sensor: str | None
    temp_mc: int | None
    limit_mc: int | None


@dataclass(frozen=True)
class CalibrationSummary:
    """Calibration of a channel at the session's start.

    irradiance_uw_cm2: at full duty. uncertainty_permille: relative. date: `20260101` or as the log
    gives it, "" if unknown. method: how it was measured.
    """

    irradiance_uw_cm2: int | None
    uncertainty_permille: int | None
    date: str
    method: str | None


@dataclass(frozen=True)
class PlannedLight:
    """What the protocol planned for a channel in the time that the session ran.

    lit_ms: time with light. pulse_hz: 0 for continuous light; of several pulsed steps the first.
    pulse_on_permille: share of each period with light.
    """

    lit_ms: int
    pulse_hz: int
    pulse_on_permille: int


@dataclass(frozen=True)
class PlanSummary:
    """The protocol as this board runs it. trip_mc: its skin limit, mC. channels: in wrap order."""

    name: str
    site: str
    trip_mc: int
    channels: tuple[PlannedLight, ...]


@dataclass(frozen=True)
class SessionSummary:
    """One session of one wrap.

    uid: the wrap's id. number: on that wrap. boot: number of the boot that it ran in. firmware:
    version in that boot's record.
    """

    uid: str
    number: int
    boot: int
    firmware: str | None

    first_up_ms: int
    first_unix_ms: int | None
    start_up_ms: int | None
    light_up_ms: int | None
    end_up_ms: int | None
    """Time: uptime in ms and UTC in ms of its first record; uptime in ms of its start record, of
    the first rise of the light, and of its end record."""

    protocol_id: str | None
    protocol_name: str | None
    site: str | None
    grade: str | None
    person: str | None
    plan: PlanSummary | None
    """Protocol: the texts of the one that ran; person: the tag that it carries; plan: None if the
    log does not have it, or if this program or this board could not run it."""

    started_by: str | None
    reason: str
    restart_cause: str | None
    """Start and end: `button` or `link`; the end's reason as `Session.reason` describes it; after
    `power-lost` the cause of the next boot."""

    active_ms: int | None
    paused_ms: int | None
    """Duration: light time by the end record or the last sample, and pauses by the end record."""

    dose_uj: tuple[int | None, ...]
    on_ms: tuple[int | None, ...] | None
    calibrations: tuple[CalibrationSummary | None, ...]
    """Light per channel: dose in uJ/cm2 by the end record or the last sample, None if
    uncalibrated; time at full duty (duty integrated) in ms by the end record; calibrations."""

    max_mc: tuple[int | None, ...]
    max_skin_mc: int | None
    max_board_mc: int | None
    """Heat: highest temperature in mC per sensor, by the end record or the samples, and of all
    skin and all board sensors; None if the sensors' roles are unknown."""

    faults: tuple[FaultSummary, ...]
    records_lost: int
    samples: tuple[SampleSummary, ...]
    """Events: faults; records that the wrap lost before they reached its log; samples."""

    @property
    def whole(self) -> bool:
        """Whether both its start and its end are in the log."""
        return self.start_up_ms is not None and self.end_up_ms is not None

    @property
    def calibrated(self) -> bool:
        """Whether every channel has a dose: only then may a total be shown."""
        return bool(self.dose_uj) and None not in self.dose_uj

    @property
    def dose_total_uj(self) -> int | None:
        """Sum over all channels in uJ/cm2; None unless all are calibrated."""
        return sum(uj or 0 for uj in self.dose_uj) if self.calibrated else None

    @property
    def when_utc(self) -> str:
        """When it began: `2026-11-21T08:30:05Z`, or `boot 3 +00:12:05` if undated."""
        if self.first_unix_ms is None:
            return format_uptime(self.boot, self.first_up_ms)
        return format_utc(self.first_unix_ms)

    @property
    def when_local(self) -> str:
        """The same for people: `2026-11-21 09:30`, in local time."""
        if self.first_unix_ms is None:
            return format_uptime(self.boot, self.first_up_ms)
        return format_local(self.first_unix_ms)


def name_state(number: int) -> str:
    """Name a session state: `running`; its number if it is newer than this program."""
    return states.NAMES[number] if 0 <= number < len(states.NAMES) else str(number)


def summarize_sessions(decoded: Decoded, clock: Clock, wrap: WrapInfo) -> list[SessionSummary]:
    """Summarise all sessions, in the log's order."""
    firmware = {
        entry.boot: entry.data["version"]
        for entry in decoded.entries
        if entry.kind == records.BOOT and entry.data is not None
    }
    return [
        _summarize_session(session, clock, wrap, firmware.get(session.boot))
        for session in group_sessions(decoded)
    ]


def _summarize_session(
    session: Session, clock: Clock, wrap: WrapInfo, firmware: str | None
) -> SessionSummary:
    start, end = session.start, session.end
    protocol = _read_text(start, "protocol")
    texts = _read_protocol_texts(protocol)
    samples = tuple(_summarize_sample(entry, clock) for entry in session.samples)
    newest_first = (end, *reversed(session.samples))
    active_ms = _find_first(newest_first, "active_ms", _read_int)
    dose_uj = _read_row(end, "dose_uj") or _find_first(newest_first, "doses_uj", _read_row)
    max_mc = _read_row(end, "max_mc") or _find_highest(samples)
    return SessionSummary(
        uid=wrap.uid,
        number=session.number,
        boot=session.boot,
        firmware=firmware,
        first_up_ms=session.first.up_ms_total,
        first_unix_ms=clock.unix_ms_of(session.first),
        start_up_ms=None if start is None else start.up_ms_total,
        light_up_ms=_find_light_up_ms(session),
        end_up_ms=None if end is None else end.up_ms_total,
        protocol_id=texts.get("id"),
        protocol_name=texts.get("name"),
        site=texts.get("site"),
        grade=texts.get("grade"),
        person=texts.get("person"),
        plan=_summarize_plan(protocol, wrap, active_ms or 0),
        started_by=_read_text(start, "by"),
        reason=session.reason,
        restart_cause=session.restart_cause or None,
        active_ms=active_ms,
        paused_ms=_read_int(end, "paused_ms"),
        dose_uj=dose_uj or (),
        on_ms=_read_row(end, "on_ms"),
        calibrations=_read_calibrations(start),
        max_mc=max_mc,
        max_skin_mc=_find_hottest(max_mc, wrap, "skin"),
        max_board_mc=_find_hottest(max_mc, wrap, "board"),
        faults=tuple(map(_summarize_fault, session.faults)),
        records_lost=session.records_lost,
        samples=samples,
    )


# Fields of JSON payloads may have any type. A field of a type that no wrap writes counts as absent.


def _read_text(entry: Entry | None, key: str) -> str | None:
    value = None if entry is None or entry.data is None else entry.data.get(key)
    return value if isinstance(value, str) and value else None


def _read_int(entry: Entry | None, key: str) -> int | None:
    value = None if entry is None or entry.data is None else entry.data.get(key)
    return value if isinstance(value, int) else None


def _read_row(entry: Entry | None, key: str) -> tuple[int | None, ...] | None:
    value = None if entry is None or entry.data is None else entry.data.get(key)
    if not isinstance(value, list) or not all(v is None or isinstance(v, int) for v in value):
        return None
    return tuple(value)


def _find_first(
    entries: Sequence[Entry | None], key: str, read: Callable[[Entry | None, str], T | None]
) -> T | None:
    """Find the first entry that has the field; return the field."""
    return next((value for e in entries if (value := read(e, key)) is not None), None)


def _find_light_up_ms(session: Session) -> int | None:
    for entry in session.states:
        if (entry.data or {}).get("new") == states.RAMP_UP:
            return entry.up_ms_total
    return None


def _find_highest(samples: Sequence[SampleSummary]) -> tuple[int | None, ...]:
    """Find the highest valid temperature of each sensor, mC."""
    columns = zip_longest(*(sample.temps_mc for sample in samples))
    return tuple(max((t for t in column if t is not None), default=None) for column in columns)


def _find_hottest(temps_mc: Sequence[int | None], wrap: WrapInfo, role: str) -> int | None:
    """Find the highest temperature of the sensors with a role, mC."""
    pairs = zip(temps_mc, wrap.sensors, strict=False)
    return max((mc for mc, (_, its) in pairs if its == role and mc is not None), default=None)


def _summarize_sample(entry: Entry, clock: Clock) -> SampleSummary:
    data = entry.data or {}
    return SampleSummary(
        entry.up_ms_total,
        clock.unix_ms_of(entry),
        data["active_ms"],
        data["state"],
        tuple(data["temps_mc"]),
        tuple(data["duties_u16"]),
        tuple(data["doses_uj"]),
    )


def _summarize_fault(entry: Entry) -> FaultSummary:
    data = entry.data or {}
    sensor = data.get("sensor")
    return FaultSummary(
        data.get("code"),
        str(sensor) if sensor else None,
        _read_int(entry, "temp_mc"),
        _read_int(entry, "limit_mc"),
    )


def _read_calibrations(start: Entry | None) -> tuple[CalibrationSummary | None, ...]:
    rows = (start.data or {}).get("cal") if start else None
    if not isinstance(rows, list) or not all(r is None or isinstance(r, dict) for r in rows):
        return ()
    return tuple(_read_calibration(row) if row else None for row in rows)


def _read_calibration(row: Mapping[str, Any]) -> CalibrationSummary:
    uw, permille, method = row.get("uw"), row.get("unc_pm"), row.get("how")
    return CalibrationSummary(
        uw if isinstance(uw, int) else None,
        permille if isinstance(permille, int) else None,
        str(row.get("date") or ""),
        method if isinstance(method, str) else None,
    )


@lru_cache(_CACHED_PROTOCOLS)
def _read_protocol_texts(protocol: str | None) -> Mapping[str, str]:
    """Read the texts of a protocol's JSON, empty ones left out; {} for anything else."""
    try:
        fields = json.loads(protocol or "")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(fields, dict):
        return {}
    return {key: text for key, text in fields.items() if isinstance(text, str) and text}


def _summarize_plan(protocol: str | None, wrap: WrapInfo, active_ms: int) -> PlanSummary | None:
    plan = None if protocol is None else _parse_plan(protocol, wrap.channels)
    if plan is None:
        return None
    lights = tuple(_plan_light(plan, i, active_ms) for i in range(len(wrap.channels)))
    return PlanSummary(plan.name, plan.site, plan.trip_mc, lights)


@lru_cache(_CACHED_PROTOCOLS)
def _parse_plan(protocol: str, channels: tuple[tuple[str, int], ...]) -> rules.Plan | None:
    """Parse a protocol by the device's rules; None if this board could not run it."""
    try:
        fields = rules.parse(protocol.encode())
    except ValueError:
        return None
    if rules.find_problems(fields, dict(channels)):
        return None
    return rules.Plan(fields, [name for name, _ in channels])


def _plan_light(plan: rules.Plan, channel: int, active_ms: int) -> PlannedLight:
    lit = list(_list_lit_steps(plan, channel, active_ms))
    pulses = [(hz, on_permille) for _, (_, hz, on_permille) in lit if hz]
    return PlannedLight(sum(ms for ms, _ in lit), *(pulses[0] if pulses else (0, 1000)))


def _list_lit_steps(
    plan: rules.Plan, channel: int, active_ms: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """List (ms, lamp settings) of the part of each step that ran with light on the channel."""
    left_ms = active_ms
    for duration_ms, lamps in zip(plan.durations_ms, plan.lamps, strict=True):
        ms = min(left_ms, duration_ms)
        left_ms -= ms
        if ms > 0 and lamps[channel][0]:
            yield ms, lamps[channel]
