"""Says whether light is on when a command ends or loses the wrap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pbmwrap.errors import LinkLost, NoDevice, NoPermission, PortBusy
from pbmwrap.words import name_state
from wrap.rules import states
from wrap.rules.limits import LEASE_MS, RAMP_DOWN_MS

_LIT_STATES = (states.RAMP_UP, states.RUNNING, states.RAMP_DOWN, states.CALIBRATING)
_LIT = tuple(states.NAMES[n] for n in _LIT_STATES)
_ACTIVE = tuple(states.NAMES[n] for n in states.ACTIVE)
BY_HAND = "hold the wrap's button for a second or unplug the wrap"
TETHERED_LOST = (
    f"the light goes out by itself: it fades {LEASE_MS / 1000:g} s after the last word of this "
    f"command and is off {RAMP_DOWN_MS / 1000:g} s later; check the cable, then `pbmwrap status`"
)
START_LOST = f"light may be on: see `pbmwrap status`; to be sure, {BY_HAND}"
STOP_LOST = f"the light may still be on: {BY_HAND}"


def describe_light(state: str) -> str:
    """Return whether light is on in `state`, and what ends it."""
    if state in _LIT:
        return f"the light is still on ({name_state(state)}); `pbmwrap stop` or the button ends it"
    if state in _ACTIVE:
        return f"the light is off ({state}), the session goes on; `pbmwrap stop` ends it"
    return f"the light is off ({state})"


@contextmanager
def explained_loss(hint: str) -> Iterator[None]:
    """Give a LinkLost of the body `hint`, which says what it means for the light."""
    try:
        yield
    except LinkLost as problem:
        raise LinkLost(problem.message, hint) from problem


@contextmanager
def explained_stop() -> Iterator[None]:
    """Give the error of a stop that did not reach the wrap a hint what to do."""
    with explained_loss(STOP_LOST):
        try:
            yield
        except (NoDevice, PortBusy, NoPermission) as problem:
            problem.hint = f"{problem.hint}; {STOP_LOST}"
            raise
