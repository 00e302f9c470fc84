"""What this machine says of its USB and of a port's node. Linux tells most; others a part.

Opens no port and sends nothing.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pbmwrap.device.holders import holders

_DEVICES = Path("/sys/bus/usb/devices")


@dataclass(frozen=True)
class Node:
    """A port's node. holders: (process, name) of those that have it open, as far as this user may
    see; group, in_group: of the node, and whether this login has it; listed: whether the user
    is in it from the next login on."""

    usable: bool
    group: str = ""
    in_group: bool = False
    listed: bool = False
    group_may: bool = False
    holders: tuple[tuple[int, str], ...] = ()


def node_of(device: str) -> Node:
    """What is known of the node `device`."""
    if sys.platform == "win32":
        return Node(True)  # a port is no file there, and every user may open it
    usable = os.access(device, os.R_OK | os.W_OK)
    import grp
    import pwd

    try:
        about = Path(device).stat()
    except OSError:
        return Node(usable)
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
    return Node(usable, name, has, user in members, may, tuple(holders(device)))


def usb_ids(devices: Path = _DEVICES) -> frozenset[str] | None:
    """ "vid:pid" of everything on USB that is no hub; None where this system does not tell."""
    if not devices.is_dir():
        return None
    return frozenset(filter(None, map(_id_of, devices.iterdir())))


def _id_of(folder: Path) -> str | None:
    try:
        if (folder / "bDeviceClass").read_text().strip() == "09":
            return None
        return ":".join((folder / name).read_text().strip() for name in ("idVendor", "idProduct"))
    except OSError:  # an interface, or gone meanwhile
        return None
