"""Buzzer patterns: on or off in each slot of 100 ms. Does not drive the pin.

wake check  two short beeps every 2 s while the wake check waits for a press
warning     one short beep when a warning is new, at most one a minute
fault       0.5 s on, 0.5 s off for two minutes; then 2 s of it every 30 s until acknowledged
hot         the same times with 0.1 s on, 0.1 s off: take the wrap off (`HOT`)

A press silences a fault's pattern for ten minutes. After a restart, a fault that was latched before
it sounds every 30 s for ten minutes only, so that a stored wrap becomes quiet, unless it is hot.
"""

from wrap.compat import const
from wrap.rules import faults, states

_ASK_SLOTS = const(20)
_ASK = const(0b101)
_MINUTE = const(600)
_LOUD_SLOTS = const(1200)  # a fault's pattern without pauses
_REMIND_SLOTS = const(300)
_REMIND_ON = const(20)
_QUIET_SLOTS = const(6000)  # silence after a press; sound of a fault from before a restart
_FAULT = const(0b0000011111)
_HOT = const(0b0101010101)
_BITS = const(10)
# Faults of a pad that is hot, or that may be heated by lamps which cannot be switched off.
HOT = (
    faults.SKIN_HOT,
    faults.BOARD_HOT,
    faults.GROSS,
    faults.HOT_OFF,
    faults.LAMP_STUCK,
    faults.LIGHT,
)


class Buzzer:
    """Makes the pattern. Call `slot` once every 100 ms."""

    def __init__(self, latched: bool) -> None:
        """latched: a fault was latched before this start."""
        self._old = latched
        self._hot = False
        self._fault = -1  # slots since the fault or since the start; -1: no fault
        self._quiet = 0  # slots that stay silent after a press
        self._ask = 0  # slot within the wake check's pattern
        self._beep = False
        self._wait = 0  # slots until the next warning may sound

    def warn(self) -> None:
        """Sound a beep for a new warning in the next slot, unless one sounded within a minute."""
        if not self._wait:
            self._beep = True
            self._wait = _MINUTE

    def press(self) -> None:
        """Silence a fault's pattern for ten minutes after a press. The fault stays latched."""
        if self._fault >= 0:
            self._quiet = _QUIET_SLOTS

    def slot(self, state: int, asking: bool, fault: int, now: int) -> bool:
        """Return whether the buzzer sounds in the next slot.

        state: one of `wrap.rules.states`; asking: the wake check waits; fault: the latched fault;
        now: the fault that this step's readings show.
        """
        if self._wait:
            self._wait -= 1
        beep = self._beep
        self._beep = False
        if state == states.FAULT:
            if now in HOT:
                self._old = False
            return self._fault_slot(fault in HOT or now in HOT)
        if self._fault >= 0:
            self._old = self._hot = False
            self._fault = -1
            self._quiet = 0
        if not asking:
            self._ask = 0
            return beep
        at = self._ask
        self._ask = (at + 1) % _ASK_SLOTS
        return _ASK >> at & 1 == 1

    def _fault_slot(self, hot: bool) -> bool:
        """Return whether a fault's pattern sounds in the next slot. hot: of this fault, or now."""
        if hot and not self._hot:  # more urgent than the pattern so far: start again
            self._hot = True
            if self._fault >= 0:
                self._fault = -1
                self._quiet = 0
        self._fault += 1
        at = self._fault
        if self._quiet:
            self._quiet -= 1
            return False
        if self._old:
            if at >= _QUIET_SLOTS:
                return False
        elif at < _LOUD_SLOTS:
            return self._pattern_bit(at)
        at %= _REMIND_SLOTS
        return at < _REMIND_ON and self._pattern_bit(at)

    def _pattern_bit(self, at: int) -> bool:
        """Return whether slot `at` of the pattern, counted from its begin, sounds."""
        return (_HOT if self._hot else _FAULT) >> at % _BITS & 1 == 1
