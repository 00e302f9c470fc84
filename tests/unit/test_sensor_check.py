"""How sensors are judged by their changes: every limit from both sides, on made-up trends."""

import pytest

from tests.unit.small import Small
from tests.verdicts import shown
from wrap.rules import faults
from wrap.safety.sensor_check import SensorCheck

JOULE = Small(450)
NOTHING = (faults.NONE, None, None)


class Line:
    """A trend with set values, which stay small integers. then: {seconds ago: value}, `now` at all
    other times."""

    def __init__(self, now=33000, n=100, then=None):
        self.now = now
        self.n = n
        self.then = then or {}

    @property
    def now(self):
        return self._now

    @now.setter
    def now(self, mc):
        self._now = Small(mc)

    def ago(self, seconds):
        return Small(self.then.get(seconds, self._now))


class Sensors:
    """A SensorCheck on set trends: t0, t1... are the Lines of the sensors, 33 C by default."""

    def __init__(self, *roles, **lines):
        self.trends = [lines.get(f"t{i}") or Line() for i in range(len(roles))]
        self.check = SensorCheck(list(roles), self.trends, JOULE)
        self._settled = 0

    def second(self, skin_mc=33000, board_mc=33000, new_mw=0, lit_s=1):
        """Run one second. new_mw: heat above what the pad has settled to, which follows it by
        1/256 a second."""
        heat_mw = new_mw + (self._settled >> 8)
        self._settled += new_mw
        return shown(
            self.check.check_second(Small(skin_mc), Small(board_mc), Small(heat_mw), lit_s)
        )

    def clear(self):
        self.check.clear()
        self._settled = 0

    def blamed(self, skin_mc=33000, board_mc=33000):
        """The sensor that is named after ten seconds of disagreement, None without one."""
        found = [self.second(skin_mc, board_mc) for _ in range(10)]
        assert found[:9] == [NOTHING] * 9
        code, sensor, _ = found[9]
        assert code in (faults.NONE, faults.PAIR)
        return sensor


def stuck_after(sensors, n, sensor=0, **last):
    """Whether the n-th second of those that follow is the first in which `sensor` is stuck."""
    assert [sensors.second() for _ in range(n - 1)] == [NOTHING] * (n - 1)
    return sensors.second(**last) == (faults.STUCK, sensor, None)


def stuck(still_s=60, heat_mj=1350000, other=36000, sensor=0, moved_mc=0, roles=("skin", "board")):
    """Whether a sensor that has stood still, the last second included, is called stuck. The
    sensors of the other role were at 33 C when it last moved."""
    sensors = Sensors(*roles)
    sensors.second()
    for _ in range(still_s - 2):
        assert sensors.second() == NOTHING
    assert sensors.second(new_mw=heat_mj - 5000) == NOTHING
    sensors.trends[sensor].now += moved_mc
    means = {"board_mc" if roles[sensor] == "skin" else "skin_mc": other}
    found = sensors.second(**means, new_mw=5000)
    assert found in (NOTHING, (faults.STUCK, sensor, None))
    return found != NOTHING


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
        ({"other": 32801}, False),
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


@pytest.mark.parametrize(
    "change,is_stuck",
    [
        ({"sensor": 0, "other": 33200}, True),
        ({"sensor": 0, "other": 33199}, False),
        ({"sensor": 1, "other": 37000, "heat_mj": 1800000}, True),
        ({"sensor": 1, "other": 36999, "heat_mj": 1800000}, False),
    ],
)
def test_each_sensor_is_compared_with_the_other_role(change, is_stuck):
    assert stuck(roles=("board", "skin"), **change) is is_stuck


@pytest.mark.parametrize(
    "board_mc,heat_mj,is_stuck",
    [
        (33000, 1800000, True),
        (33001, 1800000, False),  # the board is compared with its value at the move
        (41000, 1800000, True),
        (37000, 1800000, False),
        (33000, 1799999, False),  # heat is counted from the move
    ],
)
def test_a_sensor_that_moves_is_judged_from_there(board_mc, heat_mj, is_stuck):
    sensors = Sensors("skin", "board")
    sensors.second()
    for moved_mc in (20, 39):
        sensors.trends[0].now = 33000 + moved_mc
        assert sensors.second(new_mw=900000) == NOTHING
    sensors.trends[0].now = 33040
    assert sensors.second(board_mc=37000, new_mw=9) == NOTHING
    for _ in range(58):
        assert sensors.second(board_mc=board_mc) == NOTHING
    assert sensors.second(board_mc=board_mc, new_mw=heat_mj) == NOTHING
    found = sensors.second(board_mc=board_mc)
    assert found == ((faults.STUCK, 0, None) if is_stuck else NOTHING)


