"""The HAL contract on an ESP32, ESP32-S3 or ESP32-C3.

Parts: `pwm` (LEDC), `dead_man` (RMT on the enable), `adc` (converter and button), `port`, `flash`
and `chip`. docs/decisions/0017 lists what these chips do not guarantee.

Needs the MicroPython that `wrap.version` states.
"""

import os
import sys
import time

import esp
import machine
from machine import PWM, WDT, Pin, Timer

from wrap.build_info import CDC_NONBLOCKING
from wrap.compat import const, small_int
from wrap.hal import entropy, list_outputs
from wrap.hal.esp32 import chip
from wrap.hal.esp32.adc import make_inputs
from wrap.hal.esp32.dead_man import DeadMan
from wrap.hal.esp32.flash import open_flash
from wrap.hal.esp32.heap import Heap
from wrap.hal.esp32.port import open_port
from wrap.hal.esp32.pwm import Lamp
from wrap.rules import limits
from wrap.version import OLDEST_MICROPYTHON

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from array import array
    from typing import Protocol

    from wrap.hal.contract import BoardFacts

    class Esp32Facts(BoardFacts, Protocol):
        """States what a board with an ESP32 has as well."""

        @property
        def ENABLE_BACK_PIN(self) -> int: ...
        @property
        def REFERENCE_PIN(self) -> int: ...
        @property
        def LINK(self) -> str: ...


_CHECK_MS = const(40)  # period of the timer that checks the heartbeat
_TIMER = const(0)
_BLINK_HZ = const(10)  # the slowest of LEDC with 13 bits from 80 MHz is 9.5 Hz
_BLINK_DUTY = const(8192)
_BUZZ_HZ = const(2700)  # small piezo discs are loudest here
_BUZZ_DUTY = const(32768)


