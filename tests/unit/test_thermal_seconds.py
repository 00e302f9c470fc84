"""The guard's second, part by part: what it measures, what it forgets, whose fault wins."""

from array import array
from types import SimpleNamespace

import pytest

from tests.unit.conftest import CURVE
from tests.unit.test_thermal import NOTHING, board, made, seconds
from tests.verdicts import code_of, shown
from wrap.rules import faults, limits
from wrap.safety.derate import FULL_Q, allowed
from wrap.safety.thermal import WARNING_TEXTS, WARNINGS, ThermalChecks
from wrap.safety.thermistor import FULL as RAIL
from wrap.safety.violation import Violation


def raws(*mcs):
    return array("i", [CURVE.raw_at(mc) for mc in mcs])


def test_a_board_that_states_nothing_has_the_pad_of_the_papers():
    thermal = ThermalChecks(board("skin", "board"))
    model = thermal.heat_balance
    assert (model._joule, model._to_skin, model._to_air) == (450, 1200, 700)
    assert thermal.sensor_check._joule == 450
    assert thermal._mw == (8748, 8748)  # 900 mA at 12 V, 81 % of it heat


def test_what_a_board_states_of_its_pad_is_used():
    facts = board("skin", "board", "skin")
    facts.PAD_J_PER_K, facts.PAD_SKIN_MW_PER_K, facts.PAD_AIR_MW_PER_K = 300, 1000, 500
    facts.SUPPLY_MV, facts.LAMP_HEAT_PM = 24000, 500
    facts.CHANNELS = (("red", 660, 2, 100, 1), ("nir", 850, 4, 301, 1), ("x", 900, 6, 7, 1))
    thermal = ThermalChecks(facts)
    model = thermal.heat_balance
    assert (model._joule, model._to_skin, model._to_air) == (300, 1000, 500)
    assert thermal.sensor_check._joule == 300
    assert thermal._mw == (1200, 3612, 84)
    assert thermal._on_ms == [0, 0, 0]
    assert thermal._skin == (True, False, True)
    assert thermal.sensor_check._skin == (True, False, True)
    assert thermal.temp_limits._skin == (True, False, True)


@pytest.mark.parametrize("roles", [("skin",), ("board",), ("skin", "skin"), ("board", "board")])
def test_the_balance_needs_both_roles(roles):
    thermal = made(*roles)
    assert thermal.heat_balance is None
    assert thermal.warnings() == []
    assert seconds(thermal, 3, [33000] * len(roles)) == [NOTHING] * 3
    thermal._note_warnings()
    assert thermal.news == ""


def test_a_second_is_judged_when_it_says_and_not_before():
    thermal = made("skin", "board")
    calls = []
    thermal._second = lambda meters: calls.append((thermal._ms, meters))
    for n in range(99):
        assert thermal.second_in_ms() == 1000 - 10 * n
        thermal.check(raws(33000, 33000), 10, thermal.meters)
    assert calls == []
    thermal.check(raws(33000, 33000), 10, thermal.meters)
    assert calls == [(1000, thermal.meters)]


def test_the_next_second_begins_at_nothing():
    thermal = made("skin", "board")
    thermal.check(raws(33000, 33000), 1700, thermal.meters)
    assert thermal._ms == 0
    thermal.check(raws(33000, 33000), 990, thermal.meters)
    assert (thermal._ms, thermal._trends[0].n) == (990, 1)


def test_a_limit_passed_now_comes_before_what_the_last_second_found():
    thermal = made("skin", "board")
    thermal._behaviour = Violation().set(faults.PAIR, 1)
    found = thermal.check(raws(33000, 33000), 10, thermal.meters)
    assert shown(found) == (faults.PAIR, 1, None)
    found = thermal.check(raws(46000, 33000), 10, thermal.meters)
    assert shown(found) == (faults.GROSS, 0, limits.SKIN_TRIP_MC)