@pytest.mark.parametrize("heat_mw,is_stuck", [(25294, False), (25295, True)])
def test_heat_counts_until_the_pad_has_settled_to_it(heat_mw, is_stuck):
    """1/256 less each second: 53.37 s of 60 count."""
    sensors = Sensors("skin", "board")
    heat = Small(heat_mw)
    found = [sensors.check.check_second(33000, 33000, heat, 1) for _ in range(60)]
    assert found == [None] * 60
    found = shown(sensors.check.check_second(33200, 33000, heat, 1))
    assert found == ((faults.STUCK, 1, None) if is_stuck else NOTHING)


def test_a_cleared_check_counts_stillness_heat_and_disagreement_from_the_start():
    sensors = Sensors("skin", "board")
    for _ in range(59):
        sensors.second(new_mw=1800000)
    sensors.clear()
    assert stuck_after(sensors, 61, board_mc=37000) is False  # the heat is forgotten
    sensors = Sensors("skin", "board")
    for _ in range(59):
        assert sensors.second() == NOTHING
    sensors.clear()
    sensors.second()
    sensors.second(new_mw=1800000)
    for _ in range(57):
        sensors.second()
    assert sensors.second(board_mc=37000) == NOTHING
    assert sensors.second(board_mc=37000) == (faults.STUCK, 0, None)
    sensors = Sensors("skin", "skin", t1=Line(35501))
    for _ in range(9):
        assert sensors.second() == NOTHING
    sensors.clear()
    assert sensors.blamed() == 1


@pytest.mark.parametrize("heat_mj,is_stuck", [(1349999, False), (1350000, True)])
def test_a_pad_has_settled_to_nothing_before_the_first_second(heat_mj, is_stuck):
    """255/256 mW are not yet one: the second after them counts no settled heat."""
    sensors = Sensors("skin", "board")
    assert sensors.second(new_mw=255) == NOTHING
    for _ in range(59):
        assert sensors.second() == NOTHING
    found = sensors.second(skin_mc=33200, new_mw=heat_mj)
    assert found == ((faults.STUCK, 1, None) if is_stuck else NOTHING)


def test_a_cleared_check_has_settled_to_no_heat():
    sensors = Sensors("skin", "board")
    for _ in range(30):
        sensors.check.check_second(33000, 33000, 25600, 1)
    sensors.clear()
    for _ in range(60):
        assert sensors.check.check_second(33000, 33000, 25295, 1) is None
    assert shown(sensors.check.check_second(33200, 33000, 25295, 1)) == (faults.STUCK, 1, None)


@pytest.mark.parametrize("lit_s,verdict", [(0, NOTHING), (1, (faults.STUCK, 1, None))])
def test_a_stuck_sensor_is_a_fault_only_while_light_is_on(lit_s, verdict):
    sensors = Sensors("board", "board", "skin")
    for n in range(60):
        sensors.trends[0].now = 33000 + 100 * (n % 2)
        assert sensors.second(new_mw=1350000 * (n == 30), lit_s=lit_s) == NOTHING
    sensors.trends[0].now = 33000
    assert sensors.second(skin_mc=33200, lit_s=lit_s) == verdict


def slipped(then_40=33800, then_20=30000, now=30000):
    sensors = Sensors("skin", t0=Line(now, then={40: then_40, 20: then_20}))
    found = sensors.second(lit_s=41)
    assert found in (NOTHING, (faults.SLIPPED, 0, None))
    return found != NOTHING


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
    sensors = Sensors(role, role, t1=gone)
    assert sensors.second(31500, 31500, lit_s=lit_s) == (code, 1 if code else None, None)


@pytest.mark.parametrize(
    "skin_mc,board_mc,blamed",
    [
        (35000, 17000, None),  # 3 K, and half of what skin is above a room of 5 C
        (35000, 16999, 1),  # the board sensor
        (25000, 12000, None),
        (25000, 11999, 1),
        (35000, 60000, None),  # a board that is hotter is none of this
    ],
)
def test_skin_above_a_board_by_more_than_a_cold_room_explains_is_a_disagreement(
    skin_mc, board_mc, blamed
):
    assert Sensors("skin", "board", t1=Line(board_mc)).blamed(skin_mc, board_mc) == blamed


@pytest.mark.parametrize(
    "warmed_mc,n,blamed",
    [(599, 100, 1), (600, 100, None), (0, 31, 1), (0, 30, None), (-900, 100, 1)],
)
def test_a_cold_board_that_warms_was_just_put_on(warmed_mc, n, blamed):
    board = Line(10000, n=n, then={30: 10000 - warmed_mc})
    assert Sensors("skin", "board", t1=board).blamed(35000, 10000) == blamed


@pytest.mark.parametrize(
    "temps,blamed",
    [
        ((33000, 36000), None),  # 3 K
        ((33000, 36001), 1),
        ((36001, 33000), 0),
        ((33000, 34000, 36001), 2),
        ((33000, 36001, 36001), 0),  # the one away from the others
        ((34000, 36001, 33000), 1),
        ((33000, 33000, 36001, 36001, 36001), 0),  # of two that are as far the first one
        ((33000, 33000, 33000, 36001, 36001), 3),
    ],
)
def test_board_sensors_disagree_beyond_3_k(temps, blamed):
    lines = {f"t{i}": Line(mc) for i, mc in enumerate(temps)}
    assert Sensors(*["board"] * len(temps), **lines).blamed() == blamed


