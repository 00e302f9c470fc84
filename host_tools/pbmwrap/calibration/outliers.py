"""Asks about a reading that does not fit its neighbours, its repeats, or the board's stated worst
case. Nothing is dropped: the person keeps it or measures again."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from pbmwrap.calibration.grid import list_neighbours, name_point
from pbmwrap.calibration.problems import Question
from pbmwrap.calibration.record import LIGHT, Reading, Record
from wrap.rules.limits import CAL_LEAST_PM

REPEAT_APART = 0.15  # of the other repeats at the same point
NEIGHBOUR_TIMES = 1.6  # of the median of the neighbours; the edge of a pad has about half
_SLIP = (8.0, 12.5)  # such a ratio is a slip of the decimal point


def find_doubts(record: Record, new: Reading) -> Iterator[Question]:
    """Yield what must be asked about a new light reading. Its dark reading is known."""
    value = record.net(new)
    yield from _worst_case(record, new, value)
    yield from ask_about_neighbours(record, new)
    others = [
        record.net(one)
        for repeat in range(record.repeats)
        if repeat != new.repeat
        for one in record.current(LIGHT, new.channel, repeat)
        if one.point == new.point
    ]
    if others:
        yield from _apart_from_repeats(new, value, statistics.fmean(others))


def find_doubts_in_grid(record: Record, channel: str, repeat: int) -> Iterator[Reading]:
    """Yield the readings of a complete grid that do not fit their neighbours and were not kept: the
    first ones had too few neighbours when they were read."""
    for one in record.current(LIGHT, channel, repeat):
        if "neighbours" not in one.kept and next(ask_about_neighbours(record, one), None):
            yield one


def ask_about_neighbours(record: Record, one: Reading) -> Iterator[Question]:
    """Yield the question about a reading that is in the record, if it does not fit."""
    around = _values_around(record, one)
    if len(around) >= 2:
        yield from _apart_from_neighbours(one, record.net(one), statistics.median(around))


def _values_around(record: Record, new: Reading) -> list[float]:
    near = set(list_neighbours(new.point))
    now = record.current(LIGHT, new.channel, new.repeat)
    return [record.net(one) for one in now if one.point in near]


def _worst_case(record: Record, new: Reading, value: float) -> Iterator[Question]:
    worst_uw = record.channel(new.channel).worst_uw
    if not worst_uw:
        return
    worst = worst_uw / 1000
    if value > worst:
        yield Question(
            "above_worst",
            f"{value:.3g} mW/cm2 at full duty is more than the board's stated worst case of "
            f"{worst:g}. Check the meter's wavelength, unit and range. If the reading is right, "
            "the board's facts are wrong: correct them before the next session",
            {"value": value, "worst": worst},
        )
    elif value < worst * CAL_LEAST_PM / 1000:
        yield Question(
            "below_least",
            f"{value:.3g} mW/cm2 at full duty is less than {CAL_LEAST_PM / 10:g} % of the board's "
            f"stated worst case of {worst:g}: check the unit, and that the head lies on the lit "
            "area",
            {"value": value, "worst": worst},
        )


def _apart_from_neighbours(new: Reading, value: float, middle: float) -> Iterator[Question]:
    times = value / middle if middle > 0 else float("inf")
    if 1 / NEIGHBOUR_TIMES <= times <= NEIGHBOUR_TIMES:
        return
    where = name_point(new.point)
    slip = any(_SLIP[0] <= one <= _SLIP[1] for one in (times, 1 / times))
    more = ". Is the decimal point right?" if slip else ""
    yield Question(
        "neighbours",
        f"{where} is {times:.2f} times its neighbours{more}",
        {"point": where, "times": round(times, 3), "slip": slip},
    )


def _apart_from_repeats(new: Reading, value: float, middle: float) -> Iterator[Question]:
    apart = value / middle - 1 if middle > 0 else float("inf")
    if abs(apart) <= REPEAT_APART:
        return
    where = name_point(new.point)
    yield Question(
        "repeats",
        f"{where} is {apart * 100:+.0f} % from the other repeats at this point",
        {"point": where, "percent": round(apart * 100)},
    )
