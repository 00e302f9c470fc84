"""The simulated wrap as a whole: boards with more pads, the tick wrap, its flash folder."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import DeviceError
from pbmwrap.facts import board_facts
from pbmwrap.twin.plant import Plant, PlantParams
from pbmwrap.twin.scenario import Player, load
from pbmwrap.twin.sim import SimTwin

TICK_WRAP_MS = 1 << 30


def large_pad() -> ModuleType:
    """The board's facts with a pad so large that full power is allowed without a heat test."""
    facts = ModuleType("board_facts")
    facts.__dict__.update(vars(board_facts()), PAD_CM2=6000)
    return facts


def two_pads() -> ModuleType:
    """A board with four channels and four sensors, of which full power is allowed."""
    facts = ModuleType("board_facts")
    facts.__dict__.update(vars(large_pad()))
    facts.__dict__["CHANNELS"] = (
        ("red-a", 660, 2, 500, 50000),
        ("nir-a", 850, 4, 500, 70000),
        ("red-b", 660, 6, 500, 50000),
        ("nir-b", 850, 8, 500, 70000),
    )
    facts.__dict__["SENSORS"] = (
        ("skin-a", "skin", 26, 0),
        ("board-a", "board", 27, 1),
        ("skin-b", "skin", 28, 2),
        ("board-b", "board", 29, 3),
    )
    return facts


def protocol(seconds: int, **channels: list[int]) -> bytes:
    steps = [{"t": seconds, "ch": {k.replace("_", "-"): v for k, v in channels.items()}}]
    obj = {"v": 1, "id": "t", "name": "T", "site": "s", "ramp": 500, "steps": steps}
    return json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()


def running(twin: SimTwin, raw: bytes) -> Client:
    """A client of a twin whose session has just reached its level."""
    twin.start()
    client = Client(TwinTransport(twin))
    client.flash_protocol(0, raw)
    client.start()
    twin.advance_ms(800)
    assert client.status().state == "running"
    return client


def test_four_channels_share_the_supply_and_end_together() -> None:
    facts = two_pads()
    twin = SimTwin(Plant(facts), facts=facts)
    client = running(twin, protocol(10, red_a=[1000], nir_a=[1000], red_b=[1000], nir_b=[500]))
    twin.advance_ms(500)  # past the wire check, which puts the lamps out for 10 ms
    twin.advance_ms(1000)
    ppm = [lamp.on_ppm for lamp in twin.lamps()]
    scale = 1500 / 1750  # SUPPLY_MA against three and a half channels of 500 mA
    for got, level in zip(ppm, (1, 1, 1, 0.5), strict=True):
        assert got == pytest.approx(level * scale * 1_000_000, rel=0.002)
    twin.advance_ms(11_000)
    assert client.status().state == "done"
    assert twin.dark()


@pytest.mark.parametrize("sensor", ["skin-a", "board-a", "skin-b", "board-b"])
def test_any_of_four_sensors_darkens_all_channels(sensor: str) -> None:
    facts = two_pads()
    twin = SimTwin(Plant(facts), facts=facts)
    client = running(twin, protocol(60, red_a=[300], nir_b=[300]))
    twin.plant.set_fault(sensor, "open")
    twin.advance_ms(200)
    assert not any(lamp.high for lamp in twin.lamps())
    fault = client.fault()
    assert fault is not None
    assert fault.name == "sensor-open"


def test_a_session_across_the_tick_wrap_keeps_time_and_dose_exactly() -> None:
    results = []
    for start_ms in (0, TICK_WRAP_MS - 5_000):
        twin = SimTwin()
        twin.board.now_ms = start_ms
        # Private: `_plant_due`, since a twin can start only at 0, and ticks_ms wraps after 12
        # days.
        twin._plant_due = start_ms
        client = running(twin, protocol(20, red=[500], nir=[800]))
        twin.advance_ms(25_000)
        status = client.status()
        assert status.state == "done"
        results.append((status.active_ms, status.on_ms))
    assert results[0] == results[1]
    assert results[0][0] == 20_000


def test_the_flash_folder_keeps_protocols_and_names_the_wrap(tmp_path: Path) -> None:
    first = SimTwin(state=tmp_path / "a")
    first.start()
    client = Client(TwinTransport(first))
    client.flash_protocol(0, protocol(10, red=[100]))
    uid = client.hello().uid
    again = SimTwin(state=tmp_path / "a")
    again.start()
    client = Client(TwinTransport(again))
    assert client.hello().uid == uid
    assert client.protocols().slots[0] is not None
    other = SimTwin(state=tmp_path / "b")
    other.start()
    assert Client(TwinTransport(other)).hello().uid != uid


def test_light_warms_the_plant_and_cutting_the_enable_ends_it() -> None:
    twin = SimTwin(facts=large_pad())
    client = running(twin, protocol(600, red=[1000], nir=[1000]))
    cold = twin.plant.board_c
    twin.advance_ms(60_000)
    warm = twin.plant.board_c
    assert warm > cold + 1
    client.stop()
    twin.advance_ms(120_000)
    assert twin.plant.board_c < warm


@pytest.mark.parametrize(
    "world",
    [PlantParams(ambient_c=35, covered=True, blood_flow=0), PlantParams(ambient_c=38)],
    ids=["hot-room scenario", "38 C"],
)
def test_a_hot_room_dims_a_session_and_does_not_trip_it(world: PlantParams) -> None:
    twin = SimTwin(Plant(board_facts(), world), facts=large_pad())
    client = running(twin, protocol(1200, red=[1000], nir=[1000]))
    least = 1000
    for _ in range(60):
        twin.advance_ms(20_000)
        if client.status().wake_waiting:
            twin.press(True)
            twin.advance_ms(100)
            twin.press(False)
        least = min(least, client.status().derate_pm)
        assert twin.plant.skin_c < 41
    assert least < 950
    assert (client.status().state, client.fault()) == ("done", None)


@pytest.mark.parametrize(("scenario", "reason"), [("nominal", "time"), (None, "wake")])
def test_a_long_session_needs_its_wake_checks_answered(scenario: str | None, reason: str) -> None:
    twin = SimTwin()
    twin.start()
    client = Client(TwinTransport(twin))
    client.flash_protocol(0, protocol(1200, red=[100]))
    if scenario is None:
        client.start()
        twin.advance_ms(400_000)
    else:
        Player(load(scenario), twin).advance_ms(1_205_000)
    assert client.status().end_reason == reason
    course = client.course()
    assert course.sites["s"].week == 1
    assert course.sites["s"].next_s > 23 * 3600


def test_a_refused_start_says_when_and_how_time_counts() -> None:
    twin = SimTwin()
    client = running(twin, protocol(3, red=[500]))
    twin.advance_ms(4000)
    with pytest.raises(DeviceError, match="possible in 24 h 0 min; keep the wrap powered") as no:
        client.start()
    assert no.value.device_code == "not_now"
    assert client.status().next_s == pytest.approx(24 * 3600, abs=10)
