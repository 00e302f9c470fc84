"""The primary analysis against a count by brute force, against scipy, and its errors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbmwrap.trial import randomisation as r
from wrap.rules import blinding
from wrap.rules.blinding import PAIRS, PERIODS, SIDES

NAN = math.nan
# Period means of a made-up trial; with SIDES first site minus second.
VALUES = [-0.8, 1.1, -1.4, -0.2, 0.9, 1.6, -1.0, 0.4, -0.7, 1.2, 0.3, -1.3]
ARM = [1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1]
PAIR_ARM = [1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 0, 1]


def naive_arms(design: str, periods: int) -> list[tuple[int, ...]]:
    """All allocations of a design, from its definition."""
    every = itertools.product((0, 1), repeat=periods)
    if design == PAIRS:
        return [a for a in every if all(a[i] + a[i + 1] == 1 for i in range(0, periods, 2))]
    return [a for a in every if 2 * sum(a) == periods]


def naive_difference(values: Sequence[float], arm: Sequence[int], design: str) -> float:
    """Active minus sham of one allocation, with plain loops."""
    if design == PAIRS:
        found = []
        for i in range(0, len(arm), 2):
            first, second = values[i], values[i + 1]
            if not math.isnan(first) and not math.isnan(second):
                found.append(first - second if arm[i] else second - first)
        return sum(found) / len(found)
    groups: tuple[list[float], list[float]] = ([], [])
    for value, on in zip(values, arm, strict=True):
        if not math.isnan(value):
            groups[on].append(value)
    if not all(groups):
        return NAN
    sham, active = (sum(g) / len(g) for g in groups)
    return (active - sham) / (2 if design == SIDES else 1)


def naive_p(values: Sequence[float], arm: Sequence[int], design: str) -> float:
    """The share of allocations with a difference as large, with plain loops."""
    seen = abs(naive_difference(values, arm, design))
    every = [abs(naive_difference(values, a, design)) for a in naive_arms(design, len(arm))]
    return sum(math.isnan(d) or d >= seen - 1e-9 for d in every) / len(every)


@pytest.mark.parametrize("design", [SIDES, PERIODS, PAIRS])
@pytest.mark.parametrize("periods", [2, 4, 6, 8])
def test_the_allocations_are_those_of_the_definition(design: str, periods: int) -> None:
    found = [tuple(int(a) for a in row) for row in r.list_allocations(design, periods)]
    assert sorted(found) == sorted(naive_arms(design, periods))
    assert len(found) == r.count_allocations(design, periods)


@given(st.binary(min_size=32, max_size=32), st.sampled_from([SIDES, PERIODS, PAIRS]))
def test_what_the_wrap_draws_is_one_of_them(secret: bytes, design: str) -> None:
    drawn = tuple(blinding.allocate(secret, design, 8))
    assert drawn in naive_arms(design, 8)


@pytest.mark.parametrize("design,arm", [(SIDES, ARM), (PERIODS, ARM), (PAIRS, PAIR_ARM)])
@pytest.mark.parametrize("gaps", [(), (3,), (0, 5, 7)])
def test_estimate_and_p_are_those_of_a_count_by_brute_force(
    design: str, arm: list[int], gaps: tuple[int, ...]
) -> None:
    values = [NAN if i in gaps else v for i, v in enumerate(VALUES)]
    found = r.estimate_effect(values, arm, design)
    assert found.estimate == pytest.approx(naive_difference(values, arm, design))
    assert found.p == pytest.approx(naive_p(values, arm, design))
    assert (found.exact, found.missing, found.used) == (True, gaps, 12 - len(gaps))


def test_the_largest_difference_of_twelve_periods_has_the_smallest_p() -> None:
    """2 of 924 allocations: the drawn one and its mirror."""
    values = [-1.0 if a else 1.0 for a in ARM]
    assert r.estimate_effect(values, ARM, SIDES).p == pytest.approx(2 / 924)
    assert r.count_allocations(PAIRS, 12) == 64  # 6 pairs: 2 / 64 is 0.031


@pytest.mark.parametrize("design,arm", [(SIDES, ARM), (PERIODS, ARM), (PAIRS, PAIR_ARM)])
def test_the_interval_holds_the_effects_that_are_not_rejected(design: str, arm: list[int]) -> None:
    found = r.estimate_effect(VALUES, arm, design)
    assert found.low < found.estimate < found.high

    def p_without(effect: float) -> float:
        share = [2 * a - 1 if design == SIDES else a for a in arm]
        rest = [v - effect * s for v, s in zip(VALUES, share, strict=True)]
        return naive_p(rest, arm, design)

    for end, outward in ((found.low, -1), (found.high, 1)):
        assert p_without(end - outward * 1e-3) > 0.05
        assert p_without(end + outward * 1e-3) <= 0.05


def test_a_design_that_cannot_reject_has_an_infinite_interval() -> None:
    """4 periods: 2 of 6 allocations are always as extreme."""
    found = r.estimate_effect([1.0, -1.0, 1.2, -0.8], [1, 0, 1, 0], SIDES)
    assert found.p == pytest.approx(2 / 6)
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_scipy_agrees_where_it_must() -> None:
    """Without missing periods an allocation of PERIODS is a permutation of two groups. scipy
    doubles the smaller tail, which is the same here: the distribution is symmetric."""
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    values = np.array(VALUES)
    on = np.array(ARM, bool)
    other = stats.permutation_test(
        (values[on], values[~on]),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        vectorized=True,
        n_resamples=np.inf,
    )
    found = r.estimate_effect(VALUES, ARM, PERIODS)
    assert found.estimate == pytest.approx(other.statistic)
    assert found.p == pytest.approx(other.pvalue)


@settings(max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8), st.floats(-3, 3))
def test_an_added_effect_is_found_again(noise: list[float], effect: float) -> None:
    arm = [1, 0, 0, 1, 1, 0, 1, 0]
    plain = r.estimate_effect(noise, arm, PERIODS)
    moved = r.remove_effect(np.array(noise), arm, PERIODS, -effect)
    assert r.estimate_effect(list(moved), arm, PERIODS).estimate == pytest.approx(
        plain.estimate + effect, abs=1e-6
    )


def test_a_large_design_is_sampled_the_same_way_each_time() -> None:
    rng = np.random.default_rng(1)
    arm = [1, 0] * 12
    values = list(rng.standard_normal(24) - 0.9 * np.array(arm))
    first, again = (r.estimate_effect(values, arm, PERIODS) for _ in range(2))
    assert first == again
    assert not first.exact
    assert first.allocations == r.MOST_ALLOCATIONS + 1
    assert 0 < first.p < 0.2


@pytest.mark.parametrize(
    "design,gaps",
    [(SIDES, (0, 2, 3, 6, 8)), (PERIODS, (1, 4, 5, 7, 9)), (PAIRS, (0, 2, 4, 6, 9))],
)
def test_too_few_periods_are_an_error(design: str, gaps: tuple[int, ...]) -> None:
    values = [NAN if i in gaps else v for i, v in enumerate(VALUES)]
    with pytest.raises(r.TooFewPeriodsError):
        r.estimate_effect(values, PAIR_ARM if design == PAIRS else ARM, design)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="one value and one arm"):
        r.estimate_effect(VALUES, ARM[:-1], SIDES)
    with pytest.raises(ValueError, match="even number"):
        r.list_allocations(SIDES, 7)


# R 4.2.2, coin 1.4-2, from Debian's r-cran-coin, on 2026-11-29:
#   oneway_test(y ~ factor(arm), distribution = exact())
#   oneway_test(y ~ factor(arm) | factor(rep(1:8, each = 2)), distribution = exact())
_COIN_ARM = [0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0]
_COIN_PAIRS = [1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0]


@pytest.mark.parametrize(
    "values,arm,design,p",
    [
        (
            [5.2, 3.1, 4.4, 6.0, 2.9, 3.8, 5.5, 4.9, 3.3, 6.4, 2.7, 4.1],
            _COIN_ARM,
            PERIODS,
            0.004329004329,
        ),
        (
            [5.2, 4.9, 4.4, 4.6, 5.1, 3.8, 5.5, 4.3, 3.9, 4.4, 4.7, 4.1],
            _COIN_ARM,
            PERIODS,
            0.534632034632,
        ),
        (
            [3.1, 4.4, 5.0, 3.9, 4.2, 4.9, 4.6, 4.7, 3.6, 5.3, 4.0, 4.3, 5.1, 3.7, 4.8, 4.5],
            _COIN_PAIRS,
            PAIRS,
            0.0703125,
        ),
    ],
)
def test_p_is_that_of_the_package_coin_of_r(
    values: list[float], arm: list[int], design: str, p: float
) -> None:
    assert r.estimate_effect(values, arm, design).p == pytest.approx(p, abs=1e-11)
