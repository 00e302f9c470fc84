"""Runs the firmware's targets on the MicroPython unix port: python -m tests.fuzz.unix [TARGET...]
[--count N] [--seed S] [--out FOLDER]"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pbmwrap.twin.unix import HEAP
from tests.fuzz import campaign, engine
from tests.fuzz.targets import FIRMWARE
from tools.toolchain.built import find_micropython

GROWTH_MOST = 2048  # bytes of heap that inputs may leave behind, once warm
_PATHS = (".", "firmware", "boards/PBMWRAP_RP2040", "host_tools")


def run(executable: Path, name: str, seed: int, count: int) -> dict[str, Any]:
    """Return what a target's inputs came to: inputs, ms, grown. Raises AssertionError with the
    input that failed and its traceback."""
    path = os.pathsep.join([*(str(campaign.ROOT / folder) for folder in _PATHS), ".frozen"])
    main = Path(__file__).parent / "unix_main.py"
    words = [str(executable), "-X", f"heapsize={HEAP}", str(main), name, str(seed), str(count)]
    done = subprocess.run(
        [*words, str(engine.CORPUS / name)],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{name} on the unix port: {said}"
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert result["grown"] <= GROWTH_MOST, f"{name} leaves {result['grown']} bytes behind"
    return result


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.unix", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(FIRMWARE))
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=engine.SEED)
    parser.add_argument("--out", type=Path, default=campaign.ROOT / "build" / "fuzz")
    options = parser.parse_args(words)
    if unknown := set(options.targets) - set(FIRMWARE):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(FIRMWARE)}")
    options.out.mkdir(parents=True, exist_ok=True)
    executable, rows = find_micropython(), []
    for name in options.targets or FIRMWARE:
        rows.append(run(executable, name, options.seed, options.count))
        print(json.dumps(rows[-1]), flush=True)
        (options.out / "unix.json").write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
