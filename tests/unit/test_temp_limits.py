"""The limits of every step: the filter, the gross limit, the rails; the shortcut for readings
that have settled."""
# H-02

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.conftest import CURVE, Rig
from tests.unit.pad import Pad
from tests.verdicts import code_of, shown
from wrap.rules import faults, limits
from wrap.safety import temp_limits as checked
from wrap.safety.temp_limits import TempLimits
from wrap.safety.thermistor import FULL, OPEN, SHORT
from wrap.safety.violation import Violation

COOL = CURVE.raw_at(33000)
WARM = CURVE.raw_at(58000)  # for a board sensor
OVER = CURVE.raw_at(42000)  # past the skin trip, not gross
COLD = CURVE.raw_at(limits.PLAUSIBLE_MIN_MC) + 1


def make(roles=("skin", "board")):
    return TempLimits(list(roles), CURVE)


class Plain:
    """What the limits must do, reading by reading, in temperatures, without shortcuts."""

    def __init__(self, roles):
        self.roles = roles
        self.past = [[] for _ in roles]
        self.colds = [[] for _ in roles]
        self.temps = [0] * len(roles)
        self.most = [-273150] * len(roles)
        self.codes = [faults.NONE] * len(roles)
        self.trip_mc = limits.SKIN_TRIP_MC

    def check(self, raws):
        codes = self.codes = [self.one(i, raw) for i, raw in enumerate(raws)]
        skins = [t for t, role in zip(self.temps, self.roles, strict=True) if role == "skin"]
        over = max([*skins, -273150]) - (self.trip_mc - 2000)
        self.hottest = max([*skins, -273150])
        self.coldest = min([*skins, SHORT])
        self.warn = over > 0
        self.cold = any(sum(c[-4:]) >= 3 for c in self.colds)
        found = [c for c in codes if c]
        return found[0] if found else faults.NONE

    def one(self, i, raw):
        mc = self.temps[i] = CURVE.mc(raw)
        if mc not in (OPEN, SHORT):
            self.most[i] = max(self.most[i], mc)
        skin = self.roles[i] == "skin"
        trip = self.trip_mc if skin else limits.BOARD_TRIP_MC
        self.past[i].append(mc >= trip)
        self.colds[i].append(mc < limits.PLAUSIBLE_MIN_MC)
        if mc in (OPEN, SHORT):
            return faults.SENSOR_OPEN if mc == OPEN else faults.SENSOR_SHORT
        if mc >= trip + 4000:
            return faults.GROSS
        if self.past[i][-1] and sum(self.past[i][-4:]) >= 3:
            return faults.SKIN_HOT if skin else faults.BOARD_HOT
        return faults.NONE


RAW = st.one_of(
    st.sampled_from([COOL, COOL - 1, OVER, WARM, COLD, COLD - 1, 0, FULL]),
    st.sampled_from([CURVE.raw_at(mc) + d for mc in (39000, 41000, 45000) for d in (0, 1)]),
    st.integers(0, FULL),
)
ROLES = st.lists(st.sampled_from(["skin", "board"]), min_size=2, max_size=4)


@pytest.mark.slow
@given(ROLES, st.data())
def test_skipping_settled_readings_gives_the_same_verdicts_as_judging_every_one(roles, data):
    temp_limits, plain = make(roles), Plain(roles)
    raws = [COOL] * len(roles)
    for _ in range(data.draw(st.integers(1, 60))):
        event = data.draw(st.sampled_from(["same", "same", "same", "one", "one", "trip", "begin"]))
        if event == "one":
            raws[data.draw(st.integers(0, len(roles) - 1))] = data.draw(RAW)
        elif event == "trip":
            plain.trip_mc = data.draw(st.integers(limits.SKIN_TRIP_MIN_MC, limits.SKIN_TRIP_MC))
            temp_limits.set_skin_trip(plain.trip_mc)
        elif event == "begin":
            temp_limits.start_session()
            plain.most = plain.temps[:] if plain.past[0] else plain.most
        assert code_of(temp_limits.check(raws)) == plain.check(raws)
        assert (temp_limits.temps_mc, temp_limits.max_mc) == (plain.temps, plain.most)
        assert (temp_limits.hottest_mc, temp_limits.coldest_mc) == (plain.hottest, plain.coldest)
        assert (temp_limits.warn, temp_limits.cold) == (plain.warn, plain.cold)
        calm = not any(plain.codes) and not any(map(any, (p[-4:] for p in plain.past)))
        if temp_limits.is_quiescent():
            assert calm and not any(map(any, (c[-4:] for c in plain.colds)))


