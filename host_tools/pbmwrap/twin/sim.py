"""The simulated wrap: the firmware package on CPython, fake HAL, virtual clock, thermal plant."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from pbmwrap.errors import UsageError
from pbmwrap.facts import board_facts
from pbmwrap.twin.coupled import BEHIND_SKIP_MS, PLANT_MS, Board, CoupledTwin
from pbmwrap.twin.fake_board import FakeBoard
from pbmwrap.twin.plant import Plant
from wrap.hal import list_outputs
from wrap.storage.files import Files

__all__ = ("BEHIND_SKIP_MS", "PLANT_MS", "Board", "SimTwin")


WARMER_VARIABLE = "PBMWRAP_SIM_WARMER"


def make_facts() -> Any:
    """Return the facts of the default board, with a warmer of so many mA when $PBMWRAP_SIM_WARMER
    states it. Raises UsageError."""
    facts = board_facts()
    stated = os.environ.get(WARMER_VARIABLE)
    if not stated:
        return facts
    if not stated.isdecimal() or not 1 <= int(stated) <= 3000:
        raise UsageError(
            f"${WARMER_VARIABLE} is {stated!r}", "give the warmer's current in mA, such as 900"
        )
    return SimpleNamespace(**vars(facts) | {"WARMER": ("warmer", "heat", 6, int(stated))})


def _uid(root: Path) -> str:
    """Return the chip's uid, "sim" and hex text, constant for a flash folder: its logs belong to
    one wrap."""
    return "sim" + hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:13]


class SimTwin(CoupledTwin):
    """`state`: a folder that is the flash, kept between runs; without it the flash is temporary."""

    def __init__(
        self,
        plant: Plant | None = None,
        *,
        state: Path | None = None,
        facts: Any = None,
    ) -> None:
        facts = facts or make_facts()
        self._temporary = None if state else tempfile.TemporaryDirectory(prefix="pbmwrap-sim-")
        root = state or Path(self._temporary.name)  # type: ignore[union-attr]
        root.mkdir(parents=True, exist_ok=True)
        board = self._make_board(root, facts)
        lamps = len(list_outputs(facts))
        super().__init__(board, plant or Plant(facts), lamps, len(facts.SENSORS))

    def _make_board(self, root: Path, facts: ModuleType) -> Board:
        return FakeBoard(Files(str(root / "wrap")), facts, _uid(root))

    def close(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
