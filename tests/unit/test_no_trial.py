"""A wrap that was installed as files: it has no blinded trial, and all else as ever."""

import importlib.util
import sys

import pytest

import wrap.app
from pbmwrap.install import bundle
from tests.between_steps import between_steps
from tests.unit.conftest import Rig
from wrap import main_loop
from wrap.errors import UNKNOWN_METHOD


@pytest.fixture
def rig(monkeypatch):
    """A wrap whose `App` is imported without the files that are left out."""
    for name in bundle.NOT_INSTALLED:
        monkeypatch.setitem(sys.modules, name.removesuffix(".py").replace("/", "."), None)
    spec = importlib.util.spec_from_file_location("app_of_files", wrap.app.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(main_loop, "App", module.App)
    return Rig()


def test_its_sessions_give_light_and_their_records_are_not_masked(rig):
    rig.store(person="a1", site="foot-left", steps=[{"t": 30, "ch": {"red": [100]}}])
    rig.app.protocols.activate(0)
    between_steps(rig.app).starter.start("link", False)
    rig.until("running", 40_000)
    status = rig.ask("status")
    assert "hidden" not in status
    assert max(status["duty_u16"]) > 0
    rig.until("done", 200_000)
    assert rig.ask("status")["on_ms"][0] > 0
    assert rig.ask("hello")["boot"] == 1


@pytest.mark.parametrize("method", ["get", "arm", "close", "reveal", "unblind"])
def test_it_knows_no_request_of_a_trial(rig, method):
    assert rig.ask(f"trial.{method}")[0] == UNKNOWN_METHOD


def test_it_repairs_and_repeats_nothing_of_a_trial(rig):
    rig.board.power_on()
    rig.advance(120_000)
    assert rig.ask("status")["fault"] is None
