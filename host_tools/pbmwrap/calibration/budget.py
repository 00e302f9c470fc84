"""The uncertainty budget of a calibration after the GUM (JCGM 100:2008).

The irradiance is a product: reading x corrections / duty, so relative uncertainties add as squares
(GUM 5.1.6). Unevenness of the pad is not a random error and not in the budget: it is reported
apart, as peak / mean and min / mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pbmwrap.calibration.instruments import KINDS, Instrument

COVERAGE_K = 2.0
_RECTANGULAR = math.sqrt(3.0)  # GUM 4.3.7: standard uncertainty = half-width / sqrt(3)
# Red AlGaInP: bound of 0.8 %/K; 660 nm chips lost 7 % from 25 to 50 C (Vinogradova et al., Mater.
# Phys. Mech. 18 (2013) 143). 850 nm: -0.35 %/K, Vishay VSMY1850 data sheet, rev. 1.5 (2016).
LED_PCT_PER_K = {"red": 0.8, "infrared": 0.35}
_INFRARED_FROM_NM = 700
TEMPERATURE_HALF_K = 4.33  # junctions in a session against those in the measurement
POSITION_PCT = 3.46  # half-width: the head over one LED or between two, 2 mm by hand
PWM_PCT = 1.73  # half-width: averaging of a 1 kHz carrier by the meter
COVER_PCT = 5.2  # half-width: folds and wear of film or cloth
DUTY_PCT = 10.0  # half-width at duty 0: LEDs at a part of their duty are cooler and more efficient
UNEVEN_PCT = 25.0  # one standard deviation over the pad, of which a grid of N points leaves 1 / N
ONE_REPEAT_PCT = 5.0  # half-width where nothing was repeated, so that no scatter is known


@dataclass(frozen=True)
class Contribution:
    """One line. kind: "A" (from repeats) or "B" (from other knowledge); value: half-width or
    standard deviation in `unit`; divisor: makes it a standard uncertainty; sensitivity: percent of
    the result per `unit`; freedom: degrees of freedom, None for a type B one."""

    code: str
    title: str
    kind: str
    distribution: str
    value: float
    unit: str
    divisor: float
    sensitivity: float
    source: str
    freedom: int | None = None

    @property
    def standard_pct(self) -> float:
        """Standard uncertainty of the result by this contribution, percent (k = 1)."""
        return abs(self.value * self.sensitivity) / self.divisor


@dataclass(frozen=True)
class Inputs:
    """What the budget of a channel needs. scatter_pct: standard deviation of the means of the
    repeats, percent; signal: mean reading less the dark one, dark: dark reading, step: last digit,
    all in the same unit; spread_k: how far the pad's temperatures moved in the measurement; duty:
    0 to 1; corrected_pct: half-width of a correction that was typed in, 0 without one."""

    instrument: Instrument
    wavelength_nm: int
    points: int
    repeats: int
    scatter_pct: float
    signal: float
    dark: float
    step: float
    has_cover: bool
    duty: float
    spread_k: float = 0.0
    is_power: bool = False
    corrected_pct: float = 0.0


@dataclass(frozen=True)
class Budget:
    """All contributions, and their sum."""

    contributions: tuple[Contribution, ...]

    @property
    def combined_pct(self) -> float:
        """Combined standard uncertainty, percent (GUM 5.1.2)."""
        return math.hypot(*(one.standard_pct for one in self.contributions))

    @property
    def expanded_pct(self) -> float:
        """Expanded uncertainty U at k = 2, percent."""
        return COVERAGE_K * self.combined_pct

    @property
    def freedom(self) -> float:
        """Effective degrees of freedom (Welch-Satterthwaite, GUM G.4.1); inf without type A."""
        below = sum(one.standard_pct**4 / one.freedom for one in self.contributions if one.freedom)
        return self.combined_pct**4 / below if below else math.inf


def led_pct_per_k(wavelength_nm: int) -> float:
    """Return how much light a channel loses by a kelvin of its junctions, percent."""
    return LED_PCT_PER_K["infrared" if wavelength_nm >= _INFRARED_FROM_NM else "red"]


def make_budget(given: Inputs) -> Budget:
    """Return the budget of one channel."""
    return Budget(tuple(_contributions(given)))


def _contributions(given: Inputs) -> Iterator[Contribution]:
    meter, kind = given.instrument, KINDS[given.instrument.kind]
    yield Contribution(
        "meter",
        "meter's calibration",
        "B",
        "normal",
        meter.uncertainty_pct,
        "%",
        meter.k,
        1.0,
        f"stated for {meter.name}, k = {meter.k:g}",
    )
    yield _half("spectral", "spectral mismatch", kind.spectral_pct, f"kind of meter: {kind.name}")
    if given.corrected_pct:
        yield _half("correction", "correction typed in", given.corrected_pct, "two curve readings")
    yield _half("angle", "cosine and near field", kind.angle_pct, "LEDs close to the head")
    if given.is_power:
        yield _half(
            "aperture",
            "aperture's area",
            meter.aperture_tolerance_mm,
            f"diameter {meter.aperture_mm:g} mm, to 0.1 mm",
            "mm",
            200.0 / meter.aperture_mm,
        )
    yield _half(
        "temperature",
        "LED temperature",
        max(TEMPERATURE_HALF_K, given.spread_k),
        "session against measurement",
        "K",
        led_pct_per_k(given.wavelength_nm),
    )
    yield from _reading_contributions(given, kind.dark_drift)
    yield _half("position", "position of the head", POSITION_PCT, "2 mm by hand")
    yield Contribution(
        "grid",
        "between the points",
        "B",
        "normal",
        UNEVEN_PCT,
        "%",
        float(given.points),
        1.0,
        f"{given.points} points",
    )
    yield _half("pwm", "carrier averaging", PWM_PCT, "1 kHz")
    if given.duty < 1.0:
        left = DUTY_PCT * (1.0 - given.duty)
        yield _half("duty", "scaled to full duty", left, f"measured at {given.duty * 100:.1f} %")
    yield _half(
        "cover",
        "cover",
        COVER_PCT if given.has_cover else 0.0,
        "folds and wear" if given.has_cover else "none is used",
    )


def _reading_contributions(given: Inputs, dark_drift: float) -> Iterator[Contribution]:
    if given.repeats > 1:
        root, freedom = math.sqrt(given.repeats), given.repeats - 1
        text = f"{given.repeats} repeats with repositioning"
        scatter = given.scatter_pct
        yield Contribution(
            "repeats", "repeats", "A", "normal", scatter, "%", root, 1.0, text, freedom
        )
    else:
        yield _half("repeats", "repeats", ONE_REPEAT_PCT, "not repeated: scatter not known")
    per_signal = 100.0 / given.signal
    drift = abs(given.dark) * dark_drift
    yield _half("dark", "drift of dark reading", drift, "since it was read", "mW/cm2", per_signal)
    yield _half("step", "last digit", given.step / 2, "of the display", "mW/cm2", per_signal)


def _half(
    code: str, title: str, half: float, source: str, unit: str = "%", sensitivity: float = 1.0
) -> Contribution:
    """Return a type B contribution with a rectangular distribution of half-width `half`."""
    args = (code, title, "B", "rectangular", half, unit, _RECTANGULAR, sensitivity, source)
    return Contribution(*args)
