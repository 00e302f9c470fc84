"""Words for people: the wrap's state names, end reasons, stores, readings and counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wrap.rules import states

if TYPE_CHECKING:
    from pbmwrap.device.models import Hello, Sample

CONFIRM = "`pbmwrap settings show`, then `pbmwrap settings confirm`"
_STORES = {"settings": "settings", "cal": "calibration", "heat": "heat test", "hold": "holds"}
_STATES = {"ramp-up": "starting", "ramp-down": "stopping", "calibrating": "cal light"}
_ENDED = {
    states.BY_DOSE: "dose reached",
    states.BY_TIME: "time is up",
    states.BY_BUTTON: "stopped by the button",
    states.BY_LINK: "stopped over USB",
    states.BY_PAUSE: "paused for too long",
    states.BY_LEASE: "the tethered program stopped",
    states.BY_CAP: "dose limit reached",
    states.BY_WAKE: "no answer to the wake check",
    states.BY_MOVED: "a sensor jumped as the light came on",
    states.BY_WORN: "a person may be in the wrap",
    states.BY_FAULT: "a fault",
    states.BY_POWER: "power lost",
}
# By the names of wrap.storage.settings.BOUNDS: unit and meaning.
SETTINGS = {
    "trip_mc": ("0.001 C", "a skin sensor this hot ends the session with a fault"),
    "cap_mj": ("0.001 J/cm2", "the most dose that a session may give, all channels together"),
    "time_s": ("s", "the longest protocol that may start"),
    "wake_s": ("s", "light between two wake checks"),
    "answer_s": ("s", "how long the wake check waits for the button"),
    "site_week": ("sessions", "sessions of one site in any 7 days"),
    "light_day_s": ("s", "light of the whole wrap in any 24 hours"),
}


def name_state(state: str) -> str:
    """Return the wrap's state in at most 9 characters; a state not known here stays as it is."""
    return _STATES.get(state, state)


def name_end(reason: str) -> str:
    """Return what ended a session; a reason not known here stays as it is."""
    return _ENDED.get(reason, reason)


def name_stores(names: Iterable[str]) -> str:
    """Return the stores of a wrap in words; names: as the link has them."""
    return ", ".join(_STORES.get(name, name) for name in names)


def count(number: int, thing: str) -> str:
    """Return `number` with its noun: "1 session", "2 sessions"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def power_text(pm: int, why: str | None) -> str:
    """Return what all lamps together may draw. pm: permille of full power; why: what limits it."""
    if pm == 1000:
        return "full"
    return f"{pm / 10:.0f} % of full" + (f": {why}" if why else "")


def format_readings(hello: Hello, now: Sample) -> str:
    """Return each sensor's name and reading in C."""
    names = (name for name, _ in hello.sensors)
    parts = (f"{n} {_degrees_text(t)}" for n, t in zip(names, now.temps_mc, strict=False))
    return ", ".join(parts)


def _degrees_text(mc: int | None) -> str:
    return "no reading" if mc is None else f"{mc / 1000:.1f}"
