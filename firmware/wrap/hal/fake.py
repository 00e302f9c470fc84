"""The HAL contract without a chip: for tests, the simulated wrap and the MicroPython unix port.

Records what the firmware did to the pins, and gives back what the world outside has set. Time is a
number that the owner moves. Nothing here decides anything.
"""

import binascii

from wrap.hal import LIGHT, PRESSED
from wrap.rules.limits import DEADMAN_FLASH_MS, DEADMAN_MS
from wrap.storage.sectors import FileSectors

_OFF = -1
_MASK = (1 << 30) - 1
_HALF = 1 << 29
RX_SIZE = 512  # the stdin ring of MicroPython's rp2 port
PROGRAM = bytes(range(256)) * 20
PROGRAM_CRC = binascii.crc32(PROGRAM)


class FakeHal:
    """files: a Files; n_lamps, n_sensors: sizes. Attributes are the pins and the world."""

    def __init__(
        self, files, n_lamps, n_sensors, start_ms=0, cause="power", uid="sim0000000000001"
    ):
        self.files = files
        self.sectors = FileSectors(files)
        self.now_ms = start_ms  # not wrapped; ticks_ms is
        self.now_us = 0
        self.raws = [30000] * n_sensors
        self.mux_wrong = 0  # what `references` returns
        self.duty = [0] * n_lamps  # what the pin does
        self.held = [0] * n_lamps  # what was written; a broken output differs in `duty`
        self.mode = [_OFF] * n_lamps
        self.on_acc = [0] * n_lamps  # duty (u16) x ms at the pin since the start
        self.light_acc = [0] * n_lamps  # the same, as far as the enable let it through
        self._since = [start_ms] * n_lamps
        self.enabled = False
        self.pressed = False
        self.sensed = False  # a sense input is wired
        self.lit = False
        self.buzzing = False
        self.buzzed = []  # (ms, on): its pattern
        self.blinking = False
        self.rx = bytearray()
        self.tx = bytearray()
        self.tx_room = -1  # bytes the host still takes; -1: all
        self.cause = cause
        self.reset_wanted = False
        self.watchdog_ms = 0
        self.fed_ms = start_ms
        self.beat_ms = start_ms
        self.life_ms = DEADMAN_MS
        self.fell = False
        self.program = PROGRAM  # what the flash holds; PROGRAM is what was built
        self.ram_fault = 0
        self._uid = uid

    def ticks_ms(self):
        return self.now_ms & _MASK

    def ticks_us(self):
        return self.now_us

    def ticks_diff(self, a, b):
        return ((a - b + _HALF) & _MASK) - _HALF

    def ticks_add(self, tick, delta):
        return (tick + delta) & _MASK

    def wait_until(self, tick_ms):
        wait = self.ticks_diff(tick_ms, self.ticks_ms())
        if wait > 0:
            self.now_ms += wait

    def inputs(self, out):
        self.read_raws(out)
        return (PRESSED if self.button() else 0) | (LIGHT if self.sensed and self.lit_up() else 0)

    def references(self):
        return self.mux_wrong

    def verify_and_feed(self):
        held = self.lamps_hold()
        if held:
            self.heartbeat()
        return held

    def read_raws(self, out):
        i = 0
        for raw in self.raws:
            out[i] = raw
            i += 1

    def settle(self, ch):
        """Book the on-time of a lamp up to now."""
        now = self.now_ms
        on = self.duty[ch] * (now - self._since[ch])
        self.on_acc[ch] += on
        if self.enabled:
            self.light_acc[ch] += on
        self._since[ch] = now

    def _drop(self):
        for ch in range(len(self.duty)):
            self.settle(ch)
        self.enabled = False

    def _set(self, ch, duty):
        self.held[ch] = duty
        if duty != self.duty[ch]:
            self.settle(ch)
            self.duty[ch] = duty

    def lamp_mode(self, ch, hz):
        self._set(ch, 0)
        self.mode[ch] = hz

    def lamp_write(self, ch, duty_u16):
        if self.mode[ch] == _OFF:
            raise ValueError("lamp_write before lamp_mode")
        self._set(ch, min(65535, max(0, duty_u16)))

    def lamp_off(self, ch):
        self._set(ch, 0)
        self.mode[ch] = _OFF

    def lamps_hold(self):
        return self.held == self.duty and not self.fell

    def enable(self, on):
        if on == self.enabled or (on and self.fell):
            return
        self._drop()
        self.enabled = on
        self.beat_ms = self.now_ms

    def dark(self):
        if self.enabled:
            self._drop()
        self.fell = False
        for ch in range(len(self.duty)):
            if self.mode[ch] != _OFF or self.duty[ch]:
                self.lamp_off(ch)

    def sense(self):
        if not self.sensed:
            return -1
        return 1 if self.lit_up() else 0

    def lit_up(self):
        """Whether the LEDs give light."""
        return self.enabled and max(self.duty) > 0

    def button(self):
        return self.pressed

    def indicate(self, on):
        self.lit = on

    def buzz(self, on):
        if on != self.buzzing:
            self.buzzing = on
            self.buzzed.append((self.now_ms, on))

    def service_blink(self):
        self.blinking = True

    def watchdog_start(self, ms):
        if not self.watchdog_ms:
            self.watchdog_ms = ms
            self.fed_ms = self.now_ms

    def heartbeat(self):
        self.fed_ms = self.beat_ms = self.now_ms
        self.life_ms = DEADMAN_MS

    def flash_ahead(self):
        self.beat_ms = self.now_ms
        self.life_ms = DEADMAN_FLASH_MS

    def deadman(self):
        """What the hardware does by itself: the enable falls when its life is over."""
        if self.enabled and self.now_ms - self.beat_ms > self.life_ms:
            self._drop()
            self.fell = True

    def enable_dropped(self):
        return self.fell

    def watchdog_bites(self):
        """Whether the watchdog's time is over."""
        return self.watchdog_ms > 0 and self.now_ms - self.fed_ms > self.watchdog_ms

    def program_claim(self):
        return len(PROGRAM), PROGRAM_CRC

    def program_crc(self, at, n, words):
        words[0] = binascii.crc32(self.program[at : at + n], words[0])

    def memory_fault(self):
        return self.ram_fault

    def reset_cause(self):
        return self.cause

    def reset(self):
        self.dark()
        self.reset_wanted = True

    def uid(self):
        return self._uid

    def heap(self):
        return 0, 0

    def allocated(self):
        return 0

    def collect(self):
        pass

    def link_read(self, buf):
        n = min(len(buf), len(self.rx))
        if n:
            buf[:n] = self.rx[:n]
            self.rx = self.rx[n:]
        return n

    def link_write(self, view):
        n = len(view)
        if self.tx_room >= 0:
            n = min(n, self.tx_room)
            self.tx_room -= n
        self.tx += view[:n]
        return n
