"""The thermal checks: faults and warnings on the thermal plant, nominal use that finds none, and
the checks of each second part by part: what they measure, what they forget, which fault wins."""

from array import array
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import board_facts
from tests.draws import with_draws
from tests.unit.conftest import BOARD, CURVE, Rig
from tests.unit.pad import FULL, Pad
from tests.verdicts import code_of, shown
from wrap.rules import faults, limits
from wrap.safety import thermal as thermal_module
from wrap.safety.derate import FULL_Q, allowed_q
from wrap.safety.thermal import WARNING_TEXTS, WARNINGS, ThermalChecks
from wrap.safety.thermistor import FULL as RAIL
from wrap.safety.violation import Violation
from wrap.storage import records

PLANTS = st.fixed_dictionaries(
    {
        "ambient_c": st.floats(5, 40),
        "blood_flow": st.floats(0, 3),
        "contact": st.floats(0.6, 1),
        "covered": st.booleans(),
        "noise_codes": st.sampled_from([1, 2, 3]),  # without any: docs/safety.md, "stands still"
        "mismatch": st.tuples(st.floats(0.85, 1.15), st.floats(0.85, 1.15)),
    }
)
NOTHING = (faults.NONE, None)
LEVELS = st.sampled_from([FULL, (500, 800), (200, 200), (1000, 0), (0, 500)])


HALF_LIFTED = {
    "ambient_c": 27.0,
    "blood_flow": 0.0,
    "contact": 0.7,
    "covered": True,
    "noise_codes": 1,
    "mismatch": (1.15, 1.15),
}


@with_draws(3, 16, PLANTS, LEVELS, st.integers(0, 999), examples=[(HALF_LIFTED, FULL, 0)])
def test_nominal_use_never_trips_on_any_plant(plant, levels, seed):  # H-12
    pad = Pad(seed, **plant)
    pad.levels = levels
    pad.session()
    assert (pad.name, "no-heat" in [w for _, w in pad.news]) == ("none", False)
    assert pad.hottest_c < 42  # beads at contact 0.7 read partly air: 41.3 C at most on a grid


# H-12
@with_draws(3, 16, PLANTS, LEVELS, st.integers(1, 90), st.integers(0, 999))
def test_a_wrap_put_on_just_before_light_and_taken_off_after_it_trips_nothing(
    plant, levels, worn_s, seed
):
    plant["ambient_c"] = min(plant["ambient_c"], 32)  # residual heat of the pad is near the trip
    contact = plant["contact"]
    pad = Pad(seed, **{**plant, "contact": 0.0})
    pad.levels = levels
    pad.run(20, False)
    pad.plant.change(contact=contact)
    pad.run(worn_s, False)
    pad.begin()
    pad.run(600, True)
    pad.plant.change(contact=0.0, covered=True)
    pad.run(120, False)
    assert pad.name == "none"


@settings(max_examples=6, deadline=None)
@given(PLANTS, st.integers(0, 999))
def test_both_lamps_stuck_on_are_found_in_any_warm_room(plant, seed):  # H-09
    plant["ambient_c"] = max(22, plant["ambient_c"])
    pad = Pad(seed, **{**plant, "mismatch": (1.0, 1.0)})
    pad.run(60, False)
    pad.wrong = lambda ch, ppm: 1_000_000
    pad.run(240, False)
    assert pad.name == "hot-off"


def lit_pad(after_s=300, levels=FULL, **plant):
    pad = Pad(3, **plant)
    pad.levels = levels
    pad.run(40, False)
    pad.begin()
    pad.run(after_s, True)
    assert pad.name == "none"
    return pad


def test_a_driver_that_gives_everything_for_a_tenth_is_named():  # H-09
    pad = lit_pad(levels=(100, 100))
    pad.wrong = lambda ch, ppm: 1_000_000
    pad.run(60, True)
    assert pad.name == "lamp-stuck"


@pytest.mark.parametrize("share", [0, 0.3])
def test_lamps_that_give_no_heat_are_a_warning_once_a_session(share):  # H-11
    pad = Pad(3)
    pad.run(40, False)
    pad.wrong = lambda ch, ppm: ppm * share
    pad.begin()
    pad.run(300, True)
    assert [w for _, w in pad.news] == ["no-heat"]
    assert (pad.name, list(pad.thermal.warnings())) == ("none", ["no-heat"])
    pad.begin()
    assert list(pad.thermal.warnings()) == []


