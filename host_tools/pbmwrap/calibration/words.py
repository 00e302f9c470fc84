"""The results of a calibration as plain text, of at most 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pbmwrap.calibration.budget import Budget, Contribution
from pbmwrap.calibration.record import Record
from pbmwrap.calibration.results import Result
from pbmwrap.words import count

BUDGET_HEAD = ("contribution", "type", "distribution", "value", "sensitivity", "u, %")


def format_mw(value: float, mean: float) -> str:
    """Return mW/cm2 with as many decimals as give `mean` three digits."""
    decimals = max(0, 2 - math.floor(math.log10(mean))) if mean > 0 else 2
    return f"{value:.{decimals}f}"


def mean_text(result: Result, sign: str = "+-") -> str:
    """Return mean +- U."""
    mean, u = result.mean, result.budget.expanded_pct
    absolute = format_mw(mean * u / 100, mean)
    return f"{format_mw(mean, mean)} {sign} {absolute} mW/cm2 (U = {u:.1f} %, k = 2)"


def result_lines(record: Record, result: Result) -> Iterator[str]:
    """Yield one line per figure of a channel."""
    rows, columns = record.grid
    yield f"{result.channel} {result.wavelength_nm} nm, at full duty"
    yield f"  mean        {mean_text(result)}"
    yield f"  unevenness  peak / mean {result.peak:.2f}, min / mean {result.evenness:.2f}"
    upper = format_mw(result.upper, result.mean)
    yield f"  caps use    {upper} mW/cm2 (mean + U, x peak {result.peak_pm / 1000:.3f})"
    repeated = count(result.repeats, "repeat")
    points = f"{rows} x {columns} points, {repeated}"
    yield f"  measured    {points}, {record.instrument.name}"


def budget_rows(budget: Budget) -> list[tuple[str, ...]]:
    """Return one row per contribution, in the columns of BUDGET_HEAD."""
    return [_budget_row(one) for one in budget.contributions]


def _budget_row(one: Contribution) -> tuple[str, ...]:
    value = f"{one.value:.3g} {one.unit} / {_divisor_text(one.divisor)}"
    per = "1" if one.unit == "%" else f"{one.sensitivity:.3g} % per {one.unit}"
    return one.title, one.kind, one.distribution, value, per, f"{one.standard_pct:.2f}"


def _divisor_text(divisor: float) -> str:
    square = round(divisor * divisor, 6)
    if divisor == int(divisor):
        return f"{divisor:g}"
    return f"sqrt({square:g})"


def budget_lines(budget: Budget) -> Iterator[str]:
    """Yield the budget as a table, and its sum."""
    rows = [BUDGET_HEAD, *budget_rows(budget)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(BUDGET_HEAD))]
    for row in rows:
        yield "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
    yield sum_line(budget)


def sum_line(budget: Budget) -> str:
    """Return the combined and the expanded uncertainty."""
    return f"combined {budget.combined_pct:.2f} %, U = {budget.expanded_pct:.1f} % (k = 2)"
