"""Computes what a protocol will do, from the object that the wrap stores. J/cm2 at the skin.

Ramps are ignored: they reduce a session's fluence by less than one per cent. A lamp is (name, nm,
mA at full duty, worst-case uW/cm2 at full duty); a calibration is (uW/cm2, uncertainty permille).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wrap.rules import limits, states

if TYPE_CHECKING:
    from collections.abc import Sequence

    Lamp = tuple[str, int, int, int]
    Calibration = tuple[int, int]

# Ranges that human studies used. A protocol outside them gets a warning and is not refused.
STUDIED_MW_CM2 = (10, 100)
STUDIED_MINUTES = (5, 20)
UNKNOWN = "unknown (uncalibrated)"


def fluence_text(nominal: float | None, worst: float) -> str:
    """Return a fluence as text, with its unit."""
    if nominal is None:
        return f"{UNKNOWN}, at most {worst:.1f} J/cm2"
    return f"{nominal:.1f} J/cm2"


class Timeline:
    """steps: (seconds, duty 0..1 per lamp, scale by the supply's limit) of each. nominal and worst:
    irradiance of each lamp at full duty in mW/cm2; nominal is None unless all are calibrated."""

    def __init__(
        self,
        steps: list[tuple[float, list[float], float]],
        nominal: list[float] | None,
        worst: list[float],
    ) -> None:
        self.steps = steps
        self.nominal = nominal
        self.worst = worst

    def until(self, seconds: float) -> Timeline:
        """Return the part of the timeline before `seconds`."""
        steps = []
        for t, duty, scale in self.steps:
            steps.append((max(0.0, min(t, seconds)), duty, scale))
            seconds -= t
        return Timeline(steps, self.nominal, self.worst)

    def rates(self, full: Sequence[float]) -> list[tuple[float, float]]:
        """Return (seconds, mW/cm2 of all lamps together) of each step."""
        return [(t, sum([d * f for d, f in zip(duty, full)])) for t, duty, _ in self.steps]

    def fluence(self, lamp: int, full: Sequence[float]) -> float:
        """Return the fluence of one lamp in J/cm2."""
        return sum([t * duty[lamp] for t, duty, _ in self.steps]) * full[lamp] / 1000

    def reaches_s(self, full: Sequence[float], j_cm2: float) -> float | None:
        """Return the seconds until all lamps together have given `j_cm2`, or None when the steps
        end earlier."""
        passed, left_mj = 0.0, j_cm2 * 1000
        for seconds, mw in self.rates(full):
            if mw * seconds >= left_mj:
                return passed + left_mj / mw
            passed, left_mj = passed + seconds, left_mj - mw * seconds
        return None


def make_timeline(
    stored: dict[str, Any],
    lamps: Sequence[Lamp],
    cal: Sequence[Calibration | None],
    supply_ma: int,
) -> Timeline:
    """Lay out the stored object of a protocol. cal: one per lamp, None for one without."""
    steps = [(step["t"],) + _duties(step["ch"], lamps, supply_ma) for step in stored["steps"]]
    nominal: list[float] = []
    worst: list[float] = []
    for lamp, known in zip(lamps, cal):
        worst.append(lamp[3] / 1000 if known is None else known[0] * (1000 + known[1]) / 1e6)
        if known is not None:
            nominal.append(known[0] / 1000)
    return Timeline(steps, nominal if len(nominal) == len(lamps) else None, worst)


def _duties(
    channels: dict[str, list[int]], lamps: Sequence[Lamp], supply_ma: int
) -> tuple[list[float], float]:
    """Return the mean duty 0..1 of each lamp in this step, and the scale by which the supply's
    limit reduces all duties (1: not reduced)."""
    duties: list[float] = []
    total_ma = 0.0
    for name, _, full_ma, _ in lamps:
        spec = channels.get(name)
        duty = 0.0
        if spec:
            duty = spec[0] / 1000 * (spec[2] / 1000 if len(spec) == 3 else 1.0)
        duties.append(duty)
        total_ma += duty * full_ma
    scale = min(1.0, supply_ma / total_ma) if total_ma else 1.0
    return [duty * scale for duty in duties], scale


def compute_figures(
    stored: dict[str, Any],
    lamps: Sequence[Lamp],
    cal: Sequence[Calibration | None],
    supply_ma: int,
) -> dict[str, Any]:
    """Return the figures of the stored object of a valid protocol.

    `ends_by` and `ends_s`: what ends the session and when, `fluence`: until then, of all channels
    and of each. Values without `worst` are None when not calibrated; `worst`: by the upper bound of
    the calibration, or by the board's stated worst case without one. `duration_s`: of all steps.
    """
    timeline = make_timeline(stored, lamps, cal, supply_ma)
    dose = stored["dose"] / 1000 if stored.get("dose") else None
    duration_s = sum([step["t"] for step in stored["steps"]])
    ends_by, ends_s = _find_end(timeline, dose, duration_s)
    channels = _compute_channels(timeline.until(ends_s), lamps, cal)
    is_calibrated = timeline.nominal is not None
    nominal = sum([c["fluence_j_cm2"] or 0 for c in channels]) if is_calibrated else None
    worst = sum([c["fluence_worst_j_cm2"] for c in channels])
    return {
        "duration_s": duration_s,
        "ends_by": ends_by,
        "ends_s": ends_s,
        "fluence": {
            "text": fluence_text(nominal, worst),
            "j_cm2": nominal,
            "worst_j_cm2": worst,
            "target_j_cm2": dose,
            "calibrated": is_calibrated,
            "channels": channels,
        },
        "warnings": _dose_warnings(timeline, dose, ends_by, ends_s)
        + _range_warnings(timeline, ends_s)
        + _light_warnings(stored, timeline),
    }


def _find_end(timeline: Timeline, dose: float | None, total_s: int) -> tuple[str, float]:
    """Return (end reason of `wrap.rules.states`, seconds until then) of the first end."""
    reason, at = states.BY_TIME, float(total_s)
    cap = timeline.reaches_s(timeline.worst, limits.DOSE_CAP_MJ / 1000)
    if cap is not None and cap < at:
        reason, at = states.BY_CAP, cap
    if dose is not None and timeline.nominal is not None:
        reached = timeline.reaches_s(timeline.nominal, dose)
        if reached is not None and reached < at:
            reason, at = states.BY_DOSE, reached
    return reason, at


def _compute_channels(
    timeline: Timeline, lamps: Sequence[Lamp], cal: Sequence[Calibration | None]
) -> list[dict[str, Any]]:
    out = []
    full = [0.0 if known is None else known[0] / 1000 for known in cal]
    for i, lamp in enumerate(lamps):
        known = cal[i] is not None
        peak = max([duty[i] for _, duty, _ in timeline.steps])
        nominal = timeline.fluence(i, full) if known else None
        worst = timeline.fluence(i, timeline.worst)
        out.append(
            {
                "name": lamp[0],
                "nm": lamp[1],
                "lit_s": sum([t for t, duty, _ in timeline.steps if duty[i]]),
                "peak_mw_cm2": peak * full[i] if known else None,
                "peak_worst_mw_cm2": peak * timeline.worst[i],
                "fluence_j_cm2": nominal,
                "fluence_worst_j_cm2": worst,
                "fluence_text": fluence_text(nominal, worst),
            }
        )
    return out


def _range_warnings(timeline: Timeline, ends_s: float) -> list[str]:
    out: list[str] = []
    low, high = STUDIED_MW_CM2
    full = timeline.nominal or timeline.worst
    how = "" if timeline.nominal else "worst-case "
    for i, (_, mw) in enumerate(timeline.rates(full)):
        if mw and not low <= mw <= high:
            out.append(
                f"step {i + 1}: {how}irradiance {mw:.1f} mW/cm2 is outside the {low}-{high} "
                "mW/cm2 that studies used"
            )
    low, high = STUDIED_MINUTES
    if not low * 60 <= ends_s <= high * 60:
        out.append(
            f"{ends_s / 60:.1f} min of light is outside the {low}-{high} min that studies used"
        )
    return out


def _dose_warnings(timeline: Timeline, dose: float | None, reason: str, ends_s: float) -> list[str]:
    out: list[str] = []
    if timeline.nominal is None:
        out.append(
            "not calibrated: the session ends by time; a dose in J/cm2 cannot be shown or limited"
        )
    elif dose is not None and timeline.reaches_s(timeline.nominal, dose) is None:
        given = sum([t * mw for t, mw in timeline.rates(timeline.nominal)]) / 1000
        out.append(f"{dose:g} J/cm2 is not reached: the steps end after {given:.1f} J/cm2")
    if reason == states.BY_CAP:
        cap = limits.DOSE_CAP_MJ / 1000
        out.append(
            f"the dose limit of {cap:g} J/cm2, by the worst case, ends it after {ends_s:.0f} s"
        )
    return out


def _light_warnings(stored: dict[str, Any], timeline: Timeline) -> list[str]:
    out = []
    for i, (_, _, scale) in enumerate(timeline.steps):
        if scale < 1:
            out.append(f"step {i + 1}: the power supply limits all channels to {scale * 100:.0f}%")
    if any([len(spec) == 3 for step in stored["steps"] for spec in step["ch"].values()]):
        out.append("the evidence for pulsed light is not settled: continuous light is the default")
    if not any([duty for _, duties, _ in timeline.steps for duty in duties]):
        out.append("no step gives any light")
    return out
