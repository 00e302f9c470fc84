"""Completes arguments in the shell. Asks no wrap."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pbmwrap.errors import WrapError


def _filter_by_start(names: Iterable[str], typed: str) -> list[str]:
    return [name for name in names if name.startswith(typed)]


def _list_files(typed: str, ending: str) -> list[str]:
    """Return the folders, and the files with `ending`, that start with the typed path."""
    cut = max(typed.rfind("/"), typed.rfind(os.sep)) + 1
    prefix, start = typed[:cut], typed[cut:]
    try:
        found = sorted(Path(prefix or ".").iterdir())
    except OSError:
        return []
    shown = [p for p in found if p.name.startswith(start) and (start or p.name[0] != ".")]
    return [
        f"{prefix}{path.name}" + ("/" if path.is_dir() else "")
        for path in shown
        if path.is_dir() or path.name.endswith(ending)
    ]


def complete_protocols(incomplete: str) -> list[str]:
    """Return ids of the shipped examples, and protocol files."""
    from pbmwrap.protocols.template import examples

    return _filter_by_start(examples(), incomplete) + _list_files(incomplete, ".toml")


def complete_settings(incomplete: str) -> list[str]:
    """Return names of the wrap's settings."""
    from wrap.storage.settings import BOUNDS

    return _filter_by_start(sorted(BOUNDS), incomplete)


def complete_channels(incomplete: str) -> list[str]:
    """Return channels of the default board."""
    from pbmwrap.protocols import board

    return _filter_by_start(board.map_wavelengths(), incomplete)


def complete_scenarios(incomplete: str) -> list[str]:
    """Return shipped scenarios, and scenario files."""
    from pbmwrap.twin.scenario import shipped

    return _filter_by_start(shipped(), incomplete) + _list_files(incomplete, ".toml")


def complete_wraps(incomplete: str) -> list[str]:
    """Return UIDs of the wraps whose logs are in the archive."""
    from pbmwrap.logs.archive import Archive

    try:
        return _filter_by_start(Archive().uids(), incomplete)
    except (OSError, WrapError):
        return []


def complete_ports(incomplete: str) -> list[str]:
    """Return `auto`, the twins, and the USB serial ports with their numbers. Opens none of them."""
    from pbmwrap.device.serial_port import usb_ports

    ports = usb_ports()
    numbers = [f"serial:{port.number}" for port in ports if port.number]
    return _filter_by_start(
        ["auto", "sim:", "rp2040:", *(p.device for p in ports), *numbers], incomplete
    )
