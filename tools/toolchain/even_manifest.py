"""Runs MicroPython's makemanifest.py, then gives every frozen machine-code function an even length.

    python even_manifest.py MAKEMANIFEST -o OUTPUT ...

RISC-V instructions begin at even addresses. mpy-tool.py asks for `aligned (2)`, but the assembler
ignores such an alignment in a code section, because it takes for granted that every instruction
has it: a function behind one of odd length is an illegal instruction. An array that is a byte
longer than its contents ends in a zero. Standard library only.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_MACHINE_CODE = re.compile(r'(\bfun_data_\w+\[)(\d+)(\] __attribute__\(\(section\("\.text)')


def with_even_lengths(frozen: str) -> str:
    """Return the C text of frozen_content.c with an even length for each machine-code function."""
    return _MACHINE_CODE.sub(lambda m: f"{m[1]}{int(m[2]) + int(m[2]) % 2}{m[3]}", frozen)


def main(words: list[str]) -> int:
    """Return the exit code of makemanifest.py."""
    code = subprocess.call([sys.executable, *words])
    if code == 0:
        output = Path(words[words.index("-o") + 1])
        output.write_text(with_even_lengths(output.read_text("utf-8")), "utf-8")
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
