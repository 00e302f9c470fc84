"""Dead-man in three layers on the real binary, each alone. Light is judged at the pins."""
# H-14

from __future__ import annotations

import pytest

from tests.contract.conftest import BOOT_MS, Bench

BEAT_MS = 10
_AN_INSTRUCTION = 20  # cycles: that in which the hang comes ends


def fall_ms(bench: Bench, most_ms: int) -> int:
    """Virtual ms until the enable pin is low."""
    for waited in range(most_ms):
        if not bench.twin.enabled():
            return waited
        bench.advance(1)
    raise AssertionError(f"the enable is still up after {most_ms} ms")


def test_a_hung_cpu_loses_the_enable_within_150_ms(lit: Bench) -> None:
    lit.twin.hang()
    assert 150 - BEAT_MS - 2 <= fall_ms(lit, 400) <= 152
    lit.advance(100)
    assert not lit.twin.enabled()


def test_a_hang_in_the_middle_of_a_step_lets_no_instruction_run(lit: Bench) -> None:
    """What the campaigns' hangs rest on: not one more step is verified behind its back."""
    core = lit.twin.chip.mcu.core
    ran: list[int] = []

    def strike() -> None:
        lit.twin.hang()
        ran.append(core.cycles)

    lit.twin.chip.once(1_000_000, strike)
    lit.advance(50)
    assert core.cycles - ran[0] <= _AN_INSTRUCTION


def test_steps_keep_the_enable_up(lit: Bench) -> None:
    for _ in range(20):
        lit.advance(50)
        assert lit.twin.enabled()
    assert lit.state == "running"


def test_the_enable_needs_the_watchdogs_reset_to_come_back(lit: Bench) -> None:
    lit.twin.hang()
    lit.advance(2200)
    lit.advance(BOOT_MS)
    assert not lit.twin.enabled()
    assert lit.client.hello().cause == "watchdog"


HANG_IN_PYTHON = """
import board_facts
from wrap.hal import open_board
hal = open_board(board_facts)
hal.enable(True)
for ch in (0, 1):
    hal.lamp_mode(ch, 0)
    hal.lamp_write(ch, 30000)
assert hal.verify_and_feed()
"""


# H-15
@pytest.mark.parametrize("timer", [True, False])
def test_a_timer_darkens_the_lamp_pins_when_python_hangs(booted: Bench, timer: bool) -> None:
    """Without the timer only the enable falls, by the PIO; no watchdog runs here."""
    twin = booted.twin
    twin.repl(HANG_IN_PYTHON + ("" if timer else "hal._timer.deinit()\n"))
    twin.write(b"while True: pass\r\n\r\n")
    twin.advance_ms(260)
    twin.advance_ms(50)
    assert any(lamp.high or lamp.on_ppm for lamp in twin.lamps()) == (not timer)
    assert not twin.enabled()
