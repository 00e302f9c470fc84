"""The HAL contract on an RP2040.

Rules of machine.PWM that shape it: `deinit` freezes the pin at its present level and stops the
whole slice, a negative duty wraps to full on, and a compare value is taken over only at the end of
a period. So off is always the pin itself, switched back to SIO and driven low, which acts at once
in any state of the slice.
"""

import gc
import time

import machine
from machine import PWM, WDT, Pin, Timer

from wrap.compat import const, small_int
from wrap.hal import LOADED_US, entropy, list_outputs
from wrap.hal.rp2040 import integrity, registers
from wrap.hal.rp2040.dead_man import DeadMan
from wrap.hal.rp2040.flash import open_flash
from wrap.hal.rp2040.registers import DROPPED, ENABLED, HEAD, LIFE_MS, LOW, WATCHDOG
from wrap.hal.rp2040.usb import open_port
from wrap.rules import limits

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    from wrap.hal.contract import BoardFacts

    class Rp2040Facts(BoardFacts, Protocol):
        """States what a board with an RP2040 has as well."""

        @property
        def MUX_REFERENCES(self) -> "tuple[tuple[int, int, int], ...]": ...


_OFF = const(-1)
_PWM_BASE = const(0x40050000)
_PIN_CTRL = const(0x40014004)
_REGS = const(6)  # words per lamp, see registers.py
_WDT_COUNTS = const(2000)  # per millisecond: it counts twice per microsecond (erratum RP2040-E1)
_WDT_MAX_MS = const(8388)  # its counter has 24 bits
_CHECK_MS = const(40)  # period of the timer that checks the heartbeat
_BUZZ_HZ = const(2700)  # small piezo discs are loudest here
_BUZZ_DUTY = const(32768)
_SERVICE_HZ = const(8)  # the slowest PWM at 125 MHz
_TIMERAWH = const(0x40054024)
_TIMERAWL = const(0x40054028)
_SOFT_US = const(2000000)  # a chip reset clears the timer, a soft reset does not
_CHIP_RESET = const(0x40064008)  # datasheet 2.12.6: VREG_AND_CHIP_RESET CHIP_RESET
_HAD_RUN = const(1 << 16)  # the last reset was by the RUN pin
_SCRATCH0 = const(0x4005800C)  # survives a watchdog reset; the boot ROM uses 4 to 7 only
_INTENDED = const(0x50424D57)
_RANDOM_BIT = const(0x4006001C)  # datasheet 2.17.5: of the ring oscillator, which runs on


