"""Runs code at the REPL of the benchmark's image on the emulated RP2040, and measures calls there.

A call is measured between two edges of a spare pin, in virtual time: CPU cycles of 125 MHz. The
cost of the edges is measured the same way and subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.twin.rp2040_pins import GPIOPinState

BOARD = "PBMWRAP_BENCH"
CALLS = 300
PERIOD_US = 10_000
_MARK_PIN = 17
_SETTLE_CALLS = 60  # calls that are not counted
_READY_MS = 1000
_SPARE_MS = 20_000  # for a setup


@dataclass(frozen=True)
class MeasuredCall:
    """Something to measure. `call` names a callable without arguments, in the REPL, once `setup`
    has run there. `condition` is an expression that must be true after the last call."""

    call: str
    setup: str
    condition: str


class ReplBoard:
    """The benchmark's image at its REPL, its wrap interrupted; `close` when done.

    marks_ns: times of the spare pin's edges, virtual ns, since it was last cleared."""

    def __init__(self, image: Path) -> None:
        self.twin = Rp2040Twin(image)
        self.twin.start()
        self.twin.run_until(self.twin.enumerated, _READY_MS)
        self.run_code("import bench_rig")
        self.marks_ns: list[float] = []
        self.twin.chip.mcu.gpio[_MARK_PIN].add_listener(self._note_edge)

    def _note_edge(self, value: GPIOPinState, _last: GPIOPinState) -> None:
        if value in (GPIOPinState.HIGH, GPIOPinState.LOW):
            self.marks_ns.append(self.twin.chip.nanos)

    def run_code(self, code: str, lasts_ms: int = 0) -> str:
        """Run code that takes at most `lasts_ms` and 20 s more in the raw REPL; return what it
        printed. Raises as Rp2040Twin.repl does."""
        return self.twin.repl(code, lasts_ms + _SPARE_MS).strip()

    def close(self) -> None:
        """End the emulated chip."""
        self.twin.close()

    def _between_marks_ns(self, calls: int) -> list[float]:
        edges = self.marks_ns[-2 * calls :]  # before them, the pin became an output
        assert len(edges) == 2 * calls, f"{len(edges)} marks of {2 * calls}"
        return [b - a for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def measure_call(
        self, measured: MeasuredCall, count: int = CALLS, period_us: int = PERIOD_US
    ) -> dict[str, float]:
        """Return median, p99 and worst of `count` calls in us, and the bytes that a call allocates.
        Raises RuntimeError when `condition` is not true after them."""
        self.marks_ns.clear()
        self.run_code("edge = bench_rig.make_marker()\nfor _ in range(20):\n edge()\n edge()")
        mark_ns = median(self._between_marks_ns(20))
        calls = _SETTLE_CALLS + count
        lines = [
            measured.setup,
            f"taken = bench_rig.run_marked({measured.call}, {calls}, {period_us})",
            f"print(taken, {measured.condition})",
        ]
        taken, held = self.run_code("\n".join(lines), calls * period_us // 1000).split()
        if held != "True":
            raise RuntimeError(f"{measured.call} did not end as it should: {measured.condition}")
        us = sorted((ns - mark_ns) / 1000 for ns in self._between_marks_ns(calls)[_SETTLE_CALLS:])
        return {
            "us_median": median(us),
            "us_p99": us[len(us) * 99 // 100],
            "us_worst": us[-1],
            "bytes": int(taken) / calls,
        }
