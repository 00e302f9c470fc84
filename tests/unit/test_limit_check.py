"""The limits hold among themselves; a firmware in which one does not gives no light and is not
built."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.conftest import Rig
from tools.toolchain import image
from tools.toolchain.limits import check_limits
from wrap.rules import limits
from wrap.safety import limit_check

NAMES = {name: value for name, value in vars(limits).items() if name.isupper()}
HARD = {
    "SKIN_TRIP_HARD_MC": 43000,
    "BOARD_TRIP_HARD_MC": 70000,
    "SESSION_HARD_S": 1800,
    "DOSE_CAP_HARD_MJ": 120000,
    "SITE_DAY_HARD": 2,
    "SITE_WEEK_HARD": 7,
    "LIGHT_DAY_HARD_S": 7200,
    "WAKE_HARD_S": 600,
    "WATCHDOG_HARD_MS": 8000,
    "DEADMAN_HARD_MS": 500,
}


def problem(**changes):
    return limit_check.find_problem(SimpleNamespace(**{**NAMES, **changes}))


def test_the_limits_of_this_firmware_hold():
    assert limit_check.find_problem(limits) == ""


def test_the_hard_limits_are_what_was_decided():
    assert {name: NAMES[name] for name in NAMES if "_HARD" in name} == HARD


def test_every_hard_limit_is_checked_against_its_default():
    for name in HARD:
        default = next(low for low, high, _ in limit_check.ORDER if high == name)
        assert default.rsplit("_", 1)[0] in name or default == "SESSION_MAX_S"
        broken = problem(**{default: NAMES[name] + 1})
        assert broken == f"{default} is {NAMES[name] + 1}, beyond {name} {NAMES[name]}"


@pytest.mark.parametrize("low,high,why", limit_check.ORDER)
def test_each_order_is_checked_and_equal_is_within(low, high, why):
    """The pair alone: whatever else that breaks is not looked at."""
    alone = SimpleNamespace(**NAMES)
    setattr(alone, low, NAMES[high])
    assert not limit_check.find_problem(alone).startswith(f"{low} is {NAMES[high]}, beyond {high} ")
    setattr(alone, low, 10**9)
    assert limit_check.find_problem(alone).startswith(f"{low} is 1000000000, beyond ")


@pytest.mark.parametrize("name", limit_check.POSITIVE)
def test_no_protection_is_switched_off_by_a_zero(name):
    assert problem(**{name: 1}) == ""
    assert problem(**{name: 0}) == f"{name} is 0, below 1"


@pytest.mark.parametrize("value", [None, 1.5, "1", True])
@pytest.mark.parametrize("name", ["SKIN_TRIP_MC", "SKIN_TRIP_HARD_MC", "RESETS_MOST"])
def test_what_is_no_whole_number_is_no_limit(name, value):
    assert problem(**{name: value}) == f"{name} is no whole number"


@pytest.mark.parametrize("name", ["SKIN_TRIP_MC", "SKIN_TRIP_HARD_MC", "RESETS_MOST"])
def test_a_limit_that_is_missing_is_no_limit(name):
    left = {n: value for n, value in NAMES.items() if n != name}
    assert limit_check.find_problem(SimpleNamespace(**left)) == f"{name} is no whole number"


def test_a_reason_is_said_where_there_is_one():
    assert problem(HEARTBEAT_MS=160) == (
        "HEARTBEAT_MS is 160, beyond DEADMAN_MS 150: the timer acts before the enable falls"
    )


def test_a_firmware_with_a_broken_limit_gives_no_light_and_cannot_be_acknowledged(
    monkeypatch,
):  # H-55
    rig = Rig()
    rig.store()
    monkeypatch.setattr(limits, "SKIN_TRIP_MC", 43001)
    rig.board.power_off()
    rig.board.power_on()
    rig.advance(1000)
    fault = rig.ask("fault.get")
    said = "SKIN_TRIP_MC is 43001, beyond SKIN_TRIP_HARD_MC 43000"
    assert (rig.state, fault["name"], fault["detail"]) == ("fault", "program", said)
    assert rig.ask("hello")["integrity"] == "damaged"
    assert rig.ask("fault.ack")[0] == "fault"
    assert rig.ask("session.start")[0] == "fault"
    rig.press(3000)
    assert (rig.state, rig.dark()) == ("fault", True)
    monkeypatch.undo()
    rig.board.power_off()
    rig.board.power_on()
    rig.advance(1000)
    assert rig.ask("fault.ack") == {"state": "idle"}
    assert rig.ask("session.start") == {"session": 1}


@pytest.mark.parametrize("broken", [False, True])
def test_a_firmware_with_a_broken_limit_is_not_built(monkeypatch, broken):
    files = image.frozen_files("PBMWRAP_RP2040")
    name = "wrap/rules/limits.py"
    if broken:
        files[name] = files[name].replace(b"\nBOARD_TRIP_MC = 60000", b"\nBOARD_TRIP_MC = 70001")
    monkeypatch.setattr(image, "frozen_files", lambda board: files)
    built = []
    monkeypatch.setattr(image, "staged_files", lambda *a: built.append(a) or {})
    monkeypatch.setattr(image, "target_of", lambda folder: True)
    monkeypatch.setattr(image, "_board_constants", lambda ours: {})
    monkeypatch.setattr(image, "build_esp32", lambda *a: [])
    if broken:
        with pytest.raises(image.Stop, match=r"limits.py: BOARD_TRIP_MC is 70001"):
            image.build_firmware("PBMWRAP_RP2040", Path("out"))
    else:
        image.build_firmware("PBMWRAP_RP2040", Path("out"))
    assert bool(built) is not broken


def test_a_board_without_our_firmware_has_no_limits_to_check():
    check_limits({})