@pytest.mark.parametrize("bits", list(product([0, 1], repeat=4)))
def test_three_hot_readings_of_four_trip_and_fewer_do_not(bits):
    temp_limits = make()
    seen = [code_of(temp_limits.check([OVER if hot else COOL, COOL])) for hot in bits]
    assert faults.SKIN_HOT not in seen[:2]
    assert seen[2] == (faults.SKIN_HOT if bits[:3] == (1, 1, 1) else faults.NONE)
    assert seen[3] == (faults.SKIN_HOT if bits[3] and sum(bits) >= 3 else faults.NONE)


@pytest.mark.parametrize("bits", range(16))
def test_three_set_bits_of_a_filter_are_enough(bits):
    """Private: `_is_enough`, since the wrap asks a table that was computed from it when the module
    was imported, and no mutant of it changes the table (docs/mutants.md)."""
    assert checked._is_enough(bits) is (f"{bits:b}".count("1") >= 3)


def test_one_spike_a_second_never_trips():
    temp_limits = make()
    readings = ([OVER] + [COOL] * 99) * 20
    assert {code_of(temp_limits.check([raw, COOL])) for raw in readings} == {faults.NONE}


@pytest.mark.parametrize(
    "sensor,mc,code,limit",
    [(0, 45000, faults.GROSS, 41000), (1, 64000, faults.GROSS, 60000)],
)
def test_a_reading_4_k_past_the_trip_acts_at_once(sensor, mc, code, limit):
    raws = [COOL, COOL]
    raws[sensor] = CURVE.raw_at(mc)
    temp_limits = make()
    assert shown(temp_limits.check(raws)) == (code, sensor, limit)
    raws[sensor] += 1
    assert make().check(raws) is None


@pytest.mark.parametrize("sensor", [0, 1])
@pytest.mark.parametrize(
    "raw,code",
    [
        (0, faults.SENSOR_SHORT),
        (CURVE.raw_min - 1, faults.SENSOR_SHORT),
        (CURVE.raw_max, faults.SENSOR_OPEN),
        (FULL, faults.SENSOR_OPEN),
    ],
)
def test_a_rail_is_a_fault_at_once_and_stays_one(sensor, raw, code):
    raws = [COOL, COOL]
    raws[sensor] = raw
    temp_limits = make()
    limit_mc = (limits.SKIN_TRIP_MC, limits.BOARD_TRIP_MC)[sensor]
    assert [shown(temp_limits.check(raws)) for _ in range(5)] == [(code, sensor, limit_mc)] * 5


def test_a_board_may_be_hotter_than_skin_and_trips_at_60_c():
    temp_limits = make()
    assert [temp_limits.check([COOL, WARM]) for _ in range(9)] == [None] * 9
    assert not temp_limits.warn
    hot = [COOL, CURVE.raw_at(60000)]
    assert [temp_limits.check(hot) for _ in range(2)] == [None] * 2
    assert shown(temp_limits.check(hot)) == (faults.BOARD_HOT, 1, 60000)


def test_the_first_fault_of_a_step_names_its_sensor():
    temp_limits = make()
    assert shown(temp_limits.check([FULL, 0])) == (faults.SENSOR_OPEN, 0, limits.SKIN_TRIP_MC)


