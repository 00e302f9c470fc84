"""Executes the HAL contract (wrap/hal/contract.py): one suite for the fake that tests use, the
RP2040's on the emulated chip and the ESP32's on a fake of its port."""

from __future__ import annotations

from typing import Any

import pytest

from wrap.hal.contract import Hal
from wrap.rules import limits

LIT = "hal.lamp_mode(0, 0)\nhal.lamp_write(0, 32768)\n"
BEATS = """
def beats(n):
    for _ in range(n):
        wait(10)
        if not hal.verify_and_feed():
            return False
    return True
"""


def test_every_call_is_there(rig: Any) -> None:
    names = [name for name in vars(Hal) if name[0] != "_"]
    assert rig.run(f"print([n for n in {names} if not hasattr(hal, n)])") == ["[]"]


def test_a_new_hal_is_dark_and_holds(rig: Any) -> None:
    assert rig.run("print(hal.verify_and_feed(), hal.enable_dropped(), hal.sense())") == [
        "True False 0"
    ]
    assert (rig.light(0), rig.light(1), rig.enabled()) == (0, 0, False)


def test_every_sensor_has_a_reading_of_its_own_and_no_reference_is_wrong(rig: Any) -> None:
    said = rig.run("print(*read())\nprint(hal.references())\nprint(*read())")
    readings = [int(word) for word in said[0].split()]
    assert len(readings) == 4 and all(0 < raw < 65520 for raw in readings)
    assert said[1:] == ["0", said[0]]


@pytest.mark.parametrize("hz", [0, 10, 1167])
def test_a_duty_is_what_the_pin_gives_and_only_that_pin(rig: Any, hz: int) -> None:
    rig.run(f"hal.lamp_mode(0, {hz})\nhal.lamp_mode(1, {hz})\nhal.lamp_write(0, 19661)")
    assert rig.light(0) == pytest.approx(0.3, abs=0.0005)
    assert rig.light(1) == 0
    assert rig.run("wait(250)\nprint(hal.verify_and_feed())") == ["True"]


@pytest.mark.parametrize(("duty", "share"), [(65535, 1), (70000, 1), (0, 0), (-5, 0)])
def test_full_is_full_nothing_is_nothing_and_a_duty_is_clamped(
    rig: Any, duty: int, share: int
) -> None:
    rig.run(f"hal.lamp_mode(0, 0)\nhal.lamp_write(0, {duty})")
    assert rig.light(0) == share


def test_a_lamp_is_dark_at_once_however_slow_its_pulses(rig: Any) -> None:
    rig.run("hal.lamp_mode(0, 10)\nhal.lamp_write(0, 65535)")
    assert rig.light(0) == 1
    rig.run("hal.lamp_off(0)")
    assert rig.light(0) == 0
    assert rig.run("print(hal.verify_and_feed())") == ["True"]


def test_another_mode_begins_dark(rig: Any) -> None:
    rig.run("hal.lamp_mode(0, 0)\nhal.lamp_write(0, 65535)")
    assert rig.light(0) == 1
    rig.run("hal.lamp_mode(0, 10)")
    assert rig.light(0) == 0


def test_each_lamp_may_have_its_own_frequency(rig: Any) -> None:
    rig.run("hal.lamp_mode(0, 37)\nhal.lamp_mode(1, 4672)")
    rig.run("hal.lamp_write(0, 32768)\nhal.lamp_write(1, 6554)")
    assert rig.light(0) == pytest.approx(0.5, abs=0.001)
    assert rig.light(1) == pytest.approx(0.1, abs=0.001)


def test_a_write_needs_a_mode(rig: Any) -> None:
    code = "try:\n hal.lamp_write(0, 100)\n print('written')\nexcept Exception:\n print('refused')"
    assert rig.run(code) == ["refused"]
    assert rig.light(0) == 0


def test_verified_steps_keep_the_enable_up(rig: Any) -> None:
    assert rig.run(BEATS + "hal.enable(True)\nprint(beats(60), hal.enable_dropped())") == [
        "True False"
    ]


