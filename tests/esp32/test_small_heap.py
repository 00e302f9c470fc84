"""Proves on the MicroPython unix port that a small heap is collected between steps, and in none;
and that the fault of a full heap is stored."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.twin.unix import HEAP
from tests.esp32.world import ROOT
from tools.toolchain.built import find_micropython
from wrap.rules import faults

_PATHS = ("firmware", "boards/PBMWRAP_RP2040", "host_tools")


def run(tmp_path: Path, counted: bool, free: int) -> tuple[int, int, int, int]:
    """Return (planned collections, automatic ones, answers, lowest number of free bytes)."""
    words = str(tmp_path), str(int(counted)), str(free)
    planned, automatic, answers, least = run_script("unix_small_heap.py", *words)
    return planned, automatic, answers, least


def run_script(name: str, *words: str) -> list[Any]:
    """Return what a script of this folder prints last."""
    path = os.pathsep.join([*(str(ROOT / folder) for folder in _PATHS), ".frozen"])
    script = Path(__file__).with_name(name)
    done = subprocess.run(
        [find_micropython(), "-X", f"heapsize={HEAP}", script, *words],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("free", [28_000, 48_000])  # in words of 8 bytes: 14 to 24 KB of an ESP32
def test_a_busy_host_causes_no_collection_within_a_step(tmp_path: Path, free: int) -> None:
    planned, automatic, answers, _ = run(tmp_path, True, free)
    assert (automatic, answers) == (0, 200)
    assert planned >= 100


def test_without_the_counter_collections_come_by_themselves(tmp_path: Path) -> None:
    planned, automatic, answers, _ = run(tmp_path, False, 48_000)
    assert (planned, answers) == (0, 200)
    assert automatic >= 30


def test_the_fault_of_a_full_heap_is_stored(tmp_path: Path) -> None:  # H-22
    """The heap is filled in a session, to the last piece, and again in each turn: what latches the
    fault and writes it uses the reserve (`wrap.app`)."""
    was_lit, in_ram, in_flash, after_boot, is_lit, ended, ends = run_script(
        "unix_full_heap.py", str(tmp_path), "100000"
    )
    assert (was_lit, is_lit, ended, ends) == (True, False, "", [5])
    assert [faults.NAMES[code] for code in (in_ram, in_flash, after_boot)] == ["exception"] * 3


def test_with_a_small_heap_it_is_latched_until_the_power_goes(tmp_path: Path) -> None:
    """Such a board has no 3 KB to spare: the wrap stays dark, and the fault is stored once there is
    room again, with the record of the session's end."""
    was_lit, in_ram, _, _, is_lit, ended, ends = run_script(
        "unix_full_heap.py", str(tmp_path), "20000"
    )
    assert (was_lit, is_lit, ended, ends) == (True, False, "", [5])
    assert faults.NAMES[in_ram] == "exception"
