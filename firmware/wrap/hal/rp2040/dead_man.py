"""Dead-man: a PIO state machine holds the enable pin high, and drops it when no step was verified
in time. It depends on neither CPU, interrupts nor Python.

The PIO drives the pin only while light is allowed. `drop` returns it to SIO and low, which acts at
once in any state of the PIO.
"""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportCallIssue=false
# (the PIO assembler knows its instructions without an import)

import rp2
from machine import Pin

from wrap.compat import const

_HZ = const(20000)  # 50 us per instruction: fine enough for 150 ms
_TURN_US = const(400)  # one turn of the counting loop, eight instructions
_DEPTH = const(4)  # words of the transmit FIFO


@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def _deadman() -> None:
    pull(block)  # low until the first word: a time in turns of the loop
    mov(x, osr)
    label("feed")
    mov(y, x)
    set(pins, 1)
    label("count")
    mov(osr, null)
    mov(isr, x)
    mov(x, null)
    pull(noblock)  # a new word, or x (0) without one
    mov(x, osr)
    jmp(not_x, "nofeed")
    mov(isr, x)
    jmp("feed")
    label("nofeed")
    mov(x, isr)
    jmp(y_dec, "count")
    set(pins, 0)  # expired: low until `arm`, which a latched fault prevents; H-14
    label("dead")
    jmp("dead")


class DeadMan:
    """Holds the enable high for a limited time. pin: number of the enable pin."""

    def __init__(self, pin: int) -> None:
        self._pin = Pin(pin, Pin.OUT, value=0)
        self._machine = rp2.StateMachine(0)

    def arm(self, life_ms: int) -> None:
        """Connect the pin to the PIO, high for `life_ms` from now."""
        self._machine.init(_deadman, freq=_HZ, set_base=self._pin)
        self._machine.put(life_ms * 1000 // _TURN_US)
        self._machine.active(1)

    def feed(self, life_ms: int) -> None:
        """Extend the time to `life_ms` from now. Never blocks. An expired pin stays low."""
        if self._machine.tx_fifo() < _DEPTH:
            self._machine.put(life_ms * 1000 // _TURN_US)

    def drop(self) -> None:
        """Drive the pin low now."""
        self._pin.init(Pin.OUT, value=0)
        self._machine.active(0)
