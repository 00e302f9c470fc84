"""RP2040: the HAL contract on `machine`. The one place that knows this chip's quirks.

PWM: `deinit` would freeze the pin at whatever level it had and stop the whole slice, a negative
duty wraps to full on, and a compare value is only taken over at the end of a period. So off is
always the pin itself, switched back to SIO and driven low, which acts at once whatever the slice
does.
"""

import gc
import time
from array import array

import machine
from machine import PWM, WDT, Pin, Timer

from wrap.hal import rp2040_memory
from wrap.hal.rp2040_deadman import DeadMan
from wrap.hal.rp2040_port import open_port
from wrap.hal.rp2040_regs import holds, levels, sum16
from wrap.hal.rp2040_storage import open_storage
from wrap.mp import const, small
from wrap.safety import limits

_OFF = const(-1)
_PWM_BASE = const(0x40050000)
_PIN_CTRL = const(0x40014004)
_REGS = const(6)  # words a lamp, see rp2040_regs.holds
_WDT_MAX_MS = const(8388)  # 24 bits at 2 counts a microsecond (erratum RP2040-E1)
_LOOK_MS = const(40)
_SERVICE_HZ = const(8)  # slowest PWM at 125 MHz; blinks the indicator without firmware
_TIMERAWH = const(0x40054024)
_TIMERAWL = const(0x40054028)
_SOFT_US = const(2000000)  # a chip reset restarts the timer, a soft reset does not
_CHIP_RESET = const(0x40064008)
_HAD_RUN = const(1 << 16)
_SCRATCH0 = const(0x4005800C)  # survives a watchdog reset; the boot ROM uses 4 to 7 only
_INTENDED = const(0x50424D57)


