"""The arms of a trial have one warmth on the plant, with a warmer, and not without one."""

from __future__ import annotations

import pytest

from pbmwrap.twin.plant import FULL_PPM
from tests.trial.warmth import CONDITIONS, compare_arms, largest_gap_k, play_skin
from tests.warmed import WARMER, warmed_facts

FELT_K = 1.0


@pytest.mark.parametrize("name", ["bare", "cold feet", "pressed on", "loose"])
def test_with_a_warmer_nobody_feels_which_arm_it_is_even_at_full_duty(name: str) -> None:
    dark_k, warmed_k = compare_arms(CONDITIONS[name], 1.0)
    assert abs(warmed_k) <= 0.5 < FELT_K < dark_k


def test_a_quarter_of_near_infrared_without_a_warmer_is_at_the_limit_of_what_is_felt() -> None:
    """limits.TRIAL_NIR_PM; skin that is pressed on gets warmer than that."""
    assert 0.8 < compare_arms(CONDITIONS["bare"], 0.25)[0] < FELT_K
    assert compare_arms(CONDITIONS["pressed on"], 0.25)[0] > FELT_K


def test_the_resistor_heats_the_board_with_all_of_its_power() -> None:
    """Another current is another heat, and a pad without a warmer has none."""
    facts = warmed_facts()
    half = warmed_facts(WARMER=(*WARMER[:3], WARMER[3] / 2))
    none = warmed_facts(WARMER=None)
    dark = play_skin({}, [0, 0, 0], facts)
    whole_k = largest_gap_k(play_skin({}, [0, 0, FULL_PPM // 4], facts), dark)
    half_k = largest_gap_k(play_skin({}, [0, 0, FULL_PPM // 2], half), dark)
    assert half_k == pytest.approx(whole_k, abs=1e-6) and whole_k > 0.7
    assert largest_gap_k(play_skin({}, [0, 0, FULL_PPM], none), dark) == 0
