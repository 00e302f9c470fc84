"""Measures the wrap on the MicroPython unix port: instructions a step, the heap from day to day."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pbmwrap.twin.unix import HEAP
from tools.toolchain.built import ROOT, find_micropython

KINDS = ("wrap", "reference")
FEW, MANY = 200, 1200
_PATHS = ("firmware", "boards/PBMWRAP_RP2040", "host_tools")
_DAY_H = 24

Figures = dict[str, float]


def _run_guest(words: list[str], around: list[str]) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([*(str(ROOT / folder) for folder in _PATHS), ".frozen"])
    guest = Path(__file__).with_name("unix_guest.py")
    with tempfile.TemporaryDirectory() as root:
        return subprocess.run(
            [
                *around,
                str(find_micropython()),
                "-X",
                f"heapsize={HEAP}",
                str(guest),
                *words,
                f"{root}/w",
            ],
            env={**os.environ, "MICROPYPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )


def measure_instructions() -> Figures:
    """Measure the x86-64 instructions of a turn (a step and the work after it) of a running session
    by callgrind: those of MANY steps less those of FEW. Empty, with the reason, without
    valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("no valgrind here: apt install valgrind counts instructions", file=sys.stderr)
        return {}
    around = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    out: Figures = {}
    for kind in KINDS:
        counted = []
        for n in (FEW, MANY):
            said = _run_guest(["steps", kind, str(n)], around).stderr
            counted.append(int(re.findall(r"Collected : (\d+)", said)[0]))
        out[f"unix_{kind}_turn_instructions"] = (counted[1] - counted[0]) / (MANY - FEW)
    return out


def measure_growth(days: int = 9) -> Figures:
    """Bytes in use after a collection, most of each day's hours: the last day against the one
    before. The wrap remembers sessions for seven days, so only the ninth can be like the eighth."""
    said = json.loads(_run_guest(["day", str(days * _DAY_H)], []).stdout)
    by_day = [max(said["heap_bytes"][d * _DAY_H : (d + 1) * _DAY_H]) for d in range(days)]
    return {
        "heap_growth_bytes_24_h": by_day[-1] - by_day[-2],
        "heap_unix_bytes": by_day[-1],
        "heap_days": days,
    }
