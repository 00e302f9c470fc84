"""The result of a channel: mean irradiance with its uncertainty, and the unevenness apart."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import Any

from pbmwrap.calibration.budget import Budget, Inputs, make_budget
from pbmwrap.calibration.grid import Point
from pbmwrap.calibration.record import LIGHT, Record
from pbmwrap.calibration.units import UNITS
from wrap.rules.limits import CAL_UNC_LEAST_PM, CAL_UNC_MOST_PM

PEAK_MISSED = 0.5  # the brightest place may lie between N points: peak / mean rises by this / N
CORRECTION_PCT = 3.0  # half-width of a responsivity read off a printed curve


@dataclass(frozen=True)
class Result:
    """All in mW/cm2 at full duty. values: mean of the repeats at each point."""

    channel: str
    wavelength_nm: int
    values: dict[Point, float]
    mean: float
    highest: float
    lowest: float
    budget: Budget
    repeats: int
    duty: float

    @property
    def peak(self) -> float:
        """Peak / mean as measured."""
        return self.highest / self.mean

    @property
    def evenness(self) -> float:
        """Min / mean as measured."""
        return self.lowest / self.mean

    @property
    def uw(self) -> int:
        """The mean in uW/cm2, as the wrap stores it."""
        return round(self.mean * 1000)

    @property
    def unc_pm(self) -> int:
        """U (k = 2) in permille, as the wrap stores it: rounded up, and never below its least."""
        return max(CAL_UNC_LEAST_PM, math.ceil(self.budget.expanded_pct * 10 - 1e-9))

    @property
    def peak_pm(self) -> int:
        """Peak / mean in permille for the caps: with what the grid can have missed, rounded up."""
        return math.ceil(1000 * self.peak * (1 + PEAK_MISSED / len(self.values)) - 1e-9)

    @property
    def upper(self) -> float:
        """Upper bound at the brightest place, by which the wrap's caps count, mW/cm2."""
        return self.mean * (1 + self.unc_pm / 1000) * self.peak_pm / 1000

    @property
    def is_too_uncertain(self) -> bool:
        """Whether the wrap would refuse it."""
        return self.unc_pm > CAL_UNC_MOST_PM

    def as_json(self) -> dict[str, Any]:
        """The result for the record and for --json."""
        return {
            "mean_mw_cm2": round(self.mean, 4),
            "u_pct": round(self.budget.expanded_pct, 2),
            "k": 2,
            "peak_by_mean": round(self.peak, 4),
            "min_by_mean": round(self.evenness, 4),
            "upper_mw_cm2": round(self.upper, 3),
            "uw": self.uw,
            "unc_pm": self.unc_pm,
            "peak_pm": self.peak_pm,
            "points": len(self.values),
            "repeats": self.repeats,
            "duty": round(self.duty, 4),
            "budget": [
                asdict(one) | {"standard_pct": round(one.standard_pct, 4)}
                for one in self.budget.contributions
            ],
        }


def compute_result(record: Record, channel: str) -> Result:
    """Return the result of a channel whose readings are complete."""
    by_repeat = [
        {one.point: record.net(one) for one in record.current(LIGHT, channel, repeat)}
        for repeat in range(record.repeats)
    ]
    values = {point: statistics.fmean(one[point] for one in by_repeat) for point in record.points()}
    mean = statistics.fmean(values.values())
    highest, lowest = max(values.values()), min(values.values())
    duty, inputs = _inputs(record, channel, mean, by_repeat)
    budget = make_budget(inputs)
    wavelength_nm = record.channel(channel).wavelength_nm
    return Result(
        channel, wavelength_nm, values, mean, highest, lowest, budget, record.repeats, duty
    )


def _inputs(
    record: Record, channel: str, mean: float, by_repeat: list[dict[Point, float]]
) -> tuple[float, Inputs]:
    means = [statistics.fmean(one.values()) for one in by_repeat]
    scatter = statistics.stdev(means) / mean * 100 if len(means) > 1 else 0.0
    readings = [r for n in range(record.repeats) for r in record.current(LIGHT, channel, n)]
    dark = record.dark(channel)
    below = dark.value if dark else 0.0
    duty = statistics.fmean(one.duty_u16 for one in readings) / 65535
    given = Inputs(
        instrument=record.instrument,
        wavelength_nm=record.channel(channel).wavelength_nm,
        points=len(record.points()),
        repeats=record.repeats,
        scatter_pct=scatter,
        signal=statistics.fmean(one.value for one in readings) - below,
        dark=below,
        step=max(one.step for one in readings),
        has_cover=record.has_cover,
        duty=duty,
        spread_k=_spread_k(readings),
        is_power=UNITS[record.instrument.unit][0] == "power",
        corrected_pct=CORRECTION_PCT if record.factor(channel) != 1.0 else 0.0,
    )
    return duty, given


def _spread_k(readings: list[Any]) -> float:
    """Return how far the temperature of the pad moved in the measurement, as its sensor that moved
    most shows it."""
    per_sensor = zip(*(one.temps_mc for one in readings), strict=False)
    known = [[mc for mc in sensor if mc is not None] for sensor in per_sensor]
    return max((max(mcs) - min(mcs) for mcs in known if mcs), default=0) / 1000
