"""Verdicts at their limits, and the index of the guesses against hand calculation."""

from __future__ import annotations

import math

import pytest

from pbmwrap.trial.blindness import Guess, compute_index, was_recognised
from pbmwrap.trial.randomisation import Effect
from pbmwrap.trial.verdict import Rules, Verdict, judge

PAIN = Rules(matters=2.0)
SLEEP = Rules(matters=2.0, less=False)


def made(estimate: float, p: float, low: float, high: float) -> Effect:
    return Effect(estimate, p, low, high, 924, True, 12, ())


@pytest.mark.parametrize(
    "effect,rules,verdict",
    [
        (made(-1.2, 0.05, -2.3, 0.0), PAIN, Verdict.BETTER),
        (made(-1.2, 0.05, -2.3, 0.0), SLEEP, Verdict.WORSE),
        (made(1.2, 0.01, 0.3, 2.3), PAIN, Verdict.WORSE),
        (made(1.2, 0.01, 0.3, 2.3), SLEEP, Verdict.BETTER),
        (made(-0.3, 0.051, -1.9, 1.3), PAIN, Verdict.NO_DIFFERENCE),
        (made(-0.3, 0.4, -2.0, 1.3), PAIN, Verdict.CANNOT_TELL),
        (made(-0.3, 0.4, -1.3, 2.0), PAIN, Verdict.CANNOT_TELL),
        (made(-3.0, 0.06, -math.inf, math.inf), PAIN, Verdict.CANNOT_TELL),
        (made(0.0, 0.01, -1.0, 1.0), PAIN, Verdict.NO_DIFFERENCE),
        (None, PAIN, Verdict.CANNOT_TELL),
    ],
)
def test_verdicts_at_their_limits(effect: Effect | None, rules: Rules, verdict: Verdict) -> None:
    assert judge(effect, rules) == verdict


def test_an_early_unblinding_leaves_no_verdict() -> None:
    assert judge(made(-2.0, 0.002, -3, -1), PAIN, complete=False) == Verdict.CANNOT_TELL


def guesses(active: bool, right: int, wrong: int, unknown: int) -> list[Guess]:
    said = [active] * right + [not active] * wrong + [None] * unknown
    return [Guess(active, one) for one in said]


def test_the_index_is_that_of_a_hand_calculation() -> None:
    """40 guesses of an arm, 24 right, 10 wrong, 6 do not know: 0.35; variance
    (0.6 * 0.4 + 0.25 * 0.75 + 2 * 0.6 * 0.25) / 40 = 0.0181875."""
    found = compute_index(guesses(True, 24, 10, 6) + guesses(False, 3, 9, 0), True)
    assert found is not None
    assert (found.index, found.n) == (pytest.approx(0.35), 40)
    assert found.high - found.index == pytest.approx(1.959964 * math.sqrt(0.0181875))
    assert was_recognised([found])
    other = compute_index(guesses(False, 3, 9, 0), False)
    assert other is not None
    assert other.index == pytest.approx(-0.5)
    assert not was_recognised([other])


@pytest.mark.parametrize("right,wrong,index", [(6, 0, 1.0), (0, 6, -1.0), (3, 3, 0.0)])
def test_the_index_at_its_ends(right: int, wrong: int, index: float) -> None:
    found = compute_index(guesses(True, right, wrong, 0), True)
    assert found is not None
    assert found.index == index
    assert -1 <= found.low <= index <= found.high <= 1


def test_without_a_guess_there_is_no_index() -> None:
    assert compute_index(guesses(True, 1, 1, 0), False) is None


def test_chance_is_called_recognition_in_at_most_one_trial_of_twenty() -> None:
    """All 2 ** 12 ways to guess in 12 periods with a coin."""
    wrong = 0
    for way in range(2**12):
        said = [bool(way >> n & 1) for n in range(12)]
        both = [Guess(n % 2 == 0, one) for n, one in enumerate(said)]
        indices = [compute_index(both, arm) for arm in (True, False)]
        wrong += was_recognised(one for one in indices if one)
    assert 0 < wrong / 2**12 <= 0.05
    all_right = [Guess(n % 2 == 0, n % 2 == 0) for n in range(6)]
    three_each = [compute_index(all_right, arm) for arm in (True, False)]
    assert was_recognised(one for one in three_each if one)
