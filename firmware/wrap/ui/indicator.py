"""Indicator patterns: one bit for each slot of 100 ms, different for every state. Does not drive
the pin.

idle            one short blink every 1.6 s
uncalibrated    a second blink in idle, a second gap in running
running         steady, a short gap every 1.6 s      warn: quick even blinking
paused          slow even blinking, 0.8 s on, 0.8 s off
wake check      two on, one off, one on, four off: it waits for a press
refused         three quick blinks, once: the button's request is refused
fault           as many blinks as the fault's number, then a pause of 1.5 s
service         8 Hz by the chip's PWM (see the HAL), since the firmware does not run
"""

from wrap.compat import const
from wrap.rules import states

SLOT_MS = 100
_FRAME = const(16)

_IDLE = const(0x0001)
_IDLE_UNCAL = const(0x0005)
_RUN = const(0xFFFE)
_RUN_UNCAL = const(0xFFFA)
_PAUSED = const(0x00FF)
_WARN = const(0x3333)
_BUSY = const(0x0F0F)
_AWAKE = const(0x0B0B)
_REFUSED = const(0x2A)  # from its highest bit, so that it starts dark
_REFUSED_SLOTS = const(7)
_FAULT_PAUSE_SLOTS = const(15)
_LONG_SLOTS = const(8)
_SHORT_SLOTS = const(4)


def pattern_bits(state: int, warn: bool, calibrated: bool) -> int:
    """Return the 16 slots of a state's pattern, the first in the lowest bit. For faults see
    `fault_lit`."""
    if state == states.PAUSED:
        return _PAUSED
    if state == states.IDLE or state == states.DONE:  # `in (...)` would allocate a tuple
        return _IDLE if calibrated else _IDLE_UNCAL
    if state == states.SELF_TEST or state == states.RAMP_DOWN:
        return _BUSY
    if warn:
        return _WARN
    return _RUN if calibrated else _RUN_UNCAL


def fault_lit(code: int, slot: int) -> bool:
    """Return whether a fault's blink code is lit in `slot`: a long blink (600 ms) for each ten, a
    short one (200 ms) for each one, 200 ms dark after each, then a pause."""
    longs = code // 10 * _LONG_SLOTS
    at = slot % (longs + code % 10 * _SHORT_SLOTS + _FAULT_PAUSE_SLOTS)
    if at < longs:
        return at % _LONG_SLOTS < _LONG_SLOTS - 2
    at -= longs
    return at < code % 10 * _SHORT_SLOTS and at & 2 == 0


class Indicator:
    """Makes the pattern. Call `slot` once every SLOT_MS."""

    def __init__(self) -> None:
        self._slot = -1
        self._refused = 0  # slots of a refusal still to show

    def refuse(self) -> None:
        """Show a refusal once, from the next slot on."""
        self._refused = _REFUSED_SLOTS

    def slot(self, state: int, warn: bool, calibrated: bool, fault: int, asking: bool) -> bool:
        """Return whether the LED is lit in the next slot.

        state: one of `wrap.rules.states`; warn: a warning is pending; calibrated: every channel has
        a calibration; fault: the latched fault; asking: the wake check waits.
        """
        self._slot += 1
        if state == states.FAULT:
            return fault_lit(fault, self._slot)
        if self._refused:
            self._refused -= 1
            return _REFUSED >> self._refused & 1 == 1
        if asking:
            return _AWAKE >> (self._slot % _FRAME) & 1 == 1
        return pattern_bits(state, warn, calibrated) >> (self._slot % _FRAME) & 1 == 1
