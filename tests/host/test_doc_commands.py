"""The command blocks of README and docs: each command runs against a simulated wrap and prints what
the page shows.

A table `what | must show` below a block is compared too. Numbers, paths and the width of columns
may differ; words and their order may not. A line `...` or in brackets stands for any lines, `...`
in a line for any words. A command without output on the page has to succeed. Each section has a
fresh wrap, and the files that the page says to write. NOT_RUN names the commands that are not run
here, each with its reason; their command lines are parsed. DIALOGS are the pages of
test_doc_dialogs.py.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from tests.host.served_sim import ServedSim

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "docs/cli.md",
    "docs/protocols.md",
    "docs/programme.md",
    "docs/build-a-wrap.md",
)
DIALOGS = ("docs/calibration.md", "docs/trial.md", "docs/web.md")
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
# Of those, the ones that run where the page shows nothing of what they print, and what is added.
RUN_UNSHOWN = {
    "doctor": "",
    "journal add": "",
    "logs pull": "",
    "monitor --count 10": " --every 0.1",
}
ANSWERS = {"journal add": "5\n\n"}  # others are answered with y
# Commands that bring the wrap into the state that a section shows, and are not on the page.
FLASH = "protocol flash minor-injury --activate"
BEFORE = {
    "status": ["clock set", FLASH, "run"],
    "run, pause, resume, stop": [FLASH],
    "clock, settings, cal, heat-test, hold, fault": [FLASH],
}
# What the page lets a person do between two blocks: end a session, pull the plug.
BETWEEN = {("docs/build-a-wrap.md", "heat-test clear"): "stop"}
SKIP_S = 6  # passes before each command: a self-test takes 5 s
NOT_THIS_PAD = {"`status`, after about a minute": "the simulated pad warms; a dummy load does not"}
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
        if self.words in RUN_UNSHOWN and not self.output and self.section not in ELSEWHERE:
            return None
        found = [NOT_RUN[name] for name in NOT_RUN if f"{self.words} ".startswith(f"{name} ")]
        return found[0] if found else ELSEWHERE.get(self.section)


def read_commands(page: str) -> Iterator[Shown]:
    """Yield the commands of a page in their order."""
    section, at, command, below, block = "", 0, "", [], 0
    for number, line in enumerate([*(ROOT / page).read_text("utf-8").splitlines(), "#"], 1):
        started = re.match(r" {4}(?:\$ |\.venv/bin/)?pbmwrap ([a-z].*)", line)
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


def read_shown_texts(command: Shown) -> Iterator[str]:
    """Yield what the command must print by the table `what | must show` below its block. What is in
    brackets holds for other boards."""
    lines = iter((ROOT / command.page).read_text("utf-8").splitlines()[command.line :])
    below = itertools.dropwhile(lambda line: not line or line.startswith("    "), lines)
    beside = itertools.takewhile(lambda line: not line.startswith(("    ", "#")), below)
    table = itertools.dropwhile(lambda line: not line.startswith("| what | must show |"), beside)
    for line in itertools.takewhile(lambda line: line.startswith("|"), table):
        what, shows = line.strip("| ").split(" | ", 1) if " | " in line else ("", "")
        if what.startswith(f"`{command.words.split()[0]}`") and what not in NOT_THIS_PAD:
            yield from re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", shows))


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
    return bool(printed) and fits(shown[0], printed[0]) and matches(shown[1:], printed[1:])


def fits(shown: str, printed: str) -> bool:
    """Whether a line is that of the page, where `...` stands for any words."""
    parts = map(re.escape, shown.split("..."))
    return re.fullmatch(".*".join(parts), printed) is not None


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


def write_files(page: str) -> None:
    """Write the files that the page gives, into the working directory."""
    pattern = r"Write this as `([a-z.]+)`:\n\n```toml\n(.*?)^```"
    text = (ROOT / page).read_text("utf-8")
    for name, content in re.findall(pattern, text, re.DOTALL | re.MULTILINE):
        Path(name).write_text(content, "utf-8")


def run(words: str) -> tuple[int, list[str]]:
    """Return (exit code, normalized lines that were printed)."""
    answers = ANSWERS.get(words, "y\n" * 9)
    typed = shlex.split(words + RUN_UNSHOWN.get(words, ""))
    result = CliRunner().invoke(main.app, typed, input=answers)
    lines = [normalize(line) for line in result.output.splitlines()]
    return result.exit_code, [line for line in lines if line]


@pytest.mark.parametrize(("page", "section"), RUN)
def test_commands_of_a_section_print_what_it_shows(
    wrap: ServedSim, page: str, section: str
) -> None:
    write_files(page)
    for words in BEFORE.get(section, []):
        assert run(words)[0] == 0, words
    for command in read_commands(page):
        if command.section != section or command.not_run_reason():
            continue
        if (page, command.words) in BETWEEN:
            assert run(BETWEEN[page, command.words])[0] == 0, command.words
        wrap.server.run_command(f"skip {SKIP_S}s")
        code, printed = run(command.words)
        shown = [normalize(line) for line in command.output if line]
        where = f"{page}:{command.line} pbmwrap {command.words}\n" + "\n".join(printed)
        assert (code != 0) == any(line.startswith("error:") for line in shown), where
        if shown:
            assert matches(shown, printed), where
        for text in read_shown_texts(command):
            assert normalize(text) in "\n".join(printed), f"{text!r} is missing: {where}"


def test_the_tables_say_what_fifteen_lines_must_show() -> None:
    commands = [command for page in PAGES for command in read_commands(page)]
    assert sum(len(list(read_shown_texts(command))) for command in commands) >= 15


def test_every_page_with_commands_is_run() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    names = [str(page.relative_to(ROOT)) for page in pages]
    assert {n for n in names if list(read_commands(n))} == {*PAGES, *DIALOGS}


@pytest.mark.parametrize("page", [*PAGES, *DIALOGS])
def test_the_options_of_every_command_exist(page: str) -> None:
    for shown in read_commands(page):
        words, command = shlex.split(shown.words), main.app
        context = click.Context(command)
        while isinstance(command, click.Group):
            name, command, words = command.resolve_command(context, words)
            assert command is not None, f"{page}:{shown.line}"
            context = click.Context(command, context, name)
        try:
            command.make_context(None, words, context.parent)
        except click.UsageError as problem:
            pytest.fail(f"{page}:{shown.line} pbmwrap {shown.words}: {problem.format_message()}")


def test_every_reason_belongs_to_a_command_of_a_page() -> None:
    every = [command for page in PAGES for command in read_commands(page)]
    stale = [n for n in NOT_RUN if not any(f"{c.words} ".startswith(f"{n} ") for c in every)]
    assert stale == []
    words = {command.words for command in every}
    assert {*RUN_UNSHOWN, *ANSWERS, *(w for _, w in BETWEEN)} <= words
    assert len([c for c in every if not c.not_run_reason()]) >= 25


def test_a_changed_word_is_found() -> None:
    page = [normalize(line) for line in ("slot 0 is active", "...", "3 stored")]
    assert matches(page, ["slot N is active", "anything", "N stored"])
    assert matches(page, ["slot N is active", "N stored"])
    assert not matches(page, ["slot N is activated", "N stored"])
    assert not matches(page, ["slot N is active", "N stored", "more"])
