"""Time and code that go wrong: clocks, late steps, hangs, exceptions and MemoryError in a step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tests.faults.flash import CtrlC
from tests.faults.hardware import Trap, set_trap
from tests.faults.kinds import LIT, Kind
from tests.faults.run import PHASES, Run
from wrap.app import App
from wrap.rules import limits
from wrap.storage import payloads, records

LATE = limits.STEP_LATE_MS
ERRORS: tuple[Callable[[], Exception], ...] = (
    lambda: RuntimeError("campaign"),
    lambda: ValueError("campaign"),
    lambda: TypeError("campaign"),
    lambda: OSError(5),
)
# Every HAL call that a turn can make, and the phases whose next steps make it.
CALLS: dict[str, tuple[str, ...]] = {
    "ticks_us": PHASES,
    "ticks_diff": PHASES,
    "inputs": PHASES,
    "enable": LIT,
    "lamp_mode": ("self-test",),
    "lamp_write": ("self-test", "ramp-up", "ramp-down"),
    "dark": ("ramp-down",),
    "verify_and_feed": PHASES,
    "watchdog_start": ("idle",),
    "sense": ("idle",),
    "flash_ahead": ("self-test", "ramp-up", "ramp-down"),
    "references": PHASES,
    "program_crc": PHASES,
    "indicate": PHASES,
    "buzz": PHASES,
    "link_read": PHASES,
    "link_write": PHASES,
}
_IN_SELF_TEST = ("watchdog_start", "sense")
_EVERY_STEP = ("inputs", "verify_and_feed", "link_read")


def _jump(low: int, high: int, sign: int = 1) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        run.struck()
        run.board.skew_ms += sign * run.rng.randrange(low, high)

    return inject


def _pace(low: int, high: int) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        run.struck()
        run.board.pace(run.rng.randrange(low, high))

    return inject


def _overrun(low: int, high: int) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        run.struck()
        run.board.stall(run.rng.randrange(low, high))

    return inject


def _hang(run: Run) -> None:
    run.struck()
    run.twin.hang()


def _nothing(run: Run) -> None:
    run.struck()


def _trap(run: Run, error: Callable[[], BaseException], forever: bool = False) -> Trap:
    return Trap(error, run.struck, skip=run.rng.randrange(3), forever=forever)


def _at_call(name: str, error: Callable[[], BaseException] | None = None) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        if name == "link_write":
            run.twin.write(run.ask("state"))
        if name in _IN_SELF_TEST:
            run.begin()
        if name == "buzz":
            run.board.app.buzzer.warn()
        trap = _trap(run, error or run.rng.choice(ERRORS))
        if name in (
            "watchdog_start",
            "lamp_mode",
            "dark",
            "link_write",
            "flash_ahead",
            "references",
            "program_crc",
            "buzz",
        ):
            trap.skip = 0
        set_trap(run.board.hal, name, trap)

    return inject


def _for_ever(run: Run) -> None:
    """From now on one call always raises, also after a reset."""
    name = run.rng.choice(_EVERY_STEP[:2])
    trap = _trap(run, run.rng.choice(ERRORS), forever=True)
    run.board.broken.traps[name] = trap
    set_trap(run.board.hal, name, trap)


def _ctrl_c(run: Run) -> None:
    set_trap(run.board.hal, run.rng.choice(_EVERY_STEP), _trap(run, CtrlC))


def _where(run: Run, place: str) -> tuple[Any, str]:
    """Return the object (or module or class, restored at the end) and the name of a place that
    allocates."""
    app = run.board.app
    rooms = {
        "journal": app.log_queue,
        "log": app.log,
        "monitor": app.temp_limits,
        "lamps": app.lamps,
        "session": app.session,
        "host_session": app.host_session,
        "server": app.server,
        "records": records,
        "payloads": payloads,
        "app": App,
    }
    room, name = place.split(".")
    return rooms[room], name


def _set_in_code(run: Run, place: str, trap: Trap) -> None:
    room, name = _where(run, place)
    plain = getattr(room, name)
    shared = room is App or type(room) is type(records)  # by the apps after a reset, too
    set_trap(room, name, trap)
    if shared:
        run.undo.append(lambda: setattr(room, name, plain))


# What allocates in a turn, and the phases that come by within the watch.
PLACES: dict[str, tuple[str, ...]] = {
    "journal.note": ("self-test", "ramp-up", "running", "ramp-down"),
    "log.append": ("self-test", "ramp-up", "running", "ramp-down"),
    "records.pack_pieces": ("self-test", "ramp-up", "running", "ramp-down"),
    "payloads.pack_state": ("self-test", "ramp-up", "ramp-down"),
    "payloads.pack_sample": ("running",),
    "payloads.pack_end": ("ramp-down",),
    "monitor.check": PHASES,
    "lamps.apply": LIT,
    "session.advance": ("self-test", *LIT, "paused"),
    "host_session.run": PHASES,
    "server.poll": PHASES,
}


WRITES = ("log.append", "records.pack_pieces")


def _no_memory(place: str, forever: bool = False) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        trap = _trap(run, MemoryError, forever)
        if place in ("payloads.pack_sample", "payloads.pack_end", "payloads.pack_state"):
            trap.skip = 0
        elif place in ("journal.note", "log.append", "records.pack_pieces"):
            trap.skip = min(trap.skip, 1) if run.phase == "self-test" else 0
        _set_in_code(run, place, trap)

    return inject


def _exhausted(run: Run) -> None:
    """Nothing can be allocated any more, not even what a fault wants to remember."""
    for place in (*PLACES, "app._evidence"):
        _set_in_code(run, place, _trap(run, MemoryError, forever=True))


_kind = functools.partial(Kind, group="time")
_raise = functools.partial(Kind, group="exception")
KINDS = (
    _kind("clock-ahead-little", expect="ride", inject=_jump(20, LATE - 20)),
    _kind(
        "clock-ahead",
        expect="off",
        inject=_jump(LATE + 10, 1 << 20),
        faults=("step-late",),
        seen=LIT,
    ),
    _kind("clock-back-little", expect="either", inject=_jump(1, LATE, -1), watch_s=12),
    _kind(
        "clock-back",
        expect="off",
        inject=_jump(LATE + 10, 1 << 20, -1),
        faults=("step-late",),
        seen=LIT,
    ),
    _kind("clock-slow", expect="either", inject=_pace(300, 950), watch_s=12),
    _kind("clock-fast", expect="either", inject=_pace(1050, 3000), watch_s=12),
    _kind("tick-wrap", expect="ride", inject=_nothing, at_wrap=True),
    _kind("overrun-short", expect="ride", inject=_overrun(25, limits.DEADMAN_MS - 20)),
    _kind(
        "overrun-long",
        expect="off",
        inject=_overrun(limits.DEADMAN_MS + 20, 1900),
        faults=("dead-man", "step-late"),
        seen=LIT,
    ),
    _kind("hang", expect="reset", inject=_hang, phases=("idle", "self-test", *LIT, "paused")),
    *(
        _raise(
            f"raise-{name}",
            expect="off",
            inject=_at_call(name),
            faults=("exception", "storage"),
            phases=phases,
            sense=name == "sense",
        )
        for name, phases in CALLS.items()
    ),
    *(
        _raise(
            f"memory-{name}",
            expect="off",
            inject=_at_call(name, MemoryError),
            faults=("exception",),
            phases=phases,
            sense=name == "sense",
        )
        for name, phases in CALLS.items()
    ),
    _raise("raise-for-ever", expect="off", inject=_for_ever, faults=("exception", "storage")),
    *(
        _raise(
            f"memory-{place}",
            # A record is tried again a second later.
            expect="ride" if place in WRITES else "off",
            inject=_no_memory(place),
            faults=() if place in WRITES else ("exception",),
            phases=phases,
            watch_s=36,
        )
        for place, phases in PLACES.items()
    ),
    *(
        _raise(
            f"memory-{place}-for-ever",
            expect="off",
            inject=_no_memory(place, forever=True),
            faults=("storage",),
            phases=("self-test", "ramp-up", "running"),
            watch_s=40,
        )
        for place in WRITES
    ),
    _raise("memory-exhausted", expect="off", inject=_exhausted, faults=("exception",)),
    _raise("ctrl-c-in-step", expect="reset", inject=_ctrl_c),
)
