"""The emulated RP2040 as tools/toolchain/emulator.py compiles it: every proof here rests on it."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rp2040py.clock.simulation_clock import SimulationClock
from rp2040py.rp2040 import RP2040
from rp2040py.utils.logging import ConsoleLogger, LogLevel

from tools.bench import emulator

_IDLE_MS = 20


def _compiled() -> bool:
    found = importlib.util.find_spec("rp2040py.native._cortex_m0_core")
    return found is not None and str(found.origin).endswith(sysconfig.get_config_var("EXT_SUFFIX"))


@pytest.mark.skipif(not _compiled(), reason="no compiler or Python.h here: the wheel's own runs")
def test_compiled_here_it_does_to_the_cycle_and_byte_what_the_wheel_does(image: Path) -> None:
    here, wheel = emulator.measure_both_builds(image, _IDLE_MS)
    assert here["file"] != wheel["file"]
    assert (here["loop"], wheel["loop"]) == (True, False)
    assert here["cycles"] > 1_000_000
    assert (here["cycles"], here["state"]) == (wheel["cycles"], wheel["state"])


REGISTERS = (0x000, 0x004, 0x010, 0x014, 0x05C, *range(0x060, 0x07C, 4), 0x100, 0x148, 0x17C)
SIO, RAM, FLASH = 0xD0000000, 0x20000000, 0x10000000
WHERE = st.one_of(
    st.sampled_from([SIO + register for register in REGISTERS]),
    st.integers(RAM, RAM + 16),
    st.integers(RAM + 264 * 1024 - 8, RAM + 264 * 1024 - 1),
    st.integers(FLASH, FLASH + 16),
    st.sampled_from((0, 2, 0x11000000, 0x10FFFFFC, 0x50100000, 0x40054028)),  # not memory of ours
)
WORDS = st.one_of(
    st.sampled_from((0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, -1, -0x80000000)),
    st.integers(-(1 << 31), (1 << 32) - 1),
)
ACTS = ("read_uint32", "read_uint16", "read_uint8", "write_uint32", "write_uint16", "write_uint8")


@pytest.mark.skipif(not _compiled(), reason="no compiler or Python.h here: the wheel's own runs")
@given(st.lists(st.tuples(st.sampled_from(ACTS), WHERE, WORDS), min_size=1, max_size=40))
def test_its_bus_divider_and_spinlocks_answer_as_those_of_the_wheel(
    acts: list[tuple[str, int, int]],
) -> None:
    """acts: (method, address, value). Both have to give the same words after the same cycles."""
    from pbmwrap.twin._batch import FastRP2040  # type: ignore[import-not-found]

    chips = FastRP2040(SimulationClock()), RP2040(SimulationClock())
    for chip in chips:
        chip.logger = ConsoleLogger(LogLevel.ERROR)
    for name, address, value in acts:
        size = int(name.partition("int")[2]) // 8
        if name.startswith("write") and address < RAM:
            continue  # nothing of the guest writes there, and a boot ROM has no file behind it
        address -= address % size
        if name.startswith("write"):
            for chip in chips:
                getattr(chip, name)(address, value)
        else:
            said = [getattr(chip, name)(address) for chip in chips]
            assert said[0] == said[1], (name, hex(address))
        assert chips[0].core.cycles == chips[1].core.cycles
    assert bytes(chips[0].sram) == bytes(chips[1].sram)
    for chip in chips:
        chip.sio.reset()
    said = [[chip.read_uint32(SIO + r) for r in REGISTERS] for chip in chips]
    assert said[0] == said[1]
