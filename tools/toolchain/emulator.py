"""Compiles the emulated RP2040 (rp2040py) for the Python that runs it.

The wheel of rp2040py serves every Python from 3.11 on through the stable ABI, and runs the same C
at a quarter of the speed (docs/benchmarks.md). The C sources are in the wheel. The compiled modules
go to a folder of the cache, where `pbmwrap.twin.compiled` finds them; the installed package is
not changed. Without a compiler the wheel's own modules are used.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from os import cpu_count
from pathlib import Path

from tools.toolchain.build import cache_root, fill_atomically, hold_lock, print_progress
from tools.toolchain.sources import EXIT_MACHINE, Stop, install_packages, run_logged

_PACKAGE = "rp2040py"
_FLAGS = ("-O3", "-std=c99", "-fwrapv", "-fPIC", "-shared", "-s", "-DNDEBUG")


def compile_emulator() -> Path | None:
    """Compile rp2040py's C modules unless the cache has them; return their folder. Return None, and
    say why, when they cannot be compiled; return None where nothing is to do: another system than
    Linux, another Python than CPython, no rp2040py."""
    if sys.platform != "linux" or sys.implementation.name != "cpython":
        return None
    sources = _list_sources()
    if not sources:
        return None
    target = compiled_folder(metadata.version(_PACKAGE))
    try:
        with hold_lock(cache_root() / "emulator.lock"):
            if not target.exists():
                _compile_extensions(sources, target)
    except (Stop, OSError) as problem:
        print_progress(
            f"toolchain: the emulated RP2040 runs from its wheel, four times slower: {problem}"
        )
        return None
    return target


def compiled_folder(version: str) -> Path:
    """Return the folder for this version of rp2040py and this Python. `pbmwrap.twin.compiled`
    looks there; tests/host/test_toolchain_emulator.py checks that both agree."""
    tag = sysconfig.get_config_var("EXT_SUFFIX").removesuffix(".so")
    return cache_root() / "emulator" / f"{_PACKAGE}-{version}{tag}"


def _list_sources() -> list[Path]:
    """Return the C files of the installed package, none when it is not installed."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        return []
    return sorted(Path(found.origin).with_name("native").glob("*.c"))


def _compile_extensions(sources: list[Path], target: Path) -> None:
    """Fill `target` with one extension module for each source. Raises Stop, OSError."""
    headers = Path(sysconfig.get_path("include"))
    log = cache_root() / "logs" / "emulator.log"
    if not (headers / "Python.h").exists():
        if headers.parent != Path("/usr/include") or not shutil.which("apt-get"):
            raise Stop(EXIT_MACHINE, f"there is no {headers / 'Python.h'}")
        install_packages([f"lib{headers.name}-dev"], log)
    print_progress("compiling the emulated RP2040 for this Python (half a minute)")
    command = ["gcc", *_FLAGS, f"-I{headers}"]
    ends = sysconfig.get_config_var("EXT_SUFFIX")
    with fill_atomically(target) as fresh, ThreadPoolExecutor(cpu_count()) as pool:
        lines = [[*command, source, "-o", fresh / f"{source.stem}{ends}"] for source in sources]
        list(pool.map(lambda line: run_logged(line, log), lines))
