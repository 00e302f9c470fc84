"""The board around a measured step, and the loops that measure a call. On the benchmark's image
only (tools/bench/peers.py)."""

import gc
import time
from array import array

import bench_step  # type: ignore
import machine
from machine import ADC, PWM, WDT, Pin

import board_facts
from wrap.control.lamps import duty_of_level
from wrap.hal.rp2040.dead_man import DeadMan
from wrap.hal.rp2040.registers import select_word
from wrap.rules import limits
from wrap.safety.thermistor import Thermistor

MARK_PIN = 17
WATCHDOG_MS = 8000
LIFE_TURNS = limits.DEADMAN_MS * 1000 // 400  # hal/rp2040/dead_man.py: 400 us a turn
RAMP_MS = 500
SESSION_MS = 600000
PERMILLE = (500, 800)
_COLLECT_EVERY = 20
_WATCHDOG_CLEAR = 0x4005B000  # data sheet 4.7.6: CTRL, with the atomic clear of 2.1.2
_WATCHDOG_ENABLE = 1 << 30

kept = []  # what C points into, and objects whose pins are in use


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
    kept.append((lamps, deadman))
    return lamps, converters, deadman, watchdog


def switch_off():
    """End a measurement: lamps and enable low, no watchdog."""
    machine.mem32[_WATCHDOG_CLEAR] = _WATCHDOG_ENABLE
    for pin in [c[2] for c in board_facts.CHANNELS] + [board_facts.ENABLE_PIN]:
        Pin(pin, Pin.OUT, value=0)


def make_thermistor():
    """Return the board's thermistor."""
    return Thermistor(board_facts.NTC_R25_OHM, board_facts.NTC_BETA_K, board_facts.PULLUP_OHM)


def pack_config(line, uw, upper_uw, duties, total_ms=SESSION_MS, cap_uj=limits.DOSE_CAP_MJ * 1000):
    """Return the words of `cfg` in bench_step.c. line: a Thermistor; uw, upper_uw: irradiance at
    full duty."""
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


def begin_c(line, uw, upper_uw, duties, **figures):
    """Begin a session of `bench_step`. For the arguments see `pack_config`."""
    kept.append(line)
    bench_step.init(pack_config(line, uw, upper_uw, duties, **figures), line.knots)


def lit_c():
    """Light the board for `bench_step.step`, with its worst-case irradiance."""
    duties = [duty_of_level(permille) for permille in PERMILLE]
    light_lamps(duties)
    uw = [c[4] for c in board_facts.CHANNELS]
    begin_c(make_thermistor(), uw, uw, duties)


def make_marker():
    """Return what puts an edge on the mark's pin."""
    return Pin(MARK_PIN, Pin.OUT, value=0).toggle


def run_marked(call, n, period_us):
    """Call `call` n times, one each period, between two marks; return the bytes that were
    allocated. Garbage is collected between calls, never in one."""
    edge = make_marker()
    gc.collect()
    gc.disable()
    taken, before = 0, gc.mem_alloc()
    due_us = time.ticks_us()
    for i in range(1, n + 1):
        edge()
        call()
        edge()
        if i % _COLLECT_EVERY == 0:
            taken += gc.mem_alloc() - before
            gc.collect()
            before = gc.mem_alloc()
        due_us = time.ticks_add(due_us, period_us)
        left_us = time.ticks_diff(due_us, time.ticks_us())
        if left_us >= 1000:
            time.sleep_ms(left_us // 1000)
    gc.enable()
    return taken
