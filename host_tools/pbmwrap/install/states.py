"""What a board is found as, and the one next step from there. Looking disturbs nothing: it asks
`hello`, sends no Ctrl-C and restarts nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pbmwrap.device.discovery import Candidate
from pbmwrap.device.models import Hello
from pbmwrap.device.serial_port import PortInfo
from pbmwrap.doctor.usb import BOOTSEL, ESPRESSIF
from pbmwrap.errors import (
    AtPrompt,
    InSession,
    NoDevice,
    NoPermission,
    NotAWrap,
    PortBusy,
    UsageError,
    WrapError,
)

Kind = Literal[
    "wrap", "lit", "fault", "prompt", "bootsel", "unmounted", "esp", "stranger", "shut", "silent"
]
Way = Literal["files", "image"]
_REST = ("idle", "done")


@dataclass(frozen=True)
class Found:
    """where: port or drive. step: what comes next, for people; way: what `install` does by itself,
    None where it needs a hand; problem: why no wrap said hello at a port."""

    kind: Kind
    where: str
    text: str
    step: str
    way: Way | None = None
    hello: Hello | None = None
    problem: WrapError | None = None

    def refusal(self) -> WrapError:
        """Why nothing is done here, with the exit code of its reason."""
        if self.kind == "lit":
            return InSession(str(self), self.step)
        if self.kind == "unmounted":
            return NoDevice(str(self), self.step)
        if self.problem is not None and self.kind != "esp":
            return type(self.problem)(str(self), self.step)
        return UsageError(str(self), self.step)

    def __str__(self) -> str:
        return self.text if self.text.startswith(self.where) else f"{self.where}: {self.text}"


def of_candidate(asked: Candidate) -> Found:
    """A serial port that was asked for `hello`."""
    if asked.hello:
        return of_wrap(asked.port.device, asked.hello)
    return of_problem(asked.port, asked.problem or NotAWrap(f"{asked.port.device} is unknown"))


def of_wrap(port: str, hello: Hello) -> Found:
    """Our firmware, by its state."""
    name = f"firmware {hello.fw} on {hello.board}, {hello.state}"
    way: Way = "image" if hello.frozen else "files"
    if hello.state == "fault":
        step = f"update it ({way}); the fault stays latched"
        return Found("fault", port, name, step, way, hello)
    if hello.state not in _REST:
        step = "wait for the session's end, or end it with `pbmwrap stop`, then run this again"
        return Found("lit", port, name, step, None, hello)
    return Found("wrap", port, name, f"update it ({way})", way, hello)


def of_problem(port: PortInfo, problem: WrapError) -> Found:
    """A port where no wrap said hello."""
    if isinstance(problem, AtPrompt):
        text = "a MicroPython prompt: a stock board, or a wrap in service mode"
        return Found("prompt", port.device, text, "install the files", "files")
    if type(problem) is NoDevice:  # not a kind of it
        return Found("shut", port.device, problem.message, problem.hint, problem=problem)
    if isinstance(problem, PortBusy):
        return Found("shut", port.device, problem.message, problem.hint, problem=problem)
    if isinstance(problem, NoPermission):
        step = "run `pbmwrap doctor`: it shows who may open it"
        return Found("shut", port.device, problem.message, step, problem=problem)
    if port.usb in ESPRESSIF:
        text = "an ESP32's own USB port where no wrap answers: its ROM loader, or other firmware"
        return Found("esp", port.device, text, "run `pbmwrap install --image FILE.bin --port PORT`")
    if isinstance(problem, NotAWrap) and "does not answer" not in problem.message:
        step = "hold BOOTSEL (an ESP32: BOOT) while plugging it in, then install an image"
        return Found("stranger", port.device, problem.message, step, problem=problem)
    step = (
        "unplug it and plug it in again; if it does not answer then, hold BOOTSEL (an ESP32: BOOT) "
        "while plugging it in"
    )
    return Found("silent", port.device, problem.message, step, problem=problem)


def of_boot_loader(drives: Sequence[str], ids: frozenset[str] | None) -> list[Found]:
    """RP2040s in BOOTSEL, their drive mounted or not."""
    text = "an RP2040 in its boot loader"
    found = [Found("bootsel", drive, text, "copy an image to it", "image") for drive in drives]
    if not found and ids and BOOTSEL in ids:
        step = (
            "mount its drive (`udisksctl mount -b /dev/disk/by-label/RPI-RP2`), then run this again"
        )
        return [Found("unmounted", "USB", text + ", its drive RPI-RP2 not mounted", step)]
    return found


def show(found: Sequence[Found]) -> str:
    """A line a board."""
    return "\n".join(f"{f}; next: {f.step}" for f in found)
