"""Proves what the ESP32's HAL reports of its chip, and its smaller duties."""

from __future__ import annotations

import types
from array import array

import pytest

from tests.esp32.test_hal import lit
from tests.esp32.world import World
from wrap import main_loop


def test_a_sense_input_is_read_where_there_is_one(world: World) -> None:
    out = array("i", [0] * len(world.facts.SENSORS))
    seen = []
    for level in (1, 0):
        world.chip.driven[world.facts.SENSE_PIN] = level
        seen.append((world.hal.sense(), world.hal.inputs(out)))
    assert seen == [(1, 2), (0, 0)]


def test_an_old_pad_has_no_sense_input() -> None:
    world = World()
    world.facts.SENSE_PIN = None
    hal = world.boot()
    out = array("i", [0] * len(world.facts.SENSORS))
    assert (hal.sense(), hal.inputs(out)) == (-1, 0)


def test_indicator_and_service_blink(world: World) -> None:
    led = world.facts.INDICATOR_PIN
    world.hal.indicate(True)
    assert world.chip.share(led) == 1
    world.hal.indicate(False)
    world.hal.service_blink()
    world.chip.advance_ms(300)
    assert world.chip.share(led) == 0.125


@pytest.mark.parametrize(
    ("cause", "chip_cause", "marked", "reported"),
    [
        (1, 1, False, "power"),
        (1, 1, True, "power"),
        (1, 15, False, "brown-out"),
        (1, 3, False, "brown-out"),
        (2, 12, True, "intended"),
        (2, 12, False, "watchdog"),
        (3, 8, True, "watchdog"),
        (5, 1, False, "soft"),
        (0, 21, False, "pin"),
    ],
)
def test_reset_causes(
    world: World, cause: int, chip_cause: int, marked: bool, reported: str
) -> None:
    if marked:
        world.hal.reset()
        assert world.chip.restarted
    world.chip.cause, world.chip.chip_cause = cause, chip_cause
    assert world.hal.reset_cause() == reported
    assert world.chip.rtc == b""


def test_a_restart_is_dark_first(world: World) -> None:
    hal = lit(world)
    hal.reset()
    assert (world.light(0), world.enabled(), world.chip.restarted) == (0, False, True)


def test_the_heap_is_that_of_the_areas_that_there_are(devkit: World) -> None:
    assert devkit.hal.heap() == (30000, 24000)
    devkit.allocate(5000)
    assert devkit.hal.heap() == (35000, 19000)


def test_a_request_in_a_session_walks_through_no_heap(devkit: World) -> None:
    devkit.hal.enable(True)
    devkit.allocate(5000)
    before = devkit.walks
    assert devkit.hal.heap() == (30000, 24000)
    assert devkit.walks == before


def test_allocated_bytes_are_counted_ten_times_a_second(devkit: World) -> None:
    hal = devkit.hal
    hal.enable(True)
    hal.collect()
    before = devkit.walks
    seen = []
    for _ in range(30):
        devkit.allocate(10)
        seen.append(hal.allocated())
    assert seen == [0] * 9 + [100] * 10 + [200] * 10 + [300]
    assert devkit.walks - before == 3
    devkit.heap = [30100, 23900]
    hal.collect()
    assert (hal.allocated(), hal.heap()) == (0, (30100, 23900))
    devkit.heap = [29000, 25000]  # an automatic collection
    assert [hal.allocated() for _ in range(10)] == [0] * 10


@pytest.mark.parametrize("free", [8000, 24000, 130_000])
def test_the_loop_collects_before_a_small_heap_is_full(devkit: World, free: int) -> None:
    class Calm:
        """An app whose steps allocate 100 bytes each and leave time."""

        hal = devkit.hal
        busy = False
        server = types.SimpleNamespace(is_talking=lambda: False)

        def turn(self, now: int) -> None:
            devkit.allocate(100)
            least.append(devkit.heap[1])

    least: list[int] = []
    devkit.heap = [30000, free]

    def collect() -> None:
        devkit.heap = [30000, free]
        devkit.collections += 1

    devkit.rooms["heap"].gc.collect = collect
    main_loop.loop(Calm(), 4000)  # type: ignore[arg-type]
    assert min(least) >= free * 2 // 3 - 1000
    assert devkit.collections >= 2


def test_there_is_no_claim_on_the_program(devkit: World) -> None:
    assert devkit.hal.program_claim() is None
    assert devkit.hal.memory_fault() == -1
    assert devkit.hal.uid() == "246f280001ab"
    first, second = devkit.hal.draw_random(), devkit.hal.draw_random()
    assert len(first) == 32 and first != second
    with pytest.raises(OSError):
        devkit.hal.program_crc(0, 16, array("I", [0]))


def test_waiting_ends_at_the_tick(devkit: World) -> None:
    hal = devkit.hal
    hal.wait_until(hal.ticks_add(hal.ticks_ms(), 7))
    assert devkit.chip.now_us == 7000
    hal.wait_until(3)
    assert devkit.chip.now_us == 7000


def test_an_enable_that_is_up_is_not_armed_again(devkit: World) -> None:
    devkit.hal.enable(True)
    timer = devkit.chip.timers[0]
    devkit.hal.enable(True)
    assert devkit.chip.timers == [timer]
    devkit.hal.enable(False)
    assert devkit.chip.timers == []


def test_a_write_needs_a_mode(devkit: World) -> None:
    with pytest.raises(ValueError, match="before lamp_mode"):
        devkit.hal.lamp_write(0, 1)
