"""What a planned trial can see: its power, by simulation of its own analysis.

The model of a day's entry (0 to 10): a mean, noise that resembles the day before, and the effect
that light has built up. The effect comes and goes with the time constant `tau_days`, so a slow one
reaches into the next period and the difference of the arms shrinks. An entry is written before the
day's session, as the rules of a trial demand: it knows the light up to the day before. With two
sites part of the noise is common to both. Figures: DEFAULTS, the spread of daily pain entries in
diaries of neuropathic pain (docs/trial.md names the sources and what changes them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pbmwrap.trial.randomisation import (
    ALPHA,
    Floats,
    compute_differences,
    compute_p,
    list_allocations,
)
from wrap.rules.blinding import SIDES

ENOUGH = 0.8  # below, a plan cannot answer the person
RUNS = 600  # series of a cell: the power is known to within 0.04
_SEED = 660850
_MEAN = 4.0  # of the entries without light; its effect is added here
_SESSION_EVERY = 2  # days
_ARMS_OF_A_RUN = 32  # allocations that were drawn: the mean over them is the power


@dataclass(frozen=True)
class Diary:
    """sd: of a day's entry; correlation: of one day with the next; missing: share of days without
    an entry; common: share of the noise's variance that two sites have in common."""

    sd: float = 1.5
    correlation: float = 0.5
    missing: float = 0.15
    common: float = 0.5
    forgotten: float = 0.05
    whole: bool = True
    evening: bool = False


DEFAULTS = Diary()


@dataclass(frozen=True)
class Schedule:
    """design: of wrap.rules.blinding.DESIGNS; periods: even number; days: of a period; washout:
    its first days, which do not count."""

    design: str
    periods: int
    days: int
    washout: int

    @property
    def counted(self) -> int:
        """Days of a period that count."""
        return self.days - self.washout

    @property
    def weeks(self) -> float:
        """Length of the trial without its baseline."""
        return self.periods * self.days / 7


@dataclass(frozen=True)
class Power:
    """share: of simulated trials with p at or below 0.05; error: its standard error; effect: true
    effect on the scale of the entries; tau_days: time constant; seen: mean estimate."""

    share: float
    error: float
    effect: float
    tau_days: float
    seen: float

    @property
    def answers(self) -> bool:
        """Whether the plan finds such an effect often enough."""
        return self.share >= ENOUGH


def default_washout(days: int) -> int:
    """Return the days of a period that do not count: 2 of a week, 5 of a fortnight."""
    return 2 if days <= 7 else 5


def build_effect(active: Floats, tau_days: float) -> Floats:
    """Return the share of the full effect on each day, in the evening.

    active: (..., days) of 0 and 1, whether the site got light on the day. tau_days: 0 for an effect
    that is there and gone within a day. Same shape.
    """
    keep = float(np.exp(-1.0 / tau_days)) if tau_days > 0 else 0.0
    out = np.empty(active.shape, float)
    level = np.zeros(active.shape[:-1])
    for day in range(active.shape[-1]):
        level = keep * level + (1.0 - keep) * active[..., day]
        out[..., day] = level
    return out


def _build_effect_at_entry(active: Floats, tau_days: float, diary: Diary) -> Floats:
    """Return the share of the full effect when each day's entry is written."""
    evening = build_effect(active, tau_days)
    if diary.evening:
        return evening
    morning = np.zeros_like(evening)
    morning[..., 1:] = evening[..., :-1]
    return morning


def _delay_light(
    rng: np.random.Generator, arms: Floats, schedule: Schedule, diary: Diary
) -> tuple[Floats, Floats]:
    """Return whether a site's last session gave light, (series, days), and the day of each period
    on which its first session was, (series, periods): sessions are forgotten."""
    begun = _SESSION_EVERY * (rng.geometric(1.0 - diary.forgotten, arms.shape) - 1)
    begun = np.minimum(begun, schedule.days - 1)
    before = np.concatenate([np.zeros((len(arms), 1)), arms[:, :-1]], axis=1)
    started = np.arange(schedule.days)[None, None, :] >= begun[:, :, None]
    lit = np.where(started, arms[:, :, None], before[:, :, None])
    return lit.reshape(len(arms), -1), begun


def _write_entries(change: Floats, diary: Diary) -> Floats:
    """Return the entries of days: the level without light, changed by `change`."""
    values = _MEAN + change
    return np.clip(np.round(values), 0, 10) if diary.whole else values


