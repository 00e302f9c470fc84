"""How errors look: exit codes, one line, the envelope."""

from __future__ import annotations

import io
import json

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.device import discovery
from pbmwrap.errors import LinkLost, NoPermission, PortBusy
from tests.host.cli_helpers import EXAMPLE, data, fails, wrap

__all__ = ("wrap",)  # a fixture


@pytest.mark.parametrize(
    ("problem", "code"),
    [(PortBusy("x is in use"), 5), (NoPermission("x may not"), 6), (LinkLost("x vanished"), 9)],
)
def test_errors_of_the_port_have_their_exit_codes(wrap, monkeypatch, problem, code):
    def refuse(port):
        raise problem

    monkeypatch.setattr(discovery, "open_transport", refuse)
    got, error = fails("status")
    assert got == code
    assert error["hint"]


def test_a_device_that_vanishes_in_the_middle_is_link_lost(wrap):
    wrap.vanish_after = 4
    assert fails("protocol", "flash", EXAMPLE)[0] == 9


def test_no_port_and_a_stranger_are_exit_3(wrap, monkeypatch):
    wrap.strange = b"hello? "
    assert fails("status")[1]["code"] == "not_a_wrap"
    monkeypatch.setattr(discovery, "scan_ports", list)
    monkeypatch.setenv("PBMWRAP_PORT", "auto")
    assert fails("status")[1]["code"] == "no_device"


def test_error_for_people_is_one_line_on_stderr(wrap, monkeypatch, capsys):
    assert main.main(["stop"]) == 8
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "error: the wrap refused session.stop: not possible while the wrap is idle; "
        "no session is running: start one with `pbmwrap run`\n"
    )
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["fly"], ["run", "--fly"], ["protocol", "activate", "9"]])
def test_wrong_use_is_exit_2_and_one_line(words, capsys):
    assert main.main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main.main([*words, "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["error"]["code"] == "usage"


def test_group_without_command_shows_its_help(capsys):
    assert main.main(["logs"]) == 2
    out, err = capsys.readouterr()
    assert "pull" in out
    assert err == ""


def test_a_bug_is_reported_with_its_traceback(wrap, capsys):
    def bug(p):
        raise ZeroDivisionError("no such luck")

    wrap.calls["status"] = bug
    assert main.main(["status"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "please report it" in err.splitlines()[-1]


def test_interrupt_outside_a_command_is_130(monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "app", interrupt)
    assert main.main(["status"]) == 130


def test_closed_pipe_is_quiet(wrap, monkeypatch, capsys):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())
    assert main.main(["settings", "show", "--json"]) == 1


def test_broken_config_file_is_named(wrap, monkeypatch, tmp_path):
    monkeypatch.delenv("PBMWRAP_PORT")
    (tmp_path / "config.toml").write_text("prot = 1")
    code, error = fails("status")
    assert (code, "prot is not known" in error["message"]) == (7, True)
    (tmp_path / "config.toml").write_text("port = 1")
    assert fails("status")[0] == 7
    (tmp_path / "config.toml").write_text('port = "x"')
    assert data("status")


def test_no_progress_on_stderr_when_it_is_no_terminal(wrap):
    assert CliRunner().invoke(main.app, ["protocol", "flash", EXAMPLE]).stderr == ""