def test_a_blanket_is_a_warning_while_it_lies_there():  # H-10
    pad = lit_pad(400)
    pad.plant.change(covered=True)
    pad.run(60, True)
    assert [w for _, w in pad.news] == ["covered"]
    assert list(pad.thermal.warnings()) == ["covered"]
    pad.plant.change(covered=False)
    pad.run(120, True)
    assert list(pad.thermal.warnings()) == []
    assert pad.name == "none"


STEPS = st.lists(
    st.tuples(st.integers(30, 550), st.sampled_from([0, 50, 100, 200, 400, 600, 833])),
    min_size=2,
    max_size=5,
)


@with_draws(
    4,
    24,
    STEPS,
    st.floats(12, 32),
    st.floats(0.3, 2),
    st.floats(0.6, 1),
    st.integers(0, 999),
    examples=[
        ([(490, 100), (300, 833)], 24, 1, 1, 0),
        ([(300, 833), (600, 50), (250, 600)], 24, 1, 1, 0),
    ],
)
def test_no_step_of_a_plan_looks_like_a_cover(steps, ambient_c, blood_flow, contact, seed):
    pad = Pad(seed, ambient_c=ambient_c, blood_flow=blood_flow, contact=contact)
    pad.run(40, False)
    pad.begin()
    for seconds, level in steps:
        pad.levels = (level, level)
        pad.run(min(seconds, 1200 - pad.now_s), True)
    assert (pad.name, [w for _, w in pad.news]) == ("none", [])


def test_a_cover_from_before_a_step_up_is_named_once_the_pad_has_settled():
    pad = Pad(3, ambient_c=28, covered=True)
    pad.run(40, False)
    pad.begin()
    for seconds, level in ((100, 100), (600, 400)):
        pad.levels = (level, level)
        pad.run(seconds, True)
    (at_s, name), *rest = pad.news
    assert (name, rest) == ("covered", [])
    assert 140 + limits.COVERED_AFTER_S < at_s < 140 + limits.COVERED_AFTER_S + 60


@pytest.mark.parametrize("ambient_c", [20, 25])
def test_a_pad_that_slides_off_is_named(ambient_c):  # H-08
    pad = lit_pad(ambient_c=ambient_c)
    began = pad.now_s
    pad.plant.change(contact=0.2)
    pad.run(60, True)
    assert pad.name == "slipped"
    assert pad.fault_s - began < 40
    assert pad.sensor < BOARD


@pytest.mark.parametrize("sensor", range(4))
def test_a_sensor_that_stands_still_is_named(sensor):  # H-06
    pad = Pad(3)
    pad.run(40, False)
    pad.plant.set_fault(sensor, "stuck")
    pad.begin()
    pad.run(300, True)
    assert (pad.name, pad.sensor) == ("stuck", sensor)


def test_a_drifting_board_sensor_is_found():  # H-07
    pad = lit_pad()
    for k in range(200):
        pad.plant.set_fault("board", "offset", -k / 4)
        pad.run(1, True)
    assert (pad.name, pad.sensor) == ("pair", BOARD)


@pytest.mark.parametrize("k", [5, -5])
def test_a_sensor_that_jumps_while_lit_is_a_fault_within_two_seconds(k):  # H-05
    pad = lit_pad(30, ambient_c=20)
    pad.plant.set_fault(0, "offset", k)
    pad.run(2, True)
    assert (pad.name, pad.sensor) == ("rate", 0)


def test_a_jump_in_the_dark_only_restarts_the_history():
    pad = Pad(3)
    pad.run(40, False)
    pad.plant.set_fault("board", "offset", 8)
    pad.run(60, False)
    assert pad.name == "none"


def test_a_cold_wrap_carried_into_a_hot_room_trips_nothing():
    pad = Pad(3, ambient_c=5, contact=0.0)
    pad.run(40, False)
    pad.plant.change(ambient_c=39.0)
    pad.run(300, False)
    assert pad.name == "none"


