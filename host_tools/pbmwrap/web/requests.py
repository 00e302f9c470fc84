"""Requests of pages that need only a connection to the wrap, with their answers.

The server (`api.py`) and the page that needs no server (`browser/`) use this module.
"""

from __future__ import annotations

from typing import Any

from pbmwrap.device.client import Client
from pbmwrap.device.models import FaultInfo, Hello
from pbmwrap.words import SETTINGS
from wrap.storage.settings import BOUNDS

SESSION = ("start", "pause", "resume", "stop", "awake")


def change_session(client: Client, do: str) -> dict[str, Any]:
    """Start, pause, resume or stop a session, or answer the wake question. do: one of SESSION."""
    if do == "start":
        return {"session": client.start(), "state": client.status().state}
    act = {
        "pause": client.pause,
        "resume": client.resume,
        "stop": client.stop,
        "awake": client.answer_wake,
    }[do]
    return {"state": act()}


def describe_fault(found: FaultInfo | None) -> dict[str, Any]:
    """Return the latched fault, or {"fault": null}."""
    return {"fault": {**found.as_json(), "called": found.called} if found else None}


def confirm_settings(client: Client) -> dict[str, Any]:
    """Confirm the values in force after a store was damaged."""
    waiting = client.status().unconfirmed
    left = client.confirm_settings()
    return {"confirmed": [name for name in waiting if name not in left], "unconfirmed": left}


def read_calibration(client: Client, hello: Hello) -> dict[str, Any]:
    """Return the calibration of each channel, and the heat test."""
    kept, void = client.calibrations(), client.status().cal_void
    test = client.heat_test()
    rows = [
        {"channel": name, "nm": nm, "void": name in void, **(cal.as_json() if cal else {})}
        | {"calibrated": cal is not None}
        for (name, nm), cal in zip(hello.channels, kept, strict=False)
    ]
    return {"channels": rows, "heat_test": test.as_json() if test else None}


def describe_settings(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row per setting; a newer firmware may have some that are not known here."""
    rows = []
    for key, value in sorted(values.items()):
        unit, meaning = SETTINGS.get(key, ("", ""))
        low, high = BOUNDS.get(key, (None, None))
        rows.append(
            {
                "key": key,
                "value": value,
                "unit": unit,
                "meaning": meaning,
                "low": low,
                "high": high,
                "default": high,
            }
        )
    return rows
