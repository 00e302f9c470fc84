"""What the planner of a trial shows, in commands and pages: each design that fits, and its power.

Imports numpy only when it simulates: without it, `import_power` says what to install.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pbmwrap.errors import UsageError

if TYPE_CHECKING:
    from pbmwrap.trial.power import Power, Schedule

# Days until an effect is two thirds there, or gone: what a person can say about it.
SPEEDS = {"hours": 0.3, "days": 2.0, "week": 7.0, "weeks": 21.0}


def import_power() -> Any:
    """Import the simulation. Raises UsageError without numpy."""
    try:
        from pbmwrap.trial import power
    except ImportError as missing:
        from pbmwrap import installed

        if missing.name != "numpy":
            raise
        raise UsageError("a trial needs numpy", installed.hint_extra("trial")) from None
    return power


def list_schedules(sites: int, weeks: int) -> list[Schedule]:
    """List the designs that fit: periods of a week and of a fortnight, an even number of them."""
    from pbmwrap.trial.power import Schedule, default_washout
    from wrap.rules.blinding import PAIRS, SIDES

    found = []
    for days in (7, 14):
        periods = weeks * 7 // days // 2 * 2
        if periods >= 4:
            design = SIDES if sites == 2 else PAIRS
            found.append(Schedule(design, periods, days, default_washout(days)))
    return found


@lru_cache(32)
def _estimate(
    schedule: Schedule, matters: float, speed: str, spread: float, missing_percent: float
) -> Power:
    """Simulate a design. The simulation is seeded, so that a plan finds what the planner said."""
    power = import_power()
    diary = power.Diary(sd=spread, missing=missing_percent / 100)
    return power.estimate_power(schedule, matters, SPEEDS[speed], diary)


def choose_schedule(
    sites: int,
    weeks: int,
    period_days: int | None,
    speed: str,
    matters: float,
    spread: float,
    missing_percent: float,
) -> tuple[Schedule, Power]:
    """Choose the design that finds more, with its power. period_days: 7 or 14, None for any.
    Takes some seconds. Raises UsageError when no design fits."""
    if speed not in SPEEDS:
        raise UsageError(f"the speed {speed} is not known", f"write {', '.join(SPEEDS)}")
    possible = [one for one in list_schedules(sites, weeks) if period_days in (None, one.days)]
    if not possible:
        raise UsageError(f"{weeks} weeks are too few for such periods", "take more weeks")
    found = [(_estimate(one, matters, speed, spread, missing_percent), one) for one in possible]
    power, schedule = max(found, key=lambda pair: pair[0].share)
    return schedule, power


def compare_plans(
    sites: int, weeks: int, speed: str, matters: float, spread: float, missing_percent: float
) -> dict[str, Any]:
    """Simulate each design that fits, and say whether one can answer: `pbmwrap trial plan`.

    speed: of SPEEDS. matters, spread: points. The best design comes first. Takes some seconds.
    Raises UsageError.
    """
    if speed not in SPEEDS:
        raise UsageError(f"--speed {speed} is not known", f"write {', '.join(SPEEDS)}")
    power = import_power()
    rows = []
    for schedule in list_schedules(sites, weeks):
        found = _estimate(schedule, matters, speed, spread, missing_percent)
        rows.append(_make_row(schedule, found, power.smallest_p(schedule)))
    rows.sort(key=lambda row: -row["power"])
    return {
        "sites": sites,
        "weeks": weeks,
        "speed": speed,
        "tau_days": SPEEDS[speed],
        "matters": matters,
        "designs": rows,
        "answers": bool(rows and rows[0]["power"] >= power.ENOUGH),
    }


def _make_row(schedule: Schedule, power: Power, smallest_p: float) -> dict[str, Any]:
    return {
        "design": schedule.design,
        "periods": schedule.periods,
        "period_days": schedule.days,
        "washout_days": schedule.washout,
        "power": round(power.share, 3),
        "error": round(power.error, 3),
        "smallest_p": round(smallest_p, 4),
        "seen": round(power.seen, 2),
    }