class Rp2040:
    """facts: the board's facts module."""

    def __init__(self, facts):
        self._lamp_pins = tuple([small(c[2]) for c in facts.CHANNELS])
        self._carrier = facts.CARRIER_HZ
        self._pins = [Pin(p, Pin.OUT, value=0) for p in self._lamp_pins]
        self._deadman = DeadMan(facts.ENABLE_PIN)
        self._timer = None
        self._beat_ms = 0
        self._life_ms = 0
        self._fell = False
        n = len(self._pins)
        self._regs = array("i", [0] * (_REGS * n))
        for ch in range(n):
            pin = self._lamp_pins[ch]
            self._regs[_REGS * ch] = _PWM_BASE + (pin >> 1 & 7) * 0x14 + 0x0C
            self._regs[_REGS * ch + 1] = 16 if pin & 1 else 0
            self._regs[_REGS * ch + 5] = _PIN_CTRL + pin * 8
        self._enabled = False
        self._enable_mask = 1 << facts.ENABLE_PIN
        self._pwm = {}
        self._mode = [_OFF] * n
        self._track()
        self._button = Pin(facts.BUTTON_PIN, Pin.IN, Pin.PULL_UP)
        self._sense = facts.SENSE_PIN
        if self._sense is not None:
            self._sense = Pin(facts.SENSE_PIN, Pin.IN, Pin.PULL_DOWN)
        self._used = gc.mem_alloc()
        self._total = self._used + gc.mem_free()
        self._led = Pin(facts.INDICATOR_PIN, Pin.OUT, value=0)
        self._inputs = tuple([small(s[3]) for s in facts.SENSORS])
        for s in facts.SENSORS:
            machine.ADC(
                Pin(s[2])
            )  # from the Pin: this also takes the pull and the digital input off
        self._wdt = None
        port = open_port()
        self.link_read = port.read
        self.link_write = port.write
        self.allocated = port.allocated
        self.files, self.sectors = open_storage()
        self.ticks_ms = time.ticks_ms
        self.ticks_us = time.ticks_us
        self.ticks_diff = time.ticks_diff
        self.ticks_add = time.ticks_add
        self.program_claim = rp2040_memory.claim
        self.program_crc = rp2040_memory.crc
        self.memory_fault = rp2040_memory.fault

    def wait_until(self, tick_ms):
        wait = time.ticks_diff(tick_ms, time.ticks_ms())
        if wait > 0:
            time.sleep_ms(wait)

    def read_raws(self, out):
        i = 0
        for ain in self._inputs:
            out[i] = sum16(ain)
            i += 1

    def _track(self):
        """The pads that must be low: lamps that are not on PWM, and the enable while it is off."""
        low = 0 if self._enabled else self._enable_mask
        for ch in range(len(self._pins)):
            if self._mode[ch] == _OFF:
                low |= 1 << self._lamp_pins[ch]
                self._regs[_REGS * ch + 2] = -1
        self._low = low

    def lamp_mode(self, ch, hz):
        self._pwm[ch] = PWM(self._pins[ch], freq=hz or self._carrier, duty_u16=0)
        self._mode[ch] = hz
        regs, at = self._regs, _REGS * ch
        regs[at + 2] = 0
        regs[at + 3] = machine.mem32[regs[at] + 4]  # TOP
        regs[at + 4] = machine.mem32[regs[at] - 8]  # DIV
        self._track()

    def lamp_write(self, ch, duty_u16):
        if duty_u16 < 0:
            duty_u16 = 0
        elif duty_u16 > 65535:
            duty_u16 = 65535
        self._pwm[ch].duty_u16(duty_u16)
        at = _REGS * ch
        top = self._regs[at + 3]
        self._regs[at + 2] = (duty_u16 * (top + 1) + 32767) // 65535  # as machine.PWM rounds

    def lamp_off(self, ch):
        self._pins[ch].init(Pin.OUT, value=0)
        if self._mode[ch] != _OFF:
            self._pwm[ch].duty_u16(0)
        self._mode[ch] = _OFF
        self._track()

    def enable_fell(self):
        return self._fell or (self._enabled and not levels(self._enable_mask))

    def lamps_hold(self):
        if self._fell or (self._enabled and not levels(self._enable_mask)):
            return False
        return holds(self._regs, len(self._pins), self._low) == 1

    def enable(self, on):
        if on == self._enabled or (on and self._fell):
            return
        if on:
            self._beat(limits.DEADMAN_MS)
            self._deadman.arm(limits.DEADMAN_MS)
            self._timer = Timer(-1, period=_LOOK_MS, mode=Timer.PERIODIC, callback=self._look)
        else:
            self._drop()
        self._enabled = on
        self._track()

    def _drop(self):
        self._deadman.drop()
        if self._timer is not None:
            self._timer.deinit()
            self._timer = None

    def _beat(self, life_ms):
        self._beat_ms = time.ticks_ms()
        self._life_ms = life_ms

    def _look(self, _timer):
        """A timer's look at the heartbeat, for a hang in Python: touches nothing but the pins."""
        late = time.ticks_diff(time.ticks_ms(), self._beat_ms)
        if late > (limits.HEARTBEAT_MS if self._life_ms == limits.DEADMAN_MS else self._life_ms):
            self._fell = True
            self._deadman.drop()
            for pin in self._pins:
                pin.init(Pin.OUT, value=0)

    def dark(self):
        self._drop()
        self._enabled = False
        self._fell = False
        for ch in range(len(self._pins)):
            if self._mode[ch] != _OFF:
                self.lamp_off(ch)
            else:
                self._pins[ch].init(Pin.OUT, value=0)
        self._track()

    def sense(self):
        return -1 if self._sense is None else self._sense.value()

    def button(self):
        return not self._button.value()

    def indicate(self, on):
        self._led.value(on)

    def service_blink(self):
        PWM(self._led, freq=_SERVICE_HZ, duty_u16=8192)

    def watchdog_start(self, ms):
        if self._wdt is None:
            self._wdt = WDT(timeout=min(ms, _WDT_MAX_MS))

    def heartbeat(self):
        if self._enabled:
            self._beat(limits.DEADMAN_MS)
            self._deadman.feed(limits.DEADMAN_MS)
        if self._wdt is not None:
            self._wdt.feed()

    def flash_ahead(self):
        if self._enabled:
            self._beat(limits.DEADMAN_FLASH_MS)
            self._deadman.feed(limits.DEADMAN_FLASH_MS)

    def reset_cause(self):
        mem = machine.mem32
        intended = mem[_SCRATCH0] == _INTENDED
        mem[_SCRATCH0] = 0
        if mem[_TIMERAWH] or mem[_TIMERAWL] >= _SOFT_US:
            return "soft"
        if machine.reset_cause() == machine.WDT_RESET:
            return "intended" if intended else "watchdog"
        return "pin" if mem[_CHIP_RESET] & _HAD_RUN else "power"

    def reset(self):
        self.dark()
        machine.mem32[_SCRATCH0] = _INTENDED
        machine.reset()

    def uid(self):
        return "".join(["%02x" % b for b in machine.unique_id()])

    def heap(self):
        if not self._enabled:  # a walk through the whole heap: 8.8 ms
            self._used = gc.mem_alloc()
        return self._used, self._total - self._used

    def collect(self):
        gc.collect()
