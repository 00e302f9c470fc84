"""Flash and RAM that lose their contents: the program, and the words a test at boot finds."""

from __future__ import annotations

from pbmwrap.twin.fake_hal import PROGRAM
from tests.faults.flash import Harm
from tests.faults.kinds import Kind
from tests.faults.run import Run
from wrap.rules import states


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


def _unread(run: Run) -> None:
    """From now on nothing stored can be read; then the power goes and comes back."""
    run.struck()
    error = run.rng.choice((OSError(5), ValueError("campaign")))
    run.files.gate = lambda operation, name: Harm(error) if operation == "read" else None
    run.board.power_off()
    run.board.power_on("power")


def _answers(run: Run) -> str:
    """It is there to be asked, and has written nothing."""
    app = run.board.app
    state = states.NAMES[app.session.shown_state()] if app else "no app"
    return "" if state == "fault" else f"the wrap says {state}"


KINDS = (
    Kind("flash-unread-at-boot", "flash", "off", _unread, ("storage",), then=_answers),
    Kind("program-flip", "memory", "off", _flip, ("program",)),
    Kind("program-flip-restart", "memory", "off", _flip_and_restart, ("program",)),
    Kind("ram-bad", "memory", "off", _bad_ram, ("memory",)),
)
