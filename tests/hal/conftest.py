"""`pytest tests/hal --hal fake|PBMWRAP_ESP32|...|rp2040` (repeatable; default: all)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.hal.rigs import TARGETS, made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rig" in metafunc.fixturenames:
        metafunc.parametrize("rig", metafunc.config.getoption("hal") or TARGETS, indirect=True)


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[Any]:
    found = made(request.param)
    yield found
    if request.param == "rp2040":
        found.twin.close()
