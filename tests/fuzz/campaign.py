"""Runs a million inputs and more of each target, one process a target. Where atheris installs, the
first are guided by coverage; then come seeded changes of what is kept and of what they have found,
at 1.5 to 5 times the pace. Then the memory that is left behind."""

from __future__ import annotations

import importlib.util
import os
import re
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from tests.fuzz import engine

ROOT = Path(__file__).parents[2]
LONGEST = 320  # bytes of an input: more than a line of the link may have
MEMORY_MB = 1024
INPUT_S = 20  # one input that takes longer hangs
GROWTH_MOST = 32768  # bytes of Python memory left behind by GROWTH_INPUTS, once warm
GROWTH_INPUTS = 3000
_COVERAGE = re.compile(rb"cov: (\d+) ft: (\d+)")
_RUNS = re.compile(rb"^Done (\d+) (?:runs )?in", re.M)
_STEP = re.compile(rb"^#(\d+)", re.M)
_REPORT = 10_000  # inputs between two lines of the random engine


class Part(NamedTuple):
    """Counts what one engine has done."""

    inputs: int
    cov: int
    peak_mb: int
    crash: str


@dataclass(frozen=True)
class Result:
    """Counts a target's run: inputs that were run; guided: those by coverage; cov: edges that
    libFuzzer saw; grown: bytes."""

    target: str
    seed: int
    inputs: int
    guided: int
    seconds: float
    cov: int
    peak_mb: int
    grown: int
    crash: str = ""

    def row(self) -> dict[str, object]:
        return {**asdict(self), "per_s": round(self.inputs / max(self.seconds, 0.001))}

    def good(self, runs: int) -> bool:
        """Return whether nothing was found and all of it was run."""
        return not self.crash and self.inputs >= runs and self.grown <= GROWTH_MOST


def has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


def environment() -> dict[str, str]:
    """Return what a target's process needs to give the same result again."""
    return {**os.environ, "PYTHONHASHSEED": "0"}


def one(name: str, runs: int, guided: int, seed: int, out: Path) -> Result:
    """Return a target's whole campaign; a process of its own, since memory is measured."""
    began = time.perf_counter()
    by_coverage = _by_atheris(name, guided, seed, out) if guided else Part(0, 0, 0, "")
    rest = Part(0, 0, 0, "")
    if not by_coverage.crash:
        rest = _by_random(name, runs - by_coverage.inputs, seed, out, by_coverage.inputs)
    seconds = round(time.perf_counter() - began, 1)
    crash = by_coverage.crash or rest.crash
    return Result(
        name,
        seed,
        by_coverage.inputs + rest.inputs,
        by_coverage.inputs,
        seconds,
        by_coverage.cov,
        max(by_coverage.peak_mb, rest.peak_mb),
        0 if crash else engine.growth(name, GROWTH_INPUTS),
        crash,
    )


def command(name: str, runs: int, seed: int, out: Path) -> list[str]:
    """Return the atheris process of one target. New inputs go to `out`, so do crashes."""
    found = out / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    words = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST}", f"-timeout={INPUT_S}"]
    words += [f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={_crashes(name, out)}/"]
    return [
        *(sys.executable, "-m", "tests.fuzz.atheris_run", name),
        *(*words, "-print_final_stats=1"),
        *(str(found), str(engine.CORPUS / name)),
    ]


def _crashes(name: str, out: Path) -> Path:
    folder = out / "crash" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _log(name: str, out: Path) -> Path:
    return out / f"{name}.log"


def _by_atheris(name: str, runs: int, seed: int, out: Path) -> Part:
    words = command(name, runs, seed, out)
    with _log(name, out).open("wb") as log:
        code = subprocess.run(
            words, cwd=ROOT, env=environment(), stdout=log, stderr=log, check=False
        ).returncode
    said = _log(name, out).read_bytes()
    coverage, ran = _COVERAGE.findall(said), _RUNS.search(said)
    peak = re.search(rb"peak_rss_mb: *(\d+)", said)
    return Part(
        int(ran[1]) if ran else done_so_far(name, out),
        int(coverage[-1][0]) if coverage else 0,
        int(peak[1]) if peak else 0,
        "" if code == 0 else _crash(said),
    )


def _crash(said: bytes) -> str:
    """Return the file that libFuzzer wrote, or the end of what it said."""
    found = re.search(rb"Test unit written to (\S+)", said)
    return found[1].decode() if found else said[-400:].decode("utf-8", "replace")


def _by_random(name: str, runs: int, seed: int, out: Path, before: int) -> Part:
    """before: inputs that the log reports already."""
    found = [file.read_bytes() for file in sorted((out / "corpus" / name).glob("*"))]
    with _log(name, out).open("a" if before else "w") as log:

        def tell(count: int) -> None:
            if count % _REPORT == 0:
                print(f"#{before + count}", file=log, flush=True)

        done = engine.random(name, runs, seed, found, tell)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if done.crash is None:
        return Part(done.inputs, 0, peak, "")
    file = _crashes(name, out) / f"crash-{seed}-{done.inputs}"
    file.write_bytes(done.crash)
    return Part(done.inputs, 0, peak, str(file))


def done_so_far(name: str, out: Path) -> int:
    """Return the inputs of a running target that its engine has reported."""
    log = _log(name, out)
    steps = _STEP.findall(log.read_bytes()) if log.exists() else []
    return int(steps[-1]) if steps else 0
