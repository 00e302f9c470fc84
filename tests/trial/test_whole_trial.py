"""Whole trials of a made-up person: the real commands, simulated wraps, the button.

The person's numbers follow the light at the lamp pins. Nobody in it knows the arms before the end.

Private: `_hidden`, since nothing on the link says which channels a sham leaves out; `_is_active`,
to make a wrap that does not do what it drew; `_note`, to cut the power between store and log.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.device import discovery
from pbmwrap.trial import bundle as bundles
from pbmwrap.trial.sealed_log import find_hidden
from pbmwrap.twin.sim import WARMER_VARIABLE
from tests.trial.person import FEET, TrialPerson


@pytest.fixture
def ada(tmp_path: Path) -> Iterator[TrialPerson]:
    person = TrialPerson(tmp_path)
    yield person
    person.world.close()


def read_checks(person: TrialPerson, file: Path) -> dict[str, bool]:
    _, said = person.world.try_command("trial", "verify", str(file))
    return {one["name"]: one["ok"] for one in said["data"]["checks"]}


def status(person: TrialPerson) -> dict[str, Any]:
    return person.run("trial", "status")


def test_two_feet_from_the_plan_to_the_proof(ada: TrialPerson, tmp_path: Path) -> None:
    begun = ada.start()
    assert (begun["state"], begun["waited"], begun["periods"]) == ("running", True, 8)
    assert begun["slots"] == {"foot-left": 0, "foot-right": 1}
    # What a sham leaves out is what the firmware leaves out.
    with ada.world.plugged("wrap-1") as wrap:
        hidden = wrap.twin.board.app.blind_trial._hidden
        assert find_hidden([("red", 660), ("nir", 850)]) == hidden == (False, True)
    now = status(ada)
    assert (now["period"], now["planned_period"], now["next_site"]) == (0, -1, "foot-left")
    assert any("no light before 2026-01-26" in step for step in now["steps"])

    ada.wait_until_start()
    for week in range(8):
        ada.have_week(button=week % 2 == 0)
        assert status(ada)["guesses_due"] == [week]
        ada.run("trial", "guess", "unknown" if week % 2 else "foot-left", "--confidence", "2")
        if week == 0:
            # Nothing of a result, and no secret, can be had before the end.
            assert "not revealed" in ada.fails("trial", "report")["message"]
            early = str(tmp_path / "early.json")
            assert "not revealed" in ada.fails("trial", "export", early)["message"]
            with ada.world.plugged("wrap-1"):
                assert "period 2 of 8 is under way" in ada.fails("trial", "reveal")["message"]
            assert (
                "guess already"
                in ada.fails("trial", "guess", "unknown", "--period", "1")["message"]
            )
            assert "not over" in ada.fails("trial", "guess", "foot-left")["message"]
    assert status(ada)["steps"] == ["the last period is over: `pbmwrap trial reveal`"]
    with ada.world.plugged("wrap-1"):
        revealed = ada.run("trial", "reveal")

    notes = ada.read_notes("logs", "list")
    assert "newer" not in notes and "unknown" not in notes, notes
    logged = ada.run("logs", "list")
    assert [(one["reason"], one["active_ms"]) for one in logged] == [("time", 6000)] * 16

    drawn = revealed["arms"]
    assert sum(drawn) == 4 and revealed["wrong"] == []
    for week, arm in enumerate(drawn):
        pins = dict(ada.light[2 * week : 2 * week + 2])
        assert pins == {"foot-left": arm == 1, "foot-right": arm == 0}
    report = ada.run("trial", "report")
    assert report["verdict"] == "better"
    assert report["analysis"]["estimate"] == pytest.approx(-3, abs=0.5)
    assert report["analysis"]["p"] == pytest.approx(2 / 70, abs=1e-6)
    assert report["analysis"]["entries"] == {"counted": 56, "late": 0, "after": 0}
    assert {p["entries"] for p in report["analysis"]["periods"]} == {5}
    rows = {row[0]: row[1] for section in report["cent"] for row in section["rows"]}
    assert rows["Sessions"] == "16 of 16 planned"
    assert rows["4a person"] == "numb sites: yes, Bert looks at the skin"

    file = tmp_path / "bundle.json"
    ada.run("trial", "export", str(file))
    assert read_checks(ada, file) == dict.fromkeys(bundles.CHECKS, True)
    page = tmp_path / "report.html"
    ada.run("trial", "report", str(page), "--simulated")
    text = page.read_text()
    assert "Result of the trial: better." in text and "SIMULATED" in text
    assert "no medical advice" in text and "Stop rule" not in text
    # On another machine: no store, no log, no wrap.
    (ada.world.folder / "data").rename(ada.world.folder / "data-old")
    assert read_checks(ada, file) == dict.fromkeys(bundles.CHECKS, True)


def test_one_site_in_pairs_with_a_period_closed_early(tmp_path: Path) -> None:
    ada = TrialPerson(tmp_path, FEET[:1], gain=3.0)
    begun = ada.start(weeks=16)
    assert (begun["sites"], begun["slots"]) == (["foot-left"], {"foot-left": 0})
    ada.wait_until_start()
    for week in range(16):
        if week == 4:
            ada.wait_days(7)  # a week away: neither numbers nor sessions
            now = status(ada)
            assert any("should be over" in step for step in now["steps"])
            with ada.world.plugged("wrap-1"):
                assert ada.run("trial", "close", "--yes") == {"period": 4}
                ada.run("logs", "pull")
        elif week == 6:
            ada.write_numbers()
            ada.have_cut_session("foot-left")
            for _ in range(6):
                ada.wait_days(1)
                ada.write_numbers()
            ada.wait_days(1)
        else:
            ada.have_week()
    with ada.world.plugged("wrap-1"):
        revealed = ada.run("trial", "reveal")
    assert [sum(revealed["arms"][n : n + 2]) for n in range(0, 16, 2)] == [1] * 8
    report = ada.run("trial", "report")
    found = report["analysis"]
    assert (found["missing"], found["used"]) == ([4], 15)
    assert found["allocations"] == 256
    cut = revealed["truths"][5]  # the sixth: week 5 (from 1) had none
    assert (cut["period"], cut["on_ms"], cut["problem"]) == (6, [0, 0], "")
    assert revealed["truths"][4]["active_ms"] == 6000 > cut["active_ms"]
    rows = {row[0]: row[1] for section in report["cent"] for row in section["rows"]}
    assert rows["Periods closed early"] == "5"
    assert ["Ended early", "power lost (1)"] in [r for s in report["cent"] for r in s["rows"]]
    assert report["verdict"] == "worse" and "speak with a clinician" in report["text"]
    file = tmp_path / "bundle.json"
    ada.run("trial", "export", str(file))
    assert read_checks(ada, file) == dict.fromkeys(bundles.CHECKS, True)
    ada.world.close()


def test_numbers_after_the_session_and_on_later_days_do_not_count(ada: TrialPerson) -> None:
    ada.start()
    ada.wait_until_start()
    with ada.world.plugged("wrap-1") as wrap:
        chosen = ada.run("trial", "next")
        assert (chosen["site"], chosen["entered"]) == ("foot-left", False)
        missing = "today's numbers of the trial are missing"
        assert missing in ada.read_notes("run")
        ada.world.advance_to(wrap, ("running",))
        ada.world.advance_to(wrap, ("done",))
        ada.run("logs", "pull")
    assert not ada.run("trial", "entry", "5", "5")["counts"]
    ada.wait_days(1)
    assert ada.run("trial", "entry", "6", "6")["counts"]
    late = ada.run("trial", "entry", "4", "4", "--day", "yesterday", "--paper")
    assert (late["late"], late["counts"]) == (True, False)
    shown = ada.world.read_text("trial", "entry", "4", "5", "--day", "yesterday")
    assert "it does not count in the main analysis" in shown
    now = status(ada)
    assert (now["entered"], now["days_entered"], now["counts"]) == (True, 1, [1, 0])
    assert now["next_site"] == "foot-right"
    with ada.world.plugged("wrap-1"):
        ada.run("trial", "next", "foot-right")
        assert missing not in ada.read_notes("run")
    assert "1 numbers for foot-left and foot-right" in ada.fails("trial", "entry", "5")["message"]


def test_it_got_worse_and_the_trial_is_ended_in_the_middle_of_a_session(
    ada: TrialPerson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.start()
    ada.wait_until_start()
    for _ in range(3):
        ada.have_week()
    ada.write_numbers()
    assert "the reason is missing" in ada.fails("trial", "unblind")["message"]
    with ada.world.plugged("wrap-1") as wrap:
        ada.run("trial", "next", "foot-left")
        ada.world.press(wrap)
        ada.world.advance_to(wrap, ("running",))
        with monkeypatch.context() as patched:  # the light fades out in the wrap's time
            patched.setattr(time, "sleep", lambda s: wrap.twin.advance_ms(round(1000 * s)))
            ended = ada.run("trial", "unblind", "--reason", "it got worse — a lot")
        assert wrap.state == "done"
    assert (ended["state"], ended["complete"]) == ("unblinded", False)
    assert ended["reason"] == "it got worse ? a lot"
    assert (len(ended["arms"]), len(ended["truths"]), ended["wrong"]) == (8, 7, [])
    report = ada.run("trial", "report")
    assert report["verdict"] == "cannot tell" and not report["analysis"]["complete"]
    assert "always right" in report["warnings"][0]
    # Both at once: asking again shows the same.
    assert ada.run("trial", "unblind", "--reason", "again")["secret"] == ended["secret"]
    assert "is over" in ada.fails("trial", "entry", "5", "5")["message"]
    file = tmp_path / "bundle.json"
    ada.run("trial", "export", str(file))
    assert read_checks(ada, file) == dict.fromkeys(bundles.CHECKS, True)
    with ada.world.plugged("wrap-1"):  # and a new one can begin
        words = ("--aim", "x", "--weeks", "4", "--exploratory", "--minutes", "0.1", "--yes")
        asked = ("--needs-treatment", "no", "--numb", "no")
        again = ada.run("trial", "start", "hand-left", *words, *asked)
    assert again["id"].endswith("-t2") and not again["confirmatory"]


def test_a_wrap_is_replaced_in_the_middle(ada: TrialPerson) -> None:
    """The other wrap knows nothing of the trial: what it does there is seen, and said."""
    ada.start()
    ada.wait_until_start()
    ada.have_week()
    raw = ada.world.write_protocol("plain", "foot-left")
    ada.write_numbers()
    with ada.world.plugged("wrap-2") as other:
        wrong = ada.fails("trial", "next")
        assert "and this is" in wrong["message"] and "--without-wrap" in wrong["hint"]
        assert "and this is" in ada.fails("trial", "reveal")["message"]
        ada.run("protocol", "flash", str(raw), "--person", "Ada", "--activate")
        ada.run("clock", "set")
        ada.have_session(other)
        ada.run("logs", "pull")
    (warning,) = status(ada)["warnings"]
    assert "got light outside of the trial on 2026-02-02" in warning
    ended = ada.run("trial", "unblind", "--without-wrap", "--reason", "the wrap fell into water")
    assert ended["state"] == "ended"
    assert "nobody knows which had light" in ada.fails("trial", "report")["message"]
    with ada.world.plugged("wrap-2"):
        words = ("--aim", "x", "--weeks", "4", "--exploratory", "--minutes", "0.1", "--yes")
        asked = ("--needs-treatment", "no", "--numb", "no")
        assert ada.run("trial", "start", "hand-left", *words, *asked)["id"].endswith("-t2")


def test_a_wrap_whose_flash_was_erased_says_that_the_secret_is_gone(ada: TrialPerson) -> None:
    ada.start()
    ada.world.erase("wrap-1")
    with ada.world.plugged("wrap-1"):
        for words in (("reveal",), ("next",), ("unblind", "--reason", "x"), ("close", "--yes")):
            wrong = ada.fails("trial", *words)
            assert "does not know trial" in wrong["message"], words
            assert "--without-wrap" in wrong["hint"]


def test_a_wrap_whose_person_was_forgotten_can_be_used_again(ada: TrialPerson) -> None:
    ada.start()
    with ada.world.plugged("wrap-1"):
        wrong = ada.fails("trial", "unblind", "--unknown", "--reason", "x")
        assert "is known here" in wrong["message"]
    ada.run("person", "forget", "Ada", "--yes")
    ada.run("person", "add", "Bert", "--zone", "UTC")
    words = ("--aim", "x", "--weeks", "4", "--exploratory", "--minutes", "0.1", "--yes")
    begin = ("trial", "start", "hand-left", *words, "--needs-treatment", "no", "--numb", "no")
    with ada.world.plugged("wrap-1"):
        wrong = ada.fails(*begin)
        assert "which is not over" in wrong["message"] and "--unknown" in wrong["hint"]
        ended = ada.run("trial", "unblind", "--unknown", "--reason", "she has moved away")
        assert ended["reason"] == "she has moved away"
        again = ada.fails("trial", "unblind", "--unknown", "--reason", "x")
        assert "in no blind trial" in again["message"]
        assert ada.run(*begin)["state"] == "running"


def test_the_last_numbers_are_waited_for(ada: TrialPerson) -> None:
    """The wrap is ready after its last session; the last period's days are not over."""
    ada.start("--exploratory", weeks=4)
    ada.wait_until_start()
    for _ in range(3):
        ada.have_week()
    ada.write_numbers()
    ada.wait_days(0.25)
    with ada.world.plugged("wrap-1") as wrap:
        for site in FEET:
            ada.run("trial", "next", site)
            ada.have_session(wrap)
        wrong = ada.fails("trial", "reveal")
        assert "before 2026-02-23" in wrong["message"] and "--early" in wrong["hint"]
    now = status(ada)
    assert (now["period"], now["reveal_from"], now["guesses_due"]) == (4, "2026-02-23", [0, 1, 2])
    assert any("write numbers until 2026-02-22" in step for step in now["steps"])
    with ada.world.plugged("wrap-1"):
        assert ada.run("trial", "reveal", "--early")["complete"]
    report = ada.run("trial", "report")
    assert (report["verdict"], report["analysis"]["missing"]) == ("cannot tell", [3])
    assert any("could not answer" in text for text in report["warnings"])