def board(*roles):
    facts = SimpleNamespace(**{k: v for k, v in vars(board_facts).items() if k.isupper()})
    facts.SENSORS = tuple((r + str(i), r, 26 + i, i) for i, r in enumerate(roles))
    return facts


def seconds(thermal, n, mcs, on_ms=500):
    """(code, sensor) of n seconds at these temperatures with light on."""
    out = []
    for _ in range(n):
        for meter in thermal.meters:
            meter.on_ms += on_ms
        raws = array("i", [CURVE.raw_at(mc) for mc in mcs])
        out.append(shown(thermal.check(raws, 1000, thermal.meters))[:2])
    return out


def made(*roles):
    thermal = ThermalChecks(board(*roles))
    thermal.meters = [SimpleNamespace(on_ms=0), SimpleNamespace(on_ms=0)]
    return thermal


class Judge:
    """In place of SensorCheck or HeatBalance: keeps how it was made and what it is asked."""

    def __init__(self, *args):
        self.args = args
        self.seconds = []  # (skin mC, board mC, heat mW, seconds of light)
        self.clears = 0
        self.found = None
        self.covered = self.weak = False

    def check_second(self, *args):
        self.seconds.append(args)
        return self.found

    def clear(self):
        self.clears += 1

    def start_session(self):
        self.covered = self.weak = False


def judged(*roles, facts=None):
    """Thermal checks with a Judge for the sensors and, where both roles are, one for the balance.
    `trends`: one of each sensor."""
    facts = facts or board(*roles)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thermal_module, "SensorCheck", Judge)
        patch.setattr(thermal_module, "HeatBalance", Judge)
        thermal = ThermalChecks(facts)
    thermal.meters = [SimpleNamespace(on_ms=0) for _ in facts.CHANNELS]
    thermal.trends = thermal.sensor_check.args[1]
    if thermal.heat_balance:
        thermal.heat_balance.found = faults.NONE
    return thermal


def test_a_rail_or_a_long_pause_starts_the_checks_again():
    thermal = judged(facts=board_facts)
    cool = array("i", [CURVE.raw_at(33000)] * 4)
    for _ in range(40):
        thermal.check(cool, 1000, thermal.meters)
    check = thermal.sensor_check
    assert (len(check.seconds), check.clears) == (40, 0)
    rail = array("i", [*cool[:3], RAIL])
    assert code_of(thermal.check(rail, 10, thermal.meters)) == faults.SENSOR_OPEN
    assert code_of(thermal.check(rail, 990, thermal.meters)) == faults.SENSOR_OPEN
    assert (len(check.seconds), check.clears) == (40, 1)
    thermal.check(cool, 1000, thermal.meters)
    assert (len(check.seconds), check.clears) == (41, 1)
    thermal.check(cool, 3000, thermal.meters)
    assert (len(check.seconds), check.clears) == (41, 2)
    assert thermal.heat_balance.clears == 2


@pytest.mark.parametrize("role,apart_mc", [("skin", 2000), ("board", 3000)])
def test_sensors_of_one_role_that_disagree_for_10_s_are_a_fault(role, apart_mc):  # H-07
    thermal = made(role, role)
    assert seconds(thermal, 20, (33000, 32900 + apart_mc)) == [NOTHING] * 20
    assert seconds(thermal, 9, (31500, 32900 + apart_mc))[-1] == NOTHING
    assert (faults.PAIR, 1) in seconds(thermal, 10, (31500, 32900 + apart_mc))
    assert list(thermal.warnings()) == []
    thermal.start_session()
    assert thermal.derate_now() == FULL_Q
    seconds(thermal, 1, (33000, 99000))
    cleared = []
    thermal.sensor_check.clear = lambda: cleared.append(True)
    found = thermal.check(array("i", [RAIL, RAIL]), 1000, thermal.meters)
    assert (code_of(found), cleared) == (faults.SENSOR_OPEN, [True])


@pytest.mark.parametrize("low", [0, 1])
def test_pads_that_disagree_are_found_beside_board_sensors(low):
    thermal = made("skin", "skin", "board")
    temps = [36000, 36000, 34000]
    temps[low] = 32000
    assert (faults.PAIR, 1 - low) in seconds(thermal, 12, temps)


