"""The RP2040's registers read directly: converter, PWM compare values, pads. Keeps no state."""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportInvalidTypeForm=false
# (viper knows ptr32 without an import)

import micropython


@micropython.viper
def sum16(ain: int) -> int:
    """16 conversions of input `ain`, summed. 73 us here against 440 us with ADC.read_u16 in a loop.

    RP2040 datasheet 4.9.6: CS = EN 0, START_ONCE 2, READY 8, AINSEL 12..14; RESULT is the next
    word.
    """
    cs = ptr32(0x4004C000)
    select_input = (cs[0] & 0x2) | 1 | (ain << 12)
    total = 0
    n = 0
    while n < 16:
        cs[0] = select_input | 4
        while not (cs[0] & 0x100):
            pass
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
    """1 when `n` PWM compare registers hold what `regs` says and every pad in mask `low` is low.

    regs: three words a channel: address of CC, shift of the channel in it, expected count (-1: not
    checked). RP2040 datasheet 4.5.3 (CHx_CC) and 2.3.1.7: SIO GPIO_IN reads the pad, whoever
    drives it.
    """
    sio = ptr32(0xD0000000)
    if sio[1] & low:
        return 0
    r = ptr32(regs)
    i = 0
    while i < n * 3:
        if r[i + 2] >= 0:
            cc = ptr32(r[i])
            if (cc[0] >> r[i + 1]) & 0xFFFF != r[i + 2]:
                return 0
        i += 3
    return 1
