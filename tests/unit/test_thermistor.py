"""The thermistor table against the exact B equation, over every reading there is."""

import math

import pytest

import board_facts as facts
from tests.unit.conftest import CURVE
from wrap.safety.thermistor import FULL, OPEN, SHORT, Thermistor, pack_knots

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


PARTS = [(10000, 3950, 5600), (10000, 3435, 10000), (100000, 4250, 47000)]


def exact_c(raw, r25, beta, pullup):
    ohm = pullup * raw / (65520 - raw)
    return 1 / (1 / 298.15 + math.log(ohm / r25) / beta) - 273.15


@pytest.mark.parametrize("part", PARTS)
def test_every_knot_is_the_equation_rounded_to_a_millidegree(part):
    curve = Thermistor(*part)
    assert (len(curve.knots), curve.knots[0], curve.knots[256]) == (257, 0, 0)
    for i in range(1, 256):
        exact = exact_c(i * 256, *part) * 1000
        assert curve.knots[i] == math.copysign(math.floor(abs(exact) + 0.5), exact)


@pytest.mark.parametrize("part", PARTS)
def test_the_table_is_used_between_the_knots_inside_minus_20_and_120_c(part):
    curve = Thermistor(*part)
    inside = [i for i in range(1, 256) if -20 < exact_c(i * 256, *part) < 120]
    assert (curve.raw_min, curve.raw_max) == (inside[0] * 256, inside[-1] * 256)
    assert curve.mc(curve.raw_min) == curve.knots[inside[0]]
    assert curve.mc(curve.raw_min - 1) == SHORT
    assert curve.mc(curve.raw_max) == OPEN
    assert curve.mc(curve.raw_max - 1) != OPEN


def test_a_divider_that_never_reads_120_c_still_reports_a_short():
    curve = Thermistor(10000, 3950, 1_000_000)
    assert exact_c(256, 10000, 3950, 1_000_000) < 120
    assert (curve.mc(0), curve.mc(255), curve.mc(256)) == (SHORT, SHORT, curve.knots[1])


def test_a_divider_that_reads_nothing_warmer_than_minus_20_c_is_open():
    curve = Thermistor(1, 3950, 1_000_000)
    assert {curve.mc(raw) for raw in range(256, 65521)} == {OPEN}


def test_between_two_knots_the_curve_is_a_line():
    for part in (0, 1, 100, 128, 255):
        low, high = CURVE.knots[120], CURVE.knots[121]
        assert CURVE.mc(120 * 256 + part) == low + (high - low) * part // 256


def test_a_temperature_beyond_the_table_is_at_its_end():
    assert CURVE.raw_at(10**6) == CURVE.raw_min
    assert CURVE.raw_at(-(10**6)) == CURVE.raw_max - 1


PART = (facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)


def flip(stored, knot, bit):
    """Return a stored table with a bit of a knot flipped."""
    knots = bytearray(stored[5])
    knots[4 * knot + bit // 8] ^= 1 << bit % 8
    return (*stored[:5], bytes(knots))


def test_a_stored_table_reads_as_a_computed_one():
    stored = pack_knots(*PART)
    curve = Thermistor(*PART, stored)
    assert [curve.mc(raw) for raw in EVERY] == MC
    marked = Thermistor(*PART, flip(stored, 101, 0))
    assert marked.knots[101] ^ curve.knots[101] == 1, "the stored table is not used at all"


@pytest.mark.parametrize("knot", range(32, 256, 32))
def test_a_stored_table_is_compared_with_computed_knots_and_not_used_when_it_differs(knot):
    curve = Thermistor(*PART, flip(pack_knots(*PART), knot, 3))
    assert [curve.mc(raw) for raw in EVERY] == MC


@pytest.mark.parametrize("other", [(10001, 3950, 5600), (10000, 3951, 5600), (10000, 3950, 5601)])
def test_a_stored_table_of_other_parts_is_not_used(other):
    curve = Thermistor(*PART, pack_knots(*other))
    assert [curve.mc(raw) for raw in EVERY] == MC


def test_a_stored_table_of_another_length_is_not_used():
    *head, knots = pack_knots(*PART)
    curve = Thermistor(*PART, (*head, knots[:-4]))
    assert [curve.mc(raw) for raw in EVERY] == MC


@pytest.mark.parametrize("part", [PART, (100000, 4250, 47000), (10000, 3950, 1_000_000)])
def test_the_highest_reading_of_a_temperature_is_that_of_a_search_of_all(part):
    curve = Thermistor(*part)
    raw = curve.raw_max
    for mc in range(-21000, 121000, 371):
        while raw > curve.raw_min and not (raw < curve.raw_max and curve.mc(raw) >= mc):
            raw -= 1
        assert curve.raw_at(mc) == raw
