"""Measures the CPU time (user and system) of starting the command, beside that of mpremote.

python -m tools.bench.cli [--runs N] [--size] [--out FILE]: prints a table, and one JSON line to
FILE. Each round runs every command once, so that other load affects all alike; the figure is the
median. --size: also the bytes of a `pip install` of this checkout. The exit code
is 1 when a goal is missed.

`status` talks to the simulated wrap behind a pseudo-terminal (`pbmwrap sim`), `mpremote exec` to
raw_repl.py behind another: a substitute that answers at once and knows the raw REPL only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.bench.raw_repl import raw_repl

_ROOT = Path(__file__).resolve().parents[2]
_MOST_MB = 60
_OURS = (sys.executable, "-m", "pbmwrap")
_THEIRS = (sys.executable, "-m", "mpremote")


@dataclass(frozen=True)
class Row:
    """A command; `goal`: the most it may take, as a ratio to the row `beside`."""

    name: str
    words: tuple[str, ...]
    beside: str = ""
    goal: float = 0.0
    env: dict[str, str] = field(default_factory=dict)


def list_rows(wrap: str, board: str) -> tuple[Row, ...]:
    """Return every command that is measured. wrap, board: their ports."""
    return (
        Row("mpremote --help", (*_THEIRS, "--help")),
        Row("pbmwrap --help", (*_OURS, "--help"), "mpremote --help", 1.0),
        Row("pbmwrap version", (*_OURS, "version"), "mpremote --help", 1.0),
        Row("completion of a command", _OURS, "mpremote --help", 1.0, _completion_variables("st")),
        Row(
            "completion of an option",
            _OURS,
            "mpremote --help",
            1.0,
            _completion_variables("logs show --p"),
        ),
        Row("mpremote exec 1", (*_THEIRS, "connect", board, "exec", "1")),
        Row("pbmwrap status", (*_OURS, "status", "--port", wrap), "mpremote exec 1", 1.2),
    )


def _completion_variables(line: str) -> dict[str, str]:
    """Return the variables that bash sets when Tab is pressed after `pbmwrap LINE`."""
    words = line.split()
    return {
        "_PBMWRAP_COMPLETE": "bash_complete",
        "COMP_WORDS": f"pbmwrap {line}",
        "COMP_CWORD": str(len(words)),
    }


def cpu_ms(row: Row) -> float:
    """Return the CPU time of one run, ms. Raises SystemExit when the command fails."""
    child = subprocess.Popen(
        row.words,
        env=_make_environment(row),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"bench.cli: `{row.name}` ended with {child.returncode}")
    return (used.ru_utime + used.ru_stime) * 1000


def _make_environment(row: Row) -> dict[str, str]:
    """Return a user's environment: bytecode is kept, as pip keeps mpremote's."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | row.env


@contextmanager
def simulated_wrap() -> Iterator[str]:
    """Yield the port of a simulated wrap in a process of its own."""
    command = [*_OURS, "sim"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as sim:
        assert sim.stdout
        try:
            yield sim.stdout.readline().strip()
        finally:
            sim.terminate()


def measure_rows(runs: int) -> tuple[tuple[Row, ...], dict[str, float]]:
    """Return the rows, and the median of each in ms."""
    with simulated_wrap() as wrap, raw_repl() as board:
        every = list_rows(wrap, board)
        taken: dict[str, list[float]] = {row.name: [] for row in every}
        for number in range(runs + 1):
            for row in every:
                ms = cpu_ms(row)
                if number:  # the first round fills the caches of files and of bytecode
                    taken[row.name].append(ms)
    return every, {name: statistics.median(times) for name, times in taken.items()}


def install_bytes() -> int:
    """Return the bytes that `pip install` of this checkout adds to a new environment, with bytecode
    and without pip itself."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        site = next(Path(folder).glob("[Ll]ib/**/site-packages"))
        before = _bytes_in(site)
        python = Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python")
        quiet = ("--quiet", "--disable-pip-version-check")
        subprocess.run([python, "-m", "pip", "install", *quiet, str(_ROOT)], check=True)
        return _bytes_in(site) - before


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def format_table(every: tuple[Row, ...], found: dict[str, float]) -> tuple[str, bool]:
    """Return the table, and whether every goal is met."""
    lines = ["| command | CPU, median | ratio | goal | |", "|---|---|---|---|---|"]
    met = True
    for row in every:
        ms = found[row.name]
        if not row.beside:
            lines.append(f"| `{row.name}` | {ms:.1f} ms | 1 | | |")
            continue
        ratio = ms / found[row.beside]
        well = ratio <= row.goal
        met = met and well
        goal = f"at most {row.goal:g} times `{row.beside}`"
        name = row.name if row.env else f"`{row.name}`"
        verdict = "met" if well else "missed"
        lines.append(f"| {name} | {ms:.1f} ms | {ratio:.2f} | {goal} | {verdict} |")
    return "\n".join(lines), met


def main() -> int:
    """Return the exit code: 1 when a goal is missed."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--runs", type=int, default=15)
    p.add_argument("--size", action="store_true", help="install into a new environment as well")
    p.add_argument("--out", type=Path, default=Path("build/bench-cli.json"))
    given = p.parse_args()
    every, found = measure_rows(given.runs)
    text, met = format_table(every, found)
    print(f"median of {given.runs} runs, side by side\n\n{text}")
    if given.size:
        found["install_bytes"] = install_bytes()
        megabytes = found["install_bytes"] / 1e6
        met = met and megabytes < _MOST_MB
        print(f"\ninstalled: {megabytes:.1f} MB, goal below {_MOST_MB} MB")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found) + "\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
