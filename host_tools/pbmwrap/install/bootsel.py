"""From a running board into the RP2040's boot loader, dark all the way.

A wrap goes into service first: it refuses in a session, restarts dark and starts no watchdog.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pbmwrap.errors import NoDevice
from pbmwrap.install import board, files, image
from pbmwrap.install.board import Clock

WAIT_S = 20.0  # a desktop takes some seconds to mount a drive
_LOOK_S = 0.5
_ENTER = "import machine\nmachine.bootloader()"
_HINT = (
    "mount the drive RPI-RP2 (`udisksctl mount -b /dev/disk/by-label/RPI-RP2`), then run it again;"
    " or unplug it and plug it in again: its firmware is as it was"
)


def enter(port: str, drives: Callable[[], list[Path]] = image.drives, clock: Clock | None = None):
    """The boot loader's drive of the board at `port`. Raises WrapError."""
    clock = clock or Clock()
    before = set(drives())
    with board.in_service(port, True, clock), files.raw_board(port) as target:
        target.exec_raw_no_follow(_ENTER)
    deadline = clock.now() + WAIT_S
    while clock.now() < deadline:
        new = [drive for drive in drives() if drive not in before]
        if new:
            return new[0]
        clock.sleep(_LOOK_S)
    raise NoDevice(f"{port} is in its boot loader, but no drive of it appeared", _HINT)
