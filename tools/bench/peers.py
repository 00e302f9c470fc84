"""What one control step costs the peers that the wrap is measured against, on the emulated RP2040.

python -m tools.bench.peers [--json] [--steps N]      builds the benchmark's image if need be

wrap: its step in a running session; reference: the same, each decided by App.step; plain: a step in
plain MicroPython; c: the wrap's step in C; convert: 24 conversions of the converter and nothing
else; call: a C function that does nothing, whose call is in all of them. Virtual time in CPU cycles
of 125 MHz, read at the edges of a spare pin that each measured call is put between; what the marks
cost is measured the same way and subtracted.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.twin.rp2040_pins import GPIOPinState
from tools.toolchain.built import image

BOARD = "PBMWRAP_BENCH"
STEPS = 300
PERIOD_US = 10_000
_MARK_PIN = 17
_EMPTY = 20
_SETTLE_STEPS = 60  # of a call, not counted: the ramp
_COUNTED = 100  # calls whose allocations are counted
_READY_MS = 1000
_SPARE_MS = 20_000  # for a setup


@dataclass(frozen=True)
class Peer:
    """Something to measure: `call` names a callable without arguments, in the REPL, once `setup`
    has run there. `sound`: an expression that must be true behind the last call."""

    call: str
    setup: str
    sound: str


PEERS = {
    "wrap": Peer(
        "bench_wrap.step",
        "import bench_wrap; bench_wrap.begin()",
        "bench_wrap.sound()",
    ),
    "reference": Peer(
        "bench_wrap.decide",
        "import bench_wrap; bench_wrap.begin()",
        "bench_wrap.sound()",
    ),
    "call": Peer("gc.isenabled", "import gc", "True"),
    "plain": Peer(
        "wrap.step",
        "import plain; wrap = plain.begin()",
        "(wrap.state, wrap.fault) == ('running', None)",
    ),
    "c": Peer(
        "bench_step.step",
        "import bench_step; bench_rig.lit_c()",
        "bench_step.state()[0][:2] == (3, 0)",
    ),
    "convert": Peer(
        "bench_step.convert",
        "import bench_step; bench_rig.lit_c()",
        "bench_step.convert() > 0",
    ),
}


class Bench:
    """The benchmark's image at its REPL, its wrap interrupted; `close` when done."""

    def __init__(self, image: Path) -> None:
        self.twin = Rp2040Twin(image)
        self.twin.start()
        self.twin.run_until(self.twin.enumerated, _READY_MS)
        self.run("import bench_rig")
        self.marks_ns: list[float] = []  # edges of the spare pin
        self.twin.chip.mcu.gpio[_MARK_PIN].add_listener(self._edge)

    def _edge(self, value: GPIOPinState, _last: GPIOPinState) -> None:
        if value in (GPIOPinState.HIGH, GPIOPinState.LOW):
            self.marks_ns.append(self.twin.chip.nanos)

    def run(self, code: str, lasts_ms: int = 0) -> str:
        """Run code in the raw REPL; returns what it printed."""
        return self.twin.repl(code, lasts_ms + _SPARE_MS).strip()

    def close(self) -> None:
        self.twin.close()

    def _took_ns(self, calls: int) -> list[float]:
        """Between the marks of each of the last `calls` calls, ns."""
        edges = self.marks_ns[-2 * calls :]  # before them, the pin became an output
        assert len(edges) == 2 * calls, f"{len(edges)} marks of {2 * calls}"
        return [b - a for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def _mark_ns(self) -> float:
        self.marks_ns.clear()
        self.run(f"bench_rig.empty({_EMPTY})")
        return median(self._took_ns(_EMPTY))

    def measure(
        self, peer: Peer, steps: int = STEPS, period_us: int = PERIOD_US
    ) -> dict[str, float]:
        """Median, p99 and worst of `steps` calls in us, and the bytes that one allocates. Raises
        RuntimeError when what was called was not sound behind it."""
        mark_ns = self._mark_ns()
        calls = _SETTLE_STEPS + steps
        lines = [
            peer.setup,
            f"bench_rig.marked({peer.call}, {calls}, {period_us})",
            f"got = bench_rig.allocated({peer.call}, {_COUNTED}, {period_us})",
            f"print(got, {peer.sound})",
            "bench_rig.calm()",
        ]
        lasts_ms = (calls + _COUNTED) * period_us // 1000
        got, sound = self.run("\n".join(lines), lasts_ms).split()
        if sound != "True":
            raise RuntimeError(f"{peer.call} ended otherwise than it should: {peer.sound}")
        us = sorted((ns - mark_ns) / 1000 for ns in self._took_ns(calls)[_SETTLE_STEPS:])
        return {
            "us_median": median(us),
            "us_p99": us[len(us) * 99 // 100],
            "us_worst": us[-1],
            "bytes": int(got) / _COUNTED,
        }


def peers(
    uf2: Path | None = None,
    measured: dict[str, Peer] | None = None,
    steps: int = STEPS,
    period_us: int = PERIOD_US,
) -> dict[str, float]:
    """Each peer's figures, named `<peer>_us_median` and so on. `measured` replaces PEERS. Every
    peer gets a board of its own, so none inherits heat or heap from another."""
    uf2 = uf2 or image(BOARD)
    out: dict[str, float] = {}
    for name, peer in (measured or PEERS).items():
        bench = Bench(uf2)
        try:
            figures = bench.measure(peer, steps, period_us)
        finally:
            bench.close()
        out |= {f"{name}_{key}": value for key, value in figures.items()}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    figures = peers(steps=options.steps)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:20} {value:10.2f}")


if __name__ == "__main__":
    main()
