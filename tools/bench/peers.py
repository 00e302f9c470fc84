"""Measures what one control step costs, beside the same step in C and in plain MicroPython.

python -m tools.bench.peers [--json]      builds the benchmark's image if need be

wrap: the wrap's step in a running session. reference: the same, each decided by App.step. plain:
plain MicroPython. c: C. All run on the emulated RP2040 (tools/bench/repl_board.py).
"""

from __future__ import annotations

from contextlib import closing

from tools.bench.command import print_figures
from tools.bench.repl_board import BOARD, MeasuredCall, ReplBoard
from tools.toolchain.built import find_image

LIGHT_C = "import bench_step; kept = bench_rig.begin_c()"
_SESSION = ("import bench_wrap; bench_wrap.begin_session()", "bench_wrap.is_running()")
PEERS = {
    "wrap": MeasuredCall("bench_wrap.take_step", *_SESSION),
    "reference": MeasuredCall("bench_wrap.take_reference_step", *_SESSION),
    "plain": MeasuredCall("wrap.step", "import plain; wrap = plain.Wrap()", "wrap.running"),
    "c": MeasuredCall("bench_step.step", LIGHT_C, "bench_step.memory()[0] == 3"),
}


def measure_peers() -> dict[str, float]:
    """Return each peer's figures, named `<peer>_us_median` and so on. Every peer gets a board of
    its own, so none inherits heat or heap from another."""
    image = find_image(BOARD)
    out: dict[str, float] = {}
    for name, peer in PEERS.items():
        with closing(ReplBoard(image)) as board:
            figures = board.measure_call(peer)
        out |= {f"{name}_{key}": value for key, value in figures.items()}
    return out


if __name__ == "__main__":
    print_figures(__doc__, measure_peers, digits=2)
