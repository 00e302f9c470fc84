"""`pbmwrap doctor --board`: what a new board shows when it is asked, and what a person looks at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap import paths
from pbmwrap.cli import main
from pbmwrap.device.models import DeadManTest, Sample, StepCost
from pbmwrap.doctor import board
from pbmwrap.facts import board_facts
from pbmwrap.install.bundle import BOARD_ARCHS
from tests.host.test_doctor_wrap import hello

SENSORS = [
    ["skin-mid", "skin"],
    ["skin-left", "skin"],
    ["skin-right", "skin"],
    ["board", "board"],
]
RESTED = [33000, 33100, 33050, 30000]


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main.app, ["doctor", "--board", "--port", "sim:", *words])
    return done.exit_code, done.stdout + done.stderr


def levels(samples: list[list[int | None]]) -> list[tuple[str, str]]:
    taken = [Sample(state="idle", temps_mc=list(temps)) for temps in samples]
    found = board.check_readings(hello(sensors=SENSORS), taken)
    return [(check.level, check.text) for check in found]


def test_a_simulated_board_passes_and_its_file_names_nobody(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run()
    assert code == 0, said
    (file,) = tmp_path.iterdir()
    assert f"Written to {file.name}: add it to a bug report." in said
    body = json.loads(file.read_text())
    assert body["dead_man"] == {"rose": True, "feed_us": 0, "fell_ms": 151}
    assert len(body["samples_mc"]) == 20
    assert {"person", "next_person", "site"}.isdisjoint(body["status"])
    names = [check["name"] for check in body["checks"]]
    for name in ("pins", "adc", "step", "dead-man", "restarts", "firmware", "log"):
        assert name in names
    assert "good    dead-man: the enable rose, and fell 151 ms after the last step" in said
    assert " 1. pins are low from power-on" in said
    code, _ = run()  # the usual name is written again
    assert code == 0


def test_a_file_that_exists_is_replaced_only_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("mine")
    code, said = run("--out", str(file))
    assert (code, file.read_text()) == (2, "mine") and "exists" in said
    code, said = run("--out", str(file), "--force", "--json")
    assert code == 0
    assert json.loads(said)["data"]["file"] == str(file)
    assert json.loads(file.read_text())["wrap"]["board"] == "PBMWRAP_RP2040"


def test_the_file_needs_the_board() -> None:
    done = CliRunner().invoke(main.app, ["doctor", "--port", "sim:", "--out", "x"])
    assert done.exit_code == 2 and "add --board" in done.stderr


@pytest.mark.parametrize(
    ("found", "level", "said"),
    [
        (DeadManTest(True, 40, 120), "good", "fell 120 ms after the last step; a step takes"),
        (DeadManTest(True, 600, 120), "note", "a step took 600 us for it"),
        (DeadManTest(False, 40, 0), "bad", "did not stay up while steps were verified"),
        (DeadManTest(True, 40, None), "bad", "the enable fell not"),
        (DeadManTest(True, 40, 161), "bad", "the enable fell only after 161 ms"),
        ("not while fault", "note", "not tested: not while fault"),
    ],
)
def test_the_dead_man(found: DeadManTest | str, level: str, said: str) -> None:
    check = board.check_dead_man(found)
    assert check.level == level and said in check.text
    assert bool(check.hint) is (level != "good")


@pytest.mark.parametrize(
    ("chip", "cost", "level"),
    [
        ("rp2040", StepCost(16, 78, 13), "good"),
        ("rp2040", StepCost(16, 151, 13), "note"),
        ("esp32c3", StepCost(16, 3900, 490), "good"),
        ("esp32", StepCost(16, 3900, 510), "note"),
        ("esp32", "not while lit", "note"),
    ],
)
def test_the_time_of_a_step(chip: str, cost: StepCost | str, level: str) -> None:
    assert board.check_step(chip, cost).level == level


def test_readings_that_rest_are_good() -> None:
    assert levels([RESTED] * 20) == [
        ("good", "skin-mid: 33.00 C, 0.00 K between readings"),
        ("good", "skin-left: 33.10 C, 0.00 K between readings"),
        ("good", "skin-right: 33.05 C, 0.00 K between readings"),
        ("good", "board: 30.00 C, 0.00 K between readings"),
    ]


def test_readings_that_are_missing_noisy_or_apart_are_named() -> None:
    assert levels([RESTED, [33000, None, 33050, 30000]])[1] == (
        "bad",
        "skin-left: 1 of 2 readings open or shorted",
    )
    assert levels([RESTED, [33301, 33100, 33050, 30000]])[0][0] == "note"
    assert levels([[33000, 35001, 33050, 30000]])[-1] == ("note", "skin sensors 2.0 K apart")


def test_an_unplanned_start_is_a_note() -> None:
    assert board.check_restarts(hello()).level == "good"
    for cause in ("watchdog", "brown-out"):
        assert board.check_restarts(replace(hello(), cause=cause)).level == "note"


@pytest.mark.parametrize("name", BOARD_ARCHS)
def test_every_row_of_the_checklist_is_asked_or_left_to_a_person(name: str) -> None:
    """Of an ESP32's list all; of the RP2040's, which is longer, what is named is there."""
    text = (paths.wrap_dir().parents[1] / "docs/hardware-checklist.md").read_text("utf-8")
    title = "## The RP2040 board" if name == "PBMWRAP_RP2040" else f"### {name}: 15 minutes"
    part = text.split(title)[1].split("\n#")[0]
    column = 1 if name == "PBMWRAP_RP2040" else 2
    lines = [line.split(" | ") for line in part.splitlines() if line.startswith("| ")]
    rows = {cells[column - 1].strip("| ") for cells in lines}
    chip = board_facts(name).CHIP
    named = {item.what for item in board.BY_HAND if chip in item.chips}
    assert named <= rows
    if name != "PBMWRAP_RP2040":
        assert rows - named - set(board.ASKED) == {"what only the board shows"}
