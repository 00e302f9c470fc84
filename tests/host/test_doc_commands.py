"""The command blocks of README, docs/cli.md and docs/protocols.md: each command runs against a
simulated wrap and prints what the page shows.

Numbers, paths and the width of columns may differ; words and their order may not. A line `...` or
in brackets stands for any lines. A command without output on the page has to succeed. Each section
has a fresh wrap. NOT_RUN names the commands that are not run here, each with its reason.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from tests.host.served_sim import ServedSim

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/cli.md", "docs/protocols.md")
NOT_RUN = {
    "bench": "figures of the emulated chip; tests/host/test_cli_bench.py",
    "ports": "lists this machine's ports",
    "doctor": "looks at this machine and the emulated chip; tests/host/test_doctor_wrap.py",
    "version": "of the emulated chip; tests/contract",
    "monitor": "figures of a warm pad; tests/host/test_tui_monitor.py",
    "web": "serves until it is stopped; tests/web",
    "sim": "serves until it is stopped; tests/host/test_serve.py",
    "mqtt": "needs a broker; `make mqtt-broker`",
    "journal": "days of a course; tests/programme",
    "trial": "some hundred trials; tests/trial",
    "logs": "sessions of several days and wraps; tests/host/test_cli_logs.py",
    "run --tethered": "lasts as long as its session; tests/host/test_cli_sim.py",
    "settings confirm": "needs damaged flash; tests/host/test_cli_confirm.py",
}
# Commands that bring the wrap into the state that a section shows, and are not on the page.
FLASH = "protocol flash minor-injury --activate"
BEFORE = {
    "status": ["clock set", FLASH, "run"],
    "run, pause, resume, stop": [FLASH],
    "clock, settings, cal, heat-test, hold, fault": [FLASH],
}
SKIP_S = 6  # passes before each command: a self-test takes 5 s
ELSEWHERE = {"person, course, journal": "tests/programme", "Exit codes": "tests/host/test_disk.py"}


@dataclass(frozen=True)
class Shown:
    """A command on a page, and the lines below it."""

    page: str
    line: int
    section: str
    words: str
    output: tuple[str, ...]
    block: int

    def not_run_reason(self) -> str | None:
        """Return why this command is not run here."""
        if (self.page, self.block) == DAMAGED_BLOCK:
            return NOT_RUN["settings confirm"]
        found = [NOT_RUN[name] for name in NOT_RUN if f"{self.words} ".startswith(f"{name} ")]
        return found[0] if found else ELSEWHERE.get(self.section)


def read_commands(page: str) -> Iterator[Shown]:
    """Yield the commands of a page in their order."""
    section, at, command, below, block = "", 0, "", [], 0
    for number, line in enumerate([*(ROOT / page).read_text("utf-8").splitlines(), "#"], 1):
        started = re.match(r" {4}(?:\$ pbmwrap|\.venv/bin/pbmwrap) ([a-z].*)", line)
        if command and (started or (line and not line.startswith("    "))):
            while below and not below[-1]:
                below.pop()
            yield Shown(page, at, section, command, tuple(below), block)
            command, below = "", []
        if started:
            at, command = number, started[1].partition("    #")[0].strip()
        elif command and line != "#":
            below.append(line.strip())
        if line and not line.startswith("    "):
            block = number
        if line.startswith("#"):
            section = line.lstrip("# ")


def normalize(line: str) -> str:
    """Return a line without what differs from run to run."""
    line = re.sub(r"\S*/\S+", "PATH", line)
    line = re.sub(r"\b[0-9a-f]{12}\b", "HASH", line)
    return " ".join(re.sub(r"\d+", "N", line).replace("(see", "( see").split())


def matches(shown: list[str], printed: list[str]) -> bool:
    """Whether the printed lines are those of the page."""
    if not shown:
        return not printed
    if shown[0] == "..." or re.fullmatch(r"\(.*\)", shown[0]):
        return any(matches(shown[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and shown[0] == printed[0] and matches(shown[1:], printed[1:])


def find_block(page: str, words: str) -> tuple[str, int]:
    """Return (page, number) of the block with a command, whose wrap is in a state of its own."""
    return page, next(c.block for c in read_commands(page) if c.words == words)


DAMAGED_BLOCK: tuple[str, int] = ("", -1)
DAMAGED_BLOCK = find_block("docs/cli.md", "settings confirm")
SECTIONS = list(dict.fromkeys((c.page, c.section) for p in PAGES for c in read_commands(p)))
RUN = [
    (page, section)
    for page, section in SECTIONS
    if any(c.section == section and not c.not_run_reason() for c in read_commands(page))
]


@pytest.fixture
def wrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ServedSim]:
    """A fresh wrap, which all commands use; files stay in tmp_path."""
    served = ServedSim()
    monkeypatch.setenv("PBMWRAP_PORT", served.port)
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PBMWRAP_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    yield served
    served.close()


def run(words: str) -> tuple[int, list[str]]:
    """Return (exit code, normalized lines that were printed); questions are answered with y."""
    result = CliRunner().invoke(main.app, shlex.split(words), input="y\n" * 9)
    lines = [normalize(line) for line in result.output.splitlines()]
    return result.exit_code, [line for line in lines if line]


@pytest.mark.parametrize(("page", "section"), RUN)
def test_commands_of_a_section_print_what_it_shows(
    wrap: ServedSim, page: str, section: str
) -> None:
    for words in BEFORE.get(section, []):
        assert run(words)[0] == 0, words
    for command in read_commands(page):
        if command.section != section or command.not_run_reason():
            continue
        wrap.server.run_command(f"skip {SKIP_S}s")
        code, printed = run(command.words)
        shown = [normalize(line) for line in command.output if line]
        where = f"{page}:{command.line} pbmwrap {command.words}\n" + "\n".join(printed)
        assert (code != 0) == any(line.startswith("error:") for line in shown), where
        if shown:
            assert matches(shown, printed), where


def test_every_reason_belongs_to_a_command_of_a_page() -> None:
    every = [command for page in PAGES for command in read_commands(page)]
    stale = [n for n in NOT_RUN if not any(f"{c.words} ".startswith(f"{n} ") for c in every)]
    assert stale == []
    assert len([c for c in every if not c.not_run_reason()]) >= 25


def test_a_changed_word_is_found() -> None:
    page = [normalize(line) for line in ("slot 0 is active", "...", "3 stored")]
    assert matches(page, ["slot N is active", "anything", "N stored"])
    assert matches(page, ["slot N is active", "N stored"])
    assert not matches(page, ["slot N is activated", "N stored"])
    assert not matches(page, ["slot N is active", "N stored", "more"])
