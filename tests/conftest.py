"""Options that belong to every suite; hypothesis profiles."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--target",
        action="append",
        help="what tests/contract runs on: sim, unix, rp2040 (repeatable; default: all)",
    )
