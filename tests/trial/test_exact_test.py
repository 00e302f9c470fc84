"""The test in plain Python, for the page, against the one with numpy."""

from __future__ import annotations

import random

import pytest

from pbmwrap.portable import exact_test
from pbmwrap.trial.randomisation import estimate_effect, list_allocations
from wrap.rules.blinding import SIDES, allocate


def test_the_allocations_are_the_same() -> None:
    found = exact_test.list_balanced(12)
    assert len(found) == 924
    assert sorted(found) == sorted(list_allocations(SIDES, 12).tolist())


@pytest.mark.parametrize("seed", range(12))
def test_estimate_p_and_interval_are_the_same(seed: int) -> None:
    rng = random.Random(seed)
    periods = (4, 6, 8, 12)[seed % 4]
    arm = allocate(bytes([seed] * 32), SIDES, periods)
    effect = (0.0, -2.0, 3.0)[seed % 3]
    values = [rng.gauss(0, 1) + effect * (2 * one - 1) for one in arm]
    if seed == 5:
        values = [round(value) for value in values]  # ties
    if seed == 7:
        values = [0.0] * periods
    estimate, p, low, high, count = exact_test.compare_sides(values, arm)
    known = estimate_effect(values, arm, SIDES)
    assert count == known.allocations
    assert p == pytest.approx(known.p, abs=1e-12)
    assert estimate == pytest.approx(known.estimate, abs=1e-12)
    assert (low, high) == pytest.approx((known.low, known.high), abs=1e-6)
