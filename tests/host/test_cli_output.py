"""Text reaches people as it is: square brackets, and characters that a pipe's encoding lacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from tests.host.cli_helpers import EXAMPLE, data, wrap

__all__ = ("wrap",)  # a fixture

ODD = ("Knee [left] 2", "Knee [/left]", "Knee [b]", "Knee :cat:", "Knee [bold red]x[/]")
SAMPLE = "20 °C ± 2 %, 5 J/cm², a–b, Ω, 中"


def people(*words: str) -> str:
    result = CliRunner().invoke(main.app, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", ODD)
def test_brackets_in_a_name_are_plain_text_everywhere(wrap, tmp_path: Path, name: str) -> None:
    file = tmp_path / "knee.toml"
    people("protocol", "new", str(file), "--from", EXAMPLE, "--name", name)
    assert name in people("protocol", "show", str(file))
    assert name in people("protocol", "flash", str(file))
    assert name in people("protocol", "list")
    wrap.calls["cal.get"] = lambda _p: [{"uw": 40000, "how": name}, None]
    assert name in people("cal", "show")
    wrap.heat = {"pm": 500, "date": 20261128, "max_mc": 41000, "how": name}
    assert name in people("heat-test", "show")


@pytest.mark.parametrize("name", ODD)
def test_brackets_are_plain_text_in_a_question(wrap, name: str) -> None:
    wrap.status["unconfirmed"] = ["cal"]
    wrap.calls["cal.get"] = lambda _p: [{"uw": 40000, "how": name}, None]
    result = CliRunner().invoke(main.app, ["settings", "confirm"], input="n\n")
    assert name in result.stderr
    assert result.exit_code == 1


@pytest.mark.parametrize("name", ODD)
def test_brackets_in_a_usb_name_are_plain_text(wrap, monkeypatch, name: str) -> None:
    from pbmwrap.device import discovery
    from pbmwrap.device.serial_port import PortInfo
    from pbmwrap.errors import NotAWrap

    port = PortInfo("/dev/ttyACM0", "N1", "2e8a:0005", name)
    asked = [discovery.Candidate(port, problem=NotAWrap("x does not answer"))]
    monkeypatch.setattr(discovery, "scan_ports", lambda: asked)
    assert name in people("ports")


def test_a_name_from_a_wrap_cannot_act_on_the_terminal(wrap) -> None:
    slots = [{"id": "p", "name": "a\x1b[31mb", "sha": "0" * 64, "size": 9}]
    wrap.calls["proto.list"] = lambda _p: {"active": -1, "slots": slots}
    assert "a?[31mb" in people("protocol", "list")


PRINT = """
import sys
from pbmwrap.cli import streams
from pbmwrap.cli.command import make_console
from pbmwrap.cli.text import format_table
streams.make_streams_safe()
print(sys.argv[1])
make_console(width=100).print(format_table(("a",), ((sys.argv[1],),)))
print(sys.argv[1], file=sys.stderr)
"""


def printed(encoding: str, text: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PRINT, text],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    name = encoding.split(":")[0]
    return done.stdout.decode(name), done.stderr.decode(name)


@pytest.mark.parametrize("encoding", ["ascii", "cp1251", "gbk", "cp932", "cp1252", "cp437"])
def test_a_character_that_the_pipe_lacks_is_replaced(encoding: str) -> None:
    out, err = printed(encoding, SAMPLE)
    for line in (*out.splitlines()[::2], *err.splitlines()):
        assert line.startswith("20 ")
    assert "?" not in printed(encoding, "20 °C ± 2 %, 5 J/cm²")[0]


def test_ascii_gets_these_substitutes_and_utf_8_the_text_itself() -> None:
    assert printed("ascii", SAMPLE)[0].splitlines()[0] == "20 C +- 2 %, 5 J/cm2, a-b, ?, ?"
    assert printed("utf-8", SAMPLE)[0].splitlines()[0] == SAMPLE


def test_an_error_handler_that_the_user_chose_stays() -> None:
    assert printed("ascii:backslashreplace", "²")[0].splitlines()[0] == "\\xb2"


def test_json_is_ascii_and_holds_every_character(wrap) -> None:
    wrap.calls["cal.get"] = lambda _p: [{"uw": 40000, "how": SAMPLE}, None]
    result = CliRunner().invoke(main.app, ["cal", "show", "--json"])
    assert result.stdout.isascii()
    assert json.loads(result.stdout)["data"]["red"]["how"] == SAMPLE


def test_a_file_name_that_is_no_text_is_no_fault_of_pbmwrap(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.toml")
    for words in (["protocol", "new", name], ["protocol", "check", name, "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "pbmwrap", *words],
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == b""


def test_settings_show_has_unit_range_and_meaning_of_every_setting(wrap) -> None:
    from pbmwrap.cli.text import SETTINGS
    from wrap.storage.settings import BOUNDS

    assert set(SETTINGS) == set(BOUNDS)
    wrap.settings = {key: high for key, (_, high) in BOUNDS.items()} | {"newer": 3}
    lines = people("settings", "show").splitlines()
    for key, (low, high) in BOUNDS.items():
        (line,) = [line for line in lines if line.startswith(f"{key} ")]
        assert f" {low} to {high} " in line
        assert all(part in line for part in SETTINGS[key])
    assert any(line.split() == ["newer", "3"] for line in lines)
    assert data("settings", "show") == wrap.settings
