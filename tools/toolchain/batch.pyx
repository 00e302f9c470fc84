# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The loop that runs the emulated RP2040, compiled by tools/toolchain/emulator.py.

It does what `execute_batch` of rp2040py does with one tick of the clock an instruction, to the
cycle (tests/emulator/test_compiled.py). That one looks up three attributes and a method by name
for each instruction, which takes a third of the time.
`host_tools/pbmwrap/twin/rp2040_batch.py` is the same in Python, for when this is not compiled.
"""

from rp2040py.native._cortex_m0_core cimport CortexM0Core
from rp2040py.native._pio cimport RPPIO
from rp2040py.native._rp2040 cimport RP2040
from rp2040py.native._simulation_clock cimport SimulationClock

cdef double CYCLE_NANOS = 1e9 / 125_000_000
cdef long MOST_INSTRUCTIONS = 1_000_000  # then Python sees signals


cdef class Batch:
    """Runs the chip's instructions until `stopped` is set."""

    cdef RP2040 rp2040
    cdef public bint stopped

    def __init__(self, RP2040 rp2040):
        self.rp2040 = rp2040
        self.stopped = True

    def run(self):
        """Run until `stopped` is set by a callback, or for a million instructions."""
        cdef CortexM0Core core = self.rp2040.core
        cdef SimulationClock clock = self.rp2040.clock
        cdef RPPIO pio0, pio1
        pio0, pio1 = self.rp2040.pio
        cdef long left = MOST_INSTRUCTIONS
        cdef long long cycles
        cdef double nanos, until

        if self.rp2040.run_pin_low:
            return
        while left and not self.stopped:
            left -= 1
            if core.waiting:
                nanos = 0.0
                if clock._next_alarm is not None:
                    nanos = clock._next_alarm.nanos - clock._nanos_counter
                cycles = <long long>(nanos / CYCLE_NANOS)
                if cycles == 0:
                    cycles = 1
            else:
                cycles = core.execute_instruction()
                nanos = cycles * CYCLE_NANOS
            until = clock._nanos_counter + nanos
            if clock._next_alarm is None or clock._next_alarm.nanos > until:
                clock._nanos_counter = until  # what `tick` does without an alarm that is due
            else:
                clock.tick(nanos)
            if not pio0.stopped:
                pio0.advance(cycles)
            if not pio1.stopped:
                pio1.advance(cycles)