@pytest.mark.parametrize(
    "words,message",
    [
        (("--needs-treatment", "yes"), "needs treatment now"),
        (("--numb", "yes", "--skin-by", ""), "without a person who looks at the skin"),
        (("--numb", "maybe"), "--numb maybe is no answer"),
        (("--level", "25", "--weeks", "4", "--speed", "weeks"), "cannot answer you"),
        (("--start", "2025-12-01"), "is in the past"),
        (("--speed", "soon"), "--speed soon is not known"),
        (("--period", "month"), "--period month is not known"),
        (("--question", "how numb?"), "which way is better?"),
        (("--minutes", "25"), "setting time_s is 1200 and does not allow"),
    ],
)
def test_what_cannot_begin(ada: TrialPerson, words: tuple[str, ...], message: str) -> None:
    with ada.world.plugged("wrap-1"):
        base = ["trial", "start", *FEET, "--aim", "x", "--weeks", "8", "--speed", "hours", "--yes"]
        answers = ["--needs-treatment", "no", "--numb", "no"]
        assert message in ada.fails(*base, *answers, *words)["message"]
    assert "has no trial" in ada.fails("trial", "status")["message"]


def test_nothing_begins_without_an_answer_and_one_trial_at_a_time(ada: TrialPerson) -> None:
    with ada.world.plugged("wrap-1"):
        base = ("trial", "start", *FEET, "--aim", "x", "--yes")
        assert "--needs-treatment is missing" in ada.fails(*base)["message"]
        assert "the site is missing" in ada.fails("trial", "start", "--yes")["message"]
    ada.start()
    with ada.world.plugged("wrap-1"):
        assert "is not over" in ada.fails(*base)["message"]
        again = ada.run("trial", "start")  # sends the frozen plan to the wrap again
        assert again["state"] == "running" and again["slots"] == {FEET[0]: 0, FEET[1]: 1}


