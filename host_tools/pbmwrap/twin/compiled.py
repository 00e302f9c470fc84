"""Loads the modules of rp2040py that `make toolchain` compiled for this Python.

They are in the user's cache, because the installed package must not be changed. With the loop
around them, which is compiled too, they run at ten times the speed of the wheel's own modules
(docs/decisions/0002-emulated-rp2040.md), which are used when the cache has none.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Sequence
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_PACKAGE = "rp2040py"
_NATIVE = f"{_PACKAGE}.native"
_LOOP = "pbmwrap.twin._batch"
_BUILD = 3  # changes with tools/toolchain/batch.pyx


class CompiledFinder:
    """Finds submodules of rp2040py.native, and the loop that runs them, in the cache, before the
    installed package is asked."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the compiled module's spec; None for other modules and when it is not there."""
        if not name.startswith(f"{_NATIVE}.") and name != _LOOP:
            return None
        return PathFinder.find_spec(name, [str(folder())], target)


def folder() -> Path:
    """Return the folder that tools/toolchain/emulator.py fills for this Python and this version of
    rp2040py. It is in the toolchain's cache, which PBMWRAP_CACHE does not move."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    tag = str(sysconfig.get_config_var("EXT_SUFFIX")).removesuffix(".so")
    name = f"{_PACKAGE}-{metadata.version(_PACKAGE)}-{_BUILD}{tag}"
    return Path(base) / "pbmwrap" / "emulator" / name


def install() -> None:
    """Put the finder in front, once. Do nothing when the wheel's modules are loaded already:
    classes of both must not mix."""
    if CompiledFinder not in sys.meta_path and _NATIVE not in sys.modules:
        sys.meta_path.insert(0, CompiledFinder)
