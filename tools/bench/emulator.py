"""Compares the emulated RP2040 that tools/toolchain/emulator.py compiled with the one in its wheel:
the same program, the same virtual time, seconds of CPU.

Run as a program it boots an image with the one that is loaded here.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.toolchain.built import ROOT

BOOT_MS = 400
IDLE_MS = 1000

Figures = dict[str, float]


def measure_boot(image: Path, idle_ms: int) -> dict[str, Any]:
    """Return the chip's state after booting and `idle_ms` more, the seconds of CPU of both, and
    which modules ran."""
    from pbmwrap.twin.rp2040 import Rp2040Twin

    core = sys.modules["rp2040py.native._cortex_m0_core"]

    twin = Rp2040Twin(image)
    began = time.process_time()
    twin.start()
    twin.advance_ms(BOOT_MS)
    at_ready = time.process_time()
    twin.advance_ms(idle_ms)
    ended = time.process_time()
    mcu = twin.chip.mcu
    state = hashlib.sha256(bytes(mcu.sram) + bytes(mcu.flash))
    state.update(repr((mcu.core.cycles, list(mcu.core.registers), twin.chip.nanos)).encode())
    return {
        "file": str(core.__file__),
        "loop": "pbmwrap.twin._batch" in sys.modules,
        "state": state.hexdigest(),
        "cycles": mcu.core.cycles,
        "boot_s": at_ready - began,
        "idle_s": ended - at_ready,
    }


def _in_a_process(image: Path, idle_ms: int, env: dict[str, str]) -> dict[str, Any]:
    """Run `measure_boot` in a process of its own, whose environment `env` changes."""
    command = [sys.executable, "-m", "tools.bench.emulator", str(image.resolve()), str(idle_ms)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | env, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def measure_both_builds(image: Path, idle_ms: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return `measure_boot` of what is compiled for this Python, and of what is in the wheel.

    With an empty cache the wheel's modules are used.
    """
    with TemporaryDirectory() as empty:
        return _in_a_process(image, idle_ms, {}), _in_a_process(
            image, idle_ms, {"XDG_CACHE_HOME": empty}
        )


def measure_emulator(image: Path) -> Figures:
    """Return virtual seconds in a second of CPU, and the ratio to the wheel's."""
    here, wheel = measure_both_builds(image, IDLE_MS)
    assert here["state"] == wheel["state"], "the two do not do the same"
    return {
        "emulator_boot_speed": BOOT_MS / 1000 / here["boot_s"],
        "emulator_idle_speed": IDLE_MS / 1000 / here["idle_s"],
        "emulator_boot_times": wheel["boot_s"] / here["boot_s"],
        "emulator_idle_times": wheel["idle_s"] / here["idle_s"],
    }


if __name__ == "__main__":
    print(json.dumps(measure_boot(Path(sys.argv[1]), int(sys.argv[2]))))
