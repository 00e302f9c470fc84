"""Gives tests a booted ESP32 of each board."""

from __future__ import annotations

import pytest

from tests.esp32.world import BOARDS, World


@pytest.fixture(params=BOARDS)
def world(request: pytest.FixtureRequest) -> World:
    made = World(request.param)
    made.boot()
    return made


@pytest.fixture
def devkit() -> World:
    """Return the ESP32 with a bridge, booted."""
    made = World()
    made.boot()
    return made