def lit(thermal, on_ms=500, n=1, ms=1000, mcs=(33000, 33000)):
    for _ in range(n):
        for meter in thermal.meters:
            meter.on_ms += on_ms
        found = thermal.check(raws(*mcs), ms, thermal.meters)
    return found


def test_seconds_of_light_are_counted_until_it_is_dark():
    thermal = made("skin", "board")
    lit(thermal, n=3)
    assert thermal._lit_s == 3
    lit(thermal, on_ms=0)
    assert thermal._lit_s == 0
    lit(thermal, on_ms=1)
    assert thermal._lit_s == 1


@pytest.mark.parametrize("last_ms,kept", [(1000, 4), (1999, 4), (2000, 0), (5000, 0)])
def test_a_second_of_two_or_more_begins_again(last_ms, kept):
    thermal = made("skin", "board")
    lit(thermal, n=3)
    lit(thermal, ms=last_ms)
    assert (thermal._lit_s, thermal._trends[0].n, thermal._trends[1].n) == (kept, kept, kept)


@pytest.mark.parametrize("raw", [0, RAIL])
@pytest.mark.parametrize("sensor", [0, 1])
def test_a_rail_begins_again(raw, sensor):
    thermal = made("skin", "board")
    lit(thermal, n=3)
    readings = raws(33000, 33000)
    readings[sensor] = raw
    thermal.check(readings, 10, thermal.meters)
    thermal.check(readings, 990, thermal.meters)
    assert (thermal._lit_s, thermal._trends[0].n, thermal._behaviour) == (0, 0, None)


@pytest.mark.parametrize("raw,code", [(RAIL, faults.SENSOR_OPEN), (0, faults.SENSOR_SHORT)])
def test_the_step_in_which_a_limit_is_passed_does_no_work_of_the_second(raw, code):  # H-02
    """Light goes out in that step; a limit that stays passed delays no second."""
    thermal = made("skin", "board")
    done = []
    thermal._second = lambda meters: (done.append(thermal._ms), setattr(thermal, "_ms", 0))
    cool, wrong = raws(33000, 33000), raws(33000, 33000)
    wrong[0] = raw

    def check(readings, ms):
        return code_of(thermal.check(readings, ms, thermal.meters))

    assert [check(cool, 495) for _ in range(2)] == [faults.NONE] * 2
    assert (check(wrong, 10), done) == (code, [])
    assert (check(wrong, 10), done) == (code, [1010])
    assert [check(wrong, 500) for _ in range(2)] == [code] * 2
    assert done == [1010, 1000]
    assert (check(cool, 1000), done) == (faults.NONE, [1010, 1000, 1000])
    assert (check(wrong, 1000), len(done)) == (code, 3)


def test_to_begin_again_forgets_trends_fault_and_light_and_derates_from_now():
    thermal = made("skin", "board")
    lit(thermal, n=20)
    thermal._behaviour = Violation().set(faults.PAIR, 1)
    thermal.sensor_check._apart_s = thermal.heat_balance._hot_s = 5
    thermal.temp_limits.hottest_mc = 39750
    thermal._forget()
    assert [t.n for t in thermal._trends] == [0, 0]
    assert (
        thermal.sensor_check._apart_s,
        thermal.heat_balance._hot_s,
        thermal.heat_balance._board.n,
    ) == (0, 0, 0)
    assert (thermal._lit_s, thermal._behaviour) == (0, None)
    assert thermal.derate.fresh is True
    assert thermal.derate._fine >> 4 == 39550  # as far as the mean may lag behind


def test_the_derating_follows_the_hottest_skin_mean_of_each_second():
    thermal = made("skin", "board", "skin")
    thermal.check(raws(38000, 50000, 39750), 1000, thermal.meters)
    hottest = CURVE.mc(CURVE.raw_at(39750))
    assert thermal.derate.q == allowed(hottest, 41000)
    assert thermal._take([38000, 50000, 39750]) == 39750
    assert thermal._take([39750, 50000, 38000]) == 39750
    assert thermal._take([-3000, 50000, 4000]) == 5000
    assert thermal.derate.fresh is False


