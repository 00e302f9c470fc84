"""Thousands of synthetic trials through the code that a real one runs: the wrap's own trial logic
counts the sessions and decides each arm, the analysis is that of the report. Time is virtual.

    python -m tests.trial.many_trials [--trials 1000] [--jobs 2] [--out FILE]

A cell is a design, a true effect (points of 0 to 10) and its time constant. A person writes a
number every morning, rounded and within the scale, and treats every site on three days of each
week; 15 % of the entries and 5 % of the sessions are forgotten, and at a period's planned end the
host closes it if sessions are left. What each cell's trials went through besides is its `Life`.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pbmwrap.trial.analysis import (
    Analysis,
    AnalysisPlan,
    Entry,
    PeriodGuess,
    Session,
    analyse_trial,
)
from pbmwrap.trial.power import DEFAULTS, Schedule, estimate_power
from pbmwrap.trial.verdict import Verdict
from wrap.rules import blinding
from wrap.rules.blinding import PAIRS, SIDES
from wrap.rules.protocol import Plan
from wrap.session.trial import ARMED, FINISHED, RUNNING, Trial
from wrap.uptime import Uptime

SCHEDULES = (
    Schedule(PAIRS, 16, 7, 2),
    Schedule(PAIRS, 24, 7, 2),
    Schedule(PAIRS, 12, 14, 5),
    Schedule(SIDES, 12, 7, 2),
    Schedule(SIDES, 12, 14, 5),
)
EFFECTS = (0.0, 1.0, 2.0, 3.0)
TAUS = (1.0, 4.0, 10.0)
MATTERS = 2.0
MEAN = 6.0  # of the numbers without light: a pain that leaves room on both sides
START = date(2026, 3, 2)
TREATED_DAYS = (0, 2, 4)  # of each week
FORGOTTEN_SESSIONS = 0.05
MOST_FALSE = 0.055
LEAST_COVERED = 0.93
_RUNS = 4000  # of a promise: known to within 0.016
FEET = ("foot-left", "foot-right")
_STEPS = [{"t": 600, "ch": {"red": [20], "nir": [250]}}]


@dataclass(frozen=True)
class Life:
    """What happens to a trial besides. spill: share of the effect that reaches the other site;
    away_weeks: weeks without entries and sessions, in one piece; peeks: chance that the person
    recognises a period's arm; belief: points that a number falls where light is believed; mistaken:
    share of the sessions on the wrong site; unblinded: ended early in the middle; replaced: the
    wrap breaks in the middle, and its secret is read at once from the broken one."""

    name: str = "as planned"
    spill: float = 0.0
    away_weeks: int = 0
    peeks: float = 0.0
    belief: float = 0.0
    mistaken: float = 0.0
    unblinded: bool = False
    replaced: bool = False


LIVES = (
    Life("half of the effect reaches the other site", spill=0.5),
    Life("three weeks away", away_weeks=3),
    Life("blinding broken: 8 of 10 arms recognised, 1 point of belief", peeks=0.8, belief=-1.0),
    Life("1 of 10 sessions on the wrong site", mistaken=0.1),
    Life("wrap replaced in the middle", replaced=True),
    Life("unblinded in the middle", unblinded=True),
)


@dataclass(frozen=True)
class Cell:
    """schedule, effect (points, positive: light lowers the numbers), tau_days, life."""

    schedule: Schedule
    effect: float
    tau_days: float
    life: Life = Life()


class Kept:
    """Keeps a trial in memory, as wrap.storage.double_store does in flash (whose power cuts are
    tested on their own)."""

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}
        self.unconfirmed = False

    def put(self, value: dict[str, Any]) -> None:
        self.value = json.loads(json.dumps(value))

    def confirm(self) -> None:
        raise AssertionError("a new store has lost nothing")


class Records:
    """Counts the records that a trial writes."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, kind: int, payload: bytes) -> None:
        del kind, payload
        self.count += 1


@dataclass(frozen=True)
class Outcome:
    """What one trial said. estimate, low, high: with the sign of a benefit (light lowers); seen:
    the difference that its allocation shows in the days that count, without noise."""

    verdict: str
    p: float | None
    estimate: float | None
    low: float | None
    high: float | None
    seen: float
    recognised: bool
    agrees: bool


