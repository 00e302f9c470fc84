"""Builds an ESP32 board's image with the user's own ESP-IDF and MicroPython.

Neither is in Debian, so nothing is downloaded: everything that is missing is listed at once, with
what to do. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from tools.toolchain.build import (
    cache_root,
    check_program,
    checkout_dir,
    count_jobs,
    digest_parts,
    hold_lock,
    print_progress,
)
from tools.toolchain.sources import EXIT_MACHINE, Stop, run_logged
from wrap.version import OLDEST_MICROPYTHON

Tree = dict[str, bytes]

PORT = Path("ports/esp32")
OLDEST = max(OLDEST_MICROPYTHON[chip] for chip in ("esp32", "esp32s3", "esp32c3"))
IDF_OLDEST = (5, 3)  # MicroPython's own: ports/esp32/README.md
_TARGET = re.compile(r"^set\(IDF_TARGET (\w+)\)", re.MULTILINE)
_HELP = "docs/build-a-wrap.md, ESP32"


def target_of(folder: Path) -> str | None:
    """Return the chip of an ESP32 board's folder, None for a board of another family."""
    found = _TARGET.search((folder / "mpconfigboard.cmake").read_text())
    return found[1] if found else None


def _read_numbers(text: str, *names: str) -> tuple[int, ...]:
    found = [re.search(rf"\b{name}\b\D*?(\d+)", text) for name in names]
    return tuple(int(match[1]) for match in found if match)


def _oldest() -> str:
    return ".".join(map(str, OLDEST))


def _micropython_lacks(checkout: Path | None) -> list[str]:
    if checkout is None:
        return [f"MICROPYTHON_DIR: set it to a checkout of MicroPython {_oldest()} or newer"]
    header = checkout / "py" / "mpconfig.h"
    if not header.exists() or not (checkout / PORT / "Makefile").exists():
        return [f"MICROPYTHON_DIR={checkout}: no MicroPython checkout with {PORT}"]
    names = ("define MICROPY_VERSION_MAJOR", "define MICROPY_VERSION_MINOR")
    version = _read_numbers(header.read_text(), *names)
    if version < OLDEST:
        text = ".".join(map(str, version))
        return [f"MICROPYTHON_DIR={checkout}: MicroPython {text}; {_oldest()} or newer is needed"]
    lacks = []
    if not (checkout / "lib/berkeley-db-1.xx").is_dir() or not any(
        (checkout / "lib/berkeley-db-1.xx").iterdir()
    ):
        lacks.append(f"submodules: make -C {checkout / PORT} submodules")
    if not _find_mpy_cross(checkout).exists():
        lacks.append(f"mpy-cross: make -C {checkout / 'mpy-cross'}")
    return lacks


def _find_mpy_cross(checkout: Path) -> Path:
    return checkout / "mpy-cross" / "build" / "mpy-cross"


def _idf_lacks() -> list[str]:
    name = os.environ.get("IDF_PATH")
    if not name:
        return ["IDF_PATH: install ESP-IDF 5.3 or newer and run '. export.sh' of it in this shell"]
    folder = Path(name).expanduser()
    version_file = folder / "tools" / "cmake" / "version.cmake"
    if not (folder / "tools" / "idf.py").exists() or not version_file.exists():
        return [f"IDF_PATH={folder}: no ESP-IDF"]
    version = _read_numbers(version_file.read_text(), "IDF_VERSION_MAJOR", "IDF_VERSION_MINOR")
    if version < IDF_OLDEST:
        return [f"IDF_PATH={folder}: ESP-IDF {'.'.join(map(str, version))}; 5.3 or newer is needed"]
    return []


def _tools_lack(target: str) -> list[str]:
    compiler = "riscv32-esp-elf-gcc" if target == "esp32c3" else f"xtensa-{target}-elf-gcc"
    programs = ("idf.py", "cmake", "ninja", "git", compiler)
    missing = [name for name in programs if not shutil.which(name)]
    # One compiler for all Xtensa chips since ESP-IDF 5.2.
    if compiler in missing and compiler[0] == "x" and shutil.which("xtensa-esp-elf-gcc"):
        missing.remove(compiler)
    if not missing:
        return []
    export = f". {os.environ.get('IDF_PATH') or '$IDF_PATH'}/export.sh"
    return [f"programs not on PATH: {', '.join(missing)}; run '{export}' in this shell"]


def check_tools(target: str) -> Path:
    """Return the MicroPython checkout. Raises Stop(3) with everything that this machine lacks."""
    checkout = checkout_dir()
    lacks = [*_micropython_lacks(checkout), *_idf_lacks(), *_tools_lack(target)]
    if lacks or checkout is None:
        lines = "".join(f"\n  - {line}" for line in lacks)
        raise Stop(EXIT_MACHINE, f"an {target} image cannot be built here ({_HELP}):{lines}")
    return checkout


def build_board(
    board: str, tree: Tree, out: Path, facts: dict[str, object], stage: Callable[[Path, Tree], None]
) -> list[Path]:
    """Put `board`'s image (.bin, for the address in board.json), .elf and facts (.json) into `out`.
    tree: every file of the board, by its path from the repository; stage(folder, tree)
    makes a folder equal to it. Raises Stop."""
    here = f"boards/{board}/"
    target = _TARGET.search(tree[here + "mpconfigboard.cmake"].decode())
    assert target, f"{board} names no IDF_TARGET"
    checkout = check_tools(target[1])
    key = digest_parts([str(checkout), board])
    folder = cache_root() / "esp32" / key
    log = cache_root() / "logs" / f"firmware-{board}.log"
    with hold_lock(cache_root() / f"esp32-{key}.lock"):
        log.unlink(missing_ok=True)
        stage(folder / "tree", tree)
        print_progress(f"building {board} with ESP-IDF (minutes at first)")
        made = folder / "build"
        words = [f"BOARD={board}", f"BOARD_DIR={folder / 'tree' / here}", f"BUILD={made}"]
        env = {"MICROPY_MPYCROSS": str(_find_mpy_cross(checkout))}
        run_logged(["make", count_jobs(), "-C", checkout / PORT, *words], log, env=env)
        return _collect_files(board, made, out, facts)


def _collect_files(board: str, made: Path, out: Path, facts: dict[str, object]) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    image = made / "firmware.bin"
    program = (made / "micropython.bin").read_bytes()
    check_program(program, facts, made)
    every = facts | {"image_sha256": hashlib.sha256(image.read_bytes()).hexdigest()}
    every["flash_bytes"] = len(program)
    shutil.copyfile(made / "micropython.elf", out / f"{board}.elf")
    (out / f"{board}.json").write_text(json.dumps(every, indent=2) + "\n")
    shutil.copyfile(image, out / f"{board}.bin")
    return [out / f"{board}{end}" for end in (".elf", ".json", ".bin")]
