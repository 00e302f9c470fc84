"""A session of the log as the report wants it. What the log does not tell stays None."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pbmwrap.logs.clock import Clock
from pbmwrap.logs.decode import Decoded, Entry
from pbmwrap.logs.export import state_name
from pbmwrap.logs.sessions import Session
from pbmwrap.protocols import board
from pbmwrap.report.model import ChannelReport, SampleReport, SessionReport
from wrap.rules import faults, limits, states
from wrap.rules import protocol as rules
from wrap.storage import records


@dataclass(frozen=True)
class Wrap:
    """What the log does not carry: whose it is, (name, nm) per channel, (name, role) per sensor, in
    the wrap's order as `hello` tells them, and the treated area."""

    uid: str
    channels: Sequence[tuple[str, int]]
    sensors: Sequence[tuple[str, str]]
    area_cm2: float | None = None


def default_wrap(uid: str, area_cm2: float | None = None) -> Wrap:
    """A wrap on the default board."""
    return Wrap(uid, tuple(board.wavelengths().items()), board.sensors(), area_cm2)


def firmware_of(decoded: Decoded) -> dict[int, str]:
    """{boot: firmware version} by the boot records."""
    return {
        e.boot: e.data["version"]
        for e in decoded.entries
        if e.kind == records.BOOT and e.data is not None
    }


def _plan(session: Session, wrap: Wrap) -> tuple[rules.Plan | None, dict[str, Any]]:
    """The protocol that ran; nothing when the log lost it or this board could not run it."""
    if session.protocol is None:
        return None, {}
    try:
        obj = rules.parse(session.protocol.encode())
    except ValueError:
        return None, {}
    if rules.find_problems(obj, dict(wrap.channels)):
        return None, {}
    return rules.Plan(obj, [name for name, _ in wrap.channels]), obj


def _lit_steps(plan: rules.Plan, channel: int, active_ms: int) -> Iterator[tuple[int, Any]]:
    """(ms, lamp settings) of the part of each step that ran, where the channel was lit."""
    left = active_ms
    for duration_ms, lamps in zip(plan.durations_ms, plan.lamps, strict=True):
        ms = min(left, duration_ms)
        left -= ms
        if ms > 0 and lamps[channel][0]:
            yield ms, lamps[channel]


def _item(values: Sequence[Any] | None, i: int) -> Any:
    return values[i] if values is not None and i < len(values) else None


def _scaled(value: float | None, per_unit: float) -> float | None:
    return None if value is None else value / per_unit


def _measured(cal: dict[str, Any]) -> str | None:
    date = str(cal.get("date") or "")
    when = f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else date
    return ", ".join(part for part in (when, cal.get("how")) if part) or None


def _light(plan: rules.Plan | None, session: Session, i: int) -> dict[str, Any]:
    """Mode and times of a channel. Several pulsed steps are told by the first of them."""
    if plan is None:
        return {}
    steps = list(_lit_steps(plan, i, session.active_ms))
    lit_ms = sum(ms for ms, _ in steps)
    on_ms = _item(session.on_ms, i)
    out: dict[str, Any] = {"on_s": lit_ms / 1000}
    if on_ms is not None and lit_ms:
        out["mean_duty_pct"] = 100 * on_ms / lit_ms
    for _, (_, hz, on_permille) in steps:
        if hz:
            return out | {"pulse_hz": float(hz), "pulse_on_pct": on_permille / 10}
    return out


def _channel(plan: rules.Plan | None, session: Session, wrap: Wrap, i: int) -> ChannelReport:
    cal = _item(session.calibrations, i) or {}
    mw_cm2 = _scaled(cal.get("uw"), 1000)
    area = wrap.area_cm2
    return ChannelReport(
        *wrap.channels[i],
        dose_j_cm2=_scaled(_item(session.dose_uj, i), 1e6),
        irradiance_mw_cm2=mw_cm2,
        uncertainty_pct=_scaled(cal.get("unc_pm"), 10),
        measured=_measured(cal),
        radiant_power_mw=None if mw_cm2 is None or area is None else mw_cm2 * area,
        **_light(plan, session, i),
    )


def _sample(entry: Entry, start_ms: int) -> SampleReport:
    data = entry.data or {}
    return SampleReport(
        (entry.up_ms_total - start_ms) / 1000,
        tuple(_scaled(t, 1000) for t in data["temps_mc"]),
        tuple(100 * duty / 65535 for duty in data["duties_u16"]),
        tuple(_scaled(dose, 1e6) for dose in data["doses_uj"]),
        state_name(data["state"]),
    )


