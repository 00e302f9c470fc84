"""Says when a calibration must be made again: by its age, by the hours that it was lit, or because
a ratio check drifted.

LEDs lose light as exp(-a t) (ANSI/IES TM-21). No LM-80 report covers the LEDs of a home-made pad,
so a poor one is assumed: 70 % are left after 10,000 h (L70). The 500 h after which a calibration is
asked for again then cost 1.8 %, a fraction of its uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

AGE_DAYS = 365  # covers cloud and are changed, LEDs fade
LIT_HOURS = 500
L70_HOURS = 10_000
DRIFT_PCT = 10.0  # of a ratio check against the day of the calibration
WATCH_PCT = 5.0


@dataclass(frozen=True)
class Drift:
    """The newest ratio check of a channel: percent against its baseline, and its day."""

    percent: float
    on: date


def expected_loss_pct(lit_hours: float) -> float:
    """Return the light that LEDs are assumed to have lost after hours at full duty, percent."""
    return 100 * (1 - math.exp(math.log(0.7) / L70_HOURS * lit_hours))


def parse_day(yyyymmdd: int) -> date | None:
    """Return a day of the wrap's storage; None when it is none."""
    try:
        return date.fromisoformat(str(yyyymmdd))
    except ValueError:
        return None


def find_reasons(
    made: date | None, today: date, lit_s: int | None, drift: Drift | None = None
) -> Iterator[str]:
    """Yield the reasons why a calibration is due. lit_s: at full duty since then, None when not
    known."""
    if made and (today - made).days > AGE_DAYS:
        yield f"{(today - made).days} days old: LEDs fade, covers cloud"
    if lit_s is not None and lit_s > LIT_HOURS * 3600:
        hours = lit_s / 3600
        loss = expected_loss_pct(hours)
        yield f"lit for {hours:.0f} h since then, which may have cost {loss:.1f} % of its light"
    if drift and abs(drift.percent) > DRIFT_PCT:
        yield f"the ratio check of {drift.on} is {drift.percent:+.1f} % off"
