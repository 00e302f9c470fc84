"""The derating: a line that ends below the trip, taken slowly, that never hunts."""
# H-01

from itertools import pairwise

import pytest

from tests.unit.pad import Pad, swing
from wrap.rules import limits
from wrap.safety.derate import FULL_Q, Derate, allowed

TRIP = limits.SKIN_TRIP_MC


def test_the_line_is_full_at_39_c_and_dark_half_a_kelvin_below_the_trip():
    assert [allowed(mc, TRIP) for mc in (38000, 39000, 40500, 41000)] == [FULL_Q, FULL_Q, 0, 0]
    assert allowed(39750, TRIP) == FULL_Q // 2
    line = [allowed(mc, TRIP) for mc in range(38900, 41100, 10)]
    assert line == sorted(line, reverse=True)


def test_the_line_is_never_above_the_one_that_reaches_zero_at_the_trip():
    for mc in range(38000, 42000, 7):
        assert allowed(mc, TRIP) <= FULL_Q * min(2000, max(0, TRIP - mc)) // 2000


def test_a_jump_of_the_skin_dims_at_once_and_light_comes_back_slowly():
    derate = Derate()
    derate.take(38000, TRIP)
    derate.take(40200, TRIP)
    assert derate.q == allowed(40000, TRIP)
    seen = []
    for _ in range(30):
        derate.take(38000, TRIP)
        seen.append(derate.q)
    steps = [b - a for a, b in pairwise(seen)]
    assert 0 < max(steps) <= FULL_Q // 99
    for _ in range(200):
        derate.take(38000, TRIP)
    assert derate.q == FULL_Q


def test_the_first_second_counts_as_it_is():
    derate = Derate()
    derate.take(39750, TRIP)
    assert (derate.q, derate.fresh) == (FULL_Q // 2, False)


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
