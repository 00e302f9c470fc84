"""What a refusal or an interrupt tells the user to do next."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.cli.light import describe_light
from pbmwrap.errors import EXIT_REFUSED, DeviceError
from pbmwrap.words import name_end, name_state
from tests.host.cli_helpers import fails, wrap
from wrap import errors
from wrap.errors import Refused
from wrap.rules import states

__all__ = ("wrap",)  # a fixture

COMMANDS = {"session.stop": "stop", "session.pause": "pause", "session.resume": "resume"}


@pytest.mark.parametrize("state", states.NAMES)
@pytest.mark.parametrize("method", COMMANDS)
def test_no_hint_sends_to_the_command_that_was_refused(method: str, state: str) -> None:
    refusal = DeviceError("not_now", f"not while {state}", method)
    assert f"`pbmwrap {COMMANDS[method]}`" not in refusal.hint
    assert refusal.hint
    assert f"not while {state}" not in refusal.message


def test_a_refusal_without_a_state_does_not_send_stop_to_stop() -> None:
    assert "`pbmwrap stop`" not in DeviceError("not_now", "not just now", "session.stop").hint
    assert "`pbmwrap stop`" in DeviceError("not_now", "not just now", "settings.set").hint


@pytest.mark.parametrize(
    ("method", "state", "hint"),
    [
        ("session.stop", "fault", "`pbmwrap fault show`"),
        ("session.stop", "fault", "the light is out"),
        ("session.stop", "idle", "`pbmwrap run`"),
        ("session.stop", "ramp-down", "ending already"),
        ("session.pause", "paused", "`pbmwrap resume`"),
        ("session.resume", "running", "`pbmwrap pause`"),
        ("settings.set", "running", "`pbmwrap stop`"),
        ("settings.set", "fault", "`pbmwrap fault ack`"),
        ("fault.ack", "idle", "no fault to acknowledge"),
        ("fault.ack", "fault", "no fault to acknowledge"),
    ],
)
def test_the_hint_fits_the_state(method: str, state: str, hint: str) -> None:
    assert hint in DeviceError("not_now", f"not while {state}", method).hint


def test_the_hint_after_too_little_memory_helps_with_light_and_without() -> None:
    """It was that of a session, also where none ran."""
    problem = DeviceError("memory", errors.NO_HEAP, "proto.list")
    assert problem.hint.startswith("run the command again; while light is on, pause the session")
    assert problem.exit_code == EXIT_REFUSED


FIRMWARE = Path(__file__).parents[2] / "firmware" / "wrap"


def firmware_texts() -> list[str]:
    """Every string of the firmware except docstrings."""
    out: list[str] = []
    for file in FIRMWARE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                out += [] if id(node) in docs else [node.value]
    return out


@pytest.mark.parametrize(
    ("part", "hint"),
    [
        ("session possible in", "`pbmwrap clock set`"),
        ("write too often", "a program asks the wrap too often"),
        ("records wait", "run the command again"),
        ("settings confirm", ""),
        ("on trial", "run `pbmwrap status` once"),
    ],
)
def test_the_hint_fits_the_text_of_the_firmware(part: str, hint: str) -> None:
    texts = [text for text in firmware_texts() if part in text]
    assert texts
    for text in texts:
        got = DeviceError("not_now", text, "session.start").hint
        assert got.startswith(hint) or hint in got
        assert (got == "") == (hint == "")


def test_a_start_without_a_protocol_names_the_command_that_stores_one(wrap) -> None:
    def refuses(_params):
        raise Refused("not_found", "no usable protocol is stored")

    wrap.calls["session.start"] = refuses
    assert "protocol flash" in fails("run")[1]["hint"]


def test_every_state_and_end_reason_has_plain_words() -> None:
    reasons = [value for name, value in vars(states).items() if name.startswith("BY_")]
    assert len({name_end(reason) for reason in reasons}) == len(reasons)
    assert all(" " in name_end(reason) for reason in reasons)
    assert max(len(name_state(state)) for state in states.NAMES) <= 9
    assert name_end("newer") == name_state("newer") == "newer"


@pytest.mark.parametrize("state", states.NAMES)
def test_the_light_is_called_on_exactly_where_lamps_may_be_lit(state: str) -> None:
    lit = state in ("ramp-up", "running", "ramp-down", "calibrating")
    assert ("the light is still on" in describe_light(state)) == lit


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            "running",
            "interrupted: the light is still on (running); `pbmwrap stop` or the button ends it",
        ),
        ("idle", "interrupted: the light is off (idle)"),
    ],
)
def test_an_interrupted_monitor_says_whether_the_light_is_on(wrap, capsys, state, said) -> None:
    pushes = iter([True])

    def idle():
        if not next(pushes, False):
            raise KeyboardInterrupt
        wrap.push("sample", {"state": state})

    wrap.idle = idle
    assert main.main(["monitor"]) == 130
    assert capsys.readouterr().err == said + "\n"


def test_an_interrupted_tethered_session_says_that_it_is_ended(wrap, capsys) -> None:
    def idle():
        raise KeyboardInterrupt

    wrap.idle = idle
    assert main.main(["run", "--tethered"]) == 130
    assert "session.stop" in wrap.acted
    said = "interrupted: the session is ended and the light goes out\n"
    assert capsys.readouterr().err == said


def test_any_other_interrupted_command_says_that_the_wrap_goes_on(wrap, capsys) -> None:
    def interrupt(_params):
        raise KeyboardInterrupt

    wrap.calls["status"] = interrupt
    assert main.main(["status"]) == 130
    assert "`pbmwrap status` shows whether its light is on" in capsys.readouterr().err
    assert wrap.closed


def test_an_interrupt_while_the_program_loads_ends_it_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(
        "import os, signal\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    pass\n"
        "print('went on')\n"
    )
    # The module that Python loads at start must come from `tmp_path`.
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "pbmwrap", "status"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_status_names_clock_set_only_while_the_clock_is_not_set(wrap) -> None:
    wrap.status.update(next_s=5400, unix_s=None)
    text = CliRunner().invoke(main.app, ["status"]).stdout
    assert "next session possible in 1 h 30 min (see `pbmwrap clock set`)\n" in text
    wrap.status.update(unix_s=1790000000)
    text = CliRunner().invoke(main.app, ["status"]).stdout
    assert "next session possible in 1 h 30 min\n" in text
    assert "clock set" not in text
