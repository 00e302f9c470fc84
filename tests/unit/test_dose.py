"""The dose integral: exact against rationals, the same however time is cut, in small integers."""
# H-26

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.small import Small
from wrap.control.dose import DoseMeter

DUTY = st.integers(0, 65535)
UW = st.integers(0, 300000)
LIGHT = st.lists(st.tuples(DUTY, st.integers(0, 300)), max_size=60)
SESSION_MS = 1200000


def metered(light, full_uw=100000, upper_uw=110000):
    meter = DoseMeter(full_uw, upper_uw)
    for duty, ms in light:
        meter.add(duty, ms)
    return meter


def repeated(light):
    """`light` over and over until 20 minutes are full."""
    once = sum(ms for _, ms in light)
    return light * min(2000, SESSION_MS // once) if once else light


@given(LIGHT, UW, UW)
def test_a_whole_session_is_the_exact_integral_within_one_unit(light, full_uw, upper_uw):
    light = repeated(light)
    meter = metered(light, full_uw, upper_uw)
    u16_ms = sum(duty * ms for duty, ms in light)
    assert meter.on_ms == u16_ms // 65535
    assert meter.uj == meter.on_ms * full_uw // 1000
    assert meter.upper_uj == meter.on_ms * upper_uw // 1000


@given(DUTY, st.integers(0, 8191), st.data())
def test_cutting_time_into_pieces_changes_nothing(duty, ms, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, ms), max_size=20)))
    pieces = [b - a for a, b in zip([0, *cuts], [*cuts, ms], strict=True)]
    whole, split = metered([(duty, ms)]), metered([(duty, p) for p in pieces])
    assert vars(whole) == vars(split)


@given(st.lists(st.tuples(DUTY, st.integers(0, 3000)), max_size=20), UW, UW)
def test_every_intermediate_is_a_small_integer(light, full_uw, upper_uw):
    meter = DoseMeter(Small(full_uw), Small(upper_uw))
    for duty, ms in light:
        meter.add(Small(duty), Small(ms))


def test_small_integers_do_stay_small():
    with pytest.raises(AssertionError, match="no small integer"):
        Small(1 << 29) * 2
    with pytest.raises(AssertionError, match="no small integer"):
        (1 << 20) * Small(1 << 20)
    assert isinstance(5 + Small(4), Small)


def test_full_light_for_20_minutes_counts_to_the_millisecond():
    meter = metered([(65535, 10)] * 120000, 50000, 60000)
    assert (meter.on_ms, meter.uj, meter.upper_uj) == (1200000, 60000000, 72000000)


def test_the_faintest_light_is_not_lost():
    meter = metered([(1, 1)] * 65534)
    assert meter.on_ms == 0
    meter.add(1, 1)
    assert (meter.on_ms, meter.uj) == (1, 100)


def test_clear_forgets_remainders_too():
    meter = metered([(65534, 1)])
    meter.clear()
    meter.add(1, 1)
    assert meter.on_ms == 0
