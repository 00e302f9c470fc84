"""Puts files into a stock image's filesystem, straight into the flash.

Through the raw REPL the same files take about a second of virtual time for each kilobyte.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from littlefs import LittleFS, LittleFSError, UserContext

from pbmwrap.twin.rp2040_chip import FLASH_BYTES

# RPI_PICO's storage (1408 KiB at the end) and what _boot.py mounts: VfsLfs2(progsize=256). Our own
# image has a small one; its note at the end of the program (tools/toolchain/claim.py) tells it.
FS_BYTES = 1408 * 1024
FS_START = FLASH_BYTES - FS_BYTES
_OURS = 576 * 1024, 64 * 1024  # start and bytes: wrap/hal/rp2040/flash.py
_CLAIM = 512 * 1024 - 256
_BLOCK = 4096


def _find_filesystem(flash: bytes) -> tuple[int, int]:
    """(start, bytes) of the filesystem of the image that is in `flash`."""
    return _OURS if flash[_CLAIM : _CLAIM + 4] == b"PBMW" else (FS_START, FS_BYTES)


def _open_filesystem(region: bytearray) -> LittleFS:
    """Return the filesystem in `region`, formatted first if there is none."""
    fs = LittleFS(
        context=UserContext(buffer=region),
        mount=False,
        block_size=_BLOCK,
        block_count=len(region) // _BLOCK,
        prog_size=256,
        read_size=32,
        lookahead_size=32,
    )
    try:
        fs.mount()
    except LittleFSError:
        fs.format()
        fs.mount()
    return fs


def flash_with_files(flash: bytes, files: Mapping[str, bytes]) -> bytes:
    """The flash with `files` (absolute or relative device paths) written over what it has."""
    start, size = _find_filesystem(flash)
    region = bytearray(flash[start : start + size])
    fs = _open_filesystem(region)
    for name, data in files.items():
        path = PurePosixPath("/") / name
        if str(path.parent) != "/":
            fs.makedirs(str(path.parent), exist_ok=True)
        with fs.open(str(path), "wb") as handle:
            handle.write(data)
    fs.unmount()
    return bytes(flash[:start]) + bytes(region) + bytes(flash[start + size :])


def files_of(flash: bytes) -> dict[str, bytes]:
    """Every file of the filesystem by its absolute path."""
    start, size = _find_filesystem(flash)
    fs = _open_filesystem(bytearray(flash[start : start + size]))
    found: dict[str, bytes] = {}
    for folder, _folders, names in fs.walk("/"):
        for name in names:
            path = str(PurePosixPath(folder) / name)
            with fs.open(path, "rb") as handle:
                found[path] = handle.read()
    return found
