"""The commands of docs/calibration.md, docs/trial.md and docs/web.md, as test_doc_commands.py runs
those of other pages: a dialog at a meter, a trial of weeks, a server until it is stopped."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.calibration import steps
from pbmwrap.calibration.dialog import TerminalDialog
from pbmwrap.cli import cal_cmds, main, trial_heat
from pbmwrap.device import discovery
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.sim import SimTwin
from tests.calibration.bench import shape
from tests.host.served_sim import ServedSim, run_command, started, until
from tests.host.test_doc_commands import Shown, fits, matches, read_commands
from tests.trial.person import TrialPerson

MIDDLE = 4.0  # mW/cm2 in the middle of the pad, so that the page's 3.21 fits at A1
SOLAR_W_M2 = 711.0  # what a solar meter shows of the pad when it was calibrated
MOST_ANSWERS = 400  # of a dialog that ends


def compare(shown: Shown, code: int, output: str) -> None:
    """Check that a command ended well and printed what the page shows."""
    printed = list_once(re.split("[\r\n]+", output))
    where = f"{shown.page}:{shown.line} pbmwrap {shown.words}\n" + "\n".join(printed)
    assert code == 0, where
    if shown.output:
        assert matches(list_once(shown.output), printed), where


def list_once(lines: Sequence[str]) -> list[str]:
    """Return the lines without their values, equal ones that follow each other once: seconds
    of a countdown, points of a row."""
    return [line for line, _ in itertools.groupby(map(strip_values, lines)) if line]


def strip_values(line: str) -> str:
    """Return a line without what differs from run to run, also the sign of nearly equal warmth."""
    line = re.sub(r"-(?=\d\.\d\d K)", "", line)
    line = re.sub(r"\b([0-9a-z]{6}-t\d+|sim[0-9a-f]{10,}|[0-9a-f]{16,})\b", "ID", line)
    line = re.sub(r"[^\s/]*/\S*/", "FOLDER/", line)
    return " ".join(re.sub(r"\d+(\.\d+)?", "N", line).split())


class Person(TerminalDialog):
    """Types what the page shows behind a prompt, and else what `typed` says. Looks at a terminal,
    and reads nothing from one."""

    def __init__(self, shown: Shown, typed: Callable[[str], str]) -> None:
        self.answers = [line.rpartition(": ")[::2] for line in shown.output]
        self.typed = typed
        self.asked = 0

    def count_down(self, text: str, seconds: int) -> None:
        sys.stderr.isatty = lambda: True  # type: ignore[method-assign]
        super().count_down(text, seconds)

    def ask(self, text: str, meanwhile: Callable[[], bool]) -> str | None:
        self.asked += 1
        assert meanwhile() and self.asked < MOST_ANSWERS
        prompt = text.splitlines()[-1]
        answer = next((a for shown, a in self.answers if fits(shown, prompt)), self.typed(prompt))
        print(f"{text}: {answer}", file=sys.stderr, flush=True)
        return answer


def type_reading(text: str, solar: float = 0.0) -> str:
    """Return what a person types at this prompt: the readings of a pad, or those of a solar meter
    with so much of its light."""
    if point := re.search(r"point ([A-I])(\d)", text):
        at = (ord(point[1]) - ord("A"), int(point[2]) - 1)
        return f"{solar * SOLAR_W_M2 + 1:.1f}" if solar else f"{MIDDLE * shape(*at) + 0.01:.2f}"
    if setting := re.search(r"Set the meter to (\d+) nm", text):
        return setting[1]
    if "Dark reading" in text:
        return "1" if solar else "0.01"
    return "yes" if "Type yes" in text else ""


@pytest.fixture
def flat_wrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A simulated wrap that lies flat on a table, behind every port, in virtual time."""
    twin = SimTwin()
    twin.start()
    twin.plant.change(contact=0.0, ambient_c=21.0)
    twin.plant.settle()
    twin.advance_ms(3000)
    monkeypatch.setattr(discovery, "open_transport", lambda port: TwinTransport(twin))
    (tmp_path / "config.toml").touch()
    for name, value in {"PORT": "sim", "CONFIG": "config.toml", "DATA": "data"}.items():
        monkeypatch.setenv(f"PBMWRAP_{name}", value)
    monkeypatch.setattr(steps, "WARM_UP_S", 3)
    monkeypatch.chdir(tmp_path)
    yield
    twin.close()


