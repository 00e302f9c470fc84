"""Exact edges of the small safety parts: table, line, filter, latch, counts, and how they begin."""

import math

import pytest

from tests.unit.conftest import CURVE
from tests.unit.small import Small
from tests.verdicts import code_of, shown
from wrap.rules import faults, limits
from wrap.safety.derate import FULL_Q, Derate, allowed
from wrap.safety.fault_latch import FaultLatch
from wrap.safety.restart_count import RestartCount
from wrap.safety.temp_limits import TempLimits
from wrap.safety.thermistor import OPEN, SHORT, Thermistor
from wrap.storage.atomic_store import Store

COOL = CURVE.raw_at(33000)
PARTS = [(10000, 3950, 5600), (10000, 3435, 10000), (100000, 4250, 47000)]


def exact_c(raw, r25, beta, pullup):
    ohm = pullup * raw / (65520 - raw)
    return 1 / (1 / 298.15 + math.log(ohm / r25) / beta) - 273.15


@pytest.mark.parametrize("part", PARTS)
def test_every_knot_is_the_equation_rounded_to_a_milli_degree(part):
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


def test_a_divider_that_never_reads_120_c_still_tells_a_short():
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


@pytest.mark.parametrize("trip_mc", [41000, 39000])
def test_the_line_of_the_derating_is_exact(trip_mc):
    for below in range(-100, 2600, 37):
        share = min(max(below - 500, 0), 1500)
        assert allowed(Small(trip_mc - below), trip_mc) == FULL_Q * share // 1500
    assert allowed(trip_mc - 501, trip_mc) == 2


def test_the_derating_takes_a_sixteenth_of_the_way_and_lags_by_200_mc_at_most():
    derate = Derate()
    assert (derate.q, derate.fresh, derate._fine) == (FULL_Q, True, 0)
    derate.take(40000, 41000)
    assert (derate._fine, derate.fresh) == (40000 << 4, False)
    derate.take(39000, 41000)
    assert derate._fine == (40000 << 4) - 1000
    derate.take(40100, 41000)  # 137.5 mC behind
    assert derate._fine == 639000 + (641600 - 639000) // 16
    derate.take(40500, 41000)
    assert derate._fine == 40300 << 4


def test_light_comes_back_by_one_percent_a_second_and_goes_at_once():
    derate = Derate()
    derate.take(40500, 41000)
    derate._fine = 38000 << 4
    for n in range(1, 5):
        derate.take(38000, 41000)
        assert derate.q == 41 * n
    derate.q = FULL_Q - 41
    derate.take(38000, 41000)
    assert derate.q == FULL_Q
    derate.q = FULL_Q - 42
    derate.take(38000, 41000)
    assert derate.q == FULL_Q - 1
    derate.take(42000, 41000)
    assert derate.q == 0
    derate.fresh = True
    derate.take(38000, 41000)
    assert derate.q == FULL_Q


def temp_limits(*roles):
    return TempLimits(list(roles or ("skin", "board")), CURVE)


def test_a_new_monitor_has_seen_nothing():
    new = temp_limits()
    assert (new.temps_mc, new.max_mc, new._sums) == ([0, 0], [-273150] * 2, [0, 0])
    assert (new.hottest_mc, new.warn, new.cold) == (0, False, False)
    assert (new.trip_mc, new._count) == (41000, 0)
    assert (new._last, new._settled, new._over, new._cold) == (
        [-1] * 2,
        [False] * 2,
        [0, 0],
        [0, 0],
    )


def test_a_first_reading_is_judged_whatever_it_is():
    assert code_of(temp_limits().check([0, 0])) == faults.SENSOR_SHORT


def test_the_warning_begins_two_kelvin_below_the_trip_in_force():
    for trip in (41000, 38000):
        one = temp_limits()
        one.set_skin_trip(trip)
        edge = CURVE.raw_at(trip - 2000)
        while CURVE.mc(edge) > trip - 2000:
            edge += 1
        one.check([edge, COOL])
        assert one.warn is False
        one.check([CURVE.raw_at(trip - 2000 + 20), COOL])
        assert one.warn is True


def test_the_hottest_is_of_the_skin_sensors_and_colder_than_anything_without_one():  # H-41
    one = temp_limits("skin", "board", "skin")
    one.check([COOL, CURVE.raw_at(50000), CURVE.raw_at(35000)])
    assert one.hottest_mc == one.temps_mc[2]
    one = temp_limits("board")
    one.check([COOL])
    assert (one.hottest_mc, one.warn) == (-273150, False)


def test_cold_on_any_sensor_is_cold_and_ends_when_it_warms():
    cold = CURVE.raw_at(5000) + 1
    one = temp_limits("skin", "board", "skin")
    for sensor in range(3):
        raws = [COOL] * 3
        raws[sensor] = cold
        seen = [one.check(raws) or one.cold for _ in range(3)]
        assert seen == [False, False, True]
        for _ in range(4):
            one.check([COOL] * 3)
        assert one.cold is False


