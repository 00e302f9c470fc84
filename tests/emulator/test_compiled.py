"""The emulated RP2040 as tools/toolchain/emulator.py compiles it: every proof here rests on it."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path

import pytest

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
