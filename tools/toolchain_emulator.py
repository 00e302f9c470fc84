"""Compiles the emulated RP2040 (rp2040py) for the Python that runs it.

Its wheel is made for every Python from 3.11 on, by the stable ABI, and runs the same C at a quarter
of the speed (docs/benchmarks.md). The C is what lies in the wheel. What is compiled is put beside
what it stands for, where Python takes it first, and into the package's RECORD, so that pip takes it
away with the package. Where it cannot be compiled the wheel's own goes on to be used.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from os import cpu_count
from pathlib import Path

from toolchain_build import appears_whole, cache_root, digest, locked, say
from toolchain_sources import Stop, install, output, run

_PACKAGE = "rp2040py"
_NATIVE = "rp2040py/native/*.c"
_FLAGS = ("-O3", "-std=c99", "-fwrapv", "-fPIC", "-shared", "-s", "-DNDEBUG")


def emulator() -> None:
    """Nothing when it is compiled already, or this is no Linux, or rp2040py is not installed."""
    if sys.platform != "linux" or sys.implementation.name != "cpython":
        return
    try:
        files = metadata.distribution(_PACKAGE).files or []
    except metadata.PackageNotFoundError:
        return
    sources = [Path(str(f.locate())) for f in files if f.match(_NATIVE)]
    record = next((Path(str(f.locate())) for f in files if f.name == "RECORD"), None)
    if record is None or all(_beside(source).exists() for source in sources):
        return
    try:
        with locked(cache_root() / "emulator.lock"):
            _put(_compiled(sources), sources, record)
    except (Stop, OSError) as problem:
        say(f"toolchain: the emulated RP2040 runs from its wheel, four times slower: {problem}")


def _beside(source: Path) -> Path:
    """Where Python looks for this module first."""
    return source.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))


def _compiled(sources: list[Path]) -> Path:
    """The folder in the cache. Raises Stop, OSError."""
    headers = Path(sysconfig.get_path("include"))
    log = cache_root() / "logs" / "emulator.log"
    if not (headers / "Python.h").exists():
        if headers.parent != Path("/usr/include") or not shutil.which("apt-get"):
            raise Stop(3, f"there is no {headers / 'Python.h'}")
        install([f"lib{headers.name}-dev"], log)
    command = ["gcc", *_FLAGS, f"-I{headers}"]
    made_of = [source.read_text(encoding="utf-8") for source in sources]
    key = digest([*command, _beside(sources[0]).name, output("gcc", "--version"), *made_of])
    target = cache_root() / "emulator" / key
    if not target.exists():
        say("compiling the emulated RP2040 for this Python (half a minute)")
        with appears_whole(target) as fresh, ThreadPoolExecutor(cpu_count()) as pool:
            lines = [[*command, source, "-o", fresh / _beside(source).name] for source in sources]
            list(pool.map(lambda line: run(line, log), lines))
    return target


def _put(compiled: Path, sources: list[Path], record: Path) -> None:
    told = record.read_text(encoding="utf-8")
    for source in sources:
        place = _beside(source)
        row = f"{place.relative_to(record.parents[1]).as_posix()},,\n"
        if row not in told:
            told += row
    record.write_text(told, encoding="utf-8")
    fresh = {_beside(s).with_suffix(".new"): _beside(s) for s in sources}
    for new, place in fresh.items():
        shutil.copy2(compiled / place.name, new)
    for new, place in fresh.items():  # at once: one build's classes do not go with the other's
        new.replace(place)
