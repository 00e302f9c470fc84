"""Flash and RAM that lose their contents: the program, and the words a test at boot finds."""

from __future__ import annotations

from tests.faults.kinds import Kind
from tests.faults.run import Run
from wrap.hal.fake import PROGRAM


def _flip(run: Run) -> None:
    run.struck()
    run.board.flip_program(run.rng.randrange(len(PROGRAM)), run.rng.randrange(8))


def _flip_and_restart(run: Run) -> None:
    _flip(run)
    run.board.power_on("power")


def _bad_ram(run: Run) -> None:
    run.struck()
    run.board.break_ram(0x20000000 + 4 * run.rng.randrange(65536))
    run.board.power_on("power")


KINDS = (
    Kind("program-flip", "memory", "off", _flip, ("program",)),
    Kind("program-flip-restart", "memory", "off", _flip_and_restart, ("program",)),
    Kind("ram-bad", "memory", "off", _bad_ram, ("memory",)),
)
