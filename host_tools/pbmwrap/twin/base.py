"""The interface of all twins: simulated wraps, whatever runs their firmware.

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
    """A wrap without hardware. The light at the pins heats `plant`, whose temperatures the sensors
    read."""

    kind: str
    plant: Plant

    @property
    @abstractmethod
    def now_ms(self) -> int:
        """Return virtual milliseconds since the twin was made, across resets and power cuts."""

    @abstractmethod
    def start(self) -> None:
        """Apply power. Returns with the firmware's first instruction still to run."""

    @abstractmethod
    def advance_ms(self, ms: int) -> None:
        """Let virtual time pass; the firmware, the plant and the USB host run inside."""

    def skip_ms(self, ms: int) -> None:
        """Let time pass as `advance_ms` does; a twin may omit steps in which nothing changes."""
        self.advance_ms(ms)

    @abstractmethod
    def write(self, data: bytes) -> int:
        """Offer bytes to the device's USB port. Returns how many were taken; offer the others
        again later."""

    @abstractmethod
    def read(self) -> bytes:
        """Return all bytes that the device has sent since the last call."""

    @abstractmethod
    def press(self, down: bool) -> None:
        """Hold or release the button."""

    @abstractmethod
    def lamps(self) -> list[LampState]:
        """Return the lamp channels in the board's order, and its warmer, measured at the pins."""

    @abstractmethod
    def enabled(self) -> bool:
        """Return the level of the series enable pin."""

    @abstractmethod
    def indicator(self) -> bool:
        """Return whether the indicator is lit."""

    def buzzes(self) -> list[Buzz]:
        """Return the buzzer's changes since the twin was made: (virtual ms, whether it sounds from
        then on). Empty without a buzzer."""
        return []

    def buzzing(self) -> bool:
        """Return whether the buzzer sounds."""
        record = self.buzzes()
        return bool(record) and record[-1][1]

    @abstractmethod
    def reset(self, kind: ResetKind) -> None:
        """Restart the chip. `power` loses RAM and the clock; flash survives all kinds."""

    @abstractmethod
    def power_off(self) -> None:
        """Remove the power. `start` restores it with the flash unchanged."""

    @abstractmethod
    def hang(self) -> None:
        """Stop the CPU, as in an endless loop with interrupts off."""

    @abstractmethod
    def close(self) -> None:
        """Free the twin's resources. Safe to call twice."""

    def dark(self) -> bool:
        """Return whether no lamp can be lit: every lamp pin low, or the enable pin low."""
        return not self.enabled() or not any(lamp.high or lamp.on_ppm for lamp in self.lamps())
