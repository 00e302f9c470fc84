"""What doctor says of a wrap, each finding both ways: judgements of handed-in answers."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pbmwrap.device.answers import parse_answer
from pbmwrap.device.models import Calibration, Hello, LogInfo, Status
from pbmwrap.doctor import micropython, wrap
from pbmwrap.doctor.check import Check
from pbmwrap.errors import DeviceError
from pbmwrap.logs.verify import verify_log
from tests.host import log_maker
from tests.host.scripted_wrap import HELLO, STATUS
from wrap.safety.power_limit import NO_HEAT_TEST, NOT_WORN
from wrap.version import VERSION

TODAY = date(2026, 11, 26)


def hello(**changes: Any) -> Hello:
    return parse_answer(Hello, HELLO | changes)


def status(**changes: Any) -> Status:
    return parse_answer(Status, STATUS | changes)


def level(check: Check) -> str:
    """Return the level of a check, and assert that a bad one has a hint."""
    assert bool(check.hint) == (check.level != "good") or check.level == "good", check
    return check.level


@pytest.mark.parametrize(
    ("said", "expected", "text"),
    [
        ({"integrity": "whole", "memory": "whole"}, "good", "program intact, RAM intact"),
        ({"integrity": "checking", "memory": "whole"}, "good", "program checking, RAM intact"),
        ({"integrity": "damaged", "memory": "whole"}, "bad", "program damaged, RAM intact"),
        ({"integrity": "unknown", "memory": "damaged"}, "bad", "program unknown, RAM damaged"),
        ({}, "note", "the program is not checked: program unknown, RAM unknown"),
    ],
)
def test_program_and_ram(said: dict[str, str], expected: str, text: str) -> None:
    check = wrap.check_integrity(hello(**said))
    assert (level(check), check.text) == (expected, text)


@pytest.mark.parametrize(
    ("cause", "expected"), [("power", "good"), ("watchdog", "note"), ("brown-out", "note")]
)
def test_last_start(cause: str, expected: str) -> None:
    found = {c.name: c for c in wrap.check_hello(hello(cause=cause))}
    assert level(found["last start"]) == expected


@pytest.mark.parametrize(("fw", "expected"), [(VERSION, "good"), ("0.0.1", "note")])
def test_firmware(fw: str, expected: str) -> None:
    assert level(next(wrap.check_hello(hello(fw=fw)))) == expected


@pytest.mark.parametrize(
    ("mc", "expected", "text"),
    [
        ([31000, 30000], ["good"], "skin 31.0, board 30.0 C"),
        ([31000, None], ["bad"], "board is open or shorted"),
        ([4900, 5000], ["note"], "skin reads 4.9 C"),
        ([50100, 50000], ["bad"], "skin reads 50.1 C"),
        ([31000, 41100], ["note"], "10.1 K apart with the light off"),
    ],
)
def test_sensors(mc: list[int | None], expected: list[str], text: str) -> None:
    found = list(wrap.check_sensors(hello(), status(temps_mc=mc)))
    assert [level(c) for c in found] == expected
    assert found[0].text == text


@pytest.mark.parametrize(
    ("pm", "why", "expected", "text"),
    [
        (250, NO_HEAT_TEST, ["note"], f"25 % of full: {NO_HEAT_TEST}"),
        (250, NOT_WORN, ["good"], f"25 % of full: {NOT_WORN}"),
        (833, None, ["good"], "83 % of full"),
        (None, None, [], ""),
    ],
)
def test_power(pm: int | None, why: str | None, expected: list[str], text: str) -> None:
    found = list(wrap.check_power(status(power_pm=pm, power_why=why)))
    assert [level(c) for c in found] == expected
    assert [c.text for c in found] == [text] * len(expected)


@pytest.mark.parametrize(
    ("sounds", "text"),
    [(None, "none is fitted: alarms are only visible"), (True, "sounding"), (False, "silent")],
)
def test_buzzer(sounds: bool | None, text: str) -> None:
    check = wrap.check_buzzer(status(buzzer=sounds))
    assert (level(check), check.text) == ("good", text)


def test_sensors_may_be_apart_while_a_session_warms_the_pad() -> None:
    lit = status(temps_mc=[31000, 45000], state="running")
    assert [c.level for c in wrap.check_sensors(hello(), lit)] == ["good"]


@pytest.mark.parametrize(
    ("state", "duty", "expected"),
    [
        ("idle", [0, 0], "good"),
        ("idle", [0, 5], "bad"),
        ("fault", [9, 0], "bad"),
        ("running", [900, 900], "good"),
    ],
)
def test_lamps(state: str, duty: list[int], expected: str) -> None:
    assert level(wrap.check_lamps(hello(), status(state=state, duty_u16=duty))) == expected


@pytest.mark.parametrize(
    ("skew", "expected", "text"),
    [
        (60, "good", "within 60 s of this machine's clock"),
        (-61, "note", "61 seconds behind this machine's clock"),
        (7300, "note", "2 hours ahead of this machine's clock"),
        (-259300, "note", "3 days behind this machine's clock"),
    ],
)
def test_clock(skew: int, expected: str, text: str) -> None:
    check = wrap.check_clock(status(unix_s=1_800_000_000 + skew), 1_800_000_000)
    assert (level(check), check.text) == (expected, text)
    assert level(wrap.check_clock(status(), 0)) == "note"


@pytest.mark.parametrize(
    ("made", "expected", "text"),
    [
        (20261126, "good", "red: 42 mW/cm2 +-15 %, 0 days old"),
        (20251126, "good", "red: 42 mW/cm2 +-15 %, 365 days old"),
        (20251125, "note", "red: 42 mW/cm2 +-15 %, due: 366 days old: LEDs fade, covers cloud"),
        (20261127, "note", "red: 42 mW/cm2 +-15 %, dated in the future: 2026-11-27"),
        (0, "note", "red: 42 mW/cm2 +-15 %, date unknown"),
    ],
)
def test_calibration(made: int, expected: str, text: str) -> None:
    check = wrap.check_calibration("red", Calibration(uw=42000, unc_pm=150, date=made), TODAY)
    assert (level(check), check.text) == (expected, text)
    assert level(wrap.check_calibration("red", None, TODAY)) == "note"


def test_memory_and_what_a_twin_does_not_count() -> None:
    assert level(wrap.check_memory(status(heap_used=9, heap_free=wrap.HEAP_LOW))) == "good"
    assert level(wrap.check_memory(status(heap_used=9, heap_free=wrap.HEAP_LOW - 1))) == "note"
    assert "not measured" in wrap.check_memory(status(heap_used=0, heap_free=0)).text


def _log(raw: bytes, start: int = 0, **changes: Any) -> list[Check]:
    info = LogInfo(first=0, end=len(raw), seq=9)
    return list(wrap.check_log(status(**changes), info, start, verify_log([(start, raw[start:])])))


def test_log_whole_damaged_and_refused() -> None:
    raw = log_maker.dated_log().raw
    assert [level(c) for c in _log(raw)] == ["good"]
    at = len(raw) // 2
    broken = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
    assert {level(c) for c in _log(broken)} == {"note"}
    assert [level(c) for c in _log(raw, log_failed=1)] == ["bad"]
    (lost,) = _log(raw, records_lost=7)
    assert level(lost) == "note"
    assert lost.text.startswith("7 records lost since power-on")


def test_what_a_wrap_has_no_memory_for_is_a_note_and_other_refusals_are_raised() -> None:
    """A stock board with firmware in files, while light is on: doctor said nothing at all."""

    def refuse(code: str) -> list[Check]:
        raise DeviceError(code, "not while light is on", "proto.list")

    (check,) = wrap.list_readable("protocols", lambda: refuse("memory"))
    assert (check.name, level(check)) == ("protocols", "note")
    assert check.text == "not read: not while light is on"
    with pytest.raises(DeviceError):
        wrap.list_readable("protocols", lambda: refuse("storage"))


def test_a_log_read_from_the_middle_of_a_record_is_not_damaged() -> None:
    raw = log_maker.dated_log().raw
    for start in range(1, len(raw) // 2):
        assert [c.level for c in _log(raw, start)] == ["good"], start


@pytest.mark.parametrize(
    ("mpy", "board", "frozen", "expected"),
    [
        ("1.25.0", "PBMWRAP_RP2040", True, ["good"]),
        ("1.25.0", "PBMWRAP_RP2040", False, ["note", "note"]),
        ("1.24.1", "PBMWRAP_RP2040", True, ["bad"]),
        ("1.26.1", "PBMWRAP_ESP32", True, ["bad"]),
        ("1.26.1", "PBMWRAP_ESP32_S3", True, ["bad"]),
        ("1.26.1", "PBMWRAP_ESP32_C3", False, ["bad"]),
        ("1.27.0", "PBMWRAP_ESP32_C3", False, ["good"]),
        ("1.27.0", "PBMWRAP_ESP32", False, ["good"]),
        ("cpython 3.11.7", "PBMWRAP_RP2040", False, ["good"]),
    ],
)
def test_known_problems_of_micropython(
    mpy: str, board: str, frozen: bool, expected: list[str]
) -> None:
    found = micropython.check_micropython(hello(mpy=mpy, board=board, frozen=frozen))
    assert [level(c) for c in found] == expected


@pytest.mark.parametrize(
    ("up_s", "late", "expected"),
    [(8, 20, "good"), (8, 21, "note"), (600, 600, "good"), (600, 601, "note")],
)
def test_steps_that_come_late(up_s: int, late: int, expected: str) -> None:
    """Erasing flash holds up two or three; hundreds have no such reason."""
    check = wrap.check_steps(status(uptime_s=up_s, steps_late=late, step_us_max=9138))
    assert level(check) == expected
    assert check.text == f"{late} of {up_s * 100} late, the longest took 9.1 ms"
    assert wrap.check_steps(status(step_us_max=900)).text == "none late, the longest took 0.9 ms"


def test_late_steps_of_the_first_second_are_not_more_than_ran() -> None:
    check = wrap.check_steps(status(uptime_s=0, steps_late=10, step_us_max=1500))
    assert check.text == "10 of 100 late, the longest took 1.5 ms"
