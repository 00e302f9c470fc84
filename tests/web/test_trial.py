"""The requests of the page Trial, on whole trials of a made-up person with a simulated wrap."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pbmwrap.errors import InvalidFile, LinkLost
from pbmwrap.programme import store as stores
from pbmwrap.programme import trial_run, trials
from pbmwrap.trial import bundle as bundles
from tests.lives.pages import Pages
from tests.programme.test_store_cuts import Failing
from tests.trial.person import FEET, START_WORDS, TrialPerson

WEEKS = 8
SECRET_KEYS = ("arms", "secret", "truths", "active", "verdict", "estimate")


class PagePerson(TrialPerson):
    """Ada, who uses the page for all but the begin of a trial."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pages = Pages(self.world, "trial")

    def see(self) -> dict[str, Any]:
        return self.pages.get("Ada", "/api/trial")

    def post(self, what: str, **body: Any) -> dict[str, Any]:
        return self.pages.post("Ada", f"/api/trial/{what}", body)

    def refused(self, what: str, **body: Any) -> tuple[int, str, str]:
        answer = self.pages.ask("Ada", "POST", f"/api/trial/{what}", body)
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["message"]

    def get_raw(self, path: str) -> Any:
        return self.pages.ask("Ada", "GET", f"/api/trial/{path}")

    def write_numbers(self) -> Any:
        values = [6 + (self.gain if self.lit[site] else 0) for site in self.sites]
        return self.post("entry", values=values)

    def have_page_week(self) -> None:
        """A week, with the session of each site on its first day, chosen on the page."""
        for day in range(7):
            self.write_numbers()
            if day == 0:
                with self.world.plugged("wrap-1") as wrap:
                    for site in self.sites:
                        assert self.post("next")["chosen"]["site"] == site
                        self.have_session(wrap)
                    self.run("logs", "pull")
            self.wait_days(1)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give SQLite a disk that is full at one statement (`Failing.left`)."""
    connect = sqlite3.connect
    monkeypatch.setattr(
        stores.sqlite3, "connect", lambda *a, **k: connect(*a, factory=Failing, **k)
    )


@pytest.fixture
def ada(tmp_path: Path) -> Iterator[PagePerson]:
    person = PagePerson(tmp_path)
    yield person
    person.pages.close()
    person.world.close()


def list_keys(value: Any) -> set[str]:
    """Return all keys of an answer, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(list_keys, value.values()))
    return set().union(*map(list_keys, value)) if isinstance(value, list) else set()


def test_a_trial_by_the_page_from_its_first_number_to_the_proof(
    ada: PagePerson, tmp_path: Path
) -> None:
    none = ada.see()
    assert (none["person"]["name"], none["state"], none["trials"]) == ("Ada", None, [])
    ada.start()
    seen = ada.see()
    assert (seen["state"]["state"], seen["state"]["period"]) == ("running", 0)
    assert seen["state"]["plan"]["measure"]["code"] == "pain"
    assert seen["state"]["guess_words"] == ["foot-left", "foot-right", "unknown"]
    ada.wait_until_start()
    for week in range(WEEKS):
        ada.have_page_week()
        state = ada.see()["state"]
        assert (state["guesses_due"], state["period"]) == ([week], week + 1)
        if week == 0:
            check_blindness(ada)
        after = ada.post("guess", guess=FEET[week % 2], confidence=3, why="a", period=week)
        assert after["state"]["guesses"][-1] == {
            "period": week,
            "word": FEET[week % 2],
            "confidence": 3,
            "why": "a",
            "day": after["today"],
        }
    with ada.world.plugged("wrap-1"):
        found = ada.post("reveal")["result"]
    assert [bool(arm) for arm in found["arms"]] == [lit for _, lit in ada.light[::2]]
    assert (found["verdict"], found["complete"], found["wrong"]) == ("better", True, [])
    assert found["analysis"]["estimate"] == pytest.approx(-3)
    assert found["analysis"]["p"] == pytest.approx(2 / 70, abs=1e-6)
    assert found["analysis"] == ada.run("trial", "report")["analysis"]
    assert "mean with light on foot-left" in found["alt"]

    report = ada.get_raw("report")
    assert "Result of the trial: better." in report.text
    assert "default-src 'none'; style-src 'sha256-" in report.headers["content-security-policy"]
    picture = ada.get_raw("picture")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.text.startswith("<svg") and picture.text.count("<circle") >= WEEKS // 2
    german = ada.get_raw("report?language=de")
    assert "Ergebnis des Versuchs: besser." in german.text and '<html lang="de">' in german.text
    assert "Licht hier: linker Fuß" in ada.get_raw("picture?language=de").text
    assert ada.get_raw("report?language=de&kind=pdf").content.startswith(b"%PDF")
    assert ada.get_raw("report?language=xx").json()["error"]["code"] == "bad_param"
    file = tmp_path / "page.json"
    file.write_bytes(ada.get_raw("bundle").content)
    said = ada.run("trial", "verify", str(file))
    assert {one["name"] for one in said["checks"] if one["ok"]} == set(bundles.CHECKS)