def test_a_wrap_that_vanished_while_it_was_armed_is_asked_again(ada: TrialPerson) -> None:
    """The plan is frozen here, the wrap has it, and this machine could not note it."""
    begun = ada.start()
    lines = ada.world.folder / "export.jsonl"
    ada.run("person", "export", str(lines))
    kept = [json.loads(line) for line in lines.read_text().splitlines()]
    cut = next(n for n, row in enumerate(kept) if row.get("kind") == "trial-event")
    head = kept[0] | {"events": cut - 1, "head": kept[cut - 1]["sha"]}
    lines.write_text("".join(json.dumps(row) + "\n" for row in [head, *kept[1:cut]]))
    (ada.world.folder / "data").rename(ada.world.folder / "data-old")
    ada.run("person", "import", str(lines))
    assert status(ada)["state"] == "frozen"
    assert "no wrap has taken" in _plugged(ada, "trial", "reveal")["message"]
    with ada.world.plugged("wrap-1"):
        again = ada.run("trial", "start")
    assert again["commitment"] == begun["commitment"]


def test_a_wrap_that_does_not_do_what_it_drew_is_found(ada: TrialPerson, tmp_path: Path) -> None:
    ada.start("--exploratory", weeks=4)
    ada.wait_until_start()
    for week in range(4):
        ada.write_numbers()
        with ada.world.plugged("wrap-1") as wrap:
            trial = wrap.twin.board.app.blind_trial
            if week == 1:
                trial._is_active = invert(trial._is_active)
            for site in FEET:
                ada.run("trial", "next", site)
                ada.have_session(wrap)
        ada.wait_days(7)
    with ada.world.plugged("wrap-1"):
        wrong = ada.fails("trial", "reveal")
    assert "session 3: it gave" in wrong["message"] and "its arm is the one" in wrong["message"]
    assert ada.run("trial", "status")["state"] == "revealed"
    report = ada.run("trial", "report")
    assert any("2 sessions did not do what the arm says" in w for w in report["warnings"])
    file = tmp_path / "bundle.json"
    ada.run("trial", "export", str(file))
    assert [name for name, ok in read_checks(ada, file).items() if not ok] == ["dose"]
    with ada.world.as_machine():
        said = CliRunner().invoke(main.app, ["trial", "verify", str(file)])
    assert said.exit_code == 10 and "BAD  dose" in said.stdout and "NOT PROVED: dose" in said.stdout


