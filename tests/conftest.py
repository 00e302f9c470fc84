"""Options of every suite, hypothesis profiles, and the record of how long each test takes."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import forked

TIMES_FILE = "PBMWRAP_TEST_TIMES"  # environment variable, set by .ci/run

settings.register_profile("default", deadline=None)
# For mutation testing, a thousand runs: the same few examples each time, and no shrinking.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
# CI takes the same examples each time, so that only the change decides the result. Elsewhere they
# are new each time, which finds rare cases.
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
    # Removed from the environment: neither a worker of xdist nor a pytest that a test starts may
    # add its times a second time.
    file = os.environ.pop(TIMES_FILE, None)
    if file:
        config.pluginmanager.register(TestTimes(Path(file)), "times")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Measure no coverage in slow tests. Tracing makes a test up to four times slower, and the
    others reach every branch."""
    if config.pluginmanager.hasplugin("pytest_cov"):  # which defines the marker
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker("no_cover")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Raise pytest.UsageError when `--dist loadgroup` leaves grouped tests ungrouped: they would
    pass, and boot every board once more in each worker."""
    if not getattr(session.config.option, "loadgroup", False):
        return
    for item in session.items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            raise pytest.UsageError(
                f"{item.nodeid} has a group that this pytest-xdist does not pass on"
                " (pytest-dev/pytest-xdist issue 1386); `make setup` installs versions that fit"
            )


class TestTimes:
    """Appends a line "seconds test" to `file` for each test of this run: setup, call and teardown
    together, wall time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        with self._file.open("a", encoding="utf-8") as out:
            for test, seconds in self._seconds.items():
                out.write(f"{seconds:8.2f} {test}\n")


def _take_signals() -> None:
    """Restore the usual handlers of SIGINT and SIGHUP. A CI that starts the tests in the background
    makes them ignore both, and processes that a test starts and signals would inherit that."""
    for name, usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, usual)


_take_signals()
