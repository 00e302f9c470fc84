"""A million inputs and more for each target, one process a target: atheris where it installs, the
seeded random engine elsewhere, which says so loudly."""

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

from tests.fuzz import engine

ROOT = Path(__file__).parents[2]
LONGEST = 600  # bytes of an input: more than any of the decoders takes at once
MEMORY_MB = 1024
INPUT_S = 20  # one input that takes longer hangs
_COVERAGE = re.compile(rb"cov: (\d+) ft: (\d+)")
_RUNS = re.compile(rb"^Done (\d+) (?:runs )?in", re.M)


@dataclass(frozen=True)
class Result:
    """inputs that were run, of how many; cov: edges that libFuzzer saw (0: another engine)."""

    target: str
    engine: str
    inputs: int
    seconds: float
    cov: int
    peak_mb: int
    crash: str = ""

    def row(self) -> dict[str, object]:
        return {**asdict(self), "per_s": round(self.inputs / max(self.seconds, 0.001))}


def has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


def environment() -> dict[str, str]:
    """What a target's process needs to import everything, and to give the same result again."""
    folders = ("host_tools", "firmware", "boards/PBMWRAP_RP2040", ".")
    path = os.pathsep.join(str(ROOT / folder) for folder in folders)
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def command(name: str, runs: int, seed: int, out: Path) -> list[str]:
    """The atheris process of one target. New inputs go to `out`, so do crashes."""
    found, crashes = out / "corpus" / name, out / "crash" / name
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    words = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST}", f"-timeout={INPUT_S}"]
    words += [f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={crashes}/", "-print_final_stats=1"]
    return [
        *(sys.executable, "-m", "tests.fuzz.atheris_run", name),
        *words,
        *(str(found), str(engine.CORPUS / name)),
    ]


def by_atheris(name: str, runs: int, seed: int, out: Path) -> Result:
    began = time.perf_counter()
    words = command(name, runs, seed, out)
    done = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, check=False)
    seconds, said = time.perf_counter() - began, done.stdout + done.stderr
    (out / f"{name}.log").write_bytes(said)
    coverage, ran = _COVERAGE.findall(said), _RUNS.search(said)
    peak = re.search(rb"peak_rss_mb: *(\d+)", said)
    crash = "" if done.returncode == 0 else _crash(said)
    return Result(
        name,
        "atheris",
        int(ran[1]) if ran else 0,
        round(seconds, 1),
        int(coverage[-1][0]) if coverage else 0,
        int(peak[1]) if peak else 0,
        crash,
    )


def _crash(said: bytes) -> str:
    """The file that libFuzzer wrote, or the end of what it said."""
    found = re.search(rb"Test unit written to (\S+)", said)
    return found[1].decode() if found else said[-400:].decode("utf-8", "replace")


def by_random(name: str, runs: int, seed: int, out: Path) -> Result:
    done, crash = engine.random(name, runs, seed), ""
    if done.crash is not None:
        folder = out / "crash" / name
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"crash-{seed}-{done.inputs}"
        file.write_bytes(done.crash)
        crash = str(file)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Result(name, "random", done.inputs, round(done.seconds, 1), 0, peak, crash)
