"""Keeps the emulated PIO at its rate while the CPU sleeps.

rp2040py runs at most one PIO instruction for each step of the CPU, and a sleeping CPU takes one
step to the next alarm, however far. An alarm at every due time keeps those steps short.
"""

from __future__ import annotations

from rp2040py.rp2040 import RP2040

_CYCLE_NS = 8
_IDLE_LOOK_NS = 10_000  # a stalled machine may be woken by a pin or an IRQ flag
_PIO_ADDRESSES = (0x50200, 0x50300)


class PioPacer:
    """Stands between the bus and one PIO block; paces it from the first write that starts it."""

    def __init__(self, mcu: RP2040, block: int) -> None:
        self._pio = mcu.pio[block]
        self._alarm = mcu.clock.create_alarm(self._tick)
        self._running = False
        self._at_due = False
        mcu.peripherals[_PIO_ADDRESSES[block]] = self

    def read_uint32(self, offset: int) -> int:
        return self._pio.read_uint32(offset)

    def write_uint32_atomic(self, offset: int, value: int, atomic_type: int) -> None:
        self._pio.write_uint32_atomic(offset, value, atomic_type)
        if not self._pio.stopped and not self._running:
            self._running = True
            self._alarm.schedule(_CYCLE_NS)

    def write_uint32(self, offset: int, value: int) -> None:
        self._pio.write_uint32(offset, value)

    def reset(self) -> None:
        self._pio.reset()

    def _tick(self) -> None:
        if self._pio.stopped:
            self._running = False
            return
        # The block learns of elapsed cycles after the clock's alarms. So an alarm at the due time
        # only makes the step end there; the next due time is known one cycle later.
        if self._at_due:
            self._at_due = False
            self._alarm.schedule(_CYCLE_NS)
            return
        cycles = (self._pio.next_due_fp - self._pio.cycle_fp) // 256 - 1
        self._at_due = True
        self._alarm.schedule(min(max(cycles * _CYCLE_NS, _CYCLE_NS), _IDLE_LOOK_NS))
