"""How sensors are judged by their changes: every limit from both sides, on made-up trends."""

import pytest

from tests.unit.small import Small
from tests.verdicts import code_of, shown
from wrap.rules import faults
from wrap.safety.sensor_check import SensorCheck

JOULE = Small(450)


class Line:
    """A trend that says what it is told: `then` {seconds ago: value}."""

    def __init__(self, now=33000, n=100, then=None):
        self.now = now
        self.n = n
        self.then = then or {}

    def ago(self, seconds):
        return self.then.get(seconds, self.now)


def made(*roles, **lines):
    trends = [lines.get(f"t{i}") or Line() for i in range(len(roles))]
    return SensorCheck(list(roles), trends, JOULE)


def stuck(still_s=60, heat_mj=1350000, other=36000, sensor=0, moved_mc=0):
    """Whether a sensor that has stood still, the last second included, is called stuck. The skin
    is sensor 0, the board sensor 1; the other one was at 33 C when it last moved."""
    watch = made("skin", "board")
    watch._stuck(sensor, 33000, 0)
    watch._still_s[sensor] = still_s - 1
    watch._heat_mj[sensor] = Small(heat_mj - 5000)
    watch._trends[sensor].now += moved_mc
    return watch._stuck(sensor, other, 5000)


@pytest.mark.parametrize(
    "change,is_stuck",
    [
        ({}, True),
        ({"still_s": 59}, False),
        ({"other": 36999}, False),  # the board changed by 4 K
        ({"other": 29000}, True),  # either way
        ({"other": 29001}, False),
        ({"heat_mj": 1799999}, False),  # heat for 4 K came
        ({"heat_mj": -1800000}, True),  # or went
        ({"heat_mj": -1799550}, False),
        ({"moved_mc": 39}, True),  # still is within 0.04 K
        ({"moved_mc": 40}, False),
        ({"moved_mc": -39}, True),
        ({"moved_mc": -40}, False),
    ],
)
def test_skin_that_stands_still_beside_a_board_that_changed_is_stuck(change, is_stuck):
    change = {"other": 37000, "heat_mj": 1800000, **change}
    assert stuck(**change) is is_stuck


@pytest.mark.parametrize(
    "change,is_stuck",
    [
        ({}, True),
        ({"still_s": 59}, False),
        ({"other": 33199}, False),  # the skin showed that heat was there
        ({"other": 32800}, True),
        ({"heat_mj": 1349999}, False),
        ({"heat_mj": -1350000}, True),
        ({"moved_mc": 99}, True),
        ({"moved_mc": 100}, False),
        ({"moved_mc": -100}, False),
    ],
)
def test_a_board_that_stands_still_while_the_skin_shows_heat_is_stuck(change, is_stuck):
    change = {"other": 33200, **change}
    assert stuck(sensor=1, **change) is is_stuck


def test_a_sensor_that_moves_is_watched_from_there_anew():
    watch = made("skin")
    watch._stuck(0, 33000, 0)
    for n in range(5):
        watch._stuck(0, 33000, 7)
        assert (watch._still_s[0], watch._heat_mj[0]) == (n + 1, 7 * (n + 1))
    watch._trends[0].now = 33040
    assert watch._stuck(0, 34000, 9) is False
    assert (watch._still_s[0], watch._heat_mj[0]) == (0, 0)
    assert (watch._ref[0], watch._ref_other[0]) == (33040, 34000)


def test_each_sensor_is_held_against_the_other_role():
    watch = made("skin", "board")
    watch.second(34000, 31000, 0, 1)
    assert watch._ref_other == [31000, 34000]


def test_heat_counts_until_the_pad_has_settled_to_it():
    watch = made("skin")
    watch.second(33000, 33000, 25600, 1)
    seen = []
    for _ in range(4):
        before = watch._heat_mj[0]
        watch.second(33000, 33000, 25600, 1)
        seen.append(watch._heat_mj[0] - before)
    assert seen == [25500, 25401, 25302, 25203]


def test_new_surroundings_begin_every_watch_again():
    watch = made("skin", "board")
    for _ in range(5):
        watch.second(43000, 33000, 9000, 5)
    watch._apart_s = 4
    watch.clear()
    assert (watch._still_s, watch._apart_s, watch._settled) == ([-1, -1], 0, 0)
    assert made("skin")._still_s == [-1]


