"""Paths of what the toolchain builds; each is built when the cache does not have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_toolchain(*words: str | Path) -> Path:
    """Run `python -m tools.toolchain WORDS` and return the path on its last line. Its messages go
    to stderr. Raises CalledProcessError."""
    command = [sys.executable, "-m", "tools.toolchain", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return ROOT / done.stdout.strip().splitlines()[-1]


def find_image(board: str = "PBMWRAP_RP2040") -> Path:
    """Return a board's image in build/."""
    return run_toolchain("firmware", "--board", board, "--out", ROOT / "build")


def find_micropython() -> Path:
    """Return the unix port's executable."""
    return run_toolchain("ensure") / "micropython"
