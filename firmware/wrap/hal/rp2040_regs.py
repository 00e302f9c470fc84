"""The RP2040's registers read directly: converter, PWM compare values, pads. Keeps no state."""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportInvalidTypeForm=false
# (viper knows ptr32 without an import)

import micropython


@micropython.viper
def sum16(ain: int) -> int:
    """16 conversions of input `ain`, summed. 73 us here against 440 us with ADC.read_u16 in a loop.

    RP2040 datasheet 4.9.6: CS = EN 0, START_ONCE 2, READY 8, AINSEL 12..14; RESULT is the next
    word. A converter that never gets ready reads 0, which is a shorted sensor.
    """
    cs = ptr32(0x4004C000)
    select_input = (cs[0] & 0x2) | 1 | (ain << 12)
    total = 0
    n = 0
    spins = 4096  # some 20 a conversion
    while n < 16:
        cs[0] = select_input | 4
        while not (cs[0] & 0x100):
            spins -= 1
            if spins == 0:
                return 0
        total += cs[1]
        n += 1
    return total


@micropython.viper
def levels(mask: int) -> int:
    """Pads that are high among `mask`."""
    sio = ptr32(0xD0000000)
    return sio[1] & mask


@micropython.viper
def holds(regs, n: int, low: int) -> int:
    """1 when `n` lamps' PWM slices hold what `regs` says and every pad in mask `low` is low.

    regs: six words a channel: address of CC, shift of the channel in it, expected count (-1: not
    checked), TOP, DIV, address of the pin's CTRL. RP2040 datasheet 4.5.3 (CSR 12 bytes before CC,
    DIV 8, TOP 4 after it), 2.19.6.1 (CTRL: function 4 is PWM, nothing overridden) and 2.3.1.7: SIO
    GPIO_IN reads the pad, whoever drives it.
    """
    sio = ptr32(0xD0000000)
    if sio[1] & low:
        return 0
    r = ptr32(regs)
    i = 0
    while i < n * 6:
        if r[i + 2] >= 0:
            pwm = ptr32(r[i] - 12)
            if (pwm[3] >> r[i + 1]) & 0xFFFF != r[i + 2]:
                return 0
            if (pwm[0] & 0x3F) != 1 or pwm[1] != r[i + 4] or pwm[4] != r[i + 3]:
                return 0
            pin = ptr32(r[i + 5])
            if pin[0] != 4:
                return 0
        i += 6
    return 1
