"""Options that belong to every suite; hypothesis profiles."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile("default", deadline=None)
# One of a thousand mutants after another: the same few examples each time, and no shrinking.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--target",
        action="append",
        help="what tests/contract runs on: sim, unix, rp2040 (repeatable; default: all)",
    )
