"""What the binary itself does, seen from outside: pins, USB port, flash, resets, time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import board_facts
from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.twin.rp2040_fs import files_of
from pbmwrap.twin.rp2040_repl import ReplError
from tests.emulator.conftest import APP_RUNS_MS, ROOT, MakeTwin
from tests.warmed import WARMER

LAMPS = range(len(board_facts.CHANNELS))
LAMP_PINS = [channel[2] for channel in board_facts.CHANNELS]
SOFT_RESET_MS = 200
BY_WATCHDOG, BY_POWER = "3", "1"  # machine.reset_cause()

LIGHT = f"""
from machine import Pin, PWM
enable = Pin({board_facts.ENABLE_PIN}, Pin.OUT, value=1)
lamps = [PWM(Pin(p), freq=1000, duty_u16=DUTY) for p in {LAMP_PINS}]
"""

# 24 writes of 64 bytes into a port that nobody reads: 16 fit into our FIFO, 4 into the stock one.
FILL_PORT = """
import sys, time
def fill():
    took = []
    for _ in range(24):
        began = time.ticks_us()
        sys.stdout.write('x' * 64)
        took.append(time.ticks_diff(time.ticks_us(), began))
    return took
"""


def light(twin: Rp2040Twin, duty: int) -> None:
    twin.repl(LIGHT.replace("DUTY", str(duty)))
    twin.advance_ms(20)


def write_times_us(twin: Rp2040Twin, wait_ms: int) -> list[int]:
    """Return how long the guest's writes take while the port is open and unread."""
    twin.repl(FILL_PORT)
    twin.write(b"took = fill()")
    twin.advance_ms(50)
    twin.set_reader(False)
    twin.write(b"\r")
    twin.advance_ms(wait_ms)
    twin.set_reader(True)
    twin.advance_ms(50)
    twin.read()
    return [int(us) for us in re.findall(r"\d+", twin.repl("print(took)"))]


def test_no_lamp_pin_rises_from_power_on_until_the_app_runs(after_first_boot: Rp2040Twin) -> None:
    twin = after_first_boot
    assert twin.enumerated()
    assert [twin.edges(ch) for ch in LAMPS] == [[], []]
    assert [twin.on_ns(ch) for ch in LAMPS] == [0, 0]


def test_c_drives_the_outputs_low_within_a_millisecond_of_power(
    make_twin: MakeTwin, image: Path
) -> None:
    twin = make_twin(image)
    twin.start()
    twin.advance_ms(1)
    outputs = [*LAMP_PINS, WARMER[2], board_facts.ENABLE_PIN, board_facts.BUZZER_PIN]
    assert all(twin.driven_low(pin) for pin in outputs)


def test_c_and_python_name_the_same_pins() -> None:
    header = (ROOT / "boards/PBMWRAP_RP2040/mpconfigboard.h").read_text()
    mask = re.search(r"PBMWRAP_DARK_PINS +\((.*)\)", header)
    assert mask
    pins = [int(pin) for pin in re.findall(r"1u << (\d+)", mask[1])]
    assert pins == [*LAMP_PINS, WARMER[2], board_facts.ENABLE_PIN, board_facts.BUZZER_PIN]


@pytest.mark.parametrize("duty", [1000, 30_000, 65_535])
def test_soft_reset_goes_dark_before_python_starts(ours: Rp2040Twin, duty: int) -> None:
    light(ours, duty)
    assert not ours.dark()
    began_ns = ours.now_ns
    ours.write(b"\x04")
    ours.advance_ms(1)
    assert ours.dark() or not any(lamp.high for lamp in ours.lamps())
    assert all((ours.last_fall_ns(ch) or 0) < began_ns + 1_000_000 for ch in LAMPS)
    ours.advance_ms(SOFT_RESET_MS)
    assert [lamp.on_ppm < 10_000 for lamp in ours.lamps()] == [True, True]
    ours.advance_ms(SOFT_RESET_MS)
    assert [lamp.on_ppm for lamp in ours.lamps()] == [0, 0]


