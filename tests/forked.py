"""Tests that begin on a booted emulated board: it is booted once in each process, and each test
runs in a copy of that process. Booting takes more time than most of these tests.

`@pytest.mark.forked("name")` names what `register` has taken; a fixture gets it by `take`. Where
there is no fork, `take` makes a new one each time.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

_makers: dict[str, Callable[[], Any]] = {}
_made: dict[str, Any] = {}
_in_copy = False
FORKS = hasattr(os, "fork")


def register(name: str, make: Callable[[], Any]) -> None:
    """`make` brings about what tests marked `forked(name)` begin with."""
    _makers[name] = make


def take(name: str) -> Any:
    """What was made for `name`: the test's own."""
    return _made[name] if _in_copy else _makers[name]()


class Plugin:
    """Registered by tests/conftest.py.

    Private: `_setupstate`, `_tmp_path_factory`, `_from_json` and `_to_json`, since pytest has no
    public way to end set-ups early or to carry a report out of another process. pytest-xdist uses
    the last two for the same purpose.
    """

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let one worker of `--dist loadgroup` run all tests of a state, so that it is made once in
        a run. The folders' conftest.py, which mark the tests, are asked before this plugin."""
        for item in items:
            mark = item.get_closest_marker("forked")
            if mark is not None:
                item.add_marker(pytest.mark.xdist_group(mark.args[0]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Any:
        mark = item.get_closest_marker("forked")
        if mark is None or not FORKS or item.config.getoption("usepdb"):
            return None
        name = mark.args[0]
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in _reports(item, nextitem, name):
            item.ihook.pytest_runtest_logreport(report=report)
        # What other tests have set up here ends when it would have without the copy.
        item.session._setupstate.teardown_exact(nextitem)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def _reports(item: pytest.Item, nextitem: pytest.Item | None, name: str) -> list[pytest.TestReport]:
    if name not in _made:
        try:
            _made[name] = _makers[name]()
        except Exception as problem:
            return [_failed(item, f"{name} could not be made: {problem!r}")]
    item.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # one for all copies
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _run_in_copy(item, nextitem, reading, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if not said:
        return [_failed(item, f"the copy of the process died, status {status}")]
    return [pytest.TestReport._from_json(one) for one in pickle.loads(said)]


def _run_in_copy(
    item: pytest.Item, nextitem: pytest.Item | None, reading: int, writing: int
) -> None:
    """Does not return."""
    global _in_copy
    _in_copy = True
    code = 1
    try:
        os.close(reading)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps([report._to_json() for report in reports]))
        code = 0
    finally:
        os._exit(code)


def _failed(item: pytest.Item, why: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=why,
        when="call",
    )
