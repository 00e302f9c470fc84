"""`cal set`: a value that is not a number, or not plausible, is wrong use and stores nothing."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from tests.host.cli_helpers import data, fails, wrap

__all__ = ("wrap",)  # a fixture


@pytest.fixture
def cal_wrap(wrap):
    """A wrap that says what its board's worst case is."""
    wrap.hello["worst_uw"] = [60000, 80000]
    return wrap


def wrong(wrap, *words):
    code, error = fails("cal", "set", "red", *words)
    assert (code, error["code"]) == (2, "usage"), error
    assert "cal.set" not in wrap.acted
    return error["message"]


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "0.0004"])
def test_what_is_no_irradiance_is_named_and_removes_no_calibration(cal_wrap, value):
    assert wrong(cal_wrap, value, "--uncertainty", "5").startswith("MW_CM2 is ")


@pytest.mark.parametrize("value", ["nan", "inf", "0", "2.9", "50.1", "-5"])
def test_what_is_no_uncertainty_is_named(cal_wrap, value):
    assert wrong(cal_wrap, "40", "--uncertainty", value).startswith("--uncertainty is ")


def test_the_uncertainty_is_required(cal_wrap):
    assert wrong(cal_wrap, "40") == "--uncertainty is missing"


@pytest.mark.parametrize("value,shown", [("1.499", "1.499"), ("200.001", "200.001")])
def test_the_bounds_are_named_with_the_stated_worst_case(cal_wrap, value, shown):
    assert wrong(cal_wrap, value, "--uncertainty", "5") == (
        f"MW_CM2 is {shown}, it must be 1.5 to 200 mW/cm2; "
        "the board's stated worst case for red is 60 mW/cm2"
    )


@pytest.mark.parametrize("value", ["1.5", "200"])
def test_the_bounds_themselves_are_taken(cal_wrap, value):
    for percent in ("3", "50"):
        data("cal", "set", "red", value, "--uncertainty", percent)
    sent = [json.loads(line)["p"] for line in cal_wrap.lines if b"cal.set" in line]
    assert [s["unc_pm"] for s in sent] == [30, 500]


def test_a_wrap_that_knows_no_peak_keeps_what_it_has(cal_wrap):
    code, error = fails("cal", "set", "red", "40", "--uncertainty", "5", "--peak", "1.35")
    assert (code, error["code"]) == (8, "unknown_method")
    assert "cal.set" not in cal_wrap.acted


@pytest.mark.parametrize("value", ["nan", "inf", "0.99", "5.01", "-1"])
def test_what_is_no_peak_is_named(cal_wrap, value):
    assert wrong(cal_wrap, "40", "--uncertainty", "5", "--peak", value).startswith("--peak is ")


def test_an_older_wrap_checks_alone(wrap):
    data("cal", "set", "red", "0.001", "--uncertainty", "5")
    assert "cal.set" in wrap.acted


@pytest.mark.parametrize("words", [("set", "red", "0"), ("set", "red", "0.0"), ("clear", "red")])
def test_a_calibration_is_removed_by_an_exact_0_or_by_clear(cal_wrap, words):
    data("cal", *words)
    sent = json.loads(next(line for line in cal_wrap.lines if b"cal.set" in line))["p"]
    assert (sent["ch"], sent["uw"]) == ("red", 0)


def test_status_and_doctor_tell_of_a_calibration_that_is_not_believed(cal_wrap):
    cal_wrap.status["cal_void"] = ["red"]
    said = CliRunner().invoke(main.app, ["status"]).stdout
    assert "calibration of red is out of range and not used" in said
    said = CliRunner().invoke(main.app, ["doctor"]).stdout
    assert "red: out of range and not used, so sessions end by time" in said


def test_the_firmware_and_the_command_have_the_same_bounds(monkeypatch, tmp_path):
    monkeypatch.setenv("PBMWRAP_PORT", f"sim:{tmp_path / 'flash'}")
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    assert data("cal", "set", "nir", "2", "--uncertainty", "3")["nir"]["uw"] == 2000
    code, error = fails("cal", "set", "nir", "1.999", "--uncertainty", "3")
    assert (code, "2 to 200 mW/cm2" in error["message"]) == (2, True)
    assert data("cal", "show")["nir"]["uw"] == 2000
    kept = data("cal", "set", "nir", "2", "--uncertainty", "3", "--peak", "1.2")["nir"]
    assert (kept["uw"], kept["peak_pm"]) == (2000, 1200)
