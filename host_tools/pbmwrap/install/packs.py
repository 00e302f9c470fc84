"""Packs a firmware for a slot of the board: a few packs of modules, and an index.

There is one pack for each folder of the package, and one for the top level together with all
folders of less than a sector. Flash is erased by the sector, so 70 files of a kilobyte cost more
time than 6 of ten, and a change rewrites one pack (docs/decisions/0019).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pbmwrap.install.bundle import DeviceFile

INDEX = "index"  # firmware/loader/main.py has the same name
_TOP = "wrap"
_SECTOR_BYTES = 4096


@dataclass(frozen=True)
class Firmware:
    """A packed firmware: packs by name, and the bytes of the index."""

    packs: dict[str, bytes]
    index: bytes

    @property
    def index_sha256(self) -> str:
        """SHA-256 of the index, which holds the SHA-256 of each pack: it names the firmware."""
        return hashlib.sha256(self.index).hexdigest()

    def list_files(self) -> dict[str, bytes]:
        """Return the files of a slot by name, the index last."""
        return self.packs | {INDEX: self.index}


def pack_firmware(modules: Sequence[DeviceFile], version: str, stored: int) -> Firmware:
    """Pack the modules. stored: version of the data that the firmware keeps (wrap/version.py)."""
    packs: dict[str, list[DeviceFile]] = {}
    for module in sorted(modules, key=lambda m: m.path):
        packs.setdefault(_pack_name(module.path), []).append(module)
    for name in [n for n in packs if n != _TOP and _total_size(packs[n]) < _SECTOR_BYTES]:
        packs.setdefault(_TOP, []).extend(packs.pop(name))
    contents = {name: b"".join(m.data for m in packs[name]) for name in sorted(packs)}
    places = {}
    for number, name in enumerate(contents):
        at = 0
        for module in packs[name]:
            places[module.path.lstrip("/")] = [number, at, len(module.data)]
            at += len(module.data)
    rows = [[n, len(d), hashlib.sha256(d).hexdigest()] for n, d in contents.items()]
    index = {"fw": version, "stored": stored, "packs": rows, "modules": places}
    return Firmware(contents, json.dumps(index, separators=(",", ":")).encode())


def _total_size(modules: Sequence[DeviceFile]) -> int:
    return sum(len(module.data) for module in modules)


def _pack_name(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[1] if len(parts) > 2 else _TOP
