# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What of the emulated RP2040 runs most often, compiled by tools/toolchain/emulator.py: the loop of
its instructions, the bus between its core and memory, and the divider and spinlocks of its SIO.

`Batch` does what `execute_batch` of rp2040py does with one tick of the clock an instruction, to the
cycle (tests/emulator/test_compiled.py). That one looks up three attributes and a method by name
for each instruction, which takes a third of the time.
`host_tools/pbmwrap/twin/rp2040_batch.py` is the same in Python, for when this is not compiled.

`FastRP2040` and `Sio` do what RP2040 and RPSIO of rp2040py do. An access of the former looks for a
method that a subclass in Python might have; firmware divides 200,000 times a second by the latter,
which is Python. Both together took half of the time.
"""

cimport cython
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


cdef enum:
    CPUID = 0x000
    DIV_UDIVIDEND = 0x060
    DIV_UDIVISOR = 0x064
    DIV_SDIVIDEND = 0x068
    DIV_SDIVISOR = 0x06C
    DIV_QUOTIENT = 0x070
    DIV_REMAINDER = 0x074
    DIV_CSR = 0x078
    SPINLOCK_ST = 0x05C
    SPINLOCK0 = 0x100
    SPINLOCK31 = 0x17C
    READY = 0b01
    DIRTY = 0b10
    DIVIDE_CYCLES = 8


cdef class Sio:
    """The SIO block: registers 0x5C to 0x78 and the spinlocks are here, all others are those of
    rp2040py's RPSIO. Firmware divides by this block 200,000 times a second, and the Python of RPSIO
    took two fifths of the emulator's time. It does what RPSIO does, and keeps whole numbers where
    that keeps fractions which every reader cuts off."""

    cdef RP2040 rp2040
    cdef object rest
    cdef long long dividend, divisor, quotient, remainder
    cdef unsigned int csr, locks

    def __init__(self, RP2040 rp2040):
        self.rp2040 = rp2040
        self.rest = rp2040.sio
        self._clear()

    def __getattr__(self, name):
        return getattr(self.rest, name)

    cdef void _clear(self):
        self.dividend = self.quotient = self.remainder = 0
        self.divisor = 1
        self.csr = self.locks = 0

    def reset(self):
        """Back to power-on."""
        self._clear()
        self.rest.reset()

    cdef void _divide(self, bint signed):
        cdef long long dividend, divisor
        if self.divisor == 0:
            self.quotient = -1 if self.dividend > 0 else 1
            self.remainder = self.dividend
        else:
            if signed:
                dividend, divisor = <int>self.dividend, <int>self.divisor
            else:
                dividend, divisor = <unsigned int>self.dividend, <unsigned int>self.divisor
            self.quotient = dividend // divisor  # cdivision: cut off, as in C
            self.remainder = dividend % divisor
        self.csr = READY | DIRTY
        self.rp2040.core.cycles += DIVIDE_CYCLES

    cdef unsigned int read(self, unsigned int offset) except? 0:
        cdef unsigned int bit
        if SPINLOCK0 <= offset <= SPINLOCK31:
            bit = <unsigned int>1 << ((offset - SPINLOCK0) // 4)
            if self.locks & bit:
                return 0
            self.locks |= bit
            return bit
        if offset == CPUID:
            return 0
        if offset == DIV_QUOTIENT:
            self.csr &= ~DIRTY
            return <unsigned int>self.quotient
        if offset == DIV_REMAINDER:
            return <unsigned int>self.remainder
        if offset == DIV_CSR:
            return self.csr
        if offset == DIV_UDIVIDEND or offset == DIV_SDIVIDEND:
            return <unsigned int>self.dividend
        if offset == DIV_UDIVISOR or offset == DIV_SDIVISOR:
            return <unsigned int>self.divisor
        if offset == SPINLOCK_ST:
            return self.locks
        return <unsigned int>(int(self.rest.read_uint32(offset)) & 0xFFFFFFFFU)

    cdef int write(self, unsigned int offset, long long value) except -1:
        if SPINLOCK0 <= offset <= SPINLOCK31:
            self.locks &= ~(<unsigned int>1 << ((offset - SPINLOCK0) // 4))
        elif offset == DIV_UDIVIDEND or offset == DIV_SDIVIDEND:
            self.dividend = value
            self._divide(offset == DIV_SDIVIDEND)
        elif offset == DIV_UDIVISOR or offset == DIV_SDIVISOR:
            self.divisor = value
            self._divide(offset == DIV_SDIVISOR)
        elif offset == DIV_QUOTIENT:
            self.quotient = value
            self.csr = READY | DIRTY
        elif offset == DIV_REMAINDER:
            self.remainder = value
            self.csr = READY | DIRTY
        else:
            self.rest.write_uint32(offset, value)
        return 0


cdef enum:
    FLASH_START = 0x10000000
    RAM_START = 0x20000000
    SIO_START = 0xD0000000
    SIO_BYTES = 0x180


cdef inline unsigned int load16(const unsigned char* at) noexcept:
    return at[0] | <unsigned int>at[1] << 8


cdef inline unsigned int load32(const unsigned char* at) noexcept:
    return load16(at) | load16(at + 2) << 16


cdef inline void store16(unsigned char* at, unsigned int value) noexcept:
    at[0] = value & 0xFF
    at[1] = value >> 8 & 0xFF


@cython.final
cdef class FastRP2040(RP2040):
    """The chip with a short way to flash, RAM and SIO. Every other access is RP2040's."""

    cdef unsigned char* flash_at
    cdef unsigned char* ram_at
    cdef Sio fast_sio

    def __init__(self, clock):
        RP2040.__init__(self, clock)
        self.flash_at = &self._flash[0]
        self.ram_at = &self._sram[0]
        self.sio = self.fast_sio = Sio(self)

    cpdef unsigned int read_uint32(self, long long address) except? 0:
        cdef unsigned int at = <unsigned int>address
        if not at & 3:
            if at - RAM_START < self.ram_byte_size:
                return load32(self.ram_at + (at - RAM_START))
            if at - FLASH_START < self.flash_byte_size:
                return load32(self.flash_at + (at - FLASH_START))
            if at - SIO_START < SIO_BYTES:
                return self.fast_sio.read(at - SIO_START)
        return RP2040.read_uint32(self, address)

    cpdef unsigned int read_uint16(self, long long address):
        cdef unsigned int at = <unsigned int>address
        if at - FLASH_START < self.flash_byte_size - 1:
            return load16(self.flash_at + (at - FLASH_START))
        if at - RAM_START < self.ram_byte_size - 1:
            return load16(self.ram_at + (at - RAM_START))
        return RP2040.read_uint16(self, address)

    cpdef unsigned int read_uint8(self, long long address):
        cdef unsigned int at = <unsigned int>address
        if at - FLASH_START < self.flash_byte_size:
            return self.flash_at[at - FLASH_START]
        if at - RAM_START < self.ram_byte_size:
            return self.ram_at[at - RAM_START]
        return RP2040.read_uint8(self, address)

    cpdef write_uint32(self, long long address, long long value):
        cdef unsigned int at = <unsigned int>address
        if not at & 3:
            if at - RAM_START < self.ram_byte_size:
                store16(self.ram_at + (at - RAM_START), <unsigned int>value)
                store16(self.ram_at + (at - RAM_START) + 2, <unsigned int>value >> 16)
                return
            if at - SIO_START < SIO_BYTES:
                self.fast_sio.write(at - SIO_START, value)
                return
        RP2040.write_uint32(self, address, value)

    cpdef write_uint16(self, long long address, long long value):
        cdef unsigned int at = <unsigned int>address
        if at - RAM_START < self.ram_byte_size - 1:
            store16(self.ram_at + (at - RAM_START), <unsigned int>value)
            return
        RP2040.write_uint16(self, address, value)

    cpdef write_uint8(self, long long address, long long value):
        cdef unsigned int at = <unsigned int>address
        if at - RAM_START < self.ram_byte_size:
            self.ram_at[at - RAM_START] = <unsigned char>value
            return
        RP2040.write_uint8(self, address, value)