def test_without_them_it_falls_in_time_by_itself_and_stays(rig: Any) -> None:
    rig.run(BEATS + "hal.enable(True)\nbeats(20)")
    said = rig.run(
        f"wait({limits.DEADMAN_MS + 10})\nprint(hal.verify_and_feed(), hal.enable_dropped())"
    )
    assert said == ["False True"]
    assert not rig.enabled()
    rig.run("hal.enable(True)")
    assert not rig.enabled()
    assert rig.run("hal.dark()\nhal.enable(True)\nprint(hal.verify_and_feed())") == ["True"]


def test_a_step_that_is_somewhat_late_loses_no_light(rig: Any) -> None:
    late = limits.HEARTBEAT_MS - 20
    code = f"hal.enable(True)\nbeats(3)\nwait({late})\nprint(hal.verify_and_feed(), beats(5))"
    assert rig.run(BEATS + code) == ["True True"]


def test_a_flash_write_may_take_longer_but_not_for_ever(rig: Any) -> None:
    code = "hal.enable(True)\nbeats(5)\nhal.flash_ahead()\nwait(250)\nprint(hal.verify_and_feed())"
    code += (
        f"\nhal.flash_ahead()\nwait({limits.DEADMAN_FLASH_MS + 10})\nprint(hal.enable_dropped())"
    )
    assert rig.run(BEATS + code) == ["True", "True"]


def test_after_a_flash_write_the_usual_time_holds_again(rig: Any) -> None:
    code = "hal.enable(True)\nhal.flash_ahead()\nbeats(1)\n"
    code += f"wait({limits.DEADMAN_MS + 10})\nprint(hal.enable_dropped())"
    assert rig.run(BEATS + code) == ["True"]


def test_disabling_is_no_fall_and_acts_at_once(rig: Any) -> None:
    assert rig.run("hal.enable(True)\nhal.enable(False)\nprint(hal.enable_dropped())") == ["False"]
    assert not rig.enabled()


def test_dark_lowers_everything_and_forgets_the_modes(rig: Any) -> None:
    rig.run(LIT + "hal.lamp_mode(1, 10)\nhal.lamp_write(1, 65535)\nhal.enable(True)\nhal.dark()")
    assert (rig.light(0), rig.light(1), rig.enabled()) == (0, 0, False)
    assert rig.run("print(hal.verify_and_feed(), hal.enable_dropped())") == ["True False"]


def test_readings_are_sums_of_sixteen(rig: Any) -> None:
    values = [int(word) for word in rig.run("print(*read())")[0].split()]
    assert values
    assert all(0 < value < 65520 for value in values)


@pytest.mark.parametrize("held", [False, True])
def test_inputs_tell_the_button_and_the_light(rig: Any, held: bool) -> None:
    rig.press(held)
    lit = LIT + "hal.enable(True)\nwait(20)\nprint(look(), hal.sense())\n"
    dark = "hal.dark()\nwait(20)\nprint(look(), hal.sense())"
    assert rig.run(lit + dark) == [f"{2 + held} 1", f"{0 + held} 0"]


def test_the_buzzer_sounds_until_it_is_silenced_and_moves_no_lamp(rig: Any) -> None:
    rig.run(BEATS + LIT + "hal.enable(True)\nhal.buzz(True)\nhal.buzz(True)")
    assert rig.buzzing()
    assert rig.run(BEATS + "print(beats(30))") == ["True"]
    rig.run("hal.dark()")
    assert rig.buzzing()  # a fault is to be heard
    assert (rig.light(0), rig.enabled()) == (0, False)
    rig.run("hal.buzz(False)")
    assert not rig.buzzing()


def test_ticks_wrap(rig: Any) -> None:
    code = "late = hal.ticks_add(0, -3)\nprint(late > 1000, hal.ticks_diff(5, late))"
    assert rig.run(code) == ["True 8"]


def test_waiting_is_until_a_tick(rig: Any) -> None:
    code = "end = hal.ticks_add(hal.ticks_ms(), 7)\nhal.wait_until(end)\nhal.wait_until(end)\n"
    assert rig.run(code + "print(hal.ticks_diff(hal.ticks_ms(), end) in (0, 1))") == ["True"]


def test_what_is_reported_of_the_chip_has_its_form(rig: Any) -> None:
    said = rig.run("print(hal.uid())\nprint(*hal.heap())\nprint(hal.allocated() >= 0)")
    assert len(said[0]) >= 12 and said[0].isalnum()
    assert len(said[1].split()) == 2 and said[2] == "True"
