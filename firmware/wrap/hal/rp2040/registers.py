"""Direct access to the RP2040's registers: converter, button, PWM, pads, dead-man, watchdog.

The functions of every step are closures over what they need, because each name looked up costs 2 to
3 us (docs/decisions/0015).
"""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportInvalidTypeForm=false, reportCallIssue=false
# pyright: reportIndexIssue=false
# (viper knows ptr32 without an import)

from array import array

import micropython

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# In signatures of viper `object` is any object, and compiles as no annotation does.

# Expected state of the hardware, an array of "i": these words, then six per lamp: address of CC,
# shift of the channel in it, expected count (-1: not checked), TOP, DIV, address of the pin's CTRL.
LOW = 0  # pads that must be low
ENABLED = 1  # mask of the enable's pad, which must be high; 0 while it is off
DROPPED = 2  # 1 after the timer has dropped the enable
BEAT_US = 3  # TIMERAWL at the last verified step
LIFE_MS = 4  # time that the timer allows from there
WATCHDOG = 5  # counts to load at each feed; 0 while it is not started
LAMPS = 6  # number of lamps
HEAD = 7  # index of the first lamp's words

NO_PIN = 30  # its bit of the pads is always 0 (datasheet 2.3.1.7: 30 GPIOs)

# Added to an index in viper code. MicroPython 1.26 and 1.27 change a variable that is an index by
# itself (issue 18800 of MicroPython).
_AT = const(0)

_DEADMAN_MS = const(150)  # limits.DEADMAN_MS; tests compare
_DEADMAN_TURNS = const(375)  # the same in turns of the loop in dead_man.py


def select_word(mux_pins: "Sequence[int]", channel: int) -> int:
    """Return the bits of SIO's GPIO_OUT that select `channel`. mux_pins: select lines A, B, C."""
    word = 0
    for i in range(3):
        if channel >> i & 1:
            word |= 1 << mux_pins[i]
    return word


def make_inputs(
    ains: "Sequence[int]",
    channels: "Sequence[int | None]",
    mux_pins: "Sequence[int] | None",
    rest: int,
    button: int,
    sense: int,
) -> "Callable[[array[int]], int]":
    """Return the HAL's `inputs`.

    ains: ADC input of each sensor; channels: its multiplexer channel, or None; mux_pins: select
    lines A, B, C, or None without a multiplexer; rest: the channel that stays selected afterwards;
    button: its pin, low while held; sense: the sense input's pin, or NO_PIN."""
    words = array("i", [len(ains), sense << 8 | button, 0, 0])
    if mux_pins is not None:
        words[2] = select_word(mux_pins, 7)
        words[3] = select_word(mux_pins, rest)
    selected = words[3]
    for i in range(len(ains)):
        if channels[i] is not None:
            # Must raise on a board that names a channel and no select lines.
            selected = select_word(mux_pins, channels[i])  # type: ignore
        words.append(ains[i] << 12)
        words.append(selected)  # wired directly: the select stays as it is

    @micropython.viper
    def inputs(out: object) -> int:
        """Fill `out` with sums of 6 conversions per input, without the lowest and the highest,
        times 4. Returns bit 0 while the button is held, bit 1 while the sense input is high.

        RP2040 datasheet 4.9.2 and 4.9.6: CS = EN 0, TS_EN 1, START_ONCE 2, START_MANY 3, READY 8,
        AINSEL 12..14; FCS = EN 0, LEVEL 16..19, UNDER 10, OVER 11. Conversions follow each other
        without a gap, 2 us each, into the FIFO. A converter that stops reads 0, which is a shorted
        sensor. 2.3.1.7: SIO GPIO_OUT_SET 0x14, GPIO_OUT_CLR 0x18. Set precedes clear, so a change
        between y1 and y2 passes through y3, not through the grounded y0.
        """
        adc = ptr32(0x4004C000)
        sio = ptr32(0xD0000000)
        cfg = ptr32(words)
        o = ptr32(out)
        n = cfg[0]
        lines = cfg[2]
        idle = (adc[0] & 2) | 1
        adc[2] = 0xC01
        at = 4
        i = 0
        while i < n:
            chosen = cfg[at + 1]
            sio[5] = chosen
            sio[6] = lines ^ chosen
            left = 8  # of a FIFO of 4
            while left and adc[2] & 0xF0000:
                adc[3]
                left -= 1
            select = idle | cfg[at + _AT]
            adc[0] = select
            left = 8  # 0.4 us: the multiplexer has settled after 0.2 us (docs/decisions/0020)
            while left:
                left -= 1
            adc[0] = select | 8
            total = 0
            lowest = 4095
            highest = 0
            left = 6
            spins = 2000
            while left:
                if adc[2] & 0xF0000:
                    code = adc[3]
                    total += code
                    left -= 1
                    if left == 1:
                        adc[0] = select  # the last conversion is running
                    if code < lowest:
                        lowest = code
                    if code > highest:
                        highest = code
                else:
                    spins -= 1
                    if spins == 0:  # H-04
                        total = lowest + highest  # 0 below
                        left = 0
            adc[0] = select
            while spins and not adc[0] & 0x100:
                spins -= 1
            o[i + _AT] = (total - lowest - highest) << 2
            at += 2
            i += 1
        adc[2] = 0
        sio[5] = cfg[3]
        sio[6] = lines ^ cfg[3]
        pads = sio[1]
        pins = cfg[1]
        return ((pads >> (pins & 31)) & 1 ^ 1) | ((pads >> (pins >> 8)) & 1) << 1

    return inputs


