"""Compares the device package on emulated RISC-V and Cortex-M3 with CPython, at full size.

python -m tests.qemu [--arch rv32|arm]... [--out FOLDER]; exit code 1 when anything differs, 3 when
this machine has no emulator (docs/decisions/0018-qemu.md)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tests.qemu.compare import ARCHES, KNOT_MOST_MC, ROOT, Bench, Row, Unavailable, image
from tests.qemu.machine import Guest
from tools.bench.steady_states import STATES

COUNTS = {"curve": 5000, "records": 1000, "payloads": 10_000}


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the result of every comparison."""
    for name, count in COUNTS.items():
        yield bench.piece(name, count)
    yield bench.fast_step(STATES)


def campaign(arch: str, done: list[dict[str, object]]) -> bool:
    """Return whether all results are equal on this machine; add each to `done`."""
    with Guest(arch, image(arch)) as guest:
        bench = Bench(arch, guest)
        off_mc = bench.knots_off_mc()
        good = bench.machine_code() and off_mc <= KNOT_MOST_MC
        print(f"{arch}: machine code {bench.machine_code()}, knots {off_mc} mC off", flush=True)
        done.append({"arch": arch, "machine_code": bench.machine_code(), "knots_off_mc": off_mc})
        for row in rows(bench):
            done.append(asdict(row))
            good = good and row.same
            verdict = "same" if row.same else f"DIFFERS: {row.emulated} there, {row.plain} here"
            print(f"{arch}: {row.name} {row.count} {row.seconds} s {verdict}", flush=True)
    return good


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.qemu", description=__doc__)
    parser.add_argument("--arch", action="append", choices=ARCHES)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "qemu")
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    good = True
    for arch in options.arch or ARCHES:
        done: list[dict[str, object]] = []
        try:
            good = campaign(arch, done) and good
        except Unavailable as why:
            print(f"make qemu: {arch} DID NOT RUN: {why}", file=sys.stderr)
            return 3
        (options.out / f"{arch}.json").write_text(json.dumps(done, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
