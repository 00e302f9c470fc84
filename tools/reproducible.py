"""Builds every RP2040 image twice, in other folders and on another day: `make reproducible`.

The second build has a copy of this checkout, a cache and a toolchain of its own, a clock 400 days
ahead (Debian's faketime), another time zone and locale, and another order of Python's sets. Prints
the SHA-256 of both; the exit code is 1 when one differs. Two to ten minutes of CPU.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.toolchain.build import cache_root
from tools.toolchain.built import find_image
from tools.toolchain.image import list_rp2040_boards
from tools.toolchain.sources import Stop, install_packages

ROOT = Path(__file__).resolve().parents[1]
_DAYS_AHEAD = 400


def main() -> int:
    """Print a line for each file; 1 when one differs."""
    if shutil.which("faketime") is None:
        try:
            install_packages(["faketime"], cache_root() / "logs" / "apt.log")
        except Stop as stop:
            print(f"reproducible: faketime is missing: {stop}", file=sys.stderr)
            return 1
    failed = 0
    with tempfile.TemporaryDirectory(prefix="pbmwrap-again-") as folder:
        for board in list_rp2040_boards():
            ours = find_image(board)
            again = build_again(board, Path(folder))
            for kind in (".uf2", ".bin"):
                first, second = map(hash_file, (ours.with_suffix(kind), again.with_suffix(kind)))
                same = first == second
                failed |= not same
                print(f"{board}{kind} {first} {'again' if same else f'DIFFERS: {second}'}")
    return failed


def build_again(board: str, folder: Path) -> Path:
    """Build a board's image in a copy of this checkout, as on another machine and day; return its
    UF2. Raises CalledProcessError."""
    copy = folder / "another" / "checkout"
    if not copy.exists():
        left_out = shutil.ignore_patterns(".git", ".venv", "build", "dist", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=left_out)
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "850660",
    }
    build = "import sys; from pathlib import Path; from tools.toolchain.image import build_firmware"
    words = ["faketime", "-f", f"+{_DAYS_AHEAD}d", sys.executable, "-c"]
    words += [f"{build}; build_firmware(sys.argv[1], Path('build'))", board]
    subprocess.run(words, cwd=copy, env=environment, check=True, stdout=subprocess.DEVNULL)
    return copy / "build" / f"{board}.uf2"


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
