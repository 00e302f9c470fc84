"""Reads the build's note of the RP2040's program, the CRC of the program in flash, and the result
of the RAM test at boot.

The note is the last page before the storage: "PBMW", the program's length, its CRC-32
(tools/toolchain/claim.py writes it). Reads go through the XIP cache. The program is many times
larger, so a full pass reads the flash itself, except for code that has just run.
"""

import struct

import machine
import uctypes

from wrap.build_info import CLAIM_AT, RAM_TESTED
from wrap.compat import const

try:
    from wrap_crc import crc32 as crc  # type: ignore
except ImportError:  # a stock image, which makes no claim
    crc = None

_XIP = const(0x10000000)
_SCRATCH1 = const(0x40058010)  # boards/PBMWRAP_RP2040/ram_test.c leaves its result here
_RAM_PASSED = 0x52414D31
_RAM = const(0x20000000)
_RAM_END = const(0x20042000)


def program_claim() -> "tuple[int, int] | None":
    """Return the build's note, see `Hal.program_claim`."""
    if not CLAIM_AT:
        return None
    magic, length, crc32 = struct.unpack("<4sII", uctypes.bytearray_at(_XIP + CLAIM_AT, 12))
    if magic != b"PBMW" or not 0 < length <= CLAIM_AT:
        return 0, 0
    return length, crc32


def memory_fault() -> int:
    """Return the result of the RAM test, see `Hal.memory_fault`. A test without a valid result
    counts as failed."""
    if not RAM_TESTED:
        return -1
    found = machine.mem32[_SCRATCH1]
    if found == _RAM_PASSED:
        return 0
    return found if _RAM <= found < _RAM_END else _RAM
