"""The exact randomisation test of a trial in plain Python, and the rules of its verdict.

`pbmwrap.trial.randomisation` does the same test with numpy, for all designs and with missing
periods. This one runs where numpy is not: in the page that plays a trial in a browser.
tests/trial/test_exact_test.py compares both. The rules of the verdict are here for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

ALPHA = 0.05
BETTER = "better"
WORSE = "worse"
NO_DIFFERENCE = "no difference as large as the one that matters"
CANNOT_TELL = "cannot tell"
_ROUNDING = 1e-9  # differences that are equal but for rounding count as equal
_WIDENINGS = 8
_HALVINGS = 60


def judge_figures(
    estimate: float, p: float, low: float, high: float, matters: float, less: bool
) -> str:
    """Judge an estimate (active minus sham), its p and its 95 % interval: one of the four verdicts.
    matters: the change that matters, above 0; less: whether a lower number is better."""
    if p <= ALPHA and estimate:
        return BETTER if (estimate < 0) == less else WORSE
    if -matters < low and high < matters:
        return NO_DIFFERENCE
    return CANNOT_TELL


def list_balanced(periods: int) -> list[list[int]]:
    """List all allocations with half of the periods active: 1 where the first site is."""
    found: list[list[int]] = [[]]
    half = periods // 2
    for place in range(periods):
        longer = []
        for row in found:
            ones = sum(row)
            if ones < half:
                longer.append([*row, 1])
            if place - ones < half:
                longer.append([*row, 0])
        found = longer
    return found


def compare_sides(
    values: Sequence[float], arm: Sequence[int]
) -> tuple[float, float, float, float, int]:
    """Test and estimate a trial of two sites whose periods all have a value.

    values: mean of each period, first site minus second; arm: the allocation that was drawn.
    Returns estimate, two-sided p, ends of the 95 % interval (infinite where it is not bounded), and
    how many allocations were compared.
    """
    every = list_balanced(len(arm))
    signs = [2 * one - 1 for one in arm]
    both = [(_compute_difference(values, one), _compute_difference(signs, one)) for one in every]
    seen = _compute_difference(values, arm)

    def measure_p(effect: float) -> float:
        """Return the p of the data without `effect` of the active arm."""
        limit = abs(seen - effect) - _ROUNDING
        far = 0
        for difference, share in both:
            if abs(difference - effect * share) >= limit:
                far += 1
        return far / len(every)

    spread = float(max(values) - min(values)) or 1.0
    low, high = (_find_bound(measure_p, seen, side * spread) for side in (-1, 1))
    return seen, measure_p(0.0), low, high, len(every)


def _compute_difference(values: Sequence[float], arm: Sequence[int]) -> float:
    """Compute active minus sham. A change of the arm moves the difference of two sites twice."""
    active = sum([value for value, one in zip(values, arm, strict=True) if one])
    half = len(arm) / 2
    return (active / half - (sum(values) - active) / half) / 2


def _find_bound(measure_p: Callable[[float], float], estimate: float, step: float) -> float:
    """Find the end of the interval on the side of `step`: the last effect that is not rejected."""
    inside, outside = estimate, estimate + step
    for _ in range(_WIDENINGS):
        if measure_p(outside) <= ALPHA:
            break
        inside, outside = outside, estimate + 4 * (outside - estimate)
    else:
        return float("inf") if step > 0 else -float("inf")
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if abs(outside - inside) < _ROUNDING:
            break
        if measure_p(middle) <= ALPHA:
            outside = middle
        else:
            inside = middle
    return inside
