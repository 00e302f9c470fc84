"""Proves on the MicroPython unix port that a small heap is collected between steps, and in none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from pbmwrap.twin.unix import HEAP
from tests.esp32.world import ROOT
from tools.toolchain.built import find_micropython

_PATHS = ("firmware", "boards/PBMWRAP_RP2040", "host_tools")


def run(tmp_path: Path, counted: bool, free: int) -> tuple[int, int, int, int]:
    """Return (planned collections, automatic ones, answers, lowest number of free bytes)."""
    path = os.pathsep.join([*(str(ROOT / folder) for folder in _PATHS), ".frozen"])
    script = Path(__file__).with_name("unix_small_heap.py")
    words = [find_micropython(), "-X", f"heapsize={HEAP}", script]
    done = subprocess.run(
        [*words, tmp_path, str(int(counted)), str(free)],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    planned, automatic, answers, least = json.loads(done.stdout.splitlines()[-1])
    return planned, automatic, answers, least


@pytest.mark.parametrize("free", [28_000, 48_000])  # in words of 8 bytes: 14 to 24 KB of an ESP32
def test_a_busy_host_causes_no_collection_within_a_step(tmp_path: Path, free: int) -> None:
    planned, automatic, answers, _ = run(tmp_path, True, free)
    assert (automatic, answers) == (0, 200)
    assert planned >= 100


def test_without_the_counter_collections_come_by_themselves(tmp_path: Path) -> None:
    planned, automatic, answers, _ = run(tmp_path, False, 48_000)
    assert (planned, answers) == (0, 200)
    assert automatic >= 30
