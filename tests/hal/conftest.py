"""Chooses what the contract runs on: `pytest tests/hal --hal fake|PBMWRAP_ESP32|...|rp2040`
(repeatable; default: all)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import forked
from tests.hal.rigs import TARGETS, Rp2040, made

forked.register("hal", Rp2040)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rig" in metafunc.fixturenames:
        metafunc.parametrize("rig", metafunc.config.getoption("hal") or TARGETS, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and callspec.params.get("rig") == "rp2040":
            item.add_marker(pytest.mark.forked("hal"))


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[Any]:
    found = forked.take("hal") if request.param == "rp2040" else made(request.param)
    yield found
    if request.param == "rp2040":
        found.twin.close()