def test_disagreement_in_the_dark_is_no_fault():
    thermal = made("skin", "skin")
    assert seconds(thermal, 60, (22000, 33000), on_ms=0) == [NOTHING] * 60


def test_a_cold_board_that_warms_is_no_disagreement_and_one_that_does_not_is():
    thermal = made("skin", "board")
    cold = 8000
    for _ in range(60):
        cold += 60
        assert seconds(thermal, 1, (34000, cold)) == [NOTHING]
    assert (faults.PAIR, 1) in seconds(thermal, 60, (34000, cold))


@pytest.mark.parametrize("cold_c,room_c", [(6, 39), (18, 24)])
def test_a_cold_wrap_that_lies_in_a_warmer_room_is_no_stuck_lamp(cold_c, room_c):
    thermal = made("skin", "board")
    mc = cold_c * 1000
    for _ in range(200):
        mc += 700 * (room_c * 1000 - mc) // 450_000  # both beads read the pad
        assert seconds(thermal, 1, (mc, mc), on_ms=0) == [NOTHING]


def test_warnings_are_recorded_once_and_shown(rig: Rig):
    rig.light()
    rig.app.thermal.heat_balance.covered = rig.app.thermal.heat_balance.weak = True
    rig.advance(4500)
    assert [n["warning"] for n in rig.noted(records.NOTE)] == ["covered", "no-heat"]
    assert rig.ask("status")["warnings"] == ["covered", "no-heat"]


def test_a_fault_of_sensor_behaviour_darkens_the_wrap_and_is_acknowledged_when_gone(rig: Rig):
    rig.light()
    rig.advance(8000)
    rig.warm(37000, sensor="skin")
    rig.advance(2000)
    assert rig.app.status_view.fault()["name"] == "rate"
    assert rig.app.status_view.fault()["sensor"] == "skin-mid"
    assert rig.dark()
    rig.advance(2000)
    rig.app.fault_control.acknowledge("test")
    assert rig.state == "idle"


@pytest.mark.parametrize("contact", [0.7, 0.85])
def test_a_wearer_who_moves_in_a_cold_room_lifts_a_bead_and_trips_nothing(contact):  # H-12
    pad = lit_pad(ambient_c=16)
    pad.plant.change(contact=contact)
    pad.run(60, True)
    pad.plant.change(contact=1.0)
    pad.run(60, True)
    assert pad.name == "none"


# ---- the checks of a second, part by part

FULL_MW = 8748  # of a channel: 900 mA at 12 V, 81 % of it heat


def raws(*mcs):
    return array("i", [CURVE.raw_at(mc) for mc in mcs])


def lit(thermal, on_ms=500, n=1, ms=1000, mcs=(33000, 33000)):
    """Run n seconds in which every lamp is on for `on_ms`; return the last verdict."""
    for _ in range(n):
        for meter in thermal.meters:
            meter.on_ms += on_ms
        found = thermal.check(raws(*mcs), ms, thermal.meters)
    return found


def heats(thermal):
    return [heat_mw for _, _, heat_mw, _ in thermal.sensor_check.seconds]


def test_a_board_without_pad_facts_has_the_default_pad():
    thermal = judged("skin", "board")
    assert thermal.heat_balance.args == (450, 1200, 700)
    assert thermal.sensor_check.args[2] == 450
    for meter in thermal.meters:
        thermal.check(raws(33000, 33000), 1000, thermal.meters)
        meter.on_ms += 1000
    thermal.check(raws(33000, 33000), 1000, thermal.meters)
    assert heats(thermal) == [0, FULL_MW, FULL_MW]


def test_the_pad_facts_of_a_board_are_used():
    facts = board("skin", "board", "skin")
    facts.PAD_J_PER_K, facts.PAD_SKIN_MW_PER_K, facts.PAD_AIR_MW_PER_K = 300, 1000, 500
    facts.SUPPLY_MV, facts.LAMP_HEAT_PM = 24000, 500
    facts.CHANNELS = (("red", 660, 2, 100, 1), ("nir", 850, 4, 301, 1), ("x", 900, 6, 7, 1))
    thermal = judged(facts=facts)
    assert thermal.heat_balance.args == (300, 1000, 500)
    roles, _, joule = thermal.sensor_check.args
    assert (roles, joule) == (["skin", "board", "skin"], 300)
    for meter in thermal.meters:
        meter.on_ms += 1000
        thermal.check(raws(33000, 33000, 33000), 1000, thermal.meters)
    assert heats(thermal) == [1200, 3612, 84]


