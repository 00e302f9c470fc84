"""Dead-man: the RMT peripheral holds the enable pin high, and drops it when no step was verified in
time.

RMT, made for remote controls, sends a wave and then stays low, without CPU, interrupts or Python.
The wave is one long high level. A running wave cannot be extended, so it is stopped and sent again
20 times a second. The enable is low for about 50 us meanwhile, which the capacitor at the gate of
the switch bridges (docs/build-a-wrap.md).

RMT disables the pin's input and enables its pull-up (ESP-IDF, rmt_tx.c). So a second pin, wired to
the enable, reads it back, and `drop` sets the pull-down again. ESP-IDF before 5.5.2 cannot stop a
wave of an ESP32 (espressif/esp-idf#17692): the HAL refuses to start with it.
"""

import esp32
from machine import Pin

from wrap.compat import const

_HZ = const(320000)  # 80 MHz / 250; a pulse has 15 bits: at most 102 ms
_LIFE_MS = const(150)  # limits.DEADMAN_MS; tests compare
_LIFE = (24000, 24000)
_FLASH = (23200, 23200, 23200, 23200)  # 290 ms, for a flash write
_HIGH = {2: (1, 1), 4: (1, 1, 1, 1)}  # levels of a wave, by its number of pulses
_RENEW_MS = const(50)  # a wave is sent again with 100 ms or more left


class DeadMan:
    """Holds the enable high for a limited time. pin: number of the enable pin; back: number of the
    pin that reads it back."""

    def __init__(self, pin: int, back: int) -> None:
        self._pin = Pin(pin, Pin.OUT, Pin.PULL_DOWN, value=0)
        self._back = Pin(back, Pin.IN, Pin.PULL_DOWN)
        self._rmt = None
        self._age = _RENEW_MS  # ms since the wave began, summed up by `feed`

    def arm(self) -> None:
        """Connect the pin to RMT, high for 150 ms from now."""
        self._rmt = esp32.RMT(0, pin=self._pin, resolution_hz=_HZ)
        self._send_wave(_LIFE)

    def _send_wave(self, wave: tuple) -> None:
        self._rmt.active(False)
        self._rmt.write_pulses(wave, _HIGH[len(wave)])
        self._age = 0

    def feed(self, ms: int) -> None:
        """Extend the time to 100..150 ms from now. ms: time since the last call. Call it only while
        `high`: an expired enable must stay low."""
        self._age += ms
        if self._age >= _RENEW_MS:
            self._send_wave(_LIFE)

    def flash_ahead(self) -> None:
        """Extend the time to 290 ms from now. The next `feed` returns to 150 ms."""
        self._send_wave(_FLASH)
        self._age = _RENEW_MS

    def high(self) -> bool:
        """Return whether the enable is high."""
        return self._back.value() == 1

    def drop(self) -> None:
        """Drive the pin low now."""
        self._pin.init(Pin.OUT, Pin.PULL_DOWN, value=0)
        if self._rmt is not None:
            self._rmt.deinit()
            self._rmt = None
            self._pin.init(Pin.OUT, Pin.PULL_DOWN, value=0)
