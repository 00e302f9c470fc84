"""What every wrap without hardware has in common, whatever runs the firmware inside it.

A twin runs in virtual time only: nothing moves until `advance_ms` is called, so tests are exact and
repeatable, and a pacer (see `serve.py`) decides how fast that is against the wall clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from pbmwrap.twin.buzzes import Buzz
from pbmwrap.twin.plant import Plant

ResetKind = Literal["power", "watchdog", "pin"]


@dataclass(frozen=True)
class LampState:
    """One lamp channel as seen at its pin since the last `advance_ms` window began.

    `on_ppm`: share of the window the pin was high (0..1_000_000). `high`: the pin's level now.
    """

    on_ppm: int
    high: bool


class Twin(ABC):
    """A wrap without hardware. `plant` is the world: it is fed with what the pins do and feeds the
    sensors."""

    kind: str
    plant: Plant

    @property
    @abstractmethod
    def now_ms(self) -> int:
        """Virtual milliseconds since the twin was made; resets and power cuts do not restart it."""

    @abstractmethod
    def start(self) -> None:
        """Apply power. Returns with the firmware's first instruction still to run."""

    @abstractmethod
    def advance_ms(self, ms: int) -> None:
        """Let virtual time pass; the firmware, the plant and the USB host run inside."""

    def skip_ms(self, ms: int) -> None:
        """Let time pass as `advance_ms` does; a twin that can leaves out what rests meanwhile."""
        self.advance_ms(ms)

    @abstractmethod
    def write(self, data: bytes) -> int:
        """Offer bytes to the device's USB port; returns how many were taken, the rest is for
        later."""

    @abstractmethod
    def read(self) -> bytes:
        """All bytes the device has sent since the last call."""

    @abstractmethod
    def press(self, down: bool) -> None:
        """Hold or release the button."""

    @abstractmethod
    def lamps(self) -> list[LampState]:
        """Lamp channels in the board's order, seen at the pins."""

    @abstractmethod
    def enabled(self) -> bool:
        """Level of the series enable pin."""

    @abstractmethod
    def indicator(self) -> bool:
        """Whether the indicator is lit now."""

    def buzzes(self) -> list[Buzz]:
        """The buzzer's pattern since the twin was made: (virtual ms, sounds from then on). Empty
        where there is no buzzer."""
        return []

    def buzzing(self) -> bool:
        """Whether the buzzer sounds now."""
        record = self.buzzes()
        return bool(record) and record[-1][1]

    @abstractmethod
    def reset(self, kind: ResetKind) -> None:
        """Restart the chip. `power` loses RAM and the clock; flash survives all kinds."""

    @abstractmethod
    def power_off(self) -> None:
        """Take power away; `start` brings it back with the flash as it was."""

    @abstractmethod
    def hang(self) -> None:
        """The CPU makes no progress any more, as in an endless loop with interrupts off."""

    @abstractmethod
    def close(self) -> None:
        """Free what the twin holds. Safe to call twice."""

    def dark(self) -> bool:
        """True when no lamp can be lit: every lamp pin low, or the enable pin low."""
        return not self.enabled() or not any(lamp.high or lamp.on_ppm for lamp in self.lamps())
