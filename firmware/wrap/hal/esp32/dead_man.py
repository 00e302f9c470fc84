"""The enable pin under RMT: it falls by itself when nobody has verified a step.

RMT, made for remote controls, sends a wave that it was given and then rests low, without the CPU,
interrupts or Python. The wave is one long high. It cannot be made longer under way, so it is
stopped and sent anew, 20 times a second; the enable is low for some 50 us meanwhile, which the
capacitor at the switch's gate bridges (docs/build-a-wrap.md).

RMT switches the pin's own input off and its pull-up on (ESP-IDF, rmt_tx.c), so a second pin is
wired to the enable and reads it back, and taking the pin back sets the pull-down again. ESP-IDF
before 5.5.2 cannot stop a wave of an ESP32 (espressif/esp-idf#17692): the HAL refuses it.
"""

import esp32
from machine import Pin

from wrap.compat import const

_HZ = const(320000)  # 80 MHz / 250; a pulse has 15 bits of it, 102 ms
_LIFE_MS = const(150)  # limits.DEADMAN_MS; tests compare
_LIFE = (24000, 24000)
_FLASH = (23200, 23200, 23200, 23200)  # 290 ms
_HIGH = {2: (1, 1), 4: (1, 1, 1, 1)}
_RENEW_MS = const(50)  # then what is left of a life is 100 ms or more


class DeadMan:
    """pin: number of the enable pin; back: of the one that reads it back."""

    def __init__(self, pin, back):
        self._pin = Pin(pin, Pin.OUT, Pin.PULL_DOWN, value=0)
        self._back = Pin(back, Pin.IN, Pin.PULL_DOWN)
        self._rmt = None
        self._age = _RENEW_MS  # ms since the wave began, as far as `feed` is told

    def arm(self):
        """Hand the pin to RMT, high for a life from now."""
        self._rmt = esp32.RMT(0, pin=self._pin, resolution_hz=_HZ)
        self._send(_LIFE)

    def _send(self, wave):
        self._rmt.active(False)
        self._rmt.write_pulses(wave, _HIGH[len(wave)])
        self._age = 0

    def feed(self, ms):
        """`ms` have passed since the last call; a life of 100 to 150 ms from now. Only while
        `high`: what has expired stays so."""
        self._age += ms
        if self._age >= _RENEW_MS:
            self._send(_LIFE)

    def flash_ahead(self):
        """290 ms from now; the next `feed` makes it a life again."""
        self._send(_FLASH)
        self._age = _RENEW_MS

    def high(self):
        """The enable's level."""
        return self._back.value() == 1

    def drop(self):
        """Low, now."""
        self._pin.init(Pin.OUT, Pin.PULL_DOWN, value=0)
        if self._rmt is not None:
            self._rmt.deinit()
            self._rmt = None
            self._pin.init(Pin.OUT, Pin.PULL_DOWN, value=0)
