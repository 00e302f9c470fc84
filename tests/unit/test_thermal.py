"""Faults and warnings found on the thermal plant, and the nominal use that finds none."""

from array import array
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import board_facts
from tests.unit.conftest import BOARD, CURVE, Rig
from tests.unit.pad import FULL, Pad
from tests.verdicts import code_of, shown
from wrap.rules import faults, limits
from wrap.safety.derate import FULL_Q
from wrap.safety.thermal import ThermalChecks
from wrap.safety.thermistor import FULL as RAIL
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


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@example(HALF_LIFTED, FULL, 0)
@given(PLANTS, LEVELS, st.integers(0, 999))
def test_nominal_use_never_trips_on_any_plant(plant, levels, seed):  # H-12
    pad = Pad(seed, **plant)
    pad.levels = levels
    pad.session()
    assert (pad.name, "no-heat" in [w for _, w in pad.news]) == ("none", False)
    assert pad.hottest_c < 42  # beads at contact 0.7 read partly air: 41.3 C at most on a grid


# H-12
@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(PLANTS, LEVELS, st.integers(1, 90), st.integers(0, 999))
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


def lit(after_s=300, levels=FULL, **plant):
    pad = Pad(3, **plant)
    pad.levels = levels
    pad.run(40, False)
    pad.begin()
    pad.run(after_s, True)
    assert pad.name == "none"
    return pad


def test_a_driver_that_gives_everything_for_a_tenth_is_named():  # H-09
    pad = lit(levels=(100, 100))
    pad.wrong = lambda ch, ppm: 1_000_000
    pad.run(60, True)
    assert pad.name == "lamp-stuck"


@pytest.mark.parametrize("share", [0, 0.3])
def test_lamps_that_give_no_heat_are_a_warning_told_once_a_session(share):  # H-11
    pad = Pad(3)
    pad.run(40, False)
    pad.wrong = lambda ch, ppm: ppm * share
    pad.begin()
    pad.run(300, True)
    assert [w for _, w in pad.news] == ["no-heat"]
    assert (pad.name, pad.thermal.warnings()) == ("none", ["no-heat"])
    pad.begin()
    assert pad.thermal.warnings() == []


def test_a_blanket_is_a_warning_while_it_lies_there():  # H-10
    pad = lit(400)
    pad.plant.change(covered=True)
    pad.run(60, True)
    assert [w for _, w in pad.news] == ["covered"]
    assert pad.thermal.warnings() == ["covered"]
    pad.plant.change(covered=False)
    pad.run(120, True)
    assert pad.thermal.warnings() == []
    assert pad.name == "none"


STEPS = st.lists(
    st.tuples(st.integers(30, 550), st.sampled_from([0, 50, 100, 200, 400, 600, 833])),
    min_size=2,
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    STEPS,
    st.floats(12, 32),
    st.floats(0.3, 2),
    st.floats(0.6, 1),
    st.integers(0, 999),
)
@example([(490, 100), (300, 833)], 24, 1, 1, 0)
@example([(300, 833), (600, 50), (250, 600)], 24, 1, 1, 0)
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
    pad = lit(ambient_c=ambient_c)
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
    pad = lit()
    for k in range(200):
        pad.plant.set_fault("board", "offset", -k / 4)
        pad.run(1, True)
    assert (pad.name, pad.sensor) == ("pair", BOARD)


@pytest.mark.parametrize("k", [5, -5])
def test_a_sensor_that_jumps_while_lit_is_a_fault_within_two_seconds(k):  # H-05
    pad = lit(30, ambient_c=20)
    pad.plant.set_fault(0, "offset", k)
    pad.run(2, True)
    assert (pad.name, pad.sensor) == ("rate", 0)


def test_a_jump_in_the_dark_only_begins_again():
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


def test_a_rail_or_a_long_pause_begins_again():
    thermal = ThermalChecks(board_facts)
    meters = [SimpleNamespace(on_ms=0)] * 2
    cool = array("i", [CURVE.raw_at(33000)] * 4)
    for _ in range(40):
        thermal.check(cool, 1000, meters)
    assert thermal.heat_balance.room_mw != 0 or thermal.sensor_check._still_s[0] > 0
    rail = array("i", [*cool[:3], RAIL])
    assert code_of(thermal.check(rail, 10, meters)) == faults.SENSOR_OPEN
    assert code_of(thermal.check(rail, 990, meters)) == faults.SENSOR_OPEN
    assert thermal.sensor_check._still_s[0] == -1
    thermal.check(cool, 1000, meters)
    assert thermal.sensor_check._still_s[0] == 0
    thermal.check(cool, 3000, meters)
    assert thermal.sensor_check._still_s[0] == -1


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


@pytest.mark.parametrize("role,apart_mc", [("skin", 2000), ("board", 3000)])
def test_sensors_of_one_role_that_disagree_for_10_s_are_a_fault(role, apart_mc):  # H-07
    thermal = made(role, role)
    assert seconds(thermal, 20, (33000, 32900 + apart_mc)) == [NOTHING] * 20
    assert seconds(thermal, 9, (31500, 32900 + apart_mc))[-1] == NOTHING
    assert (faults.PAIR, 1) in seconds(thermal, 10, (31500, 32900 + apart_mc))
    assert thermal.warnings() == []
    thermal.start_session()
    assert thermal.derate_now() == FULL_Q
    seconds(thermal, 1, (33000, 99000))
    found = thermal.check(array("i", [RAIL, RAIL]), 1000, thermal.meters)
    assert code_of(found) == faults.SENSOR_OPEN
    assert thermal.sensor_check._still_s == [-1, -1]


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
    rig.app.thermal._note_warnings()
    rig.app.thermal._note_warnings()
    rig.advance(100)
    rig.app.thermal._note_warnings()
    rig.advance(100)
    rig.app.thermal._note_warnings()
    rig.advance(100)
    assert [n["warning"] for n in rig.noted(records.NOTE)] == ["covered", "no-heat"]
    assert rig.ask("status")["warnings"] == ["covered", "no-heat"]


def test_a_behaving_fault_darkens_the_wrap_and_is_acknowledged_when_gone(rig: Rig):
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


def test_the_meters_of_a_new_session_begin_at_nothing():
    thermal = made("skin", "board")
    seconds(thermal, 3, (33000, 33000), on_ms=1000)
    for meter in thermal.meters:
        meter.on_ms = 0
    assert thermal._heat_mw(thermal.meters, 1000) == 0
    thermal.meters[0].on_ms = 500
    full = thermal._mw[0]
    assert thermal._heat_mw(thermal.meters, 1000) == full // 2
    thermal.meters[0].on_ms = 100
    assert thermal._heat_mw(thermal.meters, 1000) == full // 10


@pytest.mark.parametrize("contact", [0.7, 0.85])
def test_a_wearer_who_moves_in_a_cold_room_lifts_a_bead_and_trips_nothing(contact):  # H-12
    pad = lit(ambient_c=16)
    pad.plant.change(contact=contact)
    pad.run(60, True)
    pad.plant.change(contact=1.0)
    pad.run(60, True)
    assert pad.name == "none"
