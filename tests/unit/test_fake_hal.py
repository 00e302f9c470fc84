"""The fake HAL keeps the contract that the real one keeps, so far as tests lean on it."""

import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

import board_facts
from pbmwrap.twin.fake_hal import FakeHal
from tests.port import offer_bytes
from wrap.hal import open_board
from wrap.hal.contract import Hal

PERIOD = 1 << 30


def test_it_has_every_call_of_the_contract():
    calls = [n for n, v in vars(Hal).items() if callable(v)]
    assert [n for n in calls if not callable(getattr(FakeHal, n, None))] == []
    assert len(calls) > 20


@given(st.integers(0, 3 * PERIOD), st.integers(-(PERIOD // 2), PERIOD // 2 - 1))
def test_ticks_are_added_and_compared_across_the_wrap(start, delta):
    hal = FakeHal(2, 2, start_ms=start)
    now = hal.ticks_ms()
    later = hal.ticks_add(now, delta)
    assert 0 <= later < PERIOD
    assert hal.ticks_diff(later, now) == delta


def test_the_references_are_what_a_test_sets(hal):
    assert hal.references() == 0
    hal.mux_wrong = 8
    assert hal.references() == 8


def test_waiting_moves_time_forward_only(hal):
    hal.now_ms = PERIOD - 5
    hal.wait_until(5)
    assert (hal.now_ms, hal.ticks_ms()) == (PERIOD + 5, 5)
    hal.wait_until(3)
    assert hal.now_ms == PERIOD + 5


def test_a_duty_is_clamped_and_needs_a_mode(hal):
    with pytest.raises(ValueError):
        hal.lamp_write(0, 100)
    hal.lamp_mode(0, 0)
    seen = []
    for duty in (-5, 70000, 70000, 12):
        hal.lamp_write(0, duty)
        seen.append(hal.duty[0])
    assert seen == [0, 65535, 65535, 12]


def test_light_at_the_pin_is_booked_exactly(hal):
    hal.lamp_mode(0, 0)
    hal.lamp_write(0, 1000)
    hal.now_ms = 7
    hal.lamp_write(0, 2000)
    hal.now_ms = 10
    hal.settle(0)
    assert hal.on_acc == [7 * 1000 + 3 * 2000, 0]


@pytest.mark.parametrize("pulsed", [True, False])
def test_dark_lowers_every_pin_and_forgets_the_modes(hal, pulsed):
    hal.enable(True)
    hal.lamp_mode(1, 40 if pulsed else 0)
    hal.lamp_write(1, 9)
    hal.dark()
    assert (hal.duty, hal.mode, hal.enabled, hal.lamps_hold()) == ([0, 0], [-1, -1], False, True)


def test_a_pin_that_does_not_hold_what_was_written_is_noticed(hal):
    hal.duty[1] = 1
    assert not hal.lamps_hold()
    hal.dark()
    assert hal.lamps_hold()


def test_the_watchdog_bites_after_its_time_and_starts_once(hal):
    hal.now_ms = 5000
    assert not hal.watchdog_bites()
    hal.watchdog_start(2000)
    hal.now_ms = 6000
    hal.watchdog_start(9000)
    hal.now_ms = 7000
    assert not hal.watchdog_bites()
    hal.now_ms = 7001
    assert hal.watchdog_bites()
    hal.heartbeat()
    assert not hal.watchdog_bites()


def test_the_port_moves_bytes_as_far_as_there_is_room(hal):
    hal.rx += b"0123456789"
    buf = bytearray(4)
    taken = []
    for _ in range(4):
        taken.append(bytes(buf[: hal.link_read(buf)]))
    assert taken == [b"0123", b"4567", b"89", b""]
    assert offer_bytes(hal, memoryview(b"abc")) == 3
    hal.tx_room = 2
    assert [offer_bytes(hal, memoryview(b"def")) for _ in range(2)] == [2, 0]
    assert bytes(hal.tx) == b"abcde"


def test_the_chip_of_the_board_decides_the_hal(monkeypatch):
    chip = types.ModuleType("wrap.hal.rp2040.board")
    chip.Rp2040 = lambda facts: ("rp2040", facts)
    monkeypatch.setitem(sys.modules, "wrap.hal.rp2040.board", chip)
    assert open_board(board_facts) == ("rp2040", board_facts)
    with pytest.raises(ValueError, match="no HAL for chip esp8266"):
        open_board(types.SimpleNamespace(CHIP="esp8266"))
