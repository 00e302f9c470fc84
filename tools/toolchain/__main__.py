"""Builds and caches mpy-cross, the unix port, the boards' images, and the emulated RP2040 for this
Python.

    python3 -m tools.toolchain ensure                       prints the toolchain's folder
    python3 -m tools.toolchain firmware --board B --out DIR
    python3 -m tools.toolchain mpy --out DIR [--arch armv6m]
    python3 -m tools.toolchain qemu --arch rv32|arm --out DIR    MicroPython for tests/qemu

Standard library only, Python 3.11. Exit codes: 0 done, 1 a build failed (the end of its log is
shown), 2 usage, 3 this machine lacks something (the message says what to do).
MICROPYTHON_DIR names a MicroPython checkout to use instead of Debian's sources.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.toolchain.build import ensure_toolchain, print_progress
from tools.toolchain.emulator import compile_emulator
from tools.toolchain.image import build_firmware, compile_mpy
from tools.toolchain.qemu import MACHINES, build_qemu
from tools.toolchain.sources import EXIT_FAILED, Stop


def parse_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.toolchain", description="Build what the firmware needs, once."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ensure", help="build the toolchain and print its folder")
    image = commands.add_parser("firmware", help="build a board's image")
    image.add_argument("--board", default="PBMWRAP_RP2040")
    image.add_argument("--out", type=Path, default=Path("build"))
    mpy = commands.add_parser("mpy", help="compile the firmware's files to .mpy")
    mpy.add_argument("--board", default="PBMWRAP_RP2040")
    mpy.add_argument("--out", type=Path, required=True)
    mpy.add_argument("--arch", default="armv6m")
    emulated = commands.add_parser("qemu", help="build the emulated machine's MicroPython")
    emulated.add_argument("--arch", choices=sorted(MACHINES), required=True)
    emulated.add_argument("--out", type=Path, default=Path("build"))
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    options = parse_arguments(words)
    try:
        if options.command == "ensure":
            print(ensure_toolchain())
            compile_emulator()
        elif options.command == "firmware":
            build_firmware(options.board, options.out)
            if "RP2040" in options.board:
                compile_emulator()
        elif options.command == "qemu":
            build_qemu(options.arch, options.out)
        else:
            compile_mpy(options.board, options.arch, options.out)
    except Stop as stop:
        print_progress(f"toolchain: {stop}")
        return stop.code
    except OSError as error:
        print_progress(f"toolchain: {error}")
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
