"""Proves which MicroPython the ESP32's HAL asks for, and that it asks for no ESP-IDF."""

from __future__ import annotations

import pytest

from tests.esp32.test_hal import held
from tests.esp32.world import BOARDS, World


def test_it_asks_for_a_micropython_whose_rmt_can_be_stopped() -> None:
    world = World()
    del world.esp32.RMT.active
    with pytest.raises(ValueError, match=r"1\.27"):
        world.boot()


@pytest.mark.parametrize("board", BOARDS)
def test_light_of_a_session_needs_no_newer_esp_idf(board: str) -> None:  # H-59
    """MicroPython's own builds of 1.27 have 5.5.1, which cannot stop a wave of an ESP32."""
    world = World(board)
    world.platform = "MicroPython-1.27.0-xtensa-IDFv5.5.1-with-newlib4.3.0"
    world.boot().enable(True)
    assert held(world, 100)
    assert world.enabled()
