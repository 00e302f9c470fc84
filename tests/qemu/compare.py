"""Compares the device package on CPython and on an emulated machine: equal inputs, equal
results."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.qemu.machine import Guest
from tests.qemu.pieces import curve, suite

ROOT = Path(__file__).parents[2]
ARCHES = ("rv32", "arm")
SEED = 20261126
TIMEOUT_S = 3600  # for one answer; nothing is judged by time
KNOT_MOST_MC = 2  # by which single and double floats may differ in the table
UNAVAILABLE = 3  # the toolchain's exit code when the machine lacks something
# The machine's stack is small: modules are imported from the bottom, not from the top.
_FIRST = ("wrap.safety.thermistor", "wrap.storage.record_reader", "wrap.fast_step")


class Unavailable(Exception):
    """Says that this machine cannot build or run the image; the text says what to do."""


def image(arch: str) -> Path:
    """Return the image, built if need be. Raises Unavailable or CalledProcessError."""
    words = [sys.executable, "-m", "tools.toolchain", "qemu", "--arch", arch, "--out", "build"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode == UNAVAILABLE:
        raise Unavailable(done.stderr.strip())
    sys.stderr.write(done.stderr)
    done.check_returncode()
    return ROOT / done.stdout.strip().splitlines()[-1]


@dataclass(frozen=True)
class Row:
    """Holds one comparison. plain: CPython's result; emulated: the machine's; seconds: how long it
    took there."""

    arch: str
    name: str
    count: int
    plain: object
    emulated: object
    seconds: float

    @property
    def same(self) -> bool:
        return self.plain == self.emulated


class Bench:
    """Drives a machine with the suite loaded, on CPython's thermistor table."""

    def __init__(self, arch: str, guest: Guest) -> None:
        self.arch, self._guest = arch, guest
        for name in (*_FIRST, "gc"):
            guest.run(f"import {name}", TIMEOUT_S)
        guest.run("from tests.qemu.pieces import curve, suite", TIMEOUT_S)
        self.made = self.eval("curve.facts()")
        guest.run(f"curve.use(*{curve.facts()!r})", TIMEOUT_S)

    def eval(self, code: str) -> Any:
        return ast.literal_eval(self._guest.run(f"print({code})", TIMEOUT_S))

    def machine_code(self) -> bool:
        """Return whether viper functions are machine code there."""
        return self.eval("suite.machine_code()") is True

    def knots_off_mc(self) -> int:
        """Return the largest difference of the tables made in single and double floats, mC. Raises
        AssertionError when their ends differ."""
        *ends, knots = self.made
        *plain_ends, plain = curve.facts()
        assert ends == plain_ends, f"the table ends at {ends}, not at {plain_ends}"
        return max(abs(a - b) for a, b in zip(knots, plain, strict=True))

    def _row(self, name: str, count: int, plain: object, code: str) -> Row:
        began = time.monotonic()
        emulated = self.eval(code)
        return Row(self.arch, name, count, plain, emulated, round(time.monotonic() - began, 1))

    def piece(self, name: str, count: int) -> Row:
        """Compare a piece of the suite on `count` random inputs."""
        plain = suite.compared(name, SEED, count)
        return self._row(name, count, plain, f"suite.compared({name!r}, {SEED}, {count})")

    def fast_step(self, count: int) -> Row:
        """Compare `FastStep.step` on `count` random states: machine code there, plain Python
        here."""
        plain = suite.fast_steps(SEED, count)
        return self._row("fast step", count, plain, f"suite.fast_steps({SEED}, {count})")
