"""The primary analysis of a trial: an exact randomisation test over all allocations of its design.

The wrap drew one of the design's allocations, each as likely as any other. If light did nothing,
every entry would be the same under each of them, so the share of allocations whose difference is at
least as large as the one seen is an exact p value, whatever the entries' distribution and however
alike one day is to the next (Edgington & Onghena, Randomization Tests, 4th ed. 2007). The interval
holds the effects that the test does not reject.

`scipy.stats.permutation_test` draws from all permutations and doubles the smaller tail; it knows
neither balance nor pairs. tests/trial compares with a brute-force count of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pbmwrap.portable.exact_test import ALPHA
from wrap.rules.blinding import DESIGNS, PAIRS, SIDES

MOST_ALLOCATIONS = 20_000  # beyond, a seeded sample of this size with the one seen in it
_ROUNDING = 1e-9  # differences that are equal but for rounding count as equal
_SEED = 20261129  # of the sample: fixed, so that everybody gets the same p
_HALVINGS = 60

Floats = np.ndarray


@dataclass(frozen=True)
class Effect:
    """estimate: active minus sham, in the unit of the entries; p: two-sided; low, high: the 95 %
    interval (infinite where the design cannot exclude any effect on that side); allocations: how
    many were compared; exact: all of the design's; used: periods with entries enough; missing:
    numbers of the others, from 0."""

    estimate: float
    p: float
    low: float
    high: float
    allocations: int
    exact: bool
    used: int
    missing: tuple[int, ...]


class TooFewPeriodsError(ValueError):
    """The periods with entries enough do not hold both arms twice."""


@lru_cache(8)
def list_allocations(design: str, periods: int) -> Floats:
    """List the allocations that `wrap.rules.blinding.allocate` can draw, each as likely as any
    other: int8 array (allocations, periods), 1 where the first site is active. It cannot be
    written: the next caller gets the same one.

    Above MOST_ALLOCATIONS it is a seeded sample of that size. Raises ValueError for what `allocate`
    refuses.
    """
    found = _make_allocations(design, periods)
    found.flags.writeable = False
    return found


def _make_allocations(design: str, periods: int) -> Floats:
    if design not in DESIGNS or periods < 2 or periods % 2:
        raise ValueError("a known design, and an even number of periods")
    if count_allocations(design, periods) > MOST_ALLOCATIONS:
        return _sample_allocations(design, periods)
    if design == PAIRS:
        firsts = np.array(list(itertools.product((0, 1), repeat=periods // 2)), np.int8)
        return _interleave(firsts)
    chosen = list(itertools.combinations(range(periods), periods // 2))
    found = np.zeros((len(chosen), periods), np.int8)
    for row, ones in zip(found, chosen, strict=True):
        row[list(ones)] = 1
    return found


def list_compared(design: str, arm: Sequence[int]) -> tuple[Floats, bool]:
    """List the allocations that a trial with the drawn `arm` is compared with, and whether these
    are all of the design's. A sample has the drawn one in it: p is never 0."""
    arms = list_allocations(design, len(arm))
    exact = count_allocations(design, len(arm)) == len(arms)
    return (arms if exact else np.vstack([arms, np.array([arm], np.int8)])), exact


