"""Computes what a protocol will do, before it is sent. Fluence is in J/cm2 at the skin.

Ramps are ignored: they reduce a session's fluence by less than one per cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbmwrap.device.models import Calibration
from pbmwrap.protocols import board
from wrap.rules import limits, states

if TYPE_CHECKING:
    from pbmwrap.protocols.model import Protocol, Step

# Ranges that human studies used. A protocol outside them gets a warning and is not refused.
STUDIED_MW_CM2 = (10, 100)
STUDIED_MINUTES = (5, 20)
UNKNOWN = "unknown (uncalibrated)"


@dataclass(frozen=True)
class ChannelSummary:
    """One channel over the whole session. Values without `worst` are None when not calibrated.

    worst: by the upper bound of the calibration, or by the board's stated worst case without one.
    """

    name: str
    nm: int
    lit_s: float
    peak_mw_cm2: float | None
    peak_worst_mw_cm2: float
    fluence_j_cm2: float | None
    fluence_worst_j_cm2: float

    @property
    def fluence_text(self) -> str:
        """The fluence as text, with its unit."""
        return _format_fluence(self.fluence_j_cm2, self.fluence_worst_j_cm2)


@dataclass(frozen=True)
class Summary:
    """What ends the session (`ends_by`, after `ends_s`), and the fluence until then.

    duration_s: of all steps, when nothing ends the session earlier.
    """

    duration_s: int
    calibrated: bool
    channels: tuple[ChannelSummary, ...]
    fluence_j_cm2: float | None
    fluence_worst_j_cm2: float
    dose_j_cm2: float | None
    ends_by: str
    ends_s: float
    warnings: tuple[str, ...]

    @property
    def fluence_text(self) -> str:
        """The fluence as text, with its unit."""
        return _format_fluence(self.fluence_j_cm2, self.fluence_worst_j_cm2)


def _format_fluence(nominal: float | None, worst: float) -> str:
    if nominal is None:
        return f"{UNKNOWN}, at most {worst:.1f} J/cm2"
    return f"{nominal:.1f} J/cm2"


def _mean_duties(
    step: Step, lamps: Sequence[board.Lamp], supply_ma: int
) -> tuple[list[float], float]:
    """Return the mean duty 0..1 of each lamp in this step, and the scale by which the supply's
    limit reduces all duties (1: not reduced)."""
    duties: list[float] = []
    for lamp in lamps:
        channel = step.channels.get(lamp.name)
        on = 1.0 if channel is None or channel.on_fraction is None else float(channel.on_fraction)
        duties.append(0.0 if channel is None else float(channel.intensity) / 100 * on)
    total = sum(duty * lamp.full_ma for duty, lamp in zip(duties, lamps, strict=True))
    scale = min(1.0, supply_ma / total) if total else 1.0
    return [duty * scale for duty in duties], scale


@dataclass(frozen=True)
class _Timeline:
    """steps: (seconds, duty per lamp, supply scale) of each. nominal and worst: irradiance of each
    lamp at full duty in mW/cm2."""

    steps: tuple[tuple[float, list[float], float], ...]
    nominal: tuple[float, ...] | None
    worst: tuple[float, ...]

    def until(self, seconds: float) -> _Timeline:
        """Return the part of the timeline before `seconds`."""
        steps = []
        for t, duty, scale in self.steps:
            steps.append((max(0.0, min(t, seconds)), duty, scale))
            seconds -= t
        return _Timeline(tuple(steps), self.nominal, self.worst)

    def rates(self, full: Sequence[float]) -> list[tuple[float, float]]:
        """Return (seconds, mW/cm2 of all lamps together) of each step."""
        return [
            (t, sum(d * f for d, f in zip(duty, full, strict=True))) for t, duty, _ in self.steps
        ]

    def fluence(self, lamp: int, full: Sequence[float]) -> float:
        """Return the fluence of one lamp in J/cm2."""
        return sum(t * duty[lamp] for t, duty, _ in self.steps) * full[lamp] / 1000

    def reaches_s(self, full: Sequence[float], j_cm2: float) -> float | None:
        """Return the seconds until all lamps together have given `j_cm2`, or None when the steps
        end earlier."""
        passed, left_mj = 0.0, j_cm2 * 1000
        for seconds, mw in self.rates(full):
            if mw * seconds >= left_mj:
                return passed + left_mj / mw
            passed, left_mj = passed + seconds, left_mj - mw * seconds
        return None


def _make_timeline(
    protocol: Protocol,
    lamps: Sequence[board.Lamp],
    cal: Sequence[Calibration | None],
    supply_ma: int,
) -> _Timeline:
    steps = tuple((s.duration_s, *_mean_duties(s, lamps, supply_ma)) for s in protocol.step)
    known = [c for c in cal if c is not None]
    nominal = tuple(c.uw / 1000 for c in known) if len(known) == len(lamps) else None
    worst = tuple(
        lamp.worst_uw / 1000 if c is None else c.upper_uw / 1000
        for lamp, c in zip(lamps, cal, strict=True)
    )
    return _Timeline(steps, nominal, worst)


def _summarize_channels(
    timeline: _Timeline, lamps: Sequence[board.Lamp], cal: Sequence[Calibration | None]
) -> tuple[ChannelSummary, ...]:
    out: list[ChannelSummary] = []
    full = [0.0 if c is None else c.uw / 1000 for c in cal]
    for i, lamp in enumerate(lamps):
        known = cal[i] is not None
        peak = max(duty[i] for _, duty, _ in timeline.steps)
        out.append(
            ChannelSummary(
                lamp.name,
                lamp.nm,
                sum(t for t, duty, _ in timeline.steps if duty[i]),
                peak * full[i] if known else None,
                peak * timeline.worst[i],
                timeline.fluence(i, full) if known else None,
                timeline.fluence(i, timeline.worst),
            )
        )
    return tuple(out)


def _find_first_end(timeline: _Timeline, dose: float | None, total_s: int) -> tuple[str, float]:
    """Return (end reason of `wrap.rules.states`, seconds until then) of the first end."""
    ends: list[tuple[float, str]] = [(float(total_s), states.BY_TIME)]
    cap = timeline.reaches_s(timeline.worst, limits.DOSE_CAP_MJ / 1000)
    if cap is not None:
        ends.append((cap, states.BY_CAP))
    if dose is not None and timeline.nominal is not None:
        reached = timeline.reaches_s(timeline.nominal, dose)
        ends += [] if reached is None else [(reached, states.BY_DOSE)]
    at, reason = min(ends, key=lambda end: end[0])
    return reason, at


def _range_warnings(timeline: _Timeline, ends_s: float) -> list[str]:
    out: list[str] = []
    low, high = STUDIED_MW_CM2
    full = timeline.nominal or timeline.worst
    how = "" if timeline.nominal else "worst-case "
    for number, (_, mw) in enumerate(timeline.rates(full), 1):
        if mw and not low <= mw <= high:
            out.append(
                f"step {number}: {how}irradiance {mw:.1f} mW/cm2 is outside the {low}-{high} "
                "mW/cm2 that studies used"
            )
    low, high = STUDIED_MINUTES
    if not low * 60 <= ends_s <= high * 60:
        out.append(
            f"{ends_s / 60:.1f} min of light is outside the {low}-{high} min that studies used"
        )
    return out


def _dose_warnings(
    timeline: _Timeline, dose: float | None, reason: str, ends_s: float
) -> list[str]:
    out: list[str] = []
    if timeline.nominal is None:
        text = (
            "not calibrated: the session ends by time; a dose in J/cm2 cannot be shown or limited"
        )
        out.append(text)
    elif dose is not None and timeline.reaches_s(timeline.nominal, dose) is None:
        given = sum(t * mw for t, mw in timeline.rates(timeline.nominal)) / 1000
        out.append(f"{dose:g} J/cm2 is not reached: the steps end after {given:.1f} J/cm2")
    if reason == states.BY_CAP:
        cap = limits.DOSE_CAP_MJ / 1000
        out.append(
            f"the dose limit of {cap:g} J/cm2, by the worst case, ends it after {ends_s:.0f} s"
        )
    return out


def _light_warnings(protocol: Protocol, timeline: _Timeline) -> list[str]:
    out = [
        f"step {number}: the power supply limits all channels to {scale:.0%}"
        for number, (_, _, scale) in enumerate(timeline.steps, 1)
        if scale < 1
    ]
    if any(c.mode == "pulsed" for step in protocol.step for c in step.channels.values()):
        out.append("the evidence for pulsed light is not settled: continuous light is the default")
    if not any(duty for _, duties, _ in timeline.steps for duty in duties):
        out.append("no step gives any light")
    return out


def summary(
    protocol: Protocol,
    lamps: Sequence[board.Lamp] | None = None,
    calibration: Sequence[Calibration | None] | None = None,
    supply_ma: int | None = None,
) -> Summary:
    """Return the duration, the fluence, what ends the session, and the warnings.

    lamps and supply_ma: None for the default board's. calibration: one per lamp in the same order,
    None for a lamp without one. Raises ValueError when there are not as many as lamps.
    """
    lamps = board.lamps() if lamps is None else lamps
    cal = [None] * len(lamps) if calibration is None else calibration
    timeline = _make_timeline(
        protocol, lamps, cal, board.supply_ma() if supply_ma is None else supply_ma
    )
    dose = None if protocol.dose_j_cm2 is None else float(protocol.dose_j_cm2)
    reason, ends_s = _find_first_end(timeline, dose, protocol.duration_s)
    channels = _summarize_channels(timeline.until(ends_s), lamps, cal)
    nominal = timeline.nominal
    return Summary(
        protocol.duration_s,
        nominal is not None,
        channels,
        sum(c.fluence_j_cm2 or 0 for c in channels) if nominal is not None else None,
        sum(c.fluence_worst_j_cm2 for c in channels),
        dose,
        reason,
        ends_s,
        tuple(
            _dose_warnings(timeline, dose, reason, ends_s)
            + _range_warnings(timeline, ends_s)
            + _light_warnings(protocol, timeline)
        ),
    )
