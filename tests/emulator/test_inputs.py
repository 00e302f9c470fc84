"""The sensors' conversions by registers, on the unchanged image."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pbmwrap.twin.rp2040 import Rp2040Twin
from tests.contract.conftest import Bench

CODES = (1000, 3000, 2000, 1500)
OPEN = """
import board_facts, machine, time
from array import array
from wrap.hal import open_board
hal = open_board(board_facts)
out = array("i", [0] * 4)
CS, FCS, FIFO = 0x4004C000, 0x4004C008, 0x4004C00C
"""
A, B, C = range(3)
SKIN_RIGHT, BOARD = 2, 3
REST = 1  # the channel of skin-right
REFERENCES_US = 200


@pytest.fixture
def at_bench(ours: Rp2040Twin) -> Rp2040Twin:
    ours.plant.raw12 = lambda sensor: CODES[sensor]  # type: ignore[method-assign]
    ours.repl(OPEN)
    return ours


def readings(twin: Rp2040Twin, before: str = "pass") -> list[int]:
    """Return what `inputs` reads once `before` has run."""
    said = twin.repl(f"{before}\nhal.inputs(out)\nprint(*out)")
    return [int(word) for word in said.split()]


def test_each_input_is_read_behind_the_multiplexer_or_not(at_bench: Rp2040Twin) -> None:
    assert readings(at_bench) == [16 * code for code in CODES]
    assert readings(at_bench) == [16 * code for code in CODES]


@pytest.mark.parametrize("sensor", range(4))
@pytest.mark.parametrize("wild", [0, 4095])
@pytest.mark.parametrize("at", [0, 3, 5])
def test_a_single_wild_conversion_changes_nothing(
    at_bench: Rp2040Twin, sensor: int, wild: int, at: int
) -> None:
    taken: list[int] = []

    def raw12(index: int) -> int:
        taken.append(index)
        return wild if index == sensor and taken.count(index) == at + 1 else CODES[index]

    at_bench.plant.raw12 = raw12  # type: ignore[method-assign]
    assert readings(at_bench) == [16 * code for code in CODES]
    assert [taken.count(i) for i in range(4)] == [6] * 4


def test_the_middle_four_of_six_are_summed(at_bench: Rp2040Twin) -> None:
    six = iter([1007, 1001, 1003, 4000, 12, 1005])
    at_bench.plant.raw12 = lambda i: next(six) if i == 0 else 0  # type: ignore[method-assign]
    assert readings(at_bench) == [4 * (1007 + 1001 + 1003 + 1005), 0, 0, 0]


def test_full_scale_is_the_contracts(at_bench: Rp2040Twin) -> None:
    at_bench.plant.raw12 = lambda _: 4095  # type: ignore[method-assign]
    assert readings(at_bench) == [65520] * 4


def test_conversions_that_were_left_in_the_fifo_are_no_reading(at_bench: Rp2040Twin) -> None:
    """As an interrupt leaves them that takes longer than a conversion at the last one."""
    left = "machine.mem32[FCS] = 1\nmachine.mem32[CS] = 0x1009\ntime.sleep_us(20)\n"
    left += "machine.mem32[CS] = 0x1001\nprint(machine.mem32[FCS] >> 16 & 15)"
    level = at_bench.repl(left)
    assert int(level) >= 4
    assert readings(at_bench) == [16 * code for code in CODES]


def test_a_converter_that_stops_reads_as_a_short(at_bench: Rp2040Twin) -> None:
    at_bench.chip.stop_adc()
    assert readings(at_bench) == [0] * 4


def test_only_the_select_lines_change_and_rest_at_one_channel(at_bench: Rp2040Twin) -> None:
    assert at_bench.mux is not None
    pins = "machine.Pin(9, machine.Pin.OUT, value=1)\nmachine.Pin(13, machine.Pin.OUT, value=1)"
    assert readings(at_bench, pins) == [16 * code for code in CODES]
    assert at_bench.mux.channel == REST
    out = int(at_bench.repl("print(machine.mem32[0xD0000010])"))  # SIO GPIO_OUT
    assert out >> 9 & 31 == 0b10011  # GPIO9, A and GPIO13
    assert at_bench.repl("print(hal.references())").strip() == "0"
    assert at_bench.mux.channel == REST


BROKEN: dict[str, tuple[Callable[[Rp2040Twin], None], int]] = {
    "A high": (lambda twin: twin.mux.stick(A, True), 1),  # type: ignore[union-attr]
    "B high": (lambda twin: twin.mux.stick(B, True), 1),  # type: ignore[union-attr]
    "C high": (lambda twin: twin.mux.stick(C, True), 1),  # type: ignore[union-attr]
    "A low": (lambda twin: twin.mux.stick(A, False), 8),  # type: ignore[union-attr]
    "B low": (lambda twin: twin.mux.stick(B, False), 8),  # type: ignore[union-attr]
    "C low": (lambda twin: twin.mux.stick(C, False), 8),  # type: ignore[union-attr]
    "dead, low": (lambda twin: twin.mux.die(0), 8),  # type: ignore[union-attr]
    "dead, as the divider": (lambda twin: twin.mux.die(1952), 1),  # type: ignore[union-attr]
    "dead, as cool skin": (lambda twin: twin.mux.die(2300), 1),  # type: ignore[union-attr]
}


@pytest.mark.parametrize("name", BROKEN)
def test_references_find_a_multiplexer_that_does_not_switch(
    at_bench: Rp2040Twin, name: str
) -> None:
    break_it, wrong = BROKEN[name]
    assert at_bench.repl("print(hal.references())").strip() == "0"
    break_it(at_bench)
    assert int(at_bench.repl("print(hal.references())")) == wrong
    assert readings(at_bench)[:2] == [16 * code for code in CODES[:2]]


def test_references_take_no_memory_and_not_long(at_bench: Rp2040Twin) -> None:
    code = """
import gc
def timed():
    us = gc.mem_alloc()
    gc.disable()
    before = gc.mem_alloc()
    hal.references()
    bytes_ = gc.mem_alloc() - before
    us = time.ticks_us()
    hal.references()
    us = time.ticks_diff(time.ticks_us(), us)
    gc.enable()
    print(bytes_, us)
timed()
"""
    size, us = map(int, at_bench.repl(code).split())
    assert (size, us < REFERENCES_US) == (0, True), us


@pytest.mark.parametrize("sensor", range(4))
def test_each_sensor_that_opens_ends_light_within_12_ms(lit: Bench, sensor: int) -> None:
    """Lit, on the whole firmware: from the break to the enable's fall."""
    twin = lit.twin
    twin.advance_ms(100)
    began = twin.now_ms
    twin.plant.set_fault(sensor, "open")
    twin.run_until(lambda: not twin.enabled(), 12)
    assert twin.now_ms - began <= 12
    assert lit.client.status().fault is not None
