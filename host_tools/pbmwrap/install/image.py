"""Copies a UF2 image onto an RP2040 that waits in its boot loader (a drive named RPI-RP2)."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pbmwrap import installed
from pbmwrap.device.models import Hello
from pbmwrap.errors import (
    InvalidFile,
    LinkLost,
    NoDevice,
    NoPermission,
    SeveralDevices,
    VerifyFailed,
)
from pbmwrap.install.board import Clock

# The UF2 format: https://github.com/microsoft/uf2
BLOCK = 512
_HEAD = "<IIIIIIII"
_MAGIC_START = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30
_HAS_FAMILY = 0x2000
RP2040_FAMILY = 0xE48BFF56
CLAIM_AT = 512 * 1024 - 256  # tools/toolchain_claim.py puts it there
CLAIM = b"PBMW"
CHECK_S = 10.0  # a wrap has seen its program whole 0.6 s after power-on

MARK = "INFO_UF2.TXT"
BOARD_ID = "RPI-RP2"
_HINT = "hold BOOTSEL while plugging the board in, then run this again"


def check_uf2(path: Path) -> bytes:
    """The image's bytes. Raises InvalidFile unless every block is whole and for the RP2040."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        hint = f"to build one, {installed.hint_make('firmware')}"
        raise InvalidFile(f"{path} cannot be read: {problem.strerror}", hint) from problem
    if not data or len(data) % BLOCK:
        raise InvalidFile(f"{path} is not a complete UF2 image: it has {len(data)} bytes")
    count = len(data) // BLOCK
    for number in range(count):
        _check_block(path, data, number, count)
    return data


def _check_block(path: Path, data: bytes, number: int, count: int) -> None:
    at = number * BLOCK
    m0, m1, flags, _, _, own, blocks, family = struct.unpack_from(_HEAD, data, at)
    (end,) = struct.unpack_from("<I", data, at + BLOCK - 4)
    if (m0, m1) != _MAGIC_START or end != _MAGIC_END or (own, blocks) != (number, count):
        raise InvalidFile(f"{path}: block {number} is damaged", "build or download it again")
    if not flags & _HAS_FAMILY or family != RP2040_FAMILY:
        raise InvalidFile(f"{path}: block {number} is not for the RP2040", "use the RP2040 image")


def payload(data: bytes) -> bytes:
    """The flash's bytes in a checked UF2, in the order of its blocks."""
    return b"".join(
        data[at + 32 : at + 32 + struct.unpack_from("<I", data, at + 16)[0]]
        for at in range(0, len(data), BLOCK)
    )


def is_wrap(data: bytes) -> bool:
    """Whether a checked UF2 is a wrap's: it has the claim that lets it check itself."""
    return payload(data)[CLAIM_AT : CLAIM_AT + len(CLAIM)] == CLAIM


def confirm(
    data: bytes, hello: Hello, ask: Callable[[], Hello], clock: Clock | None = None
) -> Hello:
    """The hello of a wrap that runs the program in `data` and has read it back whole: its own
    CRC-32 of the flash (docs/decisions/0011). Raises VerifyFailed."""
    clock = clock or Clock()
    if hello.program.encode() not in payload(data):
        hint = "hold BOOTSEL while plugging it in, then run this again"
        raise VerifyFailed(f"another program answers: {hello.program[:12]}", hint)
    deadline = clock.now() + CHECK_S
    while hello.integrity == "checking" and clock.now() < deadline:
        clock.sleep(CHECK_S / 20)
        hello = ask()
    if hello.integrity != "whole":
        hint = (
            "hold BOOTSEL while plugging it in and run this again; if it fails again, replace the "
            "board"
        )
        raise VerifyFailed(f"the program in the flash is {hello.integrity}", hint)
    return hello


def _mounts() -> list[Path]:
    """Every place where this system shows removable drives."""
    if sys.platform == "win32":
        return [Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ"]
    patterns = ("media/*", "media/*/*", "run/media/*/*", "Volumes/*", "mnt/*")
    return [path for pattern in patterns for path in Path("/").glob(pattern)]


def drives(mounts: Iterable[Path] | None = None) -> list[Path]:
    """Every mounted boot loader drive."""
    return [path for path in (_mounts() if mounts is None else mounts) if _is_drive(path)]


def find_drive(mounts: Iterable[Path] | None = None) -> Path:
    """The one boot loader drive. Raises NoDevice, SeveralDevices."""
    found = drives(mounts)
    if not found:
        raise NoDevice("no board is in its boot loader", _HINT)
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise SeveralDevices(
            f"{len(found)} boards are in their boot loader: {names}", "choose one with --drive"
        )
    return found[0]


def _is_drive(path: Path) -> bool:
    try:
        return BOARD_ID in (path / MARK).read_text(errors="replace")
    except OSError:
        return False


def copy(data: bytes, drive: Path) -> Path:
    """Write the image to the drive; returns the file's path.

    The board restarts by itself as soon as it has the last block, so an error after the last byte
    was handed over is not one. Raises NoDevice, NoPermission, LinkLost.
    """
    if not _is_drive(drive):
        raise NoDevice(f"{drive} is not a boot loader drive", _HINT)
    target = drive / "FIRMWARE.UF2"
    taken = 0
    try:
        with target.open("wb", buffering=0) as file:
            while taken < len(data):
                taken += file.write(data[taken : taken + 64 * BLOCK])
            os.fsync(file.fileno())
    except PermissionError as problem:
        hint = "mount the drive with write permission and run it again; or unplug the board and"
        hint += " plug it in again: its firmware is as it was"
        raise NoPermission(f"{target} is not writable", hint) from problem
    except OSError as problem:
        if taken < len(data):
            raise LinkLost(f"{drive} went away after {taken} bytes", _HINT) from problem
    return target
