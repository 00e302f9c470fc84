"""The emulated wrap: the real firmware image on rp2040py, with plant, button and USB host outside.

Lamps, enable and indicator are read from the pins' edges, never from the firmware's answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from pbmwrap.facts import board_facts
from pbmwrap.twin.base import LampState, ResetKind, Twin
from pbmwrap.twin.buzzes import Buzz
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.rp2040_chip import Chip, flash_with
from pbmwrap.twin.rp2040_fs import flash_with_files
from pbmwrap.twin.rp2040_mux import Mux, adc_source
from pbmwrap.twin.rp2040_pins import Edge, Pins
from pbmwrap.twin.rp2040_repl import Repl
from wrap.hal import list_outputs

PLANT_MS = 50
_MS = 1_000_000  # nanoseconds
_CYCLES_PER_US = 125
_READY_STEP_MS = 1


class Rp2040Twin(Twin):
    """`image`: a .uf2; `flash`: 2 MB to begin with, under the image; off until `start`.

    `cdc_reader`: whether the USB port is read, see `set_reader`.
    """

    kind = "rp2040"

    def __init__(
        self,
        image: Path,
        plant: Plant | None = None,
        *,
        flash: bytes | None = None,
        cdc_reader: bool = True,
        facts: ModuleType | None = None,
    ) -> None:
        facts = facts or board_facts()
        self.plant = plant or Plant(facts)
        self._facts = facts
        self._flash = bytes(flash_with(image, flash))
        self._chip: Chip | None = None
        self._flash_ms = (0.0, 0.0)
        self._stuck: list[tuple[int, int, bool]] = []
        self._powered_ns = 0  # virtual time of the last power-on, or now while off
        self._target_ns = 0
        self._plant_due_ns = PLANT_MS * _MS
        self._open, self._reader, self._pressed = True, cdc_reader, False
        lamp_pins = tuple(channel[2] for channel in list_outputs(facts))
        lights = len(facts.CHANNELS)
        buzzer = getattr(facts, "BUZZER_PIN", None)
        pins = (lamp_pins, facts.ENABLE_PIN, facts.INDICATOR_PIN, self._now, buzzer)
        self.pins = Pins(*pins, lights=lights)
        self.mux: Mux | None = None
        if getattr(facts, "MUX_PINS", None) is not None:
            self.mux = Mux(facts, self._raw12, self._now)

    def _now(self) -> int:
        return self._powered_ns + (int(self._chip.nanos) if self._chip else 0)

    @property
    def now_ns(self) -> int:
        """Virtual nanoseconds since the twin was made."""
        return self._now()

    @property
    def now_ms(self) -> int:
        return self._now() // _MS

    def cycles(self) -> int:
        """CPU cycles (125 MHz) since the twin was made, asleep or not."""
        return self._now() * _CYCLES_PER_US // 1000

    @property
    def powered(self) -> bool:
        """True between `start` and `power_off`."""
        return self._chip is not None

    def start(self) -> None:
        if self._chip:
            return
        chip = self._chip = Chip(self._flash, self._open, self._reader)
        chip.on_reset = self._sync_pins
        chip.slow_flash(*self._flash_ms)
        for where in self._stuck:
            chip.stick_ram(*where)
        self.pins.attach(chip.mcu)
        if self.mux:
            self.mux.attach(chip.mcu)
        chip.read_adc(*adc_source(self._facts, self._raw12, self.mux))
        chip.every(self._plant_due_ns - self._powered_ns, PLANT_MS * _MS, self._step_plant)
        if self._facts.SENSE_PIN is not None:
            self._sensed_ns = [0, 0, 0]
            chip.every(_MS, _MS, self._read_sense)
        self.press(self._pressed)

    def _raw12(self, sensor: int) -> int:
        return self.plant.raw12(sensor)

    def _read_sense(self) -> None:
        """The sense input, behind a filter: high while there was light in the last 3 ms."""
        if self._chip:
            self._sensed_ns = [*self._sensed_ns[1:], self.pins.light_ns()]
            light = self._sensed_ns[-1] > self._sensed_ns[0]
            self._chip.mcu.gpio[self._facts.SENSE_PIN].set_input_value(light)

    def _sync_pins(self) -> None:
        if self._chip:
            self.pins.sync(self._chip.mcu)

    def _step_plant(self) -> None:
        self._plant_due_ns += PLANT_MS * _MS
        windows = [lamp.plant_window for lamp in self.pins.lamps]
        self.plant.step(PLANT_MS, [window.on_ppm() for window in windows])
        for window in windows:
            window.open()

    def advance_ms(self, ms: int) -> None:
        for lamp in self.pins.lamps:
            lamp.window.open()
        self._target_ns += ms * _MS
        if self._chip:
            self._chip.run_to(self._target_ns - self._powered_ns)
        else:
            self._wait_without_power()

    def _wait_without_power(self) -> None:
        while self._plant_due_ns <= self._target_ns:
            self._powered_ns = self._plant_due_ns
            self._step_plant()
        self._powered_ns = max(self._powered_ns, self._target_ns)

    def run_until(
        self, predicate: Callable[[], bool], timeout_ms: int, step_ms: int = _READY_STEP_MS
    ) -> int:
        """Advance until `predicate()`; returns the ms that took. Raises TimeoutError."""
        began_ms = self.now_ms
        while not predicate():
            if self.now_ms - began_ms >= timeout_ms:
                raise TimeoutError(f"it did not happen within {timeout_ms} virtual ms")
            self.advance_ms(step_ms)
        return self.now_ms - began_ms

    @property
    def chip(self) -> Chip:
        """The chip with power on, to break things in it. Raises RuntimeError while off."""
        if not self._chip:
            raise RuntimeError("the power is off")
        return self._chip

    def stick(self, pin: int, high: bool | None) -> None:
        """Short an output's pad to one level, whatever the chip drives; None repairs it."""
        self.pins.stick(self.chip.mcu, pin, high)

    def enumerated(self) -> bool:
        """True while the USB port exists."""
        return self._chip is not None and self._chip.usb.enumerated

    def write(self, data: bytes) -> int:
        return self._chip.usb.write(data) if self._chip else 0

    def read(self) -> bytes:
        return self._chip.usb.read() if self._chip else b""

    def set_reader(self, reading: bool) -> None:
        """Read the port or let it fill up: a port that is open but not read."""
        self._reader = reading
        if self._chip:
            self._chip.usb.set_reader(reading)

    def open_port(self, opened: bool) -> None:
        """Open or close the port (DTR and RTS), as a terminal does."""
        self._open = opened
        if self._chip:
            self._chip.usb.set_open(opened)

    def repl(self, code: str, timeout_ms: int = 5000) -> str:
        """Ctrl-C, run `code` in the raw REPL, back to the friendly one; see `Repl.run_code`."""
        return Repl(self, timeout_ms).run_code(code)

    def press(self, down: bool) -> None:
        self._pressed = down
        if self._chip:
            pin = self._chip.mcu.gpio[self._facts.BUTTON_PIN]
            if down:
                pin.set_input_value(False)
            else:
                pin.release_input()

    def lamps(self) -> list[LampState]:
        return [LampState(lamp.window.on_ppm(), lamp.line.high) for lamp in self.pins.lamps]

    def enabled(self) -> bool:
        return self.pins.enable.high

    def indicator(self) -> bool:
        return self.pins.indicator.high

    def buzzes(self) -> list[Buzz]:
        """Return the changes seen at the pin, which toggles at about 2.7 kHz."""
        return self.pins.tone.record()

    def driven_low(self, pin: int) -> bool:
        """Return whether the chip drives this pin low; a released pin is not driven."""
        return self._chip is not None and self._chip.drives_low(pin)

    def on_ns(self, channel: int) -> int:
        """Nanoseconds that the lamp's pin was high since the twin was made."""
        return self.pins.lamps[channel].line.on_ns()

    def record_edges(self, recording: bool = True) -> None:
        """Begin to keep the lamps' edges, forgetting older ones, or stop keeping them."""
        for lamp in self.pins.lamps:
            lamp.line.edges = [] if recording else None

    def edges(self, channel: int) -> list[Edge]:
        """Edges of a lamp's pin as (virtual ns, level) since `record_edges`."""
        return list(self.pins.lamps[channel].line.edges or ())

    def last_fall_ns(self, channel: int) -> int | None:
        """Virtual ns of the last falling edge of a lamp's pin, None when there was none."""
        return self.pins.lamps[channel].line.last_fall_ns

    def flash(self) -> bytes:
        """Return the flash as it is now, 2 MB."""
        return self._chip.flash() if self._chip else self._flash

    def flip_flash(self, at: int, bit: int) -> None:
        """Flip a bit of the flash, with power on or off."""
        self.write_flash(at, bytes([self.flash()[at] ^ 1 << bit]))

    def write_flash(self, at: int, data: bytes) -> None:
        """Write bytes into the flash from outside the chip."""
        if self._chip:
            self._chip.mcu.flash[at : at + len(data)] = data
        else:
            self._flash = self._flash[:at] + data + self._flash[at + len(data) :]

    def stick_ram(self, address: int, bit: int, high: bool) -> None:
        """Let a bit of the RAM be stuck from the next power-on; see `Chip.stick_ram`."""
        self._stuck.append((address, bit, high))

    def ram_verdict(self) -> int:
        """Return the result of our image's RAM test at boot: 0 before its end; see ram_test.c."""
        return self._chip.mcu.watchdog.scratch_data[1] if self._chip else 0

    def load_flash(self, content: bytes) -> None:
        """Replace the flash's 2 MB. Raises RuntimeError unless the power is off."""
        if self._chip:
            raise RuntimeError("flash is replaced in a wrap without power")
        self._flash = bytes(content)

    def install_files(self, files: Mapping[str, bytes]) -> None:
        """Write files into the filesystem. Raises RuntimeError unless the power is off."""
        if self._chip:
            raise RuntimeError("files are installed into the flash of a wrap without power")
        self._flash = flash_with_files(self._flash, files)

    def reset(self, kind: ResetKind) -> None:
        if kind == "power":
            self.power_off()
            self.start()
        elif self._chip and kind == "watchdog":
            self._chip.reset_by_watchdog()
        elif self._chip:
            self._chip.reset_by_pin()

    def power_off(self) -> None:
        if not self._chip:
            return
        self._flash = self._chip.flash()
        self.pins.dark()
        self._powered_ns, self._chip = self._now(), None

    def slow_flash(self, erase_ms: float, page_ms: float = 0.4) -> None:
        """Give the flash the times of a real part: about 45 ms an erase, 400 ms at worst."""
        self._flash_ms = (erase_ms, page_ms)
        if self._chip:
            self._chip.slow_flash(erase_ms, page_ms)

    def hang(self) -> None:
        if self._chip:
            self._chip.hang()

    def close(self) -> None:
        self.power_off()
