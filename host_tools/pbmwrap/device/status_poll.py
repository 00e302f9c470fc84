"""When a program that watches a wrap asks for `status`, and what it says of it in between.

In a session the samples contain nearly all that changes, and the wrap's garbage should not be
collected before the light is out. So the status is asked for seldom then; at once when a sample
shows that other fields have changed too, and every second while samples stay out.

The server, the page that needs no server and `pbmwrap monitor` use this module. It reads no clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from wrap.rules import states

TELEMETRY_LEASE_MS = 60000  # the most that a wrap grants; a program renews it at its half
STATUS_S = 1.0  # between two requests without a session, and while samples stay out
SESSION_STATUS_S = 30.0  # in a session
SILENT_S, SILENT_PERIODS = 1.5, 3  # samples that stay out for longer: it may have started again
PAUSED = states.NAMES[states.PAUSED]
ACTIVE = frozenset(states.NAMES[state] for state in states.ACTIVE)
# When one of these fields of a sample changes, so may fields that only the status has.
_SIGNS = ("state", "wake_waiting", "warn", "warnings", "hidden")


def estimate_wake_due_s(
    status: Mapping[str, Any], sample: Mapping[str, Any], passed_s: float
) -> int | None:
    """Return `wake_due_s` at the time of `sample`, `passed_s` of the wrap's time after `status`.

    It is the seconds left to answer the wake question, or those of light until the next one. None
    without a session, and until the status is read again after a question or an answer.
    """
    due_s = status.get("wake_due_s")
    waiting = bool(sample.get("wake_waiting"))
    if due_s is None or waiting != bool(status.get("wake_waiting")):
        return None
    if not waiting and sample.get("hidden"):
        passed_s = 0.0 if sample.get("state") == PAUSED else passed_s
    elif not waiting:
        passed_s = ((sample.get("active_ms") or 0) - (status.get("active_ms") or 0)) / 1000
    return max(0, math.ceil(due_s - passed_s))


def merge_sample(
    status: Mapping[str, Any], sample: Mapping[str, Any], passed_s: float
) -> dict[str, Any]:
    """Return `status` with what `sample` says, `passed_s` of the wrap's time after it."""
    merged = {name: value for name, value in status.items() if name != "hidden"}
    merged.update(sample)
    merged["wake_due_s"] = estimate_wake_due_s(status, sample, passed_s)
    for name in ("uptime_s", "unix_s"):
        if isinstance(status.get(name), int):
            merged[name] = status[name] + int(passed_s)
    return merged


class StatusPoll:
    """Decides when the status is asked for. Times are those of this machine."""

    def __init__(self) -> None:
        self._wanted = True
        self._asked_s = 0.0
        self._silent_from_s = -math.inf
        self._active = False
        self._active_ms = 0
        self._signs: list[Any] = []

    def ask_now(self) -> None:
        """Ask at the next opportunity: something may have changed."""
        self._wanted = True

    def is_silent(self, now_s: float) -> bool:
        """Return whether samples stay out, or none has come yet."""
        return now_s >= self._silent_from_s

    def is_due(self, now_s: float, speed: int = 1) -> bool:
        """Return whether to ask now. speed: of the wrap's time, by this machine's."""
        wait_s = STATUS_S
        if self._active and not self.is_silent(now_s):
            wait_s = max(STATUS_S, SESSION_STATUS_S / speed)
        return self._wanted or now_s >= self._asked_s + wait_s

    def note_asked(self, now_s: float) -> None:
        """Note that the status is asked for now."""
        self._wanted = False
        self._asked_s = now_s

    def note_sample(self, sample: Mapping[str, Any], now_s: float, every_ms: int) -> None:
        """Note a sample. every_ms: until the next one, on this machine."""
        self._silent_from_s = now_s + max(SILENT_S, SILENT_PERIODS * every_ms / 1000)
        self._active = sample.get("state") in ACTIVE
        signs = [sample.get(name) for name in _SIGNS]
        active_ms = sample.get("active_ms") or 0
        if signs != self._signs or active_ms < self._active_ms:  # less: another session
            self._wanted = True
        self._signs, self._active_ms = signs, active_ms
