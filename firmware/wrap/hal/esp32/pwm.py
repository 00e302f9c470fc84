"""One lamp's pin on an ESP32: LEDC through machine.PWM, and the GPIO that is its off.

Rules of the port that shape this (ports/esp32/machine_pwm.c): without a duty the constructor gives
50 %; a duty out of range raises; a duty is cut down to the timer's bits; channels of one frequency
share a timer; a channel that is used again may still hold its old duty, since a new one counts from
the end of a period, at times of the second (espressif/esp-idf#7288). So a pin is handed to LEDC
only when LEDC says that it gives nothing, and off never waits for LEDC: it is the pin itself.
"""

import time

import machine
from machine import PWM, Pin

from wrap.compat import const

_STEP = const(8)  # of duty_u16: 13 bits at least, up to 5 kHz from 80 MHz
_FULL = const(65535)


class Lamp:
    """pin: its number; route_at: address of the word that says what drives it."""

    def __init__(self, pin, route_at):
        self._pin = Pin(pin, Pin.OUT, value=0)
        self._route_at = route_at
        self._route = 0  # that word, while LEDC drives the pin
        self._pwm = None
        self._waits = False  # for LEDC to give nothing; the pin is low
        self._duty = 0
        self._low = self._high = 0  # LEDC gives something between these
        self._settle_ms = 0
        self._settled = 0

    def mode(self, hz):
        """Ready at duty 0, `hz` of 10 or more."""
        self.off()
        self._pwm = PWM(self._pin, freq=hz, duty_u16=0)
        self._route = machine.mem32[self._route_at]
        self._pin.init(Pin.OUT, value=0)
        self._waits = True
        self._duty = self._low = self._high = 0
        self._settle_ms = 2000 // hz + 2
        self._hand_over()

    def _hand_over(self):
        """The pin to LEDC, if that gives nothing."""
        if self._pwm.duty_u16() == 0:
            self._waits = False
            machine.mem32[self._route_at] = self._route
            if self._duty:
                self._set(0, self._duty)

    def write(self, duty):
        """0 to 65535. Raises ValueError before `mode`."""
        if self._pwm is None:
            raise ValueError("lamp_write before lamp_mode")
        was = self._duty
        self._duty = duty
        if not self._waits:
            self._set(was, duty)

    def _set(self, was, duty):
        now = time.ticks_ms()
        if self._low == self._high or time.ticks_diff(now, self._settled) >= 0:
            self._low = self._high = was
        self._low = min(self._low, duty)
        self._high = max(self._high, duty)
        if duty != was:
            self._settled = time.ticks_add(now, self._settle_ms)
        self._pwm.duty_u16(duty)

    def low(self):
        """Low now, and nothing else: for a timer that may come between any two lines here."""
        self._pin.init(Pin.OUT, value=0)

    def off(self):
        """Low now. LEDC is given back afterwards, with the pin out of its reach: `deinit` may leave
        it connected."""
        self.low()
        if self._pwm is not None:
            self._pwm.deinit()
            self._pwm = None
            self.low()

    def holds(self, now):
        """Whether pin and LEDC hold what was last written, at `now` (ticks_ms)."""
        if self._pwm is None:
            return self._pin.value() == 0
        if self._waits:
            held = self._pin.value() == 0
            self._hand_over()
            return held
        if machine.mem32[self._route_at] != self._route:
            return False
        if self._low != self._high and time.ticks_diff(now, self._settled) >= 0:
            self._low = self._high = self._duty
        gives = self._pwm.duty_u16()
        return self._low - _STEP < gives <= self._high
