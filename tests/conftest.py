"""Options that belong to every suite; hypothesis profiles."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import forked

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
# In CI the same examples each time, so that a change is judged by itself alone; elsewhere others
# each time, which is how a rare case is found.
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.load_profile("same" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--target",
        action="append",
        help="what tests/contract runs on: sim, unix, rp2040 (repeatable; default: all)",
    )
    parser.addoption(
        "--hal",
        action="append",
        help="what tests/hal runs on: fake, an ESP32's board, rp2040 (repeatable; default: all)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(forked.Plugin(), "forked")


def _take_signals() -> None:
    """A CI that starts the tests in the background lets them ignore Ctrl-C and a lost terminal, and
    so would every process that a test starts and signals."""
    for name, usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, usual)


_take_signals()
