"""The planner's simulation: the table of designs, and no more false alarms than it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pbmwrap.trial import power
from pbmwrap.trial.power import Schedule, estimate_power
from wrap.rules.blinding import PAIRS, SIDES

SIDES_FORTNIGHTS = Schedule(SIDES, 12, 14, 5)
SIDES_WEEKS = Schedule(SIDES, 12, 7, 2)
PAIRS_WEEKS = Schedule(PAIRS, 16, 7, 2)
# Power for 2 points at time constants of 1, 4 and 10 days, from an independent simulation in which
# the day's entry already knows the day's session, no session is forgotten, and entries are
# fractions.
EVENING = power.Diary(evening=True, forgotten=0.0, whole=False)
TABLE = [
    (SIDES_FORTNIGHTS, (1.0, 1.0, 0.95)),
    (SIDES_WEEKS, (1.0, 0.95, 0.39)),
    (PAIRS_WEEKS, (0.89, 0.42, 0.11)),
]


@pytest.mark.parametrize("schedule,expected", TABLE)
def test_the_power_is_that_of_an_independent_simulation(
    schedule: Schedule, expected: tuple[float, ...]
) -> None:
    for tau_days, share in zip((1, 4, 10), expected, strict=True):
        found = estimate_power(schedule, 2.0, tau_days, EVENING, runs=2400)
        assert found.share == pytest.approx(share, abs=0.06)


def test_an_entry_before_the_session_sees_a_day_less_of_a_slow_effect() -> None:
    """What `tests/trial/many_trials.py` finds by playing 1,000 trials: 78 % (with forgotten
    sessions and whole numbers). The evening's entries would promise 94 %."""
    morning = estimate_power(SIDES_WEEKS, 2.0, 4)
    assert morning.share == pytest.approx(0.80, abs=0.05)
    assert morning.seen < estimate_power(SIDES_WEEKS, 2.0, 4, EVENING).seen - 0.15


def test_without_an_effect_there_are_few_false_alarms() -> None:
    """At most 5 % by construction; 2,000 runs know it to within 1.5 %."""
    found = estimate_power(SIDES_WEEKS, 0.0, 4, runs=2000)
    assert 0.02 < found.share <= 0.065
    assert abs(found.seen) < 0.05


def test_the_same_plan_has_the_same_power_each_time() -> None:
    assert estimate_power(PAIRS_WEEKS, 1.0, 4) == estimate_power(PAIRS_WEEKS, 1.0, 4)


def test_an_effect_comes_and_goes_with_its_time_constant() -> None:
    active = np.array([[1.0] * 7 + [0.0] * 7])
    level = power.build_effect(active, 4.0)[0]
    assert level[6] == pytest.approx(1 - math.exp(-7 / 4))
    assert level[13] == pytest.approx(level[6] * math.exp(-7 / 4))
    assert list(power.build_effect(active, 0)[0]) == list(active[0])


def test_noise_has_the_spread_and_the_correlation_of_the_diary() -> None:
    diary = power.Diary(sd=1.5, correlation=0.5)
    noise = power.draw_noise(np.random.default_rng(2), (4000, 20), diary)
    assert noise.std() == pytest.approx(1.5, rel=0.03)
    assert np.corrcoef(noise[:, 8], noise[:, 9])[0, 1] == pytest.approx(0.5, abs=0.05)


def test_a_period_with_fewer_than_half_of_its_days_is_missing() -> None:
    """5 days of a week count: 3 entries are enough, 2 are not; those of the washout do not help."""
    schedule = Schedule(PAIRS, 2, 7, 2)
    days = np.full((1, 14), np.nan)
    days[0, [0, 1, 2, 3]] = 5.0
    days[0, [9, 10, 11]] = 3.0
    found = power.summarise_periods(days, schedule)[0]
    assert math.isnan(found[0])
    assert found[1] == 3.0


def test_spill_over_makes_the_estimate_smaller() -> None:
    rng = np.random.default_rng(3)
    arm = np.array([[1, 0] * 6], np.int8)
    arms = np.repeat(arm, 400, axis=0)
    seen = []
    for spill in (0.0, 0.5):
        values = power.simulate_values(rng, SIDES_FORTNIGHTS, arms, 2.0, 4.0, spill=spill)
        seen.append(np.nanmean(power.compute_differences(values, arm, SIDES)))
    assert seen[1] == pytest.approx(seen[0] / 2, abs=0.1)


def test_small_designs_cannot_answer() -> None:
    four = Schedule(PAIRS, 8, 7, 2)  # 16 allocations: p is at least 0.125
    assert power.smallest_p(four) == 0.125
    found = estimate_power(four, 5.0, 1)
    assert (found.share, found.answers) == (0.0, False)
    assert estimate_power(SIDES_FORTNIGHTS, 2.0, 4).answers


def test_washout_follows_the_length_of_a_period() -> None:
    assert [power.default_washout(days) for days in (7, 14)] == [2, 5]
    assert (SIDES_FORTNIGHTS.weeks, SIDES_FORTNIGHTS.counted) == (24, 9)
