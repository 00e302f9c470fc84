"""Damaged settings on the real binary: one flipped bit changes nothing, two or three hold the light
until a person has confirmed. Light is judged at the pins."""

from __future__ import annotations

import pytest

from pbmwrap.errors import DeviceError
from tests.contract.conftest import BOOT_MS, Bench

TRIP_MC = 38000
KEPT = b'"trip_mc": 38000'
WHOLE_MS = 1000
UNIX = 1_790_000_000


@pytest.fixture
def bench(flashed: Bench) -> Bench:
    flashed.client.set_setting("trip_mc", TRIP_MC)
    flashed.advance(100)
    return flashed


def copies(bench: Bench) -> list[int]:
    """Return the offset of the setting in the flash."""
    flash, found, at = bench.twin.flash(), [], -1
    while (at := flash.find(KEPT, at + 1)) >= 0:
        found.append(at)
    return found


def newest(bench: Bench, name: bytes) -> int:
    """Return the offset in the flash of a byte in the newest entry of a small file."""
    return bench.twin.flash().rfind(name) + len(name) + 4 - (len(KEPT) - 3)


def restart(bench: Bench, *flips: int) -> None:
    """Turn a bit over at the place of each setting in `flips`, and start."""
    bench.twin.power_off()
    for at in flips:
        bench.twin.flip_flash(at + len(KEPT) - 3, 1)
    bench.twin.reset("power")
    bench.advance(BOOT_MS + WHOLE_MS)


def press_stays_dark(bench: Bench) -> None:
    before = bench.twin.pins.light_ns()
    bench.press()
    bench.advance(1500)
    assert bench.twin.pins.light_ns() == before and bench.twin.dark()


@pytest.mark.parametrize("copy", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_one_flipped_bit_changes_no_setting_and_asks_for_nothing(bench: Bench, copy: int) -> None:
    assert len(copies(bench)) == 2
    restart(bench, copies(bench)[copy])
    assert bench.client.settings()["trip_mc"] == TRIP_MC
    assert bench.client.status().unconfirmed == []
    assert len(copies(bench)) >= 2, "it has not been repaired"
    restart(bench)
    assert bench.client.settings()["trip_mc"] == TRIP_MC


@pytest.mark.parametrize("name", [b"heat.a", b"heat.m"])
def test_one_flipped_bit_in_what_was_never_set_asks_for_nothing(bench: Bench, name: bytes) -> None:
    restart(bench, newest(bench, name))
    assert bench.client.status().unconfirmed == []
    assert bench.client.settings()["trip_mc"] == TRIP_MC


def test_three_flipped_bits_that_leave_an_older_value_hold_the_light(bench: Bench) -> None:  # H-52
    restart(bench, *copies(bench), newest(bench, b"settings.m"))
    bench.client.set_clock(UNIX)
    for _ in range(2):
        status = bench.client.status()
        assert status.unconfirmed == ["settings", "cal", "heat", "hold"]
        assert bench.client.settings()["trip_mc"] != TRIP_MC
        if status.fault:
            bench.client.ack_fault()
        with pytest.raises(DeviceError, match=r"settings confirm"):
            bench.client.start()
        press_stays_dark(bench)
        restart(bench)  # the damage is gone from the files, and the reason stays
    assert bench.client.confirm_settings() == []
    restart(bench)
    assert bench.client.status().unconfirmed == []


def test_two_flipped_bits_hold_the_light_until_a_person_has_confirmed(bench: Bench) -> None:  # H-52
    restart(bench, *copies(bench))
    bench.client.set_clock(UNIX)  # the history of sessions lies in the same files: it waits a day
    for _ in range(2):
        status = bench.client.status()
        if status.fault:  # the files behind the damaged ones show that it was no power cut
            assert status.fault.name == "storage"
            bench.client.ack_fault()
        assert bench.client.status().unconfirmed == ["settings"]
        with pytest.raises(DeviceError, match=r"settings.*settings confirm"):
            bench.client.start()
        press_stays_dark(bench)
        restart(bench)
    bench.client.set_setting("trip_mc", TRIP_MC)
    assert bench.client.confirm_settings() == []
    restart(bench)
    assert bench.client.settings()["trip_mc"] == TRIP_MC
    bench.client.set_clock(UNIX + 86400 + 60)
    before = bench.twin.pins.light_ns()
    bench.client.start()
    bench.advance(1500)
    assert bench.twin.pins.light_ns() > before
