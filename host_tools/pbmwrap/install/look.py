"""Gathers what is plugged in, for `install` without a mode and for an update by image."""

from __future__ import annotations

from pbmwrap.device import discovery
from pbmwrap.device.serial_port import PortInfo
from pbmwrap.device.usb_nodes import usb_ids
from pbmwrap.errors import NoDevice, SeveralDevices, UsageError, WrapError
from pbmwrap.install import image, states
from pbmwrap.install.states import Found

_NOTHING = "plug a board in with a data cable; a new RP2040: hold BOOTSEL while plugging it in"


def boards(port: str) -> list[Found]:
    """Every board that is seen; with a port named, what is there and boot loaders."""
    loaders = states.of_boot_loader([str(d) for d in image.drives()], usb_ids())
    if port == discovery.AUTO:
        return [*map(states.of_candidate, discovery.scan()), *loaders]
    if port.startswith("serial:"):
        port = discovery.port_of_number(port.removeprefix("serial:"))
    return [at(port), *loaders]


def at(port: str) -> Found:
    """What is at one serial port. Raises UsageError for a twin inside this process."""
    if port.partition(":")[0] in ("sim", "rp2040"):
        raise UsageError(
            f"{port} is not a serial port", "start one with `pbmwrap emulate`, then give its port"
        )
    try:
        client, hello = discovery.greet(discovery.open_transport(port))
    except WrapError as problem:
        return states.of_problem(PortInfo(port, "", "", ""), problem)
    client.close()
    return states.of_wrap(port, hello)


def only(found: list[Found]) -> Found:
    """The single board that install would take. Raises NoDevice, SeveralDevices."""
    usable = [f for f in found if f.kind not in ("stranger", "silent")] or found  # a mouse, a modem
    if not usable:
        raise NoDevice("no board found", _NOTHING)
    if len(usable) > 1:
        raise SeveralDevices(
            f"{len(usable)} boards:\n{states.show(usable)}", "choose one with --port"
        )
    return usable[0]
