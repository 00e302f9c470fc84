"""Proves that the fake keeps the port's rules, on which the HAL's tests rest. Sources are at each
rule in fake_machine.py and fake_esp32.py."""

from __future__ import annotations

import pytest

from tests.esp32.fake_esp32 import made_esp
from tests.esp32.world import World

LOW, HIGH = 25, 26


@pytest.fixture
def devkit() -> World:
    """Return a chip without a buzzer, which would hold a channel and a timer of LEDC."""
    made = World()
    made.facts.BUZZER_PIN = None
    made.boot()
    return made


def pwm(world: World, pin: int, **words: int):
    return world.machine.PWM(world.machine.Pin(pin, 3), **words)


def settled(world: World, pin: int) -> float:
    world.chip.advance_ms(500)
    return world.chip.share(pin)


def test_without_a_duty_it_gives_half(devkit: World) -> None:
    pwm(devkit, LOW, freq=1000)
    assert settled(devkit, LOW) == 0.5


@pytest.mark.parametrize("duty", [-1000, 65536])
def test_a_duty_out_of_range_raises(devkit: World, duty: int) -> None:
    with pytest.raises(ValueError, match="duty_u16 must be from 0"):
        pwm(devkit, LOW, freq=1000, duty_u16=0).duty_u16(duty)


def test_timers_run_out_by_frequencies_not_by_channels() -> None:
    world = World("PBMWRAP_ESP32_C3")
    for pin, hz in ((0, 100), (1, 200), (3, 300), (4, 400), (5, 100)):
        pwm(world, pin, freq=hz, duty_u16=0)
    with pytest.raises(RuntimeError, match="out of PWM timers:4"):
        pwm(world, 6, freq=500, duty_u16=0)


def test_channels_run_out() -> None:
    world = World("PBMWRAP_ESP32_C3")
    for pin in range(6):
        pwm(world, pin, freq=100, duty_u16=0)
    with pytest.raises(RuntimeError, match="out of PWM channels"):
        pwm(world, 6, freq=100, duty_u16=0)


def test_an_esp32_takes_the_second_modes_timers(devkit: World) -> None:
    for n in range(8):
        pwm(devkit, 12 + n, freq=100 + n, duty_u16=0)
    with pytest.raises(RuntimeError, match="out of PWM timers:8"):
        pwm(devkit, 25, freq=500, duty_u16=0)


@pytest.mark.parametrize(("board", "hz", "bits"), [("", 1000, 16), ("_S3", 1000, 13)])
def test_duties_are_cut_down_to_the_timers_bits(board: str, hz: int, bits: int) -> None:
    world = World("PBMWRAP_ESP32" + board)
    made = pwm(world, LOW if not board else 15, freq=hz, duty_u16=0)
    world.chip.advance_ms(5)
    made.duty_u16(1015)
    world.chip.advance_ms(5)
    assert made.duty_u16() == 1015 >> (16 - bits) << (16 - bits)


def test_a_timer_cannot_be_slower_than_its_divider() -> None:
    with pytest.raises(OSError):
        pwm(World("PBMWRAP_ESP32_S3"), 15, freq=8, duty_u16=0)


def test_a_duty_counts_from_the_end_of_the_period(devkit: World) -> None:
    made = pwm(devkit, LOW, freq=10, duty_u16=0)
    devkit.chip.advance_ms(150)
    made.duty_u16(65535)
    devkit.chip.advance_ms(40)
    assert (made.duty_u16(), devkit.chip.share(LOW)) == (0, 0)
    devkit.chip.advance_ms(60)
    assert (made.duty_u16(), devkit.chip.share(LOW)) == (65535, 1)


def test_a_channel_that_is_used_again_still_holds_its_old_duty(devkit: World) -> None:
    made = pwm(devkit, LOW, freq=10, duty_u16=65535)
    devkit.chip.advance_ms(150)
    made.deinit()
    assert devkit.chip.share(LOW) == 0
    pwm(devkit, HIGH, freq=10, duty_u16=0)
    assert devkit.chip.share(HIGH) == 1
    assert settled(devkit, HIGH) == 0


def test_a_pin_that_is_set_as_an_output_leaves_ledc(devkit: World) -> None:
    pwm(devkit, LOW, freq=1000, duty_u16=65535)
    devkit.machine.Pin(LOW, 3, value=0)
    assert settled(devkit, LOW) == 0


