"""Dead-man: the RMT peripheral holds the enable pin high, and drops it when no step was verified in
time.

RMT, made for remote controls, sends a wave and then stays low, without CPU, interrupts or Python.
The wave is one long high level. It cannot be extended, and on an ESP32 it cannot be stopped either:
rmt_tx_disable() of ESP-IDF waits for its end with interrupts off (rmt_tx.c,
espressif/esp-idf#17692). So a running wave is left alone. 20 times a second another channel of RMT
begins a wave of its own, and one word of the GPIO matrix connects the pin to it: both are high at
that moment. The channel before runs out unseen. S3 and C3 have few channels but can stop a wave at
once, which is done only to a channel that does not drive the pin.

RMT's driver may disable the pin's input and enable its pull-up (ESP-IDF, rmt_tx.c). So a second
pin, wired to the enable, reads it back, and the pull-down is set again.
"""

import time

import esp32
import machine
from machine import Pin

from wrap.compat import const
from wrap.hal.esp32 import chip

_HZ = const(320000)  # 80 MHz / 250; a pulse has 15 bits: at most 102 ms
_LIFE_MS = const(150)  # limits.DEADMAN_MS; tests compare
_LIFE = (24000, 24000)
_FLASH_MS = const(270)  # for a flash write; below the 300 of `_make_channels`
_FLASH = (21600, 21600, 21600, 21600)
_HIGH = {2: (1, 1), 4: (1, 1, 1, 1)}  # levels of a wave, by its number of pulses
_RENEW_MS = const(50)  # another wave begins with 100 ms or more left
_REST_MS = const(5)  # after its end a wave counts as running for so long: its interrupt may be late

# (pin, waves): kept for another HAL on the same pin, since a chip has only so many channels.
_made: "list" = []


class Wave:
    """A channel of RMT. rmt: the object; route: the word that connects the pin to it."""

    def __init__(self, rmt: esp32.RMT, route: int) -> None:
        self.rmt = rmt
        self.route = route
        self.begun = 0  # ticks_ms
        self.ms = 0  # length of the last wave; 0: none

    def left_ms(self, now: int) -> int:
        """Return how long the last wave still runs, in ms; 0 where it has ended. now: ticks_ms."""
        if self.ms:
            left = self.ms - time.ticks_diff(now, self.begun)
            if -_REST_MS < left <= self.ms:  # more: `begun` is days ago, and ticks have wrapped
                return max(1, left)
            self.ms = 0
        return 0


def _make_channels(pin: int, route_at: int, n: int) -> "list[Wave]":
    """Return `n` channels of RMT on `pin`. They are never given back: deinit() stops a wave. A soft
    reset does it, and on an ESP32 it then waits for up to _FLASH_MS with interrupts off, which
    must stay below the 300 of the interrupt watchdog."""
    for made_pin, made in _made:
        if made_pin == pin:
            return made
    waves = []
    for _ in range(n):
        rmt = esp32.RMT(0, pin=Pin(pin), resolution_hz=_HZ)
        waves.append(Wave(rmt, machine.mem32[route_at]))
    _made.append((pin, waves))
    return waves


class DeadMan:
    """Holds the enable high for a limited time. pin: number of the enable pin; back: number of the
    pin that reads it back; name: the chip's name."""

    def __init__(self, pin: int, back: int, name: str) -> None:
        self._route_at = chip.route_at(name, pin)
        self._stops = chip.stops_rmt(name)
        self._waves = _make_channels(pin, self._route_at, chip.rmt_channels(name))
        self._pin = Pin(pin, Pin.OUT, Pin.PULL_DOWN, value=0)
        self._back = Pin(back, Pin.IN, Pin.PULL_DOWN)
        self._driving = self._waves[0]
        self._armed = False
        self._renew = True  # the next `feed` begins another wave

    def arm(self) -> None:
        """Connect the pin to RMT, high for 100..150 ms from now."""
        self._armed = True
        self._renew = True
        self.feed(time.ticks_ms())  # type: ignore - the stubs: ticks are not integers

    def _find_resting(self, now: int) -> "Wave | None":
        """Return a channel that does not drive the pin and sends nothing; None where all send."""
        for wave in self._waves:
            if wave is self._driving:
                continue
            if wave.left_ms(now) == 0:
                return wave
            if self._stops:  # H-59
                wave.rmt.active(False)
                return wave
        return None

    def _find_young(self, now: int) -> "Wave | None":
        """Return a channel with 100 ms or more left of 150, or None. It is taken again, so that no
        more than one such wave begins in 50 ms and the channels suffice."""
        for wave in self._waves:
            if wave.ms == _LIFE_MS and wave.left_ms(now) > _LIFE_MS - _RENEW_MS:
                return wave
        return None

    def _find_long(self, now: int) -> "Wave | None":
        """Return the channel whose wave for a flash write still runs, or None."""
        for wave in self._waves:
            if wave.ms == _FLASH_MS and wave.left_ms(now):
                return wave
        return None

    def _send(self, wave: Wave, pulses: tuple, ms: int, now: int) -> None:
        """Begin a wave on a channel that rests, and connect the pin to it. now: ticks_ms."""
        wave.begun = now
        wave.ms = ms
        wave.rmt.write_pulses(pulses, _HIGH[len(pulses)])
        self._connect(wave)

    def _connect(self, wave: Wave) -> None:
        """Connect the pin, unless a timer dropped the enable meanwhile."""
        self._driving = wave
        if self._armed:
            machine.mem32[self._route_at] = wave.route
        if not self._armed:
            self.drop()

    def feed(self, now: int) -> None:
        """Extend the time to 100..150 ms from now. now: ticks_ms. Call it in each verified step,
        and only while `high`: an expired enable must stay low. Takes the time of a few lines, and
        of one call of RMT 20 times a second."""
        if self._renew or time.ticks_diff(now, self._driving.begun) >= _RENEW_MS:
            wave = self._find_young(now)
            if wave is not None:
                self._connect(wave)
                self._renew = False
                return
            wave = self._find_resting(now)
            if wave is not None:  # else in the next step
                self._send(wave, _LIFE, _LIFE_MS, now)
                self._renew = False

    def flash_ahead(self) -> None:
        """Extend the time to 270 ms from now. The next `feed` returns to 150 ms. On an ESP32 one
        long wave runs at a time, so that `feed` finds a channel: a write soon after another gets
        what is left of that one's, or the 100 ms or more that the enable has anyway."""
        now: int = time.ticks_ms()  # type: ignore - the stubs: ticks are not integers
        wave = None if self._stops else self._find_long(now)
        if wave is None:
            wave = self._find_resting(now)
            if wave is not None:
                self._send(wave, _FLASH, _FLASH_MS, now)
                self._renew = True
        elif wave.left_ms(now) > self._driving.left_ms(now):
            self._connect(wave)
            self._renew = True

    def high(self) -> bool:
        """Return whether the enable is high."""
        return self._back.value() == 1

    def drop(self) -> None:
        """Drive the pin low now, whatever RMT sends. A timer may call it between any two lines
        here."""
        self._armed = False
        self._pin.init(Pin.OUT, Pin.PULL_DOWN, value=0)
