"""The enable falls by itself without verified steps; falling is a fault and nothing resumes."""
# H-14

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.conftest import Rig
from wrap.hal import contract
from wrap.rules import faults
from wrap.rules.limits import DEADMAN_FLASH_MS, DEADMAN_HARD_MS, DEADMAN_MS, WATCHDOG_MS


def lit():
    rig = Rig()
    rig.light()
    rig.advance(50)  # the records of the start are written
    assert rig.hal.enabled
    return rig


def test_a_hang_drops_the_enable_within_150_ms():
    rig = lit()
    rig.board.hang()
    rig.advance(DEADMAN_MS)
    assert rig.hal.enabled
    rig.advance(10)
    assert not rig.hal.enabled
    assert DEADMAN_MS <= DEADMAN_FLASH_MS <= DEADMAN_HARD_MS < WATCHDOG_MS


@given(st.integers(0, 40))
def test_no_light_passes_after_the_fall_whatever_the_moment(steps):
    rig = lit()
    rig.advance(steps * 10)
    rig.board.hang()
    rig.advance(DEADMAN_MS + 10)
    before = rig.board.light_acc(0)
    rig.advance(1000)
    assert rig.board.light_acc(0) == before


@pytest.mark.parametrize("gap_ms", [160, 250])
def test_steps_that_come_too_late_find_the_fall_and_latch_it(gap_ms):
    rig = lit()
    hal = rig.hal
    hal.now_ms += gap_ms
    hal.deadman()
    rig.app.turn(hal.ticks_ms())
    assert rig.state == "fault"
    assert rig.app.fault_latch.code == faults.DEADMAN
    assert rig.dark()


def test_the_enable_does_not_rise_again_while_fallen():
    rig = lit()
    hal = rig.hal
    hal.now_ms += 200
    hal.deadman()
    hal.enable(True)
    assert not hal.enabled
    hal.dark()
    hal.enable(True)
    assert hal.enabled
    hal.enable(False)
    assert not hal.enabled


def test_flash_ahead_gives_300_ms_and_feeds_no_watchdog():
    rig = lit()
    hal = rig.hal
    fed = hal.fed_ms
    hal.flash_ahead()
    hal.now_ms += DEADMAN_FLASH_MS
    hal.deadman()
    assert hal.enabled
    assert hal.fed_ms == fed
    hal.now_ms += 1
    hal.deadman()
    assert not hal.enabled


def test_flash_is_announced_before_every_record_and_only_then(monkeypatch):
    rig = lit()
    calls = []
    monkeypatch.setattr(rig.hal, "flash_ahead", lambda: calls.append(rig.app.log.seq))
    rig.advance(20_000)
    assert calls == []
    before = rig.app.log.seq
    rig.advance(16_000)
    assert calls == list(range(before, rig.app.log.seq)) != []


def test_the_registers_life_is_the_limits_own():
    """The registers cannot be imported here: constants are compared as they are written."""
    source = (Path(contract.__file__).parent / "rp2040/registers.py").read_text()
    reported = dict(re.findall(r"^(_DEADMAN_\w+) = const\((\d+)\)", source, re.MULTILINE))
    deadman = (Path(contract.__file__).parent / "rp2040/dead_man.py").read_text()
    turn_us = int(re.search(r"^_TURN_US = const\((\d+)\)", deadman, re.MULTILINE)[1])
    turns = DEADMAN_MS * 1000 // turn_us
    assert reported == {"_DEADMAN_MS": str(DEADMAN_MS), "_DEADMAN_TURNS": str(turns)}
