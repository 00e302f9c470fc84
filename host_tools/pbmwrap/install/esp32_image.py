"""Writes a whole image to an ESP32 by running Espressif's esptool as a separate program.

A whole image holds boot loader, partition table and program, as `make firmware` and MicroPython
build it. esptool verifies the flash by MD5 as it writes.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pbmwrap import disk, installed
from pbmwrap.errors import (
    LinkLost,
    NoDevice,
    NoPermission,
    PortBusy,
    UsageError,
    VerifyFailed,
    WrapError,
)
from pbmwrap.portable.esp32_header import CHIPS, read_header

__all__ = ("CHIPS", "EspImage", "read_image", "run_esptool", "write_image")

_MISSING = "esptool is not installed"
_HOLD = "hold BOOT, press EN (RESET), let BOOT go, and run this again"


@dataclass(frozen=True)
class EspImage:
    """A checked image. offset: flash address of its first byte; ours: it is a wrap's."""

    path: Path
    chip: str
    offset: int
    size: int
    ours: bool


Runner = Callable[[Sequence[str]], tuple[int, str]]


def read_image(path: Path) -> EspImage:
    """Read what an image is for. Raises NoPermission, and InvalidFile unless it is whole and for
    one of our chips."""
    way = f"to build one, {installed.hint_make('firmware BOARD=PBMWRAP_ESP32_S3')}"
    with disk.explained(path, "read", way):
        data = path.read_bytes()
    chip, offset, ours = read_header(data, str(path))
    return EspImage(path, chip, offset, len(data), ours)


def esptool_command() -> list[str]:
    """Return the words that call esptool. Raises UsageError when it is not installed."""
    if importlib.util.find_spec("esptool"):
        return [sys.executable, "-m", "esptool"]
    found = shutil.which("esptool")
    if not found:
        raise UsageError(_MISSING, installed.hint_extra("esp"))
    return [found]


def run_esptool(words: Sequence[str]) -> tuple[int, str]:
    """Run a program; returns (exit code, everything it printed)."""
    done = subprocess.run(
        list(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def write_image(image: EspImage, port: str, runner: Runner = run_esptool) -> None:
    """Write and verify the image; the chip restarts. Raises WrapError.

    An interrupted write can be repeated, because the ROM loader cannot be overwritten.
    """
    words = [
        *esptool_command(),
        "--chip",
        image.chip,
        "--port",
        port,
        "write-flash",
        "--no-progress",
    ]
    code, said = runner([*words, hex(image.offset), str(image.path)])
    if code:
        if _WRONG_CHIP.search(said):  # nothing was written: restart what ran before
            runner([*esptool_command(), "--port", port, "--after", "hard-reset", "read-mac"])
        raise _explain_failure(said, image, port)


# Messages of esptool 5.6 (loader.py, cmds.py) and of pyserial.
_WRONG_CHIP = re.compile(r"This chip is (\S+), not")


def _explain_failure(said: str, image: EspImage, port: str) -> WrapError:
    wrong = _WRONG_CHIP.search(said)
    if wrong:
        hint = f"give the image for it; to build one, {installed.hint_make('firmware BOARD=...')}"
        return UsageError(f"the chip at {port} is {wrong[1]}, the image for {image.chip}", hint)
    if "Permission denied" in said:
        return NoPermission(f"{port} may not be opened by this user")
    if "No such file" in said or "FileNotFoundError" in said:
        return NoDevice(f"there is no port {port}")
    if "Could not open" in said:
        return PortBusy(f"{port} is in use")
    if "MD5 of file does not match" in said:
        hint = "run it again; if it fails again, the flash is worn: replace the board"
        return VerifyFailed("the flash differs from the image after writing", hint)
    if "Failed to connect" in said or "No serial data" in said:
        return NoDevice(f"the ROM loader at {port} does not answer", _HOLD)
    if "No such command" in said or "invalid choice" in said:
        return UsageError("this esptool is too old", installed.hint_extra("esp"))
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = [line for line in lines if "fatal error" in line] or lines or ["no reason given"]
    return LinkLost(f"esptool failed: {fatal[-1]}", f"run this again; if it fails again, {_HOLD}")
