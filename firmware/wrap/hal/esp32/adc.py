"""Temperatures and button on an ESP32: sums as the contract wants them, from calibrated voltages.

The contract's reading is a ratio to the pull-ups' supply, but this converter measures volts against
its own reference. So a divider of two equal resistors shows the supply on an input of its own, and
the quotient is taken: a supply that is off, and most of a converter that is off, cancel.

read_uv() is calibrated by eFuse and right from 150 to 2450 mV (docs/esp32/quickref.rst). Outside,
no number is made up: below is a short, above is open. A chip without calibration raises, and a
supply that cannot be one makes every sensor a short: both are no light.
"""

from machine import ADC, Pin

from wrap.compat import const
from wrap.hal import LIGHT, PRESSED

_N = const(8)  # conversions of a sensor: four sensors take as long as two took with 16
_REF = const(4)
_LOW_MV = const(150)
_HIGH_MV = const(2450)
_HALF_LOW_MV = const(1500)  # half of 3.0 V
_HALF_HIGH_MV = const(1800)  # of 3.6 V, the chips' most
_FULL = const(65520)


def _channel(pin):
    """From the Pin: this also takes pulls and the digital input off."""
    return ADC(Pin(pin), atten=ADC.ATTN_11DB)


def _sum_mv(read_uv, n):
    """Sum of `n` conversions; 0 where the chip has no calibration or the converter fails."""
    total = 0
    try:
        for _ in range(n):
            total += read_uv() // 1000
    except OSError:
        return 0
    return total


def raw_of(sum_mv, ref_mv):
    """The contract's reading from the sum of 8 conversions and that of 4 of half the supply,
    mV."""
    if sum_mv < _LOW_MV * _N or ref_mv < _HALF_LOW_MV * _REF or ref_mv > _HALF_HIGH_MV * _REF:
        return 0
    if sum_mv > _HIGH_MV * _N:
        return _FULL
    return sum_mv * (_FULL // 4) // ref_mv  # below 2^30: 19600 * 16380


def made_inputs(pins, reference, button, sense):
    """The HAL's `inputs`. pins: the sensors'; reference: that of half the supply; button: low while
    held; sense: the sense input's Pin, or None."""
    reads = [_channel(pin).read_uv for pin in pins]
    read_ref = _channel(reference).read_uv
    held = Pin(button, Pin.IN, Pin.PULL_UP)

    def inputs(out):
        ref_mv = _sum_mv(read_ref, _REF)
        i = 0
        for read_uv in reads:
            out[i] = raw_of(_sum_mv(read_uv, _N), ref_mv)
            i += 1
        seen = 0 if held.value() else PRESSED
        return seen if sense is None or not sense.value() else seen | LIGHT

    return inputs
