"""Finds the drive, named RPI-RP2, that an RP2040 in its boot loader shows."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from pbmwrap.errors import NoDevice, SeveralDevices

MARK = "INFO_UF2.TXT"
BOARD_ID = "RPI-RP2"
BOOTSEL_HINT = "hold BOOTSEL while plugging the board in, then run this again"


def _list_mounts() -> list[Path]:
    """Return every place where this system mounts removable drives."""
    if sys.platform == "win32":
        return [Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ"]
    patterns = ("media/*", "media/*/*", "run/media/*/*", "Volumes/*", "mnt/*")
    return [path for pattern in patterns for path in Path("/").glob(pattern)]


def list_drives(mounts: Iterable[Path] | None = None) -> list[Path]:
    """Return every mounted boot loader drive."""
    return [path for path in (_list_mounts() if mounts is None else mounts) if is_boot_drive(path)]


def find_drive(mounts: Iterable[Path] | None = None) -> Path:
    """Return the only boot loader drive. Raises NoDevice, SeveralDevices."""
    found = list_drives(mounts)
    if not found:
        raise NoDevice("no board is in its boot loader", BOOTSEL_HINT)
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise SeveralDevices(
            f"{len(found)} boards are in their boot loader: {names}", "choose one with --drive"
        )
    return found[0]


def is_boot_drive(path: Path) -> bool:
    """Whether `path` is the drive of an RP2040's boot loader."""
    try:
        return BOARD_ID in (path / MARK).read_text(errors="replace")
    except OSError:
        return False
