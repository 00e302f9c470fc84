"""Live data as the pages get it: how often the wrap is asked, and what is added to its answers.

The server (`hub.py`) and the page that needs no server (`browser/`) use this module.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.device.status_poll import TELEMETRY_LEASE_MS
from pbmwrap.errors import DeviceError
from pbmwrap.web.history import ACTIVE
from wrap.rules import limits

LIT_MS, DARK_MS = 250, 1000  # between two samples
STATUS_S = 1.0  # between two events `status` of a session, most of them made from samples
RETRY_S = 1.0
ANSWER_S = 2.0
MISSES = 3  # requests without an answer, after which the port is opened again
EVERY_MOST_MS = 60000
RENEW_S, RENEW_FAST_S = TELEMETRY_LEASE_MS / 2000, 0.3  # fast: a simulated wrap's time runs faster


def choose_period_ms(wall_ms: int, speed: int) -> int:
    """Return the wrap's time between two samples, of which one comes every `wall_ms`."""
    return min(EVERY_MOST_MS, wall_ms * speed)


def describe_sample(sample: dict[str, Any], at_ms: int, uptime_s: float) -> dict[str, Any]:
    """Return the data of the event `sample`. at_ms: UTC of this machine."""
    return {**sample, "at_ms": at_ms, "uptime_s": round(uptime_s, 1)}


def make_limits_key(status: dict[str, Any], hello: Hello | None) -> tuple[Any, ...]:
    """Return what the limits in force depend on: they are read again when it changes."""
    return (
        _find_trip_mc(status),
        status.get("slot"),
        status.get("next_protocol"),
        hello and hello.boot,
    )


def _find_trip_mc(status: dict[str, Any]) -> int | None:
    """Return the skin trip in force in a session, mC; None without a session, and from a wrap that
    does not say it (older firmware)."""
    trip_mc = status.get("trip_mc")
    return trip_mc if status.get("state") in ACTIVE and isinstance(trip_mc, int) else None


def read_limits(client: Client, status: dict[str, Any]) -> dict[str, int]:
    """Return the temperature limits in force, mC: of the session, or of one that begins now.
    Requests nothing of the wrap if `status` has it. Raises WrapError."""
    trip_mc = _find_trip_mc(status)
    if trip_mc is None:
        trip_mc = _read_trip_mc(client, status.get("slot"))
    return {
        "skin_trip_mc": trip_mc,
        "derate_from_mc": trip_mc - limits.DERATE_BAND_MC,
        "derate_zero_mc": trip_mc - limits.DERATE_ZERO_MC,
        "board_trip_mc": limits.BOARD_TRIP_MC,
    }


def _read_trip_mc(client: Client, slot: object) -> int:
    """Return the trip of the settings, or a stricter one of the protocol in `slot`."""
    trip_mc = client.settings().get("trip_mc", limits.SKIN_TRIP_MC)
    if isinstance(slot, int) and slot >= 0:
        with suppress(DeviceError, ValueError, AttributeError):
            stored = json.loads(client.read_protocol(slot)).get("trip")
            if isinstance(stored, int) and stored > 0:
                trip_mc = min(trip_mc, stored)
    return trip_mc