def test_what_is_written_with_the_secret_known_is_refused_or_found(
    ada: TrialPerson, tmp_path: Path
) -> None:
    """Another program asks the wrap for the secret, and the household's file knows nothing."""
    ada.start("--exploratory", weeks=4)
    ada.wait_until_start()
    for week in range(4):
        ada.write_numbers()
        with ada.world.plugged("wrap-1") as wrap:
            for site in FEET:
                ada.run("trial", "next", site)
                ada.have_session(wrap)
            if week == 3:
                with ada.world.as_machine():
                    client, _ = discovery.connect("any")
                    with client:
                        assert len(client.call("trial.reveal")["secret"]) == 64
                wrap.twin.advance_ms(1000)  # its record is in the log then
        ada.wait_days(1)
    ada.write_numbers()  # this machine cannot know
    ada.wait_days(7)
    with ada.world.plugged("wrap-1"):
        ada.run("logs", "pull")
    for words in (("entry", "5", "5"), ("guess", "foot-left", "--confidence", "9")):
        refused = ada.fails("trial", *words)
        assert "has given its secret" in refused["message"]
        assert "trial reveal" in refused["hint"]
    with ada.world.plugged("wrap-1"):
        ada.run("trial", "reveal")
    file = tmp_path / "bundle.json"
    ada.run("trial", "export", str(file))
    assert [name for name, ok in read_checks(ada, file).items() if not ok] == ["entries"]


