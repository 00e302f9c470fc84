"""Adds the claim page to an image: the program's length and CRC-32, below the filesystem.

wrap/hal/rp2040/integrity.py compares the flash with it. Standard library only.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

from tools.toolchain.sources import EXIT_FAILED, Stop

FLASH_BYTES = 2 * 1024 * 1024
PAGE = 256
_MAGIC = b"PBMW"
_STORAGE = re.compile(r"MICROPY_HW_FLASH_STORAGE_BYTES\s+\((\d+) \* 1024\)")


def claim_at(board: Path) -> int:
    """Return the flash offset of the last page below the filesystem, from the board's header."""
    found = _STORAGE.search((board / "mpconfigboard.h").read_text())
    if not found:
        raise Stop(EXIT_FAILED, f"{board}/mpconfigboard.h gives no filesystem size")
    return FLASH_BYTES - int(found[1]) * 1024 - PAGE


def with_claim(program: bytes, at: int) -> bytes:
    """Return the whole area below the filesystem: program, erased flash, claim. Raises Stop.

    It has no gaps: the RP2040's boot ROM erases by block number, not by address, so it can lose
    blocks of a UF2 with gaps (raspberrypi/pico-bootrom-rp2040, issue 19).
    """
    if len(program) > at:
        raise Stop(EXIT_FAILED, f"the program takes {len(program)} of {at} bytes")
    claim = struct.pack("<4sII", _MAGIC, len(program), zlib.crc32(program))
    return program.ljust(at, b"\xff") + claim.ljust(PAGE, b"\xff")
