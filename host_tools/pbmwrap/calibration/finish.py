"""Closes a measurement: computes the results, and decides what the wrap may be given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from pbmwrap.calibration.record import Record
from pbmwrap.calibration.results import Result, compute_result
from wrap.rules.limits import (
    CAL_LEAST_PM,
    CAL_MOST_UW,
    CAL_PEAK_MOST_PM,
    CAL_UNC_MOST_PM,
    CAL_UPPER_MOST_UW,
)

if TYPE_CHECKING:
    from pbmwrap.device.client import Client

FEW_FREEDOM = 10  # effective degrees of freedom below which k = 2 covers less than 95 %


def finish_record(record: Record, unix_s: int) -> list[Result]:
    """Compute the results of all channels and close the record."""
    found = [compute_result(record, one.name) for one in record.channels]
    record.results = {one.channel: one.as_json() for one in found}
    record.finished_s = unix_s
    return found


def refuse_store(record: Record, result: Result) -> str | None:
    """Return why the wrap would refuse a result, and how to go on; None when it would take it."""
    worst_uw = record.channel(result.channel).worst_uw
    if result.is_too_uncertain:
        return (
            f"its uncertainty is {result.unc_pm / 10:g} %, more than {CAL_UNC_MOST_PM / 10:g} %: "
            "measure more points and repeats, or use a better meter"
        )
    if worst_uw and result.uw < worst_uw * CAL_LEAST_PM // 1000:
        return (
            f"{result.mean:.3g} mW/cm2 is less than {CAL_LEAST_PM / 10:g} % of the board's stated "
            f"worst case of {worst_uw / 1000:g}: check the meter's unit"
        )
    if result.uw > CAL_MOST_UW:
        return f"{result.mean:.4g} mW/cm2 is more than {CAL_MOST_UW / 1000:g}: check the meter"
    if result.peak_pm > CAL_PEAK_MOST_PM:
        return (
            f"its peak is {result.peak_pm / 1000:.1f} times the mean, more than "
            f"{CAL_PEAK_MOST_PM / 1000:g}: measure more points, or make the pad more even"
        )
    if result.upper * 1000 > CAL_UPPER_MOST_UW:
        most = CAL_UPPER_MOST_UW / 1000
        return f"its upper bound is {result.upper:.0f} mW/cm2, more than {most:g}: check the meter"
    return None


def list_warnings(record: Record, result: Result) -> Iterator[str]:
    """Yield what a person must know before a result is stored."""
    worst_uw = record.channel(result.channel).worst_uw
    if worst_uw and result.highest * 1000 > worst_uw:
        yield (
            f"{result.channel}: the brightest point has {result.highest:.3g} mW/cm2, more than the "
            f"board's stated worst case of {worst_uw / 1000:g}; correct CHANNELS in its "
            "board_facts.py before a session without this calibration"
        )
    if result.budget.freedom < FEW_FREEDOM:
        yield (
            f"{result.channel}: the repeats dominate ({result.budget.freedom:.0f} effective "
            "degrees of freedom), so k = 2 covers less than 95 %; more repeats help"
        )
    kept = sum(
        bool(one.kept) and not one.replaced
        for one in record.readings
        if one.channel == result.channel
    )
    if kept:
        readings = "1 reading was" if kept == 1 else f"{kept} readings were"
        yield f"{result.channel}: {readings} asked about and kept"


def list_unstored(record: Record) -> list[str]:
    """Return the channels of a finished record that nobody has decided about."""
    return [name for name in record.results if name not in record.stored]


def store_on_wrap(client: Client, record: Record, result: Result, today: date) -> None:
    """Store a result on the wrap with its day, meter and the record's hash. Raises WrapError."""
    sha = record.fingerprint()
    day = int(today.strftime("%Y%m%d"))
    rows, columns = record.grid
    how = f"{rows}x{columns} grid x {record.repeats}, GUM k=2"
    name = "".join(c if " " <= c <= "~" else "?" for c in record.instrument.name)
    client.set_calibration(
        result.channel, result.uw, result.unc_pm, day, how, result.peak_pm, name, sha
    )
    record.stored[result.channel] = {"sha": sha, "day": day}
    record.stored[result.channel] |= {"uw": result.uw, "unc_pm": result.unc_pm}
    record.stored[result.channel] |= {"peak_pm": result.peak_pm}


def note_declined(record: Record, channel: str) -> None:
    """Note that a person did not want a result on the wrap."""
    record.stored[channel] = {"declined": True}
