"""Proves which MicroPython the ESP32's HAL asks for, and that it asks for no ESP-IDF."""

from __future__ import annotations

import pytest

from tests.esp32.test_hal import held
from tests.esp32.world import BOARDS, World
from wrap.version import OLDEST_MICROPYTHON


@pytest.mark.parametrize("version", [(1, 25, 0, ""), (1, 26, 9, "preview"), (0, 99, 0, "")])
@pytest.mark.parametrize("board", BOARDS)
def test_an_older_micropython_is_refused_before_anything_is_driven(
    board: str, version: tuple[int, int, int, str]
) -> None:
    world = World(board)
    world.micropython = version
    with pytest.raises(ValueError, match=r"needs MicroPython 1\.27 or newer"):
        world.boot()
    assert world.chip.pins == {}


@pytest.mark.parametrize("board", BOARDS)
def test_the_oldest_micropython_gives_light(board: str) -> None:  # H-59
    """Its own builds have ESP-IDF 5.5.1, which cannot stop a wave of an ESP32."""
    world = World(board)
    world.micropython = (*OLDEST_MICROPYTHON[world.facts.CHIP], 0, "")
    world.boot().enable(True)
    assert held(world, 100)
    assert world.enabled()
