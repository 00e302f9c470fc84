"""The uncertainty budget: the design's example, and properties over all inputs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbmwrap.calibration.budget import Budget, Inputs, make_budget
from pbmwrap.calibration.instruments import KINDS, Instrument
from pbmwrap.calibration.units import UNITS, convert_to_irradiance, parse_typed

METER = Instrument("silicon", "S121C", 5.0, 2.0, 9.5, "mW/cm2")
INPUTS = Inputs(METER, 660, 25, 3, 0.8, 30.0, 0.02, 0.01, True, 1.0)


def parts(budget: Budget) -> dict[str, float]:
    return {one.code: one.standard_pct for one in budget.contributions}


def test_the_designs_figures_give_its_combined_uncertainty() -> None:
    """Meter 2.5, spectral 1.5, cosine and near field 4, temperature 2, position 2, PWM 1, cover 3:
    combined 6.5, U = 13. Grid, repeats, dark and last digit come on top."""
    found = parts(make_budget(INPUTS))
    figures = {"meter": 2.5, "spectral": 1.5, "angle": 4, "temperature": 2, "position": 2}
    figures |= {"pwm": 1, "cover": 3}
    for code, percent in figures.items():
        assert found[code] == pytest.approx(percent, abs=0.01), code
    assert math.hypot(*(found[code] for code in figures)) == pytest.approx(6.52, abs=0.01)
    assert 2 * math.hypot(*(found[code] for code in figures)) == pytest.approx(13, abs=0.1)
    assert make_budget(INPUTS).expanded_pct == pytest.approx(13.25, abs=0.05)


def test_a_worked_type_a_contribution() -> None:
    """GUM 4.2.3: the standard deviation of the mean is s / sqrt(n), with n - 1 degrees of
    freedom."""
    repeats = next(one for one in make_budget(INPUTS).contributions if one.code == "repeats")
    assert repeats.standard_pct == pytest.approx(0.8 / math.sqrt(3))
    assert (repeats.kind, repeats.freedom) == ("A", 2)


def test_the_effective_degrees_of_freedom_follow_welch_satterthwaite() -> None:
    budget = make_budget(replace(INPUTS, scatter_pct=10.0))
    u = 10.0 / math.sqrt(3)
    assert budget.freedom == pytest.approx(budget.combined_pct**4 / (u**4 / 2))
    assert make_budget(replace(INPUTS, repeats=1)).freedom == math.inf


percent = st.floats(0.1, 40)
inputs = st.builds(
    Inputs,
    instrument=st.builds(
        Instrument,
        kind=st.sampled_from([k.name for k in KINDS.values() if k.absolute]),
        name=st.just("meter"),
        uncertainty_pct=percent,
        k=st.floats(1, 3),
        aperture_mm=st.floats(1, 50),
        unit=st.sampled_from(list(UNITS)),
    ),
    wavelength_nm=st.sampled_from([660, 850]),
    points=st.integers(1, 81),
    repeats=st.integers(1, 9),
    scatter_pct=st.floats(0, 30),
    signal=st.floats(0.01, 200),
    dark=st.floats(0, 2),
    step=st.floats(0, 1),
    has_cover=st.booleans(),
    duty=st.floats(0.05, 1),
    spread_k=st.floats(0, 30),
    is_power=st.booleans(),
    corrected_pct=st.sampled_from([0.0, 3.0]),
)


@settings(max_examples=150, deadline=None)
@given(inputs, st.floats(0, 20))
def test_u_never_falls_when_a_contribution_grows(one: Inputs, more: float) -> None:
    u = make_budget(one).expanded_pct
    meter = one.instrument
    grown = [
        replace(one, instrument=replace(meter, uncertainty_pct=meter.uncertainty_pct + more)),
        replace(one, scatter_pct=one.scatter_pct + more),
        replace(one, dark=one.dark + more),
        replace(one, step=one.step + more),
        replace(one, spread_k=one.spread_k + more),
        replace(one, duty=one.duty / (1 + more)),
        replace(one, signal=one.signal / (1 + more)),
        replace(one, has_cover=True),
        replace(one, is_power=True),
        replace(one, corrected_pct=3.0),
    ]
    for other in grown:
        assert make_budget(other).expanded_pct >= u * (1 - 1e-12)


@settings(max_examples=100, deadline=None)
@given(inputs, st.integers(1, 80))
def test_fewer_points_never_make_u_smaller(one: Inputs, fewer: int) -> None:
    points = max(1, one.points - fewer)
    assert make_budget(replace(one, points=points)).combined_pct >= make_budget(one).combined_pct


@settings(max_examples=100, deadline=None)
@given(inputs)
def test_u_is_the_root_of_the_sum_of_squares_at_k_2(one: Inputs) -> None:
    budget = make_budget(one)
    squares = sum(c.standard_pct**2 for c in budget.contributions)
    assert budget.expanded_pct == pytest.approx(2 * math.sqrt(squares))
    assert budget.combined_pct >= max(c.standard_pct for c in budget.contributions)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.001, 1e4), st.sampled_from(list(UNITS)), st.sampled_from(list(UNITS)))
def test_units_convert_to_each_other_and_back(value: float, unit: str, other: str) -> None:
    """The same light in two units is the same irradiance; power needs the aperture's area."""
    area = 0.7
    irradiance = convert_to_irradiance(value, unit, area)
    there = irradiance / convert_to_irradiance(1.0, other, area)
    assert convert_to_irradiance(there, other, area) == pytest.approx(irradiance)
    typed = parse_typed(f"{value!r} {unit}")
    assert (typed.value, typed.unit) == (pytest.approx(value), unit)


def test_known_conversions() -> None:
    assert convert_to_irradiance(10.0, "W/m2", None) == 1.0
    assert convert_to_irradiance(1000.0, "uW/cm2", None) == 1.0
    assert convert_to_irradiance(1.0, "W/cm2", None) == 1000.0
    assert convert_to_irradiance(0.5, "mW", 0.5) == 1.0