def test_means_are_of_all_readings_since_the_last():
    temp_limits = make()
    for raw in (COOL - 30, COOL, COOL + 60):
        temp_limits.check([raw, WARM])
    assert temp_limits.take_means() == [CURVE.mc(COOL + 10), CURVE.mc(WARM)]
    temp_limits.check([WARM, COOL])
    assert temp_limits.take_means() == [CURVE.mc(WARM), CURVE.mc(COOL)]


@given(st.integers(-(10**6), 10**6))
def test_no_trip_passes_the_default_whatever_is_asked(asked):
    temp_limits = make()
    temp_limits.set_skin_trip(asked)
    assert temp_limits.trip_mc == min(asked, 41000)
    hot = [CURVE.raw_at(41000), COOL]
    codes = [code_of(temp_limits.check(hot)) for _ in range(3)]
    assert faults.SKIN_HOT in codes or asked <= 37000


def test_a_stricter_trip_acts_on_a_reading_that_was_settled():
    temp_limits = make()
    raws = [CURVE.raw_at(38000), COOL]
    assert [temp_limits.check(raws) for _ in range(5)] == [None] * 5
    temp_limits.set_skin_trip(37000)
    assert [temp_limits.check(raws) for _ in range(2)] == [None] * 2
    assert shown(temp_limits.check(raws)) == (faults.SKIN_HOT, 0, 37000)


def test_cold_is_three_of_four_readings_below_5_c():
    temp_limits = make()
    seen = [temp_limits.check([COLD, COOL]) or temp_limits.cold for _ in range(3)]
    assert seen == [False, False, True]
    seen = [temp_limits.check([COLD - 1, COOL]) or temp_limits.cold for _ in range(2)]
    assert seen == [True, False]


def test_new_limits_have_seen_nothing():
    new = make()
    assert (new.temps_mc, new.max_mc) == ([0, 0], [-273150] * 2)
    assert (new.hottest_mc, new.coldest_mc) == (0, 0)
    assert (new.warn, new.cold, new.trip_mc) == (False, False, 41000)
    assert not new.is_quiescent()


def test_a_verdict_that_no_check_has_filled_is_no_fault():
    assert shown(Violation()) == (faults.NONE, None, None)


def test_a_first_reading_is_judged_whatever_it_is():
    assert code_of(make().check([0, 0])) == faults.SENSOR_SHORT


def test_the_warning_begins_two_kelvin_below_the_trip_in_force():
    for trip in (41000, 38000):
        one = make()
        one.set_skin_trip(trip)
        edge = CURVE.raw_at(trip - 2000)
        while CURVE.mc(edge) > trip - 2000:
            edge += 1
        one.check([edge, COOL])
        assert one.warn is False
        one.check([CURVE.raw_at(trip - 2000 + 20), COOL])
        assert one.warn is True


def test_the_hottest_is_of_the_skin_sensors_and_colder_than_anything_without_one():  # H-41
    one = make(("skin", "board", "skin"))
    one.check([COOL, CURVE.raw_at(50000), CURVE.raw_at(35000)])
    assert one.hottest_mc == one.temps_mc[2]
    one = make(("board",))
    one.check([COOL])
    assert (one.hottest_mc, one.warn) == (-273150, False)


def test_cold_on_any_sensor_is_cold_and_ends_when_it_warms():
    cold = CURVE.raw_at(5000) + 1
    one = make(("skin", "board", "skin"))
    for sensor in range(3):
        raws = [COOL] * 3
        raws[sensor] = cold
        seen = [one.check(raws) or one.cold for _ in range(3)]
        assert seen == [False, False, True]
        for _ in range(4):
            one.check([COOL] * 3)
        assert one.cold is False


def quiescent(one, raws, n=5):
    """Whether the filters are at rest after each of n checks of the same readings."""
    seen = []
    for _ in range(n):
        one.check(raws)
        seen.append(one.is_quiescent())
    return seen


