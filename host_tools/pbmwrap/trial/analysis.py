"""The analysis of a trial, as its plan fixed it before the first session (docs/trial.md).

Pure: from the plan, the allocation, the entries, the sessions and the guesses to a verdict. It
reads no store, no file and no clock, so a simulation runs what a real trial runs.

The rules. A period begins on the day of its first session, by the wrap's log, and lasts for the
days of the plan, or until the next period begins. Its first days (washout) do not count. An entry
counts when it was written on its own day, before that day's first session; of several the last
one. A period with entries on fewer than half of the days that count is missing. Nothing is
imputed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from pbmwrap.trial.blindness import BangIndex, Guess, compute_index, was_recognised
from pbmwrap.trial.randomisation import (
    Effect,
    Floats,
    TooFewPeriodsError,
    compute_differences,
    compute_p,
    estimate_effect,
    list_compared,
)
from pbmwrap.trial.verdict import Rules, Verdict, judge
from wrap.rules.blinding import SIDES

DECIMALS = 6  # of the figures that a report states; two machines differ by less


@dataclass(frozen=True)
class AnalysisPlan:
    """What the analysis needs of the frozen plan.

    design: of wrap.rules.blinding.DESIGNS. sites: two with SIDES, else one. days: of a period;
    washout: its first days, which do not count. matters: the change that matters, above 0, in the
    unit of the entries; less: whether a lower entry is better. confirmatory: False for a plan that
    cannot answer, which gives no verdict.
    """

    design: str
    sites: tuple[str, ...]
    periods: int
    days: int
    washout: int
    matters: float
    less: bool = True
    confirmatory: bool = True

    @property
    def counted(self) -> int:
        """Days of a period that count."""
        return self.days - self.washout


@dataclass(frozen=True)
class Entry:
    """The numbers of a day, one for each site of the plan. written_ms: UTC; late: written on a
    later local day than `day`. An entry replaces an earlier one of its day if it counts."""

    day: date
    values: tuple[float, ...]
    written_ms: int
    late: bool = False


@dataclass(frozen=True)
class Session:
    """A session of the trial, by the wrap's log. period: from 0; day: the person's local day;
    day and unix_ms (UTC, of its begin) are None where the log has no date for it."""

    period: int
    site: str
    day: date | None
    unix_ms: int | None


@dataclass(frozen=True)
class PeriodGuess:
    """A guess after a period. said: True for light on the first site, False for none there, None
    for "do not know"; confidence: 0 to 10; why: the person's words."""

    period: int
    said: bool | None
    confidence: int = 0
    why: str = ""


@dataclass(frozen=True)
class PeriodResult:
    """One period. active: whether the first site got light. first_day: of its first session, None
    without a dated one. entries: days that count and have an entry. value: their mean, with two
    sites first minus second; None when the period is missing. sessions: begun, of all sites."""

    number: int
    active: bool
    first_day: date | None
    entries: int
    value: float | None
    sessions: int


@dataclass(frozen=True)
class Sensitivity:
    """A second look at the same trial. name: of SENSITIVITIES; estimate, p: None where there are
    too few periods for it. It decides nothing."""

    name: str
    estimate: float | None
    p: float | None


SENSITIVITIES = {
    "no-washout": "all days of each period count",
    "late-half": "only the later half of each period counts",
    "carry-over": "the arm of the period before is allowed for (least squares, no test)",
    "worst-case": "missing periods: the worst observed value with light, the best without",
    "best-case": "missing periods: the best observed value with light, the worst without",
    "late-entries": "entries written after the session or on a later day count too",
    "no-other-light": "periods with other light on a site of the trial are left out",
}


@dataclass(frozen=True)
class Analysis:
    """The result of a trial. effect: the primary analysis, None when too few periods have entries
    (`why` says it). complete: False after an early unblinding: then there is no confirmatory part.
    counted, late, after: entries that count, that were written on a later day, and that were
    written after the day's first session. undated: sessions without a date. active_guesses,
    sham_guesses: Bang's index of the periods in which the first site got light, and of the others.
    """

    verdict: Verdict
    effect: Effect | None
    why: str
    complete: bool
    periods: tuple[PeriodResult, ...]
    sensitivity: tuple[Sensitivity, ...]
    active_guesses: BangIndex | None
    sham_guesses: BangIndex | None
    counted: int
    late: int
    after: int
    undated: int

    @property
    def blinding_broken(self) -> bool:
        """Whether the guesses recognised an arm more often than chance explains."""
        both = (self.active_guesses, self.sham_guesses)
        return was_recognised(index for index in both if index is not None)

    def as_body(self) -> dict[str, Any]:
        """Return the figures as JSON values, rounded to DECIMALS; None where there is none, and
        for an end of the interval that is not bounded."""
        effect = self.effect
        return {
            "verdict": str(self.verdict),
            "why": self.why,
            "complete": self.complete,
            "estimate": _round(effect and effect.estimate),
            "p": _round(effect and effect.p),
            "low": _round(effect and effect.low),
            "high": _round(effect and effect.high),
            "allocations": effect.allocations if effect else 0,
            "exact": bool(effect and effect.exact),
            "used": effect.used if effect else 0,
            "missing": [one.number for one in self.periods if one.value is None],
            "periods": [_make_period_body(one) for one in self.periods],
            "sensitivity": {
                one.name: {"estimate": _round(one.estimate), "p": _round(one.p)}
                for one in self.sensitivity
            },
            "bang": {
                "active": _make_index_body(self.active_guesses),
                "sham": _make_index_body(self.sham_guesses),
                "broken": self.blinding_broken,
            },
            "entries": {"counted": self.counted, "late": self.late, "after": self.after},
            "undated_sessions": self.undated,
        }


