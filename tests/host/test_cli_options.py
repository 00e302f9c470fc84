"""Options of the program itself, which port a command takes, and what the shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.device import discovery
from pbmwrap.errors import NoDevice, PortBusy
from tests.host.cli_helpers import EXAMPLE, data, fails, run, wrap
from tests.host.log_maker import dated_log
from wrap.storage.settings import BOUNDS
from wrap.version import VERSION

__all__ = ("wrap",)  # a fixture


def opened(monkeypatch, wrap) -> list[str]:
    """The ports that commands open from now on."""
    ports: list[str] = []

    def open_transport(port):
        ports.append(port)
        return wrap

    monkeypatch.setattr(discovery, "open_transport", open_transport)
    return ports


def closed(monkeypatch, problem: Exception) -> None:
    def refuse(port):
        raise problem

    monkeypatch.setattr(discovery, "open_transport", refuse)


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["logs", "-h"], ["protocol", "new", "-h"]])
def test_help_is_on_stdout(capsys, words) -> None:
    assert main.main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: pbmwrap ")
    assert err == ""


def test_the_program_alone_shows_its_help_on_stdout(capsys) -> None:
    assert main.main([]) == 2
    out, err = capsys.readouterr()
    assert "monitor" in out
    assert err == ""


def test_version_is_an_option_too(capsys) -> None:
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"pbmwrap {VERSION}\n"


def test_the_port_may_stand_before_the_command(wrap, monkeypatch) -> None:
    ports = opened(monkeypatch, wrap)
    for words in (
        ["--port", "first", "status"],
        ["-p", "first", "status", "--port", "second"],
        ["status"],
        ["--port", "first", "protocol", "show", EXAMPLE],
        ["--port", "first", "version"],
    ):
        assert CliRunner().invoke(main.app, words).exit_code == 0
    assert ports == ["first", "second", "memory", "first", "first"]


def test_show_and_version_take_the_port_of_the_variable_and_of_the_file(
    wrap, monkeypatch, tmp_path: Path
) -> None:
    wrap.calls["cal.get"] = lambda _p: [{"uw": 40000}, {"uw": 50000}]
    assert data("protocol", "show", EXAMPLE)["summary"]["calibrated"] is True
    ports = opened(monkeypatch, wrap)
    monkeypatch.delenv("PBMWRAP_PORT")
    (tmp_path / "config.toml").write_text('port = "of-the-file"\n')
    assert data("protocol", "show", EXAMPLE)["summary"]["calibrated"] is True
    assert data("version")["firmware"] == "0.1.0"
    assert ports == ["of-the-file"] * 2


@pytest.mark.parametrize("problem", [NoDevice("gone"), PortBusy("x is in use")])
def test_show_and_version_go_on_without_a_wrap_that_was_not_asked_for(
    wrap, monkeypatch, problem
) -> None:
    closed(monkeypatch, problem)
    for words in (["protocol", "show", EXAMPLE], ["version"]):
        result = CliRunner().invoke(main.app, words)
        assert result.exit_code == 0
        assert result.stderr.startswith(f"note: going on without a wrap: {problem.message}")
        assert fails(*words, "--port", "x")[0] == problem.exit_code
        assert CliRunner().invoke(main.app, ["-p", "x", *words]).exit_code == problem.exit_code


def test_a_config_file_that_is_named_and_missing_is_said(wrap, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "nope.toml"))
    assert CliRunner().invoke(main.app, ["status"]).stderr == ""  # $PBMWRAP_PORT is enough
    monkeypatch.delenv("PBMWRAP_PORT")
    monkeypatch.setattr(discovery, "scan_ports", list)
    result = CliRunner().invoke(main.app, ["status"])
    assert f"note: $PBMWRAP_CONFIG names {tmp_path / 'nope.toml'}, which does not" in result.stderr
    checks = {check["name"]: check for check in run("doctor")[1]["data"]}
    assert checks["config"]["level"] == "note"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_config_file_may_have_a_byte_order_mark(wrap, monkeypatch, tmp_path, mark) -> None:
    ports = opened(monkeypatch, wrap)
    monkeypatch.delenv("PBMWRAP_PORT")
    (tmp_path / "config.toml").write_bytes(mark + b'port = "x"\r\n')
    assert data("status")
    assert ports == ["x"]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"port = ", "cannot be read: "),
        ('port = "x"'.encode("utf-16"), "it is UTF-16 text; save it as UTF-8"),
        (b'port = "\xff"', "it is not UTF-8 text"),
        (b"port = " + b"[" * 5000, "cannot be read: "),
    ],
)
def test_a_config_file_that_cannot_be_read_is_named(wrap, monkeypatch, tmp_path, raw, why) -> None:
    monkeypatch.delenv("PBMWRAP_PORT")
    (tmp_path / "config.toml").write_bytes(raw)
    code, error = fails("status")
    assert code == 7
    assert str(tmp_path / "config.toml") in error["message"]
    assert why in error["message"]


# Completion


def offered(line: str, folder: Path, **variables: str) -> list[str]:
    """What bash is offered for the last word of `line`."""
    words = line.split(" ")
    asked = {
        "_PBMWRAP_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "PBMWRAP_DATA": str(folder / "data"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pbmwrap"],
        env=os.environ | asked | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.split("\n") if line]  # "plain,VALUE"


def test_protocol_arguments_complete_to_examples_and_files(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "deep.toml").touch()
    for command in ("check", "show", "flash"):
        found = offered(f"pbmwrap protocol {command} m", tmp_path)
        assert found == ["minor-injury", "mine.toml", "more/"]
    assert offered("pbmwrap protocol check more/", tmp_path) == ["more/deep.toml"]
    assert offered("pbmwrap protocol new x.toml --from ner", tmp_path) == ["nerve-pain"]


def test_names_complete_to_what_there_is(tmp_path: Path) -> None:
    assert offered("pbmwrap settings set ", tmp_path) == sorted(BOUNDS)
    assert offered("pbmwrap cal set ", tmp_path) == ["red", "nir"]
    assert offered("pbmwrap cal clear n", tmp_path) == ["nir"]
    assert offered("pbmwrap sim --scenario cov", tmp_path) == ["covered"]
    assert offered("pbmwrap status --port rp", tmp_path) == ["rp2040:"]


def test_wraps_complete_to_those_of_the_archive(tmp_path: Path) -> None:
    from pbmwrap.logs.archive import Archive

    assert offered("pbmwrap logs list --wrap ", tmp_path) == []
    for uid in ("u1", "u2", "w3"):
        Archive(tmp_path / "data" / "logs").wrap(uid).append(0, dated_log().raw)
    for command in ("list", "show", "export x.csv", "verify"):
        assert offered(f"pbmwrap logs {command} --wrap u", tmp_path) == ["u1", "u2"]
