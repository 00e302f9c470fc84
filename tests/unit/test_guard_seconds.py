"""The guard's second, part by part: what it measures, what it forgets, whose fault wins."""

from array import array
from types import SimpleNamespace

import pytest

from tests.unit.conftest import CURVE
from tests.unit.test_guard import board, made, seconds
from wrap.safety import faults
from wrap.safety.derate import FULL_Q, allowed
from wrap.safety.guard import WARNING_TEXTS, WARNINGS, Guard
from wrap.safety.thermistor import FULL as RAIL


def raws(*mcs):
    return array("i", [CURVE.raw_at(mc) for mc in mcs])


def test_a_board_that_states_nothing_has_the_pad_of_the_papers():
    guard = Guard(board("skin", "board"))
    model = guard.model
    assert (model._joule, model._to_skin, model._to_air) == (450, 1200, 700)
    assert guard.watch._joule == 450
    assert guard._mw == (8748, 8748)  # 900 mA at 12 V, 81 % of it heat


def test_what_a_board_states_of_its_pad_is_used():
    facts = board("skin", "board", "skin")
    facts.PAD_J_PER_K, facts.PAD_SKIN_MW_PER_K, facts.PAD_AIR_MW_PER_K = 300, 1000, 500
    facts.SUPPLY_MV, facts.LAMP_HEAT_PM = 24000, 500
    facts.CHANNELS = (("red", 660, 2, 100, 1), ("nir", 850, 4, 301, 1), ("x", 900, 6, 7, 1))
    guard = Guard(facts)
    model = guard.model
    assert (model._joule, model._to_skin, model._to_air) == (300, 1000, 500)
    assert guard.watch._joule == 300
    assert guard._mw == (1200, 3612, 84)
    assert guard._on_ms == [0, 0, 0]
    assert guard._skin == (True, False, True)
    assert guard.watch._skin == (True, False, True)
    assert guard.monitor._skin == (True, False, True)


@pytest.mark.parametrize("roles", [("skin",), ("board",), ("skin", "skin"), ("board", "board")])
def test_the_balance_needs_both_roles(roles):
    guard = made(*roles)
    assert guard.model is None
    assert guard.warnings() == []
    assert seconds(guard, 3, [33000] * len(roles)) == [0, 0, 0]
    guard._tell()
    assert guard.news == ""


def test_a_second_is_judged_when_it_says_and_not_before():
    guard = made("skin", "board")
    calls = []
    guard._second = lambda meters: calls.append((guard._ms, meters))
    for n in range(99):
        assert guard.second_in_ms() == 1000 - 10 * n
        guard.check(raws(33000, 33000), 10, guard.meters)
    assert calls == []
    guard.check(raws(33000, 33000), 10, guard.meters)
    assert calls == [(1000, guard.meters)]


def test_the_next_second_begins_at_nothing():
    guard = made("skin", "board")
    guard.check(raws(33000, 33000), 1700, guard.meters)
    assert guard._ms == 0
    guard.check(raws(33000, 33000), 990, guard.meters)
    assert (guard._ms, guard._trends[0].n) == (990, 1)


def test_a_limit_passed_now_comes_before_what_the_last_second_found():
    guard = made("skin", "board")
    guard._code = faults.PAIR
    assert guard.check(raws(33000, 33000), 10, guard.meters) == faults.PAIR
    assert guard.check(raws(46000, 33000), 10, guard.meters) == faults.GROSS


def lit(guard, on_ms=500, n=1, ms=1000, mcs=(33000, 33000)):
    for _ in range(n):
        for meter in guard.meters:
            meter.on_ms += on_ms
        code = guard.check(raws(*mcs), ms, guard.meters)
    return code


def test_seconds_of_light_are_counted_until_it_is_dark():
    guard = made("skin", "board")
    lit(guard, n=3)
    assert guard._lit_s == 3
    lit(guard, on_ms=0)
    assert guard._lit_s == 0
    lit(guard, on_ms=1)
    assert guard._lit_s == 1


@pytest.mark.parametrize("last_ms,kept", [(1000, 4), (1999, 4), (2000, 0), (5000, 0)])
def test_a_second_of_two_or_more_begins_again(last_ms, kept):
    guard = made("skin", "board")
    lit(guard, n=3)
    lit(guard, ms=last_ms)
    assert (guard._lit_s, guard._trends[0].n, guard._trends[1].n) == (kept, kept, kept)


@pytest.mark.parametrize("raw", [0, RAIL])
@pytest.mark.parametrize("sensor", [0, 1])
def test_a_rail_begins_again(raw, sensor):
    guard = made("skin", "board")
    lit(guard, n=3)
    readings = raws(33000, 33000)
    readings[sensor] = raw
    guard.check(readings, 10, guard.meters)
    guard.check(readings, 990, guard.meters)
    assert (guard._lit_s, guard._trends[0].n, guard._code) == (0, 0, faults.NONE)


