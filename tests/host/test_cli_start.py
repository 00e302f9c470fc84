"""How the command starts: what it imports, and that the list of commands is the commands' own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pbmwrap.cli import main

# Each costs more to import than the whole of the rest.
HEAVY = (
    *("pydantic", "rich", "matplotlib", "serial", "mpremote", "rp2040py", "littlefs", "duckdb"),
    *("starlette", "uvicorn", "anyio", "asyncio"),
)
_PROBE = """
import json, sys
from pbmwrap.cli import main
main.sys.argv[0] = "pbmwrap"
code = main.main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def imported(*words: str, **env: str) -> set[str]:
    """The modules that a command in a process of its own has imported; it ends with 0."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *words],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    code, names = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    return set(names)


def commands(group: click.Group, path: str = "") -> list[tuple[str, click.Command]]:
    """Every command and group below `group`, with its words."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        assert one is not None
        found.append((f"{path}{name}", one))
        if isinstance(one, click.Group):
            found += commands(one, f"{path}{name} ")
    return found


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    context = click.Context(main.app)
    for name, text in main.app.list_summaries(context):
        one = main.app.get_command(context, name)
        assert one is not None
        assert text == one.get_short_help_str(1000), name


def test_every_command_of_every_module_is_in_the_list() -> None:
    context = click.Context(main.app)
    listed = main.app.list_commands(context)
    for name in listed:
        main.app.get_command(context, name)
    assert set(main.app.commands) == set(listed)


@pytest.mark.parametrize(
    "words", [("--help",), ("version",), ("version", "--json"), ("logs", "--help")]
)
def test_what_needs_no_wrap_imports_no_heavy_library(words: tuple[str, ...]) -> None:
    assert not imported(*words) & set(HEAVY)


def test_status_imports_neither_pydantic_nor_rich() -> None:
    for words in (("status",), ("status", "--json")):
        assert not imported(*words, "--port", "sim:") & {"pydantic", "rich", "matplotlib"}


def test_help_imports_no_command() -> None:
    assert not [name for name in imported("--help") if name.endswith("_cmds")]


def complete(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    env = {
        "_PBMWRAP_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("pbmwrap", *words)),
        "COMP_CWORD": str(len(words)),
    }
    said = CliRunner().invoke(main.app, prog_name="pbmwrap", env=env)
    return [line.partition(",")[2] for line in said.output.splitlines()]


def test_completion_of_commands_and_options() -> None:
    assert complete("st") == ["status", "stop"]
    assert complete("logs", "p") == ["pull"]
    assert complete("logs", "show", "--p") == ["--plot"]
    assert complete("--sh") == ["--show-completion"]


def test_every_help_page_has_its_parts_and_keeps_to_80_columns() -> None:
    for words, command in commands(main.app):
        said = CliRunner().invoke(main.app, [*words.split(), "--help"], prog_name="pbmwrap")
        assert said.exit_code == 0
        lines = said.output.splitlines()
        assert lines[0].startswith(f"Usage: pbmwrap {words}")
        assert max(map(len, lines)) <= 80, words
        assert "..." not in said.output.partition("Commands:")[2], words
        assert "None" not in said.output, words
        if not isinstance(command, click.Group):
            assert all(p.help for p in command.params if isinstance(p, click.Argument)), words


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("shell", "place", "start"),
    [
        ("/bin/bash", ".bash_completions/pbmwrap.sh", ".bashrc"),
        ("/usr/bin/zsh", ".zfunc/_pbmwrap", ".zshrc"),
        ("/usr/bin/fish", ".config/fish/completions/pbmwrap.fish", None),
    ],
)
def test_completion_is_installed_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, shell: str, place: str, start: str | None
) -> None:
    monkeypatch.setenv("SHELL", shell)
    if start:
        (home / start).write_text("alias l=ls")
    for _ in range(2):
        said = CliRunner().invoke(main.app, ["--install-completion"], prog_name="pbmwrap")
        assert said.exit_code == 0
        assert str(home / place) in said.output
    shown = CliRunner().invoke(main.app, ["--show-completion"], prog_name="pbmwrap").output
    assert (home / place).read_text().strip() == shown.strip()
    assert "_PBMWRAP_COMPLETE" in shown
    if start:
        first, added = (home / start).read_text().splitlines()
        assert first == "alias l=ls"
        assert ".zfunc" in added or place in added


def test_a_shell_without_completion_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    said = CliRunner().invoke(main.app, ["--install-completion"], prog_name="pbmwrap")
    assert said.exit_code == 2
    assert said.stderr.startswith("error: tcsh has no completion; there is one for bash")


def test_a_start_file_that_cannot_be_written_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/bin/bash")
    (home / ".bashrc").mkdir()
    said = CliRunner().invoke(main.app, ["--install-completion"], prog_name="pbmwrap")
    assert said.exit_code == 2
    assert len(said.stderr.splitlines()) == 1
    assert f"{home / '.bashrc'} cannot be written" in said.stderr


def test_words_that_are_wrong_are_named_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for words, line in {
        "statsu": "no such command 'statsu'. Did you mean 'status'?; see `pbmwrap --help`",
        "monitor --every nan": "invalid value for '--every': nan is not in the range 0.1<=x<=60;"
        " see `pbmwrap monitor --help`",
        "monitor --count 1.5": "invalid value for '--count': '1.5' is not a valid whole number;"
        " see `pbmwrap monitor --help`",
        "settings set": "missing argument 'KEY'; see `pbmwrap settings set --help`",
    }.items():
        assert main.main(words.split()) == 2
        assert capsys.readouterr().err == f"error: {line}\n"