def test_the_derating_uses_the_trip_in_force():
    thermal = made("skin", "board")
    thermal.temp_limits.set_skin_trip(39000)
    thermal.check(raws(38000, 33000), 1000, thermal.meters)
    assert thermal.derate.q == allowed(CURVE.mc(CURVE.raw_at(38000)), 39000) < FULL_Q


def test_light_begins_with_what_the_skin_allows_at_this_moment():
    thermal = made("skin", "board")
    thermal.derate.q = 0
    thermal.derate._fine = 40900 << 4
    thermal.derate.fresh = False
    thermal.check(raws(39750, 33000), 10, thermal.meters)
    q = thermal.derate_now()
    assert q == thermal.derate.q == allowed(CURVE.mc(CURVE.raw_at(39750)), 41000)


def jumping(thermal, to, ms, on_s=6):
    """The verdict of a second of `ms` in which the sensors went from 33 C to `to`."""
    base = CURVE.mc(CURVE.raw_at(33000))
    lit(thermal, n=on_s)
    thermal._last = [base] * len(to)
    means = [base + d for d in to]
    thermal.temp_limits.means = lambda: means
    for meter in thermal.meters:
        meter.on_ms += 500
    return shown(thermal.check(raws(*[33000] * len(to)), ms, thermal.meters))


@pytest.mark.parametrize(
    "to,ms,code,sensor",
    [
        ((2000, 0), 1000, faults.NONE, None),  # 2 K in a second
        ((2001, 0), 1000, faults.RATE, 0),
        ((-2001, 0), 1000, faults.RATE, 0),
        ((-2000, 0), 1000, faults.NONE, None),
        ((0, 2001), 1000, faults.RATE, 1),
        ((3000, 0), 1500, faults.NONE, None),  # a longer second allows more
        ((3001, 0), 1500, faults.RATE, 0),
        ((2500, 2500), 1000, faults.RATE, 0),
    ],
)
def test_more_than_two_kelvin_a_second_while_lit_is_the_fault_rate(to, ms, code, sensor):
    thermal = made("skin", "board")
    assert jumping(thermal, to, ms) == (code, sensor, None)


@pytest.mark.parametrize("on_s,code,n", [(5, faults.NONE, 1), (6, faults.RATE, 7)])
def test_a_pad_may_be_put_on_in_the_first_five_seconds_of_light(on_s, code, n):
    thermal = made("skin", "board")
    assert jumping(thermal, (2500, 0), 1000, on_s)[0] == code
    assert thermal._trends[0].n == n
    assert thermal._last == [CURVE.mc(CURVE.raw_at(33000)) + 2500, CURVE.mc(CURVE.raw_at(33000))]
    assert thermal._lit_s == n


def test_the_first_second_of_all_cannot_jump():
    thermal = made("skin", "board")
    assert thermal._jump([90000, 90000], 1000) == -1


def test_a_jump_begins_the_trends_at_the_new_temperature():
    thermal = made("skin", "board")
    jumping(thermal, (9000, 0), 1000, on_s=2)
    assert thermal._trends[0].now == thermal._last[0]


def test_each_role_is_judged_by_the_mean_of_its_sensors():
    thermal = made("skin", "board", "skin", "board")
    thermal._take([30000, 40000, 31001, 42003])
    assert thermal._last == [30000, 40000, 31001, 42003]
    assert (thermal._skin_mc, thermal._board_mc) == (30500, 41001)
    for role, means in (("skin", (30500, 0)), ("board", (0, 30500))):
        thermal = made(role)
        thermal._take([30500])
        assert (thermal._skin_mc, thermal._board_mc) == means


