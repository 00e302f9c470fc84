"""The arms cannot be recognised by what a host reads, and can without the masking (a slice)."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trial import tell_arms


def test_without_masking_several_numbers_name_every_arm() -> None:
    seen, drawn = tell_arms.observe_sessions(8, masked=False)
    x, names = tell_arms.make_matrix(seen)
    telling = tell_arms.list_telling(x, names, np.array(drawn, bool))
    assert {"lit3.status.duty_u16.1", "after3.status.on_ms.1"} <= set(telling)
    assert any(name.startswith("log.") for name in telling)


def test_a_classifier_finds_what_is_there_and_nothing_in_noise() -> None:
    rng = np.random.default_rng(1)
    arms = rng.integers(0, 2, 400).astype(bool)
    half = np.arange(400) % 2 == 0
    noise = rng.standard_normal((400, 60))
    assert 0.4 < tell_arms.judge_regression(noise, arms, half) < 0.6
    assert 0.4 < tell_arms.judge_threshold(noise, arms, half)[0] < 0.6
    noise[:, 7] += 1.5 * arms
    share, column = tell_arms.judge_threshold(noise, arms, half)
    assert (share > 0.7, column) == (True, 7)
    assert tell_arms.judge_regression(noise, arms, half) > 0.65


@pytest.mark.campaign
def test_masked_arms_are_at_chance() -> None:
    """400 sessions: 45 to 55 %."""
    threshold, regression, name = tell_arms.tell_apart(400, masked=True, jobs=2)
    assert 0.45 <= threshold <= 0.55, name
    assert 0.45 <= regression <= 0.55
