"""The emulated RP2040 as compiled for this Python (tools/toolchain_emulator.py) and as its wheel
has it, side by side: the same program, the same virtual time, seconds of CPU.

Run as a program: boots an image with whichever is on the path.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory
from typing import Any

BOOT_MS = 400
IDLE_MS = 1000

Figures = dict[str, float]


def booted(image: Path, idle_ms: int) -> dict[str, Any]:
    """What the chip is after booting and as many milliseconds more, and what that took."""
    from rp2040py.native import _cortex_m0_core as core

    from pbmwrap.twin.rp2040 import Rp2040Twin

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
        "state": state.hexdigest(),
        "cycles": mcu.core.cycles,
        "boot_s": at_ready - began,
        "idle_s": ended - at_ready,
    }


def _elsewhere(image: Path, idle_ms: int, first: Path | None = None) -> dict[str, Any]:
    """`booted` in a process of its own; first: where it looks for modules before all else."""
    path = [str(first)] if first else []
    env = os.environ | {"PYTHONPATH": os.pathsep.join([*path, *sys.path])}
    command = [sys.executable, __file__, str(image), str(idle_ms)]
    done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def both(image: Path, idle_ms: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(as it is here, as the wheel has it)."""
    found = importlib.util.find_spec("rp2040py")
    assert found is not None and found.origin is not None
    here = _elsewhere(image, idle_ms)
    with TemporaryDirectory() as folder:
        package = Path(folder) / "rp2040py"
        copytree(Path(found.origin).parent, package, ignore=ignore_patterns("*.cpython-*"))
        return here, _elsewhere(image, idle_ms, Path(folder))


def emulator(image: Path) -> Figures:
    """Virtual seconds in a second of CPU, and how many times faster than the wheel."""
    here, wheel = both(image, IDLE_MS)
    assert here["state"] == wheel["state"], "the two do not do the same"
    return {
        "emulator_boot_speed": BOOT_MS / 1000 / here["boot_s"],
        "emulator_idle_speed": IDLE_MS / 1000 / here["idle_s"],
        "emulator_boot_times": wheel["boot_s"] / here["boot_s"],
        "emulator_idle_times": wheel["idle_s"] / here["idle_s"],
    }


if __name__ == "__main__":
    print(json.dumps(booted(Path(sys.argv[1]), int(sys.argv[2]))))
