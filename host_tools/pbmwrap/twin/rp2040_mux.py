"""The analogue multiplexer at the emulated RP2040's pins: a 4051 between sensors and an ADC input.

It depends on its select lines' pads only. A select line or the whole part can be broken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rp2040py.gpio_pin import GPIOPinState
from rp2040py.rp2040 import RP2040

from pbmwrap.twin.plant import CODE_MAX

# 74HC4051 at 3.3 V: from a select line to the output (docs/decisions/0020). Until then the output
# keeps its level.
SETTLE_NS = 250


class Mux:
    """facts: the board's; raw12(sensor): the code of a sensor by its number; now_ns: virtual time.

    Unused inputs are at ADC_VREF. References read the middle of their bounds, AGND 0.
    """

    def __init__(self, facts: Any, raw12: Callable[[int], int], now_ns: Callable[[], int]) -> None:
        self._pins: tuple[int, ...] = facts.MUX_PINS
        self._raw12 = raw12
        self._now_ns = now_ns
        behind = [(i, s) for i, s in enumerate(facts.SENSORS) if len(s) > 4 and s[4] is not None]
        self.ain: int = behind[0][1][3]
        self._sensors = {s[4]: i for i, s in behind}
        self._fixed = {
            ch: (low + high) // 32 if low else 0 for ch, low, high in facts.MUX_REFERENCES
        }
        self._stuck: dict[int, bool] = {}
        self._dead: int | None = None
        self._levels = [False] * len(self._pins)
        self._before = self._since_ns = 0

    def attach(self, mcu: RP2040) -> None:
        """Follow the select lines of a fresh chip; released pads are low (pull-downs)."""
        for line, pin in enumerate(self._pins):
            mcu.gpio[pin].add_listener(self._make_listener(line))
            self._levels[line] = mcu.gpio[pin].value is GPIOPinState.HIGH

    def _make_listener(self, line: int) -> Callable[[GPIOPinState, GPIOPinState], None]:
        def changed(value: GPIOPinState, _last: GPIOPinState) -> None:
            before = self.channel
            self._levels[line] = value is GPIOPinState.HIGH
            if self.channel != before and self._now_ns() - self._since_ns >= SETTLE_NS:
                self._before = before
            self._since_ns = self._now_ns()

        return changed

    @property
    def channel(self) -> int:
        """Return the selected channel."""
        levels = enumerate(self._levels)
        return sum(self._stuck.get(line, level) << line for line, level in levels)

    def stick(self, line: int, high: bool | None) -> None:
        """Hold select line A, B or C (0 to 2) at a level, against the chip; None repairs it."""
        self._stuck.pop(line, None)
        if high is not None:
            self._stuck[line] = high

    def die(self, code: int | None) -> None:
        """Hold the output at `code` (12 bits) for any channel; None repairs it."""
        self._dead = code

    def read(self) -> int:
        """Return the code of a conversion that begins now."""
        if self._dead is not None:
            return self._dead
        settled = self._now_ns() - self._since_ns >= SETTLE_NS
        return self._channel_code(self.channel if settled else self._before)

    def _channel_code(self, channel: int) -> int:
        if channel in self._sensors:
            return self._raw12(self._sensors[channel])
        return self._fixed.get(channel, CODE_MAX)


def adc_source(
    facts: Any, raw12: Callable[[int], int], mux: Mux | None
) -> tuple[Callable[[int], int], tuple[int, ...]]:
    """Return what each ADC input reads, and the inputs that have something on them."""
    direct = {s[3]: i for i, s in enumerate(facts.SENSORS) if len(s) < 5 or s[4] is None}

    def read(adc: int) -> int:
        return mux.read() if mux and adc == mux.ain else raw12(direct[adc])

    return read, (*direct, *((mux.ain,) if mux else ()))