def make_plan(site: str) -> Plan:
    body = {"id": "nir", "name": "NIR", "site": site, "person": "a1", "steps": _STEPS}
    return Plan(body, ("red", "nir"))


PLANS = {site: make_plan(site) for site in FEET}


class Player:
    """Plays one trial, day by day. rng: of this trial alone."""

    def __init__(self, cell: Cell, rng: np.random.Generator) -> None:
        self.cell, self.rng = cell, rng
        schedule = cell.schedule
        self.sites = FEET if schedule.design == SIDES else FEET[:1]
        self.per_period = len(TREATED_DAYS) * schedule.days // 7
        self.trial = Trial(Kept(), Records(), Uptime(), (660, 850))  # pyright: ignore[reportArgumentType]
        of_wrap, of_host = rng.bytes(32), rng.bytes(32)
        self.secret = blinding.join_secret(of_wrap, of_host)
        plan = {
            "id": "feet",
            "person": "a1",
            "design": schedule.design,
            "sites": list(self.sites),
            "periods": schedule.periods,
            "sessions": self.per_period,
            "plan_sha": "5a" * 32,
        }
        self.trial.arm(plan, of_wrap, of_host)
        self.days = schedule.periods * schedule.days
        self.lit = np.zeros((len(self.sites), self.days))  # whether a site's last session was light
        self.sessions: list[Session] = []
        self.believed = np.zeros((len(self.sites), self.days))
        self.guesses: list[PeriodGuess] = []
        self.away = self._draw_away()

    def _draw_away(self) -> range:
        weeks = self.cell.life.away_weeks
        if not weeks:
            return range(0)
        first = int(self.rng.integers(0, self.days // 7 - weeks)) * 7
        return range(first, first + weeks * 7)

    def play_sessions(self) -> bool:
        """Play all periods; returns whether the trial came to its end."""
        life, schedule = self.cell.life, self.cell.schedule
        number = 0
        state = [0.0] * len(self.sites)
        for day in range(self.days):
            period = day // schedule.days
            if (life.unblinded or life.replaced) and period == schedule.periods // 2:
                self.trial.unblind("simulated")
                self.lit[:, day:] = np.array(state)[:, None]
                return False
            if day % 7 in TREATED_DAYS and day not in self.away:
                for site in self.sites:
                    if self.rng.random() < FORGOTTEN_SESSIONS:
                        continue
                    if self.trial.refusal(PLANS[site]):
                        continue
                    self._treat(site, day, number, state)
                    number += 1
            self.lit[:, day] = state
            if (day + 1) % schedule.days == 0:
                self._end_period(period)
        return self.trial.state == FINISHED

    def _treat(self, site: str, day: int, number: int, state: list[float]) -> None:
        shown = self.trial.describe()["period"]
        active = self.trial.begin_session(PLANS[site], number) is PLANS[site]
        self.sessions.append(Session(shown, site, START + timedelta(days=day), at_ms(day, 18)))
        treated = self.sites.index(site)
        if self.cell.life.mistaken and self.rng.random() < self.cell.life.mistaken:
            # On the other foot; with one site, somewhere that the diary does not ask about.
            if len(self.sites) == 1:
                return
            treated = 1 - treated
        state[treated] = float(active)

    def _end_period(self, period: int) -> None:
        """Close a period in which sessions are left; guess which arm it was."""
        shown = self.trial.describe()
        if shown["state"] in (ARMED, RUNNING) and shown["period"] == period:
            self.trial.close_period(period)
        arms = blinding.allocate(self.secret, self.cell.schedule.design, self.cell.schedule.periods)
        truth = bool(arms[period])
        said = truth if self.rng.random() < self.cell.life.peeks else bool(self.rng.integers(0, 2))
        self.guesses.append(PeriodGuess(period, said))
        days = slice(period * self.cell.schedule.days, (period + 1) * self.cell.schedule.days)
        for index in range(len(self.sites)):
            self.believed[index, days] = float(said == (index == 0))

    def make_numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the true numbers of each site and day, without and with the day's noise."""
        cell, diary = self.cell, DEFAULTS
        keep = float(np.exp(-1.0 / cell.tau_days))
        level = np.zeros(len(self.sites))
        built = np.zeros_like(self.lit)
        for day in range(self.days):
            built[:, day] = level  # the morning before the day's session
            level = keep * level + (1 - keep) * self.lit[:, day]
        effect = cell.effect * built
        if len(self.sites) == 2:
            effect = effect + cell.life.spill * effect[::-1]
        clean = MEAN - effect
        noise = self._draw_noise(len(self.sites) + 1)
        share = diary.common if len(self.sites) == 2 else 0.0
        own = np.sqrt(1 - share) * noise[1:] + np.sqrt(share) * noise[:1]
        said = clean + own + cell.life.belief * self.believed
        return clean, np.clip(np.round(said), 0, 10)

    def _draw_noise(self, series: int) -> np.ndarray:
        diary = DEFAULTS
        steps = self.rng.standard_normal((series, self.days))
        out = np.empty_like(steps)
        out[:, 0] = steps[:, 0]
        scale = np.sqrt(1 - diary.correlation**2)
        for day in range(1, self.days):
            out[:, day] = diary.correlation * out[:, day - 1] + scale * steps[:, day]
        return diary.sd * out

    def make_entries(self, numbers: np.ndarray, missing: float) -> list[Entry]:
        """Make the entries of the mornings that were not forgotten."""
        kept = self.rng.random(self.days) >= missing
        return [
            Entry(START + timedelta(days=day), tuple(map(float, numbers[:, day])), at_ms(day, 8))
            for day in range(self.days)
            if kept[day] and day not in self.away
        ]


def at_ms(day: int, hour: int) -> int:
    moment = datetime(START.year, START.month, START.day, tzinfo=UTC)
    return round((moment + timedelta(days=day, hours=hour)).timestamp() * 1000)


def play(cell: Cell, seed: int) -> Outcome:
    """Play and analyse one trial."""
    rng = np.random.default_rng(seed)
    player = Player(cell, rng)
    complete = player.play_sessions()
    shown = player.trial.unblind("over") if not complete else player.trial.reveal()
    secret = bytes.fromhex(shown["secret"])
    schedule = cell.schedule
    arms = blinding.allocate(secret, schedule.design, schedule.periods)
    plan = AnalysisPlan(
        schedule.design,
        player.sites,
        schedule.periods,
        schedule.days,
        schedule.washout,
        MATTERS,
    )
    clean, said = player.make_numbers()
    entries = player.make_entries(said, DEFAULTS.missing)
    found = analyse_trial(
        plan, arms, entries, player.sessions, player.guesses, complete=complete, looks=False
    )
    ideal = analyse_trial(plan, arms, player.make_entries(clean, 0.0), player.sessions, looks=False)
    agrees = secret == player.secret and shown["commitment"] == (
        blinding.commit(secret, bytes.fromhex("5a" * 32)).hex()
    )
    return make_outcome(found, ideal, agrees)


def make_outcome(found: Analysis, ideal: Analysis, agrees: bool) -> Outcome:
    effect = found.effect
    seen = -ideal.effect.estimate if ideal.effect else 0.0
    return Outcome(
        str(found.verdict),
        effect and effect.p,
        -effect.estimate if effect else None,
        -effect.high if effect else None,
        -effect.low if effect else None,
        seen,
        found.blinding_broken,
        agrees,
    )


@dataclass(frozen=True)
class Row:
    """A cell's figures. found: share with a verdict better or worse; wrong: of them the share that
    names the wrong side, of all; bias: mean estimate minus what the allocation shows; covered:
    share of the intervals that hold it; promised: the planner's power."""

    design: str
    weeks: float
    periods: int
    effect: float
    tau_days: float
    life: str
    trials: int
    found: float
    better: float
    worse: float
    none: float
    cannot: float
    estimate: float
    seen: float
    bias: float
    covered: float
    recognised: float
    promised: float | None


def run_cell(cell: Cell, trials: int, seed: int) -> Row:
    """Play `trials` trials of a cell."""
    out = [play(cell, seed * 1_000_003 + i) for i in range(trials)]
    assert all(one.agrees for one in out), "a reveal does not fit its commitment"
    verdicts = [one.verdict for one in out]
    known = [one for one in out if one.estimate is not None]
    estimates = np.array([one.estimate for one in known], float)
    seen = np.array([one.seen for one in known])
    low = np.array([one.low for one in known], float)
    high = np.array([one.high for one in known], float)
    share = {v: verdicts.count(str(v)) / trials for v in Verdict}
    schedule = cell.schedule
    return Row(
        schedule.design,
        schedule.weeks,
        schedule.periods,
        cell.effect,
        cell.tau_days,
        cell.life.name,
        trials,
        share[Verdict.BETTER] + share[Verdict.WORSE],
        share[Verdict.BETTER],
        share[Verdict.WORSE],
        share[Verdict.NO_DIFFERENCE],
        share[Verdict.CANNOT_TELL],
        float(estimates.mean()),
        float(seen.mean()),
        float((estimates - seen).mean()),
        float(((low - 1e-9 <= seen) & (seen <= high + 1e-9)).mean()),
        sum(one.recognised for one in out) / trials,
        None,
    )


def run_cell_with_promise(job: tuple[Cell, int, int]) -> Row:
    cell, trials, seed = job
    row = run_cell(cell, trials, seed)
    if cell.life != Life() or not cell.effect:
        return row
    promised = estimate_power(cell.schedule, cell.effect, cell.tau_days, runs=_RUNS).share
    return replace(row, promised=promised)


def list_cells() -> list[Cell]:
    """List the cells: every design, effect and time constant as planned, and every life of the two
    designs with two sites, without an effect and with one of 2 points."""
    cells = [Cell(s, e, t) for s in SCHEDULES for e in EFFECTS for t in TAUS]
    for schedule in SCHEDULES[3:]:
        cells += [Cell(schedule, effect, 4.0, life) for life in LIVES for effect in (0.0, 2.0)]
    return cells


def list_failures(rows: list[Row]) -> list[str]:
    """List the figures that miss a goal. False alarms are those of a design without an effect, of
    every time constant together: without an effect it changes nothing. Intervals are counted over
    all cells of a design. More than 97 % is allowed: few allocations give p in coarse steps, and
    an effect that grows within a period is not the same in each, as the interval assumes."""
    failures = []
    planned = [row for row in rows if row.life == Life().name]
    for schedule in SCHEDULES:
        null = [r for r in planned if _is_of(r, schedule) and not r.effect]
        false = sum(r.found * r.trials for r in null) / max(1, sum(r.trials for r in null))
        if false > MOST_FALSE:
            failures.append(f"{schedule}: {false:.1%} false alarms")
        own = [r for r in planned if _is_of(r, schedule)]
        held = sum(r.covered * r.trials for r in own) / max(1, sum(r.trials for r in own))
        if own and held < LEAST_COVERED:
            failures.append(f"{schedule}: {held:.1%} of the intervals hold the true difference")
    for row in planned:
        name = f"{row.design} {row.weeks:g} weeks, {row.effect:g} points, {row.tau_days:g} d"
        if row.promised is not None and abs(row.found - row.promised) > 0.05:
            failures.append(f"{name}: power {row.found:.1%}, promised {row.promised:.1%}")
    return failures


def _is_of(row: Row, schedule: Schedule) -> bool:
    key = (schedule.design, schedule.weeks, schedule.periods)
    return (row.design, row.weeks, row.periods) == key


def print_rows(rows: list[Row]) -> None:
    print(
        "design weeks periods | effect tau | found promised | estimate true bias | covered | Bang"
    )
    for r in rows:
        promised = "-" if r.promised is None else f"{r.promised:.1%}"
        print(
            f"{r.design:5} {r.weeks:3g} {r.periods:3} | {r.effect:g} {r.tau_days:4g} |"
            f" {r.found:6.1%} {promised:>6} | {r.estimate:5.2f} {r.seen:5.2f} {r.bias:+5.2f} |"
            f" {r.covered:6.1%} | {r.recognised:5.1%} | better {r.better:.1%}, worse {r.worse:.1%},"
            f" none {r.none:.1%}, cannot tell {r.cannot:.1%} | {r.life}"
        )


def main(argv: list[str] | None = None) -> int:
    """Play every cell and print the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.trial.many_trials")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(argv)
    jobs = [(cell, options.trials, n + 1) for n, cell in enumerate(list_cells())]
    with ProcessPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(run_cell_with_promise, jobs))
    print_rows(rows)
    if options.out:
        options.out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    failures = list_failures(rows)
    for failure in failures:
        print(f"missed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
