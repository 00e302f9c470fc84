"""Lamps: what duty a spec, a fade, a derating and the supply make, and how fast it may rise."""
# H-34

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.twin.fake_hal import FakeHal
from tests.unit.small import Small
from wrap.control.lamps import FADE_FULL, Lamps

BOARD = (("red", 660, 2, 900, 60000), ("nir", 850, 4, 900, 80000))
LAMP = st.tuples(st.integers(0, 1000), st.sampled_from([0, 10, 40]), st.integers(1, 1000))
SPEC = st.tuples(LAMP, LAMP)
Q = st.integers(0, FADE_FULL)


def make(supply_ma=5000, ramp_ms=10, channels=BOARD):
    hal = FakeHal(len(channels), 2)
    lamps = Lamps(hal, channels, supply_ma, [(50000, 60000)] * len(channels))
    lamps.set_ramp(ramp_ms)
    return hal, lamps


def full(level, hz=0, on=1000):
    return (level, hz, on)


@given(SPEC, Q, Q, st.integers(1, 4000))
def test_duty_never_passes_what_the_spec_asks_for_by_more_than_half_a_count(
    spec, fade, derate, supply_ma
):
    hal, lamps = make(supply_ma)
    lamps.apply(spec, fade, derate, True)
    for duty, (level, _, on) in zip(hal.duty, spec, strict=True):
        asked = 65535 * level * on * fade * derate / (10**6 * FADE_FULL**2)
        assert 0 <= duty <= asked + 0.5


