"""The requests of the page Trial, on whole trials of a made-up person with a simulated wrap."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.trial import bundle as bundles
from tests.lives.pages import Pages
from tests.trial.person import FEET, TrialPerson

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
    assert ada.post("entry", values=[5, 5])["stored"] == {"values": [5, 5], "counts": False}
    ada.wait_days(1)
    after = ada.post("entry", values=[5, 4])
    assert after["stored"]["counts"] and after["state"]["values"] == [5, 4]
    assert after["state"]["counts"] == [1, 0]


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