def test_a_reading_is_judged_again_until_all_that_is_remembered_is_the_same():
    one = temp_limits()
    one.check([CURVE.raw_at(42000), COOL])
    settled = []
    for _ in range(5):
        one.check([COOL, COOL])
        settled.append(one._settled[0])
    assert settled == [False, False, False, True, True]
    cold = CURVE.raw_at(4000)
    settled = []
    for _ in range(5):
        one.check([cold, COOL])
        settled.append(one._settled[0])
    assert settled == [False, False, False, True, True]


def test_a_settled_sensor_is_judged_again_only_outside_the_calm():
    one = temp_limits()
    judged = []
    plain = one._judge
    one._judge = lambda i, raw, found: judged.append((i, raw)) or plain(i, raw, found)
    for _ in range(5):
        one.check([COOL, CURVE.raw_at(46000)])
    one.check([COOL + 1, CURVE.raw_at(46000)])
    assert one.temps_mc[0] == CURVE.mc(COOL + 1)
    assert [raw for _, raw in judged] == [COOL, CURVE.raw_at(46000)]
    outside = CURVE.raw_at(41000)
    one.check([outside, CURVE.raw_at(46000)])
    assert judged[2:] == [(0, outside)]


@pytest.mark.parametrize("bad", [0, 65520, CURVE.raw_at(46000)])
def test_a_reading_that_is_a_fault_is_never_settled(bad):
    one = temp_limits()
    for _ in range(8):
        assert one.check([bad, COOL])
        assert one._settled[0] is False


def test_a_rail_does_not_count_as_a_maximum():
    one = temp_limits()
    one.check([0, 65520])
    assert one.max_mc == [-273150, -273150]
    one.check([COOL, COOL])
    assert one.max_mc == [CURVE.mc(COOL)] * 2


def test_the_limit_of_a_fault_is_that_of_its_role_and_trip():
    one = temp_limits()
    one.set_skin_trip(38000)
    assert shown(one.check([0, COOL])) == (faults.SENSOR_SHORT, 0, 38000)
    assert shown(one.check([COOL, 0])) == (faults.SENSOR_SHORT, 1, limits.BOARD_TRIP_MC)


def test_a_trip_in_force_sets_both_limits_of_the_skin_and_leaves_the_board_alone():
    one = temp_limits()
    board = one._trip_raw[1], one._gross_raw[1]
    assert board == (CURVE.raw_at(60000), CURVE.raw_at(64000))
    one._settled = [True, True]
    one.set_skin_trip(37000)
    assert (one._trip_raw[0], one._gross_raw[0]) == (CURVE.raw_at(37000), CURVE.raw_at(41000))
    assert (one._trip_raw[1], one._gross_raw[1]) == board
    assert one._settled == [False, False]


def test_means_begin_anew_after_each_call():
    one = temp_limits()
    for raws in ([COOL, COOL], [COOL + 3, COOL]):
        one.check(raws)
    assert one.means() == [CURVE.mc(COOL + 1), CURVE.mc(COOL)]
    assert (one._sums, one._count) == ([0, 0], 0)


def damaged(files):
    store = Store(files, "fault")
    store.put({"code": 3})
    name = next(n for n in files.names() if n.startswith("fault"))
    files.write(name, b"?" + files.read(name)[1:])
    return Store(files, "fault")


def test_a_damaged_latch_says_so_in_full(files):
    latch = FaultLatch(damaged(files))
    assert latch.info == {"code": faults.STORAGE, "detail": "the fault memory is damaged"}
    assert (latch.later, latch.unsaved) == (0, True)


def test_every_fault_after_the_first_is_counted(files):
    latch = FaultLatch(Store(files, "fault"))
    assert latch.trip(faults.COLD, {"a": 1}) is True
    assert [latch.trip(faults.GROSS, {}) for _ in range(3)] == [False] * 3
    assert (latch.later, latch.unsaved, latch.code) == (3, True, faults.COLD)
    latch.save()
    assert latch.unsaved is False


def test_a_new_latch_holds_nothing(files):
    latch = FaultLatch(Store(files, "fault"))
    assert (latch.code, latch.info, latch.later, latch.unsaved) == (faults.NONE, None, 0, False)
    latch.save()
    assert files.ops == 0


def test_resets_are_forgotten_after_ten_minutes_without_one(files):
    restart_count = RestartCount(Store(files, "resets"), "watchdog")
    assert (restart_count.count, restart_count.too_many()) == (1, False)
    assert (restart_count.calm(599), restart_count.calm(600), restart_count.calm(601)) == (
        False,
        True,
        True,
    )
    restart_count.forget()
    assert (restart_count.count, restart_count.calm(600)) == (0, False)
    assert RestartCount(Store(files, "resets"), "power").count == 0


@pytest.mark.parametrize("n,many", [(2, False), (3, True), (4, True)])
def test_three_resets_are_too_many(files, n, many):
    store = Store(files, "resets")
    store.put({"n": n})
    assert RestartCount(store, "power").too_many() is many
    assert RestartCount(Store(files, "resets"), "watchdog").count == n + 1
    assert RestartCount(Store(files, "resets"), "power").count == n + 1