@pytest.mark.parametrize("raw,code", [(RAIL, faults.SENSOR_OPEN), (0, faults.SENSOR_SHORT)])
def test_the_step_in_which_a_limit_is_passed_does_no_work_of_the_second(raw, code):  # H-02
    """Light goes out in that step; a limit that stays passed delays no second."""
    guard = made("skin", "board")
    done = []
    guard._second = lambda meters: (done.append(guard._ms), setattr(guard, "_ms", 0))
    cool, wrong = raws(33000, 33000), raws(33000, 33000)
    wrong[0] = raw
    assert [guard.check(cool, 495, guard.meters) for _ in range(2)] == [faults.NONE] * 2
    assert (guard.check(wrong, 10, guard.meters), done) == (code, [])
    assert (guard.check(wrong, 10, guard.meters), done) == (code, [1010])
    assert [guard.check(wrong, 500, guard.meters) for _ in range(2)] == [code] * 2
    assert done == [1010, 1000]
    assert (guard.check(cool, 1000, guard.meters), done) == (faults.NONE, [1010, 1000, 1000])
    assert (guard.check(wrong, 1000, guard.meters), len(done)) == (code, 3)


def test_to_begin_again_forgets_trends_fault_and_light_and_derates_from_now():
    guard = made("skin", "board")
    lit(guard, n=20)
    guard._code = faults.PAIR
    guard.watch._apart_s = guard.model._hot_s = 5
    guard.monitor.hottest_mc = 39750
    guard._forget()
    assert [t.n for t in guard._trends] == [0, 0]
    assert (guard.watch._apart_s, guard.model._hot_s, guard.model._board.n) == (0, 0, 0)
    assert (guard._lit_s, guard._code) == (0, faults.NONE)
    assert guard.derate.fresh is True
    assert guard.derate._fine >> 4 == 39550  # as far as the mean may lag behind


def test_the_derating_follows_the_hottest_skin_mean_of_each_second():
    guard = made("skin", "board", "skin")
    guard.check(raws(38000, 50000, 39750), 1000, guard.meters)
    hottest = CURVE.mc(CURVE.raw_at(39750))
    assert guard.derate.q == allowed(hottest, 41000)
    assert guard._take([38000, 50000, 39750]) == 39750
    assert guard._take([39750, 50000, 38000]) == 39750
    assert guard._take([-3000, 50000, 4000]) == 5000
    assert guard.derate.fresh is False


def test_the_derating_uses_the_trip_in_force():
    guard = made("skin", "board")
    guard.monitor.set_skin_trip(39000)
    guard.check(raws(38000, 33000), 1000, guard.meters)
    assert guard.derate.q == allowed(CURVE.mc(CURVE.raw_at(38000)), 39000) < FULL_Q


def test_light_begins_with_what_the_skin_allows_at_this_moment():
    guard = made("skin", "board")
    guard.derate.q = 0
    guard.derate._fine = 40900 << 4
    guard.derate.fresh = False
    guard.check(raws(39750, 33000), 10, guard.meters)
    q = guard.derate_now()
    assert q == guard.derate.q == allowed(CURVE.mc(CURVE.raw_at(39750)), 41000)


def jumping(guard, to, ms, on_s=6):
    """The code of a second of `ms` in which the sensors went from 33 C to `to`."""
    base = CURVE.mc(CURVE.raw_at(33000))
    lit(guard, n=on_s)
    guard._last = [base] * len(to)
    means = [base + d for d in to]
    guard.monitor.means = lambda: means
    for meter in guard.meters:
        meter.on_ms += 500
    return guard.check(raws(*[33000] * len(to)), ms, guard.meters)


@pytest.mark.parametrize(
    "to,ms,code,sensor",
    [
        ((2000, 0), 1000, faults.NONE, 0),  # 2 K in a second
        ((2001, 0), 1000, faults.RATE, 0),
        ((-2001, 0), 1000, faults.RATE, 0),
        ((-2000, 0), 1000, faults.NONE, 0),
        ((0, 2001), 1000, faults.RATE, 1),
        ((3000, 0), 1500, faults.NONE, 0),  # a longer second allows more
        ((3001, 0), 1500, faults.RATE, 0),
        ((2500, 2500), 1000, faults.RATE, 0),
    ],
)
def test_more_than_two_kelvin_a_second_while_lit_is_the_fault_rate(to, ms, code, sensor):
    guard = made("skin", "board")
    assert jumping(guard, to, ms) == code
    assert guard.monitor.sensor == sensor
    if code:
        assert guard.watch.sensor == sensor


@pytest.mark.parametrize("on_s,code,n", [(5, faults.NONE, 1), (6, faults.RATE, 7)])
def test_a_pad_may_be_put_on_in_the_first_five_seconds_of_light(on_s, code, n):
    guard = made("skin", "board")
    assert jumping(guard, (2500, 0), 1000, on_s) == code
    assert guard._trends[0].n == n
    assert guard._last == [CURVE.mc(CURVE.raw_at(33000)) + 2500, CURVE.mc(CURVE.raw_at(33000))]
    assert guard._lit_s == n


