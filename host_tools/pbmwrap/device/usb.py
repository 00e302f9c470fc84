"""Reads what this machine knows of its USB devices, and of a port's node and its users.

Opens no port and sends nothing. Linux knows most of it, other systems a part.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pbmwrap.portable.usb_ids import MAKERS

__all__ = ("BOOTSEL", "ESPRESSIF", "MAKERS", "PortNode", "inspect_node")

# "vid:pid" of boards and bridges, from the USB ID lists of their makers.
BOOTSEL = "2e8a:0003"
ESPRESSIF = ("303a:1001", "303a:0002", "303a:0009")
_DEVICES = Path("/sys/bus/usb/devices")
_PROC = Path("/proc")
_HUB_CLASS = "09"


@dataclass(frozen=True)
class PortNode:
    """The device node of a port.

    usable: this user may open it. group: of the node; in_group: this login has it; listed: the user
    has it from the next login on; group_may: the group may read and write. holders: (process, name)
    of the programs that have it open, as far as this user may see.
    """

    usable: bool
    group: str = ""
    in_group: bool = False
    listed: bool = False
    group_may: bool = False
    holders: tuple[tuple[int, str], ...] = ()


def inspect_node(device: str) -> PortNode:
    """Return what is known of the node `device`."""
    if sys.platform == "win32":
        return PortNode(True)  # a port is not a file there, and every user may open it
    usable = os.access(device, os.R_OK | os.W_OK)
    import grp
    import pwd

    try:
        about = Path(device).stat()
    except OSError:
        return PortNode(usable)
    try:
        group = grp.getgrgid(about.st_gid)
        name, members = group.gr_name, group.gr_mem
    except KeyError:
        name, members = str(about.st_gid), []
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = ""
    has = about.st_gid in os.getgroups()
    may = about.st_mode & 0o060 == 0o060
    return PortNode(usable, name, has, user in members, may, tuple(find_holders(device)))


def list_usb_ids(devices: Path = _DEVICES) -> frozenset[str] | None:
    """Return "vid:pid" of every USB device except hubs; None where they are not listed."""
    if not devices.is_dir():
        return None
    return frozenset(filter(None, map(_read_usb_id, devices.iterdir())))


def _read_usb_id(folder: Path) -> str | None:
    try:
        if (folder / "bDeviceClass").read_text().strip() == _HUB_CLASS:
            return None
        return ":".join((folder / name).read_text().strip() for name in ("idVendor", "idProduct"))
    except OSError:  # an interface, or unplugged meanwhile
        return None


def find_holders(device: str, proc: Path = _PROC) -> Iterator[tuple[int, str]]:
    """Yield (process, name) of every other process that has `device` open; Linux only."""
    real = os.path.realpath(device)
    for folder in sorted(proc.glob("[0-9]*")):
        if int(folder.name) != os.getpid() and _has_open(folder / "fd", real):
            yield int(folder.name), _read_process_name(folder)


def _has_open(folder: Path, real: str) -> bool:
    try:
        return any(os.path.realpath(link) == real for link in folder.iterdir())
    except OSError:  # another user's process, or ended meanwhile
        return False


def _read_process_name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text(errors="replace").strip()
    except OSError:
        return "?"
