"""Finds the connected boards, and names the next step for each.

Finding disturbs nothing: it asks `hello`, sends no Ctrl-C and restarts no board.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pbmwrap.device import boot_drive, discovery
from pbmwrap.device.discovery import Candidate
from pbmwrap.device.models import Hello
from pbmwrap.device.serial_port import PortInfo
from pbmwrap.device.usb import BOOTSEL, ESPRESSIF, list_usb_ids
from pbmwrap.errors import (
    AtPrompt,
    InSession,
    NoDevice,
    NoPermission,
    NotAWrap,
    PortBusy,
    SeveralDevices,
    UsageError,
    WrapError,
)

Kind = Literal[
    "wrap",
    "in_session",
    "fault",
    "prompt",
    "bootsel",
    "unmounted",  # in BOOTSEL, but its drive is not mounted
    "esp32_port",
    "other_device",
    "no_access",
    "no_answer",
]
Way = Literal["files", "image"]
_INSTALLABLE_STATES = ("idle", "done")
_NO_BOARD_HINT = (
    "plug a board in with a data cable; a new RP2040: hold BOOTSEL while plugging it in"
)


@dataclass(frozen=True)
class FoundBoard:
    """One board and what to do with it.

    where: port or drive. step: what to do next, for people. way: what `install` does without
    options; None when a person has to act first. problem: why no wrap answered at the port.
    """

    kind: Kind
    where: str
    text: str
    step: str
    way: Way | None = None
    hello: Hello | None = None
    problem: WrapError | None = None

    def to_error(self) -> WrapError:
        """Return the error, with its exit code, for a board that nothing is installed on now."""
        if self.kind == "in_session":
            return InSession(str(self), self.step)
        if self.kind == "unmounted":
            return NoDevice(str(self), self.step)
        if self.problem is not None and self.kind != "esp32_port":
            return type(self.problem)(str(self), self.step)
        return UsageError(str(self), self.step)

    def __str__(self) -> str:
        return self.text if self.text.startswith(self.where) else f"{self.where}: {self.text}"


def find_boards(port: str) -> list[FoundBoard]:
    """Return every connected board; for a named port, what is there and all boot loaders.

    Raises UsageError, NoDevice.
    """
    drives = [str(drive) for drive in boot_drive.list_drives()]
    loaders = classify_boot_loaders(drives, list_usb_ids())
    if port == discovery.AUTO:
        return [*map(classify_candidate, discovery.scan_ports()), *loaders]
    if port.startswith("serial:"):
        port = discovery.find_port_by_number(port.removeprefix("serial:"))
    return [identify_port(port), *loaders]


def identify_port(port: str) -> FoundBoard:
    """Return what is at one serial port. Raises UsageError for a twin inside this process."""
    check_serial_port(port)
    try:
        client, hello = discovery.greet_wrap(discovery.open_transport(port))
    except WrapError as problem:
        return classify_problem(PortInfo(port, "", "", ""), problem)
    client.close()
    return classify_wrap(port, hello)


def check_serial_port(port: str) -> None:
    """Raises UsageError for a twin inside this process, which has no port to install to."""
    if port.partition(":")[0] in ("sim", "rp2040"):
        raise UsageError(
            f"{port} is not a serial port", "start one with `pbmwrap emulate`, then give its port"
        )


def choose_board(found: list[FoundBoard]) -> FoundBoard:
    """Return the only board that install could take. Raises NoDevice, SeveralDevices."""
    # Other devices and silent ports (a mouse, a modem) count only when there is nothing else.
    usable = [f for f in found if f.kind not in ("other_device", "no_answer")] or found
    if not usable:
        raise NoDevice("no board found", _NO_BOARD_HINT)
    if len(usable) > 1:
        raise SeveralDevices(
            f"{len(usable)} boards:\n{format_boards(usable)}", "choose one with --port"
        )
    return usable[0]


def classify_candidate(asked: Candidate) -> FoundBoard:
    """Classify a serial port that was asked for `hello`."""
    if asked.hello:
        return classify_wrap(asked.port.device, asked.hello)
    device = asked.port.device
    return classify_problem(asked.port, asked.problem or NotAWrap(f"{device} is unknown"))


def classify_wrap(port: str, hello: Hello) -> FoundBoard:
    """Classify a running wrap by its state."""
    name = f"firmware {hello.fw} on {hello.board}, {hello.state}"
    way: Way = "image" if hello.frozen else "files"
    if hello.state == "fault":
        step = f"update it ({way}); the fault stays latched"
        return FoundBoard("fault", port, name, step, way, hello)
    if hello.state not in _INSTALLABLE_STATES:
        step = "wait for the session's end, or end it with `pbmwrap stop`, then run this again"
        return FoundBoard("in_session", port, name, step, None, hello)
    return FoundBoard("wrap", port, name, f"update it ({way})", way, hello)


def classify_problem(port: PortInfo, problem: WrapError) -> FoundBoard:
    """Classify a port where no wrap answered, by the reason."""
    device, message = port.device, problem.message
    if isinstance(problem, AtPrompt):
        text = "a MicroPython prompt: a stock board, or a wrap in service mode"
        return FoundBoard("prompt", device, text, "install the files", "files")
    if type(problem) is NoDevice or isinstance(problem, PortBusy):  # no subclass of NoDevice
        return FoundBoard("no_access", device, message, problem.hint, problem=problem)
    if isinstance(problem, NoPermission):
        step = "run `pbmwrap doctor`: it shows who may open it"
        return FoundBoard("no_access", device, message, step, problem=problem)
    if port.usb in ESPRESSIF:
        text = "an ESP32's own USB port where no wrap answers: its ROM loader, or other firmware"
        step = "run `pbmwrap install --image FILE.bin --port PORT`"
        return FoundBoard("esp32_port", device, text, step)
    if isinstance(problem, NotAWrap) and "does not answer" not in message:
        step = "hold BOOTSEL (an ESP32: BOOT) while plugging it in, then install an image"
        return FoundBoard("other_device", device, message, step, problem=problem)
    step = (
        "unplug it and plug it in again; if it does not answer then, hold BOOTSEL (an ESP32: BOOT) "
        "while plugging it in"
    )
    return FoundBoard("no_answer", device, message, step, problem=problem)


def classify_boot_loaders(
    drives: Sequence[str], usb_ids: frozenset[str] | None
) -> list[FoundBoard]:
    """Return the RP2040s in BOOTSEL mode, whether their drive is mounted or not."""
    text = "an RP2040 in its boot loader"
    found = [FoundBoard("bootsel", drive, text, "copy an image to it", "image") for drive in drives]
    if not found and usb_ids and BOOTSEL in usb_ids:
        step = (
            "mount its drive (`udisksctl mount -b /dev/disk/by-label/RPI-RP2`), then run this again"
        )
        return [FoundBoard("unmounted", "USB", text + ", its drive RPI-RP2 not mounted", step)]
    return found


def format_boards(found: Sequence[FoundBoard]) -> str:
    """Return one line for each board."""
    return "\n".join(f"{f}; next: {f.step}" for f in found)
