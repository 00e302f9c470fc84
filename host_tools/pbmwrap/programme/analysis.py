"""Estimates how a daily number changed between a baseline and the time after it.

The days of one person resemble the days before them, so 60 entries say less than 60 independent
ones. The model allows for that: both parts have a mean of their own, and the differences from it
are an AR(1) process whose correlation is not known. `estimate_change` gives the change of the means
with its 95 % interval. For each correlation of a grid, generalised least squares gives the change
and its error as a t distribution. These are weighted by how well that correlation explains the
entries (the restricted likelihood times Jeffreys' prior of an AR(1) process, 1 / sqrt(1 - rho^2)),
so the interval contains the doubt about the correlation itself. Days without an entry are gaps;
nothing is filled in.

tests/programme/test_analysis.py checks how often the interval contains the true change. Why not a
block bootstrap: on series as short as a baseline of 14 days its intervals are too short
(docs/programme.md).

It is a comparison of before and after without blinding: it cannot tell light from time, hope or
other treatment. `WORDS` says so, and every place that shows a change shows them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pbmwrap.programme.days import find_values
from pbmwrap.programme.model import Course, JournalEntry

WORDS = "This comparison cannot tell light from time, hope, or other treatment. The self-trial can."
MIN_BEFORE = 7  # entries; with fewer no change is given
MIN_AFTER = 7
_GRID = [k / 33 for k in range(-6, 33)]  # correlations of neighbouring days, -0.18 to 0.97
_TAIL = 0.025
_STEPS = 100  # most steps to a quantile
_HALVINGS = 7  # the first ones halve the interval
_GAP = 1e-13  # of the share


class TooFewEntriesError(ValueError):
    """before, after: the number of entries in each part."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(
            f"a change needs at least {MIN_BEFORE} entries before and {MIN_AFTER} after the start;"
            f" there are {before} and {after}"
        )
        self.before = before
        self.after = after


@dataclass(frozen=True)
class Change:
    """before, after: means in the unit of the entries; change: after minus before; low, high: its
    95 % interval; correlation: of one day with the next, as estimated; n_before, n_after: entries;
    effective_n: number of independent entries that would say as much."""

    before: float
    after: float
    change: float
    low: float
    high: float
    correlation: float
    n_before: int
    n_after: int
    effective_n: float


@dataclass(frozen=True)
class _Fit:
    """The fit for one correlation. log_weight: logarithm of its restricted likelihood; scale: of
    the t distribution of the change."""

    correlation: float
    before: float
    change: float
    scale: float
    log_weight: float


def estimate_change(days: Sequence[int], values: Sequence[float], first_after: int) -> Change:
    """Return the change of the mean from the days before `first_after` to those from it on.

    days: numbers of days, rising, one per entry; values: one entry each; first_after: number of the
    first day that counts as after. Raises TooFewEntriesError, and ValueError for days that do not
    rise or a value that is not finite.
    """
    if len(days) != len(values):
        raise ValueError(f"{len(days)} days and {len(values)} values")
    if any(b <= a for a, b in itertools.pairwise(days)):
        raise ValueError("days must rise, one entry a day")
    if not all(math.isfinite(value) for value in values):
        raise ValueError("a value is not a finite number")
    is_after = [1.0 if day >= first_after else 0.0 for day in days]
    n_after = int(sum(is_after))
    n_before = len(days) - n_after
    if n_before < MIN_BEFORE or n_after < MIN_AFTER:
        raise TooFewEntriesError(n_before, n_after)
    gaps = [b - a for a, b in itertools.pairwise(days)]
    fits = [_fit(gaps, values, is_after, rho) for rho in _GRID]
    most = max(fit.log_weight for fit in fits)
    # Relative to the largest: exp of the logarithms themselves could overflow.
    weights = [math.exp(fit.log_weight - most) for fit in fits]
    total = sum(weights)
    weights = [weight / total for weight in weights]
    # Two means are estimated, so two degrees of freedom are gone.
    df = len(days) - 2
    before = _mean([fit.before for fit in fits], weights)
    change = _mean([fit.change for fit in fits], weights)
    correlation = _mean([fit.correlation for fit in fits], weights)
    return Change(
        before=before,
        after=before + change,
        change=change,
        low=_quantile(fits, weights, df, _TAIL),
        high=_quantile(fits, weights, df, 1 - _TAIL),
        correlation=correlation,
        n_before=n_before,
        n_after=n_after,
        # The variance of an AR(1) mean is larger by (1 + rho) / (1 - rho) than of
        # independent days.
        effective_n=len(days) * (1 - correlation) / (1 + correlation),
    )


