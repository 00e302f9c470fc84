"""The RP2040's registers read directly: converter, button, PWM, pads, dead-man, watchdog. Decides
nothing. What the functions of every step need is closed over, because each name that is looked up
costs 2 to 3 us (docs/decisions/0015).
"""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportInvalidTypeForm=false, reportCallIssue=false
# pyright: reportIndexIssue=false
# (viper knows ptr32 without an import)

from array import array

import micropython

from wrap.mp import const

# What the hardware should hold: these words, then six a lamp: address of CC, shift of the channel
# in it, expected count (-1: not checked), TOP, DIV, address of the pin's CTRL.
LOW = 0  # pads that must be low
ENABLED = 1  # the enable's pad, which must be high; 0 while it is off
FELL = 2  # the timer has dropped the enable
BEAT_US = 3  # the timer's count at the last verified step
LIFE_MS = 4  # what the timer allows from there
WATCHDOG = 5  # counts to feed; 0 while it is not started
LAMPS = 6  # how many
HEAD = 7

_DEADMAN_MS = const(150)  # limits.DEADMAN_MS; tests compare
_DEADMAN_TURNS = const(375)  # the same in turns of rp2040_deadman


def made_inputs(ains, button):
    """The HAL's `inputs`. ains: the sensors' ADC inputs; button: its pin, low while held."""
    words = array("i", [len(ains), 1 << button] + list(ains))

    @micropython.viper
    def inputs(out) -> bool:
        """Fill `out` with 16 conversions of each input, summed; returns whether the button is held.

        RP2040 datasheet 4.9.2 and 4.9.6: CS = EN 0, TS_EN 1, START_ONCE 2, START_MANY 3, READY 8,
        AINSEL 12..14; FCS = EN 0, LEVEL 16..19, UNDER 10, OVER 11. Conversions follow each other
        without a gap, 2 us each, into the FIFO. A converter that stops gives 0, which is a shorted
        sensor.
        """
        adc = ptr32(0x4004C000)
        cfg = ptr32(words)
        o = ptr32(out)
        n = cfg[0]
        idle = (adc[0] & 2) | 1
        adc[2] = 0xC01
        i = 0
        while i < n:
            left = 8  # of a FIFO of 4
            while left and adc[2] & 0xF0000:
                adc[3]
                left -= 1
            select = idle | (cfg[i + 2] << 12)
            adc[0] = select | 8
            total = 0
            left = 16
            spins = 2000
            while left:
                if adc[2] & 0xF0000:
                    total += adc[3]
                    left -= 1
                    if left == 1:
                        adc[0] = select  # the last one is under way
                else:
                    spins -= 1
                    if spins == 0:  # H-04
                        total = 0
                        left = 0
            adc[0] = select
            while spins and not adc[0] & 0x100:
                spins -= 1
            o[i] = total
            i += 1
        adc[2] = 0
        sio = ptr32(0xD0000000)
        return bool((sio[1] & cfg[1]) == 0)

    return inputs


def made_regs(lamps):
    """The words for `lamps` of them."""
    regs = array("i", [0] * (HEAD + 6 * lamps))
    regs[LAMPS] = lamps
    return regs


def made_beat_if_held(regs):
    """The HAL's `beat_if_held` for these words."""

    @micropython.viper
    def beat_if_held() -> bool:
        """See wrap.hal.contract. RP2040 datasheet 4.5.3 (CSR 12 bytes before CC, DIV 8, TOP 4 after
        it), 2.19.6.1 (CTRL: function 4 is PWM, nothing overridden), 2.3.1.7: SIO GPIO_IN reads the
        pad, whoever drives it; 3.7 (PIO0: FSTAT, TXF0), 4.6.5 (TIMERAWL), 4.7.6 (watchdog LOAD)."""
        r = ptr32(regs)
        sio = ptr32(0xD0000000)
        pads = sio[1]
        enabled = r[1]
        if pads & r[0] or (pads & enabled) != enabled or r[2]:
            return False
        n = r[6]
        at = int(r) + 28
        while n:
            lamp = ptr32(at)
            expected = lamp[2]
            if expected >= 0:
                pwm = ptr32(lamp[0] - 12)
                if (pwm[3] >> lamp[1]) & 0xFFFF != expected:  # H-24
                    return False
                if (pwm[0] & 0x3F) != 1 or pwm[1] != lamp[4] or pwm[4] != lamp[3]:
                    return False
                pin = ptr32(lamp[5])
                if pin[0] != 4:
                    return False
            at += 24
            n -= 1
        if enabled:
            timer = ptr32(0x40054000)
            r[3] = timer[10]
            r[4] = _DEADMAN_MS
            pio = ptr32(0x50200000)
            if not pio[1] & 0x10000:  # FSTAT TXFULL: an expired state machine takes no more
                pio[4] = _DEADMAN_TURNS
        if r[5]:
            dog = ptr32(0x40058000)
            dog[1] = r[5]  # H-16
        return True

    return beat_if_held


@micropython.viper
def halt(regs, lamp: int):
    """Stop the lamp's slice with its output low, whatever it did. What is written to a slice that
    stands is latched at once (pico-sdk, pwm_set_wrap); a running one would finish its period with
    the old compare value at the new divider: up to 65 ms of full light from a change to 10 Hz. A
    few periods of two cycles take the output low, should it follow the counter's steps only."""
    r = ptr32(regs)
    pwm = ptr32(r[lamp] - 12)
    pwm[0] = 0
    pwm[1] = 16
    pwm[2] = 0
    pwm[3] = 0
    pwm[4] = 1
    pwm[0] = 1
    left = 8
    while left:
        left -= 1
    pwm[0] = 0


@micropython.viper
def pace(regs, lamp: int, cycles: int):
    """Let the lamp's slice run from 0 with a period of `cycles` of the CPU's clock, rounded to
    counts of a whole divider (at most 22 ppm off, 10 Hz to 5 kHz at 125 MHz): with a fraction in it
    the edges would wander by a cycle. Keeps TOP and DIV in `regs`."""
    r = ptr32(regs)
    div = (cycles + 65534) // 65535
    top = (cycles + (div >> 1)) // div - 1
    pwm = ptr32(r[lamp] - 12)
    pwm[0] = 0
    pwm[1] = div << 4
    pwm[2] = 0
    pwm[4] = top
    pwm[0] = 1
    r[lamp + 3] = top
    r[lamp + 4] = div << 4


@micropython.viper
def beat(regs, life_ms: int):
    """Begin the timer's count anew: it allows `life_ms` from now."""
    r = ptr32(regs)
    timer = ptr32(0x40054000)
    r[3] = timer[10]
    r[4] = life_ms


@micropython.viper
def late_ms(regs) -> int:
    """Since the last beat."""
    r = ptr32(regs)
    timer = ptr32(0x40054000)
    return (timer[10] - r[3]) // 1000


@micropython.viper
def levels(mask: int) -> int:
    """Pads that are high among `mask`."""
    sio = ptr32(0xD0000000)
    return sio[1] & mask
