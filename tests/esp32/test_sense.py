"""Proves the readings of the ESP32: ratios from calibrated voltages, and values without a
temperature."""

from __future__ import annotations

from array import array

import pytest

from tests.esp32.world import BOARDS, World
from tests.port import offer_bytes
from wrap.rules import limits
from wrap.safety.thermistor import OPEN, SHORT, Thermistor


def curve(world: World) -> Thermistor:
    facts = world.facts
    return Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)


def reading(world: World, mv: float, supply_mv: float = 3300) -> int:
    world.chip.volts_mv[world.facts.SENSORS[0][2]] = round(mv)
    world.chip.volts_mv[world.facts.REFERENCE_PIN] = round(supply_mv / 2)
    out = array("i", [0] * len(world.facts.SENSORS))
    world.hal.inputs(out)
    return out[0]


@pytest.mark.parametrize("supply_mv", [3000, 3135, 3300, 3465, 3600])
@pytest.mark.parametrize("celsius", [5, 20, 37, 41, 60, 80])
def test_temperatures_are_right_whatever_the_supply(
    world: World, supply_mv: int, celsius: int
) -> None:
    ntc = curve(world)
    share = ntc.raw_at(celsius * 1000) / 65520
    if share * supply_mv > 2450:
        return
    seen = ntc.mc(reading(world, share * supply_mv, supply_mv))
    assert seen == pytest.approx(celsius * 1000, abs=130)


def test_the_boards_window_holds_what_the_limits_need(world: World) -> None:
    """5 C and 75 C lie inside 150 to 2450 mV with the supply anywhere within 2 % of 3.3 V."""
    ntc = curve(world)
    for supply in (3234, 3366):
        for mc in (limits.PLAUSIBLE_MIN_MC, limits.BOARD_TRIP_HARD_MC + limits.GROSS_MARGIN_MC):
            assert 150 < ntc.raw_at(mc) / 65520 * supply < 2450


@pytest.mark.parametrize(
    ("mv", "meant"), [(0, SHORT), (149, SHORT), (2451, OPEN), (2600, OPEN), (3300, OPEN)]
)
def test_outside_the_window_is_short_or_open(world: World, mv: int, meant: int) -> None:
    seen = reading(world, 3300 if mv == 2451 and world.facts.CHIP == "esp32c3" else mv)
    assert curve(world).mc(seen) == meant


@pytest.mark.parametrize("half_mv", [0, 1499, 1801, 3300])
def test_a_supply_that_cannot_be_one_is_no_temperature(world: World, half_mv: int) -> None:
    assert curve(world).mc(reading(world, 1200, 2 * half_mv)) == SHORT


def test_without_calibration_there_is_no_temperature(world: World) -> None:
    world.chip.calibrated = False
    assert curve(world).mc(reading(world, 1200)) == SHORT


def test_the_button_is_low_while_held(world: World) -> None:
    out = array("i", [0] * 4)
    seen = []
    for level in (1, 0):
        world.chip.driven[world.facts.BUTTON_PIN] = level
        seen.append(world.hal.inputs(out))
    assert seen == [0, 1]


def test_without_a_multiplexer_no_reference_is_wrong(world: World) -> None:
    assert world.facts.MUX_PINS is None
    assert world.hal.references() == 0


def test_sums_stay_small_integers(world: World) -> None:
    raw_of = world.rooms["adc"].raw_of
    assert raw_of(2450 * 8, 1500 * 4) < 65520
    assert 2450 * 8 * (65520 // 4) < 1 << 30


@pytest.mark.parametrize("board", BOARDS)
def test_a_chip_without_calibration_writes_nothing_between_the_lines_of_the_link(
    board: str,
) -> None:
    """ESP-IDF logs an error at each conversion. With a bridge its console is the link."""
    world = World(board)
    world.chip.calibrated = False
    hal = world.boot()
    readings = array("i", [-1] * 4)
    hal.inputs(readings)
    assert list(readings) == [0, 0, 0, 0]
    assert offer_bytes(hal, memoryview(b"answer")) == 6
    assert bytes(world.stdio.out) == b"answer"
