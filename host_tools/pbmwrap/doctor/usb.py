"""Checks USB: ports, rights, programs that hold a port, boot loaders, cables."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator, Sequence

from pbmwrap.device.serial_port import PortInfo
from pbmwrap.device.usb import BOOTSEL, ESPRESSIF, MAKERS, PortNode
from pbmwrap.doctor.check import Check

_CABLE = "connect the wrap with a data cable, or start a simulated one with `pbmwrap sim`"
_CHARGE_ONLY = (
    "if the board is connected, the cable may only charge (try one that carries data); or hold "
    "BOOTSEL while plugging it in and run this again"
)


def check_usb(
    ports: Sequence[tuple[PortInfo, PortNode]], ids: frozenset[str] | None, drives: Sequence[str]
) -> Iterator[Check]:
    """Check every port and boot loader.

    ids: "vid:pid" of what is on USB, None when unknown; drives: of RP2040s in their boot loader.
    """
    for port, node in ports:
        yield from check_port(port, node)
    yield from _check_boot_loader(ids, drives)
    if not ports:
        yield _explain_no_port(ids)


def check_port(port: PortInfo, node: PortNode) -> Iterator[Check]:
    """Check that this user may use a port, and who has it open."""
    name = f"{port.device} {port.label or ''}".rstrip()
    if not node.usable:
        yield Check(
            "port",
            "bad",
            f"{port.device} may not be used by this user",
            _permission_hint(port, node),
        )
    elif not node.holders:
        yield Check("port", "good", name)
    if node.holders:
        who = ", ".join(f"{said} (process {pid})" for pid, said in node.holders)
        hint = "end that program, or wait for it: two programs on one port lose data"
        yield Check("port", "note", f"{name} is in use by {who}", hint)


def _permission_hint(port: PortInfo, node: PortNode) -> str:
    if node.listed and not node.in_group:
        return f"log out and in again: you are in the group {node.group} from the next login on"
    maker = port.usb.partition(":")[0]
    rule = f'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{maker}", MODE="0660", TAG+="uaccess"'
    udev = f"a udev rule to /etc/udev/rules.d/70-pbmwrap.rules and plug it in again: {rule}"
    if node.group and node.group != "root" and node.group_may and not node.in_group:
        join = f"run `sudo usermod -aG {node.group} {getpass.getuser()}`, then log out and in"
        return f"{join}; or add {udev}"
    return f"add {udev}" if sys.platform == "linux" else "check your system's rights for the port"


def _check_boot_loader(ids: frozenset[str] | None, drives: Sequence[str]) -> Iterator[Check]:
    hint = "install the firmware on it: `pbmwrap install --image build/PBMWRAP_RP2040.uf2`"
    for drive in drives:
        yield Check("boot loader", "note", f"an RP2040 is in BOOTSEL mode, drive {drive}", hint)
    if ids and BOOTSEL in ids and not drives:
        text = "an RP2040 is in BOOTSEL mode, but its drive RPI-RP2 is not mounted"
        hint = "mount it (`udisksctl mount -b /dev/disk/by-label/RPI-RP2`), then `pbmwrap install`"
        yield Check("boot loader", "note", text, hint)


def _explain_no_port(ids: frozenset[str] | None) -> Check:
    if ids is None:
        return Check("ports", "note", "no USB serial port", _CABLE)
    seen = sorted({MAKERS[i[:4]] for i in ids if i[:4] in MAKERS and i != BOOTSEL})
    if seen:
        text = f"{', '.join(seen)} on USB, but no serial port"
        hint = "its driver is missing: run `sudo modprobe cdc_acm`, or install your system's driver"
        return Check("ports", "bad", text, hint)
    if BOOTSEL in ids:
        return Check("ports", "note", "no serial port: the board is in its boot loader")
    return Check("ports", "note", "no USB serial port", f"{_CABLE}; {_CHARGE_ONLY}")


def check_unanswered(port: PortInfo) -> Check | None:
    """Check the chip of a port where no wrap answers, by its USB id."""
    if port.usb not in ESPRESSIF:
        return None
    text = f"{port.device} is an ESP32's own USB port"
    hint = (
        "no wrap answers there, it may be in its ROM loader: run "
        "`pbmwrap install --image FILE.bin --port PORT`"
    )
    return Check("boot loader", "note", text, hint)
