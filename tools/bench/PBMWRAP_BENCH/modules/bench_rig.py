"""The board around a measured step, and the loop that measures a call (tools/bench/repl_board.py).
On the benchmark's image only."""

import gc
import time
from array import array

import bench_step  # type: ignore
from machine import ADC, PWM, WDT, Pin

import board_facts
from wrap.control.lamps import duty_of_level
from wrap.hal.rp2040.dead_man import DeadMan
from wrap.hal.rp2040.registers import select_word
from wrap.rules import limits
from wrap.safety.thermistor import Thermistor

WATCHDOG_MS = 8000
LIFE_TURNS = limits.DEADMAN_MS * 1000 // 400  # hal/rp2040/dead_man.py: 400 us a turn
SESSION_MS = 600000
PERMILLE = (500, 800)


def light_lamps(duties):
    """Put the lamps on PWM at `duties`, start watchdog and dead-man. Returns (lamps, converters,
    dead-man, watchdog)."""
    rows = zip(board_facts.CHANNELS, duties)
    lamps = [PWM(Pin(c[2]), freq=board_facts.CARRIER_HZ, duty_u16=d) for c, d in rows]
    for pin in board_facts.MUX_PINS:
        Pin(pin, Pin.OUT, value=0)
    converters = [ADC(Pin(s[2])) for s in board_facts.SENSORS]
    watchdog = WDT(timeout=WATCHDOG_MS)
    deadman = DeadMan(board_facts.ENABLE_PIN)
    deadman.arm(limits.DEADMAN_MS)
    time.sleep_ms(2)  # the PIO takes a moment to raise the enable
    return lamps, converters, deadman, watchdog


def make_thermistor():
    """Return the board's thermistor."""
    return Thermistor(board_facts.NTC_R25_OHM, board_facts.NTC_BETA_K, board_facts.PULLUP_OHM)


def pack_config(line, uw, upper_uw, duties, total_ms=SESSION_MS, cap_uj=limits.DOSE_CAP_MJ * 1000):
    """Return the words of `cfg` in bench_step.c. line: a Thermistor; uw, upper_uw: irradiance at
    full duty, uW/cm2."""
    skin = [s[1] == "skin" for s in board_facts.SENSORS]
    trips = [limits.SKIN_TRIP_MC if on else limits.BOARD_TRIP_MC for on in skin]
    lines = board_facts.MUX_PINS
    out = list(uw) + list(upper_uw) + list(duties) + [c[2] for c in board_facts.CHANNELS]
    out += [int(on) for on in skin] + [line.raw_at(mc) for mc in trips]
    out += [line.raw_at(mc + limits.GROSS_MARGIN_MC) for mc in trips]
    out += [s[3] for s in board_facts.SENSORS]
    out += [select_word(lines, s[4] or 0) for s in board_facts.SENSORS] + [select_word(lines, 7)]
    out += [line.raw_at(limits.PLAUSIBLE_MIN_MC), line.raw_min, line.raw_max]
    out += [limits.SKIN_TRIP_MC - limits.DERATE_BAND_MC, total_ms, cap_uj]
    return array("i", out + [board_facts.ENABLE_PIN, LIFE_TURNS, WATCHDOG_MS * 2000])


def begin_c():
    """Light the board and begin a session of `bench_step`. Returns the thermistor, which must be
    kept: C points into its table."""
    line, duties = make_thermistor(), [duty_of_level(permille) for permille in PERMILLE]
    light_lamps(duties)
    uw = [c[4] for c in board_facts.CHANNELS]
    bench_step.init(pack_config(line, uw, uw, duties), line.knots)
    return line


def make_marker():
    """Return what puts an edge on the mark's pin, which tools/bench/repl_board.py watches."""
    return Pin(17, Pin.OUT, value=0).toggle


def run_marked(call, n, period_us):
    """Call `call` n times, one each period, between two marks; return the bytes that were
    allocated. Garbage is collected after every 20 calls, never in one."""
    edge = make_marker()
    gc.collect()
    gc.disable()
    taken, before = 0, gc.mem_alloc()
    due_us = time.ticks_us()
    for i in range(1, n + 1):
        edge()
        call()
        edge()
        if i % 20 == 0:
            taken += gc.mem_alloc() - before
            gc.collect()
            before = gc.mem_alloc()
        due_us = time.ticks_add(due_us, period_us)
        left_us = time.ticks_diff(due_us, time.ticks_us())
        if left_us >= 1000:
            time.sleep_ms(left_us // 1000)
    gc.enable()
    return taken