class Rp2040:
    """Implements `wrap.hal.contract.Hal`. Raises ValueError when lamps share a PWM slice. facts:
    the board's facts module."""

    def __init__(self, facts: "Rp2040Facts") -> None:
        self._lamp_pins = tuple([small_int(c[2]) for c in list_outputs(facts)])
        buzzer = getattr(facts, "BUZZER_PIN", None)
        pins = self._lamp_pins if buzzer is None else self._lamp_pins + (small_int(buzzer),)
        if len(set([p >> 1 & 7 for p in pins])) < len(pins):
            raise ValueError(
                "board_facts: two lamps, or a lamp and the buzzer, share a PWM slice (GPIO %s);"
                " take pins that differ in n // 2 %% 8" % (pins,)
            )
        self._carrier = facts.CARRIER_HZ
        self._pins = [Pin(p, Pin.OUT, value=0) for p in self._lamp_pins]
        self._deadman = DeadMan(facts.ENABLE_PIN)
        self._timer = None
        n = len(self._pins)
        self._regs = registers.make_regs(n)
        for ch in range(n):
            pin = self._lamp_pins[ch]
            at = HEAD + _REGS * ch
            self._regs[at] = _PWM_BASE + (pin >> 1 & 7) * 0x14 + 0x0C
            self._regs[at + 1] = 16 if pin & 1 else 0
            self._regs[at + 5] = _PIN_CTRL + pin * 8
        self._enable_mask = 1 << facts.ENABLE_PIN
        self._pwm = {}
        self._mode = [_OFF] * n
        self._update_low_pads()
        Pin(facts.BUTTON_PIN, Pin.IN, Pin.PULL_UP)
        self._sense = None
        sense = registers.NO_PIN
        if facts.SENSE_PIN is not None:
            sense = facts.SENSE_PIN
            self._sense = Pin(sense, Pin.IN, Pin.PULL_DOWN)
        self._led = Pin(facts.INDICATOR_PIN, Pin.OUT, value=0)
        self._open_sensors(facts, sense)
        self._buzzer = None
        if buzzer is not None:
            self._buzzer = PWM(Pin(buzzer, Pin.OUT, value=0), freq=_BUZZ_HZ, duty_u16=0)
        self.verify_and_feed = registers.make_verify_and_feed(self._regs)
        port = open_port()
        self.link_read = port.read
        self.link_write = port.write
        self.allocated = port.allocated
        self._heap_used = port.heap_used
        self._heap_total = port.heap_total()
        self._count_heap()
        self.wait_until = port.wait_until
        self.open_flash = open_flash
        self.ticks_ms = time.ticks_ms
        self.ticks_us = time.ticks_us
        self.ticks_diff = time.ticks_diff
        self.ticks_add = time.ticks_add
        self.program_claim = integrity.program_claim
        self.program_crc = integrity.crc
        self.memory_fault = integrity.memory_fault

    def _open_sensors(self, facts: "Rp2040Facts", sense: int) -> None:
        """Make `inputs` and `references`. sense: pin of the sense input, or NO_PIN. Facts of older
        boards name no multiplexer."""
        mux_pins = getattr(facts, "MUX_PINS", None)
        channels: list = [s[4] if len(s) > 4 else None for s in facts.SENSORS]  # int or None
        ains = [s[3] for s in facts.SENSORS]
        for s in facts.SENSORS:
            machine.ADC(Pin(s[2]))  # with a Pin it also disables the pulls and the digital input
        rest, self.references = 0, registers.no_references
        if mux_pins is not None:
            for pin in mux_pins:
                Pin(pin, Pin.OUT, value=0)
            first = [c is not None for c in channels].index(True)
            rest = channels[first]
            self.references = registers.make_references(
                ains[first], mux_pins, rest, facts.MUX_REFERENCES, facts.BUTTON_PIN
            )
        pins = (facts.BUTTON_PIN, sense)
        self.inputs = registers.make_inputs(ains, channels, mux_pins, rest, *pins)

    def _update_low_pads(self) -> None:
        """Set the pads that must be low: lamps not on PWM, and the enable while it is off."""
        regs = self._regs
        low = 0 if regs[ENABLED] else self._enable_mask
        for ch in range(len(self._pins)):
            if self._mode[ch] == _OFF:
                low |= 1 << self._lamp_pins[ch]
                regs[HEAD + _REGS * ch + 2] = -1
        regs[LOW] = low

    def lamp_mode(self, ch: int, hz: int) -> None:
        regs, at = self._regs, HEAD + _REGS * ch
        self._pins[ch].init(Pin.OUT, value=0)
        registers.halt_slice(regs, at)  # H-23
        hz = hz or self._carrier
        self._pwm[ch] = PWM(self._pins[ch], freq=hz, duty_u16=0)
        registers.set_period(regs, at, (machine.freq() + hz // 2) // hz)
        self._mode[ch] = hz
        regs[at + 2] = 0
        self._update_low_pads()

    def lamp_write(self, ch: int, duty_u16: int) -> None:
        if duty_u16 < 0:
            duty_u16 = 0
        elif duty_u16 > 65535:
            duty_u16 = 65535
        self._pwm[ch].duty_u16(duty_u16)
        at = HEAD + _REGS * ch
        self._regs[at + 2] = registers.duty_counts(duty_u16, self._regs[at + 3] + 1)

    def lamp_off(self, ch: int) -> None:
        self._pins[ch].init(Pin.OUT, value=0)
        if self._mode[ch] != _OFF:
            self._pwm[ch].duty_u16(0)
        self._mode[ch] = _OFF
        self._update_low_pads()

    def enable_dropped(self) -> bool:
        regs = self._regs
        enable = regs[ENABLED]
        return regs[DROPPED] != 0 or (enable != 0 and not registers.high_pads(enable))

    def enable(self, on: bool) -> None:
        regs = self._regs
        if on == (regs[ENABLED] != 0) or (on and regs[DROPPED]):
            return
        if on:
            registers.restart_life(self._regs, limits.DEADMAN_MS)
            self._deadman.arm(limits.DEADMAN_MS)
            self._timer = Timer(
                -1, period=_CHECK_MS, mode=Timer.PERIODIC, callback=self._check_heartbeat
            )
        else:
            self._drop_enable()
        regs[ENABLED] = self._enable_mask if on else 0
        self._update_low_pads()

    def _drop_enable(self) -> None:
        self._deadman.drop()
        if self._timer is not None:
            self._timer.deinit()
            self._timer = None

    def _check_heartbeat(self, _timer: Timer) -> None:
        """Drop the enable and all lamps when no step was verified in time: Python hangs. Called by
        a timer between any two bytecodes, so it touches the pins only."""
        regs = self._regs
        late = registers.life_used_ms(regs)
        life_ms = regs[LIFE_MS]
        if late > (limits.HEARTBEAT_MS if life_ms == limits.DEADMAN_MS else life_ms):
            regs[DROPPED] = 1  # H-15
            self._deadman.drop()
            for pin in self._pins:
                pin.init(Pin.OUT, value=0)

    def dark(self) -> None:
        self._drop_enable()
        for pin in self._pins:  # all pins first, then the bookkeeping, which may raise
            pin.init(Pin.OUT, value=0)
        self._regs[ENABLED] = self._regs[DROPPED] = 0
        for ch in range(len(self._pins)):
            if self._mode[ch] != _OFF:
                self.lamp_off(ch)
        self._update_low_pads()

    def sense(self) -> int:
        return -1 if self._sense is None else self._sense.value()

    def indicate(self, on: bool) -> None:
        self._led.value(on)

    def buzz(self, on: bool) -> None:
        if self._buzzer is not None:
            self._buzzer.duty_u16(_BUZZ_DUTY if on else 0)

    def service_blink(self) -> None:
        PWM(self._led, freq=_SERVICE_HZ, duty_u16=8192)

    def watchdog_start(self, ms: int) -> None:
        if not self._regs[WATCHDOG]:
            ms = min(ms, _WDT_MAX_MS)
            WDT(timeout=ms)
            self._regs[WATCHDOG] = ms * _WDT_COUNTS

    def flash_ahead(self) -> None:
        if self._regs[ENABLED]:
            registers.restart_life(self._regs, limits.DEADMAN_FLASH_MS)
            self._deadman.feed(limits.DEADMAN_FLASH_MS)  # H-21

    def reset_cause(self) -> str:
        mem = machine.mem32
        intended = mem[_SCRATCH0] == _INTENDED
        mem[_SCRATCH0] = 0
        loading = time.ticks_diff(time.ticks_us(), LOADED_US)
        if mem[_TIMERAWH] or mem[_TIMERAWL] - loading >= _SOFT_US:
            return "soft"
        if machine.reset_cause() == machine.WDT_RESET:
            return "intended" if intended else "watchdog"
        return "pin" if mem[_CHIP_RESET] & _HAD_RUN else "power"

    def reset(self) -> None:
        self.dark()
        machine.mem32[_SCRATCH0] = _INTENDED
        machine.reset()

    def uid(self) -> str:
        return "".join(["%02x" % b for b in machine.unique_id()])

    def draw_random(self) -> "bytes | None":
        return entropy.draw(_read_noise)

    def heap(self) -> "tuple[int, int]":
        if not self._regs[ENABLED]:  # on a stock image a walk through the whole heap: 8.8 ms
            self._count_heap()
        return self._heap

    def _count_heap(self) -> None:
        used = self._heap_used()
        self._heap = used, self._heap_total - used

    def collect(self) -> None:
        gc.collect()
        if not self._regs[ENABLED]:  # a session begins: the figure that `heap` returns in it
            self._count_heap()


def _read_noise(n: int) -> bytes:
    """Return `n` bytes of the ring oscillator's random bit, read every few microseconds."""
    out = bytearray(n)
    for i in range(n):
        byte = 0
        for _ in range(8):
            byte = byte << 1 | machine.mem32[_RANDOM_BIT] & 1
        out[i] = byte
    return bytes(out)