def test_a_stock_soft_reset_leaves_lamps_lit(stock: Rp2040Twin) -> None:
    """The reason for the hook, and proof that the test above can fail."""
    light(stock, 65_535)
    stock.write(b"\x04")
    stock.advance_ms(SOFT_RESET_MS)
    stock.advance_ms(SOFT_RESET_MS)
    assert [lamp.on_ppm for lamp in stock.lamps()] == [1_000_000, 1_000_000]


def test_an_unread_port_holds_up_no_write(ours: Rp2040Twin) -> None:
    took = write_times_us(ours, 100)
    assert len(took) == 24
    assert sorted(took)[-1] < 3_000  # one wait, to see that nobody reads
    assert sorted(took)[-2] < 500


def test_an_unread_port_blocks_stock_for_half_a_second_each_write(stock: Rp2040Twin) -> None:
    took = write_times_us(stock, 10_500)
    assert sum(us > 490_000 for us in took) == 20


@pytest.mark.parametrize("count", [1_000, 20_000])
def test_a_host_that_reads_loses_nothing(ours: Rp2040Twin, count: int) -> None:
    ours.write(f"print('~' * {count})\r".encode())
    ours.advance_ms(1_000)
    assert ours.read().count(b"~") == count + 1  # and the one in the echo


def test_a_port_that_is_read_again_works_again(ours: Rp2040Twin) -> None:
    write_times_us(ours, 100)
    ours.write(b"print('~' * 5000)\r")
    ours.advance_ms(1_000)
    assert ours.read().count(b"~") == 5_001


def test_files_survive_a_power_cut(stock: Rp2040Twin) -> None:
    stock.repl("f = open('kept.txt', 'w'); f.write('here'); f.close()")
    stock.power_off()
    before_ms = stock.now_ms
    stock.advance_ms(500)
    assert stock.dark() and stock.now_ms == before_ms + 500
    stock.start()
    stock.run_until(stock.enumerated, 1_000)
    assert stock.repl("print(open('kept.txt').read())") == "here\r\n"
    assert files_of(stock.flash()) == {"/kept.txt": b"here"}


def test_the_app_runs_again_at_the_second_boot(after_first_boot: Rp2040Twin) -> None:
    """The first boot writes files; none of them may stand in the way of what is frozen."""
    twin = after_first_boot
    twin.reset("power")
    twin.advance_ms(APP_RUNS_MS)
    seen = twin.read()
    twin.write(b"\x03")
    twin.advance_ms(SOFT_RESET_MS)
    assert b"pbmwrap: dark" in twin.read(), seen


def test_a_hung_cpu_is_reset_by_its_watchdog_and_dark(stock: Rp2040Twin) -> None:
    light(stock, 30_000)
    stock.repl("import machine; machine.WDT(timeout=1000)")
    stock.hang()
    stock.advance_ms(900)
    assert not stock.dark()
    stock.advance_ms(200)
    stock.advance_ms(200)
    assert [lamp.on_ppm for lamp in stock.lamps()] == [0, 0]
    assert stock.repl("import machine; print(machine.reset_cause())").strip() == BY_WATCHDOG


@pytest.mark.parametrize(
    ("kind", "cause"), [("power", BY_POWER), ("pin", BY_POWER), ("watchdog", BY_WATCHDOG)]
)
def test_resets_from_outside(stock: Rp2040Twin, kind: str, cause: str) -> None:
    light(stock, 30_000)
    before_ms = stock.now_ms
    stock.reset(kind)  # type: ignore[arg-type]
    assert not any(lamp.high for lamp in stock.lamps())
    stock.run_until(stock.enumerated, 1_000)
    assert stock.now_ms > before_ms
    assert stock.repl("import machine; print(machine.reset_cause())").strip() == cause
    with pytest.raises(ReplError, match="NameError"):
        stock.repl("print(lamps)")


