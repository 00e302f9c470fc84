"""Builds the tools (mpy-cross, the unix port) and keeps them in the user's cache folder.

Standard library only. A folder in the cache is complete or absent. One process builds at a time;
another one waits and then uses the result.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.toolchain.sources import (
    EXIT_FAILED,
    Stop,
    check_checkout,
    describe_sources,
    fetch_debian,
    need_programs,
    run_logged,
)

RECIPE = "1"  # raise it when the steps below change what they build
UNIX_FLAGS = [
    "VARIANT=standard",
    "MICROPY_PY_SSL=0",
    "MICROPY_SSL_MBEDTLS=0",
    "MICROPY_PY_BTREE=0",
    "FROZEN_MANIFEST=",
]
BUILD_DATE = "1744675200"  # MicroPython 1.25.0's day: equal inputs give equal images


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pbmwrap"


def print_progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel frees it when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print_progress(f"waiting for another build ({path})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def fill_atomically(target: Path) -> Iterator[Path]:
    """Yield a folder to fill; rename it to `target` at the end, or delete it after an exception."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as holder:
        fresh = Path(holder) / "tree"
        fresh.mkdir()
        yield fresh
        fresh.rename(target)


def digest_parts(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def checkout_dir() -> Path | None:
    """Return the user's own MicroPython, from MICROPYTHON_DIR, or None."""
    name = os.environ.get("MICROPYTHON_DIR")
    return Path(name).expanduser().resolve() if name else None


def count_jobs() -> str:
    return f"-j{os.cpu_count() or 1}"


def ensure_toolchain() -> Path:
    """Build the toolchain if need be; return its folder (mp/, mpy-cross, micropython)."""
    checkout = checkout_dir()
    logs = cache_root() / "logs"
    if checkout:
        check_checkout(checkout)
    need_programs(checkout, logs / "apt.log")
    key = digest_parts([RECIPE, *UNIX_FLAGS, *describe_sources(checkout)])
    target = cache_root() / "toolchain" / key
    with hold_lock(cache_root() / f"toolchain-{key}.lock"):
        if not target.exists():
            log = logs / f"toolchain-{key}.log"
            log.unlink(missing_ok=True)
            with fill_atomically(target) as fresh:
                _fill_toolchain(fresh, checkout, log)
    return target


def _fill_toolchain(fresh: Path, checkout: Path | None, log: Path) -> None:
    if checkout:
        (fresh / "mp").symlink_to(checkout)
    else:
        print_progress("fetching MicroPython, pico-sdk, tinyusb and mbedtls from Debian")
        fetch_debian(fresh, log)
    print_progress("building mpy-cross and the unix port (about a minute)")
    env = build_env(fresh)
    # BUILD is outside the tree, so that a user's own checkout does not change.
    cross, unix = fresh / "build-cross", fresh / "build-unix"
    make = ["make", "-s", count_jobs(), "-C"]
    run_logged([*make, fresh / "mp" / "mpy-cross", f"BUILD={cross}"], log, env=env)
    run_logged([*make, fresh / "mp" / "ports" / "unix", f"BUILD={unix}", *UNIX_FLAGS], log, env=env)
    shutil.copy2(cross / "mpy-cross", fresh / "mpy-cross")
    shutil.copy2(unix / "micropython", fresh / "micropython")
    shutil.rmtree(cross)
    shutil.rmtree(unix)


def check_program(made: bytes, facts: Mapping[str, object], build: Path) -> None:
    """Compare a made program with what it is built from: it contains `program_sha256` as text. An
    incremental build that did nothing would leave an older one. Raises Stop."""
    program = facts.get("program_sha256")
    if program and str(program).encode() not in made:
        text = f"the build left a program that is not of these files: delete {build}, build again"
        raise Stop(EXIT_FAILED, text)


def build_env(toolchain: Path) -> dict[str, str]:
    """Return variables that keep the machine's git and date, and chance, out of what is built.

    MicroPython's tools/boardgen.py writes the names of a pin in the order of a set.
    """
    env = {"SOURCE_DATE_EPOCH": BUILD_DATE, "MICROPY_MPYCROSS": str(toolchain / "mpy-cross")}
    env["PYTHONHASHSEED"] = "0"
    if not checkout_dir():
        env["GIT_CEILING_DIRECTORIES"] = str(toolchain.parent)
    return env
