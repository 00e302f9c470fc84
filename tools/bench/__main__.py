"""Measures the control loop: python -m tools.bench [PART...]

Results go to build/bench/results.json; parts measured before on the same program stay. --docs puts
the table and the plots into docs/, --record appends the figures to docs/bench/history.jsonl. Ends
with 1 when a goal is missed. All parts together take two to three hours of CPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

from tools.bench import (
    emulator,
    garbage,
    goals,
    latency,
    peers,
    pins,
    plots,
    session,
    sizes,
    states,
    unix,
)
from tools.bench.figures import measure_boot_figures
from tools.toolchain.built import ROOT, find_image

HISTORY = ROOT / "docs/bench/history.jsonl"
DOCS = ROOT / "docs/benchmarks.md"
IMAGES = ROOT / "docs/img"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
_STEP = 7  # every so many permille on pulses
_CHANGES = 1000
_SIM_S = 1210

Figures = dict[str, float]


def _measure_pins(_image: Path) -> Figures:
    bench = pins.PinBench(find_image(peers.BOARD))
    out = pins.measure_frequencies(bench, range(pins.SLOWEST_HZ, pins.FASTEST_HZ + 1))
    out |= pins.measure_edges(bench)
    for hz, step in ((0, 1), (146, _STEP), (1167, _STEP), (5000, 1)):
        seen = pins.measure_linearity(bench, hz, range(1, 1000, step))
        out = out | {key: max(value, out.get(key, 0)) for key, value in seen.items()}
    out |= pins.measure_changes(bench, _CHANGES)
    bench.close()
    return out


def _prefix_names(prefix: str, figures: Figures) -> Figures:
    return {f"{prefix}_{key}": value for key, value in figures.items()}


def _measure_simulator(_image: Path) -> Figures:
    """A 20-minute session on the simulator, the best of three: seconds of wall and of CPU."""
    from pbmwrap.device.client import Client
    from pbmwrap.device.twin_transport import TwinTransport
    from pbmwrap.twin.sim import SimTwin

    seen = []
    for _ in range(3):
        twin = SimTwin()
        twin.start()
        twin.advance_ms(2000)
        client = Client(TwinTransport(twin))
        client.flash_protocol(0, session.encode_protocol("sim", session.WHOLE_S))
        client.start()
        began, cpu = time.perf_counter(), time.process_time()
        session.advance_awake(twin, _SIM_S)
        seen.append((time.perf_counter() - began, time.process_time() - cpu))
        assert client.status().end_reason == "time"
        twin.close()
    return {"sim_20_min_s": min(seen)[0], "sim_20_min_cpu_s": min(cpu for _, cpu in seen)}


def _measure_sizes(uf2: Path) -> Figures:
    return sizes.measure_flash(uf2.with_suffix(".elf")) | sizes.measure_ram(find_image(peers.BOARD))


PARTS: dict[str, Callable[[Path], Figures]] = {
    "session": lambda uf2: _prefix_names("session", session.measure_session(uf2)),
    "loaded": lambda uf2: _prefix_names("loaded", session.measure_loaded_session(uf2)),
    "growth": lambda _: unix.measure_growth(),
    "ticks": lambda uf2: _prefix_names("ticks", session.across_the_wrap(uf2)),
    "latency": latency.measure_latency,
    "garbage": garbage.measure_garbage,
    "states": states.compare_states,
    "pins": _measure_pins,
    "peers": lambda _: peers.measure_peers(),
    "boot": measure_boot_figures,
    "emulator": emulator.measure_emulator,
    "sizes": _measure_sizes,
    "instructions": lambda _: unix.measure_instructions(),
    "sim": _measure_simulator,
}


def run_part(name: str, uf2: Path) -> tuple[str, Figures, float]:
    """Return a part's name, its figures and the seconds of CPU that it took."""
    began = time.process_time()
    figures = PARTS[name](uf2)
    return name, figures, time.process_time() - began


def _measure_parts(names: list[str], uf2: Path, jobs: int) -> Iterator[tuple[str, Figures, float]]:
    with ProcessPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(run_part, name, uf2) for name in names]):
            yield done.result()


def _digest_program(uf2: Path) -> str:
    facts = json.loads(uf2.with_suffix(".json").read_text())
    return facts["program_sha256"]


def load_results(out: Path, program: str) -> dict[str, Figures]:
    """Return the parts measured before with the same program."""
    if not out.exists():
        return {}
    kept = json.loads(out.read_text())
    return kept["parts"] if kept["program"] == program else {}


def merge_figures(parts: dict[str, Figures]) -> Figures:
    """Return the figures of all parts, and those derived from them."""
    out: Figures = {}
    for figures in parts.values():
        out |= figures
    return out | goals.derive_figures(out)


def append_history(parts: dict[str, Figures], program: str) -> None:
    """Append one line to the history."""
    words = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    line = {"date": datetime.now(UTC).date().isoformat(), "commit": commit, "program": program}
    HISTORY.parent.mkdir(parents=True, exist_ok=True)
    with HISTORY.open("a") as history:
        history.write(json.dumps(line | {"figures": merge_figures(parts)}) + "\n")


def into_docs(parts: dict[str, Figures]) -> None:
    """Write the table between its marks in the docs, and the plots."""
    text = DOCS.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    DOCS.write_text(f"{head}{BEGIN}\n{goals.format_table(merge_figures(parts))}{END}{tail}")
    plots.draw_plots(merge_figures(parts), HISTORY, IMAGES)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/results.json")
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--show", action="store_true", help="measure nothing, show what there is")
    options = parser.parse_args(words)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    uf2 = find_image()
    program = _digest_program(uf2)
    parts = load_results(options.out, program)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    names = [] if options.show else options.parts or list(PARTS)
    for name, figures, cpu_s in _measure_parts(names, uf2, options.jobs):
        parts[name] = figures
        options.out.write_text(json.dumps({"program": program, "parts": parts}, indent=1) + "\n")
        print(f"{name}, {cpu_s:.0f} s of CPU")
        for key, value in figures.items():
            print(f"  {key:34} {value:14.3f}", flush=True)
    figures = merge_figures(parts)
    if options.record:
        append_history(parts, program)
    if options.docs:
        into_docs(parts)
    print(goals.format_table(figures))
    return int(any(goal.is_met(figures) is False for goal in goals.GOALS))


if __name__ == "__main__":
    sys.exit(main())
