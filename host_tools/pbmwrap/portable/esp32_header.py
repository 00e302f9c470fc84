"""Reads what a whole image for an ESP32 is for, from its first 64 KiB and a little more.

Header, chip numbers and the flash address of the boot loader: esptool's "Firmware Image Format",
ESP-IDF's esp_app_format.h.
"""

from __future__ import annotations

import struct

from pbmwrap.errors import InvalidFile

_MAGIC = 0xE9
_CHIP_AT = 12
CHIPS = {0: ("esp32", 0x1000), 5: ("esp32c3", 0x0), 9: ("esp32s3", 0x0)}
# ESP-IDF's partition table, at the address that MicroPython and our boards use.
_TABLE, _TABLE_MAGIC = 0x8000, b"\xaa\x50"
_PROGRAM = 0x10000
HEAD_BYTES = _PROGRAM + 64  # of the image, enough for `read_header`
_OURS = b"wraplog\0"  # the name of a partition


def read_header(data: bytes, name: str) -> tuple[str, int, bool]:
    """Return (chip, flash address of the first byte, whether it is a wrap's) of an image.

    name: of the file, for errors. Raises InvalidFile unless it is whole and for one of our chips.
    """
    number = _chip_number(data, 0)
    if number is None:
        hint = "give the .bin for an ESP32, the .uf2 for an RP2040"
        raise InvalidFile(f"{name} is not an image for an ESP32", hint)
    if number not in CHIPS:
        known = ", ".join([chip for chip, _ in CHIPS.values()])
        raise InvalidFile(
            f"{name} is for an unknown chip, number {number}", f"supported are {known}"
        )
    chip, offset = CHIPS[number]
    table = data[_TABLE - offset : _PROGRAM - offset]
    if table[:2] != _TABLE_MAGIC or _chip_number(data, _PROGRAM - offset) != number:
        hint = "give the whole image (firmware.bin), not its program or its boot loader alone"
        raise InvalidFile(f"{name} is not a whole image", hint)
    return chip, offset, _OURS in table


def _chip_number(data: bytes, at: int) -> int | None:
    """Return the chip's number in an image header at `at`; None without one."""
    if len(data) < at + _CHIP_AT + 2 or data[at] != _MAGIC:
        return None
    return struct.unpack_from("<H", data, at + _CHIP_AT)[0]