def test_the_judges_get_both_roles_the_heat_and_the_seconds_of_light():
    thermal = made("skin", "board")
    calls = []
    stuck = Violation().set(faults.STUCK, 1)
    thermal.sensor_check.second = lambda *args: calls.append(args) or stuck
    thermal.heat_balance.second = lambda *args: calls.append(args) or faults.NONE
    thermal._take([33000, 35000])
    thermal._lit_s = 9
    assert thermal._judge(777) is stuck
    assert calls == [(33000, 35000, 777, 9)] * 2
    thermal.heat_balance.second = lambda *args: faults.LAMP_STUCK
    assert shown(thermal._judge(777)) == (faults.LAMP_STUCK, None, None)


def test_a_fault_of_the_second_names_the_sensor_that_was_judged():
    thermal = made("skin", "board")
    assert lit(thermal) is None
    pair = Violation().set(faults.PAIR, 1)
    thermal.sensor_check.second = lambda *args: pair
    assert shown(lit(thermal)) == (faults.PAIR, 1, None)
    assert thermal.check(raws(33000, 33000), 10, thermal.meters) is pair  # until the next second


def test_heat_is_what_was_written_since_the_last_second():
    thermal = made("skin", "board")
    meters = [SimpleNamespace(on_ms=250), SimpleNamespace(on_ms=500)]
    assert thermal._heat_mw(meters, 1000) == 8748 // 4 + 8748 // 2
    assert thermal._heat_mw(meters, 1000) == 0
    meters[0].on_ms += 250
    assert thermal._heat_mw(meters, 500) == 8748 // 2
    assert thermal._on_ms == [500, 500]
    facts = board("skin", "board")
    facts.CHANNELS = (*facts.CHANNELS, ("x", 900, 6, 1, 1))
    thermal = ThermalChecks(facts)
    meters = [SimpleNamespace(on_ms=ms) for ms in (0, 0, 900)]
    assert (thermal._heat_mw(meters, 1000), thermal._on_ms) == (9 * 900 // 1000, [0, 0, 900])


def warned(thermal, covered, weak):
    thermal.heat_balance.covered, thermal.heat_balance.weak = covered, weak
    thermal._note_warnings()
    return thermal.news


def test_each_warning_is_told_once_a_session_one_at_a_time():
    thermal = made("skin", "board")
    assert warned(thermal, False, False) == ""
    assert warned(thermal, True, True) == "covered"
    assert warned(thermal, True, True) == "covered"  # nobody has asked yet
    assert thermal.pop_warning(7) == {"warning": "covered", "text": WARNING_TEXTS[0], "session": 7}
    assert thermal.news == ""
    assert warned(thermal, True, True) == "no-heat"
    assert thermal.pop_warning(8) == {"warning": "no-heat", "text": WARNING_TEXTS[1], "session": 8}
    assert warned(thermal, True, True) == ""
    thermal.start_session()
    assert thermal.news == ""
    assert warned(thermal, False, True) == "no-heat"


def test_a_new_session_forgets_news_that_nobody_heard():
    thermal = made("skin", "board")
    warned(thermal, True, False)
    thermal.temp_limits.check(raws(33000, 33000))
    thermal.temp_limits.max_mc = [90000, 90000]
    thermal.start_session()
    assert (thermal.news, thermal.heat_balance.covered) == ("", False)
    assert thermal.temp_limits.max_mc == thermal.temp_limits.temps_mc


@pytest.mark.parametrize("covered", [False, True])
@pytest.mark.parametrize("weak", [False, True])
def test_the_warnings_in_force_have_names(covered, weak):
    thermal = made("skin", "board")
    thermal.heat_balance.covered, thermal.heat_balance.weak = covered, weak
    names = [n for n, on in zip(WARNINGS, (covered, weak), strict=True) if on]
    assert thermal.warnings() == names


def test_a_new_guard_knows_nothing():
    thermal = made("skin", "board")
    assert (thermal.news, thermal._warned, thermal._lit_s, thermal._ms) == (
        "",
        [False, False],
        0,
        0,
    )
    assert (thermal._last, thermal._behaviour, thermal.warnings()) == ([0, 0], None, [])
