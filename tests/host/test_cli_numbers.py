"""Every command reports a missing, negative or huge number as wrong use, with its name."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main, twin_cmds
from pbmwrap.errors import UsageError
from pbmwrap.logs.archive import Archive
from tests.host.cli_helpers import data, fails, wrap
from tests.host.log_maker import dated_log

__all__ = ("wrap",)  # a fixture

ODD = ("nan", "inf", "-inf", "1e400", "-1e400", "1e300", "-5", "-0.5", "-.5", "0.0004")
# What comes before the number, and behind it.
FLOATS = {
    "cal set red": "--uncertainty 5",
    "cal set red 40 --uncertainty": "",
    "cal set red 40 --uncertainty 5 --peak": "",
    "heat-test set": "--hottest 41 --yes",
    "heat-test set 80 --hottest": "--yes",
    "monitor --count 1 --every": "",
    "logs show --area": "",
}
WHOLE = {
    "monitor --every 0.1 --count": "",
    "bench --seconds": "",
    "protocol activate": "",
    "protocol delete": "",
    "protocol show --slot": "",
    "protocol flash minor-injury --slot": "",
    "logs show": "",
    "logs date": "2026-09-21",
}


@pytest.fixture
def bounded(wrap, tmp_path):
    """A wrap that says its worst case, and a log that is kept."""
    wrap.hello["worst_uw"] = [60_000, 80_000]
    Archive(tmp_path / "data" / "logs").wrap("u1").append(0, dated_log().raw)
    return wrap


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("words", FLOATS)
def test_a_number_that_cannot_be_used_is_wrong_use(bounded, words: str, value: str):
    result = CliRunner().invoke(main.app, [*words.split(), value, *FLOATS[words].split()])
    assert (result.exit_code, "Traceback" in result.output) == (2, False), result.output
    assert result.stderr.count("\n") == 1 or "Usage:" in result.stderr
    assert not {"cal.set", "heat.set", "telemetry"} & set(bounded.acted)


@pytest.mark.parametrize("value", ["nan", "inf", "1.5", "1e3", "1" * 30, "-" + "1" * 30, "-5"])
@pytest.mark.parametrize("words", WHOLE)
def test_a_whole_number_that_cannot_be_used_is_wrong_use(bounded, words: str, value: str):
    result = CliRunner().invoke(main.app, [*words.split(), value, *WHOLE[words].split()])
    assert (result.exit_code, "Traceback" in result.output) == (2, False), result.output
    assert not {"settings.set", "proto.activate", "proto.delete"} & set(bounded.acted)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cal set red -5 --uncertainty 5", "MW_CM2 is -5, it must be at least 0.001 mW/cm2"),
        ("cal set red nan --uncertainty 5", "MW_CM2 is nan, not a number"),
        ("cal set red 1e300 --uncertainty 5", "MW_CM2 is 1e+300, which is out of range"),
        ("heat-test set 101 --hottest 41 --yes", "POWER is 101, it must be 0.1 to 100 %"),
        ("heat-test set 80 --hottest 43 --yes", "--hottest is 43, it must be 25 to 42 C"),
        ("settings set time_s 4294967296", "VALUE is 4.29e+09, which is out of range"),
    ],
)
def test_the_message_names_the_parameter_and_its_range(bounded, words: str, message: str):
    code, error = fails(*words.split())
    assert (code, error["message"]) == (2, message)


def test_an_option_that_is_unknown_is_still_reported_by_name(bounded):
    result = CliRunner().invoke(main.app, ["cal", "set", "red", "40", "--uncertanty", "5"])
    assert (result.exit_code, "--uncertanty" in result.stderr) == (2, True)


@pytest.mark.parametrize("value", ["-5", "-4294967295", "1201", "4294967295"])
def test_a_setting_beyond_its_range_is_refused_by_the_wrap(monkeypatch, tmp_path, value: str):
    monkeypatch.setenv("PBMWRAP_PORT", f"sim:{tmp_path / 'flash'}")
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    code, error = fails("settings", "set", "time_s", value)
    assert (code, "time_s must be a whole number from 60 to 1200" in error["message"]) == (8, True)
    assert data("settings", "show")["time_s"] == 1200


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-1", "0", "1e-9", "1e9", "1e400", ""])
def test_a_speed_that_is_none_is_named(text: str):
    with pytest.raises(UsageError, match=r"number from 0\.001 to 100000, or max"):
        twin_cmds.parse_speed(text)
    if text:
        assert CliRunner().invoke(main.app, ["sim", "--speed", text]).exit_code == 2


def test_a_protocols_numbers_are_numbers_in_json(bounded):
    shown = data("protocol", "show", "minor-injury")
    assert (shown["protocol"]["dose_j_cm2"], shown["summary"]["dose_j_cm2"]) == (6.0, 6.0)
    assert shown["protocol"]["skin_trip_c"] == 40.5
    assert shown["protocol"]["step"][0]["red"]["intensity"] == 25.0