def test_machine_reset_comes_back(stock: Rp2040Twin) -> None:
    stock.write(b"import machine; machine.reset()\r")
    stock.run_until(lambda: not stock.enumerated(), 100)
    stock.run_until(stock.enumerated, 1_000)
    assert stock.repl("import machine; print(machine.reset_cause())").strip() == BY_WATCHDOG


@pytest.mark.parametrize("code", ["import time; time.sleep(9)", "while True: pass"])
def test_virtual_time_is_exact_asleep_and_busy(stock: Rp2040Twin, code: str) -> None:
    stock.write(code.encode() + b"\r\r")
    stock.advance_ms(7)
    expected_ns = stock.now_ns // 1_000_000 * 1_000_000
    for ms in (1, 1, 5, 60):
        stock.advance_ms(ms)
        expected_ns += ms * 1_000_000
        assert 0 <= stock.now_ns - expected_ns < 1_000


def test_on_time_is_measured_at_the_pin(stock: Rp2040Twin) -> None:
    light(stock, 65_536 // 4)
    stock.advance_ms(1_000)
    assert [lamp.on_ppm for lamp in stock.lamps()] == [pytest.approx(250_000, abs=1_000)] * 2
    stock.record_edges()
    stock.advance_ms(10)
    assert len(stock.edges(0)) == 20


def test_the_adc_reads_the_plant(stock: Rp2040Twin) -> None:
    stock.repl("import machine")
    for index, (_name, _role, pin, _adc, channel) in enumerate(board_facts.SENSORS):
        for line, select in enumerate(board_facts.MUX_PINS):
            level = (channel or 0) >> line & 1
            stock.repl(f"machine.Pin({select}, machine.Pin.OUT, value={level})")
        raw = int(stock.repl(f"print(machine.ADC({pin}).read_u16() >> 4)"))
        assert raw == stock.plant.raw12(index)


def test_light_warms_the_plant_only_while_enabled(stock: Rp2040Twin) -> None:
    light(stock, 65_535)
    stock.repl("enable.low()")
    cold = stock.plant.board_c
    stock.advance_ms(5_000)
    assert stock.plant.board_c == pytest.approx(cold, abs=0.01)
    stock.repl("enable.high()")
    stock.advance_ms(20_000)
    assert stock.plant.board_c > cold + 0.2


def test_the_button_pulls_its_pin_low(stock: Rp2040Twin) -> None:
    stock.repl(
        f"from machine import Pin\nbutton = Pin({board_facts.BUTTON_PIN}, Pin.IN, Pin.PULL_UP)"
    )
    levels = []
    for down in (False, True, False):
        stock.press(down)
        levels.append(stock.repl("print(button.value())").strip())
    assert levels == ["1", "0", "1"]


def test_a_closed_port_is_seen_closed_and_opens_again(stock: Rp2040Twin) -> None:
    stock.open_port(False)
    stock.advance_ms(50)
    stock.read()
    stock.write(b"print('later')\r")
    stock.advance_ms(50)
    assert stock.read() == b""
    stock.open_port(True)
    stock.advance_ms(50)
    assert b"later" in stock.read()


# A single pulse: 8 cycles a turn at 1 MHz.
PIO_TIMER = f"""
import rp2
from machine import Pin
@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def once():
    pull(block)
    mov(x, osr)
    set(pins, 1)
    label("count")
    jmp(x_dec, "count") [7]
    set(pins, 0)
machine = rp2.StateMachine(0, once, freq=1_000_000, set_base=Pin({LAMP_PINS[0]}))
machine.active(1)
"""


def test_pio_keeps_its_rate_while_the_cpu_sleeps(stock: Rp2040Twin) -> None:
    stock.repl(PIO_TIMER)
    stock.record_edges()
    stock.write(b"machine.put(100_000 // 8)\r")
    stock.advance_ms(300)
    (rise_ns, _), (fall_ns, _) = stock.edges(0)
    assert (fall_ns - rise_ns) / 1e6 == pytest.approx(100, rel=0.001)
