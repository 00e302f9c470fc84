"""Installs a UF2 image on an RP2040: enters the boot loader, copies the image, confirms it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pbmwrap.device import boot_drive
from pbmwrap.device.boot_drive import BOOTSEL_HINT
from pbmwrap.device.models import Hello
from pbmwrap.device.uf2 import BLOCK_BYTES, extract_payload
from pbmwrap.errors import LinkLost, NoDevice, NoPermission, VerifyFailed
from pbmwrap.install import raw_prompt, service_mode
from pbmwrap.install.service_mode import Clock

CHECK_S = 10.0  # a wrap has verified its program 0.6 s after power-on
WAIT_S = 20.0  # a desktop takes some seconds to mount a drive
_POLL_S = 0.5
_ENTER = "import machine\nmachine.bootloader()"
_MOUNT_HINT = (
    "mount the drive RPI-RP2 (`udisksctl mount -b /dev/disk/by-label/RPI-RP2`), then run it again;"
    " or unplug it and plug it in again: its firmware is as it was"
)


def enter_boot_loader(
    port: str,
    drives: Callable[[], list[Path]] = boot_drive.list_drives,
    clock: Clock | None = None,
    *,
    keeps_trials: bool,
) -> Path:
    """Restart the board at `port` into its boot loader; returns its drive.

    A wrap goes into service mode first: it refuses in a session, restarts dark and starts no
    watchdog. keeps_trials: the image to copy is a wrap's. Raises WrapError.
    """
    clock = clock or Clock()
    before = set(drives())
    with (
        service_mode.hold_at_prompt(port, True, clock, keeps_trials),
        raw_prompt.open_raw_prompt(port) as target,
    ):
        target.exec_raw_no_follow(_ENTER)
    deadline = clock.now() + WAIT_S
    while clock.now() < deadline:
        new = [drive for drive in drives() if drive not in before]
        if new:
            return new[0]
        clock.sleep(_POLL_S)
    raise NoDevice(f"{port} is in its boot loader, but no drive of it appeared", _MOUNT_HINT)


def copy_image(data: bytes, drive: Path) -> Path:
    """Write the image to the drive; returns the file's path.

    The board restarts as soon as it has the last block, so an error after the last byte is not a
    failure. Raises NoDevice, NoPermission, LinkLost.
    """
    if not boot_drive.is_boot_drive(drive):
        raise NoDevice(f"{drive} is not a boot loader drive", BOOTSEL_HINT)
    target = drive / "FIRMWARE.UF2"
    taken = 0
    try:
        with target.open("wb", buffering=0) as file:
            while taken < len(data):
                taken += file.write(data[taken : taken + 64 * BLOCK_BYTES])
            os.fsync(file.fileno())
    except PermissionError as problem:
        hint = "mount the drive with write permission and run it again; or unplug the board and"
        hint += " plug it in again: its firmware is as it was"
        raise NoPermission(f"{target} is not writable", hint) from problem
    except OSError as problem:
        if taken < len(data):
            raise LinkLost(f"{drive} went away after {taken} bytes", BOOTSEL_HINT) from problem
    return target


def confirm_program(
    data: bytes, hello: Hello, ask: Callable[[], Hello], clock: Clock | None = None
) -> Hello:
    """Wait until the wrap has verified that it runs the program in `data`; returns its hello.

    The wrap computes the CRC-32 of its flash (docs/decisions/0011). Raises VerifyFailed.
    """
    clock = clock or Clock()
    if hello.program.encode() not in extract_payload(data):
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