@given(st.lists(LAMP, min_size=4, max_size=4), st.integers(0, 3000))
def test_the_supply_limit_holds_and_scales_all_channels_alike(spec, supply_ma):
    channels = [(f"c{i}", 660, i, ma, 60000) for i, ma in enumerate((900, 350, 1200, 20))]
    _, free = make(10**6, channels=channels)
    hal, lamps = make(supply_ma, channels=channels)
    free.apply(spec, FADE_FULL, FADE_FULL, True)
    lamps.apply(spec, FADE_FULL, FADE_FULL, True)
    drawn = sum(c[3] * duty / 65535 for c, duty in zip(channels, hal.duty, strict=True))
    assert drawn <= supply_ma + len(channels)
    asked = sum(c[3] * d // 65535 for c, d in zip(channels, free.duties, strict=True))
    wanted = free.duties
    if asked > supply_ma:
        wanted = [duty * supply_ma // asked for duty in wanted]
    assert hal.duty == wanted


def test_both_channels_full_share_1500_ma():
    hal, lamps = make(1500)
    lamps.apply((full(1000), full(1000)), FADE_FULL, FADE_FULL, True)
    assert hal.duty == [54612, 54612]


@pytest.mark.parametrize("supply_ma,duty", [(1800, 65535), (1799, 65498)])
def test_scaling_begins_with_the_first_milliampere_too_much(supply_ma, duty):
    hal, lamps = make(supply_ma)
    lamps.apply((full(1000), full(1000)), FADE_FULL, FADE_FULL, True)
    assert hal.duty == [duty, duty]


def test_fade_and_derating_act_on_what_the_limit_leaves():
    hal, lamps = make(450)
    lamps.apply((full(1000), full(1000)), FADE_FULL, FADE_FULL, True)
    limited = hal.duty[:]
    assert limited == [16383, 16383]
    lamps.apply((full(1000), full(1000)), FADE_FULL, FADE_FULL // 2, True)
    assert hal.duty == [8191, 8191]
    lamps.apply((full(1000), full(1000)), FADE_FULL // 4, FADE_FULL, True)
    assert hal.duty == [4095, 4095]


def test_intensity_is_linear_in_permille_within_half_a_count():
    hal, lamps = make()
    for level in range(1001):
        lamps.apply((full(level), full(0)), FADE_FULL, FADE_FULL, True)
        assert abs(65.535 * level - hal.duty[0]) <= 0.5


@given(st.integers(10, 10000), st.lists(st.tuples(SPEC, Q, Q), min_size=1, max_size=20))
def test_duty_rises_no_faster_than_the_ramp_and_falls_at_once(ramp_ms, steps):
    hal, lamps = make(1500, ramp_ms)
    _, free = make(1500)
    slew = 65535 * 10 // ramp_ms
    for spec, fade, derate in steps:
        before = hal.duty[:]
        lamps.apply(spec, fade, derate, True)
        free.apply(spec, fade, derate, True)
        for now, old, goal in zip(hal.duty, before, free.duties, strict=True):
            assert now <= min(goal, old + slew)


def test_a_ramp_takes_its_time_to_the_step():
    hal, lamps = make(ramp_ms=500)
    spec = (full(1000), full(500))
    seen = []
    for _ in range(52):
        lamps.apply(spec, FADE_FULL, FADE_FULL, True)
        seen.append(tuple(hal.duty))
    assert seen[:2] == [(1310, 1310), (2620, 2620)]
    assert seen[25] == (34060, 32768)
    assert seen[49:] == [(65500, 32768), (65535, 32768), (65535, 32768)]


def test_a_level_that_is_reached_is_not_written_again():
    hal, lamps = make()
    spec = (full(1000), full(500))
    lamps.apply(spec, FADE_FULL, FADE_FULL, True)
    hal.duty[0] = 7
    lamps.apply(spec, FADE_FULL, FADE_FULL, True)
    assert hal.duty == [7, 32768]
    lamps.apply(spec, FADE_FULL - 1, FADE_FULL, True)
    assert hal.duty == [65519, 32760]


def test_a_cut_acts_in_the_same_step():
    hal, lamps = make(ramp_ms=2000)
    spec = (full(1000), full(1000))
    for _ in range(300):
        lamps.apply(spec, FADE_FULL, FADE_FULL, True)
    lamps.apply(spec, FADE_FULL, 2048, True)
    assert hal.duty == [32767, 32767]
    lamps.apply(spec, 0, 2048, True)
    assert hal.duty == [0, 0]


def test_pulsed_channels_are_held_low_unless_light_may_rise():
    hal, lamps = make()
    spec = (full(1000, 10, 300), full(400))
    lamps.apply(spec, FADE_FULL, FADE_FULL, True)
    assert (hal.duty, hal.mode) == ([19660, 26214], [10, 0])
    lamps.apply(spec, 4000, FADE_FULL, False)
    assert (hal.duty, hal.mode) == ([0, 25599], [-1, 0])
    lamps.apply(spec, 3000, FADE_FULL, False)
    assert hal.duty == [0, 19199]
    assert hal.lamps_hold()


def test_a_channel_changes_between_carrier_and_pulses_only_through_dark():
    hal, lamps = make(ramp_ms=500)
    for _ in range(60):
        lamps.apply((full(1000), full(1000)), FADE_FULL, FADE_FULL, True)
    lamps.apply((full(1000, 40, 1000), full(1000)), FADE_FULL, FADE_FULL, True)
    assert (hal.duty, hal.mode) == ([1310, 65535], [40, 0])


@given(SPEC, Q, st.booleans())
def test_dark_is_dark_from_everywhere(spec, fade, pulsed):
    hal, lamps = make()
    lamps.apply(spec, fade, FADE_FULL, pulsed)
    hal.enable(True)
    lamps.dark()
    assert (hal.duty, hal.mode, hal.enabled) == ([0, 0], [-1, -1], False)
    assert (lamps.duties, lamps.rate_uw) == ([0, 0], 0)


def test_light_after_dark_rises_from_zero():
    hal, lamps = make(ramp_ms=500)
    spec = (full(1000), full(1000))
    for _ in range(60):
        lamps.apply(spec, FADE_FULL, FADE_FULL, True)
    lamps.dark()
    lamps.apply(spec, FADE_FULL, FADE_FULL, True)
    assert hal.duty == [1310, 1310]


def test_staying_dark_writes_nothing_when_nothing_was_lit():
    hal, lamps = make()
    hal.enable(True)
    lamps.stay_dark()
    assert hal.enabled
    lamps.apply((full(0), full(0)), 0, 0, True)
    lamps.stay_dark()
    assert not hal.enabled


@pytest.mark.parametrize("ch", [0, 1])
def test_one_count_too_much_on_any_lamp_is_noticed(ch):
    hal, lamps = make()
    lamps.apply((full(500), full(500)), FADE_FULL, FADE_FULL, True)
    assert hal.lamps_hold()
    hal.duty[ch] += 1
    assert not hal.lamps_hold()


def test_light_is_booked_only_while_lit_and_gaps_are_bounded():
    _, lamps = make()
    lamps.meter(1000)
    assert lamps.dose_uj() == 0
    lamps.apply((full(1000), full(0)), FADE_FULL, FADE_FULL, True)
    lamps.meter(1000)
    assert ([m.on_ms for m in lamps.meters], lamps.dose_uj()) == ([1000, 0], 50000)
    assert lamps.upper_uj() == 60000
    lamps.meter(100000)
    assert lamps.meters[0].on_ms == 4000
    lamps.dark()
    lamps.meter(1000)
    assert lamps.meters[0].on_ms == 4000


def test_the_rate_is_the_irradiance_wanted():
    _, lamps = make()
    lamps.apply((full(1000), full(500)), FADE_FULL, FADE_FULL, True)
    assert lamps.rate_uw == 50000 * 4095 // 4096 + 50000 * 2048 // 4096


@given(SPEC, Q, Q)
def test_every_intermediate_is_a_small_integer(spec, fade, derate):
    channels = [(*c[:3], Small(16000), c[4]) for c in BOARD]
    _, lamps = make(Small(16000), channels=channels)
    for meter in lamps.meters:
        meter.full_uw = Small(200000)
    small = tuple((Small(level), hz, Small(on)) for level, hz, on in spec)
    lamps.apply(small, Small(fade), Small(derate), True)
    lamps.meter(Small(3000))
