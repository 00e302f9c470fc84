"""The suite refuses versions of pytest and pytest-xdist that lose the groups of tests."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests import conftest


def make_session(nodeid: str, grouped: bool, loadgroup: bool = True) -> SimpleNamespace:
    def find_marker(name: str) -> object:
        assert name == "xdist_group"
        return object() if grouped else None

    item = SimpleNamespace(nodeid=nodeid, get_closest_marker=find_marker)
    option = SimpleNamespace(loadgroup=loadgroup) if loadgroup else SimpleNamespace()
    return SimpleNamespace(items=[item], config=SimpleNamespace(option=option))


def check(session: SimpleNamespace) -> None:
    conftest.pytest_collection_finish(session)  # pyright: ignore[reportArgumentType]


def test_a_group_that_is_not_passed_on_is_refused_with_what_to_do() -> None:
    with pytest.raises(pytest.UsageError, match=r"a.py::test_b has a group .*make setup"):
        check(make_session("a.py::test_b", grouped=True))


def test_a_group_that_is_passed_on_and_tests_without_one_are_fine() -> None:
    check(make_session("a.py::test_b@board", grouped=True))
    check(make_session("a.py::test_b", grouped=False))
    check(make_session("a.py::test_b", grouped=True, loadgroup=False))
