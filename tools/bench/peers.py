"""Measures what one control step costs, beside the same step in C and in plain MicroPython.

python -m tools.bench.peers [--json] [--steps N]      builds the benchmark's image if need be

wrap: the wrap's step in a running session. reference: the same, each decided by App.step. plain:
plain MicroPython. c: C. All run on the emulated RP2040, in virtual time. A call is measured between
two edges of a spare pin, in CPU cycles of 125 MHz; the cost of the edges is measured the same way
and subtracted.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.twin.rp2040_pins import GPIOPinState
from tools.toolchain.built import find_image

BOARD = "PBMWRAP_BENCH"
STEPS = 300
PERIOD_US = 10_000
_MARK_PIN = 17
_SETTLE_STEPS = 60  # calls that are not counted
_READY_MS = 1000
_SPARE_MS = 20_000  # for a setup


@dataclass(frozen=True)
class Peer:
    """Something to measure. `call` names a callable without arguments, in the REPL, once `setup`
    has run there. `condition` is an expression that must be true after the last call."""

    call: str
    setup: str
    condition: str


_BEGIN_WRAP = "import bench_wrap; bench_wrap.begin_session()"
PEERS = {
    "wrap": Peer("bench_wrap.take_step", _BEGIN_WRAP, "bench_wrap.is_running()"),
    "reference": Peer("bench_wrap.take_reference_step", _BEGIN_WRAP, "bench_wrap.is_running()"),
    "plain": Peer("wrap.step", "import plain; wrap = plain.Wrap()", "wrap.running"),
    "c": Peer(
        "bench_step.step", "import bench_step; bench_rig.lit_c()", "bench_step.memory()[0] == 3"
    ),
}


class Bench:
    """The benchmark's image at its REPL, its wrap interrupted; `close` when done."""

    def __init__(self, image: Path) -> None:
        self.twin = Rp2040Twin(image)
        self.twin.start()
        self.twin.run_until(self.twin.enumerated, _READY_MS)
        self.run_code("import bench_rig")
        self.marks_ns: list[float] = []  # edges of the spare pin
        self.twin.chip.mcu.gpio[_MARK_PIN].add_listener(self._note_edge)

    def _note_edge(self, value: GPIOPinState, _last: GPIOPinState) -> None:
        if value in (GPIOPinState.HIGH, GPIOPinState.LOW):
            self.marks_ns.append(self.twin.chip.nanos)

    def run_code(self, code: str, lasts_ms: int = 0) -> str:
        """Run code in the raw REPL; return what it printed."""
        return self.twin.repl(code, lasts_ms + _SPARE_MS).strip()

    def close(self) -> None:
        """End the emulated chip."""
        self.twin.close()

    def _between_marks_ns(self, calls: int) -> list[float]:
        edges = self.marks_ns[-2 * calls :]  # before them, the pin became an output
        assert len(edges) == 2 * calls, f"{len(edges)} marks of {2 * calls}"
        return [b - a for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def measure_peer(
        self, peer: Peer, steps: int = STEPS, period_us: int = PERIOD_US
    ) -> dict[str, float]:
        """Return median, p99 and worst of `steps` calls in us, and the bytes that a call allocates.
        Raises RuntimeError when `condition` is not true after them."""
        self.marks_ns.clear()
        self.run_code("edge = bench_rig.make_marker()\nfor _ in range(20):\n edge()\n edge()")
        mark_ns = median(self._between_marks_ns(20))
        calls = _SETTLE_STEPS + steps
        lines = [
            peer.setup,
            f"taken = bench_rig.run_marked({peer.call}, {calls}, {period_us})",
            f"print(taken, {peer.condition})",
            "bench_rig.switch_off()",
        ]
        taken, held = self.run_code("\n".join(lines), calls * period_us // 1000).split()
        if held != "True":
            raise RuntimeError(f"{peer.call} did not end as it should: {peer.condition}")
        us = sorted((ns - mark_ns) / 1000 for ns in self._between_marks_ns(calls)[_SETTLE_STEPS:])
        return {
            "us_median": median(us),
            "us_p99": us[len(us) * 99 // 100],
            "us_worst": us[-1],
            "bytes": int(taken) / calls,
        }


def measure_peers(steps: int = STEPS) -> dict[str, float]:
    """Return each peer's figures, named `<peer>_us_median` and so on. Every peer gets a board of
    its own, so none inherits heat or heap from another."""
    uf2 = find_image(BOARD)
    out: dict[str, float] = {}
    for name, peer in PEERS.items():
        bench = Bench(uf2)
        try:
            figures = bench.measure_peer(peer, steps)
        finally:
            bench.close()
        out |= {f"{name}_{key}": value for key, value in figures.items()}
    return out


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    figures = measure_peers(options.steps)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:20} {value:10.2f}")


if __name__ == "__main__":
    main()