def test_a_reading_is_judged_again_until_the_filter_has_forgotten_the_one_before():
    one = make()
    one.check([OVER, COOL])
    assert quiescent(one, [COOL, COOL]) == [False, False, False, True, True]
    one.check([CURVE.raw_at(4000), COOL])
    assert quiescent(one, [COOL, COOL]) == [False, False, False, True, True]


class Counted:
    """A curve that lists the readings it converts."""

    def __init__(self):
        self.raw_min, self.raw_max, self.raw_at = CURVE.raw_min, CURVE.raw_max, CURVE.raw_at
        self.converted = []

    def mc(self, raw):
        self.converted.append(raw)
        return CURVE.mc(raw)


def converted(one, curve, raws):
    curve.converted.clear()
    one.check(raws)
    return curve.converted


def test_the_same_readings_are_converted_only_until_the_filters_have_settled():
    curve = Counted()
    one = TempLimits(["skin", "board"], curve)
    hot = CURVE.raw_at(46000)
    assert converted(one, curve, [COOL, hot]) == [COOL, hot]
    assert [converted(one, curve, [COOL, hot]) for _ in range(4)] == [[]] * 4
    assert converted(one, curve, [COOL + 1, hot]) == [COOL + 1]
    assert one.temps_mc[0] == CURVE.mc(COOL + 1)
    assert converted(one, curve, [OVER, hot]) == [OVER]
    seen = [converted(one, curve, [COOL, hot])[:] for _ in range(6)]
    assert seen == [[COOL]] * 4 + [[]] * 2
    seen = [converted(one, curve, [COLD, hot])[:] for _ in range(6)]
    assert seen == [[COLD]] * 4 + [[]] * 2


@pytest.mark.parametrize("bad", [0, 65520, CURVE.raw_at(46000)])
def test_a_reading_that_is_a_fault_is_judged_in_every_step(bad):
    curve = Counted()
    one = TempLimits(["skin", "board"], curve)
    for _ in range(8):
        assert converted(one, curve, [bad, COOL])[0] == bad
        assert not one.is_quiescent()


def test_a_rail_does_not_count_as_a_maximum():
    one = make()
    one.check([0, 65520])
    assert one.max_mc == [-273150, -273150]
    one.check([COOL, COOL])
    assert one.max_mc == [CURVE.mc(COOL)] * 2


def test_the_limit_of_a_fault_is_that_of_its_role_and_trip():
    one = make()
    one.set_skin_trip(38000)
    assert shown(one.check([0, COOL])) == (faults.SENSOR_SHORT, 0, 38000)
    assert shown(one.check([COOL, 0])) == (faults.SENSOR_SHORT, 1, limits.BOARD_TRIP_MC)


@pytest.mark.parametrize("trip_mc", [41000, 37000])
def test_a_trip_in_force_sets_both_limits_of_the_skin_and_leaves_the_board_alone(trip_mc):
    def first_codes(sensor, raw):
        one = make()
        one.set_skin_trip(trip_mc)
        raws = [COOL, COOL]
        raws[sensor] = raw
        return [code_of(one.check(raws)) for _ in range(3)]

    cases = ((0, trip_mc, faults.SKIN_HOT), (1, 60000, faults.BOARD_HOT))
    for sensor, mc, code in cases:
        assert first_codes(sensor, CURVE.raw_at(mc) + 1) == [faults.NONE] * 3
        assert first_codes(sensor, CURVE.raw_at(mc)) == [faults.NONE] * 2 + [code]
        assert first_codes(sensor, CURVE.raw_at(mc + 4000) + 1)[0] == faults.NONE
        assert first_codes(sensor, CURVE.raw_at(mc + 4000))[0] == faults.GROSS


def test_a_new_trip_judges_settled_readings_of_every_sensor_again():
    curve = Counted()
    one = TempLimits(["skin", "board"], curve)
    for _ in range(4):
        one.check([COOL, COOL])
    assert one.is_quiescent()
    one.set_skin_trip(37000)
    assert not one.is_quiescent()
    assert converted(one, curve, [COOL, COOL]) == [COOL, COOL]


