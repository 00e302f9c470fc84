"""Builds the tools (mpy-cross, the unix port) and keeps them in the user's cache folder.

Standard library only. A folder in the cache appears whole or not at all, and one process builds at
a time: whoever comes second waits and finds it done.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.toolchain.sources import check_checkout, fetch_debian, identity, need_programs, run

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


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel frees it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"waiting for another build ({path})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def appears_whole(target: Path) -> Iterator[Path]:
    """A folder to fill; it becomes `target` in one step, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as holder:
        fresh = Path(holder) / "tree"
        fresh.mkdir()
        yield fresh
        fresh.rename(target)


def digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def checkout_dir() -> Path | None:
    """The user's own MicroPython, from MICROPYTHON_DIR."""
    name = os.environ.get("MICROPYTHON_DIR")
    return Path(name).expanduser().resolve() if name else None


def jobs() -> str:
    return f"-j{os.cpu_count() or 1}"


def ensure() -> Path:
    """The toolchain's folder (mp/, mpy-cross, micropython), built if it is not there yet."""
    checkout = checkout_dir()
    logs = cache_root() / "logs"
    if checkout:
        check_checkout(checkout)
    need_programs(checkout, logs / "apt.log")
    key = digest([RECIPE, *UNIX_FLAGS, *identity(checkout)])
    target = cache_root() / "toolchain" / key
    with locked(cache_root() / f"toolchain-{key}.lock"):
        if not target.exists():
            log = logs / f"toolchain-{key}.log"
            log.unlink(missing_ok=True)
            with appears_whole(target) as fresh:
                _fill_toolchain(fresh, checkout, log)
    return target


def _fill_toolchain(fresh: Path, checkout: Path | None, log: Path) -> None:
    if checkout:
        (fresh / "mp").symlink_to(checkout)
    else:
        say("fetching MicroPython, pico-sdk, tinyusb and mbedtls from Debian")
        fetch_debian(fresh, log)
    say("building mpy-cross and the unix port (about a minute)")
    env = build_env(fresh)
    # BUILD outside the tree: a user's own checkout stays as it was.
    cross, unix = fresh / "build-cross", fresh / "build-unix"
    make = ["make", "-s", jobs(), "-C"]
    run([*make, fresh / "mp" / "mpy-cross", f"BUILD={cross}"], log, env=env)
    run([*make, fresh / "mp" / "ports" / "unix", f"BUILD={unix}", *UNIX_FLAGS], log, env=env)
    shutil.copy2(cross / "mpy-cross", fresh / "mpy-cross")
    shutil.copy2(unix / "micropython", fresh / "micropython")
    shutil.rmtree(cross)
    shutil.rmtree(unix)


def build_env(toolchain: Path) -> dict[str, str]:
    """Nothing of the machine's own git or date gets into what is built."""
    env = {"SOURCE_DATE_EPOCH": BUILD_DATE, "MICROPY_MPYCROSS": str(toolchain / "mpy-cross")}
    if not checkout_dir():
        env["GIT_CEILING_DIRECTORIES"] = str(toolchain.parent)
    return env