def _round(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), DECIMALS) + 0.0  # no -0.0


def _make_period_body(one: PeriodResult) -> dict[str, Any]:
    return {
        "number": one.number,
        "active": one.active,
        "first_day": one.first_day.isoformat() if one.first_day else None,
        "entries": one.entries,
        "value": _round(one.value),
        "sessions": one.sessions,
    }


def _make_index_body(index: BangIndex | None) -> dict[str, Any] | None:
    if index is None:
        return None
    parts = {"index": index.index, "low": index.low, "high": index.high}
    return {name: _round(value) for name, value in parts.items()} | {"n": index.n}


# ---- entries and periods


def find_first_sessions(sessions: Iterable[Session]) -> dict[date, int]:
    """Return {day: UTC in ms of the day's first session}."""
    found: dict[date, int] = {}
    for one in sessions:
        if one.day is not None and one.unix_ms is not None:
            found[one.day] = min(one.unix_ms, found.get(one.day, one.unix_ms))
    return found


@dataclass(frozen=True)
class ChosenEntries:
    """values: of each day, the entry that counts. late, after: entries that do not count, because
    they were written on a later day, or after the day's first session."""

    values: Mapping[date, tuple[float, ...]]
    late: int
    after: int


def choose_entries(
    entries: Iterable[Entry], sessions: Iterable[Session], *, all_of_them: bool = False
) -> ChosenEntries:
    """Choose the entry of each day that counts. all_of_them: those that were written too late count
    where a day has no other, for the sensitivity."""
    first = find_first_sessions(sessions)
    timely: dict[date, tuple[float, ...]] = {}
    rest: dict[date, tuple[float, ...]] = {}
    late = after = 0
    for entry in sorted(entries, key=lambda one: one.written_ms):
        if entry.late:
            late += 1
            rest[entry.day] = entry.values
        elif entry.written_ms >= first.get(entry.day, entry.written_ms + 1):
            after += 1
            rest[entry.day] = entry.values
        else:
            timely[entry.day] = entry.values
    return ChosenEntries(rest | timely if all_of_them else timely, late, after)


def find_period_starts(plan: AnalysisPlan, sessions: Iterable[Session]) -> list[date | None]:
    """Return the day of each period's first dated session; None without one."""
    starts: list[date | None] = [None] * plan.periods
    for one in sessions:
        if one.day is not None and 0 <= one.period < plan.periods:
            known = starts[one.period]
            starts[one.period] = one.day if known is None else min(known, one.day)
    return starts


def compute_values(
    plan: AnalysisPlan,
    starts: Sequence[date | None],
    numbers: Mapping[date, tuple[float, ...]],
    first: int | None = None,
) -> tuple[Floats, list[int]]:
    """Return each period's mean, NaN where it is missing, and how many entries it has.

    first: number of the first day of a period that counts, by default the plan's washout.
    """
    first = plan.washout if first is None else first
    values = np.full(plan.periods, np.nan)
    counts = [0] * plan.periods
    for period, start in enumerate(starts):
        if start is None:
            continue
        end = min([start + timedelta(days=plan.days), *(s for s in starts[period + 1 :] if s)])
        found = [
            numbers[day]
            for day in (start + timedelta(days=n) for n in range(first, plan.days))
            if day < end and day in numbers
        ]
        counts[period] = len(found)
        if 2 * len(found) >= plan.days - first and found:
            values[period] = sum(
                one[0] - one[1] if plan.design == SIDES else one[0] for one in found
            ) / len(found)
    return values, counts


# ---- the analysis