@pytest.mark.parametrize(
    "temps,starts,blamed",
    [
        ((33000, 35000, 35000), (33500, 35000, 35000), None),  # 2 K
        ((32999, 35000, 35000), (33500, 35000, 35000), 0),
        ((33000, 33000, 35001), (33501, 33501, 35001), 2),
        ((32999, 35000, 35000), (33499, 35000, 35000), None),  # 0.5 K more than as it began
        ((32998, 35000, 35000), (33499, 35000, 35000), 0),
        ((32500, 35000, 35000), (30000, 35000, 35000), None),  # never more than 2.5 K
        ((32499, 35000, 35000), (30000, 35000, 35000), 0),
        ((34000, 38000, 36000), (34000, 34000, 34000), None),  # the hottest rose by 4 K
        ((33999, 38000, 37000), (34000, 34000, 34000), 0),
        ((34000, 36501, 34500), (34000, 37000, 34000), 1),  # a fall allows nothing more
    ],
)
def test_skin_sensors_disagree_beyond_2_k_and_half_of_the_rise(temps, starts, blamed):  # H-42
    sensors = Sensors("skin", "skin", "skin", **{f"t{i}": Line(mc) for i, mc in enumerate(starts)})
    sensors.second(34000, 34000)
    sensors.second(34000, 34000, lit_s=0)  # restarts the ten seconds
    for trend, mc in zip(sensors.trends, temps, strict=True):
        trend.now = mc
    assert sensors.blamed() == blamed


def blamed_at(sensors, mc, sensor):
    """The sensor named when `sensor` has gone to `mc`, after a dark second."""
    sensors.second(lit_s=0)
    sensors.trends[sensor].now = mc
    return sensors.blamed()


def test_a_session_measures_rises_from_its_own_start():
    sensors = Sensors("skin", "skin", t1=Line(35000))
    sensors.second()
    assert blamed_at(sensors, 36000, 1) is None
    assert blamed_at(sensors, 36500, 1) == 1
    sensors.check.start_session()
    sensors.trends[1].now = 33500
    sensors.second()
    assert blamed_at(sensors, 36500, 1) is None
    assert blamed_at(sensors, 36501, 1) == 1


def test_rises_are_measured_from_the_sessions_first_second_of_light():
    sensors = Sensors("skin", "skin", t0=Line(30000))
    sensors.second(lit_s=0)
    sensors.trends[0].now = 31000
    sensors.second()
    assert blamed_at(sensors, 40000, 0) is None
    assert blamed_at(sensors, 40001, 0) == 0
    sensors.check.start_session()
    sensors.trends[0].now = 34000
    sensors.second()
    assert blamed_at(sensors, 36000, 0) is None
    assert blamed_at(sensors, 36001, 0) == 0


def test_the_first_board_sensor_with_a_long_trend_is_compared_with_the_skin():
    short, full = Line(10000, n=30), Line(10000)
    assert Sensors("board", "board", "skin", t0=full, t1=short).blamed(35000, 10000) == 0
    assert Sensors("board", "board", "skin", t0=short, t1=full).blamed(35000, 10000) == 1


@pytest.mark.parametrize("far", ["skin", "board"])
def test_either_role_may_disagree_beside_the_other(far):
    near = "board" if far == "skin" else "skin"
    limit_mc = 33000 + (2500 if far == "skin" else 3000)
    for mc, blamed in ((limit_mc + 1, 2), (limit_mc, None)):
        assert Sensors(far, near, far, t2=Line(mc)).blamed() == blamed


@pytest.mark.parametrize("roles", [("skin",), ("board",), ("skin", "skin"), ("board", "board")])
def test_a_wrap_with_one_role_is_not_compared_with_the_other(roles):
    assert Sensors(*roles).blamed(90000, 0) is None


def test_disagreement_is_a_fault_in_its_tenth_second_and_stays_one():
    sensors = Sensors("skin", "skin", t1=Line(35501))
    found = [sensors.second()[0] for _ in range(12)]
    assert found == [faults.NONE] * 9 + [faults.PAIR] * 3


@pytest.mark.parametrize("dark", [True, False])
def test_a_second_of_agreement_or_dark_restarts_the_ten(dark):
    sensors = Sensors("skin", "skin", t1=Line(35501))
    for _ in range(9):
        sensors.second()
    sensors.trends[1].now = 35501 if dark else 35500
    sensors.second(lit_s=0 if dark else 1)
    sensors.trends[1].now = 35501
    found = [sensors.second()[0] for _ in range(10)]
    assert found == [faults.NONE] * 9 + [faults.PAIR]
