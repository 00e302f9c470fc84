"""A slice of the thousands of trials of `make trial-campaign`, and proof that it sees a miss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.trial import many_trials
from tests.trial.many_trials import LIVES, SCHEDULES, Cell, Life, Outcome

WEEKLY = SCHEDULES[3]  # two sites, 12 weeks


def test_a_quick_effect_of_three_points_is_found_and_named_better() -> None:
    row = many_trials.run_cell(Cell(WEEKLY, 3.0, 1.0), 20, 1)
    assert row.better >= 0.9
    assert row.worse == 0
    assert 2.0 < row.estimate < 3.0
    assert abs(row.bias) < 0.4


@pytest.mark.parametrize("life", [one for one in LIVES if one.unblinded or one.replaced])
def test_a_trial_that_ends_early_has_no_verdict(life: Life) -> None:
    row = many_trials.run_cell(Cell(WEEKLY, 3.0, 1.0, life), 10, 2)
    assert (row.cannot, row.found) == (1.0, 0.0)


def test_light_on_the_wrong_site_and_weeks_away_shrink_what_there_is_to_see() -> None:
    plain = many_trials.run_cell(Cell(WEEKLY, 3.0, 1.0), 10, 3)
    wrong = many_trials.run_cell(Cell(WEEKLY, 3.0, 1.0, Life("wrong", mistaken=0.3)), 10, 3)
    assert wrong.seen < plain.seen - 0.2
    away = many_trials.play(Cell(WEEKLY, 3.0, 1.0, Life("away", away_weeks=4)), 4)
    assert isinstance(away, Outcome) and away.agrees


def test_a_missed_goal_is_named() -> None:
    row = many_trials.run_cell(Cell(WEEKLY, 0.0, 1.0), 4, 1)
    good = replace(row, found=0.05, covered=0.95)
    assert many_trials.list_failures([good]) == []
    false = many_trials.list_failures([replace(good, found=0.07)])
    assert len(false) == 1 and "7.0% false alarms" in false[0]
    for miss in ({"covered": 0.9}, {"effect": 2.0, "promised": 0.8, "found": 0.7}):
        assert len(many_trials.list_failures([replace(good, **miss)])) == 1