def check_blindness(ada: PagePerson) -> None:
    """Check that nothing can be had before the end, and that wrong requests change nothing."""
    shown = ada.see()
    assert list_keys(shown) & set(SECRET_KEYS) == set()
    for path in ("report", "report?kind=pdf", "picture", "bundle"):
        answer = ada.get_raw(path)
        assert answer.status_code == 409 and "not revealed" in answer.text, path
    with ada.world.plugged("wrap-1"):
        assert "period 2 of 8 is under way" in ada.refused("reveal")[2]
        assert ada.refused("unblind", reason="x")[:2] == (409, "unconfirmed")
        assert ada.refused("unblind", reason="x", confirmed=1)[:2] == (409, "unconfirmed")
        assert "the reason is empty" in ada.refused("unblind", confirmed=2)[2]
    wrong = (
        ("entry", {"values": [5]}, 400),
        ("entry", {"values": [5, 11]}, 400),
        ("entry", {"values": [5, True]}, 400),
        ("entry", {"values": "5"}, 400),
        ("guess", {"guess": "nose"}, 400),
        ("guess", {"guess": "unknown", "confidence": 11}, 400),
        ("guess", {"guess": "unknown", "confidence": "x"}, 400),
        ("guess", {"guess": "unknown", "period": 1}, 409),
        ("guess", {"guess": "unknown", "why": "x" * 501}, 400),
        ("next", {"id": "ada-t9"}, 400),
        ("next", {}, 503),  # no wrap
    )
    for what, body, status in wrong:
        assert ada.refused(what, **body)[0] == status, (what, body)
    assert ada.see() == shown


def test_a_number_after_the_session_does_not_count(ada: PagePerson) -> None:
    ada.start()
    ada.wait_until_start()
    with ada.world.plugged("wrap-1") as wrap:
        assert ada.post("next")["state"]["entered"] is False
        ada.have_session(wrap)
        ada.run("logs", "pull")
    after = ada.post("entry", values=[5, 5])
    late = {"day": after["today"], "values": [5, 5], "late": False, "counts": False}
    assert after["stored"] == late
    ada.wait_days(1)
    after = ada.post("entry", values=[5, 4])
    assert after["stored"]["counts"] and after["state"]["values"] == [5, 4]
    assert after["state"]["counts"] == [1, 0]


def test_a_number_of_an_earlier_day_is_that_of_the_command(ada: PagePerson) -> None:
    ada.start()
    enrolled = ada.see()["state"]["plan"]["enrolled"]
    ada.wait_until_start()
    ada.write_numbers()
    seen = ada.see()
    yesterday = (date.fromisoformat(seen["today"]) - timedelta(days=1)).isoformat()
    after = ada.post("entry", values=[3, 4], day=yesterday)
    assert after["stored"] == {"day": yesterday, "values": [3, 4], "late": True, "counts": False}
    assert after["state"]["values"] == seen["state"]["values"]  # those of today
    assert after["state"]["days_entered"] == seen["state"]["days_entered"]
    by_command = ada.run("trial", "entry", "3", "4", "--day", yesterday)
    assert (by_command["late"], by_command["counts"]) == (True, False)
    tomorrow = (date.fromisoformat(seen["today"]) + timedelta(days=1)).isoformat()
    before = (date.fromisoformat(enrolled) - timedelta(days=1)).isoformat()
    for day, words in ((tomorrow, "is in the future"), (before, "before the trial was made")):
        status, _, message = ada.refused("entry", values=[3, 4], day=day)
        assert status == 400 and words in message
        assert ada.fails("trial", "entry", "3", "4", "--day", day)["message"] == message
    assert ada.refused("entry", values=[3, 4], day="soon")[:2] == (400, "bad_param")
    assert ada.post("entry", values=[3, 4], day=seen["today"])["stored"]["counts"]


