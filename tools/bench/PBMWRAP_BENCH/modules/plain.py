"""One control step as a good maker writes it in MicroPython: floats, the Beta formula, `machine`'s
own classes. Measured beside the wrap's (tools/bench/peers.py), not used by it."""

import math
import time

import bench_rig
from machine import Pin

import board_facts

_SAMPLES = 6
_FULL = _SAMPLES * 65535
_SHORT = _FULL // 50
_DEADMAN_MS = 150
_CAP_MJ = 60000.0


class Sensor:
    """An NTC to ground with its pull-up; too hot when 3 of 4 readings are over `limit_c`.
    lines: the multiplexer's select lines and their levels."""

    def __init__(self, adc, limit_c, lines):
        self.read_u16, self.limit_c, self.lines = adc.read_u16, limit_c, lines
        self.celsius, self.max_c = 0.0, -273.15
        self.over, self.at = [0, 0, 0, 0], 0

    def read(self):
        """Take a reading; return a fault's name or None."""
        for pin, level in self.lines:
            pin.value(level)
        total = 0
        for _ in range(_SAMPLES):
            total += self.read_u16()
        if total < _SHORT or total > _FULL - _SHORT:
            return "sensor"
        ratio = board_facts.PULLUP_OHM / board_facts.NTC_R25_OHM * total / (_FULL - total)
        celsius = 1 / (1 / 298.15 + math.log(ratio) / board_facts.NTC_BETA_K) - 273.15
        self.celsius = celsius
        self.max_c = max(self.max_c, celsius)
        self.over[self.at] = celsius >= self.limit_c
        self.at = (self.at + 1) & 3
        if celsius >= self.limit_c + 4 or sum(self.over) >= 3:
            return "hot"
        return "cold" if celsius < 5 else None


class Wrap:
    """A session that runs at its level."""

    def __init__(self):
        self.duties = [65535 * permille // 1000 for permille in bench_rig.PERMILLE]
        self.lamps, converters, self.deadman, self.watchdog = bench_rig.light_lamps(self.duties)
        self.enable_pin = Pin(board_facts.ENABLE_PIN)
        self.mj = [c[4] / 1000 / 65535 for c in board_facts.CHANNELS]  # in a second, a count
        self.dose_mj = [0.0, 0.0]
        self.sensors = []
        for adc, facts in zip(converters, board_facts.SENSORS):
            pins = enumerate(board_facts.MUX_PINS)
            lines = [(Pin(p), facts[4] >> i & 1) for i, p in pins if facts[4]]
            self.sensors.append(Sensor(adc, 41.0 if facts[1] == "skin" else 60.0, lines))
        self.running, self.active_s, self.then_us = True, 0.0, time.ticks_us()

    def step(self):
        """Dose, sensors, session, read-back, dead-man, watchdog."""
        now_us = time.ticks_us()
        seconds = time.ticks_diff(now_us, self.then_us) / 1000000
        self.then_us = now_us
        for i in range(len(self.lamps)):
            self.dose_mj[i] += self.duties[i] * self.mj[i] * seconds
        for sensor in self.sensors:
            if sensor.read():
                self.running = False
        self.active_s += seconds
        ended = self.active_s >= bench_rig.SESSION_MS / 1000 or sum(self.dose_mj) >= _CAP_MJ
        if self.running and not ended and seconds <= 0.3 and self.verified():
            self.deadman.feed(_DEADMAN_MS)
            self.watchdog.feed()
        else:
            self.running = False

    def verified(self):
        """Whether lamps and enable are as they were when the session began."""
        for lamp, duty in zip(self.lamps, self.duties):
            if abs(lamp.duty_u16() - duty) > 1:
                return False
        return self.enable_pin.value() == 1