def count_allocations(design: str, periods: int) -> int:
    """Return how many allocations the design has."""
    if design == PAIRS:
        return 2 ** (periods // 2)
    n = 1
    for k in range(1, periods // 2 + 1):
        n = n * (periods // 2 + k) // k
    return n


def _sample_allocations(design: str, periods: int) -> Floats:
    rng = np.random.default_rng(_SEED)
    if design == PAIRS:
        return _interleave(rng.integers(0, 2, (MOST_ALLOCATIONS, periods // 2), np.int8))
    base = np.tile(np.repeat(np.array([1, 0], np.int8), periods // 2), (MOST_ALLOCATIONS, 1))
    return rng.permuted(base, axis=1)


def _interleave(firsts: Floats) -> Floats:
    """Return arms of pairs: `firsts` in the even places, the other arm in the odd ones."""
    out = np.empty((len(firsts), 2 * firsts.shape[1]), np.int8)
    out[:, 0::2] = firsts
    out[:, 1::2] = 1 - firsts
    return out


def compute_differences(values: Floats, arms: Floats, design: str) -> Floats:
    """Compute active minus sham for each allocation.

    values: (periods,) or (series, periods): a period's mean, with SIDES first site minus second;
    NaN where the period is missing. arms: (allocations, periods), 1 where the first site is active.
    Returns (allocations,) or (series, allocations); NaN where an arm has no period. With PAIRS only
    whole pairs count.
    """
    rows = np.atleast_2d(np.asarray(values, float))
    if design == PAIRS:
        pair = rows[:, 0::2] - rows[:, 1::2]
        found = _mean_signed(pair, 2.0 * arms[:, 0::2] - 1.0)
    else:
        known = ~np.isnan(rows)
        filled = np.where(known, rows, 0.0)
        on = arms.astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            active = (filled @ on.T) / (known @ on.T)
            sham = (filled @ (1.0 - on).T) / (known @ (1.0 - on).T)
        # With two sites a change of the arm moves the difference of the sites twice.
        found = (active - sham) / (2.0 if design == SIDES else 1.0)
    return found if np.ndim(values) == 2 else found[0]


def _mean_signed(pairs: Floats, signs: Floats) -> Floats:
    known = ~np.isnan(pairs)
    filled = np.where(known, pairs, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (filled @ signs.T) / known.sum(axis=1, keepdims=True)


def compute_p(values: Floats, arm: Sequence[int], arms: Floats, design: str) -> Floats:
    """Compute the two-sided p of each series: the share of `arms` whose difference is at least as
    large as that of `arm`, the allocation that was drawn. values: as for `compute_differences`.
    Returns () or (series,)."""
    drawn = compute_differences(values, np.array([arm], np.int8), design)
    every = np.abs(compute_differences(values, arms, design))
    # An allocation that leaves an arm without any period gives no difference: it counts against.
    every = np.where(np.isnan(every), np.inf, every)
    return (every >= np.abs(drawn) - _ROUNDING).mean(axis=-1)


def estimate_effect(values: Sequence[float], arm: Sequence[int], design: str) -> Effect:
    """Test and estimate the effect of one finished trial.

    values: per period, as for `compute_differences`, NaN where it is missing; arm: the allocation
    that was drawn. Raises TooFewPeriodsError, and ValueError for lengths that differ.
    """
    rows = np.asarray(values, float)
    if rows.shape != (len(arm),):
        raise ValueError("one value and one arm for each period")
    missing = tuple(int(i) for i in np.flatnonzero(np.isnan(rows)))
    if design == PAIRS:
        whole = ~np.isnan(rows[0::2] - rows[1::2])
        if whole.sum() < 2:
            raise TooFewPeriodsError("fewer than two whole pairs have enough entries")
    else:
        for side in (0, 1):
            if sum(a == side and not np.isnan(v) for a, v in zip(arm, rows, strict=True)) < 2:
                raise TooFewPeriodsError("an arm has fewer than two periods with enough entries")
    arms, exact = list_compared(design, arm)
    estimate = float(compute_differences(rows, np.array([arm], np.int8), design)[0])
    p = float(compute_p(rows, arm, arms, design))
    low, high = (_find_bound(rows, arm, arms, design, estimate, side) for side in (-1, 1))
    return Effect(estimate, p, low, high, len(arms), exact, len(rows) - len(missing), missing)


def remove_effect(values: Floats, arm: Sequence[int], design: str, effect: float) -> Floats:
    """Return the values as they would be without `effect` of the active arm."""
    on = np.asarray(arm, float)
    share = 2.0 * on - 1.0 if design == SIDES else on
    return values - effect * share


def _find_bound(
    values: Floats, arm: Sequence[int], arms: Floats, design: str, estimate: float, side: int
) -> float:
    """Find the end of the interval on one side: the last effect that the test does not reject."""
    # A difference is linear in the values, so an effect that is taken away moves it by a share that
    # is computed once for each allocation.
    share = -remove_effect(0.0 * values, arm, design, 1.0)
    drawn = np.array([arm], np.int8)
    seen, seen_share = (float(compute_differences(v, drawn, design)[0]) for v in (values, share))
    every, every_share = (compute_differences(v, arms, design) for v in (values, share))

    def rejects(effect: float) -> bool:
        rest = np.abs(every - effect * every_share)
        at_least = ~(rest < abs(seen - effect * seen_share) - _ROUNDING)  # NaN counts against
        return bool(at_least.mean() <= ALPHA)

    spread = float(np.nanmax(values) - np.nanmin(values)) or 1.0
    inside, outside = estimate, estimate + side * spread
    for _ in range(8):
        if rejects(outside):
            break
        inside, outside = outside, estimate + 4 * (outside - estimate)
    else:
        return side * float("inf")
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if abs(outside - inside) < _ROUNDING:
            break
        if rejects(middle):
            outside = middle
        else:
            inside = middle
    return inside
