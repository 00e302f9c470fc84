"""Proves which MicroPython and ESP-IDF the ESP32's HAL asks for, and why."""

from __future__ import annotations

import pytest

from tests.esp32.test_hal import held
from tests.esp32.world import World


def test_it_asks_for_a_micropython_whose_rmt_can_be_stopped() -> None:
    world = World()
    del world.esp32.RMT.active
    with pytest.raises(ValueError, match=r"1\.27"):
        world.boot()


@pytest.mark.parametrize(
    ("reported", "named"),
    [
        ("IDFv5.5.1", "5.5.1"),
        ("IDFv5.5", "5.5"),
        ("IDFv5.3.2-dirty", "5.3.2"),
        ("IDFv5.5.x", "5.5"),
        ("", "unknown"),
    ],
)
def test_it_asks_for_an_idf_that_stops_an_esp32s_wave(reported: str, named: str) -> None:  # H-59
    world = World()
    world.platform = f"MicroPython-1.27.0-xtensa-{reported}-with-newlib4.3.0"
    with pytest.raises(ValueError, match=f"no light: .*5.5.2 or newer .*{named}"):
        world.boot()
    assert not world.enabled() and (world.light(0), world.light(1)) == (0, 0)
    assert all(pin.level == 0 for pin in world.chip.pins.values())


@pytest.mark.parametrize(
    ("board", "reported"),
    [("", "IDFv5.5.2"), ("", "IDFv6.0-dev-1489-g4e036983a7"), ("_S3", "IDFv5.3.2"), ("_C3", "")],
)
def test_other_chips_and_newer_ones_are_taken(board: str, reported: str) -> None:
    world = World("PBMWRAP_ESP32" + board)
    world.platform = f"MicroPython-1.27.0-xtensa-{reported}-with-newlib4.3.0"
    world.boot()


def test_without_that_refusal_the_first_renewal_would_end_light_by_an_error() -> None:
    """The wait is longer than the timer's patience: it takes the dead-man away in mid-renewal."""
    world = World()
    world.chip.idf = (5, 5, 1)  # and the platform says otherwise
    hal = world.boot()
    hal.enable(True)
    with pytest.raises(AttributeError):
        held(world, 25)
    assert not world.enabled()