def test_with_a_warmer_a_trial_may_have_more_light(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WARMER_VARIABLE, "900")
    ada = TrialPerson(tmp_path)
    begun = ada.start("--exploratory", "--level", "60", weeks=4)
    assert {one["near_infrared_pm"] for one in begun["plan"]["sites"]} == {600}
    ada.wait_until_start()
    ada.have_week()
    assert sorted(lit for _, lit in ada.light) == [False, True]
    ada.world.close()


class PowerCut(BaseException):
    """The power is gone: no handler of the firmware sees it."""


def test_a_session_that_a_cut_kept_out_of_the_log_is_no_hole_in_the_proof(
    ada: TrialPerson, tmp_path: Path
) -> None:
    """The wrap has counted it, and gave no light: the boot after it records that it was."""

    def cut(_what: object) -> None:
        raise PowerCut

    ada.start("--exploratory", weeks=4)
    ada.wait_until_start()
    ada.have_week()
    ada.write_numbers()
    with ada.world.plugged("wrap-1") as wrap:
        ada.run("trial", "next", FEET[0])
        ada.have_session(wrap)
        ada.run("trial", "next", FEET[1])
        wrap.twin.board.app.blind_trial._note = cut
        with pytest.raises(PowerCut):
            ada.world.press(wrap)
            wrap.twin.advance_ms(1000)
    with ada.world.plugged("wrap-1"):
        ada.run("logs", "pull")
    now = status(ada)
    assert (now["period"], now["done"], now["counts"]) == (2, 4, [0, 0])
    ada.wait_days(7)
    for _ in range(2):
        ada.have_week()
    with ada.world.plugged("wrap-1"):
        revealed = ada.run("trial", "reveal")
    lost = revealed["truths"][3]
    assert (lost["site"], lost["active_ms"], lost["on_ms"]) == (FEET[1], 0, [0, 0])
    report = ada.run("trial", "report")
    assert any("1 session without a date" in text for text in report["warnings"])
    file = tmp_path / "bundle.json"
    ada.run("trial", "export", str(file))
    assert read_checks(ada, file) == dict.fromkeys(bundles.CHECKS, True)


