"""Pins of an emulated chip over virtual time: levels, exact on-times, edges.

Everything here is observed at the pins; the firmware is not asked.
"""

from __future__ import annotations

from collections.abc import Callable

from rp2040py.gpio_pin import GPIOPin, GPIOPinState
from rp2040py.rp2040 import RP2040

from pbmwrap.twin.buzzes import Tone

Edge = tuple[int, bool]  # virtual ns, new level

# An input with its pull-up on lights a MOSFET's gate too, so it counts as high.
_HIGH = (GPIOPinState.HIGH, GPIOPinState.INPUT_PULL_UP)


def _read_back(pin: GPIOPin, value: GPIOPinState) -> None:
    """A pad reads the level that it drives; rp2040py keeps outputs and inputs apart."""
    if value in (GPIOPinState.HIGH, GPIOPinState.LOW):
        pin.set_input_value(value is GPIOPinState.HIGH)
    else:
        pin.release_input()


class Line:
    """One level over time. `now_ns` gives virtual nanoseconds, also inside an edge."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self.high = False
        self.last_fall_ns: int | None = None
        self.edges: list[Edge] | None = None  # a list here records every edge
        self._on_ns = 0
        self._since_ns = 0

    def set(self, high: bool) -> None:
        """The level from this moment on; setting the level it has changes nothing."""
        if high == self.high:
            return
        now = self._now_ns()
        if high:
            self._since_ns = now
        else:
            self._on_ns += now - self._since_ns
            self.last_fall_ns = now
        self.high = high
        if self.edges is not None:
            self.edges.append((now, high))

    def on_ns(self) -> int:
        """Nanoseconds spent high since the beginning, up to now."""
        return self._on_ns + (self._now_ns() - self._since_ns if self.high else 0)


class Window:
    """Share of time that a line was high since the window was opened."""

    def __init__(self, line: Line, now_ns: Callable[[], int]) -> None:
        self._line = line
        self._now_ns = now_ns
        self.open()

    def open(self) -> None:
        """Begin a new window now."""
        self._began_ns = self._now_ns()
        self._began_on_ns = self._line.on_ns()

    def on_ppm(self) -> int:
        """0..1_000_000; an empty window tells the level instead."""
        width = self._now_ns() - self._began_ns
        if width <= 0:
            return 1_000_000 if self._line.high else 0
        return (self._line.on_ns() - self._began_on_ns) * 1_000_000 // width


class Lamp:
    """One lamp channel: its pin, and whether it is lit (pin and series enable both high)."""

    def __init__(self, pin: int, now_ns: Callable[[], int]) -> None:
        self.pin = pin
        self.line = Line(now_ns)
        self.lit = Line(now_ns)
        self.window = Window(self.line, now_ns)
        self.plant_window = Window(self.lit, now_ns)


class Pins:
    """The wrap's outputs. `lights`: how many of `lamps`, the first ones, give light and not only
    heat; default: all. `attach` listens to a chip, `sync` repeats the levels after a reset."""

    def __init__(
        self,
        lamps: tuple[int, ...],
        enable: int,
        indicator: int,
        now_ns: Callable[[], int],
        buzzer: int | None = None,
        lights: int | None = None,
    ) -> None:
        self._lights = len(lamps) if lights is None else lights
        self.lamps = [Lamp(pin, now_ns) for pin in lamps]
        self.enable = Line(now_ns)
        self.indicator = Line(now_ns)
        self._by_pin: dict[int, Line | Tone] = {lamp.pin: lamp.line for lamp in self.lamps}
        self._by_pin |= {enable: self.enable, indicator: self.indicator}
        self.tone = Tone(now_ns)
        if buzzer is not None:
            self._by_pin[buzzer] = self.tone
        self._stuck: dict[int, GPIOPinState] = {}  # pads that follow no driver
        self._enable_pin = enable
        self._shorted: set[int] = set()  # pins whose MOSFET conducts whatever the pad does

    def attach(self, mcu: RP2040) -> None:
        """Follow these pins of a fresh chip."""
        for pin, line in self._by_pin.items():
            mcu.gpio[pin].add_listener(self._make_listener(mcu.gpio[pin], line))
        self.sync(mcu)

    def _make_listener(
        self, pin: GPIOPin, line: Line | Tone
    ) -> Callable[[GPIOPinState, GPIOPinState], None]:
        """Return a listener that keeps `line` at the level of `pin`."""

        def changed(value: GPIOPinState, _last: GPIOPinState) -> None:
            self._take_level(pin, line, value)
            self._update_light()

        return changed

    def _take_level(self, pin: GPIOPin, line: Line | Tone, driven: GPIOPinState) -> None:
        """Set `line` from the level that the chip drives, or from a short, which is stronger."""
        value = self._stuck.get(pin.index, driven)
        line.set(value in _HIGH)
        _read_back(pin, value)

    def stick(self, mcu: RP2040, pin: int, high: bool | None) -> None:
        """Short this pad to one level, whatever the chip drives; None repairs it."""
        if high is None:
            self._stuck.pop(pin, None)
        else:
            self._stuck[pin] = GPIOPinState.HIGH if high else GPIOPinState.LOW
        self.sync(mcu)

    def short(self, pin: int) -> None:
        """Let the MOSFET behind this pin conduct from now on, which no pad shows."""
        self._shorted.add(pin)
        self._update_light()

    def _update_light(self) -> None:
        """Set which lamps give light: both MOSFETs, of the lamp and of the enable, must conduct."""
        enabled = self.enable.high or self._enable_pin in self._shorted
        for lamp in self.lamps:
            lamp.lit.set(enabled and (lamp.line.high or lamp.pin in self._shorted))

    def light_ns(self) -> int:
        """Nanoseconds of light since the beginning, all lamps added up."""
        return sum(lamp.lit.on_ns() for lamp in self.lamps[: self._lights])

    def sync(self, mcu: RP2040) -> None:
        """Read all levels again: a chip reset changes pins without an event."""
        for pin, line in self._by_pin.items():
            self._take_level(mcu.gpio[pin], line, mcu.gpio[pin].value)
        self._update_light()

    def dark(self) -> None:
        """Set every pin low: the power is off."""
        self.tone.stop()
        for line in self._by_pin.values():
            line.set(False)
        self._update_light()
