"""Packs a firmware for a slot of the board: a few packs of modules, and an index.

A pack holds modules in the order in which the firmware loads them, deflated as one stream. So the
board inflates each pack once, from its beginning to its end, with a window of 8 KB
(docs/decisions/0019). Flash is erased by the sector, so 96 files of a kilobyte would cost more time
than 4 of twenty, and a change rewrites one pack.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from pbmwrap.install.bundle import DeviceFile

INDEX = "index"  # firmware/loader/main.py has the same name
WINDOW_BITS = 13  # the board has to find 8 KB in one piece while modules fill its heap
_PACKAGE = "/wrap/"
_LEAST_BYTES = 36 * 1024  # of modules in a pack
_SHARE = 4  # beyond that, one module in four may be the last of its pack


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


def pack_firmware(
    modules: Sequence[DeviceFile], version: str, stored: int, deflated: bool = True
) -> Firmware:
    """Pack the modules, which are in the order in which they are loaded.

    stored: version of the data that the firmware keeps (wrap/version.py); deflated: False for a
    board that cannot inflate.
    """
    _, dot, ending = modules[0].path.rpartition(".")
    suffix = dot + ending
    contents: dict[str, bytes] = {}
    listed: list[list[str | int]] = []
    for pack in _split_modules(modules):
        data = b"".join(module.data for module in pack)
        name = _shorten_path(pack[0].path, suffix).strip(".").replace("/", ".")
        contents[name] = _deflate(data) if deflated else data
        listed.append([])
        for module in pack:
            listed[-1] += [_shorten_path(module.path, suffix), len(module.data)]
    rows = [[n, len(d), hashlib.sha256(d).hexdigest()] for n, d in contents.items()]
    index = {"fw": version, "stored": stored, "deflated": deflated, "suffix": suffix}
    index |= {"packs": rows, "modules": listed}
    return Firmware(contents, json.dumps(index, separators=(",", ":")).encode())


def _split_modules(modules: Sequence[DeviceFile]) -> list[list[DeviceFile]]:
    """Split into packs. The last module of a pack is chosen by its path.

    So what changes, comes or goes in one pack seldom moves the ends of the others.
    """
    packs: list[list[DeviceFile]] = [[]]
    size = 0
    for module in modules:
        packs[-1].append(module)
        size += len(module.data)
        if size >= _LEAST_BYTES and zlib.crc32(module.path.encode()) % _SHARE == 0:
            packs.append([])
            size = 0
    if len(packs) > 1 and size < _LEAST_BYTES // 2:
        short = packs.pop()  # a sector of its own would cost more than its bytes
        packs[-1] += short
    return packs


def _shorten_path(path: str, suffix: str) -> str:
    """Return the name of a module in the index: without its suffix, "." for the package."""
    name = path.removesuffix(suffix)
    return "." + name.removeprefix(_PACKAGE) if name.startswith(_PACKAGE) else name.lstrip("/")


def _deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, WINDOW_BITS, 9)
    return deflater.compress(data) + deflater.flush()