def analyse_trial(
    plan: AnalysisPlan,
    arms: Sequence[int],
    entries: Sequence[Entry],
    sessions: Sequence[Session],
    guesses: Iterable[PeriodGuess] = (),
    other_light: Iterable[date] = (),
    *,
    complete: bool = True,
    looks: bool = True,
) -> Analysis:
    """Analyse a finished trial, by the rules at the head of this file.

    arms: the allocation, 1 where the first site was active. other_light: days on which a site of
    the trial got light outside of the trial. complete: False after an early unblinding. looks:
    False leaves the sensitivity out, for simulations of many trials. Raises ValueError when there
    is not one arm for each period.
    """
    if len(arms) != plan.periods:
        raise ValueError(f"{len(arms)} arms for {plan.periods} periods")
    chosen = choose_entries(entries, sessions)
    starts = find_period_starts(plan, sessions)
    values, counts = compute_values(plan, starts, chosen.values)
    effect, why = _estimate(values, arms, plan.design)
    judged = Rules(plan.matters, plan.less)
    said = [
        Guess(bool(arms[one.period]), one.said, one.confidence, one.why)
        for one in guesses
        if 0 <= one.period < plan.periods
    ]
    begun = [0] * plan.periods
    for one in sessions:
        if 0 <= one.period < plan.periods:
            begun[one.period] += 1
    return Analysis(
        verdict=judge(effect, judged, complete=complete and plan.confirmatory),
        effect=effect,
        why=why,
        complete=complete,
        periods=tuple(
            PeriodResult(
                number,
                bool(arms[number]),
                starts[number],
                counts[number],
                None if np.isnan(values[number]) else float(values[number]),
                begun[number],
            )
            for number in range(plan.periods)
        ),
        sensitivity=tuple(
            _look_again(plan, arms, values, starts, chosen, entries, sessions, set(other_light))
            if looks
            else ()
        ),
        active_guesses=compute_index(said, True),
        sham_guesses=compute_index(said, False),
        counted=len(chosen.values),
        late=chosen.late,
        after=chosen.after,
        undated=sum(one.day is None for one in sessions),
    )


def _estimate(values: Floats, arms: Sequence[int], design: str) -> tuple[Effect | None, str]:
    try:
        return estimate_effect([float(v) for v in values], arms, design), ""
    except TooFewPeriodsError as problem:
        return None, str(problem)


def _look_again(
    plan: AnalysisPlan,
    arms: Sequence[int],
    values: Floats,
    starts: Sequence[date | None],
    chosen: ChosenEntries,
    entries: Sequence[Entry],
    sessions: Sequence[Session],
    other_light: set[date],
) -> list[Sensitivity]:
    """Do the analyses of SENSITIVITIES, in their order."""
    half = plan.washout + plan.counted // 2
    every_entry = choose_entries(entries, sessions, all_of_them=True).values
    lit = [
        start is not None
        and any(start <= day < start + timedelta(days=plan.days) for day in other_light)
        for start in starts
    ]
    looks = {
        "no-washout": compute_values(plan, starts, chosen.values, 0)[0],
        "late-half": compute_values(plan, starts, chosen.values, half)[0],
        "worst-case": fill_missing(plan, arms, values, best=False),
        "best-case": fill_missing(plan, arms, values, best=True),
        "late-entries": compute_values(plan, starts, every_entry)[0],
        "no-other-light": np.where(lit, np.nan, values),
    }
    found = {name: _test_again(name, one, arms, plan.design) for name, one in looks.items()}
    found["carry-over"] = Sensitivity("carry-over", allow_for_carry_over(plan, arms, values), None)
    return [found[name] for name in SENSITIVITIES]


def _test_again(name: str, values: Floats, arms: Sequence[int], design: str) -> Sensitivity:
    """Return estimate and p of other values of the periods; no interval, which takes longest."""
    drawn = np.array([arms], np.int8)
    estimate = float(compute_differences(values, drawn, design)[0])
    if math.isnan(estimate):
        return Sensitivity(name, None, None)
    every, _ = list_compared(design, arms)
    return Sensitivity(name, estimate, float(compute_p(values, arms, every, design)))


def fill_missing(plan: AnalysisPlan, arms: Sequence[int], values: Floats, *, best: bool) -> Floats:
    """Return the values with missing periods filled by the extremes of the others: for light (best)
    or against it. NaN stays where no period has a value."""
    known = values[~np.isnan(values)]
    if not len(known):
        return values
    good, bad = (known.min(), known.max()) if plan.less else (known.max(), known.min())
    lit, dark = (good, bad) if best else (bad, good)
    return np.where(np.isnan(values), np.where(np.asarray(arms) == 1, lit, dark), values)


def allow_for_carry_over(plan: AnalysisPlan, arms: Sequence[int], values: Floats) -> float | None:
    """Return active minus sham when the arm of the period before is in the model too; None where
    the periods cannot tell both apart.

    Least squares of the periods' values on the arm and on that of the period before, from the
    second period on. With two sites, and as in the primary analysis, an arm counts -1 or 1.
    """
    on = np.asarray(arms, float)
    # With pairs the level of each pair is free in the primary analysis; the mean of all is here.
    coded = 2.0 * on - 1.0
    rows = [n for n in range(1, plan.periods) if not math.isnan(values[n])]
    if len(rows) < 4:
        return None
    model = np.array([[1.0, coded[n], coded[n - 1]] for n in rows])
    found, _, rank, _ = np.linalg.lstsq(model, values[rows], rcond=None)
    if rank < 3:
        return None
    return float(found[1]) * (1.0 if plan.design == SIDES else 2.0)
