"""Refuses a module with machine code that has too many names. Standard library only.

In native code for ARMv6-M a name is loaded by an offset into the module's table. From the 287th
name on MicroPython 1.27 computes a wrong address: asm_thumb_add_reg_reg_offset in py/asmthumb.c
adds the offset to itself instead of to the base. The code then works with another name: on the
RP2040 the handlers of a step raised NameError in place of latching a fault (H-22).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tools.toolchain.sources import EXIT_FAILED, Stop

MOST_NAMES = 286
_MACHINE_CODE = re.compile(rb"@micropython\.(native|viper)")
_ARCH_FLAGS = 0x40  # of the third byte: one more number follows the header


def count_names(mpy: bytes) -> int:
    """Return how many names the table of a compiled module holds. Raises ValueError."""
    if mpy[:2] != b"M\x06":
        raise ValueError("not a .mpy file of version 6")
    at = 4
    if mpy[2] & _ARCH_FLAGS:
        _, at = _read_number(mpy, at)
    return _read_number(mpy, at)[0]


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """Return the number of 7 bits a byte, highest first, at `at`, and where it ends."""
    number = 0
    while True:
        byte = data[at]
        at += 1
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            return number, at


def check_names(modules: Iterable[tuple[str, bytes, Path]]) -> None:
    """Check compiled modules. modules: (name on the device, source, .mpy file). Raises Stop."""
    for name, source, compiled in modules:
        if not _MACHINE_CODE.search(source):
            continue
        count = count_names(compiled.read_bytes())
        if count > MOST_NAMES:
            text = f"{name} has machine code and {count} names, at most {MOST_NAMES} work on ARM"
            raise Stop(EXIT_FAILED, f"{text}: move the function to a module of its own")