class Esp32:
    """Implements `wrap.hal.contract.Hal`. Raises ValueError for a chip or a MicroPython without
    what it needs. facts: the board's facts module."""

    def __init__(self, facts: "Esp32Facts") -> None:
        oldest = OLDEST_MICROPYTHON[facts.CHIP]
        if sys.implementation.version[:2] < oldest:
            raise ValueError("this chip needs MicroPython %d.%d or newer" % oldest)
        # ESP-IDF logs errors onto the console, for example one at each conversion of a chip without
        # calibration, and the console of a board with a bridge is the link. osdebug(None) would not
        # silence it: it sets the level of the start, which is errors (ports/esp32/modesp.c).
        esp.osdebug(0, esp.LOG_NONE)
        self._chip = facts.CHIP
        self._carrier = facts.CARRIER_HZ
        pins = [small_int(c[2]) for c in list_outputs(facts)]
        self._lamps = [Lamp(p, chip.route_at(self._chip, p)) for p in pins]
        self._deadman = DeadMan(facts.ENABLE_PIN, facts.ENABLE_BACK_PIN, self._chip)
        self._enabled = False
        self._dropped = False
        self._beat = 0
        self._life_ms = limits.DEADMAN_MS
        self._timer = None
        self._wdt = None
        self._sense = None
        if facts.SENSE_PIN is not None:
            self._sense = Pin(facts.SENSE_PIN, Pin.IN, Pin.PULL_DOWN)
        self._led = Pin(facts.INDICATOR_PIN, Pin.OUT, value=0)
        self._buzzer = None
        buzzer = getattr(facts, "BUZZER_PIN", None)
        if buzzer is not None:  # now: it needs a timer before the lamps take theirs
            self._buzzer = PWM(Pin(buzzer, Pin.OUT, value=0), freq=_BUZZ_HZ, duty_u16=0)
        sensors = [s[2] for s in facts.SENSORS]
        self.inputs = make_inputs(sensors, facts.REFERENCE_PIN, facts.BUTTON_PIN, self._sense)
        port = open_port(facts.LINK, self._chip, CDC_NONBLOCKING)
        self.link_read = port.read
        self.link_write = port.write
        self.open_flash = open_flash
        self.ticks_ms = time.ticks_ms
        self.ticks_us = time.ticks_us
        self.ticks_diff = time.ticks_diff
        self.ticks_add = time.ticks_add
        self._heap = Heap()
        self.collect = self._heap.collect
        self.allocated = self._heap.allocated

    def references(self) -> int:
        """Return 0: these boards have no multiplexer."""
        return 0

    def wait_until(self, tick_ms: int) -> None:
        wait = time.ticks_diff(tick_ms, time.ticks_ms())
        if wait > 0:
            time.sleep_ms(wait)

    def lamp_mode(self, ch: int, hz: int) -> None:
        self._lamps[ch].mode(hz or self._carrier)

    def lamp_write(self, ch: int, duty_u16: int) -> None:
        self._lamps[ch].write(min(65535, max(0, duty_u16)))

    def lamp_off(self, ch: int) -> None:
        self._lamps[ch].off()

    def verify_and_feed(self) -> bool:
        now = time.ticks_ms()
        if self._dropped or self._deadman.high() != self._enabled:
            return False
        for lamp in self._lamps:
            if not lamp.holds(now):  # type: ignore - the stubs: ticks are not integers
                return False
        if self._enabled:
            self._beat = now
            self._life_ms = limits.DEADMAN_MS
            self._deadman.feed(now)  # type: ignore - the stubs: ticks are not integers
        if self._wdt is not None:
            self._wdt.feed()
        return True

    def enable_dropped(self) -> bool:
        return self._dropped or (self._enabled and not self._deadman.high())

    def enable(self, on: bool) -> None:
        if on == self._enabled or (on and self._dropped):
            return
        if on:
            self._beat = time.ticks_ms()
            self._life_ms = limits.DEADMAN_MS
            self._deadman.arm()
            self._timer = Timer(
                _TIMER, period=_CHECK_MS, mode=Timer.PERIODIC, callback=self._check_heartbeat
            )
        else:
            self._drop_enable()
        self._enabled = on

    def _drop_enable(self) -> None:
        self._deadman.drop()
        if self._timer is not None:
            self._timer.deinit()
            self._timer = None

    def _check_heartbeat(self, _timer: Timer) -> None:
        """Drop the enable and all lamps when no step was verified in time: Python hangs. Called by
        a timer between any two bytecodes, so it touches the pins only."""
        late = time.ticks_diff(time.ticks_ms(), self._beat)
        life_ms = self._life_ms
        if late > (limits.HEARTBEAT_MS if life_ms == limits.DEADMAN_MS else life_ms):
            self._dropped = True
            self._deadman.drop()
            for lamp in self._lamps:
                lamp.low()

    def dark(self) -> None:
        for lamp in self._lamps:
            lamp.low()  # all lamps before anything that may raise
        self._drop_enable()
        self._enabled = self._dropped = False
        for lamp in self._lamps:
            lamp.off()

    def sense(self) -> int:
        return -1 if self._sense is None else self._sense.value()

    def indicate(self, on: bool) -> None:
        self._led.value(on)

    def buzz(self, on: bool) -> None:
        if self._buzzer is not None:
            self._buzzer.duty_u16(_BUZZ_DUTY if on else 0)

    def service_blink(self) -> None:
        PWM(self._led, freq=_BLINK_HZ, duty_u16=_BLINK_DUTY)

    def watchdog_start(self, ms: int) -> None:
        if self._wdt is None:
            self._wdt = WDT(timeout=ms)

    def flash_ahead(self) -> None:
        if self._enabled and self._deadman.high():
            self._beat = time.ticks_ms()
            self._life_ms = limits.DEADMAN_FLASH_MS
            self._deadman.flash_ahead()

    def program_claim(self) -> None:
        """Return None: the bootloader compares the program with its SHA-256 at every start."""
        return

    def program_crc(self, at: int, n: int, words: "array[int]") -> None:
        """Raise OSError: without a claim it is never called."""
        raise OSError("no claim")

    def memory_fault(self) -> int:
        return -1

    def reset_cause(self) -> str:
        return chip.reset_cause(self._chip)

    def reset(self) -> None:
        self.dark()
        chip.mark_reset()
        machine.reset()

    def uid(self) -> str:
        return "".join(["%02x" % b for b in machine.unique_id()])

    def draw_random(self) -> "bytes | None":
        # ESP-IDF, "Random Number Generation": true random while a radio is on or the SAR ADC's
        # noise is mixed in, pseudo-random otherwise. The host's bytes are joined with these.
        return entropy.draw(os.urandom)

    def heap(self) -> "tuple[int, int]":
        heap = self._heap
        if not self._enabled:
            heap.measure()
        return heap.used, heap.free
