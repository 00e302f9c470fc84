"""The sensors' conversions by registers, on the unchanged image."""

from __future__ import annotations

import pytest

from pbmwrap.twin.rp2040 import Rp2040Twin

CODES = (1000, 3000)
OPEN = """
import board_facts, machine, time
from array import array
from wrap.hal import open_board
hal = open_board(board_facts)
out = array("i", [0] * 4)
CS, FCS, FIFO = 0x4004C000, 0x4004C008, 0x4004C00C
"""


@pytest.fixture
def at_bench(ours: Rp2040Twin) -> Rp2040Twin:
    ours.plant.raw12 = lambda sensor: CODES[sensor]  # type: ignore[method-assign]
    ours.repl(OPEN)
    return ours


def sums(twin: Rp2040Twin, before: str) -> list[int]:
    """What `inputs` reads, 16 conversions summed, once `before` has run."""
    said = twin.repl(f"{before}\nhal.inputs(out)\nprint(out[0], out[1])")
    return [int(word) for word in said.split()]


def test_each_input_is_sixteen_conversions_of_its_own(at_bench: Rp2040Twin) -> None:
    assert sums(at_bench, "pass") == [16 * code for code in CODES]


def test_conversions_that_were_left_in_the_fifo_are_no_reading(at_bench: Rp2040Twin) -> None:
    """As an interrupt leaves them that takes longer than a conversion at the last one."""
    left = "machine.mem32[FCS] = 1\nmachine.mem32[CS] = 0x1009\ntime.sleep_us(20)\n"
    left += "machine.mem32[CS] = 0x1001\nprint(machine.mem32[FCS] >> 16 & 15)"
    level = at_bench.repl(left)
    assert int(level) >= 4
    assert sums(at_bench, "pass") == [16 * code for code in CODES]


def test_a_converter_that_stops_reads_as_a_short(at_bench: Rp2040Twin) -> None:
    at_bench.chip.stop_adc()
    assert sums(at_bench, "pass") == [0, 0]
