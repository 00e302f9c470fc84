"""Which temperature limits the page shows, and when the wrap is asked for them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pbmwrap.device.client import Client
from pbmwrap.errors import DeviceError
from pbmwrap.web.live import make_limits_key, read_limits

LIT = {"state": "running", "slot": 0, "trip_mc": 39_000}


def make_client(asked: list[str], trip: int | None = 38_000) -> Client:
    """A client of a wrap whose settings trip at 40 C, and its protocol at `trip`; None: it refuses
    to send the protocol."""

    def settings() -> dict[str, int]:
        asked.append("settings")
        return {"trip_mc": 40_000}

    def read_protocol(slot: int) -> bytes:
        asked.append(f"protocol {slot}")
        if trip is None:
            raise DeviceError("memory", "not while light is on")
        return json.dumps({"trip": trip}).encode()

    return cast("Client", SimpleNamespace(settings=settings, read_protocol=read_protocol))


def test_a_session_says_its_limits_by_itself() -> None:
    asked: list[str] = []
    assert read_limits(make_client(asked), LIT)["skin_trip_mc"] == 39_000
    assert asked == []


@pytest.mark.parametrize(
    "status",
    [{**LIT, "state": "idle"}, {**LIT, "trip_mc": None}, {"state": "running", "slot": 0}],
)
def test_without_a_session_and_from_older_firmware_they_are_read(status: dict[str, Any]) -> None:
    asked: list[str] = []
    found = read_limits(make_client(asked), status)
    assert (found["skin_trip_mc"], found["derate_from_mc"]) == (38_000, 36_000)
    assert asked == ["settings", "protocol 0"]
    assert read_limits(make_client([]), {**status, "slot": -1})["skin_trip_mc"] == 40_000
    assert read_limits(make_client([], 41_000), status)["skin_trip_mc"] == 40_000


def test_a_protocol_that_is_not_sent_leaves_the_limit_of_the_settings() -> None:
    assert (
        read_limits(make_client([], None), {"state": "idle", "slot": 0})["skin_trip_mc"] == 40_000
    )


def test_they_are_taken_anew_when_a_session_begins_ends_or_has_others() -> None:
    keys = [
        make_limits_key(status, None)
        for status in (LIT, {**LIT, "state": "done"}, {**LIT, "trip_mc": 38_000})
    ]
    assert len(set(keys)) == 3
    assert make_limits_key({**LIT, "active_ms": 5}, None) == keys[0]