def make_references(
    ain: int,
    mux_pins: "Sequence[int]",
    rest: int,
    references: "Sequence[tuple[int, int, int]]",
    button: int,
) -> "Callable[[], int]":
    """Return the HAL's `references`. references: (channel, lowest, highest reading) of each input,
    all on ADC input `ain`; the others as for `make_inputs`."""
    n = len(references)
    channels = [r[0] for r in references]
    read = make_inputs([ain] * n, channels, mux_pins, rest, button, NO_PIN)
    raws = array("i", [0] * n)

    def find_wrong() -> int:
        read(raws)
        i = 0
        for channel, low, high in references:
            if raws[i] < low or raws[i] > high:
                return channel + 1
            i += 1
        return 0

    return find_wrong


def no_references() -> int:
    """Return 0, as the HAL's `references` of a board without a multiplexer."""
    return 0


def make_regs(lamps: int) -> "array[int]":
    """Return the array of expected states for `lamps` lamps."""
    regs = array("i", [0] * (HEAD + 6 * lamps))
    regs[LAMPS] = lamps
    return regs


def make_verify_and_feed(regs: "array[int]") -> "Callable[[], bool]":
    """Return the HAL's `verify_and_feed` for the expected states `regs`."""

    @micropython.viper
    def verify_and_feed() -> bool:
        """Verify and feed, see `Hal.verify_and_feed`. RP2040 datasheet 4.5.3 (CSR 12 bytes before
        CC, DIV 8, TOP 4 after it), 2.19.6.1 (CTRL: function 4 is PWM, no overrides), 2.3.1.7: SIO
        GPIO_IN reads the pad, whatever drives it; 3.7 (PIO0: FSTAT, TXF0), 4.6.5 (TIMERAWL), 4.7.6
        (watchdog LOAD)."""
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

    return verify_and_feed


@micropython.viper
def halt_slice(regs: object, lamp: int) -> object:
    """Stop the lamp's slice with its output low, in any state. lamp: index of its words in `regs`.

    A stopped slice latches what is written to it at once (pico-sdk, pwm_set_wrap). A running one
    would finish its period with the old compare value at the new divider: up to 65 ms of full light
    at a change to 10 Hz. A few periods of two cycles take the output low in case it changes only
    when the counter steps."""
    r = ptr32(regs)
    pwm = ptr32(r[lamp + _AT] - 12)
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
def set_period(regs: object, lamp: int, cycles: int) -> object:
    """Start the lamp's slice at 0 with a period of `cycles` of the CPU's clock, and store TOP and
    DIV in `regs`. The period is rounded to counts of an integer divider (at most 22 ppm off from 10
    Hz to 5 kHz at 125 MHz): with a fractional one the edges would jitter by a cycle."""
    r = ptr32(regs)
    div = (cycles + 65534) // 65535
    top = (cycles + (div >> 1)) // div - 1
    pwm = ptr32(r[lamp + _AT] - 12)
    pwm[0] = 0
    pwm[1] = div << 4
    pwm[2] = 0
    pwm[4] = top
    pwm[0] = 1
    r[lamp + 3] = top
    r[lamp + 4] = div << 4


def duty_counts(duty_u16: int, period: int) -> int:
    """Return the counts of `period` (1..65536) for which a PWM is high, rounded as machine.PWM
    does: (duty_u16 * period + 32767) // 65535. Computed in two parts that stay small integers, so
    that nothing is allocated."""
    high = duty_u16 * (period >> 8)
    whole = high // 65535
    rest = high - whole * 65535
    return (whole << 8) + ((rest << 8) + duty_u16 * (period & 255) + 32767) // 65535


@micropython.viper
def restart_life(regs: object, life_ms: int) -> object:
    """Let the timer allow `life_ms` from now."""
    r = ptr32(regs)
    timer = ptr32(0x40054000)
    r[3] = timer[10]
    r[4] = life_ms


@micropython.viper
def life_used_ms(regs: object) -> int:
    """Return the milliseconds since the last verified step or `restart_life`."""
    r = ptr32(regs)
    timer = ptr32(0x40054000)
    return (timer[10] - r[3]) // 1000


@micropython.viper
def high_pads(mask: int) -> int:
    """Return those pads of `mask` that are high."""
    sio = ptr32(0xD0000000)
    return sio[1] & mask