def test_the_first_second_of_all_cannot_jump():
    guard = made("skin", "board")
    assert guard._jump([90000, 90000], 1000) == -1


def test_a_jump_begins_the_trends_at_the_new_temperature():
    guard = made("skin", "board")
    jumping(guard, (9000, 0), 1000, on_s=2)
    assert guard._trends[0].now == guard._last[0]


def test_each_role_is_judged_by_the_mean_of_its_sensors():
    guard = made("skin", "board", "skin", "board")
    guard._take([30000, 40000, 31001, 42003])
    assert guard._last == [30000, 40000, 31001, 42003]
    assert (guard._skin_mc, guard._board_mc) == (30500, 41001)
    for role, means in (("skin", (30500, 0)), ("board", (0, 30500))):
        guard = made(role)
        guard._take([30500])
        assert (guard._skin_mc, guard._board_mc) == means


def test_the_judges_get_both_roles_the_heat_and_the_seconds_of_light():
    guard = made("skin", "board")
    calls = []
    guard.watch.second = lambda *args: calls.append(args) or faults.STUCK
    guard.model.second = lambda *args: calls.append(args) or faults.NONE
    guard._take([33000, 35000])
    guard._lit_s = 9
    assert guard._judge(777) == faults.STUCK
    assert calls == [(33000, 35000, 777, 9)] * 2
    guard.model.second = lambda *args: faults.LAMP_STUCK
    assert guard._judge(777) == faults.LAMP_STUCK


def test_a_fault_of_the_second_names_the_sensor_that_was_judged():
    guard = made("skin", "board")
    guard.watch.sensor = 1
    lit(guard)
    assert guard.monitor.sensor == 0
    guard._judge = lambda heat_mw: faults.PAIR
    assert lit(guard) == faults.PAIR
    assert guard.monitor.sensor == 1


def test_heat_is_what_was_written_since_the_last_second():
    guard = made("skin", "board")
    meters = [SimpleNamespace(on_ms=250), SimpleNamespace(on_ms=500)]
    assert guard._heat_mw(meters, 1000) == 8748 // 4 + 8748 // 2
    assert guard._heat_mw(meters, 1000) == 0
    meters[0].on_ms += 250
    assert guard._heat_mw(meters, 500) == 8748 // 2
    assert guard._on_ms == [500, 500]
    facts = board("skin", "board")
    facts.CHANNELS = (*facts.CHANNELS, ("x", 900, 6, 1, 1))
    guard = Guard(facts)
    meters = [SimpleNamespace(on_ms=ms) for ms in (0, 0, 900)]
    assert (guard._heat_mw(meters, 1000), guard._on_ms) == (9 * 900 // 1000, [0, 0, 900])


def warned(guard, covered, weak):
    guard.model.covered, guard.model.weak = covered, weak
    guard._tell()
    return guard.news


def test_each_warning_is_told_once_a_session_one_at_a_time():
    guard = made("skin", "board")
    assert warned(guard, False, False) == ""
    assert warned(guard, True, True) == "covered"
    assert warned(guard, True, True) == "covered"  # nobody has asked yet
    assert guard.tell(7) == {"warning": "covered", "text": WARNING_TEXTS[0], "session": 7}
    assert guard.news == ""
    assert warned(guard, True, True) == "no-heat"
    assert guard.tell(8) == {"warning": "no-heat", "text": WARNING_TEXTS[1], "session": 8}
    assert warned(guard, True, True) == ""
    guard.start_session()
    assert guard.news == ""
    assert warned(guard, False, True) == "no-heat"


def test_a_new_session_forgets_news_that_nobody_heard():
    guard = made("skin", "board")
    warned(guard, True, False)
    guard.monitor.check(raws(33000, 33000))
    guard.monitor.max_mc = [90000, 90000]
    guard.start_session()
    assert (guard.news, guard.model.covered) == ("", False)
    assert guard.monitor.max_mc == guard.monitor.temps_mc


@pytest.mark.parametrize("covered", [False, True])
@pytest.mark.parametrize("weak", [False, True])
def test_the_warnings_in_force_have_names(covered, weak):
    guard = made("skin", "board")
    guard.model.covered, guard.model.weak = covered, weak
    names = [n for n, on in zip(WARNINGS, (covered, weak), strict=True) if on]
    assert guard.warnings() == names


def test_a_new_guard_knows_nothing():
    guard = made("skin", "board")
    assert (guard.news, guard._told, guard._lit_s, guard._ms) == ("", [False, False], 0, 0)
    assert (guard._last, guard._code, guard.warnings()) == ([0, 0], faults.NONE, [])
