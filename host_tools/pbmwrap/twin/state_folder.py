"""The folder that keeps a twin's flash between two runs, locked by one twin at a time."""

from __future__ import annotations

from pathlib import Path

from pbmwrap import disk

LOCK_FILE = ".pbmwrap.lock"
WAY = "choose another folder for the flash"


def take_folder(folder: Path) -> disk.Lock:
    """Make the folder if it is missing, and lock it. Call `release` on what is returned.

    Raises PortBusy, InvalidFile, NoPermission.
    """
    disk.make_folder(folder, WAY)
    return disk.lock_file(folder / LOCK_FILE, f"the flash in {folder}", f"end it, or {WAY}")
