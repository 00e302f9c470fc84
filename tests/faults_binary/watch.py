"""Looks at the pins of a wrap from the cause on: when the light ended, when the pins were low."""

from __future__ import annotations

from dataclasses import dataclass

from pbmwrap.twin.rp2040_pins import Line
from tests.faults_binary.lab import MS, Lab

_SLICE_MS = 5
_PATIENCE_MS = 3000  # for a cause that waits for something else
_LOW_NS = 40 * MS  # lamps and enable low for so long: settled
_DARK_NS = 120 * MS  # no light for so long, whatever a stuck pin does; longer than any pulse
CYCLES_PER_US = 125


@dataclass(frozen=True)
class Seen:
    """Holds what was seen. Virtual ns, or None for what did not come. `dark`: the last light;
    `low`: the last of the lamp pads and the enable; `resumed`: light began again after it had
    settled."""

    cause: int
    dark: int | None
    low: int | None
    resumed: bool

    def after_ms(self, at: int | None) -> float | None:
        """Return exact milliseconds from the cause; 0 when it was so already."""
        return None if at is None else max(at - self.cause, 0) / MS

    @staticmethod
    def cycle(at: int | None) -> int | None:
        return None if at is None else at * CYCLES_PER_US // 1000


def _fell(lines: list[Line]) -> int | None:
    """Return when the last of these lines went low; None while one is high."""
    if any(line.high for line in lines):
        return None
    return max(line.last_fall_ns or 0 for line in lines)


class Watch:
    """Watches the pins. Begin before the cause: it keeps the edges of the light."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        pins = lab.twin.pins
        self._lights = [lamp.lit for lamp in pins.lamps]
        self._lines = [*(lamp.line for lamp in pins.lamps), pins.enable]
        for line in self._lights:
            line.edges = []

    def wait(self, most_ms: int) -> Seen:
        """Wait until the pins or the light have settled, or `most_ms` have gone since the cause."""
        lab = self._lab
        ends = lab.now_ns + _PATIENCE_MS * MS
        while lab.now_ns < ends:
            lab.advance(_SLICE_MS)
            if lab.cause_ns >= 0:
                ends = lab.cause_ns + most_ms * MS
                if self._settled():
                    break
        self._dark, self._low = self._lasting(self._lights), self._lasting(self._lines)
        return self.seen()

    def _lasting(self, lines: list[Line]) -> int | None:
        """Return when they went low to stay so: between two pulses of the carrier, and in a window
        of the wire check, they are low as well."""
        fell = _fell(lines)
        return None if fell is None or self._lab.now_ns - fell < _LOW_NS else fell

    def _settled(self) -> bool:
        now, cause = self._lab.now_ns, self._lab.cause_ns
        low, dark = _fell(self._lines), _fell(self._lights)
        if low is not None and now - max(low, cause) >= _LOW_NS:
            return True
        return dark is not None and now - max(dark, cause) >= _DARK_NS

    def seen(self) -> Seen:
        """Return what `wait` found, and whether light came again since."""
        dark = self._dark
        rises = [ns for line in self._lights for ns, high in line.edges or () if high]
        again = dark is not None and any(ns > dark for ns in rises)
        return Seen(self._lab.cause_ns, dark, self._low, again)