def test_the_converter_bends_saturates_and_needs_calibration(devkit: World) -> None:
    read = devkit.machine.ADC(devkit.machine.Pin(34)).read_uv
    seen = []
    for mv in (20, 1000, 2450, 2850, 3300):
        devkit.chip.volts_mv[34] = mv
        seen.append(read())
    assert seen == [142000, 1000000, 2450000, 2800000, 3100000]
    devkit.chip.calibrated = False
    with pytest.raises(OSError):
        read()
    with pytest.raises(ValueError, match="invalid pin"):
        devkit.machine.ADC(devkit.machine.Pin(5))


def test_inputs_only_pins_give_nothing(devkit: World) -> None:
    with pytest.raises(ValueError, match="only be input"):
        devkit.machine.Pin(34, 3, value=1)


def test_rmt_ends_by_itself_waits_for_a_wave_and_hides_its_pin(devkit: World) -> None:
    chip = devkit.chip
    pin = devkit.machine.Pin(LOW, 3)
    rmt = devkit.esp32.RMT(0, pin=pin, resolution_hz=320000)
    rmt.write_pulses((32000,), (1,))
    assert (chip.share(LOW), pin.value()) == (1, 0)
    chip.advance_ms(99)
    rmt.write_pulses((3200,), (1,))
    assert chip.now_us == 100_000
    chip.advance_ms(11)
    assert chip.share(LOW) == 0
    with pytest.raises(ValueError):
        rmt.write_pulses((1 << 15,), (1,))


@pytest.mark.parametrize(("board", "waits_ms"), [("", 60), ("_S3", 0), ("_C3", 0)])
@pytest.mark.parametrize("stop", ["active", "deinit"])
def test_a_wave_of_an_esp32_is_waited_for_with_interrupts_off(
    board: str, waits_ms: int, stop: str
) -> None:
    world = World("PBMWRAP_ESP32" + board)
    chip = world.chip
    calls: list[int] = []
    world.machine.Timer(1, period=25, mode=1, callback=lambda _: calls.append(chip.now_us))
    rmt = world.esp32.RMT(0, pin=world.machine.Pin(4, 3), resolution_hz=320000)
    rmt.write_pulses((32000,), (1,))
    chip.advance_ms(40)
    rmt.active(False) if stop == "active" else rmt.deinit()
    assert chip.now_us == (40 + waits_ms) * 1000
    assert chip.rmt_waited_us == waits_ms * 1000
    late = [chip.now_us] * (3 if waits_ms else 0)  # none came while it waited
    assert calls == [25_000, *late]
    assert not chip.panicked


def test_a_wait_of_300_ms_is_the_interrupt_watchdogs(devkit: World) -> None:
    rmt = devkit.esp32.RMT(0, pin=devkit.machine.Pin(LOW, 3), resolution_hz=320000)
    rmt.write_pulses((24000,) * 4, (1,) * 4)
    rmt.active(False)
    assert devkit.chip.panicked


@pytest.mark.parametrize(("board", "channels"), [("", 8), ("_S3", 4), ("_C3", 2)])
def test_rmt_channels_run_out_and_come_back(board: str, channels: int) -> None:
    world = World("PBMWRAP_ESP32" + board)
    pin = world.machine.Pin(4, 3)
    made = [world.esp32.RMT(0, pin=pin, resolution_hz=320000) for _ in range(channels)]
    with pytest.raises(OSError, match="NOT_FOUND"):
        world.esp32.RMT(0, pin=pin, resolution_hz=320000)
    made[0].deinit()
    world.esp32.RMT(0, pin=pin, resolution_hz=320000)


def test_flash_is_written_over_only_after_an_erase(devkit: World) -> None:
    part = devkit.esp32.Partition.find(1, label="wraplog")[0]
    part.writeblocks(0, b"\x0f", 5)
    part.writeblocks(0, b"\xf0", 5)
    buf = bytearray(3)
    part.readblocks(0, buf, 4)
    assert bytes(buf) == b"\xff\x00\xff"
    assert part.ioctl(6, 0) == 0
    part.readblocks(0, buf, 4)
    assert bytes(buf) == b"\xff\xff\xff"


def test_a_chip_without_calibration_logs_each_conversion_unless_nothing_is_logged() -> None:
    world = World()
    world.chip.calibrated = False
    esp = made_esp(world.chip)
    read = world.machine.ADC(world.machine.Pin(34)).read_uv
    for level, lines in ((None, 1), (0, 2), (None, 3)):
        world.stdio.out.clear()
        if level is None:
            esp.osdebug(None)
        else:
            esp.osdebug(0, level)
        for _ in range(lines):
            with pytest.raises(OSError):
                read()
        assert bytes(world.stdio.out).count(b"\r\n") == (lines if level is None else 0)
