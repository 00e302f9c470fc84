"""What tools/toolchain.py builds, by path; built when it is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def built(*words: str | Path) -> Path:
    """Run tools/toolchain.py; the path on its last line."""
    command = [sys.executable, str(ROOT / "tools/toolchain.py"), *map(str, words)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip().splitlines()[-1])


def image(board: str = "PBMWRAP_RP2040") -> Path:
    """A board's image in build/."""
    return built("firmware", "--board", board, "--out", ROOT / "build")


def micropython() -> Path:
    """The unix port's executable."""
    return built("ensure") / "micropython"
