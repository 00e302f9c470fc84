"""Which processes have a port open. Linux tells it; other systems do not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def holders(device: str, proc: Path = _PROC) -> Iterator[tuple[int, str]]:
    """(process, name) of everybody else who has `device` open; nothing without a /proc."""
    real = os.path.realpath(device)
    for folder in sorted(proc.glob("[0-9]*")):
        if int(folder.name) != os.getpid() and _holds(folder / "fd", real):
            yield int(folder.name), _name(folder)


def _holds(folder: Path, real: str) -> bool:
    try:
        return any(os.path.realpath(link) == real for link in folder.iterdir())
    except OSError:  # another user's, or gone meanwhile
        return False


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text(errors="replace").strip()
    except OSError:
        return "?"
