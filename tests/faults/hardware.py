"""Hardware that can be broken: the fake HAL with faults between the firmware and the world.

Three layers, as on a board: what the firmware wrote (`held`, `reg`, `enabled`), what the pads do
(`duty`, `enable_high`), and what the LEDs make of it (`Light`). Read-back sees what the real HAL
sees: compare registers of channels on PWM, pads of all others. A shorted MOSFET is seen by neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pbmwrap.twin.fake_hal import FakeHal
from wrap.hal.contract import Hal

OFF = -1
FULL = 65535
CALLS = tuple(n for n, v in vars(Hal).items() if callable(v))
Bend = Callable[[int], int]  # duty in, duty out
Sensor = Callable[[int, int], int]  # (raw, ms) in, raw out


class Light:
    """What the LEDs and a warmer give: integrated per channel, and every change between dark and
    lit. A warmer's heat counts as lit."""

    def __init__(self, channels: int, now_ms: int) -> None:
        self.acc = [0] * channels  # duty (u16) x ms
        self.edges: list[tuple[int, bool]] = []
        self.lit = False
        self.glow = [0] * channels  # duties
        self._since = now_ms

    def settle(self, now_ms: int) -> None:
        """Book the light up to now."""
        for ch, glow in enumerate(self.glow):
            self.acc[ch] += glow * (now_ms - self._since)
        self._since = now_ms

    def set(self, now_ms: int, glow: list[int]) -> None:
        """The channels' duties from now on."""
        if glow == self.glow:
            return
        self.settle(now_ms)
        self.glow = glow
        if any(glow) != self.lit:
            self.lit = any(glow)
            self.edges.append((now_ms, self.lit))


@dataclass
class Trap:
    """Calls `sprung` and raises `error()` at a call, after `skip` calls succeeded."""

    error: Callable[[], BaseException]
    sprung: Callable[[], None]
    skip: int = 0
    forever: bool = False
    armed: bool = True

    def step(self) -> None:
        if not self.armed:
            return
        if self.skip > 0:
            self.skip -= 1
            return
        self.armed = self.forever
        self.sprung()
        raise self.error()


# The firmware keeps these two calls as it finds them at boot; each makes this one at once.
_PART = {"inputs": "read_raws", "verify_and_feed": "lamps_hold"}


def set_trap(where: Any, name: str, trap: Trap) -> None:
    """`where.name(...)` springs the trap before it does anything."""
    name = _PART.get(name, name)
    plain = getattr(where, name)

    def call(*args: Any) -> Any:
        trap.step()
        return plain(*args)

    setattr(where, name, call)


@dataclass
class Broken:
    """What is broken; it stays so across resets. Keys are channel and sensor numbers."""

    pads: dict[int, Bend] = field(default_factory=dict)
    leds: dict[int, Bend] = field(default_factory=dict)
    sensors: dict[int, Sensor] = field(default_factory=dict)
    enable: bool | None = None  # stuck at this level
    enable_shorted: bool = False  # its MOSFET conducts whatever the pad does
    traps: dict[str, Trap] = field(default_factory=dict)  # by HAL call


class FaultHal(FakeHal):
    """`broken` and `light` outlive it: a reset makes a new HAL on the same board."""

    def __init__(self, broken: Broken, light: Light, *args: Any) -> None:
        self._broken = broken
        self._light = light
        super().__init__(*args)
        self.reg = list(self.held)
        for name, trap in broken.traps.items():
            set_trap(self, name, trap)
        self.refresh()

    def read_raws(self, out: Any) -> None:
        super().read_raws(out)
        for i, bend in self._broken.sensors.items():
            out[i] = min(65520, max(0, bend(out[i], self.now_ms)))

    def _set(self, ch: int, duty: int) -> None:
        self.held[ch] = self.reg[ch] = duty
        self._drive(ch)
        self._shine()

    def _drive(self, ch: int) -> None:
        bend = self._broken.pads.get(ch)
        pad = bend(self.reg[ch]) if bend else self.reg[ch]
        if pad != self.duty[ch]:
            self.settle(ch)
            self.duty[ch] = pad

    def enable(self, on: bool) -> None:
        super().enable(on)
        self._shine()

    def _drop(self) -> None:
        super()._drop()
        self._shine()

    def dark(self) -> None:
        super().dark()
        self._shine()

    def enable_high(self) -> bool:
        """The enable's pad."""
        stuck = self._broken.enable
        return self.enabled if stuck is None else stuck

    def refresh(self) -> None:
        """Let the pads and LEDs follow what is broken by now."""
        for ch in range(len(self.duty)):
            self._drive(ch)
        self._shine()

    def _shine(self) -> None:
        self._light.set(self.now_ms, list(self._glow()))

    def _glow(self) -> Iterator[int]:
        lets_through = self.enable_high() or self._broken.enable_shorted
        for ch, duty in enumerate(self.duty):
            bend = self._broken.leds.get(ch)
            yield (bend(duty) if bend else duty) if lets_through else 0

    def lit_up(self) -> bool:
        return any(self._light.glow[: self.n_light])

    def lose_register(self, ch: int, duty: int) -> None:
        """A compare register changes by itself."""
        self.reg[ch] = duty
        self.refresh()

    def enable_dropped(self) -> bool:
        return self.fell or (self.enabled and not self.enable_high())

    def lamps_hold(self) -> bool:
        if self.enable_dropped() or (self.enable_high() and not self.enabled):
            return False
        for ch, mode in enumerate(self.mode):
            if (self.duty[ch] != 0) if mode == OFF else (self.reg[ch] != self.held[ch]):
                return False
        return True
