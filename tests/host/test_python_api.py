"""docs/python-api.md: its examples run and print what the page shows, and its tables are
complete."""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path

import pytest

from pbmwrap.device.client import Client
from pbmwrap.twin.sim import SimTwin

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python-api.md"


def test_every_example_prints_what_the_page_shows() -> None:
    ran = doctest.testfile(str(PAGE), module_relative=False)
    assert ran.failed == 0
    assert ran.attempted > 40


def documented(heading: str) -> set[str]:
    """The names in the first column of the tables below a heading of the page."""
    part = PAGE.read_text("utf-8").split(heading, 1)[1].split("\n#", 1)[0]
    cells = re.findall(r"^\| (.*?) \|", part, re.M)
    return {name for cell in cells for name in re.findall(r"`(\w+)", cell)}


def public(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}


def test_every_method_of_the_client_is_in_the_table() -> None:
    assert documented("\n## Client\n") == public(Client)


def test_every_member_of_the_simulated_wrap_is_in_the_table() -> None:
    arguments = set(inspect.signature(SimTwin.__init__).parameters) - {"self"}
    assert documented("\n### SimTwin\n") == public(SimTwin) | arguments


@pytest.mark.parametrize("name", ["telemetry", "set_heat_test", "set_calibration", "start"])
def test_signatures_in_the_table_have_the_parameters_of_the_code(name: str) -> None:
    shown = re.search(rf"`{name}\((.*?)\)`", PAGE.read_text("utf-8").split("\n## Client\n")[1])
    assert shown
    parameters = list(inspect.signature(getattr(Client, name)).parameters)[1:]
    assert re.findall(r"(\w+)(?==|,|$)", re.sub(r"=[^,)]*", "", shown[1])) == parameters
