"""A blinded trial on the emulated chip, with the real commands and the button. Arms and doses are
judged at the pins against the revealed allocation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.trial import bundle as bundles
from tests.contract.conftest import Bench
from tests.trial.chip_person import WRAP, ChipPerson, Session, compare_with_pins
from tests.trial.person import FEET, NIR, START_WORDS
from wrap.rules import limits

LEFT, RIGHT = FEET
PERIODS = 4


@pytest.fixture
def ada(booted: Bench, tmp_path: Path) -> Iterator[ChipPerson]:
    yield ChipPerson(tmp_path, booted.twin)


def test_a_period_at_the_pins_and_an_hour_later(
    ada: ChipPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A period of two sessions; an hour after the one with light `status` shows none of it, before
    the unblinding. It begins on the day of the freeze and the sessions are ended early: cheaper."""
    twin = ada.wrap.twin
    words = ("trial", "start", *FEET, "--weeks", "4", *START_WORDS, "--exploratory")
    with ada.world.plugged(WRAP):
        ada.calibrate()
        ada.run(*words, "--start", "today")
        ada.write_numbers()
        for site, button in ((LEFT, True), (RIGHT, False)):
            session = ada.play(site, button, end=lambda: ada.run("stop"))
            assert ada.read_status()["hidden"]
            if session.lit_ns:
                ada.move_uptime(limits.TRIAL_HIDE_S)
                check_shown_without_light(ada.read_status())
        monkeypatch.setattr(time, "sleep", lambda s: twin.advance_ms(round(1000 * s)))
        ended = ada.run("trial", "unblind", "--reason", "it got worse")
        on_ms = ada.read_status()["on_ms"][NIR]  # of the last session
    assert on_ms == pytest.approx(ada.had[-1].lit_ns / 1e6, abs=2)
    assert sorted(one.lit_ns > 0 for one in ada.had) == [False, True]
    assert ended["arms"][0] == (ada.had[0].lit_ns > 0)
    assert compare_with_pins(ada.had, ended["truths"]) == []
    assert ended["wrong"] == []


def check_shown_without_light(status: dict[str, Any]) -> None:
    """Temperatures are shown again, and nothing of the light."""
    assert "hidden" not in status and None not in status["temps_mc"]
    assert (status["on_ms"], status["dose_uj"], status["dose_total_uj"]) == ([0, 0], None, None)
    assert (status["step_us_last"], status["step_us_max"]) == (0, 0)


@pytest.mark.slow
def test_a_trial_from_the_plan_to_the_proof_with_power_cuts(
    ada: ChipPerson, tmp_path: Path
) -> None:
    with ada.world.plugged(WRAP):
        ada.calibrate()
    ada.start("--exploratory", weeks=PERIODS)
    ada.wait_until_start()

    def live_week(rest_days: float = 6.75) -> None:
        """Let the week after the sessions pass, with its numbers, then guess."""
        ada.wait_days(rest_days - 6)
        for _ in range(6):
            ada.write_numbers()
            ada.wait_days(1)

    def begin_week() -> None:
        ada.write_numbers()
        ada.wait_days(0.25)

    # Period 1: both sessions whole, by the button and by the link; the power goes between them.
    begin_week()
    with ada.world.plugged(WRAP):
        ada.play(LEFT, button=True)
    with ada.world.plugged(WRAP):
        ada.play(RIGHT, button=False)
        ada.run("logs", "pull")
        assert "period 2 of 4 is under way" in ada.fails("trial", "reveal")["message"]
    live_week()
    ada.run("trial", "guess", LEFT)

    # Period 2: a cut in a session.
    begin_week()
    with ada.world.plugged(WRAP):
        ada.play(LEFT, button=False, end=ada.cut_power)
        ada.play(RIGHT, button=True)
        ada.run("logs", "pull")
    live_week()
    ada.run("trial", "guess", RIGHT)

    # Period 3: a cut at its end, before its last session is counted: it is had again.
    begin_week()
    with ada.world.plugged(WRAP):
        ada.play(LEFT, button=True)
        lit_ns = ada.wrap.read_lit_ns()
        ada.cut_at_write(b"trial.a", lambda: ada.begin(RIGHT, button=True))
        assert ada.wrap.read_lit_ns() == lit_ns
        now = ada.run("trial", "status")
        assert (now["period"], now["counts"]) == (2, [1, 0])
    ada.wait_days(1)
    ada.write_numbers()
    with ada.world.plugged(WRAP):
        ada.play(RIGHT, button=False)
        ada.run("logs", "pull")
    live_week(6)
    ada.run("trial", "guess", "unknown")

    # Period 4: a cut at its end, when its last session is counted and in no log yet.
    begin_week()
    with ada.world.plugged(WRAP):
        ada.play(LEFT, button=False)
        lit_ns = ada.wrap.read_lit_ns()
        ada.cut_at_write(b"trial.m", lambda: ada.begin(RIGHT, button=True), then_log=True)
        assert ada.wrap.read_lit_ns() == lit_ns
        ada.run("logs", "pull")
    live_week()
    ada.run("trial", "guess", LEFT)
    with ada.world.plugged(WRAP):
        revealed = ada.run("trial", "reveal")

    # The last session was cut before its light.
    drawn = revealed["arms"]
    assert sum(drawn) == PERIODS // 2
    for n, arm in enumerate(drawn):
        for site, active in ((LEFT, arm == 1), (RIGHT, arm == 0)):
            had = [s for k, s in enumerate(ada.had) if k // 2 == n and s.site == site]
            assert all((s.lit_ns > 0) == active for s in had), (n, site)
    report = ada.run("trial", "report")
    assert [s["period"] for s in report["sessions"]] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert report["sessions"][-1]["active_ms"] == 0
    assert compare_with_pins(ada.had, report["sessions"][:-1]) == []
    assert revealed["wrong"] == []
    assert len(report["analysis"]["periods"]) == PERIODS

    file = tmp_path / "bundle.json"
    ada.run("trial", "export", str(file))
    _, said = ada.world.try_command("trial", "verify", str(file))
    checks = {one["name"]: one["ok"] for one in said["data"]["checks"]}
    assert checks == dict.fromkeys(bundles.CHECKS, True), said


def test_the_judge_sees_light_in_a_sham_and_a_wrong_dose() -> None:
    def truth(number: int, site: str, active: bool, uj: int) -> dict[str, object]:
        return {"number": number, "site": site, "active": active, "doses_uj": [None, uj]}

    had = [Session(LEFT, 1_000_000_000, True), Session(RIGHT, 0, True)]
    right = [truth(1, LEFT, True, 80_700), truth(2, RIGHT, False, 0)]
    assert compare_with_pins(had, right) == []
    swapped = [truth(1, LEFT, False, 80_000), truth(2, RIGHT, True, 0)]
    assert len(compare_with_pins(had, swapped)) == 2
    assert len(compare_with_pins(had, [truth(1, LEFT, True, 81_000), right[1]])) == 1
    assert len(compare_with_pins(had, right[:1])) == 1