def _course(session: Session, wrap: Wrap) -> tuple[SampleReport, ...]:
    """The samples, with the beginning and the end that other records tell: so a plot begins at 0,
    ends with the session and its dose, and shows a session that was too short for a sample."""
    start_ms = session.first.up_ms_total
    samples = [_sample(entry, start_ms) for entry in session.samples]
    until_s = samples[0].t_s if samples else None
    begin = [p for p in _beginning(session, wrap, samples) if until_s is None or p.t_s < until_s]
    return (*begin, *samples, *_ending(session, wrap))


def _beginning(
    session: Session, wrap: Wrap, samples: Sequence[SampleReport]
) -> Iterator[SampleReport]:
    """The start record, and where the light began to rise. Its duty is that of the first sample;
    without one the session's mean."""
    if session.start is None:
        return
    dark = (0.0,) * len(wrap.channels)
    doses = [_item(session.dose_uj, i) for i in range(len(wrap.channels))]
    none_yet = tuple(None if dose is None else 0.0 for dose in doses)
    yield _point(session, session.start, wrap, dark, none_yet, states.SELF_TEST)
    for entry in session.states:
        if (entry.data or {}).get("new") == states.RAMP_UP:
            duty = samples[0].duty_pct if samples else _mean_duty(session, wrap)
            yield _point(session, entry, wrap, duty, none_yet, states.RAMP_UP)
            return


def _mean_duty(session: Session, wrap: Wrap) -> tuple[float, ...]:
    light_ms = session.active_ms
    on_ms = [_item(session.on_ms, i) or 0 for i in range(len(wrap.channels))]
    return tuple(100 * ms / light_ms if light_ms else 0.0 for ms in on_ms)


def _ending(session: Session, wrap: Wrap) -> Iterator[SampleReport]:
    if session.end is None:
        return
    dark = (0.0,) * len(wrap.channels)
    doses = [_scaled(_item(session.dose_uj, i), 1e6) for i in range(len(wrap.channels))]
    yield _point(session, session.end, wrap, dark, tuple(doses), states.DONE)


def _point(
    session: Session,
    entry: Entry,
    wrap: Wrap,
    duty_pct: tuple[float, ...],
    dose_j_cm2: tuple[float | None, ...],
    state: int,
) -> SampleReport:
    """A moment of which no record gives temperatures."""
    t_s = (entry.up_ms_total - session.first.up_ms_total) / 1000
    no_temps = (None,) * len(wrap.sensors)
    return SampleReport(t_s, no_temps, duty_pct, dose_j_cm2, state_name(state))


def _fault(entry: Entry) -> str:
    info = entry.data or {}
    code = info.get("code")
    text = f"fault {code}"
    if isinstance(code, int) and 0 <= code < len(faults.TEXTS):
        text = faults.TEXTS[code]
    if info.get("sensor"):
        text += f" ({info['sensor']})"
    temp_mc, limit_mc = info.get("temp_mc"), info.get("limit_mc")
    if isinstance(temp_mc, int) and isinstance(limit_mc, int):
        text += f": {temp_mc / 1000:.1f} C, limit {limit_mc / 1000:.1f} C"
    return text


def _hottest(session: Session, wrap: Wrap, role: str) -> float | None:
    known = [
        mc
        for mc, (_, its_role) in zip(session.max_mc, wrap.sensors, strict=False)
        if its_role == role and mc is not None
    ]
    return max(known) / 1000 if known else None


def to_report(
    session: Session, clock: Clock, wrap: Wrap, firmware: str = "unknown"
) -> SessionReport:
    """The report of one session. firmware: its version, see `firmware_of`."""
    plan, obj = _plan(session, wrap)
    unix_ms = clock.of(session.first)
    trip_mc = limits.SKIN_TRIP_MC if plan is None else plan.trip_mc
    return SessionReport(
        wrap_id=wrap.uid,
        session_id=session.number,
        firmware=firmware,
        channels=tuple(_channel(plan, session, wrap, i) for i in range(len(wrap.channels))),
        sensors=tuple(name for name, _ in wrap.sensors),
        roles=tuple(role for _, role in wrap.sensors),
        end_reason=session.reason,
        duration_s=session.active_ms / 1000,
        paused_s=_scaled(session.paused_ms, 1000),
        started=None if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, UTC),
        boot=session.boot,
        uptime_s=session.first.up_ms_total / 1000,
        protocol=None if plan is None else plan.name,
        site=None if plan is None else plan.site,
        area_cm2=wrap.area_cm2,
        grade=obj.get("grade") or None,
        max_skin_c=_hottest(session, wrap, "skin"),
        max_board_c=_hottest(session, wrap, "board"),
        skin_trip_c=trip_mc / 1000,
        skin_derate_c=(trip_mc - limits.DERATE_BAND_MC) / 1000,
        board_trip_c=limits.BOARD_TRIP_MC / 1000,
        faults=tuple(_fault(entry) for entry in session.faults),
        records_lost=session.lost,
        samples=_course(session, wrap),
    )
