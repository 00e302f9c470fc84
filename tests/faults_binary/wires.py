"""Simulates sensor wires that carry more than their bead: readings follow the current at the lamps'
pins.

The network is the plant's (`Plant.input_share`). Current and feed come from the pins' edges, behind
the filter of 1 kOhm and 100 nF at the input, which with the divider settles in TAU_NS.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import board_facts
from pbmwrap.twin.plant import CODE_MAX

if TYPE_CHECKING:
    from pbmwrap.twin.rp2040_pins import Line
    from tests.faults_binary.lab import Lab

TAU_NS = 410_000  # (5.6 k parallel to an NTC of 7 k at 33 C, and 1 k) times 100 nF
FULL_A = sum(channel[3] for channel in board_facts.CHANNELS) / 1000


class _Filtered:
    """Filters a sum of lines, each with its weight while high, behind the filter."""

    def __init__(self, lab: Lab, lines: list[tuple[Line, float]]) -> None:
        self._lab, self._lines = lab, lines
        self._since_ns, self._value = lab.now_ns, self._sum()
        for line, _ in lines:
            self._follow(line)

    def _follow(self, line: Line) -> None:
        plain = line.set

        def changed(high: bool) -> None:
            if high != line.high:
                self._value = self.now()
                self._since_ns = self._lab.now_ns
            plain(high)

        line.set = changed  # type: ignore[method-assign]

    def _sum(self) -> float:
        return sum(weight for line, weight in self._lines if line.high)

    def now(self) -> float:
        """Return the filtered value at this moment."""
        level = self._sum()
        past = math.exp((self._since_ns - self._lab.now_ns) / TAU_NS)
        return level + (self._value - level) * past


class Wires:
    """Lets these sensors read from now on through the plant's wires. `hidden_k` warms their
    beads."""

    def __init__(self, lab: Lab, sensors: Iterable[str]) -> None:
        pins, plant = lab.twin.pins, lab.twin.plant
        amps = [channel[3] / 1000 for channel in board_facts.CHANNELS]
        lamps = [(lamp.lit, a) for lamp, a in zip(pins.lamps, amps, strict=True)]
        self._plant = plant
        self._lamp_a, self._feed = _Filtered(lab, lamps), _Filtered(lab, [(pins.enable, 1.0)])
        self.hidden_k = 0.0
        self.sensors = [plant.sensor_names.index(name) for name in sensors]
        plain = plant.raw12
        plant.raw12 = lambda i: self._code(i) if i in self.sensors else plain(i)  # type: ignore[method-assign]

    def _bead_c(self, i: int) -> float:
        return self._plant.sensor_c(i) + self.hidden_k

    def _code(self, i: int) -> int:
        share, bead_c = self._plant.input_share, self._bead_c(i)
        lamp_a, feed = self._lamp_a.now(), self._feed.now()
        without, with_feed = share(i, bead_c, lamp_a, False), share(i, bead_c, lamp_a, True)
        mixed = without + (with_feed - without) * feed
        return min(max(round(CODE_MAX * mixed), 0), CODE_MAX)

    def share_ground(self, kelvin: float) -> None:
        """Share a ground wire with the lamps, which makes readings `kelvin` colder at FULL_A."""
        for i in self.sensors:
            bead_c = self._bead_c(i)
            wire, share = self._plant.wires[i], self._plant.input_share
            wire.shared_ohm = 0.0
            zero = share(i, bead_c, 0.0)
            wanted = share(i, bead_c - kelvin, 0.0) - zero
            wire.shared_ohm = 1.0
            wire.shared_ohm = wanted / (share(i, bead_c, FULL_A) - zero)

    def leak(self, ohm: float) -> None:
        """Make a leak from the 12 V feed onto each signal."""
        for i in self.sensors:
            self._plant.wires[i].leak_ohm = ohm
