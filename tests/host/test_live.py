"""What a person does and reads while a session is watched: keys, the light, the lease."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import light, main
from pbmwrap.device import discovery, shared
from pbmwrap.device.client import Client
from pbmwrap.errors import LinkLost, NotAWrap, PortBusy
from tests.host.cli_helpers import fails, wrap
from tests.host.served_sim import ServedSim, started, until
from tests.host.test_shared_port import RAW
from wrap.rules.limits import LEASE_MS, RAMP_DOWN_MS

__all__ = ("wrap",)  # a fixture

DOCS = Path(__file__).parents[2] / "docs"
ENTER_SCREEN, LEAVE_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
BY_HAND = "hold the wrap's button for a second or unplug the wrap"


@pytest.fixture
def sim(monkeypatch):
    """A served wrap with a protocol that lasts ten minutes."""
    with tempfile.TemporaryDirectory(prefix="w") as short:
        monkeypatch.setenv("PBMWRAP_RUNTIME", str(Path(short) / "run"))
        monkeypatch.setenv("TERM", "xterm-256color")
        served = ServedSim()
        client, _ = discovery.connect(served.port)
        with client:
            client.flash_protocol(0, RAW)
        yield served
        served.close()


class Terminal:
    """A command with a pseudo terminal of 80 x 24 as its standard input, output and error."""

    def __init__(self, *words: str) -> None:
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._words = words
        self._reported = b""

    @contextmanager
    def run(self):
        try:
            with started(
                *self._words, stdin=self._slave, stderr=self._slave, stdout=self._slave
            ) as process:
                os.set_blocking(self._master, False)
                yield process
        finally:
            os.close(self._master)
            os.close(self._slave)

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())

    def said(self, text: str) -> bool:
        with suppress(BlockingIOError):
            self._reported += os.read(self._master, 65536)
        return text in self._reported.decode(errors="replace")  # may end within a character


@contextmanager
def beside(sim: ServedSim):
    """A client that uses the port beside the command."""
    assert until(lambda: shared.connect_to_owner(sim.port) is not None)
    client, _ = discovery.connect(sim.port)
    with client:
        yield client


def test_keys_of_monitor_lines_pause_resume_stop_and_quit(sim):
    client, _ = discovery.connect(sim.port)
    with client:
        client.start()
    terminal = Terminal("monitor", "--lines", "--port", sim.port)
    with terminal.run() as process:
        assert until(lambda: terminal.said("keys: s stop, p pause or resume, q quit"))
        with beside(sim) as client:
            assert until(lambda: client.status().state == "running")
            terminal.press("p")
            assert until(lambda: client.status().state == "paused")
            terminal.press("p")
            assert until(lambda: client.status().state == "running")
            terminal.press("s")
            assert until(lambda: client.status().state == "done")
            terminal.press("s")
            assert until(lambda: terminal.said("the wrap refused session.stop"))
            terminal.press("q")
            assert until(lambda: terminal.said("the light is off (done)"))
            assert until(lambda: terminal.said(f"(process {os.getpid()}) uses the wrap too"))
            assert process.wait(30) == 0
            assert client.status().state == "done"


def test_quitting_monitor_lines_says_that_the_light_is_still_on(sim):
    client, _ = discovery.connect(sim.port)
    with client:
        client.start()
    terminal = Terminal("monitor", "--lines", "--port", sim.port)
    with terminal.run() as process:
        assert until(lambda: terminal.said("running"))
        terminal.press("q")
        assert until(lambda: terminal.said("the light is still on (running); `pbmwrap stop`"))
        assert process.wait(30) == 0
    client, _ = discovery.connect(sim.port)
    with client:
        assert client.status().state == "running"


def test_monitor_in_a_terminal_is_a_view_whose_keys_act(sim):
    client, _ = discovery.connect(sim.port)
    with client:
        client.start()
    terminal = Terminal("monitor", "--port", sim.port)
    with terminal.run() as process:
        assert until(lambda: terminal.said("RUNNING"))
        with beside(sim) as client:
            terminal.press("p")
            assert until(lambda: client.status().state == "paused")
            assert until(lambda: terminal.said("PAUSED"))
            terminal.press("r")
            assert until(lambda: client.status().state == "running")
            terminal.press("q")
            assert until(lambda: terminal.said("the light is still on (running); `pbmwrap stop`"))
            assert until(lambda: terminal.said(f"(process {os.getpid()}) uses the wrap too"))
            assert process.wait(30) == 0
            assert client.status().state == "running"


def test_ctrl_c_in_the_view_restores_the_terminal_and_leaves_the_session(sim):
    client, _ = discovery.connect(sim.port)
    with client:
        client.start()
    terminal = Terminal("monitor", "--port", sim.port)
    with terminal.run() as process:
        assert until(lambda: terminal.said("RUNNING"))
        terminal.press("\x03")
        assert until(lambda: terminal.said("interrupted: the light is still on (running)"))
        assert process.wait(30) == 130
        assert terminal.said(LEAVE_SCREEN)
    client, _ = discovery.connect(sim.port)
    with client:
        assert client.status().state == "running"


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_a_signal_ends_the_view_with_the_terminal_restored(sim, how, code):
    terminal = Terminal("monitor", "--port", sim.port)
    with terminal.run() as process:
        assert until(lambda: terminal.said("IDLE"))
        process.send_signal(how)
        assert until(lambda: terminal.said(LEAVE_SCREEN))
        assert process.wait(30) == code
        assert terminal.said("the light is off (idle)")


@pytest.mark.parametrize("words", [("--count", "2"), ("--count", "2", "--json")])
def test_monitor_with_a_count_prints_lines_in_a_terminal(sim, words):
    terminal = Terminal("monitor", "--every", "0.1", *words, "--port", sim.port)
    with terminal.run() as process:
        assert until(lambda: terminal.said("idle"))
        assert process.wait(30) == 0
        assert not terminal.said(ENTER_SCREEN)


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("PYTHONIOENCODING", "latin-1")])
def test_a_terminal_that_cannot_show_the_view_gets_lines(sim, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    terminal = Terminal("monitor", "--port", sim.port)
    with terminal.run() as process:
        assert until(lambda: terminal.said("keys: s stop"))
        terminal.press("q")
        assert process.wait(30) == 0
        assert not terminal.said(ENTER_SCREEN)


def test_monitor_in_a_pipe_does_not_import_the_view(sim):
    script = (
        "import sys; from pbmwrap.cli.main import main; "
        f"main(['monitor', '--count', '1', '--port', {sim.port!r}]); "
        "print(*sorted({'textual', 'rich', 'plotille'} & set(sys.modules)), 'end')"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert out.stdout.splitlines()[-1].strip() == "end", out.stderr


def test_quitting_a_tethered_run_ends_its_session(sim):
    terminal = Terminal("run", "--tethered", "--port", sim.port)
    with terminal.run() as process:
        assert until(lambda: terminal.said("ramp-up") or terminal.said("running"))
        terminal.press("q")
        assert until(lambda: terminal.said("session 1 ended: stopped over USB"))
        assert process.wait(30) == 0


def test_a_tethered_run_without_a_terminal_outlives_its_lease(sim):
    with started("run", "--tethered", "--port", sim.port), beside(sim) as client:
        assert until(lambda: client.status().active_ms > 2 * LEASE_MS)
        assert client.status().state == "running"


def test_the_light_of_a_killed_tethered_run_goes_out_within_its_lease(sim):
    with started("run", "--tethered", "--port", sim.port) as runner, beside(sim) as client:
        assert until(lambda: client.status().state == "running")
        runner.kill()
        began_ms = client.status().active_ms
        assert until(lambda: client.status().state == "done")
        ended = client.status()
        assert ended.end_reason == "lease-lost"
        assert ended.active_ms - began_ms <= LEASE_MS + RAMP_DOWN_MS + 1000


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("running", "the light is still on (running); `pbmwrap stop` or the button ends it"),
        ("ramp-down", "the light is still on (stopping); `pbmwrap stop` or the button ends it"),
        ("paused", "the light is off (paused), the session goes on; `pbmwrap stop` ends it"),
        ("idle", "the light is off (idle)"),
        ("fault", "the light is off (fault)"),
    ],
)
def test_what_is_said_of_the_light(state, said):
    assert light.describe_light(state) == said


# What a lost link means for the light


def vanish(wrap, method):
    """The wrap's port vanishes as `method` is asked."""

    def gone(p):
        raise LinkLost(f"{wrap.name} vanished while it was in use")

    wrap.calls[method] = gone


