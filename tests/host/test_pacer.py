"""The pacing rule, by exact arithmetic with a wall clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.twin.pacer import CREDIT_MS, QUIET_S, SLICE_MS, Pacer


def passed(pacer: Pacer, seconds: float, busy: bool = False, start: float = 0.0) -> int:
    """Virtual ms in `seconds` of wall time that goes by in ticks of 1 ms, all turns due."""
    total = 0
    for tick in range(1, round(seconds * 1000) + 1):
        now = start + tick / 1000
        for _ in range(1000):
            ms = pacer.grant(now, busy)
            total += ms
            if not ms or pacer.wait_s() > 0:
                break
    return total


@pytest.mark.parametrize("speed", [0.5, 1.0, 10.0, 50.0])
def test_alone_the_twin_keeps_the_chosen_speed(speed):
    assert passed(Pacer(speed, 0.0), 2.0) == pytest.approx(2000 * speed, abs=20 * speed + 1)


def test_as_fast_as_it_goes_waits_in_real_time_while_nothing_happens():
    assert passed(Pacer(None, 0.0), 2.0) == pytest.approx(2000, abs=SLICE_MS)
    assert passed(Pacer(None, 0.0), 0.1, busy=True) > 100_000


@pytest.mark.parametrize("speed", [2.0, 10.0, 50.0, 1000.0, None])
def test_a_lease_of_3_s_renewed_every_1500_ms_never_runs_out(speed):
    pacer = Pacer(speed, 0.0)
    for turn in range(5):
        pacer.heard(turn * 1.5)
        aged = passed(pacer, 1.5, busy=True, start=turn * 1.5)
        assert CREDIT_MS <= aged < 2600


def test_an_answer_needs_hardly_any_wall_time_when_fast():
    pacer = Pacer(50.0, 0.0)
    passed(pacer, 5.0)
    pacer.heard(5.0)
    assert passed(pacer, 0.005, start=5.0) >= 200


def test_silence_as_long_as_the_longest_lease_ends_the_conversation():
    pacer = Pacer(50.0, 0.0)
    pacer.heard(0.0)
    assert passed(pacer, QUIET_S - 0.1) < QUIET_S * 1000 + CREDIT_MS
    assert passed(pacer, 1.0, start=QUIET_S) > 40_000


def test_a_closed_port_ends_the_conversation_at_once():
    pacer = Pacer(50.0, 0.0)
    pacer.heard(0.0)
    pacer.gone()
    assert passed(pacer, 1.0) == pytest.approx(50_000, abs=1000)


def test_lost_time_is_not_caught_up():
    pacer = Pacer(1.0, 0.0)
    assert passed(pacer, 0.5, start=100.0) < 700


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans(), st.booleans()), max_size=50))
def test_a_grant_is_never_negative_nor_more_than_asked_by_the_wall(steps):
    pacer, now = Pacer(1.0, 0.0), 0.0
    total = 0
    for step, busy, heard in steps:
        now += step
        if heard:
            pacer.heard(now)
        ms = pacer.grant(now, busy)
        assert ms >= 0
        total += ms
    assert total <= now * 1000 + 1


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_speeds_are_refused(speed):
    with pytest.raises(ValueError, match="speed"):
        Pacer(speed, 0.0)
