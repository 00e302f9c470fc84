"""The thermal plant: plausible, finite, repeatable, and exact where the firmware looks."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import board_facts
from pbmwrap.twin.plant import LOADED, CutOff, Plant, PlantParams, figure_problems
from wrap.safety.thermistor import Thermistor

FULL = (1_000_000, 1_000_000)
DARK = (0, 0)
SKIN, BOARD = 0, 3

any_params = st.builds(
    PlantParams,
    ambient_c=st.floats(-40, 80),
    covered=st.booleans(),
    contact=st.floats(0, 1),
    blood_flow=st.floats(0, 5),
    dilation_per_k=st.floats(0, 10),
    heat_fraction=st.floats(0, 1),
    board_j_per_k=st.floats(200, 5000),
    skin_j_per_k=st.floats(1000, 5000),
    sensor_lag_s=st.floats(0, 60),
)


def celsius(raw12: int) -> float:
    """The B-equation backwards, written apart from the plant."""
    ohm = board_facts.PULLUP_OHM * raw12 / (4095 - raw12)
    inverse = 1 / 298.15 + math.log(ohm / board_facts.NTC_R25_OHM) / board_facts.NTC_BETA_K
    return 1 / inverse - 273.15


def after_session(params: PlantParams, seconds: int = 1200) -> Plant:
    plant = Plant(board_facts, params)
    for _ in range(seconds):
        plant.step(1000, FULL)
    return plant


def test_rest_is_warm_skin_under_a_cooler_board():
    plant = Plant(board_facts)
    assert 32.0 < plant.skin_c < 34.5
    assert 25.0 < plant.board_c < plant.skin_c
    assert plant.sensor_c(SKIN) == pytest.approx(plant.skin_c, abs=0.01)


def test_nominal_session_at_full_duty_stays_below_the_limits():
    plant = after_session(PlantParams())
    assert 37.0 < plant.sensor_c(SKIN) < 39.5
    assert 39.0 < plant.board_c < 55.0


def test_covered_hot_and_bloodless_skin_passes_43_when_nothing_stops_it():
    plant = after_session(PlantParams(ambient_c=35, covered=True, blood_flow=0))
    assert plant.sensor_c(SKIN) > 43.0


def test_parameters_may_change_while_it_runs():
    plant = after_session(PlantParams())
    before = plant.skin_c
    plant.change(covered=True, ambient_c=35.0)
    for _ in range(300):
        plant.step(1000, FULL)
    assert plant.skin_c > before + 0.5
    assert plant.params.covered


def test_a_slipped_pad_reads_less_than_the_skin_has():
    plant = after_session(PlantParams())
    plant.change(contact=0.0, ambient_c=10.0)
    for _ in range(60):
        plant.step(1000, DARK)
    assert plant.sensor_c(SKIN) < plant.skin_c - 3


def test_sensor_lag_keeps_a_slip_slower_than_the_impossible_rate():
    plant = after_session(PlantParams())
    plant.change(contact=0.2)
    before = plant.sensor_c(SKIN)
    plant.step(1000, FULL)
    assert abs(plant.sensor_c(SKIN) - before) < 2.0


@given(any_params, st.lists(st.tuples(st.integers(1, 60_000), st.integers(0, 10**6)), max_size=20))
@settings(max_examples=30, deadline=None)
def test_never_nan_and_never_beyond_the_world(params, steps):
    plant = Plant(board_facts, params)
    for dt_ms, ppm in steps:
        plant.step(dt_ms, (ppm, ppm))
    for value in (plant.skin_c, plant.board_c, plant.sensor_c(SKIN)):
        assert -41 < value < 300
    assert 0 <= plant.raw12(SKIN) <= 4095
    assert 0 <= plant.raw12(BOARD) <= 4095


@given(any_params, st.integers(0, 10**6), st.integers(1, 10**6))
@settings(max_examples=30, deadline=None)
def test_more_duty_is_never_cooler(params, duty, more):
    less_plant, more_plant = Plant(board_facts, params), Plant(board_facts, params)
    for _ in range(30):
        less_plant.step(1000, (duty, 0))
        more_plant.step(1000, (duty, more))
        assert more_plant.board_c >= less_plant.board_c
        assert more_plant.skin_c >= less_plant.skin_c - 1e-9


@given(st.floats(0, 70))
@settings(max_examples=25, deadline=None)
def test_codes_give_the_temperature_back_within_a_fifth_of_a_kelvin(ambient):
    plant = Plant(board_facts, PlantParams(ambient_c=ambient))
    for sensor in (SKIN, BOARD):
        assert abs(celsius(plant.raw12(sensor)) - plant.sensor_c(sensor)) < 0.2


def test_the_firmware_reads_what_the_plant_means():
    curve = Thermistor(board_facts.NTC_R25_OHM, board_facts.NTC_BETA_K, board_facts.PULLUP_OHM)
    plant = after_session(PlantParams(), 300)
    for sensor in (SKIN, BOARD):
        read_c = curve.mc(plant.raw12(sensor) * 16) / 1000
        assert abs(read_c - plant.sensor_c(sensor)) < 0.2


def test_step_length_hardly_matters():
    fine, coarse = Plant(board_facts), Plant(board_facts)
    for _ in range(6000):
        fine.step(100, FULL)
    coarse.step(600_000, FULL)
    assert abs(fine.skin_c - coarse.skin_c) < 0.02
    assert abs(fine.board_c - coarse.board_c) < 0.02


def test_open_and_short_sensors_sit_at_the_rails():
    plant = Plant(board_facts)
    plant.set_fault("skin-mid", "open")
    plant.set_fault(BOARD, "short")
    assert (plant.raw12(SKIN), plant.raw12(BOARD)) == (4095, 0)
    plant.set_fault("skin-mid", "none")
    assert 0 < plant.raw12(SKIN) < 4095


def test_stuck_sensor_keeps_its_code_while_the_world_warms():
    plant = Plant(board_facts)
    plant.set_fault("skin-mid", "stuck")
    held = plant.raw12(SKIN)
    for _ in range(300):
        plant.step(1000, FULL)
    assert plant.raw12(SKIN) == held
    plant.set_fault("skin-mid", "none")
    assert plant.raw12(SKIN) < held


@given(st.floats(-20, 20))
@settings(max_examples=25, deadline=None)
def test_offset_shifts_the_reading_not_the_world(offset):
    plant = Plant(board_facts)
    true_c = plant.sensor_c(SKIN)
    plant.set_fault("skin-mid", "offset", offset)
    assert plant.sensor_c(SKIN) == true_c
    assert abs(celsius(plant.raw12(SKIN)) - true_c - offset) < 0.2


def test_noise_repeats_with_its_seed():
    def codes(seed: int) -> list[int]:
        plant = Plant(board_facts, PlantParams(noise_codes=2.0), seed)
        return [plant.raw12(SKIN) for _ in range(50)]

    assert codes(1) == codes(1)
    assert codes(1) != codes(2)
    assert len(set(codes(1))) > 3


def test_more_channels_and_sensors_are_taken_from_the_facts():
    facts = SimpleNamespace(
        CHANNELS=tuple((f"c{i}", 660, i, 450, 1) for i in range(4)),
        SENSORS=(("left", "skin", 0, 0), ("right", "skin", 0, 1), ("board", "board", 0, 2)),
        PULLUP_OHM=5600,
        NTC_R25_OHM=10000,
        NTC_BETA_K=3950,
    )
    two, four = Plant(board_facts), Plant(facts)
    two.step(60_000, FULL)
    four.step(60_000, FULL * 2)
    assert four.skin_c == pytest.approx(two.skin_c)
    assert four.raw12(0) == four.raw12(1) == two.raw12(SKIN)
    assert four.raw12(2) == two.raw12(BOARD)


@pytest.mark.parametrize("figures", [{"contact": 1.1}, {"ambient_c": math.nan}, {"covered": 1}])
def test_impossible_figures_are_refused(figures):
    with pytest.raises(ValueError, match=next(iter(figures))):
        PlantParams(**figures)


def test_all_problems_of_figures_are_found_at_once():
    found = figure_problems({"contact": -1, "colour": 3, "ambient_c": "warm", "covered": True})
    assert [key for key, _ in found] == ["contact", "colour", "ambient_c"]


def test_unknown_sensors_and_faults_are_refused():
    plant = Plant(board_facts)
    with pytest.raises(ValueError, match="skin-mid, skin-left, skin-right, board"):
        plant.set_fault("elbow", "open")
    with pytest.raises(ValueError, match="no sensor 7"):
        plant.set_fault(7, "open")
    with pytest.raises(ValueError, match="melted"):
        plant.set_fault(0, "melted")  # type: ignore[arg-type]


def stuck_on(cut_off: CutOff, ppm: int, **figures: float) -> tuple[float, int]:
    """Lamps that nobody can switch off: the hottest skin and its zone."""
    plant = Plant(board_facts, PlantParams(**figures))
    plant.cut_offs = [cut_off]
    hottest = (0.0, LOADED)
    for _ in range(3 * 3600):
        plant.step(1000, (ppm, ppm))
        zones_c = plant.skin_zones_c
        hottest = max(hottest, *((zone_c, zone) for zone, zone_c in enumerate(zones_c)))
    return hottest


LAIN_ON = {"loaded_loss": 0.1, "loaded_blood_flow": 0.0, "loaded_thickness": 0.5}


def test_a_cut_off_on_the_board_does_not_keep_skin_below_43_c() -> None:
    """Lamps at a quarter, lain on, 30 C: the slow heating that 45 C +-5 K lets happen."""
    hottest = stuck_on(CutOff(50.0), FULL[0] // 4, ambient_c=30.0, covered=True, **LAIN_ON)
    assert hottest == (pytest.approx(48.6, abs=0.05), LOADED)


def test_a_cut_off_on_the_skin_side_does() -> None:
    cut_off = CutOff(41.8, "skin", LOADED, 20.0)
    hottest = stuck_on(cut_off, FULL[0] // 4, ambient_c=30.0, covered=True, **LAIN_ON)
    assert hottest == (pytest.approx(41.8, abs=0.1), LOADED)


def test_a_cut_off_lags_by_its_time_constant_and_stays_open() -> None:
    cut_off = CutOff(41.0, "skin", lag_s=20.0)
    cut_off.step(1.0, 33.0, 90.0)
    for _ in range(20):
        cut_off.step(1.0, 50.0, 90.0)
    assert cut_off.sensed_c == pytest.approx(50.0 - 17.0 * math.exp(-1), abs=0.2)
    assert not cut_off.closed
    cut_off.step(600.0, 20.0, 20.0)
    assert not cut_off.closed
