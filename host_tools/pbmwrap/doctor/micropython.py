"""Checks a wrap's MicroPython for known problems, by version and chip.

Each problem has its source. Problems that the firmware works around are not listed.
"""

from __future__ import annotations

from dataclasses import dataclass

from pbmwrap.device.models import Hello
from pbmwrap.doctor.check import Check, Level
from wrap.version import OLDEST_MICROPYTHON

_UPDATE = "install a newer MicroPython and run `pbmwrap install --files`, or install the image"
_IMAGE = "the image of `pbmwrap install --image` does not have this problem"


@dataclass(frozen=True)
class KnownProblem:
    """A known problem. below: the first version without it, () for none; files: only on stock
    MicroPython, not in our image."""

    level: Level
    text: str
    hint: str
    chip: str = ""
    below: tuple[int, ...] = ()
    files: bool = False


def _show(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


KNOWN_PROBLEMS = (
    # What the project is built and tested with.
    KnownProblem(
        "bad",
        f"older than {_show(OLDEST_MICROPYTHON['rp2040'])}, not tested with this firmware",
        _UPDATE,
        "rp2040",
        OLDEST_MICROPYTHON["rp2040"],
    ),
    # ports/esp32/esp32_rmt.c: RMT.active() came with 1.27; machine_pwm.c: true 100 % with 1.26.
    *(
        KnownProblem(
            "bad",
            f"the firmware does not start before {_show(OLDEST_MICROPYTHON[chip])} on this chip",
            _UPDATE,
            chip,
            OLDEST_MICROPYTHON[chip],
        )
        for chip in ("esp32", "esp32s3", "esp32c3")
    ),
    # shared/tinyusb/mp_usbd_cdc.c, mp_usbd_cdc_tx_strn: waits while the FIFO is full.
    KnownProblem(
        "note",
        "a program that opens the port and does not read delays a write by 500 ms; in a session "
        "the dead-man timer then turns the light off",
        _IMAGE,
        "rp2040",
        files=True,
    ),
    # ports/rp2/modules/_boot.py: mkfs after any error of mount.
    KnownProblem(
        "note",
        "its boot code formats a filesystem that cannot be mounted: settings, log and a latched "
        "fault would be lost",
        "run `pbmwrap logs pull` regularly; " + _IMAGE,
        "rp2040",
        files=True,
    ),
)


def list_known_problems(version: tuple[int, ...], chip: str, frozen: bool) -> list[KnownProblem]:
    """Return the problems of this version on this chip ("rp2040", "esp32s3", ...)."""
    return [
        k
        for k in KNOWN_PROBLEMS
        if k.chip in ("", chip) and (not k.below or version < k.below) and not (k.files and frozen)
    ]


def chip_name(board: str) -> str:
    """Return the chip in a board's name: "esp32s3" of PBMWRAP_ESP32_S3."""
    return board.rpartition("PBMWRAP_")[2].lower().replace("_", "")


def check_micropython(hello: Hello) -> list[Check]:
    """Check the version for each known problem; a simulated wrap on CPython has none."""
    if not hello.mpy[:1].isdigit():
        return [Check("micropython", "good", f"none: this simulated wrap runs on {hello.runs_on}")]
    version = tuple(int(n) for n in hello.mpy.split(".") if n.isdigit())
    found = list_known_problems(version, chip_name(hello.board), hello.frozen)
    checks = [Check("micropython", k.level, f"{hello.mpy}: {k.text}", k.hint) for k in found]
    return checks or [Check("micropython", "good", f"{hello.mpy}, no known problem")]
