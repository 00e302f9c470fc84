"""A module with machine code must not have more names than its loads can reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.toolchain.native_names import MOST_NAMES, check_names, count_names
from tools.toolchain.sources import Stop

NATIVE = b"@micropython.native\ndef f(): pass\n"


def mpy(names: int, arch_flags: bool = False) -> bytes:
    """The head of a compiled module with so many names."""
    number = bytes([names >> 7 | 0x80, names & 0x7F]) if names > 127 else bytes([names])
    flags = b"\x01" if arch_flags else b""
    return b"M\x06" + bytes([0x13 | (0x40 if arch_flags else 0)]) + b"\x1f" + flags + number


@pytest.mark.parametrize("names", [0, 127, 128, 286, 320])
@pytest.mark.parametrize("arch_flags", [False, True])
def test_the_names_of_a_compiled_module_are_counted(names: int, arch_flags: bool) -> None:
    assert count_names(mpy(names, arch_flags)) == names


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match=r"version 6"):
        count_names(b"M\x05\x00\x1f\x01")


@pytest.mark.parametrize(
    ("source", "names", "refused"),
    [(NATIVE, MOST_NAMES, False), (NATIVE, MOST_NAMES + 1, True), (b"x = 1\n", 900, False)],
)
def test_only_machine_code_with_too_many_names_is_refused(
    tmp_path: Path, source: bytes, names: int, refused: bool
) -> None:
    compiled = tmp_path / "app.mpy"
    compiled.write_bytes(mpy(names))
    modules = [("wrap/app.py", source, compiled)]
    if refused:
        with pytest.raises(Stop, match=r"wrap/app\.py has machine code and 287 names"):
            check_names(modules)
    else:
        check_names(modules)
