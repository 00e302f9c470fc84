"""Compiles the emulated RP2040 (rp2040py) for the Python that runs it.

The wheel of rp2040py serves every Python from 3.11 on through the stable ABI, and runs the same C
at a quarter of the speed (docs/benchmarks.md). The C sources are in the wheel. With Cython the loop
around them (batch.pyx) is compiled too, which makes them 2.5 times faster again. The modules go to
a folder of the cache, where `pbmwrap.twin.compiled` finds them; the installed package is not
changed. Without a compiler the wheel's own modules are used, without Cython the loop in the wheel.
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
_LOOP = Path(__file__).with_name("batch.pyx")
_LOOP_MODULE = "pbmwrap.twin._batch"
_BUILD = 3  # changes with batch.pyx; also in pbmwrap.twin.compiled
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
            if not _is_complete(target):
                shutil.rmtree(target, ignore_errors=True)
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
    return cache_root() / "emulator" / f"{_PACKAGE}-{version}-{_BUILD}{tag}"


def _has_cython() -> bool:
    return importlib.util.find_spec("Cython") is not None


def _is_complete(folder: Path) -> bool:
    """Return whether nothing more can be compiled: Cython may have been installed since."""
    loop = f"{_LOOP_MODULE.rpartition('.')[2]}.*"
    return folder.exists() and (any(folder.glob(loop)) or not _has_cython())


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
        loop = _translate_loop(fresh, log)
        lines = [
            [*command, source, "-o", fresh / f"{source.stem}{ends}"] for source in sources + loop
        ]
        list(pool.map(lambda line: run_logged(line, log), lines))
        for source in loop:
            source.unlink()


def _translate_loop(folder: Path, log: Path) -> list[Path]:
    """Translate batch.pyx to C in `folder`; return the file, or none where there is no Cython."""
    if not _has_cython():
        print_progress(
            "toolchain: there is no Cython, so the emulated RP2040 runs 2.5 times slower"
        )
        return []
    made = folder / f"{_LOOP_MODULE.rpartition('.')[2]}.c"
    words = [sys.executable, "-m", "cython", "-3", "--module-name", _LOOP_MODULE, _LOOP, "-o", made]
    run_logged(words, log)
    return [made]
