"""Temperatures, button and sense input of an ESP32, read as calibrated voltages.

The contract's reading is a ratio to the supply of the pull-ups, but this converter measures volts
against its own reference. So a divider of two equal resistors puts half the supply on an input of
its own, and the quotient is the reading: an error of the supply, and most of the converter's,
cancel.

read_uv() is calibrated by eFuse and correct from 150 to 2450 mV (MicroPython's
docs/esp32/quickref.rst). Below, the reading is that of a short, above, that of an open sensor. A
chip without calibration, or a supply outside 3.0 to 3.6 V, makes every sensor a short: no light.
"""

from machine import ADC, Pin

from wrap.compat import const
from wrap.hal import LIGHT, PRESSED

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable

_N = const(8)  # conversions per sensor
_REF = const(4)  # conversions of half the supply
_LOW_MV = const(150)
_HIGH_MV = const(2450)
_HALF_LOW_MV = const(1500)  # half of 3.0 V
_HALF_HIGH_MV = const(1800)  # half of 3.6 V, the chips' maximum
_FULL = const(65520)


def _open_channel(pin: int) -> ADC:
    """Return the ADC of a pin. Made from a Pin it also disables pulls and the digital input."""
    return ADC(Pin(pin), atten=ADC.ATTN_11DB)


def _sum_mv(read_uv: "Callable[[], int]", n: int) -> int:
    """Return the sum of `n` conversions in mV; 0 where the chip has no calibration or the converter
    fails."""
    total = 0
    try:
        for _ in range(n):
            total += read_uv() // 1000
    except OSError:
        return 0
    return total


def raw_of(sum_mv: int, ref_mv: int) -> int:
    """Return the contract's reading from the sum of 8 conversions of a sensor and that of 4 of half
    the supply, in mV."""
    if sum_mv < _LOW_MV * _N or ref_mv < _HALF_LOW_MV * _REF or ref_mv > _HALF_HIGH_MV * _REF:
        return 0
    if sum_mv > _HIGH_MV * _N:
        return _FULL
    return sum_mv * (_FULL // 4) // ref_mv  # below 2^30: 19600 * 16380


def make_inputs(
    pins: "list[int]", reference: int, button: int, sense: "Pin | None"
) -> "Callable[[array[int]], int]":
    """Return the HAL's `inputs`. pins: those of the sensors; reference: that of half the supply;
    button: its pin, low while held; sense: the sense input's Pin, or None."""
    reads = [_open_channel(pin).read_uv for pin in pins]
    read_ref = _open_channel(reference).read_uv
    held = Pin(button, Pin.IN, Pin.PULL_UP)

    def inputs(out: "array[int]") -> int:
        ref_mv = _sum_mv(read_ref, _REF)
        i = 0
        for read_uv in reads:
            out[i] = raw_of(_sum_mv(read_uv, _N), ref_mv)
            i += 1
        seen = 0 if held.value() else PRESSED
        return seen if sense is None or not sense.value() else seen | LIGHT

    return inputs
