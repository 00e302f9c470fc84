"""The files that make a stock board a wrap, in the order in which they are written."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pbmwrap import paths
from pbmwrap.errors import InvalidFile, WrapError
from pbmwrap.facts import DEFAULT_BOARD

ARCH = "armv6m"  # the RP2040's cores; only native and viper functions depend on it
HOST_ONLY = ("wrap/hal/fake.py",)  # twins use it; a board has pins

Compile = Callable[[Path, str], bytes]


@dataclass(frozen=True)
class DeviceFile:
    """One file on the board: absolute path and content."""

    path: str
    data: bytes

    @property
    def sha256(self) -> bytes:
        """Digest, 32 bytes."""
        return hashlib.sha256(self.data).digest()


def bundle(compiler: Compile | None, board: str = DEFAULT_BOARD) -> list[DeviceFile]:
    """All files, `main.py` last, so that an install that breaks off never starts.

    compiler(file, name on the board) -> .mpy bytes; None installs sources.
    Raises InvalidFile, WrapError.
    """
    facts = paths.boards_dir() / board / "board_facts.py"
    if not facts.is_file():
        raise InvalidFile(f"there is no board {board}", f"the boards are in {paths.boards_dir()}")
    modules = [_module(file, name, compiler) for file, name in _modules(facts)]
    boot = paths.boot_dir()
    plain = [DeviceFile(f"/{n}", (boot / n).read_bytes()) for n in ("boot.py", "main.py")]
    return [*modules, *plain]


def _modules(facts: Path) -> Iterator[tuple[Path, str]]:
    """(file, name on the board) of every module."""
    yield facts, "board_facts.py"
    root = paths.wrap_dir()
    other = "wrap/hal/" + ("rp2040" if 'CHIP = "esp32' in facts.read_text() else "esp32")
    for file in sorted(root.rglob("*.py")):
        name = "wrap/" + file.relative_to(root).as_posix()
        if name not in HOST_ONLY and not name.startswith(other):
            yield file, name


def _module(file: Path, name: str, compiler: Compile | None) -> DeviceFile:
    if compiler is None:
        return DeviceFile("/" + name, file.read_bytes())
    return DeviceFile("/" + name.removesuffix(".py") + ".mpy", compiler(file, name))


def compiler_of(mpy_cross: Path) -> Compile:
    """A compiler that runs this mpy-cross."""

    def compile_file(file: Path, name: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out.mpy")
            command = [mpy_cross, f"-march={ARCH}", "-s", name, "-o", out, file]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                said = done.stderr.strip().splitlines()
                raise WrapError(f"mpy-cross refuses {file}: {said[-1] if said else 'no reason'}")
            return out.read_bytes()

    return compile_file


def find_mpy_cross() -> Path | None:
    """mpy-cross on the PATH, else the newest that `make toolchain` built, else None."""
    found = shutil.which("mpy-cross")
    if found:
        return Path(found)
    built = paths.cache_dir().glob("toolchain/*/mpy-cross")
    return max(built, key=lambda path: path.stat().st_mtime, default=None)
