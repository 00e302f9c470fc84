"""The derating: a line that ends below the trip, taken slowly, that never hunts."""
# H-01

from itertools import pairwise

import pytest

from tests.unit.pad import Pad, swing
from tests.unit.small import Small
from wrap.rules import limits
from wrap.safety.derate import FULL_Q, Derate, allowed_q

TRIP = limits.SKIN_TRIP_MC


def test_the_line_is_full_at_39_c_and_dark_half_a_kelvin_below_the_trip():
    assert [allowed_q(mc, TRIP) for mc in (38000, 39000, 40500, 41000)] == [FULL_Q, FULL_Q, 0, 0]
    assert allowed_q(39750, TRIP) == FULL_Q // 2
    line = [allowed_q(mc, TRIP) for mc in range(38900, 41100, 10)]
    assert line == sorted(line, reverse=True)


def test_the_line_is_never_above_the_one_that_reaches_zero_at_the_trip():
    for mc in range(38000, 42000, 7):
        assert allowed_q(mc, TRIP) <= FULL_Q * min(2000, max(0, TRIP - mc)) // 2000


def test_a_jump_of_the_skin_dims_at_once_and_light_comes_back_slowly():
    derate = Derate()
    derate.update(38000, TRIP)
    derate.update(40200, TRIP)
    assert derate.q == allowed_q(40000, TRIP)
    seen = []
    for _ in range(30):
        derate.update(38000, TRIP)
        seen.append(derate.q)
    steps = [b - a for a, b in pairwise(seen)]
    assert 0 < max(steps) <= FULL_Q // 99
    for _ in range(200):
        derate.update(38000, TRIP)
    assert derate.q == FULL_Q


def test_the_first_second_counts_as_it_is():
    derate = Derate()
    derate.update(39750, TRIP)
    assert (derate.q, derate.fresh) == (FULL_Q // 2, False)


@pytest.mark.parametrize("trip_mc", [41000, 39000])
def test_the_line_of_the_derating_is_exact(trip_mc):
    for below in range(-100, 2600, 37):
        share = min(max(below - 500, 0), 1500)
        assert allowed_q(Small(trip_mc - below), trip_mc) == FULL_Q * share // 1500
    assert allowed_q(trip_mc - 501, trip_mc) == 2


def test_the_derating_takes_a_sixteenth_of_the_way_and_lags_by_200_mc_at_most():
    """Seen through the share of light: 0.37 mC a step of it."""
    derate = Derate()
    assert (derate.q, derate.fresh) == (FULL_Q, True)
    derate.update(40000, TRIP)
    assert (derate.q, derate.fresh) == (allowed_q(40000, TRIP), False)
    derate.update(40400, TRIP)  # a sixteenth would be further behind than it may be
    assert derate.q == allowed_q(40200, TRIP)
    derate.update(40216, TRIP)
    assert derate.q == allowed_q(40201, TRIP)
    derate.update(40217, TRIP)
    assert derate.q == allowed_q(40202, TRIP)
    for _ in range(14):  # 1/16 mC is kept from second to second
        derate.update(40204, TRIP)
    assert derate.q == allowed_q(40202, TRIP)
    derate.update(40204, TRIP)
    assert derate.q == allowed_q(40203, TRIP)


def test_skin_that_cools_is_followed_by_a_sixteenth():
    derate = Derate()
    derate.update(40300, TRIP)
    derate.update(40140, TRIP)
    assert derate.q == allowed_q(40290, TRIP) == allowed_q(40300, TRIP) + 27
    derate.update(40130, TRIP)
    assert derate.q == allowed_q(40280, TRIP)


def test_light_comes_back_by_one_percent_a_second_and_goes_at_once():
    derate = Derate()
    derate.update(40500, TRIP)
    for n in range(1, 5):
        derate.update(-100_000, TRIP)
        assert derate.q == 41 * n
    derate.q = FULL_Q - 41
    derate.update(38000, TRIP)
    assert derate.q == FULL_Q
    derate.q = FULL_Q - 42
    derate.update(38000, TRIP)
    assert derate.q == FULL_Q - 1
    derate.update(42000, TRIP)
    assert derate.q == 0
    derate.fresh = True
    derate.update(38000, TRIP)
    assert derate.q == FULL_Q


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0, 3])
@pytest.mark.parametrize(
    "plant",
    [
        {"ambient_c": 35, "covered": True, "blood_flow": 0},
        {"ambient_c": 38},
        {"ambient_c": 38, "covered": True, "contact": 0.6},
    ],
)
def test_a_hot_room_dims_and_goes_on_without_hunting(plant, noise):
    pad = Pad(5, noise_codes=noise, **plant)
    pad.session()
    assert pad.name == "none"
    assert pad.hottest_c < 41
    assert min(pad.q) < FULL_Q * 3 // 4
    assert swing(pad.q) < 4


def test_a_room_that_heats_dark_skin_past_the_trip_trips():
    pad = Pad(5, ambient_c=48.0, covered=True, blood_flow=0)
    pad.begin()
    pad.run(10, False)
    assert pad.name == "skin-hot"
