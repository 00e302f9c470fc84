"""What asks a person first: `settings confirm` and `heat-test set`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.doctor import wrap as judge
from tests.host.cli_helpers import data, fails, run, wrap

__all__ = ("wrap",)  # a fixture
SET = ("heat-test", "set", "80", "--hottest", "41.5", "--how", "bag")


def asked(*words, answer):
    return CliRunner().invoke(main.app, words, input=answer)


def test_confirm_shows_all_that_is_in_force_and_asks(wrap):
    wrap.status["unconfirmed"] = ["settings", "cal"]
    no = asked("settings", "confirm", answer="n\n")
    assert no.exit_code == 1 and "nothing was changed" in no.stderr
    assert "settings.confirm" not in wrap.acted
    yes = asked("settings", "confirm", answer="y\n")
    assert yes.exit_code == 0 and yes.stdout.endswith("confirmed: settings, calibration\n")
    for shown in ("damaged or lost: settings, calibration", "trip_mc", "42.00 mW/cm2"):
        assert shown in yes.stderr
    assert "no heat test recorded" in yes.stderr
    assert wrap.acted.count("settings.confirm") == 1


def test_confirm_in_a_script_needs_yes(wrap):
    wrap.status["unconfirmed"] = ["heat"]
    code, error = fails("settings", "confirm")
    assert (code, error["code"]) == (2, "usage") and "--yes" in error["hint"]
    assert data("settings", "confirm", "--yes") == {"confirmed": ["heat"]}


def test_confirm_does_not_ask_when_nothing_waits(wrap):
    assert asked("settings", "confirm", answer="").stdout == "nothing needs to be confirmed\n"
    assert "settings.confirm" not in wrap.acted


def test_status_and_doctor_say_that_light_waits_for_a_confirmation(wrap):
    wrap.status.update(unconfirmed=["cal"], temps_mc=[31000, 30000], settings_damaged=True)
    said = CliRunner().invoke(main.app, ["status"]).stdout
    assert "no light  calibration may be damaged or lost" in said
    assert "check the values in force: `pbmwrap settings confirm`" in said
    code, found = run("doctor")
    check = next(c for c in found["data"] if c["name"] == "settings")
    assert (code, check["level"]) == (1, "bad")
    assert "pbmwrap settings confirm" in check["hint"]
    wrap.status["unconfirmed"] = []
    code, found = run("doctor")
    check = next(c for c in found["data"] if c["name"] == "settings")
    assert (code, check["level"], check["text"]) == (0, "note", "one of two copies was damaged")


def test_a_refused_start_says_what_to_do_once(wrap):
    from wrap.errors import Refused

    def refuse(p):
        raise Refused("not_now", "... then `pbmwrap settings confirm`")

    wrap.calls["session.start"] = refuse
    assert fails("run")[1]["hint"] == ""


def test_a_heat_test_is_shown_set_and_cleared(wrap):
    assert data("heat-test", "show") is None
    said = asked(*SET, answer="y\n")
    assert "docs/build-a-wrap.md, section 13" in said.stderr
    assert "80 % of full power, hottest 41.5 C" in said.stderr
    sent = json.loads(wrap.lines[-1])["p"]
    assert (sent["pm"], sent["max_mc"], sent["how"]) == (800, 41500, "bag")
    shown = asked("heat-test", "show", answer="").stdout
    assert shown == f"heat test of {sent['date']}: 80 % of full power, hottest 41.5 C (bag)\n"
    assert data("heat-test", "clear") is None
    assert asked("heat-test", "show", answer="").stdout == "no heat test recorded\n"


def test_a_heat_test_is_not_recorded_without_a_yes(wrap):
    assert asked(*SET, answer="n\n").exit_code == 1
    assert fails(*SET)[0] == 2
    assert "heat.set" not in wrap.acted
    assert data(*SET, "--yes")["pm"] == 800


@pytest.mark.parametrize("power,hottest", [
    ("nan", "41"), ("inf", "41"), ("80", "nan"), ("0.04", "41"), ("0", "41"), ("80", "-1"),
])  # fmt: skip
def test_what_is_no_figure_is_wrong_use(wrap, power, hottest):
    code, error = fails("heat-test", "set", power, "--hottest", hottest, "--yes")
    assert (code, error["code"]) == (2, "usage")
    assert error["message"].startswith(("POWER is", "--hottest is"))
    assert "heat.set" not in wrap.acted


def test_the_doctor_says_well_when_all_is_well(wrap):
    from pbmwrap.device.models import Status

    assert judge.check_settings(Status(state="idle")).text == "no damage found"
