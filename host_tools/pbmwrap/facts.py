"""Imports the facts of a board (`boards/BOARD/board_facts.py`), as its firmware does."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterable
from types import ModuleType

from pbmwrap import paths

DEFAULT_BOARD = "PBMWRAP_RP2040"


@functools.cache
def board_facts(board: str = DEFAULT_BOARD) -> ModuleType:
    """Import the facts of `board`. Raises FileNotFoundError."""
    file = paths.boards_dir() / board / "board_facts.py"
    spec = importlib.util.spec_from_file_location("board_facts", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_role(roles: Iterable[str], shown: Iterable[str]) -> str:
    """Return readings in few columns: "skin 33.0 33.1 board 30.2".

    They are in the board's order; neighbours with the same role share its name.
    """
    words: list[str] = []
    last = None
    for role, text in zip(roles, shown, strict=False):
        words += [text] if role == last else [role, text]
        last = role
    return " ".join(words)
