"""ESP32, ESP32-S3 and ESP32-C3: the HAL contract on `machine` and `esp32`.

Parts: `pwm` (LEDC), `dead_man` (RMT on the enable), `adc` (converter and button), `port`, `flash`
and `chip`. docs/decisions/0017 says what this chip does not guarantee.
Needs MicroPython 1.27: before, RMT cannot be stopped, and before 1.26 LEDC gives no true 100 %. An
ESP32 needs ESP-IDF 5.5.2 as well (`chip.stops_rmt`).
"""

import gc
import time

import esp32
import machine
from machine import PWM, WDT, Pin, Timer

from wrap.build_info import CDC_NONBLOCKING
from wrap.compat import const, small
from wrap.hal.esp32 import chip
from wrap.hal.esp32.adc import made_inputs
from wrap.hal.esp32.dead_man import DeadMan
from wrap.hal.esp32.flash import open_flash
from wrap.hal.esp32.port import open_port
from wrap.hal.esp32.pwm import Lamp
from wrap.rules import limits

_LOOK_MS = const(40)
_TIMER = const(0)
_BLINK_HZ = const(10)  # LEDC's slowest with 13 bits from 80 MHz is 9.5 Hz
_BLINK_DUTY = const(8192)
_BUZZ_HZ = const(2700)  # where small piezo discs are loudest
_BUZZ_DUTY = const(32768)


class Esp32:
    """facts: the board's facts module."""

    def __init__(self, facts):
        if not hasattr(esp32.RMT, "active"):
            raise ValueError("an ESP32 needs MicroPython 1.27 or newer")
        if not chip.stops_rmt(facts.CHIP):  # H-59
            raise ValueError(
                "no light: this chip needs a MicroPython built with ESP-IDF 5.5.2 or newer (this"
                " one: %s), since before it the dead-man cannot be renewed"
                % (".".join([str(n) for n in chip.idf_version()]) or "unknown")
            )
        self._chip = facts.CHIP
        self._carrier = facts.CARRIER_HZ
        pins = [small(c[2]) for c in facts.CHANNELS]
        self._lamps = [Lamp(p, chip.route_at(self._chip, p)) for p in pins]
        self._deadman = DeadMan(facts.ENABLE_PIN, facts.ENABLE_BACK_PIN)
        self._enabled = False
        self._fell = False
        self._beat = 0
        self._life_ms = limits.DEADMAN_MS
        self._timer = None
        self._wdt = None
        self._sense = facts.SENSE_PIN
        if self._sense is not None:
            self._sense = Pin(facts.SENSE_PIN, Pin.IN, Pin.PULL_DOWN)
        self._led = Pin(facts.INDICATOR_PIN, Pin.OUT, value=0)
        self._buzzer = None
        buzzer = getattr(facts, "BUZZER_PIN", None)
        if buzzer is not None:  # now, so that it has its timer before lamps take theirs
            self._buzzer = PWM(Pin(buzzer, Pin.OUT, value=0), freq=_BUZZ_HZ, duty_u16=0)
        sensors = [s[2] for s in facts.SENSORS]
        self.inputs = made_inputs(sensors, facts.REFERENCE_PIN, facts.BUTTON_PIN, self._sense)
        port = open_port(facts.LINK, self._chip, CDC_NONBLOCKING)
        self.link_read = port.read
        self.link_write = port.write
        self.open_flash = open_flash
        self.ticks_ms = time.ticks_ms
        self.ticks_us = time.ticks_us
        self.ticks_diff = time.ticks_diff
        self.ticks_add = time.ticks_add
        self.collect = gc.collect
        self._used = gc.mem_alloc()
        self._total = self._used + gc.mem_free()

    def references(self):
        """0: these boards have no multiplexer."""
        return 0

    def wait_until(self, tick_ms):
        wait = time.ticks_diff(tick_ms, time.ticks_ms())
        if wait > 0:
            time.sleep_ms(wait)

    def lamp_mode(self, ch, hz):
        self._lamps[ch].mode(hz or self._carrier)

    def lamp_write(self, ch, duty_u16):
        self._lamps[ch].write(min(65535, max(0, duty_u16)))

    def lamp_off(self, ch):
        self._lamps[ch].off()

    def verify_and_feed(self):
        now = time.ticks_ms()
        if self._fell or self._deadman.high() != self._enabled:
            return False
        for lamp in self._lamps:
            if not lamp.holds(now):
                return False
        if self._enabled:
            self._deadman.feed(time.ticks_diff(now, self._beat))
            self._beat = now
            self._life_ms = limits.DEADMAN_MS
        if self._wdt is not None:
            self._wdt.feed()
        return True

    def enable_dropped(self):
        return self._fell or (self._enabled and not self._deadman.high())

    def enable(self, on):
        if on == self._enabled or (on and self._fell):
            return
        if on:
            self._beat = time.ticks_ms()
            self._life_ms = limits.DEADMAN_MS
            self._deadman.arm()
            self._timer = Timer(_TIMER, period=_LOOK_MS, mode=Timer.PERIODIC, callback=self._look)
        else:
            self._drop()
        self._enabled = on

    def _drop(self):
        self._deadman.drop()
        if self._timer is not None:
            self._timer.deinit()
            self._timer = None

    def _look(self, _timer):
        """A timer's look at the heartbeat, for a hang in Python: touches nothing but the pins."""
        late = time.ticks_diff(time.ticks_ms(), self._beat)
        life_ms = self._life_ms
        if late > (limits.HEARTBEAT_MS if life_ms == limits.DEADMAN_MS else life_ms):
            self._fell = True
            self._deadman.drop()
            for lamp in self._lamps:
                lamp.low()

    def dark(self):
        for lamp in self._lamps:
            lamp.low()  # all of them before anything that might raise
        self._drop()
        self._enabled = self._fell = False
        for lamp in self._lamps:
            lamp.off()

    def sense(self):
        return -1 if self._sense is None else self._sense.value()

    def indicate(self, on):
        self._led.value(on)

    def buzz(self, on):
        if self._buzzer is not None:
            self._buzzer.duty_u16(_BUZZ_DUTY if on else 0)

    def service_blink(self):
        PWM(self._led, freq=_BLINK_HZ, duty_u16=_BLINK_DUTY)

    def watchdog_start(self, ms):
        if self._wdt is None:
            self._wdt = WDT(timeout=ms)

    def flash_ahead(self):
        if self._enabled and self._deadman.high():
            self._beat = time.ticks_ms()
            self._life_ms = limits.DEADMAN_FLASH_MS
            self._deadman.flash_ahead()

    def program_claim(self):
        """None: the bootloader compares the program with its SHA-256 at every start."""
        return

    def program_crc(self, at, n, words):
        """Never called: there is no claim."""
        raise OSError("no claim")

    def memory_fault(self):
        return -1

    def reset_cause(self):
        return chip.reset_cause(self._chip)

    def reset(self):
        self.dark()
        chip.mark_reset()
        machine.reset()

    def uid(self):
        return "".join(["%02x" % b for b in machine.unique_id()])

    def heap(self):
        if not self._enabled:  # a walk through the whole heap
            self._used = gc.mem_alloc()
        return self._used, self._total - self._used

    def allocated(self):
        return 0  # not known without a walk through the heap