def test_means_start_again_after_each_call():
    one = make()
    for raws in ([COOL, COOL], [COOL + 3, COOL]):
        one.check(raws)
    assert one.take_means() == [CURVE.mc(COOL + 1), CURVE.mc(COOL)]
    one.check([WARM, COOL])
    assert one.take_means() == [CURVE.mc(WARM), CURVE.mc(COOL)]


def test_a_session_keeps_its_own_maxima():
    temp_limits = make()
    temp_limits.check([CURVE.raw_at(38000), COOL])
    temp_limits.check([COOL, COOL])
    temp_limits.start_session()
    assert temp_limits.max_mc == temp_limits.temps_mc
    temp_limits.check([CURVE.raw_at(36000), COOL])
    temp_limits.check([COOL, FULL])
    temp_limits.check([COOL, 0])
    assert temp_limits.max_mc == [CURVE.mc(CURVE.raw_at(36000)), CURVE.mc(COOL)]


def test_the_wrap_reads_every_sensor_of_its_board(rig: Rig):
    temps_mc = [31000, 32000, 34000, 36000]
    for sensor, mc in enumerate(temps_mc):
        rig.warm(mc, sensor)
    rig.advance(20)
    assert [round(t, -3) for t in rig.app.temp_limits.temps_mc] == temps_mc


@pytest.mark.parametrize("lit", [False, True])
def test_a_jump_means_moved_only_as_light_begins(lit):
    pad = Pad(3)
    assert pad.thermal.moved is False
    pad.run(40, False)
    pad.begin()
    assert pad.thermal.moved is False
    plain = pad.plant.raw12
    pad.run(2, lit)
    pad.plant.raw12 = lambda i: plain(i) + (300 if i == 0 else 0)
    pad.run(2, lit)
    assert (pad.thermal.moved, pad.name) == (lit, "none")
    pad.begin()
    assert pad.thermal.moved is False


@pytest.mark.parametrize("trip_mc", [limits.SKIN_TRIP_MC, limits.SKIN_TRIP_MIN_MC])
@pytest.mark.parametrize("i", [0, 1])
def test_quiet_readings_reach_from_the_trip_to_the_cold_limit(i, trip_mc):
    """To a reading: what the steady step takes without judging it."""
    temp_limits = make()
    temp_limits.set_skin_trip(trip_mc)
    first, below = temp_limits.quiet_from[i], temp_limits.quiet_below
    for raw, calm in ((first - 1, False), (first, True), (below - 1, True), (below, False)):
        temp_limits = make()
        temp_limits.set_skin_trip(trip_mc)
        assert not temp_limits.is_quiescent()  # nothing was read yet
        raws = [COOL, COOL]
        raws[i] = raw
        codes = [code_of(temp_limits.check(raws)) for _ in range(4)]
        assert (not any(codes) and not temp_limits.cold) is calm
        assert temp_limits.is_quiescent() is calm


def test_quiet_readings_added_in_one_call_are_as_if_each_was_judged():
    each, added = make(), make()
    rows = [[COOL - d, COOL + d] for d in (0, 3, 1)]
    for temp_limits in (each, added):
        temp_limits.check([COOL + 9, COOL + 9])
        temp_limits.start_session()
    for row in rows:
        assert each.check(row) is None
    columns = list(zip(*rows, strict=True))
    sums = [-1, *(word for c in columns for word in (sum(c), min(c), c[-1], -1))]
    added.add_elapsed(len(rows), sums, 1, 4)
    assert each.max_mc[0] == CURVE.mc(COOL - 3)
    for temp_limits in (each, added):
        assert temp_limits.hottest_mc == CURVE.mc(COOL - 1)
    assert (added.temps_mc, added.max_mc) == (each.temps_mc, each.max_mc)
    assert added.take_means() == each.take_means()
    for temp_limits in (each, added):
        temp_limits.start_session()  # the maximum is that of the last reading
        temp_limits.check([COOL + 5, COOL + 5])
    assert added.max_mc == each.max_mc
