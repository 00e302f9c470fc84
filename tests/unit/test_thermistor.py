"""The thermistor table against the exact B equation, over every reading there is."""

import math

import pytest

import board_facts as facts
from tests.unit.conftest import CURVE
from wrap.safety.thermistor import FULL, OPEN, SHORT, Thermistor

EVERY = range(FULL + 1)
MC = [CURVE.mc(raw) for raw in EVERY]
INSIDE = range(CURVE.raw_min, CURVE.raw_max)


def exact_mc(raw):
    ohm = facts.PULLUP_OHM * raw / (FULL - raw)
    inverse = 1 / 298.15 + math.log(ohm / facts.NTC_R25_OHM) / facts.NTC_BETA_K
    return (1 / inverse - 273.15) * 1000


def test_at_most_100_mc_off_from_0_to_80_c_over_every_reading():
    off = [abs(MC[raw] - exact_mc(raw)) for raw in INSIDE if -100 <= exact_mc(raw) <= 80100]
    assert len(off) > 40000
    assert max(off) <= 100


def test_hotter_is_always_lower_and_never_jumps():
    steps = [MC[raw] - MC[raw + 1] for raw in INSIDE[:-1]]
    assert min(steps) >= 0
    assert max(steps) < 60
    skin = range(CURVE.raw_at(46000), CURVE.raw_at(30000))
    assert {MC[raw] - MC[raw + 1] for raw in skin} == {1, 2}


def test_the_table_covers_minus_20_to_120_c():
    assert 118000 < MC[CURVE.raw_min] <= 120000
    assert -20000 <= MC[CURVE.raw_max - 1] < -18000


def test_out_of_the_table_is_open_or_short_and_never_a_temperature():
    assert {MC[raw] for raw in EVERY if raw < CURVE.raw_min} == {SHORT}
    assert {MC[raw] for raw in EVERY if raw >= CURVE.raw_max} == {OPEN}
    assert all(-21000 < MC[raw] < 121000 for raw in INSIDE)


@pytest.mark.parametrize("mc", [*range(-15000, 118000, 997), 36000, 41000, 45000, 60000, 64000])
def test_raw_at_is_the_exact_inverse(mc):
    raw = CURVE.raw_at(mc)
    assert MC[raw] >= mc > MC[raw + 1]


@pytest.mark.parametrize("r25,beta,pullup", [(10000, 3435, 10000), (100000, 4250, 47000)])
def test_other_parts_read_25_c_at_their_r25(r25, beta, pullup):
    curve = Thermistor(r25, beta, pullup)
    raw = round(FULL * r25 / (r25 + pullup))
    assert abs(curve.mc(raw) - 25000) <= 100
    assert curve.mc(0) == SHORT
    assert curve.mc(FULL) == OPEN


def test_35_to_45_c_stay_clear_of_the_converters_code_steps():
    for mc in range(35000, 45001, 250):
        for r25_pm, pullup_pm in ((970, 1010), (1000, 1000), (1030, 990)):
            ohm = facts.NTC_R25_OHM * r25_pm / 1000
            ohm *= math.exp(facts.NTC_BETA_K * (1000 / (mc + 273150) - 1 / 298.15))
            code = 4096 * ohm / (ohm + facts.PULLUP_OHM * pullup_pm / 1000)
            assert min(abs(code - step) for step in (512, 1536, 2560, 3584)) > 150
