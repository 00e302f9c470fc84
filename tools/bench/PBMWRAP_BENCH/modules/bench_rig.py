"""The board around a measured step: lamps on PWM, the dead-man on the enable, the converter's pins,
the watchdog; and the loops that put marks around a call. On the benchmark's image only."""

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
from wrap.safety.temp_limits import TempLimits
from wrap.safety.thermistor import Thermistor

MARK_PIN = 17
WATCHDOG_MS = 8000
LIFE_TURNS = limits.DEADMAN_MS * 1000 // 400
RAMP_MS = 500
SESSION_MS = 600000
PERMILLE = (500, 800)
MOST_STEPS = 4  # of a session, in C
_COLLECT_EVERY = 20
_WATCHDOG_CLEAR = 0x4005B000
_WATCHDOG_ENABLE = 1 << 30

kept = []  # what C points into, and objects whose pins are in use


def lamps():
    """Both lamps on PWM, dark."""
    found = [
        PWM(Pin(c[2], Pin.OUT, value=0), freq=board_facts.CARRIER_HZ, duty_u16=0)
        for c in board_facts.CHANNELS
    ]
    kept.append(found)
    return found


def enable():
    """The enable, up for as long as it is fed; the PIO takes a moment to raise it."""
    deadman = DeadMan(board_facts.ENABLE_PIN)
    kept.append(deadman)
    deadman.arm(limits.DEADMAN_MS)
    time.sleep_ms(2)
    return deadman


def enable_pin():
    """The enable's pad, to be read."""
    return Pin(board_facts.ENABLE_PIN)


def converters():
    """The sensors' inputs; the multiplexer's select lines become outputs."""
    for pin in board_facts.MUX_PINS:
        Pin(pin, Pin.OUT, value=0)
    return [ADC(Pin(s[2])) for s in board_facts.SENSORS]


def selects():
    """Bits of GPIO_OUT that choose each sensor's channel, then the bits of all select lines."""
    pins = board_facts.MUX_PINS
    return [select_word(pins, s[4] or 0) for s in board_facts.SENSORS] + [select_word(pins, 7)]


def watchdog():
    """Started; `calm` stops it."""
    return WDT(timeout=WATCHDOG_MS)


def calm():
    """Lamps dark, enable down, no watchdog: where a measurement ends."""
    machine.mem32[_WATCHDOG_CLEAR] = _WATCHDOG_ENABLE
    for channel in board_facts.CHANNELS:
        Pin(channel[2], Pin.OUT, value=0)
    Pin(board_facts.ENABLE_PIN, Pin.OUT, value=0)


def curve():
    """The board's thermistors."""
    return Thermistor(board_facts.NTC_R25_OHM, board_facts.NTC_BETA_K, board_facts.PULLUP_OHM)


def irradiance():
    """Worst-case uW/cm2 of the channels, which here is the nominal one as well."""
    return [c[4] for c in board_facts.CHANNELS]


def words(line, steps, total_ms=SESSION_MS, dose_uj=0, ramp_ms=RAMP_MS):
    """params_t of core.h. line: a Thermistor; steps: (ms, permille, permille) of a session."""
    roles = [s[1] for s in board_facts.SENSORS]
    skin = [r == "skin" for r in roles]
    trips = [limits.SKIN_TRIP_MC if on else limits.BOARD_TRIP_MC for on in skin]
    out = irradiance() + irradiance() + [c[3] for c in board_facts.CHANNELS]
    out += [board_facts.SUPPLY_MA, 1 if dose_uj else 0]
    out += [int(on) for on in skin]
    out += [line.raw_at(mc) for mc in trips]
    out += [line.raw_at(mc + limits.GROSS_MARGIN_MC) for mc in trips]
    out += [line.raw_at(limits.PLAUSIBLE_MIN_MC), line.raw_min, line.raw_max]
    out += [limits.SKIN_TRIP_MC, limits.SKIN_TRIP_MC - limits.DERATE_BAND_MC]
    none = [(0, 0, 0)] * (MOST_STEPS - len(steps))
    out += [len(steps)] + [s[0] for s in steps + none]
    for _, first, second in steps + none:
        out += [duty_of_level(first), duty_of_level(second)]
    out += [total_ms, dose_uj, limits.DOSE_CAP_MJ * 1000, ramp_ms]
    out += [s[3] for s in board_facts.SENSORS] + selects() + [c[2] for c in board_facts.CHANNELS]
    out += [board_facts.ENABLE_PIN, LIFE_TURNS, WATCHDOG_MS * 2000]
    return array("i", out)


def begin_c(steps=None, **figures):
    """`bench_step` told of a session, its numbers from the firmware's own classes."""
    line = curve()
    kept.append(line)
    steps = steps or [(SESSION_MS, PERMILLE[0], PERMILLE[1])]
    bench_step.init(words(line, steps, **figures), line.knots)


def lit_c():
    """The same on a board that is lit: ready for `bench_step.step`."""
    lamps()
    converters()
    begin_c()
    watchdog()
    enable()


def monitor():
    """The firmware's Monitor of this board."""
    return TempLimits([s[1] for s in board_facts.SENSORS], curve())


def _mark():
    return Pin(MARK_PIN, Pin.OUT, value=0).toggle


def _wait(due_us):
    left_us = time.ticks_diff(due_us, time.ticks_us())
    if left_us >= 1000:
        time.sleep_ms(left_us // 1000)


def marked(call, n, period_us):
    """`call` n times, one each period, between two marks. Garbage is collected between steps, never
    in one."""
    mark = _mark()
    due_us = time.ticks_us()
    gc.disable()
    for i in range(n):
        mark()
        call()
        mark()
        if i % _COLLECT_EVERY == 0:
            gc.collect()
        due_us = time.ticks_add(due_us, period_us)
        _wait(due_us)
    gc.enable()


def empty(n):
    """What `marked` puts around a call."""
    mark = _mark()
    for _ in range(n):
        mark()
        mark()


def allocated(call, n, period_us):
    """Bytes allocated in n calls."""
    gc.collect()
    gc.disable()
    due_us = time.ticks_us()
    before = gc.mem_alloc()
    for _ in range(n):
        call()
        due_us = time.ticks_add(due_us, period_us)
        _wait(due_us)
    after = gc.mem_alloc()
    gc.enable()
    return after - before
