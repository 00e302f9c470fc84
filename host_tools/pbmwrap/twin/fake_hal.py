"""The HAL contract (wrap.hal.contract) without a chip, for tests and simulators. Runs on CPython
and on the MicroPython unix port.

It records what the firmware does to the pins and returns what a test or a plant sets. Time is the
attribute `now_ms`, which its owner advances.
"""

import binascii

from wrap.hal import LIGHT, PRESSED
from wrap.rules.limits import DEADMAN_FLASH_MS, DEADMAN_MS

_OFF = -1
_MASK = (1 << 30) - 1
_HALF = 1 << 29
_ENODEV = 19
RX_SIZE = 512  # bytes of the stdin ring of MicroPython's rp2 port
PROGRAM = bytes(range(256)) * 20
PROGRAM_CRC = binascii.crc32(PROGRAM)


class FakeHal:
    """n_lamps, n_sensors: how many the board has; warmers: how many of the lamps, the last ones,
    give heat and no light. Public attributes are the pins and the world."""

    def __init__(
        self,
        n_lamps: int,
        n_sensors: int,
        start_ms: int = 0,
        cause: str = "power",
        uid: str = "sim0000000000001",
        warmers: int = 0,
    ) -> None:
        self.now_ms = start_ms  # does not wrap; ticks_ms does
        self.now_us = 0
        self.raws = [30000] * n_sensors
        self.mux_wrong = 0  # returned by `references`
        self.n_light = n_lamps - warmers
        self.duty = [0] * n_lamps  # u16 at the pin
        self.held = [0] * n_lamps  # u16 last written; differs from `duty` for a broken output
        self.mode = [_OFF] * n_lamps
        self.on_acc = [0] * n_lamps  # duty (u16) x ms at the pin since the start
        self.light_acc = [0] * n_lamps  # duty (u16) x ms while the enable was high
        self._since = [start_ms] * n_lamps
        self.enabled = False
        self.pressed = False
        self.sensed = False  # whether the board has a sense input
        self.lit = False
        self.buzzing = False
        self.buzzed = []  # (ms, on) for each change of the buzzer
        self.blinking = False
        self.rx = bytearray()
        self.tx = bytearray()
        self.tx_room = -1  # bytes that the host still takes; -1: no limit
        self.cause = cause
        self.reset_wanted = False
        self.watchdog_ms = 0
        self.fed_ms = start_ms
        self.beat_ms = start_ms
        self.life_ms = DEADMAN_MS
        self.fell = False
        self.program = PROGRAM  # content of the program flash; PROGRAM is what was built
        self.ram_fault = 0
        self.random = bytes(range(32))  # None: the noise source fails its test
        self._uid = uid

    def ticks_ms(self) -> int:
        return self.now_ms & _MASK

    def ticks_us(self) -> int:
        return self.now_us

    def ticks_diff(self, a: int, b: int) -> int:
        return ((a - b + _HALF) & _MASK) - _HALF

    def ticks_add(self, tick: int, delta: int) -> int:
        return (tick + delta) & _MASK

    def wait_until(self, tick_ms: int) -> None:
        wait = self.ticks_diff(tick_ms, self.ticks_ms())
        if wait > 0:
            self.now_ms += wait

    def inputs(self, out) -> int:
        self.read_raws(out)
        return (PRESSED if self.button() else 0) | (LIGHT if self.sensed and self.lit_up() else 0)

    def references(self) -> int:
        return self.mux_wrong

    def verify_and_feed(self) -> bool:
        held = self.lamps_hold()
        if held:
            self.heartbeat()
        return held

    def read_raws(self, out) -> None:
        """Copy the sensors' readings to `out`."""
        for i, raw in enumerate(self.raws):
            out[i] = raw

    def settle(self, ch: int) -> None:
        """Add a lamp's on-time up to now to `on_acc` and `light_acc`."""
        now = self.now_ms
        on = self.duty[ch] * (now - self._since[ch])
        self.on_acc[ch] += on
        if self.enabled:
            self.light_acc[ch] += on
        self._since[ch] = now

    def _drop(self) -> None:
        for ch in range(len(self.duty)):
            self.settle(ch)
        self.enabled = False

    def _set(self, ch: int, duty: int) -> None:
        self.held[ch] = duty
        if duty != self.duty[ch]:
            self.settle(ch)
            self.duty[ch] = duty

    def lamp_mode(self, ch: int, hz: int) -> None:
        self._set(ch, 0)
        self.mode[ch] = hz

    def lamp_write(self, ch: int, duty_u16: int) -> None:
        if self.mode[ch] == _OFF:
            raise ValueError("lamp_write before lamp_mode")
        self._set(ch, min(65535, max(0, duty_u16)))

    def lamp_off(self, ch: int) -> None:
        self._set(ch, 0)
        self.mode[ch] = _OFF

    def lamps_hold(self) -> bool:
        """Return whether the pins do what was last written and the enable has not dropped."""
        return self.held == self.duty and not self.fell

    def enable(self, on: bool) -> None:
        if on == self.enabled or (on and self.fell):
            return
        self._drop()
        self.enabled = on
        self.beat_ms = self.now_ms

    def dark(self) -> None:
        if self.enabled:
            self._drop()
        self.fell = False
        for ch in range(len(self.duty)):
            if self.mode[ch] != _OFF or self.duty[ch]:
                self.lamp_off(ch)

    def sense(self) -> int:
        if not self.sensed:
            return -1
        return 1 if self.lit_up() else 0

    def lit_up(self) -> bool:
        """Return whether the LEDs give light."""
        return self.enabled and max(self.duty[: self.n_light]) > 0

    def button(self) -> bool:
        """Return whether the button is held."""
        return self.pressed

    def indicate(self, on: bool) -> None:
        self.lit = on

    def buzz(self, on: bool) -> None:
        if on != self.buzzing:
            self.buzzing = on
            self.buzzed.append((self.now_ms, on))

    def service_blink(self) -> None:
        self.blinking = True

    def watchdog_start(self, ms: int) -> None:
        if not self.watchdog_ms:
            self.watchdog_ms = ms
            self.fed_ms = self.now_ms

    def heartbeat(self) -> None:
        """Feed the watchdog and the dead-man."""
        self.fed_ms = self.beat_ms = self.now_ms
        self.life_ms = DEADMAN_MS

    def flash_ahead(self) -> None:
        self.beat_ms = self.now_ms
        self.life_ms = DEADMAN_FLASH_MS

    def deadman(self) -> None:
        """Drop the enable when its time is over, as the hardware does by itself."""
        if self.enabled and self.now_ms - self.beat_ms > self.life_ms:
            self._drop()
            self.fell = True

    def enable_dropped(self) -> bool:
        self.deadman()
        return self.fell

    def watchdog_bites(self) -> bool:
        """Return whether the watchdog's time is over."""
        return self.watchdog_ms > 0 and self.now_ms - self.fed_ms > self.watchdog_ms

    def open_flash(self):
        """Raise OSError: simulators keep their storage outside the HAL and hand it to the app."""
        raise OSError(_ENODEV)

    def program_claim(self) -> "tuple[int, int]":
        return len(PROGRAM), PROGRAM_CRC

    def program_crc(self, at: int, n: int, words) -> None:
        words[0] = binascii.crc32(self.program[at : at + n], words[0])

    def memory_fault(self) -> int:
        return self.ram_fault

    def reset_cause(self) -> str:
        return self.cause

    def reset(self) -> None:
        self.dark()
        self.reset_wanted = True

    def uid(self) -> str:
        return self._uid

    def draw_random(self) -> "bytes | None":
        """Return `random`, always the same bytes: a simulated chip has no noise."""
        return self.random

    def heap(self) -> "tuple[int, int]":
        return 0, 0

    def allocated(self) -> int:
        return 0

    def collect(self) -> None:
        pass

    def link_read(self, buf) -> int:
        n = min(len(buf), len(self.rx))
        if n:
            buf[:n] = self.rx[:n]
            self.rx = self.rx[n:]
        return n

    def link_write(self, view, at, end) -> int:
        n = end - at
        if self.tx_room >= 0:
            n = min(n, self.tx_room)
            self.tx_room -= n
        self.tx += view[at : at + n]
        return n
