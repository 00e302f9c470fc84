"""Makes plans, entries and sessions of trials for tests: everything on schedule, unless changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from pbmwrap.programme.model import PAIN, Stamp
from pbmwrap.programme.trials import REVEALED, UNBLINDED, Trial, TrialEntry, TrialGuess
from pbmwrap.trial.analysis import AnalysisPlan, Entry, PeriodGuess, Session, analyse_trial
from pbmwrap.trial.bundle import Evidence, LogCopy, Outcome, date_sessions
from pbmwrap.trial.plan import Asked, Promise, TrialPlan, TrialSite, hash_plan
from pbmwrap.trial.sealed_log import SessionTruth, TrialLog, TrialSession
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


ARMS = (1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 1)
CHANNELS = (("red", 660), ("nir", 850))


def make_result(
    effect: float = -3.0,
    plan: TrialPlan | None = None,
    missing: Sequence[int] = (),
    how: str = REVEALED,
    guesses: Sequence[PeriodGuess] = (),
    other_light: Sequence[date] = (),
    wrong: str = "",
) -> tuple[Evidence, Outcome]:
    """Make a revealed trial whose numbers are 6 without light and 6 + effect with it."""
    plan = plan or make_frozen(aim="less <pain>")
    log = TrialLog(plan.id, "c" * 64, hash_plan(plan.as_body()), 0, revealed=True)
    entries: list[TrialEntry] = []
    for day in range(-14, plan.periods * plan.days):
        period, at = day // plan.days, START + timedelta(days=day)
        if period in missing:
            continue
        left = period >= 0 and ARMS[period] == 1
        values = (6 + effect * left, 6 + effect * (period >= 0 and not left))
        entries.append(TrialEntry(len(entries), at, values, Stamp(at_ms(at, 8), 0)))
    for period in range(plan.periods):
        for site in plan.analysis.sites:
            n = len(log.sessions) + 1
            at = at_ms(START + timedelta(days=period * plan.days), 18)
            log.sessions.append(TrialSession(n, n, period, site, n, at, 1_200_000, "time"))
    body = plan.as_body()
    trial = Trial(plan, body, hash_plan(body), Stamp(at_ms(START, 0), 0), uid="w1", how=how)
    trial = replace(trial, over=Stamp(at_ms(plan.end, 0), 0), secret="5" * 64, commitment="c" * 64)
    trial = replace(trial, armed=trial.frozen, reason="it got worse" if how == UNBLINDED else "")
    written = Stamp(at_ms(plan.end, 0), 0)
    kept = tuple(TrialGuess(n, guess, written) for n, guess in enumerate(guesses))
    copy = LogCopy("w1", CHANNELS, (), ())
    evidence = Evidence(trial, tuple(entries), kept, copy, {}, tuple(other_light))
    sessions = date_sessions(log, {})
    analysis = analyse_trial(
        plan.analysis,
        ARMS,
        [one.for_analysis() for one in entries],
        sessions,
        guesses,
        other_light,
        complete=trial.complete,
    )
    truths = tuple(
        SessionTruth(s.number, s.n, s.period, s.site, lit, 1_200_000, (0, 300_000 * lit),
                     (0, 2_000_000 * lit), True, wrong if s.n == 3 else "")
        for s in log.sessions
        for lit in [(s.site == "foot-left") == bool(ARMS[s.period])]
    )  # fmt: skip
    return evidence, Outcome(log, ARMS, tuple(sessions), truths, analysis)
