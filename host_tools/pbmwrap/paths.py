"""Returns the paths of this program's files and folders. Creates nothing."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_APP = "pbmwrap"
CONFIG_VARIABLE = "PBMWRAP_CONFIG"


def _user_folder(variable: str, kind: str) -> Path:
    chosen = os.environ.get(variable)
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(getattr(platformdirs, f"user_{kind}_dir")(_APP, appauthor=False))


def config_file() -> Path:
    """Return the user's config file. $PBMWRAP_CONFIG names another one."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    return Path(chosen) if chosen else _user_folder("PBMWRAP_CONFIG_DIR", "config") / "config.toml"


def data_dir() -> Path:
    """Return the folder of the log archive. $PBMWRAP_DATA names another folder."""
    return _user_folder("PBMWRAP_DATA", "data")


def runtime_dir() -> Path:
    """Return the folder of endpoints of running processes. $PBMWRAP_RUNTIME names another one."""
    chosen = os.environ.get("PBMWRAP_RUNTIME")
    if chosen:
        return Path(chosen)
    login = os.environ.get("XDG_RUNTIME_DIR")
    return Path(login) / _APP if login else cache_dir() / "run"


def cache_dir() -> Path:
    """Return the folder of what can be made again. $PBMWRAP_CACHE names another folder."""
    return _user_folder("PBMWRAP_CACHE", "cache")


def _shipped_folder(name: str) -> Path:
    """Return a folder of the checkout, or of the installed package. Raises FileNotFoundError."""
    for root in (_PACKAGE / "_data", _PACKAGE.parents[1]):
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"{name} is missing beside pbmwrap; install pbmwrap again")


def find_checkout() -> Path | None:
    """Return the checkout that this package runs from; None for an installed wheel."""
    root = _PACKAGE.parents[1]
    return root if (root / "pyproject.toml").is_file() and (root / "Makefile").is_file() else None


def boards_dir() -> Path:
    """Return the folder with one folder per board."""
    return _shipped_folder("boards")


def boot_dir() -> Path:
    """Return the folder with the firmware's `boot.py` and `main.py`."""
    return _shipped_folder("firmware")


def built_image(board: str) -> Path | None:
    """Return where `make firmware` writes a board's image, if there is a checkout."""
    root = find_checkout()
    return root / "build" / f"{board}.uf2" if root else None


def shipped_images_dir() -> Path:
    """Return the folder of the images that a wheel carries; a checkout has none there."""
    return _PACKAGE / "_data" / "images"


def wrap_dir() -> Path:
    """Return the folder of the device package `wrap`."""
    import wrap

    return Path(wrap.__file__ or "").resolve().parent
