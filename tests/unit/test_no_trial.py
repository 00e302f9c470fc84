"""A wrap that was installed as files: it has no blinded trial, and all else as ever."""

import importlib.util
import sys

import pytest

import wrap.app
from pbmwrap.device.models import BLIND_STATES
from pbmwrap.install import bundle
from tests.between_steps import between_steps
from tests.unit.conftest import MemFiles, Rig
from wrap import main_loop
from wrap.errors import UNKNOWN_METHOD, Refused
from wrap.session import no_trial, trial
from wrap.storage.double_store import DoubleStore


def leave_out_trial(monkeypatch):
    """Let a wrap that is switched on from now on have an `App` without the files left out."""
    for name in bundle.NOT_INSTALLED:
        monkeypatch.setitem(sys.modules, name.removesuffix(".py").replace("/", "."), None)
    spec = importlib.util.spec_from_file_location("app_of_files", wrap.app.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(main_loop, "App", module.App)


@pytest.fixture
def rig(monkeypatch):
    """A wrap that was installed as files."""
    leave_out_trial(monkeypatch)
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


TRIAL = {
    "id": "feet",
    "person": "a1",
    "design": "sides",
    "sites": ["foot-left", "foot-right"],
    "periods": 4,
    "sessions": 3,
    "plan_sha": "5a" * 32,
    "secret": "01" * 32,
    "period": 1,
    "counts": [0, 0],
    "n": 6,
    "closed": [],
    "reason": "",
}


def start_over_trial(monkeypatch, state, person="a1", site="foot-left"):
    """Try to start a session on a wrap of files whose store has TRIAL in `state`. Returns (rig, the
    refusal's text or "")."""
    files = MemFiles()
    DoubleStore(files, "trial").put({"trial": TRIAL | {"state": state}})
    leave_out_trial(monkeypatch)
    rig = Rig(files)
    rig.store(person=person, site=site, steps=[{"t": 30, "ch": {"red": [100]}}])
    rig.app.protocols.activate(0)
    try:
        between_steps(rig.app).starter.start("link", False)
    except Refused as refusal:
        return rig, refusal.args[1]
    return rig, ""


@pytest.mark.parametrize("state", ["armed", "running", "finished"])
@pytest.mark.parametrize("site", TRIAL["sites"])
def test_the_sites_of_a_trial_that_the_image_began_stay_dark(monkeypatch, state, site):
    """Both arms would get light, and nothing would show it."""
    rig, refusal = start_over_trial(monkeypatch, state, site=site)
    assert "only the image keeps: install the image" in refusal
    rig.advance(60_000)
    assert rig.state == "idle" and rig.ask("status")["on_ms"] == [0, 0]
    kept = DoubleStore(rig.files, "trial")
    assert kept.value["trial"] == TRIAL | {"state": state} and not kept.unconfirmed


@pytest.mark.parametrize(
    ("state", "person", "site"),
    [
        ("unblinded", "a1", "foot-left"),
        ("running", "b2", "foot-left"),
        ("running", "a1", "knee-left"),
    ],
)
def test_what_is_no_session_of_that_trial_begins(monkeypatch, state, person, site):
    rig, refusal = start_over_trial(monkeypatch, state, person, site)
    assert refusal == ""
    rig.until("running", 40_000)


def test_one_list_of_blind_states_is_meant_everywhere():
    """Private: `_BLIND`, since firmware in files cannot import wrap.session.trial."""
    blind = (trial.ARMED, trial.RUNNING, trial.FINISHED)
    assert no_trial._BLIND == BLIND_STATES == blind
