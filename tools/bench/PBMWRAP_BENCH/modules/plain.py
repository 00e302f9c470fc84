"""One step of a light-therapy wrap as a good maker writes it in MicroPython: floats, the Beta
formula, `machine`'s own classes. A peer for measurements; the wrap does not use it."""

import math
import time

import bench_rig
from machine import Pin

import board_facts

FAULT = "fault"
RAMP_UP = "ramp-up"
RUNNING = "running"
DONE = "done"

_KELVIN = 273.15
_PER_T25 = 1.0 / 298.15
_PER_BETA = 1.0 / board_facts.NTC_BETA_K
_PULLUP = board_facts.PULLUP_OHM / board_facts.NTC_R25_OHM
_SAMPLES = 6
_FULL = _SAMPLES * 65535
_SHORT = _FULL // 50
_OPEN = _FULL - _SHORT
_GROSS_K = 4.0
_COLDEST_C = 5.0
_DERATE_FROM_C = 39.0
_DERATE_TO_C = 40.5
_LATE_S = 0.3
_DEADMAN_MS = 150
_CAP_MJ = 60000.0


class Sensor:
    """An NTC to ground with its pull-up; too hot when 3 of 4 readings are over `limit_c`.

    lines: the multiplexer's select lines and their levels."""

    def __init__(self, adc, limit_c, lines):
        self.read_u16 = adc.read_u16
        self.limit_c = limit_c
        self.lines = lines
        self.celsius = 0.0
        self.max_c = -_KELVIN
        self.over = [0, 0, 0, 0]
        self.at = 0

    def read(self):
        """Take a reading. Returns a fault's name or None."""
        for pin, level in self.lines:
            pin.value(level)
        read_u16 = self.read_u16
        total = 0
        for _ in range(_SAMPLES):
            total += read_u16()
        if total < _SHORT:
            return "short"
        if total > _OPEN:
            return "open"
        celsius = (
            1.0 / (_PER_T25 + math.log(_PULLUP * total / (_FULL - total)) * _PER_BETA) - _KELVIN
        )
        self.celsius = celsius
        if celsius > self.max_c:
            self.max_c = celsius
        over = celsius >= self.limit_c
        self.over[self.at] = over
        self.at = (self.at + 1) & 3
        if over and celsius >= self.limit_c + _GROSS_K:
            return "gross"
        if over and sum(self.over) >= 3:
            return "hot"
        if celsius < _COLDEST_C:
            return "cold"
        return None


class Lamp:
    """A channel on PWM with its dose. uw: irradiance at full duty, uW/cm2."""

    def __init__(self, pwm, permille, uw):
        self.pwm = pwm
        self.full = 65535 * permille // 1000
        self.mj = uw / 1000 / 65535  # in a second, for each count of the duty
        self.duty = 0
        self.dose_mj = 0.0

    def meter(self, seconds):
        """Book the light of the time just gone."""
        self.dose_mj += self.duty * self.mj * seconds

    def write(self, share):
        """Put the lamp to a share of its level, 0..1."""
        duty = int(self.full * share)
        if duty != self.duty:
            self.duty = duty
            self.pwm.duty_u16(duty)

    def holds(self):
        """Whether PWM has what was written, to a count."""
        return abs(self.pwm.duty_u16() - self.duty) <= 1


class Wrap:
    """A session that runs, a step at a time."""

    def __init__(self, lamps, sensors, enable_pin, deadman, watchdog, ramp_s, total_s):
        self.lamps = lamps
        self.sensors = sensors
        self.enable_pin = enable_pin
        self.deadman = deadman
        self.watchdog = watchdog
        self.ramp_s = ramp_s
        self.total_s = total_s
        self.state = RAMP_UP
        self.fault = None
        self.fade = 0.0
        self.active_s = 0.0
        self.then_us = time.ticks_us()

    def step(self):
        """Dose, sensors, session, lamps, verify, watchdog."""
        now_us = time.ticks_us()
        seconds = time.ticks_diff(now_us, self.then_us) / 1000000
        self.then_us = now_us
        for lamp in self.lamps:
            lamp.meter(seconds)
        for sensor in self.sensors:
            fault = sensor.read()
            if fault:
                self.fault = fault
        if seconds > _LATE_S:
            self.fault = "late"
        self.advance(seconds)
        if self.fault or self.state == DONE:
            self.dark()
            return
        share = self.fade * self.derating()
        for lamp in self.lamps:
            lamp.write(share)
        if self.verified():
            self.deadman.feed(_DEADMAN_MS)
            self.watchdog.feed()
        else:
            self.fault = "readback"
            self.dark()

    def advance(self, seconds):
        """Session clock, ramp and ends."""
        if self.state == RAMP_UP:
            self.fade += seconds / self.ramp_s
            if self.fade >= 1.0:
                self.fade = 1.0
                self.state = RUNNING
        self.active_s += seconds
        dose_mj = 0.0
        for lamp in self.lamps:
            dose_mj += lamp.dose_mj
        if self.active_s >= self.total_s or dose_mj >= _CAP_MJ:
            self.state = DONE

    def derating(self):
        """Share of the light that the skin's temperature allows."""
        skin_c = max([s.celsius for s in self.sensors[:-1]])
        if skin_c <= _DERATE_FROM_C:
            return 1.0
        return max(0.0, (_DERATE_TO_C - skin_c) / (_DERATE_TO_C - _DERATE_FROM_C))

    def verified(self):
        """Whether lamps and enable are as they were written."""
        for lamp in self.lamps:
            if not lamp.holds():
                return False
        return self.enable_pin.value() == 1

    def dark(self):
        """Everything off."""
        self.deadman.drop()
        for lamp in self.lamps:
            lamp.pwm.duty_u16(0)
        if self.fault:
            self.state = FAULT


def begin():
    """A session of the figures that all peers get, its enable up."""
    rows = zip(bench_rig.lamps(), bench_rig.PERMILLE, bench_rig.irradiance())
    lamps = [Lamp(pwm, permille, uw) for pwm, permille, uw in rows]
    sensors = []
    for adc, facts in zip(bench_rig.converters(), board_facts.SENSORS):
        lines = [
            (Pin(p), facts[4] >> i & 1) for i, p in enumerate(board_facts.MUX_PINS) if facts[4]
        ]
        sensors.append(Sensor(adc, 41.0 if facts[1] == "skin" else 60.0, lines))
    ramp_s, total_s = bench_rig.RAMP_MS / 1000, bench_rig.SESSION_MS / 1000
    watchdog = bench_rig.watchdog()
    deadman = bench_rig.enable()
    return Wrap(lamps, sensors, bench_rig.enable_pin(), deadman, watchdog, ramp_s, total_s)