@pytest.mark.parametrize("phase_ms", [50, 550])
def test_a_number_written_right_before_the_session_counts(ada: PagePerson, phase_ms: int) -> None:
    ada.start()
    ada.wait_until_start()
    with ada.world.plugged("wrap-1") as wrap:
        wrap.twin.advance_ms((phase_ms - ada.world.true_ms) % 1000)
        ada.write_numbers()
        ada.post("next")
        ada.have_session(wrap)
        ada.run("logs", "pull")
    assert (ada.see()["state"]["entered"], ada.see()["state"]["days_entered"]) == (True, 1)


def test_it_got_worse_and_the_page_ends_the_trial_in_the_middle_of_a_session(
    ada: PagePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.start()
    ada.wait_until_start()
    ada.have_page_week()
    ada.write_numbers()
    with ada.world.plugged("wrap-1") as wrap:
        ada.post("next")
        ada.world.press(wrap)
        ada.world.advance_to(wrap, ("running",))
        with monkeypatch.context() as patched:  # the light fades out in the wrap's time
            patched.setattr(time, "sleep", lambda s: wrap.twin.advance_ms(round(1000 * s)))
            ended = ada.post("unblind", reason="it got worse", confirmed=2)
        assert wrap.state == "done"
    assert (ended["state"]["state"], ended["state"]["reason"]) == ("unblinded", "it got worse")
    found = ended["result"]
    assert (found["verdict"], found["complete"], len(found["arms"])) == ("unknown", False, WEEKS)
    assert "Stopping early" in found["cautions"][0]
    assert "is over" in ada.refused("entry", values=[5, 5])[2]
    assert ada.post("unblind", reason="again", confirmed=2)["result"] == found


def test_nobody_sees_the_trial_of_another(ada: PagePerson) -> None:
    ada.start()
    bo = ada.run("person", "add", "Bo", "--zone", "Europe/Berlin")["tag"]
    ada.pages.tags = {"Bo": bo, "Ada": ada.tag}
    assert ada.pages.send("Bo", "GET", "/api/trial").status_code == 401
    assert ada.pages.ask("Bo", "GET", "/api/course").status_code == 200  # logs in, chooses Bo
    seen = ada.pages.get("Bo", "/api/trial")
    assert (seen["person"]["name"], seen["trials"], seen["state"]) == ("Bo", [], None)
    assert "less pain" not in json.dumps(seen)
    for what in ("entry", "next", "guess", "reveal"):
        answer = ada.pages.ask("Bo", "POST", f"/api/trial/{what}", {"values": [1, 2]})
        assert answer.status_code == 400 and "Bo has no trial" in answer.text, what
    assert ada.pages.ask("Bo", "GET", "/api/trial/bundle").status_code == 400


def test_the_planner_is_that_of_the_command(ada: PagePerson) -> None:
    words = ("--sites", "1", "--weeks", "4", "--speed", "days")
    seen = ada.get_raw("plan?sites=1&weeks=4&speed=days").json()
    assert seen == ada.run("trial", "plan", *words)
    assert not seen["answers"] and seen["designs"][0]["periods"] == 4
    for wrong in ("sites=3", "weeks=53", "weeks=x", "matters=nan", "speed=never", "missing=81"):
        answer = ada.get_raw(f"plan?{wrong}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_param"), wrong


def test_without_numpy_the_page_says_what_to_install(
    ada: PagePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.delitem(sys.modules, "pbmwrap.trial.power", raising=False)
    monkeypatch.delattr("pbmwrap.trial.power", raising=False)
    answer = ada.get_raw("plan?weeks=5").json()["error"]
    assert answer["message"] == "a trial needs numpy" and "trial" in answer["hint"]
    answer = ada.pages.ask("Ada", "GET", "/api/trial").json()["error"]
    assert answer["message"] == "a trial needs numpy"
    assert ada.pages.get("Ada", "/api/course")["person"]["name"] == "Ada"


# ---- the begin


FORM: dict[str, Any] = {
    "sites": list(FEET),
    "aim": "less  pain",
    "measure": "pain",
    "weeks": 8,
    "period": 7,
    "sessions": 1,
    "minutes": 0.1,
    "level": 25,
    "speed": "hours",
    "matters": 4,
    "others": ["pregabalin"],
    "needs_treatment": False,
    "numb": True,
    "skin_by": "Bert",
}
CAUTIONS = ["advice", "half", "stop", "frozen"]


def begin(ada: PagePerson, **changes: Any) -> dict[str, Any]:
    """Plan and start a trial on the page."""
    form = FORM | changes
    with ada.world.plugged("wrap-1"):
        seen = ada.post("draft", **form)["seen"]
        return ada.post("start", **form, seen=seen, confirmed=CAUTIONS)


def test_a_trial_is_planned_and_begun_by_the_page(ada: PagePerson) -> None:
    assert ada.see()["cautions"] == CAUTIONS and ada.see()["most_level"] == 25
    with ada.world.plugged("wrap-1"):
        made = ada.post("draft", **FORM)
        draft = made["draft"]
        assert (draft["periods"], draft["sessions"], draft["sites"]) == (8, 1, list(FEET))
        assert draft["power"] >= 0.8 and draft["confirmatory"] and draft["waited"]
        assert draft["plan"]["aim"] == "less pain" and draft["sha"] == ""
        assert ada.see()["trials"] == []  # nothing is stored by a look at it
        assert ada.post("draft", **FORM) == made
        state = ada.post("start", **FORM, seen=made["seen"], confirmed=CAUTIONS)["state"]
    assert state["state"] == "running" and len(state["commitment"]) == 64
    assert {
        key: state[key] for key in draft if key not in ("state", "sha", "commitment", "uid")
    } == {key: draft[key] for key in draft if key not in ("state", "sha", "commitment", "uid")}
    assert ada.run("trial", "status")["sha"] == state["sha"]
    with ada.world.plugged("wrap-1"):
        assert "is not over" in ada.refused("draft", **FORM)[2]
        again = ada.post("send")["state"]  # as `trial start` without a site
        assert (again["commitment"], again["state"]) == (state["commitment"], "running")
    ada.wait_until_start()
    ada.have_page_week()
    assert ada.see()["state"]["period"] == 1


def test_the_page_freezes_the_plan_that_the_command_freezes(ada: PagePerson) -> None:
    begin(ada, aim="less pain", others=[])
    file = ada.world.folder / "page.jsonl"
    ada.run("person", "export", str(file))
    ada.post("unblind", reason="x", confirmed=2, without_wrap=True)
    with ada.world.plugged("wrap-1"):
        ada.run("trial", "unblind", "--unknown", "--reason", "x")
    by_command = ada.start()["plan"]
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    by_page = next(json.loads(row["body"])["plan"] for row in rows if row.get("kind") == "trial")
    other = ("id", "enrolled", "spent", "sites", "start")
    assert {k: v for k, v in by_page.items() if k not in other} == {
        k: v for k, v in by_command.items() if k not in other
    }
    assert by_page["sites"] == by_command["sites"] and by_page["start"] == by_command["start"]


def test_a_trial_of_the_wrap_that_is_known_nowhere_is_ended_by_the_page(ada: PagePerson) -> None:
    with ada.world.plugged("wrap-1"):
        assert "in no blind trial" in ada.refused("unknown", reason="x", confirmed=2)[2]
    begin(ada)
    with ada.world.plugged("wrap-1"):
        assert "is known here" in ada.refused("unknown", reason="x", confirmed=2)[2]
        ada.post("unblind", reason="lost", confirmed=2, without_wrap=True)
        assert "which is not over" in ada.refused("draft", **FORM)[2]
        assert ada.refused("unknown", reason="x")[:2] == (409, "unconfirmed")
        assert "the reason is empty" in ada.refused("unknown", confirmed=2)[2]
        ada.post("unknown", reason="lost", confirmed=2)
        assert ada.post("draft", **FORM)["draft"]["id"].endswith("-t2")


def test_what_cannot_begin_on_the_page(ada: PagePerson) -> None:
    without = {key: value for key, value in FORM.items() if key != "needs_treatment"}
    with ada.world.plugged("wrap-1"):
        seen = ada.post("draft", **FORM)["seen"]
        for n in range(len(CAUTIONS)):  # one by one
            some = CAUTIONS[:n] + CAUTIONS[n + 1 :]
            said = ada.refused("start", **FORM, seen=seen, confirmed=some)
            assert said[:2] == (409, "unconfirmed")
        said = ada.refused("start", **(FORM | {"weeks": 10}), seen=seen, confirmed=CAUTIONS)
        assert said[:2] == (409, "changed")
        assert ada.refused("start", **FORM, confirmed=CAUTIONS)[:2] == (409, "changed")
        assert "needs_treatment must be answered" in ada.refused("draft", **without)[2]
        for changes, status, words in (
            ({"needs_treatment": True}, 409, "needs treatment now"),
            ({"skin_by": " "}, 409, "without a person who looks at the skin"),
            ({"numb": None}, 400, "numb must be answered"),
            ({"numb": 0}, 400, "numb must be answered"),
            ({"weeks": 4, "speed": "weeks", "period": None}, 409, "this trial cannot answer you"),
            ({"sites": []}, 400, "one site, or two that differ"),
            ({"sites": ["foot-left"] * 2}, 400, "one site, or two that differ"),
            ({"sites": ["a", "b", "c"]}, 400, "one site, or two that differ"),
            ({"aim": " "}, 400, "the aim is missing"),
            ({"level": 26}, 400, "near infrared of 26 % is more"),
            ({"start": "2025-12-01"}, 400, "is in the past"),
            ({"minutes": 25}, 409, "setting time_s is 1200"),
            ({"speed": "soon"}, 400, "speed must be one of"),
            ({"period": 8}, 400, "period must be"),
            ({"weeks": 53}, 400, "weeks must be a number"),
            ({"weeks": 4, "period": 14, "exploratory": True}, 400, "too few for such periods"),
            ({"measure": "rating"}, 400, "a rating needs its question"),
        ):
            said = ada.refused("draft", **(FORM | changes))
            assert said[0] == status and words in said[2], (changes, said)
        weak = {"weeks": 4, "speed": "weeks", "period": 7, "exploratory": True}
        assert ada.post("draft", **(FORM | weak))["draft"]["confirmatory"] is False
    assert ada.refused("draft", **FORM)[0] == 503  # no wrap
    assert ada.see()["trials"] == []


def test_a_period_is_closed_and_a_lost_wrap_ends_the_trial_by_the_page(ada: PagePerson) -> None:
    begin(ada)
    ada.wait_until_start()
    ada.write_numbers()
    with ada.world.plugged("wrap-1") as wrap:
        assert ada.post("next", site="foot-right")["chosen"]["site"] == "foot-right"
        assert "is no site of the trial" in ada.refused("next", site="nose")[2]
        ada.have_session(wrap)
        assert ada.refused("close", period=0)[:2] == (409, "unconfirmed")
        assert ada.refused("close", period=0, confirmed=1)[:2] == (409, "unconfirmed")
        assert ada.refused("close", confirmed=2)[:2] == (400, "bad_param")
        assert "period 1 is under way" in ada.refused("close", period=1, confirmed=2)[2]
        closed = ada.post("close", period=0, confirmed=2)["state"]
        assert (closed["closed"], closed["period"]) == ([0], 1)
        assert ada.refused("reveal", early=True)[:2] == (409, "unconfirmed")
    assert "the reason is empty" in ada.refused("unblind", confirmed=2, without_wrap=True)[2]
    assert ada.refused("unblind", reason="x", confirmed=2)[0] == 503  # no wrap
    ended = ada.post("unblind", reason="the wrap was lost", confirmed=2, without_wrap=True)
    assert (ended["state"]["state"], ended["state"]["reason"]) == ("ended", "the wrap was lost")
    assert ended["result"] is None


def test_a_period_that_only_the_wrap_has_closed_is_noted_and_no_other_is_ended(
    ada: PagePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was full, or the computer went off, between the wrap's answer and its note."""
    begin(ada)
    ada.wait_until_start()
    full = InvalidFile("the disk is full", "free some space")
    with ada.world.plugged("wrap-1"):
        with monkeypatch.context() as patched:
            patched.setattr(trials, "note_trial", mock.Mock(side_effect=full))
            assert ada.refused("close", period=0, confirmed=2)[0] == 422
        assert read_closed(ada) == []
        seen = ada.see()["state"]  # by the log, which was pulled when the note failed
        assert (seen["closed"], seen["period"]) == ([0], 1)
        after = ada.post("close", period=0, confirmed=2)
        assert (after["noted"], after["state"]["period"]) == ([0], 1)
        assert read_closed(ada) == [0]
        after = ada.post("close", period=1, confirmed=2)
        assert (after["noted"], after["state"]["period"]) == ([], 2)
        assert read_closed(ada) == [0, 1] and ada.see()["state"]["closed"] == [0, 1]


def read_closed(ada: PagePerson) -> list[int]:
    """Return the periods that the household's file has as closed."""
    file = ada.world.folder / "closed.jsonl"
    ada.run("person", "export", str(file), "--force")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    bodies = [json.loads(row["body"]) for row in rows if row.get("kind") == "trial-event"]
    return [body["period"] for body in bodies if body["what"] == trials.CLOSED]


@pytest.mark.parametrize(
    "sites", [["elbow-left", "elbow-right"], ["big-toe", "heel"], ["shoulder-right"]]
)
def test_any_place_that_a_protocol_may_have_is_in_a_plan(ada: PagePerson, sites: list[str]) -> None:
    form = FORM | {"sites": sites, "exploratory": True}
    with ada.world.plugged("wrap-1"):
        assert ada.post("draft", **form)["draft"]["sites"] == sites
        for wrong in ("elbow left", "Elbow", "\u00fcber", "x" * 25):
            status, _, message = ada.refused("draft", **(form | {"sites": [wrong]}))
            assert status == 400 and message.startswith(f"{wrong}: site m")
            words = ("trial", "start", wrong, *START_WORDS, "--weeks", "8", "--exploratory")
            assert ada.fails(*words)["message"] == message


def test_numbers_that_still_count_can_be_given_up_for_the_reveal(ada: PagePerson) -> None:
    begin(ada, weeks=4, exploratory=True)
    ada.wait_until_start()
    with ada.world.plugged("wrap-1") as wrap:
        for period in range(3):
            ada.post("close", period=period, confirmed=2)
        for _ in FEET:
            ada.post("next")
            ada.have_session(wrap)
        ada.run("logs", "pull")
        assert "numbers still count until" in ada.refused("reveal")[2]
        found = ada.post("reveal", early=True, confirmed=2)
    assert (found["state"]["state"], found["result"]["verdict"]) == ("revealed", "unknown")


def test_a_wrap_that_went_away_while_it_took_the_plan_is_sent_it_again(ada: PagePerson) -> None:
    with ada.world.plugged("wrap-1"):
        seen = ada.post("draft", **FORM)["seen"]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(trial_run, "arm_trial", _lose_wrap)
            assert ada.refused("start", **FORM, seen=seen, confirmed=CAUTIONS)[0] == 503
    assert ada.see()["state"]["state"] == "frozen"
    with ada.world.plugged("wrap-1"):
        assert ada.post("send")["state"]["state"] == "running"


def _lose_wrap(*_: object) -> None:
    raise LinkLost("the wrap is gone", "check the cable")


@pytest.mark.parametrize(
    "step", [4, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.campaign])]
)
def test_a_full_disk_at_any_statement_of_the_begin_leaves_what_can_go_on(
    ada: PagePerson, failing: None, step: int
) -> None:
    """No trial, a frozen one, or one that the wrap has: never a wrap that is in a trial which this
    machine does not know."""
    seen: list[str] = []
    for number in range(0, 400, step):
        ada.world.wait_s(1800)  # the wrap limits what a host makes it write
        with ada.world.plugged("wrap-1"):
            made = ada.post("draft", **FORM)["seen"]
            Failing.left = number
            body = FORM | {"seen": made, "confirmed": CAUTIONS}
            answer = ada.pages.ask("Ada", "POST", "/api/trial/start", body)
            ended, Failing.left = Failing.left >= 0, 1 << 30
            assert answer.is_success or answer.json()["error"]["hint"], answer.text
            state = ada.see()["state"]
            known = state is not None and state["state"] in ("frozen", "running")
            seen.append(state["state"] if known else "none")
            if known:
                again = ada.post("send")["state"]
                assert again["state"] == "running" and again["commitment"]
                ada.post("unblind", reason="x", confirmed=2)
            else:
                said = ada.refused("unknown", reason="x", confirmed=2)[2]
                assert "in no blind trial" in said
        if ended:
            break
    assert seen == sorted(seen, key=("none", "frozen", "running").index)
    assert set(seen) == {"none", "frozen", "running"}