@pytest.mark.parametrize("roles", [("skin",), ("board",), ("skin", "skin"), ("board", "board")])
def test_the_balance_needs_both_roles(roles):
    thermal = made(*roles)
    assert thermal.heat_balance is None
    assert list(thermal.warnings()) == []
    assert seconds(thermal, 3, [33000] * len(roles)) == [NOTHING] * 3
    assert thermal.pending_warning == ""


def test_a_second_is_judged_at_its_end_and_not_before():
    thermal = judged("skin", "board")
    thermal.meters[0].on_ms = 500
    for n in range(99):
        assert thermal.second_in_ms() == 1000 - 10 * n
        thermal.check(raws(33000, 33000), 10, thermal.meters)
    assert thermal.sensor_check.seconds == []
    thermal.check(raws(33000, 33000), 10, thermal.meters)
    assert heats(thermal) == [FULL_MW // 2]


def test_the_next_second_is_a_whole_one():
    thermal = judged("skin", "board")
    thermal.check(raws(33000, 33000), 1700, thermal.meters)
    assert thermal.second_in_ms() == 1000
    thermal.check(raws(33000, 33000), 990, thermal.meters)
    assert (thermal.second_in_ms(), len(thermal.sensor_check.seconds)) == (10, 1)


def test_elapsed_time_counts_towards_the_second():
    thermal = judged("skin", "board")
    thermal.add_elapsed(990)
    assert thermal.second_in_ms() == 10
    thermal.check(raws(33000, 33000), 10, thermal.meters)
    assert len(thermal.sensor_check.seconds) == 1


def test_a_limit_passed_now_comes_before_what_the_last_second_found():
    thermal = judged("skin", "board")
    thermal.sensor_check.found = Violation().set(faults.PAIR, 1)
    lit(thermal)
    found = thermal.check(raws(33000, 33000), 10, thermal.meters)
    assert shown(found) == (faults.PAIR, 1, None)
    found = thermal.check(raws(46000, 33000), 10, thermal.meters)
    assert shown(found) == (faults.GROSS, 0, limits.SKIN_TRIP_MC)


def test_seconds_of_light_are_counted_until_it_is_dark():
    thermal = judged("skin", "board")
    lit(thermal, n=3)
    lit(thermal, on_ms=0)
    lit(thermal, on_ms=1)
    for judge in (thermal.sensor_check, thermal.heat_balance):
        assert [lit_s for *_, lit_s in judge.seconds] == [1, 2, 3, 0, 1]


@pytest.mark.parametrize("last_ms,kept", [(1000, 4), (1999, 4), (2000, 0), (5000, 0)])
def test_a_second_of_two_or_more_starts_the_history_again(last_ms, kept):
    thermal = judged("skin", "board")
    lit(thermal, n=3)
    lit(thermal, ms=last_ms)
    assert [trend.n for trend in thermal.trends] == [kept] * 2
    cleared = 0 if kept else 1
    for judge in (thermal.sensor_check, thermal.heat_balance):
        assert (len(judge.seconds), judge.clears) == (4 - cleared, cleared)
    lit(thermal)
    assert thermal.sensor_check.seconds[-1][3] == kept + 1


@pytest.mark.parametrize("raw", [0, RAIL])
@pytest.mark.parametrize("sensor", [0, 1])
def test_a_rail_starts_the_history_again(raw, sensor):
    thermal = judged("skin", "board")
    thermal.sensor_check.found = Violation().set(faults.PAIR, 1)
    assert code_of(lit(thermal, n=3)) == faults.PAIR
    readings = raws(33000, 33000)
    readings[sensor] = raw
    thermal.check(readings, 10, thermal.meters)
    thermal.check(readings, 990, thermal.meters)
    assert [trend.n for trend in thermal.trends] == [0, 0]
    assert (thermal.sensor_check.clears, thermal.heat_balance.clears) == (1, 1)
    assert thermal.check(raws(33000, 33000), 10, thermal.meters) is None
    lit(thermal, ms=990)
    assert thermal.sensor_check.seconds[-1][3] == 1


@pytest.mark.parametrize("raw,code", [(RAIL, faults.SENSOR_OPEN), (0, faults.SENSOR_SHORT)])
def test_the_step_in_which_a_limit_is_passed_does_no_work_of_the_second(raw, code):  # H-02
    """Light goes out in that step; a limit that stays passed delays no second."""
    thermal = judged("skin", "board")
    judge = thermal.sensor_check
    cool, wrong = raws(33000, 33000), raws(33000, 33000)
    wrong[0] = raw

    def check(readings, ms):
        """The fault, and how many seconds were worked on so far."""
        code = code_of(thermal.check(readings, ms, thermal.meters))
        return code, len(judge.seconds) + judge.clears

    assert [check(cool, 495) for _ in range(2)] == [(faults.NONE, 0)] * 2
    assert (check(wrong, 10), thermal.second_in_ms()) == ((code, 0), 0)
    assert (check(wrong, 10), thermal.second_in_ms()) == ((code, 1), 1000)
    assert [check(wrong, 500) for _ in range(2)] == [(code, 1), (code, 2)]
    assert [check(wrong, 1000) for _ in range(3)] == [(code, 3), (code, 4), (code, 5)]
    assert check(cool, 1000) == (faults.NONE, 6)
    assert check(wrong, 1000) == (code, 6)


def test_cleared_history_derates_from_the_present_temperature():
    thermal = judged("skin", "board")
    lit(thermal, n=20)
    assert thermal.derate.fresh is False
    thermal.check(raws(39750, 33000), 2000, thermal.meters)
    behind = CURVE.mc(CURVE.raw_at(39750)) - 200  # as far as the mean may lag behind
    assert thermal.derate.q == allowed_q(behind, 41000)
    assert thermal.derate.fresh is True


def averaging(thermal):
    """The list of means that each second gets from now on."""
    means = [33000] * len(thermal.trends)
    thermal.temp_limits.take_means = lambda: means
    return means


@pytest.mark.parametrize(
    "mcs,hottest_mc",
    [
        ((38000, 50000, 39750), 39750),
        ((39750, 50000, 38000), 39750),
        ((-3000, 50000, 4000), limits.ROOM_MIN_MC),
    ],
)
def test_the_derating_follows_the_hottest_skin_mean_of_each_second(mcs, hottest_mc):
    thermal = judged("skin", "board", "skin")
    averaging(thermal)[:] = mcs
    taken = []
    thermal.derate = SimpleNamespace(update=lambda mc, trip_mc: taken.append((mc, trip_mc)))
    lit(thermal, mcs=(33000, 33000, 33000))
    assert taken == [(hottest_mc, 41000)]


def test_the_derating_of_a_second_is_in_force():
    thermal = made("skin", "board", "skin")
    thermal.check(raws(38000, 50000, 39750), 1000, thermal.meters)
    assert thermal.derate.q == allowed_q(CURVE.mc(CURVE.raw_at(39750)), 41000)
    assert thermal.derate.fresh is False


def test_the_derating_uses_the_trip_in_force():
    thermal = made("skin", "board")
    thermal.temp_limits.set_skin_trip(39000)
    thermal.check(raws(38000, 33000), 1000, thermal.meters)
    assert thermal.derate.q == allowed_q(CURVE.mc(CURVE.raw_at(38000)), 39000) < FULL_Q


def test_light_starts_with_what_the_skin_allows_at_this_moment():
    thermal = made("skin", "board")
    thermal.check(raws(40900, 33000), 1000, thermal.meters)
    assert (thermal.derate.q, thermal.derate.fresh) == (0, False)
    thermal.check(raws(39750, 33000), 10, thermal.meters)
    q = thermal.derate_now()
    assert q == thermal.derate.q == allowed_q(CURVE.mc(CURVE.raw_at(39750)), 41000)


def jumping(thermal, by, ms, on_s=6):
    """The verdict of a second of `ms` in which the sensors went from 33 C by `by`."""
    means = averaging(thermal)
    lit(thermal, n=on_s)
    means[:] = [33000 + d for d in by]
    return shown(lit(thermal, ms=ms))


@pytest.mark.parametrize(
    "by,ms,code,sensor",
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
def test_more_than_two_kelvin_a_second_while_lit_is_the_fault_rate(by, ms, code, sensor):
    thermal = judged("skin", "board")
    assert jumping(thermal, by, ms) == (code, sensor, None)


@pytest.mark.parametrize("on_s,code,n", [(5, faults.NONE, 1), (6, faults.RATE, 7)])
def test_a_pad_may_be_put_on_in_the_first_five_seconds_of_light(on_s, code, n):
    thermal = judged("skin", "board")
    assert jumping(thermal, (2500, 0), 1000, on_s)[0] == code
    check = thermal.sensor_check
    assert (thermal.trends[0].n, check.seconds[-1][3]) == (n, n)
    cleared = int(n == 1)
    assert check.clears == cleared
    assert lit(thermal) is None  # measured from where the jump ended
    assert (thermal.trends[0].n, check.clears) == (n + 1, cleared)


def test_the_first_second_of_all_cannot_jump():
    thermal = judged("skin", "board")
    averaging(thermal)[:] = 90000, 90000
    assert lit(thermal) is None
    assert (thermal.sensor_check.clears, thermal.moved) == (0, False)


def test_a_jump_starts_the_trends_at_the_new_temperature():
    thermal = judged("skin", "board")
    jumping(thermal, (9000, 0), 1000, on_s=2)
    assert [trend.now for trend in thermal.trends] == [42000, 33000]


@pytest.mark.parametrize(
    "roles,mcs,means",
    [
        (("skin", "board", "skin", "board"), (30000, 40000, 31001, 42003), (30500, 41001)),
        (("skin",), (30500,), (30500, 0)),
        (("board",), (30500,), (0, 30500)),
    ],
)
def test_each_role_is_judged_by_the_mean_of_its_sensors(roles, mcs, means):
    thermal = judged(*roles)
    averaging(thermal)[:] = mcs
    lit(thermal, mcs=[33000] * len(roles))
    assert thermal.sensor_check.seconds[-1][:2] == means
    assert [trend.now for trend in thermal.trends] == list(mcs)


def test_both_checks_get_the_means_the_heat_and_the_seconds_of_light():
    thermal = judged("skin", "board")
    averaging(thermal)[:] = 33000, 35000
    stuck = thermal.sensor_check.found = Violation().set(faults.STUCK, 1)
    lit(thermal, n=8)
    assert lit(thermal, on_ms=100) is stuck
    for judge in (thermal.sensor_check, thermal.heat_balance):
        assert judge.seconds[-1] == (33000, 35000, 2 * (FULL_MW // 10), 9)
    thermal.heat_balance.found = faults.LAMP_STUCK
    assert shown(lit(thermal)) == (faults.LAMP_STUCK, None, None)


def test_a_fault_of_the_second_names_the_sensor_that_was_judged():
    thermal = made("skin", "board")
    assert lit(thermal) is None
    pair = Violation().set(faults.PAIR, 1)
    thermal.sensor_check.check_second = lambda *args: pair
    assert shown(lit(thermal)) == (faults.PAIR, 1, None)
    assert thermal.check(raws(33000, 33000), 10, thermal.meters) is pair  # until the next second


def test_heat_is_what_was_written_since_the_last_second():
    thermal = judged("skin", "board")
    red, nir = thermal.meters
    red.on_ms, nir.on_ms = 250, 500
    lit(thermal, on_ms=0)
    lit(thermal, on_ms=0)
    red.on_ms += 750
    lit(thermal, on_ms=0, ms=1500)
    nir.on_ms += 100
    lit(thermal, on_ms=0)
    assert heats(thermal) == [FULL_MW // 4 + FULL_MW // 2, 0, FULL_MW // 2, FULL_MW // 10]


def test_the_heat_of_every_channel_counts():
    facts = board("skin", "board")
    facts.CHANNELS = (*facts.CHANNELS, ("x", 900, 6, 1, 1))
    thermal = judged(facts=facts)
    for meter, on_ms in zip(thermal.meters, (0, 0, 900), strict=True):
        meter.on_ms = on_ms
    lit(thermal, on_ms=0)
    assert heats(thermal) == [9 * 900 // 1000]


def test_the_meters_of_a_new_session_start_at_zero():
    thermal = judged("skin", "board")
    lit(thermal, on_ms=1000, n=3)
    for meter in thermal.meters:
        meter.on_ms = 0
    for on_ms in (0, 500, 100):
        thermal.meters[0].on_ms = on_ms
        lit(thermal, on_ms=0)
    assert heats(thermal)[3:] == [0, FULL_MW // 2, FULL_MW // 10]


def warned(thermal, covered, weak):
    """The pending warning after a second in which these hold."""
    thermal.heat_balance.covered, thermal.heat_balance.weak = covered, weak
    lit(thermal)
    return thermal.pending_warning


def test_each_warning_is_reported_once_a_session_one_at_a_time():
    thermal = judged("skin", "board")
    assert warned(thermal, False, False) == ""
    assert warned(thermal, True, True) == "covered"
    assert warned(thermal, True, True) == "covered"  # not read yet
    assert thermal.pop_warning(7) == {"warning": "covered", "text": WARNING_TEXTS[0], "session": 7}
    assert thermal.pending_warning == ""
    assert warned(thermal, True, True) == "no-heat"
    assert thermal.pop_warning(8) == {"warning": "no-heat", "text": WARNING_TEXTS[1], "session": 8}
    assert warned(thermal, True, True) == ""
    thermal.start_session()
    assert thermal.pending_warning == ""
    assert warned(thermal, False, True) == "no-heat"


def test_a_new_session_forgets_a_warning_that_was_not_read():
    thermal = made("skin", "board")
    assert warned(thermal, True, False) == "covered"
    thermal.temp_limits.check(raws(33000, 33000))
    thermal.temp_limits.max_mc = [90000, 90000]
    thermal.start_session()
    assert (thermal.pending_warning, thermal.heat_balance.covered) == ("", False)
    assert thermal.temp_limits.max_mc == thermal.temp_limits.temps_mc


@pytest.mark.parametrize("covered", [False, True])
@pytest.mark.parametrize("weak", [False, True])
def test_the_warnings_in_force_have_names(covered, weak):
    thermal = made("skin", "board")
    thermal.heat_balance.covered, thermal.heat_balance.weak = covered, weak
    names = [n for n, on in zip(WARNINGS, (covered, weak), strict=True) if on]
    assert list(thermal.warnings()) == names


@pytest.mark.parametrize("gap_mc,heated", [(1499, False), (1500, False), (1501, True)])
def test_heat_comes_from_the_skin_when_it_is_warmer_than_a_board_by_more_than_asked(
    gap_mc, heated
):  # H-62
    thermal = made("skin", "skin", "board", "board")
    thermal.temp_limits.hottest_mc = 24000
    thermal.temp_limits.temps_mc[:] = 24000, 20000, 25000, 24000 - gap_mc
    assert thermal.heated_from_skin(1500) is heated


@pytest.mark.parametrize("hottest_mc,may_be", [(27999, False), (28000, True)])
def test_a_pad_may_be_worn_from_28_c_on_one_skin_sensor_on(hottest_mc, may_be):  # H-62
    thermal = made("skin", "skin", "board")
    thermal.temp_limits.hottest_mc = hottest_mc
    thermal.temp_limits.temps_mc[:] = hottest_mc, 20000, 30000
    assert thermal.may_be_worn() is may_be


def test_the_first_step_of_all_does_no_work_of_the_second_when_a_limit_is_passed():  # H-02
    thermal = judged("skin", "board")
    found = thermal.check(raws(46000, 33000), 1000, thermal.meters)
    assert (code_of(found), thermal.second_in_ms()) == (faults.GROSS, 0)


def test_new_checks_have_found_nothing():
    thermal = made("skin", "board")
    assert (thermal.pending_warning, list(thermal.warnings()), thermal.moved) == ("", [], False)
    assert thermal.second_in_ms() == 1000
    assert thermal.check(raws(33000, 33000), 10, thermal.meters) is None