@pytest.mark.parametrize(
    "lit_s,verdict", [(0, (faults.NONE, None, None)), (1, (faults.STUCK, 1, None))]
)
def test_a_stuck_sensor_is_a_fault_only_while_light_is_on(lit_s, verdict):
    watch = made("board", "board", "skin")
    watch.second(33000, 33000, 0, lit_s)
    watch._still_s[1] = 60
    watch._heat_mj[1] = 1350000
    assert shown(watch.second(33200, 33000, 0, lit_s)) == verdict


def slipped(then_40=33800, then_20=30000, now=30000):
    return made("skin")._slipped(Line(now, then={40: then_40, 20: then_20}))


@pytest.mark.parametrize(
    "change,has",
    [
        ({}, True),
        ({"then_40": 33001}, True),  # it lost more than 3 K in 40 s
        ({"then_40": 33000}, False),
        ({"then_20": 30799}, True),  # in the first 20 s of them
        ({"then_20": 30800}, False),
        ({"now": 30799}, True),  # and has not come back
        ({"now": 30800}, False),
    ],
)
def test_a_bead_that_lost_what_no_skin_loses_has_slipped(change, has):
    assert slipped(**change) is has


@pytest.mark.parametrize(
    "role,lit_s,code",
    [
        ("skin", 41, faults.SLIPPED),
        ("skin", 40, faults.NONE),  # the older half must be lit as well
        ("skin", 0, faults.NONE),
        ("board", 41, faults.NONE),  # a board may cool as it likes
    ],
)
def test_only_skin_that_was_lit_for_40_s_can_slip(role, lit_s, code):
    gone = Line(29900, then={40: 33000, 20: 29900})
    watch = made(role, role, t1=gone)
    found = watch.second(31500, 31500, 0, lit_s)
    assert shown(found) == (code, 1 if code else None, None)


def apart(skin_mc, board_mc, **board):
    return made("skin", "board", t1=Line(board_mc, **board))._apart(Small(skin_mc), board_mc)


@pytest.mark.parametrize(
    "skin_mc,board_mc,is_apart",
    [
        (35000, 17000, False),  # 3 K, and half of what skin is above a room of 5 C
        (35000, 16999, True),
        (25000, 12000, False),
        (25000, 11999, True),
        (35000, 60000, False),  # a board that is hotter is none of this
    ],
)
def test_skin_above_a_board_by_more_than_a_cold_room_explains_is_apart(skin_mc, board_mc, is_apart):
    assert apart(skin_mc, board_mc) is is_apart


@pytest.mark.parametrize(
    "warmed_mc,n,is_apart",
    [(599, 100, True), (600, 100, False), (0, 31, True), (0, 30, False), (-900, 100, True)],
)
def test_a_cold_board_that_warms_was_just_put_on(warmed_mc, n, is_apart):
    assert apart(35000, 10000, n=n, then={30: 10000 - warmed_mc}) is is_apart


def test_the_board_is_blamed_when_the_skin_is_far_above_it():
    watch = made("skin", "board", t1=Line(10000))
    assert watch._apart(35000, 10000)
    assert watch._far == 1


@pytest.mark.parametrize(
    "temps,apart,blamed",
    [
        ((33000, 36000), False, 0),  # 3 K
        ((33000, 36001), True, 1),
        ((36001, 33000), True, 0),
        ((33000, 34000, 36001), True, 2),
        ((33000, 36001, 36001), True, 0),  # the one away from the others
        ((34000, 36001, 33000), True, 1),
    ],
)
def test_board_sensors_are_apart_beyond_3_k(temps, apart, blamed):
    lines = {f"t{i}": Line(mc) for i, mc in enumerate(temps)}
    watch = made(*["board"] * len(temps), **lines)
    watch._far = 0
    assert watch._apart(0, 0) is apart
    assert watch._far == blamed


