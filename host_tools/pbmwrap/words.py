"""Plain words for the wrap's state names and end reasons, which are codes for programs."""

from __future__ import annotations

from wrap.rules import states

_STATES = {"ramp-up": "starting", "ramp-down": "stopping"}
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
    states.BY_FAULT: "a fault",
    states.BY_POWER: "power lost",
}


def name_state(state: str) -> str:
    """The wrap's state in at most 9 characters; one that is not known here as it is."""
    return _STATES.get(state, state)


def name_end(reason: str) -> str:
    """What ended a session; a reason that is not known here as it is."""
    return _ENDED.get(reason, reason)
