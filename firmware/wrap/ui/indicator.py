"""Indicator patterns: a bit a slot of 100 ms, so every state looks different. Owns no pin.

idle            one short blink every 1.6 s
uncalibrated    a second blink in idle, a second gap in running
running         steady, a short gap every 1.6 s      warn: quick even blinking
paused          slow even blinking, 0.8 s on, off
awake?          two on, one off, one on, four off: the wake check waits for a press
no              three quick blinks, once: what the button asked for is refused
fault           as many blinks as the fault's number, then a pause of 1.5 s
service         8 Hz by hardware (see the HAL), since no firmware runs
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
_NO = const(0x2A)  # from its highest bit, so that it begins dark
_NO_SLOTS = const(7)
_FAULT_PAUSE_SLOTS = const(15)
_LONG_SLOTS = const(8)
_SHORT_SLOTS = const(4)


def bits(state, warn, calibrated):
    """The 16 slots of a pattern, first slot lowest; faults have their own rhythm (`fault_lit`)."""
    if state == states.PAUSED:
        return _PAUSED
    if state == states.IDLE or state == states.DONE:  # a tuple would be made in the heap
        return _IDLE if calibrated else _IDLE_UNCAL
    if state == states.SELF_TEST or state == states.RAMP_DOWN:
        return _BUSY
    if warn:
        return _WARN
    return _RUN if calibrated else _RUN_UNCAL


def fault_lit(code, slot):
    """Whether a fault's blink code is lit in `slot`: a long blink (600 ms) for each ten, a short
    one (200 ms) for each one, 200 ms dark after each, then a pause."""
    longs = code // 10 * _LONG_SLOTS
    at = slot % (longs + code % 10 * _SHORT_SLOTS + _FAULT_PAUSE_SLOTS)
    if at < longs:
        return at % _LONG_SLOTS < _LONG_SLOTS - 2
    at -= longs
    return at < code % 10 * _SHORT_SLOTS and at & 2 == 0


class Indicator:
    """Call `slot` once every SLOT_MS."""

    def __init__(self):
        self._slot = -1
        self._no = 0  # slots of a refusal still to show

    def refuse(self):
        """Show a refusal once, from the next slot on."""
        self._no = _NO_SLOTS

    def slot(self, state, warn, calibrated, fault, asking):
        """Whether the LED is lit in the slot that begins now. asking: the wake check waits."""
        self._slot += 1
        if state == states.FAULT:
            return fault_lit(fault, self._slot)
        if self._no:
            self._no -= 1
            return _NO >> self._no & 1 == 1
        if asking:
            return _AWAKE >> (self._slot % _FRAME) & 1 == 1
        return bits(state, warn, calibrated) >> (self._slot % _FRAME) & 1 == 1
