"""Converts a session's summary to the report's model: display units, and texts for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pbmwrap.logs.summary import (
    CalibrationSummary,
    FaultSummary,
    SampleSummary,
    SessionSummary,
    WrapInfo,
    name_state,
)
from pbmwrap.report.model import ChannelReport, SampleReport, SessionReport
from wrap.rules import faults, limits, states

T = TypeVar("T")


def make_report(session: SessionSummary, wrap: WrapInfo) -> SessionReport:
    """Make the report of one session. wrap: names its channels and sensors."""
    plan = session.plan
    unix_ms = session.first_unix_ms
    trip_mc = limits.SKIN_TRIP_MC if plan is None else plan.trip_mc
    return SessionReport(
        wrap_id=session.uid,
        session_id=session.number,
        firmware=session.firmware or "unknown",
        channels=tuple(_make_channel(session, wrap, i) for i in range(len(wrap.channels))),
        sensors=tuple(name for name, _ in wrap.sensors),
        roles=tuple(role for _, role in wrap.sensors),
        end_reason=session.reason,
        duration_s=(session.active_ms or 0) / 1000,
        paused_s=_scale_value(session.paused_ms, 1000),
        started=None if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, UTC),
        boot=session.boot,
        uptime_s=session.first_up_ms / 1000,
        protocol=None if plan is None else plan.name,
        site=None if plan is None else plan.site,
        area_cm2=wrap.area_cm2,
        grade=None if plan is None else session.grade,
        max_skin_c=_scale_value(session.max_skin_mc, 1000),
        max_board_c=_scale_value(session.max_board_mc, 1000),
        skin_trip_c=trip_mc / 1000,
        skin_derate_c=(trip_mc - limits.DERATE_BAND_MC) / 1000,
        board_trip_c=limits.BOARD_TRIP_MC / 1000,
        faults=tuple(map(_describe_fault, session.faults)),
        records_lost=session.records_lost,
        samples=_make_samples(session, wrap),
    )


def _make_channel(session: SessionSummary, wrap: WrapInfo, i: int) -> ChannelReport:
    calibration = _get_item(session.calibrations, i)
    mw_cm2 = uncertainty_pct = measured = None
    if calibration is not None:
        mw_cm2 = _scale_value(calibration.irradiance_uw_cm2, 1000)
        uncertainty_pct = _scale_value(calibration.uncertainty_permille, 10)
        measured = _describe_measurement(calibration)
    area_cm2 = wrap.area_cm2
    return ChannelReport(
        *wrap.channels[i],
        dose_j_cm2=_scale_value(_get_item(session.dose_uj, i), 1e6),
        irradiance_mw_cm2=mw_cm2,
        uncertainty_pct=uncertainty_pct,
        measured=measured,
        radiant_power_mw=None if mw_cm2 is None or area_cm2 is None else mw_cm2 * area_cm2,
        **_describe_light(session, i),
    )


def _describe_measurement(calibration: CalibrationSummary) -> str | None:
    date = calibration.date
    when = f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else date
    return ", ".join(part for part in (when, calibration.method) if part) or None


def _describe_light(session: SessionSummary, i: int) -> dict[str, Any]:
    """Return a channel's light time, mean duty and pulses; nothing if the protocol is unknown."""
    if session.plan is None:
        return {}
    light = session.plan.channels[i]
    on_ms = _get_item(session.on_ms or (), i)
    out: dict[str, Any] = {"on_s": light.lit_ms / 1000}
    if on_ms is not None and light.lit_ms:
        out["mean_duty_pct"] = 100 * on_ms / light.lit_ms
    if light.pulse_hz:
        out["pulse_hz"] = float(light.pulse_hz)
        out["pulse_on_pct"] = light.pulse_on_permille / 10
    return out


def _make_samples(session: SessionSummary, wrap: WrapInfo) -> tuple[SampleReport, ...]:
    """Convert the samples, and add the start and the end that other records give.

    So a plot begins at 0, ends with the session and its dose, and also shows a session that was too
    short for a sample.
    """
    samples = [_make_sample(session, sample) for sample in session.samples]
    first_s = samples[0].t_s if samples else None
    begin = [
        point
        for point in _make_beginning(session, wrap, samples)
        if first_s is None or point.t_s < first_s
    ]
    return (*begin, *samples, *_make_ending(session, wrap))


def _make_sample(session: SessionSummary, sample: SampleSummary) -> SampleReport:
    return SampleReport(
        (sample.up_ms - session.first_up_ms) / 1000,
        tuple(_scale_value(mc, 1000) for mc in sample.temps_mc),
        tuple(100 * duty / 65535 for duty in sample.duties_u16),
        tuple(_scale_value(uj, 1e6) for uj in sample.doses_uj),
        name_state(sample.state),
    )


def _make_beginning(
    session: SessionSummary, wrap: WrapInfo, samples: Sequence[SampleReport]
) -> Iterator[SampleReport]:
    """Make the point of the start record, and the one where the light began to rise.

    The duty of the second is that of the first sample; without samples it is the session's mean.
    """
    if session.start_up_ms is None:
        return
    count = len(wrap.channels)
    doses = [_get_item(session.dose_uj, i) for i in range(count)]
    no_dose = tuple(None if uj is None else 0.0 for uj in doses)
    dark = (0.0,) * count
    yield _make_point(session, wrap, session.start_up_ms, dark, no_dose, states.SELF_TEST)
    if session.light_up_ms is not None:
        duty_pct = samples[0].duty_pct if samples else _find_mean_duty_pct(session, count)
        yield _make_point(session, wrap, session.light_up_ms, duty_pct, no_dose, states.RAMP_UP)


def _find_mean_duty_pct(session: SessionSummary, count: int) -> tuple[float, ...]:
    on_ms = [_get_item(session.on_ms or (), i) or 0 for i in range(count)]
    return tuple(100 * ms / session.active_ms if session.active_ms else 0.0 for ms in on_ms)


def _make_ending(session: SessionSummary, wrap: WrapInfo) -> Iterator[SampleReport]:
    if session.end_up_ms is None:
        return
    count = len(wrap.channels)
    doses = tuple(_scale_value(_get_item(session.dose_uj, i), 1e6) for i in range(count))
    yield _make_point(session, wrap, session.end_up_ms, (0.0,) * count, doses, states.DONE)


def _make_point(
    session: SessionSummary,
    wrap: WrapInfo,
    up_ms: int,
    duty_pct: tuple[float, ...],
    dose_j_cm2: tuple[float | None, ...],
    state: int,
) -> SampleReport:
    """Make a point without temperatures: the record that it comes from has none."""
    t_s = (up_ms - session.first_up_ms) / 1000
    no_temps = (None,) * len(wrap.sensors)
    return SampleReport(t_s, no_temps, duty_pct, dose_j_cm2, name_state(state))


def _describe_fault(fault: FaultSummary) -> str:
    code = fault.code
    text = f"fault {code}"
    if isinstance(code, int) and 0 <= code < len(faults.TEXTS):
        text = faults.TEXTS[code]
    if fault.sensor is not None:
        text += f" ({fault.sensor})"
    if fault.temp_mc is not None and fault.limit_mc is not None:
        text += f": {fault.temp_mc / 1000:.1f} C, limit {fault.limit_mc / 1000:.1f} C"
    return text


def _get_item(values: Sequence[T | None], i: int) -> T | None:
    return values[i] if i < len(values) else None


def _scale_value(value: float | None, per_unit: float) -> float | None:
    return None if value is None else value / per_unit
