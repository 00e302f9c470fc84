"""The enable pin under a PIO state machine: it falls by itself when nobody has verified a step.

Independent of the CPU, of interrupts and of Python. The pin is handed to the PIO only while light
is allowed; `drop` takes it back to SIO and low, which acts at once whatever the PIO does.
"""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportCallIssue=false
# (the PIO assembler knows its instructions without an import)

import rp2
from machine import Pin

from wrap.compat import const

_HZ = const(20000)  # 50 us an instruction: fine enough for 150 ms
_TURN_US = const(400)  # eight instructions, one turn of the counting loop
_DEPTH = const(4)  # words the transmit FIFO holds


@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def _deadman():
    pull(block)  # low until the first word: a life in turns
    mov(x, osr)
    label("feed")
    mov(y, x)
    set(pins, 1)
    label("count")
    mov(osr, null)
    mov(isr, x)
    mov(x, null)
    pull(noblock)  # a new word, or x (0) when none came
    mov(x, osr)
    jmp(not_x, "nofeed")
    mov(isr, x)
    jmp("feed")
    label("nofeed")
    mov(x, isr)
    jmp(y_dec, "count")
    set(pins, 0)  # expired: low until a person has seen to it; H-14
    label("dead")
    jmp("dead")


class DeadMan:
    """pin: number of the enable pin."""

    def __init__(self, pin):
        self._pin = Pin(pin, Pin.OUT, value=0)
        self._machine = rp2.StateMachine(0)

    def arm(self, life_ms):
        """Hand the pin to the PIO, high for `life_ms` from now."""
        self._machine.init(_deadman, freq=_HZ, set_base=self._pin)
        self._machine.put(life_ms * 1000 // _TURN_US)
        self._machine.active(1)

    def feed(self, life_ms):
        """Another `life_ms`. Never blocks, and an expired pin stays low."""
        if self._machine.tx_fifo() < _DEPTH:
            self._machine.put(life_ms * 1000 // _TURN_US)

    def drop(self):
        """Low, now."""
        self._pin.init(Pin.OUT, value=0)
        self._machine.active(0)
