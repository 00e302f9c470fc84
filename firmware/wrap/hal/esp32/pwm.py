"""One lamp's pin on an ESP32: LEDC through machine.PWM, and the GPIO for off.

Rules of the port that shape it (ports/esp32/machine_pwm.c): without a duty the constructor outputs
50 %; a duty out of range raises; a duty is truncated to the timer's bits; channels of one frequency
share a timer; a channel that is used again may still have its old duty, since a new one takes
effect at the end of a period, at times of the second one (espressif/esp-idf#7288). So the pin is
connected to LEDC only when LEDC reports duty 0, and off never waits for LEDC: it is the pin itself.
"""

import time

import machine
from machine import PWM, Pin

from wrap.compat import const

_STEP = const(8)  # resolution of duty_u16: at least 13 bits, up to 5 kHz from 80 MHz


class Lamp:
    """Drives one lamp's pin. pin: its number; route_at: see `chip.route_at`."""

    def __init__(self, pin: int, route_at: int) -> None:
        self._pin = Pin(pin, Pin.OUT, value=0)
        self._route_at = route_at
        self._route = 0  # the word at route_at while LEDC drives the pin
        self._pwm = None
        self._waits = False  # the pin is low until LEDC reports duty 0
        self._duty = 0
        self._low = self._high = 0  # bounds of the duty that LEDC may report
        self._settle_ms = 0
        self._settled = 0

    def mode(self, hz: int) -> None:
        """Prepare the lamp at duty 0. hz: 10 or more."""
        self.off()
        self._pwm = PWM(self._pin, freq=hz, duty_u16=0)
        self._route = machine.mem32[self._route_at]
        self._pin.init(Pin.OUT, value=0)
        self._waits = True
        self._duty = self._low = self._high = 0
        self._settle_ms = 2000 // hz + 2
        self._connect_pin()

    def _connect_pin(self) -> None:
        """Connect the pin to LEDC if LEDC reports duty 0."""
        if self._pwm.duty_u16() == 0:
            self._waits = False
            machine.mem32[self._route_at] = self._route
            if self._duty:
                self._set_duty(0, self._duty)

    def write(self, duty: int) -> None:
        """Set a duty of 0..65535. Raises ValueError before `mode`."""
        if self._pwm is None:
            raise ValueError("lamp_write before lamp_mode")
        was = self._duty
        self._duty = duty
        if not self._waits:
            self._set_duty(was, duty)

    def _set_duty(self, was: int, duty: int) -> None:
        """Write `duty` to LEDC. Until it is settled, LEDC may report any duty since `was`."""
        now = time.ticks_ms()
        if self._low == self._high or time.ticks_diff(now, self._settled) >= 0:
            self._low = self._high = was
        self._low = min(self._low, duty)
        self._high = max(self._high, duty)
        if duty != was:
            self._settled = time.ticks_add(now, self._settle_ms)
        self._pwm.duty_u16(duty)

    def low(self) -> None:
        """Drive the pin low now, and nothing else: a timer may call it between any two lines
        here."""
        self._pin.init(Pin.OUT, value=0)

    def off(self) -> None:
        """Drive the pin low now, then release LEDC. The pin is disconnected again afterwards:
        `deinit` may leave it connected."""
        self.low()
        if self._pwm is not None:
            self._pwm.deinit()
            self._pwm = None
            self.low()

    def holds(self, now: int) -> bool:
        """Return whether pin and LEDC hold what was last written. now: ticks_ms."""
        if self._pwm is None:
            return self._pin.value() == 0
        if self._waits:
            held = self._pin.value() == 0
            self._connect_pin()
            return held
        if machine.mem32[self._route_at] != self._route:
            return False
        if self._low != self._high and time.ticks_diff(now, self._settled) >= 0:
            self._low = self._high = self._duty
        duty = self._pwm.duty_u16()
        return self._low - _STEP < duty <= self._high