def test_a_person_is_asked_and_reads_what_it_is(ada: TrialPerson) -> None:
    words = ["trial", "start", *FEET, "--aim", "x", "--weeks", "8", "--speed", "hours"]
    with ada.world.plugged("wrap-1"), ada.world.as_machine():
        said = CliRunner().invoke(main.app, words, input="n\ny\nBert\nn\n")
        assert said.exit_code == 1 and "not confirmed" in said.output
        for text in ("no medical advice", "You may stop at any time", "trial unblind", "numb"):
            assert text in said.output
        said = CliRunner().invoke(main.app, words, input="n\ny\n\n")
        assert "without a person who looks at the skin" in said.output
        said = CliRunner().invoke(main.app, words, input="n\nn\ny\n")
        assert said.exit_code == 0, said.output
        assert "has begun: the wrap has the plan and the secret" in said.output
        asked = CliRunner().invoke(main.app, ["trial", "entry"], input="5\n6\n")
        assert "foot-left 5, foot-right 6, stored as entry" in asked.output
        shown = CliRunner().invoke(main.app, ["trial", "status"]).output
    assert "period    1 of 8: foot-left 0 of 3, foot-right 0 of 3" in shown
    assert "matters   2" in shown and "power     9" in shown


def invert(honest: Callable[[int, int], bool]) -> Callable[[int, int], bool]:
    return lambda period, site: not honest(period, site)


def _plugged(ada: TrialPerson, *words: str) -> dict[str, Any]:
    with ada.world.plugged("wrap-1"):
        return ada.fails(*words)
