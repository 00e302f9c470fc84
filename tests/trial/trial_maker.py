"""Makes plans, entries and sessions of trials for tests: everything on schedule, unless changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from pbmwrap.programme.model import PAIN, Stamp
from pbmwrap.trial.analysis import AnalysisPlan, Entry, Session
from pbmwrap.trial.plan import Asked, Promise, TrialPlan, TrialSite
from wrap.rules.blinding import SIDES

START = date(2026, 3, 2)  # a Monday
FEET = ("foot-left", "foot-right")


def at_ms(day: date, hour: float) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)
    return round(moment.timestamp() * 1000)


def make_rules(design: str = SIDES, periods: int = 4, **changes) -> AnalysisPlan:
    sites = FEET if design == SIDES else FEET[:1]
    return replace(AnalysisPlan(design, sites, periods, 7, 2, 2.0), **changes)


def make_entries(
    plan: AnalysisPlan, number: Callable[[int, int], Sequence[float]], hour: float = 8
) -> list[Entry]:
    """Make an entry for each day. number: the values of (period, day of the period)."""
    found = []
    for n in range(plan.periods * plan.days):
        day = START + timedelta(days=n)
        values = tuple(number(n // plan.days, n % plan.days))
        found.append(Entry(day, values, at_ms(day, hour)))
    return found


def make_sessions(plan: AnalysisPlan, offsets: Sequence[int] = (0, 2, 4)) -> list[Session]:
    """Make sessions at 18:00 on these days of each period, on each site."""
    found = []
    for period in range(plan.periods):
        for offset in offsets:
            day = START + timedelta(days=period * plan.days + offset)
            found += [Session(period, site, day, at_ms(day, 18)) for site in plan.sites]
    return found


def make_frozen(**changes) -> TrialPlan:
    sites = tuple(TrialSite(site, f"trial-{site}", "a" * 64, 20.0, 250) for site in FEET)
    plan = TrialPlan(
        id="ada-t1",
        person="ada",
        aim="less pain",
        sites=sites,
        design=SIDES,
        periods=12,
        days=7,
        washout=2,
        sessions=3,
        start=START,
        enrolled=Stamp(at_ms(START - timedelta(days=21), 12), 60),
        measure=PAIN,
        matters=2.0,
        promise=Promise(0.95, 0.01, 4.0, 1.5, 0.15),
        asked=Asked(False, True, "my daughter"),
        others=("pregabalin",),
        program="0.0",
    )
    return replace(plan, **changes)