def test_a_calibration_and_its_checks(flat_wrap: None, monkeypatch: pytest.MonkeyPatch) -> None:
    light = {"cal measure": 0.0, "cal check": 0.971}
    commands = list(read_commands("docs/calibration.md"))
    for shown in commands:
        solar = light.get(shown.words, 1.0)
        person = Person(shown, lambda text, solar=solar: type_reading(text, solar))
        monkeypatch.setattr(cal_cmds, "open_dialog", lambda person=person: person)
        result = CliRunner().invoke(main.app, shlex.split(shown.words))
        compare(shown, result.exit_code, result.output)
    assert len(commands) == 3


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of the addresses that a browser was opened with; folders of this machine."""
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\necho "$1" >> "$0.opened"\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PBMWRAP_RUNTIME", str(tmp_path / "run"))
    return tmp_path / "browser.opened"


def test_the_page_is_served_until_ctrl_c(opened: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = ServedSim()
    monkeypatch.setenv("PBMWRAP_PORT", served.port)
    commands = list(read_commands("docs/web.md"))
    for shown in commands:
        screen, terminal = os.openpty()  # notes are for a terminal only
        words = shlex.split(shown.words)
        with started(*words, "--listen-port", "0", stderr=terminal) as process:
            assert process.stdout
            url = process.stdout.readline().strip()
            note = os.read(screen, 1000).decode()
            assert until(lambda url=url: opened.exists() and url in opened.read_text())
            with urllib.request.urlopen(url.partition("#")[0]) as answer:
                assert b"<html" in answer.read()
            if "sim:" in shown.words:
                assert run_command("status", "--port", "web:")[0] == 0
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
        os.close(terminal)
        os.close(screen)
        compare(shown, process.returncode, f"{url}\n{note}")
    served.close()
    assert len(commands) == 2


# Sessions of six seconds in eight weeks: the page's trial takes 24 weeks of 20 minutes.
SHORT_TRIAL = " --weeks 8 --period week --sessions 1 --minutes 0.1 --speed hours --matters 4"
SHORT_HEAT_TEST = " --minutes 3 --session 3"
NEITHER_ILL_NOR_NUMB = "n\nn\ny\n"


def live_until(person: TrialPerson, words: str) -> None:
    """Let happen to the person what the page has before this command."""
    name = " ".join(words.split()[:2])
    if name == "trial entry":
        person.wait_until_start()
    elif name == "logs pull":
        with person.world.plugged("wrap-1") as wrap:
            person.have_session(wrap)
            person.run("trial", "next", person.sites[1])
            person.have_session(wrap)
    elif name == "trial guess":
        for _ in range(6):
            person.wait_days(1)
            person.write_numbers()
        person.wait_days(1)
    elif name == "trial reveal":
        for _ in range(7):
            person.have_week()
            person.run("trial", "guess", "unknown", "--confidence", "1")


def test_a_trial_from_the_plan_to_the_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the page; its days pass as in tests/trial."""
    monkeypatch.chdir(tmp_path)
    ada = TrialPerson(tmp_path / "world")
    commands = [c for c in read_commands("docs/trial.md") if c.section == "How a trial goes"]
    for shown in commands:
        words = shown.words + (SHORT_TRIAL if "trial start" in shown.words else "")
        live_until(ada, shown.words)
        with ada.world.plugged("wrap-1"), ada.world.as_machine():
            result = CliRunner().invoke(main.app, shlex.split(words), input=NEITHER_ILL_NOR_NUMB)
        compare(shown, result.exit_code, result.output)
    ada.world.close()
    assert len(commands) == 10


def test_the_plan_of_a_trial() -> None:
    (shown,) = (c for c in read_commands("docs/trial.md") if c.words.startswith("trial plan"))
    result = CliRunner().invoke(main.app, shlex.split(shown.words))
    compare(shown, result.exit_code, result.output)


def test_a_heat_test(flat_wrap: None, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = (c for c in read_commands("docs/trial.md") if "heat-test" in c.words)
    monkeypatch.setattr(trial_heat, "open_dialog", lambda: Person(shown, type_reading))
    result = CliRunner().invoke(main.app, shlex.split(shown.words + SHORT_HEAT_TEST))
    compare(shown, result.exit_code, result.output)
    assert "-0.00" not in result.output


def test_every_command_of_the_pages_is_run() -> None:
    """Three of docs/calibration.md and two of docs/web.md: above."""
    rest = [c.words for c in read_commands("docs/trial.md") if c.section != "How a trial goes"]
    assert [words.split()[1] for words in rest] == ["plan", "heat-test"]
