"""The change of a daily number: right in size and sign, and honest about what it does not know."""

from __future__ import annotations

import random

import pytest

from pbmwrap.programme.analysis import (
    MIN_AFTER,
    MIN_BEFORE,
    TooFewEntriesError,
    calculate_t_share,
    estimate_change,
)
from tests.programme.coverage import BASELINE_DAYS, CELLS, Cell, count_hits, make_series

# Quantiles of the t distribution for 97.5 %, from printed tables.
T_975 = ((1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042), (120, 1.980))


@pytest.mark.parametrize("df,t", T_975)
def test_the_t_distribution_is_that_of_the_tables(df: int, t: float) -> None:
    assert calculate_t_share(t, df) == pytest.approx(0.975, abs=1e-4)
    assert calculate_t_share(-t, df) == pytest.approx(0.025, abs=1e-4)
    assert calculate_t_share(0, df) == pytest.approx(0.5)


def test_a_step_without_noise_is_found_whole() -> None:
    values = [6.0] * 14 + [4.0] * 30
    found = estimate_change(range(44), values, 14)
    assert found.change == pytest.approx(-2, abs=1e-3)
    assert (found.before, found.after) == pytest.approx((6, 4), abs=1e-3)
    assert found.low <= -2 <= found.high and found.high - found.low < 0.1


def test_equal_entries_give_no_change() -> None:
    found = estimate_change(range(30), [5.0] * 30, 14)
    assert found.change == pytest.approx(0, abs=1e-9)
    assert found.low <= 0 <= found.high


def test_independent_days_give_the_interval_of_two_samples() -> None:
    """For correlation 0 the textbook interval is 2 t s sqrt(1/m + 1/n); the doubt about the
    correlation may widen ours somewhat, never halve it."""
    cell = Cell(0.0, 98, False)
    days, values = make_series(cell, random.Random(4))
    found = estimate_change(days, values, BASELINE_DAYS)
    n, m = found.n_after, found.n_before
    textbook = 2 * 1.99 * 1.5 * (1 / m + 1 / n) ** 0.5
    assert 0.8 * textbook < found.high - found.low < 2 * textbook
    assert found.effective_n > 0.5 * len(days)


def test_days_alike_give_a_wider_interval_than_independent_ones() -> None:
    widths = {}
    for correlation in (0.0, 0.8):
        _, _, widths[correlation] = count_hits(Cell(correlation, 70, False), 40)
    assert widths[0.8] > 1.5 * widths[0.0]


def test_the_order_of_time_changes_only_the_sign() -> None:
    days, values = make_series(Cell(0.5, 70, False), random.Random(2))
    forth = estimate_change(days, values, 35)
    back = estimate_change([69 - d for d in reversed(days)], values[::-1], 35)
    assert back.change == pytest.approx(-forth.change)
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))


@pytest.mark.parametrize("cell", CELLS[::3], ids=str)
def test_the_interval_contains_the_truth_as_often_as_it_says(cell: Cell) -> None:
    """A slice: `python -m tests.programme.coverage` does 2,000 series each, for 93 to 97 %."""
    hits, tried, _ = count_hits(cell, 60)
    assert hits / tried >= 0.86  # 0.95 minus 3 standard errors


@pytest.mark.parametrize("before,after", [(MIN_BEFORE - 1, 30), (14, MIN_AFTER - 1), (0, 0)])
def test_too_few_entries_say_how_many_there_are(before: int, after: int) -> None:
    with pytest.raises(TooFewEntriesError) as caught:
        estimate_change(range(before + after), [5.0] * (before + after), before)
    assert (caught.value.before, caught.value.after) == (before, after)


@pytest.mark.parametrize(
    "days,values",
    [
        ([*range(29), 28], [5.0] * 30),  # a day twice
        (list(range(30)), [5.0] * 29),
        (list(range(30)), [5.0] * 29 + [float("nan")]),
    ],
)
def test_entries_that_cannot_be_compared_are_refused(days: list[int], values: list[float]) -> None:
    with pytest.raises(ValueError):
        estimate_change(days, values, 14)
