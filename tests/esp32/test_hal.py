"""Proves what is the ESP32's own, beyond the contract's suite (tests/hal)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.esp32.world import World
from wrap.rules import limits


def held(world: World, steps: int) -> bool:
    for _ in range(steps):
        world.chip.advance_ms(10)
        if not world.hal.verify_and_feed():
            return False
    return True


def lit(world: World, hz: int = 0, duty: int = 65535) -> Any:
    hal = world.hal
    hal.enable(True)
    hal.lamp_mode(0, hz)
    hal.lamp_write(0, duty)
    assert held(world, 25)
    return hal


# Light.


@pytest.mark.parametrize("first", [0, 1])
def test_an_old_duty_of_another_lamps_channel_never_reaches_a_pin(world: World, first: int) -> None:
    """The channel that the first one left holds full light up to the end of a period of 100 ms."""
    hal = world.hal
    hal.lamp_mode(first, 10)
    hal.lamp_write(first, 65535)
    world.chip.advance_ms(250)
    assert world.light(first) == 1
    hal.lamp_off(first)
    other = 1 - first
    hal.lamp_mode(other, 10)
    hal.lamp_write(other, 6554)
    seen = set()
    for _ in range(60):
        seen.add(round(world.light(other), 2))
        assert hal.verify_and_feed()
        world.chip.advance_ms(10)
    assert seen == {0, 0.1}


def test_a_pin_that_waits_for_ledc_and_is_high_is_no_step(devkit: World) -> None:
    hal = devkit.hal
    hal.lamp_mode(0, 10)
    hal.lamp_write(0, 65535)
    devkit.chip.advance_ms(250)
    hal.lamp_mode(0, 10)
    assert hal.verify_and_feed()
    devkit.chip.pin(devkit.lamp(0)).level = 1
    assert not hal.verify_and_feed()


def test_a_ramp_at_slow_pulses_is_held_all_the_way(world: World) -> None:
    hal = world.hal
    hal.lamp_mode(0, 10)
    for n in range(200):
        hal.lamp_write(0, n * 200)
        world.chip.advance_ms(10)
        assert hal.verify_and_feed()
    for n in range(200, 0, -1):
        hal.lamp_write(0, n * 200)
        world.chip.advance_ms(10)
        assert hal.verify_and_feed()
    assert held(world, 30)


@pytest.mark.parametrize("wrong", [0, 100, 60000])
def test_a_channel_that_gives_something_else_is_no_step(world: World, wrong: int) -> None:
    hal = world.hal
    hal.lamp_mode(0, 0)
    hal.lamp_write(0, 30000)
    assert held(world, 3)
    channel = world.ledc(0)
    bits = world.chip.ledc_timers[0][channel.timer].bits
    channel.duty = wrong >> (16 - bits)
    assert not hal.verify_and_feed()


def test_a_pin_that_something_else_drives_is_no_step(world: World) -> None:
    hal = world.hal
    hal.lamp_mode(0, 0)
    hal.lamp_write(0, 30000)
    assert held(world, 3)
    world.chip.pin(world.lamp(0)).signal = 1
    assert not hal.verify_and_feed()
    hal.lamp_off(0)
    assert hal.verify_and_feed()
    world.chip.pin(world.lamp(1)).level = 1
    assert not hal.verify_and_feed()


def test_the_same_duty_again_does_not_keep_the_check_open(world: World) -> None:
    hal = world.hal
    hal.lamp_mode(0, 10)
    hal.lamp_write(0, 30000)
    for _ in range(30):
        world.chip.advance_ms(10)
        hal.lamp_write(0, 30000)
        assert hal.verify_and_feed()
    world.ledc(0).was = world.ledc(0).duty = 1
    assert not hal.verify_and_feed()


def test_off_gives_the_timer_back(world: World) -> None:
    hal = world.hal
    for hz in range(10, 60):
        hal.lamp_mode(0, hz)
        hal.lamp_mode(1, hz + 1000)
    hal.dark()
    used = [t.hz for timers in world.chip.ledc_timers for t in timers if t.hz >= 0]
    assert used == [2700]  # the buzzer's


# The buzzer.


def test_the_buzzer_gives_half_of_its_own_timer(world: World) -> None:
    pin = world.facts.BUZZER_PIN
    world.hal.buzz(True)
    world.chip.advance_ms(1)
    assert world.chip.share(pin) == 0.5
    used = [t for timers in world.chip.ledc_timers for t in timers if t.hz >= 0]
    assert [t.hz for t in used] == [2700]
    world.hal.buzz(False)
    world.chip.advance_ms(1)
    assert world.chip.share(pin) == 0


def test_a_lamp_at_the_buzzers_frequency_leaves_it_its_timer(world: World) -> None:
    world.hal.buzz(True)
    lit(world, 2700, 13107)
    assert world.light(0) == pytest.approx(0.2, abs=0.001)
    world.hal.dark()
    world.chip.advance_ms(1)
    assert (world.light(0), world.chip.share(world.facts.BUZZER_PIN)) == (0, 0.5)


def test_a_board_without_a_buzzer_is_silent() -> None:
    world = World()
    del world.facts.BUZZER_PIN  # an old board_facts.py
    world.boot().buzz(True)
    world.chip.advance_ms(1)
    assert world.chip.share(26) == 0


# The dead-man.


def fall_ms(world: World, most: int) -> int:
    for ms in range(most):
        if not world.enabled():
            return ms
        world.chip.now_us += 1000  # the CPU hangs: no timer is called
    raise AssertionError("the enable does not fall")


@pytest.mark.parametrize("steps", range(25, 32))
def test_the_enable_falls_without_the_cpu(world: World, steps: int) -> None:
    lit(world)
    assert held(world, steps)
    assert 100 <= fall_ms(world, 400) <= limits.DEADMAN_MS
    assert not world.hal.verify_and_feed()
    assert world.hal.enable_dropped()


def test_no_wave_is_longer_than_the_limits_and_300_ms(world: World) -> None:
    room = world.rooms["dead_man"]
    # Private: `_LIFE_MS` and `_FLASH_MS`, since the waves reach only the fake RMT, and no caller
    # needs their length.
    assert room._LIFE_MS == limits.DEADMAN_MS
    waves = {name: sum(getattr(room, name)) * 1000 // 320000 for name in ("_LIFE", "_FLASH")}
    assert waves == {"_LIFE": room._LIFE_MS, "_FLASH": room._FLASH_MS}
    assert waves["_FLASH"] <= limits.DEADMAN_FLASH_MS
    assert waves["_FLASH"] + 20 < 300  # a soft reset of an ESP32 waits for it, interrupts off
    world.hal.enable(True)
    world.hal.flash_ahead()
    assert 250 <= fall_ms(world, 400) <= limits.DEADMAN_FLASH_MS


def test_a_verified_step_ends_the_longer_time_for_flash(world: World) -> None:
    world.hal.enable(True)
    world.hal.flash_ahead()
    assert held(world, 1)
    assert fall_ms(world, 400) <= limits.DEADMAN_MS


def test_the_enable_is_low_at_once_while_its_wave_runs(world: World) -> None:
    lit(world)
    before = world.chip.now_us
    world.hal.dark()
    assert (world.enabled(), world.light(0), world.chip.now_us) == (False, 0, before)
    assert max(world.chip.rmt_until_us.values()) > before + 90_000


def test_no_call_waits_for_a_wave_and_the_enable_has_no_gap(world: World) -> None:  # H-59
    """A session of 20 s: a flash write every 130 ms, dark and lit again every 2 s."""
    seen = []
    rmt = world.esp32.RMT

    def watched(call: Any) -> Any:
        def run(*words: object) -> None:
            before = world.enabled()
            call(*words)
            seen.append((before, world.enabled()))

        return run

    hal = world.hal
    rmt.active, rmt.write_pulses = watched(rmt.active), watched(rmt.write_pulses)
    for step in range(2000):
        if step % 200 == 0:
            hal.dark()
            hal.enable(True)
        before = world.chip.now_us
        if step % 13 == 0:
            hal.flash_ahead()
        assert hal.verify_and_feed()
        assert world.enabled()
        assert world.chip.now_us == before
        world.chip.advance_ms(10)
    assert world.chip.rmt_waited_us == 0 and not world.chip.panicked
    gaps = [after for before, after in seen if before and not after]
    assert len(seen) > 400 and gaps == []


@pytest.mark.parametrize("every", range(1, 30))
def test_flash_writes_however_often_leave_the_steps_their_150_ms(world: World, every: int) -> None:
    hal = world.hal
    hal.enable(True)
    for step in range(150):
        if step % every == 0:
            hal.flash_ahead()
        world.chip.advance_ms(10)
        assert hal.verify_and_feed()
    assert 100 <= fall_ms(world, 400) <= limits.DEADMAN_MS
    assert world.chip.rmt_waited_us == 0


@pytest.mark.parametrize("ms", [1, 10, 20])
def test_an_enable_that_is_raised_again_and_again_still_falls_in_time(
    world: World, ms: int
) -> None:
    """The self-test does so. Waves that nobody sees any more still run on an ESP32."""
    hal = world.hal
    for _ in range(40):
        hal.enable(True)
        assert world.enabled()
        world.chip.advance_ms(ms)
        hal.dark()
        assert not world.enabled()
    hal.enable(True)
    assert fall_ms(world, 400) <= limits.DEADMAN_MS
    assert world.chip.rmt_waited_us == 0


@pytest.mark.parametrize("days", [1, 5, 6, 7, 9, 12, 13, 20])
def test_the_enable_rises_after_days_in_the_dark(world: World, days: int) -> None:
    """ticks_ms wraps after 12.4 days: a wave that ended long ago must not seem to run."""
    lit(world)
    world.hal.dark()
    world.chip.now_us += days * 86_400_000_000
    world.hal.enable(True)
    assert held(world, 60)
    assert 100 <= fall_ms(world, 400) <= limits.DEADMAN_MS


def test_a_timer_that_drops_the_enable_within_a_renewal_has_the_last_word(world: World) -> None:
    hal = lit(world)
    send = world.esp32.RMT.write_pulses

    def slow(*words: object) -> None:
        send(*words)
        world.chip.advance_ms(limits.HEARTBEAT_MS + 41)

    world.esp32.RMT.write_pulses = slow
    held(world, 6)
    assert not world.enabled()
    assert hal.enable_dropped() and not hal.verify_and_feed()


def test_a_second_hal_takes_the_channels_of_the_first(world: World) -> None:
    """At the REPL, after Ctrl-C: a C3 has no others."""
    from wrap.hal import open_board

    lit(world)
    world.hal.dark()
    world.hal = open_board(world.facts)
    lit(world)
    assert 100 <= fall_ms(world, 400) <= limits.DEADMAN_MS


def test_while_no_channel_rests_the_wave_that_runs_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead-man of two channels on a pin of its own: both send, and no call waits or stops one."""
    world = World("PBMWRAP_ESP32")
    world.boot()
    monkeypatch.setattr(world.rooms["chip"], "rmt_channels", lambda name: 2)
    pin, back = 14, 27
    world.chip.wires[back] = pin
    deadman = world.rooms["dead_man"].DeadMan(pin, back, "esp32")
    deadman.arm()
    for step in range(12):
        world.chip.advance_ms(10)
        deadman.feed(world.chip.now_us // 1000)
        if step > 6:
            deadman.flash_ahead()
        assert deadman.high()
    assert world.chip.rmt_waited_us == 0
    world.chip.advance_ms(limits.DEADMAN_FLASH_MS)
    assert not deadman.high()


def test_a_timer_darkens_the_pins_when_python_hangs(world: World) -> None:
    hal = lit(world)
    world.chip.advance_ms(limits.HEARTBEAT_MS + 41)
    assert (world.light(0), world.enabled()) == (0, False)
    assert hal.enable_dropped() and not hal.verify_and_feed()
    hal.dark()
    assert hal.verify_and_feed() and not hal.enable_dropped()
    assert world.chip.timers == []


def test_while_flash_is_written_the_timer_waits_longer(world: World) -> None:
    hal = lit(world)
    hal.flash_ahead()
    world.chip.advance_ms(200)
    assert hal.verify_and_feed()
    hal.flash_ahead()
    world.chip.advance_ms(limits.DEADMAN_FLASH_MS + 41)
    assert not hal.verify_and_feed()


def test_flash_ahead_raises_nothing_that_is_off_or_fell(world: World) -> None:
    world.hal.flash_ahead()
    assert not world.enabled()
    lit(world)
    fall_ms(world, 400)
    world.hal.flash_ahead()
    assert not world.enabled()


def test_an_enable_that_does_not_come_back_is_no_step(world: World) -> None:
    del world.chip.wires[world.facts.ENABLE_BACK_PIN]
    assert world.hal.verify_and_feed()
    world.hal.enable(True)
    assert not world.hal.verify_and_feed()
    assert world.hal.enable_dropped()


def test_rmts_pull_up_is_gone_before_the_first_light(world: World) -> None:
    pin = world.chip.pin(world.facts.ENABLE_PIN)
    assert (pin.pull, pin.level, pin.out) == (world.machine.Pin.PULL_DOWN, 0, True)
    lit(world)
    assert pin.pull == world.machine.Pin.PULL_DOWN
    world.hal.dark()
    assert (pin.pull, pin.level, pin.out) == (world.machine.Pin.PULL_DOWN, 0, True)


def test_the_watchdog_is_started_once_and_fed_by_verified_steps_alone(devkit: World) -> None:
    hal, chip = devkit.hal, devkit.chip
    assert held(devkit, 2)
    hal.watchdog_start(2000)
    hal.watchdog_start(9000)
    assert chip.watchdog_ms == 2000
    assert held(devkit, 2)
    assert chip.fed_us == chip.now_us
    chip.pin(devkit.lamp(0)).level = 1
    assert not held(devkit, 2)
    assert chip.now_us - chip.fed_us == 10_000


def test_a_warmer_is_one_more_output_with_the_same_ways_to_dark() -> None:
    """H-65: on a free pin of the S3."""
    world = World("PBMWRAP_ESP32_S3")
    world.facts.WARMER = ("warmer", "heat", 10, 900)
    hal = world.boot()
    hal.enable(True)
    hal.lamp_mode(2, 0)
    hal.lamp_write(2, 30000)
    assert held(world, 25)
    assert world.chip.share(10) == pytest.approx(30000 / 65535, abs=0.001)
    assert world.light(0) == world.light(1) == 0
    hal.dark()
    assert world.chip.share(10) == 0 and not world.enabled() and hal.verify_and_feed()
    world.chip.driven[10] = 1  # a short that holds it high
    assert not hal.verify_and_feed()