@pytest.mark.parametrize(
    "temps,starts,apart,blamed",
    [
        ((33000, 35000, 35000), (33500, 35000, 35000), False, 0),  # 2 K
        ((32999, 35000, 35000), (33500, 35000, 35000), True, 0),
        ((33000, 33000, 35001), (33501, 33501, 35001), True, 2),
        ((32999, 35000, 35000), (33499, 35000, 35000), False, 0),  # 0.5 K more than as it began
        ((32998, 35000, 35000), (33499, 35000, 35000), True, 0),
        ((32500, 35000, 35000), (30000, 35000, 35000), False, 0),  # never more than 2.5 K
        ((32499, 35000, 35000), (30000, 35000, 35000), True, 0),
        ((34000, 38000, 36000), (34000, 34000, 34000), False, 0),  # the hottest rose by 4 K
        ((33999, 38000, 37000), (34000, 34000, 34000), True, 0),
        ((34000, 36501, 34500), (34000, 37000, 34000), True, 1),  # a fall allows nothing more
    ],
)
def test_skin_sensors_are_apart_beyond_2_k_and_half_of_the_rise(
    temps, starts, apart, blamed
):  # H-42
    watch = made("skin", "skin", "skin", **{f"t{i}": Line(mc) for i, mc in enumerate(starts)})
    watch.second(34000, 34000, 0, 1)
    for trend, mc in zip(watch._trends, temps, strict=True):
        trend.now = mc
    watch._far = 0
    assert watch._apart(0, 0) is apart
    assert watch._far == blamed


def test_the_next_session_judges_by_its_own_beginning():
    watch = made("skin", "skin", t1=Line(35000))
    watch.second(34000, 34000, 0, 1)
    watch._trends[1].now = 35500
    assert not watch._apart(0, 0)
    watch.start_session()
    watch._trends[1].now = 34000
    watch.second(34000, 34000, 0, 1)
    watch._trends[1].now = 36001
    watch._start_mc[1] = 36001
    assert watch._apart(0, 0)


def test_rises_are_measured_from_the_sessions_first_second_of_light():
    watch = made("skin", "skin", t0=Line(30000))
    watch.second(33000, 33000, 0, 0)
    watch._trends[0].now = 31000
    watch.second(33000, 33000, 0, 1)
    watch._trends[0].now = 34000
    watch.second(33000, 33000, 0, 2)
    assert watch._start_mc == [31000, 33000]
    watch.start_session()
    watch.second(33000, 33000, 0, 1)
    assert watch._start_mc == [34000, 33000]


def test_the_first_of_two_that_are_alike_is_held_against_the_other_role():
    watch = made("board", "board", "skin", t0=Line(10000), t1=Line(10000, n=30))
    assert watch._apart(35000, 10000)
    assert watch._far == 0


@pytest.mark.parametrize("far", ["skin", "board"])
def test_either_role_may_be_apart_beside_the_other(far):
    near = "board" if far == "skin" else "skin"
    limit_mc = 33000 + (2500 if far == "skin" else 3000)
    lines = {f"t{i}": Line() for i in range(3)}
    for mc, apart in ((limit_mc + 1, True), (limit_mc, False)):
        lines["t2"].now = mc
        watch = made(far, near, far, **lines)
        watch.second(33000, 33000, 0, 1)
        assert watch._apart(33000, 33000) is apart


@pytest.mark.parametrize("roles", [("skin",), ("board",), ("skin", "skin"), ("board", "board")])
def test_a_wrap_with_one_role_is_not_held_against_the_other(roles):
    assert made(*roles)._apart(90000, 0) is False


def test_disagreement_is_a_fault_in_its_tenth_second_and_stays_one():
    watch = made("skin", "skin", t1=Line(35501))
    codes = [code_of(watch.second(33000, 33000, 0, 1)) for _ in range(12)]
    assert codes == [faults.NONE] * 9 + [faults.PAIR] * 3


@pytest.mark.parametrize("dark", [True, False])
def test_a_second_of_agreement_or_dark_begins_the_ten_again(dark):
    watch = made("skin", "skin", t1=Line(35501))
    for _ in range(9):
        watch.second(33000, 33000, 0, 1)
    watch._trends[1].now = 35501 if dark else 35500
    watch.second(33000, 33000, 0, 0 if dark else 1)
    watch._trends[1].now = 35501
    codes = [code_of(watch.second(33000, 33000, 0, 1)) for _ in range(10)]
    assert codes == [faults.NONE] * 9 + [faults.PAIR]
