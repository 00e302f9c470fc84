"""Proves as much of an ESP32's build as goes without ESP-IDF: what the Python of MicroPython's
build makes of our board folders. The port's own tools, from Debian's source package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.esp32.world import BOARDS, facts_of
from tools.toolchain.built import run_toolchain
from tools.toolchain.image import frozen_files, stage_files, staged_files

# ports/esp32/esp32_common.cmake: MICROPY_CROSS_FLAGS.
ARCH = {"esp32": "xtensawin", "esp32s3": "xtensawin", "esp32c3": "rv32imc"}


@pytest.fixture(scope="module")
def toolchain() -> Path:
    return run_toolchain("ensure")


@pytest.fixture(params=BOARDS)
def staged(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a board's folder as it is handed to the port's build."""
    stage_files(tmp_path, staged_files(request.param, frozen_files(request.param)))
    return tmp_path / "boards" / request.param


def run(*words: str | Path, cross: Path) -> str:
    env = {**os.environ, "MICROPY_MPYCROSS": str(cross)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr)
    return done.stdout


def test_the_manifest_freezes_the_firmware_for_its_chip(toolchain: Path, staged: Path) -> None:
    mp, out = toolchain / "mp", staged / "frozen_content.c"
    facts = facts_of(staged.name)
    names = [
        f"MPY_DIR={mp}",
        f"PORT_DIR={mp / 'ports/esp32'}",
        f"BOARD_DIR={staged}",
        "MPY_LIB_DIR=",
    ]
    options = [word for name in names for word in ("-v", name)]
    flags = [f"-f-march={ARCH[facts.CHIP]}", "--mpy-tool-flags="]
    command = [
        sys.executable,
        mp / "tools/makemanifest.py",
        "-o",
        out,
        *options,
        "-b",
        staged / "b",
    ]
    (staged / "b").mkdir()
    qstrs = staged / "b" / "genhdr" / "qstrdefs.preprocessed.h"
    qstrs.parent.mkdir()
    qstrs.write_text("QCFG(BYTES_IN_LEN, 1)\nQCFG(BYTES_IN_HASH, 2)\nQ(in_the_core)\n")
    run(*command, *flags, staged / "manifest.py", cross=toolchain / "mpy-cross")
    text = out.read_text()
    for name in (
        "boot.py",
        "main.py",
        "_boot.py",
        "flashbdev.py",
        "board_facts.py",
        "wrap_image.py",
    ):
        assert f'"{name}\\0"' in text
    assert '"wrap/hal/esp32/dead_man.py\\0"' in text
    assert "wrap/hal/rp2040" not in text


def test_the_ports_generator_takes_the_pins(toolchain: Path, staged: Path) -> None:
    boards = toolchain / "mp/ports/esp32/boards"
    made = {name: staged / name for name in ("pins.c", "pins.h")}
    words = ["--board-csv", staged / "pins.csv", "--prefix", boards / "pins_prefix.c"]
    words += ["--output-source", made["pins.c"], "--output-header", made["pins.h"]]
    run(sys.executable, boards / "make-pins.py", *words, cross=toolchain / "mpy-cross")
    text = made["pins.c"].read_text()
    for name, pin in (("ENABLE", facts_of(staged.name).ENABLE_PIN), ("LAMP_RED", None)):
        assert f"MP_QSTR_{name})" in text
        assert pin is None or re.search(rf"MP_QSTR_{name}\).*GPIO_NUM_{pin}\b|GPIO{pin}\b", text)


def test_the_ports_settings_that_are_built_on_are_there(toolchain: Path, staged: Path) -> None:
    """In 1.25 as in 1.29-preview: names that came and went are in sdkconfig.board itself."""
    cmake = (staged / "mpconfigboard.cmake").read_text()
    named = re.findall(r"^\s+boards/(\S+)", cmake, re.MULTILINE)
    assert "sdkconfig.base" in named
    for name in named:
        assert (toolchain / "mp/ports/esp32/boards" / name).is_file(), name
