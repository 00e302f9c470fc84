"""The ratio check: a cheap meter's reading against one from the day of a calibration.

Only the ratio counts, so the meter may be wrong by any factor, as long as it is the same meter in
the same place under the same cover.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pbmwrap.calibration import store
from pbmwrap.calibration.due import Drift, find_reasons, parse_day
from pbmwrap.calibration.record import BASELINE, CHECK, LIGHT, Record
from pbmwrap.calibration.steps import measured_channels

if TYPE_CHECKING:
    from pbmwrap.device.models import Calibration, Hello

BASELINE_DAYS = 7  # the baseline belongs to the day of the calibration


@dataclass(frozen=True)
class RatioResult:
    """Mean reading at full duty without the dark one, and the spread of its repeats, percent."""

    mean: float
    spread_pct: float


def compute_ratio_result(record: Record, channel: str) -> RatioResult:
    """Return the result of a channel whose readings are complete."""
    values = [
        record.net(one) for n in range(record.repeats) for one in record.current(LIGHT, channel, n)
    ]
    mean = statistics.fmean(values)
    spread = (max(values) - min(values)) / mean * 100
    return RatioResult(mean, spread)


def finish_ratio_check(record: Record, unix_s: int) -> None:
    """Compute the results of all channels, and close the record."""
    for channel in measured_channels(record):
        found = compute_ratio_result(record, channel.name)
        record.results[channel.name] = {"mean": found.mean, "spread_pct": found.spread_pct}
    record.finished_s = unix_s


def find_baseline(uid: str, sha: str, channel: str, meter: str | None = None) -> Record | None:
    """Return the newest baseline of a calibration's channel. meter: its name, if it must be one.
    Raises InvalidFile."""
    found = [
        one
        for one in store.find_finished(uid, BASELINE, channel)
        if one.calibration_sha.get(channel) == sha
        and (meter is None or one.answers.get("name") == meter)
    ]
    return found[-1] if found else None


def compare_with_baseline(now: Record, baseline: Record, channel: str) -> float:
    """Return how far a channel is from its baseline, percent."""
    return (now.results[channel]["mean"] / baseline.results[channel]["mean"] - 1) * 100


def find_drift(uid: str, sha: str | None, channel: str) -> Drift | None:
    """Return the newest ratio check of a calibration's channel. sha: of the calibration on the
    wrap. Raises InvalidFile."""
    if not sha:
        return None
    for record in reversed(store.find_finished(uid, CHECK, channel)):
        if record.calibration_sha.get(channel) != sha:
            continue
        baseline = find_baseline(uid, sha, channel, record.answers.get("name"))
        if baseline and record.finished_s is not None:
            on = date.fromtimestamp(record.finished_s)
            return Drift(compare_with_baseline(record, baseline, channel), on)
    return None


def list_drifts(hello: Hello, kept: Sequence[Calibration | None]) -> dict[str, Drift]:
    """Return the newest ratio checks by channel. kept: the calibrations on the wrap. Raises
    InvalidFile."""
    out = {}
    for (name, _), cal in zip(hello.channels, kept, strict=False):
        found = find_drift(hello.uid, cal.sha, name) if cal else None
        if found:
            out[name] = found
    return out


def list_due(
    hello: Hello, kept: Sequence[Calibration | None], today: date
) -> Iterator[tuple[str, str]]:
    """Yield (channel, reason) for each calibration that is due. Raises InvalidFile."""
    drifts = list_drifts(hello, kept)
    for (name, _), cal in zip(hello.channels, kept, strict=False):
        if cal:
            for reason in find_reasons(parse_day(cal.date), today, cal.lit_s, drifts.get(name)):
                yield name, reason