def estimate_course_change(course: Course, entries: Sequence[JournalEntry]) -> Change:
    """Return the change from the baseline of a course to the course itself. Numbers before the
    baseline do not count: a course often begins after a bad time. Raises TooFewEntriesError."""
    known = {
        day.toordinal(): value
        for day, value in find_values(entries, course.measure.code).items()
        if course.baseline_from <= day < course.end
    }
    return estimate_change(list(known), list(known.values()), course.start.toordinal())


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True))


def _fit(
    gaps: Sequence[int], values: Sequence[float], is_after: Sequence[float], rho: float
) -> _Fit:
    """Return the generalised least squares fit for the correlation `rho` of neighbouring days.

    Entries `gap` days apart have the correlation rho ** gap. Each entry minus its prediction from
    the one before it is independent of all earlier ones; divided by its own deviation it has the
    variance of the process. Ordinary least squares on these gives the fit.
    """
    s11 = s1x = sxx = s1y = sxy = syy = 0.0
    log_det = 0.0
    y_before = x_before = 0.0
    factors = {gap: _whiten(rho**gap) for gap in set(gaps)}
    factors[0] = (0.0, 1.0, 0.0)  # the first entry has none before it
    for gap, y, x in zip((0, *gaps), values, is_after, strict=True):
        r, k, log_variance = factors[gap]
        one = (1 - r) * k
        wx = (x - r * x_before) * k
        wy = (y - r * y_before) * k
        log_det += log_variance
        s11 += one * one
        s1x += one * wx
        sxx += wx * wx
        s1y += one * wy
        sxy += wx * wy
        syy += wy * wy
        y_before, x_before = y, x
    det = s11 * sxx - s1x * s1x
    before = (sxx * s1y - s1x * sxy) / det
    change = (s11 * sxy - s1x * s1y) / det
    rss = max(syy - before * s1y - change * sxy, 1e-9 * len(values))  # all entries equal: not 0
    df = len(values) - 2
    scale = math.sqrt(rss / df * s11 / det)
    log_prior = -0.5 * math.log(1 - rho * rho)
    log_weight = log_prior - 0.5 * (log_det + math.log(det) + df * math.log(rss))
    return _Fit(rho, before, change, scale, log_weight)


def _whiten(r: float) -> tuple[float, float, float]:
    """Return for a correlation `r` with the entry before: r, the factor that restores the variance
    of what is left, and the logarithm of the variance that is left."""
    left = 1 - r * r
    return r, 1 / math.sqrt(left), math.log(left)


def _quantile(fits: Sequence[_Fit], weights: Sequence[float], df: int, share: float) -> float:
    """Return the value below which `share` of the weighted t distributions lies.

    Halves the interval that contains it, then replaces an end by the secant's root (Illinois form
    of the false position), which needs a quarter of the steps.
    """
    kept = [(fit, weight) for fit, weight in zip(fits, weights, strict=True) if weight > 1e-9]

    def measure_gap(value: float) -> float:
        parts = (w * calculate_t_share((value - fit.change) / fit.scale, df) for fit, w in kept)
        return sum(parts) - share

    low = min(fit.change - 60 * fit.scale for fit, _ in kept)
    high = max(fit.change + 60 * fit.scale for fit, _ in kept)
    low_gap, high_gap = measure_gap(low), measure_gap(high)
    kept_end = 0
    middle = low
    for step in range(_STEPS):
        by_half = step < _HALVINGS or high_gap <= low_gap
        middle = (
            (low + high) / 2
            if by_half
            else (low * high_gap - high * low_gap) / (high_gap - low_gap)
        )
        gap = measure_gap(middle)
        if abs(gap) < _GAP:
            break
        if gap < 0:
            low, low_gap = middle, gap
            high_gap /= 2 if kept_end < 0 and not by_half else 1
            kept_end = -1
        else:
            high, high_gap = middle, gap
            low_gap /= 2 if kept_end > 0 and not by_half else 1
            kept_end = 1
    return middle


def calculate_t_share(t: float, df: int) -> float:
    """Return the share of a t distribution with `df` degrees of freedom that lies below `t`.

    By the finite sums for integer degrees of freedom (Abramowitz and Stegun 1965, 26.7.3 and
    26.7.4).
    """
    theta = math.atan(t / math.sqrt(df))
    cos2 = math.cos(theta) ** 2
    term = total = 1.0
    if df % 2:
        term = total = math.cos(theta) if df > 1 else 0.0
        for k in range(3, df - 1, 2):
            term *= cos2 * (k - 1) / k
            total += term
        between = 2 / math.pi * (theta + math.sin(theta) * total)
    else:
        for k in range(2, df - 1, 2):
            term *= cos2 * (k - 1) / k
            total += term
        between = math.sin(theta) * total
    return (1 + between) / 2