@pytest.mark.parametrize("method", ["session.start", "telemetry", "lease"])
def test_a_tethered_run_that_loses_the_wrap_says_when_the_light_goes_out(wrap, method):
    vanish(wrap, method)
    code, error = fails("run", "--tethered")
    assert code == 9
    assert error["hint"] == (
        f"the light goes out by itself: it fades {LEASE_MS // 1000} s after the last word of this "
        f"command and is off {RAMP_DOWN_MS / 1000:g} s later; check the cable, "
        "then `pbmwrap status`"
    )


@pytest.mark.parametrize("words", [("stop",), ("pause",)])
def test_a_stop_that_does_not_arrive_says_what_ends_the_light(wrap, words):
    vanish(wrap, f"session.{words[0]}")
    assert fails(*words)[1]["hint"] == f"the light may still be on: {BY_HAND}"


@pytest.mark.parametrize("problem", [NotAWrap("x does not answer"), PortBusy("x is in use")])
def test_a_stop_without_a_wrap_says_what_ends_the_light(wrap, monkeypatch, problem):
    def refuse(port):
        raise problem

    monkeypatch.setattr(discovery, "open_transport", refuse)
    code, error = fails("stop")
    assert code == problem.exit_code
    assert error["hint"].endswith(f"; the light may still be on: {BY_HAND}")


@pytest.mark.parametrize("words", [("run",), ("resume",)])
def test_a_start_whose_answer_is_lost_says_that_there_may_be_light(wrap, words):
    vanish(wrap, {"run": "session.start", "resume": "session.resume"}[words[0]])
    error = fails(*words)[1]
    assert error["hint"] == f"light may be on: see `pbmwrap status`; to be sure, {BY_HAND}"


def test_any_other_lost_link_says_what_goes_on_and_what_ends(wrap):
    vanish(wrap, "status")
    hint = fails("status")[1]["hint"]
    assert "a session goes on, but one of `run --tethered` ends by itself" in hint


def test_the_lease_of_the_command_is_that_of_the_document(wrap):
    client = Client(wrap)
    assert client.lease() == LEASE_MS
    said = (DOCS / "safety.md").read_text(encoding="utf-8")
    assert f"fades out when its lease ends, {LEASE_MS // 1000} s after" in said
    assert f"| lease {LEASE_MS // 1000} s |" in said


def test_monitor_json_has_time_and_names(wrap):
    wrap.idle = lambda: wrap.push("sample", {"state": "running", "temps_mc": [31000, 30000]})
    out = CliRunner().invoke(main.app, ["monitor", "--count", "1", "--json"]).stdout
    said = json.loads(out)["data"]
    assert (said["sensors"], said["channels"]) == (["skin", "board"], ["red", "nir"])
    assert said["wrap"] == wrap.hello["uid"]
    assert said["temps_mc"] == [31000, 30000]
    assert said["time"].endswith("Z") and "T" in said["time"]