def draw_noise(rng: np.random.Generator, shape: tuple[int, int], diary: Diary) -> Floats:
    """Draw AR(1) noise of the diary's spread: (series, days), stationary from the first day."""
    steps = rng.standard_normal(shape)
    rho = diary.correlation
    out = np.empty(shape)
    out[:, 0] = steps[:, 0]
    scale = np.sqrt(1.0 - rho * rho)
    for day in range(1, shape[1]):
        out[:, day] = rho * out[:, day - 1] + scale * steps[:, day]
    return diary.sd * out


def summarise_periods(days: Floats, schedule: Schedule) -> Floats:
    """Return each period's mean: (series, periods) of (series, days of the trial), NaN for a day
    without an entry. A period with entries on fewer than half of the days that count is NaN."""
    series = len(days)
    shaped = days.reshape(series, schedule.periods, schedule.days)[:, :, schedule.washout :]
    known = ~np.isnan(shaped)
    count = known.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(known, shaped, 0.0).sum(axis=2) / count
    return np.where(2 * count >= schedule.counted, means, np.nan)


def simulate_values(
    rng: np.random.Generator,
    schedule: Schedule,
    arms: Floats,
    effect: float,
    tau_days: float,
    diary: Diary = DEFAULTS,
    spill: float = 0.0,
) -> Floats:
    """Simulate one trial for each row of `arms`; return its values for `compute_differences`.

    arms: (series, periods), 1 where the first site is active; effect: of light on the entries;
    spill: share of the effect that also reaches the other site.
    """
    series = len(arms)
    shape = (series, schedule.periods * schedule.days)
    first_lit, begun = _delay_light(rng, arms.astype(float), schedule, diary)
    first = effect * _build_effect_at_entry(first_lit, tau_days, diary)
    if schedule.design == SIDES:
        second_lit, second_begun = _delay_light(rng, 1.0 - arms, schedule, diary)
        begun = np.minimum(begun, second_begun)
        second = effect * _build_effect_at_entry(second_lit, tau_days, diary)
        first, second = first + spill * second, second + spill * first
        common = draw_noise(rng, shape, diary) * np.sqrt(diary.common)
        own = np.sqrt(1.0 - diary.common)
        entries = [
            _write_entries(site + common + own * draw_noise(rng, shape, diary), diary)
            for site in (first, second)
        ]
        days = entries[0] - entries[1]
    else:
        days = _write_entries(first + draw_noise(rng, shape, diary), diary)
    days[rng.random(shape) < diary.missing] = np.nan
    # A period begins with its first session; its washout begins then.
    into = np.tile(np.arange(schedule.days), schedule.periods)
    days[into < np.repeat(begun, schedule.days, axis=1) + schedule.washout] = np.nan
    assert days.shape[0] == series
    return summarise_periods(days, schedule)


def estimate_power(
    schedule: Schedule,
    effect: float,
    tau_days: float,
    diary: Diary = DEFAULTS,
    runs: int = RUNS,
    seed: int = _SEED,
) -> Power:
    """Estimate how often such a trial finds `effect`, by `runs` seeded simulations.

    Every run is analysed as a real trial is: with the randomisation test over the design's
    allocations. Some 32 allocations take turns as the drawn one.
    """
    rng = np.random.default_rng(seed)
    every = list_allocations(schedule.design, schedule.periods)
    drawn = every[rng.choice(len(every), min(_ARMS_OF_A_RUN, len(every)), replace=False)]
    found = 0
    seen: list[float] = []
    share = -(-runs // len(drawn))
    for arm in drawn:
        arms = np.repeat(arm[None, :], share, axis=0)
        values = simulate_values(rng, schedule, arms, effect, tau_days, diary)
        p = compute_p(values, list(arm), every, schedule.design)
        found += int((p <= ALPHA).sum())
        differences = compute_differences(values, arm[None, :], schedule.design)
        seen += [float(d) for d in differences[:, 0] if not np.isnan(d)]
    total = share * len(drawn)
    power = found / total
    error = float(np.sqrt(max(power * (1.0 - power), 1.0 / total) / total))
    return Power(power, error, effect, tau_days, float(np.mean(seen)) if seen else 0.0)


def smallest_p(schedule: Schedule) -> float:
    """Return the smallest two-sided p that the design can give: 2 of its allocations are as far
    from each other as any."""
    return 2.0 / len(list_allocations(schedule.design, schedule.periods))


def compare_designs(
    schedules: Sequence[Schedule], effect: float, taus: Sequence[float], runs: int = RUNS
) -> list[list[Power]]:
    """Return the power of each schedule at each time constant."""
    return [[estimate_power(s, effect, tau, runs=runs) for tau in taus] for s in schedules]
