"""Compiles every module of the device package for each chip, native and viper ones included."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.esp32.world import BOARDS, ROOT

CHIPS = {"xtensawin": BOARDS[:2], "rv32imc": BOARDS[2:], "armv6m": ("PBMWRAP_RP2040",)}
# py/persistentcode.h of MicroPython 1.25: the architecture in the header's third byte.
CODES = {"armv6m": 4, "xtensawin": 10, "rv32imc": 11}
NATIVE = ("wrap/fast_step.mpy", "wrap/turn.mpy", "wrap/link/json_writer.mpy")


@pytest.mark.parametrize(("arch", "board"), [(a, b) for a, bs in CHIPS.items() for b in bs])
def test_every_module_compiles(arch: str, board: str, tmp_path: Path) -> None:
    words = ["mpy", "--board", board, "--arch", arch, "--out", tmp_path]
    command = [sys.executable, "-m", "tools.toolchain", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.mpy")}
    wrap = ROOT / "firmware" / "wrap"
    other = "esp32" if arch == "armv6m" else "rp2040"
    wanted = [p for p in wrap.rglob("*.py") if p.parent.name != other]
    # All but hal/contract.py, which documents the HAL, and board_facts.
    assert len(made) == len(wanted) - 1 + 1 and "wrap/hal/contract.mpy" not in made
    for name in NATIVE:
        assert made[name][:2] == b"M\x06"
        assert made[name][2] >> 2 == CODES[arch], f"{name} has no machine code of {arch}"
