"""Reads UF2 images for the RP2040. The format: https://github.com/microsoft/uf2"""

from __future__ import annotations

import struct
from pathlib import Path

from pbmwrap import disk, installed
from pbmwrap.errors import InvalidFile

BLOCK_BYTES = 512
_HEAD = "<IIIIIIII"
_MAGIC_START = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30
_HAS_FAMILY = 0x2000
RP2040_FAMILY = 0xE48BFF56
CLAIM_AT = 512 * 1024 - 256  # tools/toolchain/claim.py writes it there
CLAIM = b"PBMW"


def read_uf2(path: Path) -> bytes:
    """Read an image. Raises NoPermission, and InvalidFile unless every block is intact and for the
    RP2040."""
    with disk.explained(path, "read", f"to build one, {installed.hint_make('firmware')}"):
        data = path.read_bytes()
    if not data or len(data) % BLOCK_BYTES:
        raise InvalidFile(f"{path} is not a complete UF2 image: it has {len(data)} bytes")
    count = len(data) // BLOCK_BYTES
    for number in range(count):
        _check_block(path, data, number, count)
    return data


def _check_block(path: Path, data: bytes, number: int, count: int) -> None:
    at = number * BLOCK_BYTES
    m0, m1, flags, _, _, own, blocks, family = struct.unpack_from(_HEAD, data, at)
    (end,) = struct.unpack_from("<I", data, at + BLOCK_BYTES - 4)
    if (m0, m1) != _MAGIC_START or end != _MAGIC_END or (own, blocks) != (number, count):
        raise InvalidFile(f"{path}: block {number} is damaged", "build or download it again")
    if not flags & _HAS_FAMILY or family != RP2040_FAMILY:
        raise InvalidFile(f"{path}: block {number} is not for the RP2040", "use the RP2040 image")


def extract_payload(data: bytes) -> bytes:
    """Return the flash's bytes of a checked image, in the order of its blocks."""
    return b"".join(
        data[at + 32 : at + 32 + struct.unpack_from("<I", data, at + 16)[0]]
        for at in range(0, len(data), BLOCK_BYTES)
    )


def is_wrap_image(data: bytes) -> bool:
    """Whether a checked image is a wrap's: it has the claim by which a wrap checks itself."""
    return extract_payload(data)[CLAIM_AT : CLAIM_AT + len(CLAIM)] == CLAIM
