"""The programme's requests: people who stay apart, the journal, a course, files, red flags."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from pbmwrap.programme import holds, times
from pbmwrap.programme import store as stores
from pbmwrap.programme.analysis import MIN_AFTER, MIN_BEFORE
from pbmwrap.programme.mnsi import score_answers
from pbmwrap.protocols import template
from pbmwrap.web.choices import MOST, Choices
from tests.web.kit import Browser, Site, make_site, protocol_text, until

DAY_MS = 86_400_000
TODAY = date(2026, 3, 2)


class Clock:
    """This machine's clock for the programme, in the person's zone (UTC)."""

    def __init__(self) -> None:
        self.ms = round(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp() * 1000)

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(times, "read_unix_ms", found)
    monkeypatch.setattr(stores, "SYNCHRONOUS", "OFF")
    monkeypatch.setenv("TZ", "UTC")
    return found


@pytest.fixture
def ada(site: Site, clock: Clock) -> Browser:
    """A browser that acts, and whose person is Ada."""
    browser = site.browser()
    assert browser.post("/api/people", {"name": "Ada"}).status_code == 200
    return browser


def write(browser: Browser, **entry) -> dict:
    answer = browser.post("/api/journal", entry)
    assert answer.status_code == 200, answer.text
    return answer.json()


def example(name: str) -> str:
    return template.examples()[name].read_text(encoding="utf-8")


def make_plan(name: str = "minor-injury", **more) -> dict:
    plan = {"sites": [example(name)], "aim": "walk with less pain", "points": 2, "percent": 30}
    return plan | more


def make_course(browser: Browser, **more) -> dict:
    answer = browser.post("/api/course", make_plan(**more))
    assert answer.status_code == 200, answer.text
    return answer.json()["state"]["course"]


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# ---- whose


def test_nothing_is_made_by_looking(site: Site, clock: Clock) -> None:
    browser = site.browser()
    assert browser.get("/api/people").json() == {"people": [], "chosen": None}
    assert browser.get("/api/people/sessions").json() == {"sessions": []}
    for path in ("/api/journal", "/api/course", "/api/trial"):
        assert browser.get(path).json() == {"person": None}
    assert not stores.default_path().exists()


def test_the_only_person_is_chosen_and_of_two_none(ada: Browser, site: Site) -> None:
    other = site.browser()
    (known,) = other.get("/api/people").json()["people"]
    assert other.get("/api/people").json()["chosen"] == known["tag"]
    ada.post("/api/people", {"name": "Bo"})
    assert other.get("/api/people").json()["chosen"] is None
    for path in ("/api/journal", "/api/course"):
        assert other.get(path).json() == {"person": None}
    for path in ("/api/report", "/api/course/sheet", "/api/course/calendar"):
        assert code_of(other.get(path)) == (409, "no_person")
    other.post("/api/act")
    for path in ("/api/journal", "/api/journal/read", "/api/course/freeze"):
        assert code_of(other.post(path, {"value": 1})) == (409, "no_person")


def test_two_people_at_two_browsers_see_nothing_of_each_other(ada: Browser, site: Site) -> None:
    mine = write(ada, value=7, changed="ada-secret", flags=["fever"])["stored"]
    make_course(ada, aim="ada-aim")
    bo = site.browser()
    bo.post("/api/act")
    assert bo.post("/api/people", {"name": "Bo"}).status_code == 200
    write(bo, value=2, changed="bo-secret")
    make_course(bo, aim="bo-aim")
    paths = ("/api/journal?all=1", "/api/course", "/api/report", "/api/course/calendar")
    for path in (*paths, "/api/course/sheet", "/api/people/sessions"):
        text = bo.get(path).text
        assert "ada-secret" not in text and "ada-aim" not in text, path
        text = ada.get(path).text
        assert "bo-secret" not in text and "bo-aim" not in text, path
    assert bo.get("/api/journal").json()["flags"] == []
    assert code_of(bo.post("/api/journal", {"value": 1, "corrects": mine["id"]}))[0] == 400
    flag = ada.get("/api/journal").json()["flags"][0]
    assert bo.post("/api/journal/read", {"flags": [flag["id"]]}).status_code == 409
    course = ada.get("/api/course").json()["state"]["course"]
    assert bo.get(f"/api/course?id={course['id']}").status_code == 400
    assert bo.post("/api/course/freeze", {"id": course["id"]}).status_code == 400


def test_a_choice_is_per_browser_and_ends_with_the_login(ada: Browser, site: Site) -> None:
    found = ada.post("/api/people", {"name": "Bo"}).json()
    tags = {p["name"]: p["tag"] for p in found["people"]}
    assert found["chosen"] == tags["Bo"]
    other = site.browser()
    assert other.post("/api/people/choose", {"tag": tags["Ada"]}).json()["chosen"] == tags["Ada"]
    assert ada.get("/api/journal").json()["person"]["name"] == "Bo"
    assert other.get("/api/journal").json()["person"]["name"] == "Ada"
    assert code_of(other.post("/api/people/choose", {"tag": "nobody"})) == (404, "not_found")
    cookie = next(iter(other.client.cookies.jar)).value
    assert cookie is not None
    programme_tag = site.web.logins.browser_of(cookie)
    assert programme_tag is not None
    site.web.logins.revoke(programme_tag)
    assert other.get("/api/journal").status_code == 401


def test_the_questionnaire_is_scored_by_the_program(ada: Browser, site: Site) -> None:
    assert ada.get("/api/journal/mnsi").json() == {"totals": []}
    answers = [n % 2 == 0 for n in range(15)]
    found = ada.post("/api/journal/mnsi", {"answers": answers, "when": "baseline"}).json()
    score = score_answers(answers)
    assert found["totals"] == [
        {"day": TODAY.isoformat(), "value": score, "high": 13, "when": "baseline"}
    ]
    for wrong in (answers[:14], [*answers[:14], 1], "yes"):
        sent = {"answers": wrong, "when": "end"}
        assert ada.post("/api/journal/mnsi", sent).status_code == 400
    assert ada.post("/api/journal/mnsi", {"answers": answers, "when": "now"}).status_code == 400
    assert len(ada.get("/api/journal/mnsi").json()["totals"]) == 1
    other = site.browser()
    assert other.post("/api/journal/mnsi", {"answers": answers, "when": "end"}).status_code == 403


def test_a_choice_survives_a_restart_of_the_server(static: Path, tmp_path: Path) -> None:
    file = tmp_path / "web-8722.people"
    with make_site(static, choices=Choices(file)) as first:
        browser = first.browser()
        for name in ("Ada", "Bo"):
            browser.post("/api/people", {"name": name})
        write(browser, value=7, changed="bo-secret", flags=["burn"])
        cookies = dict(browser.client.cookies)
        browser_id = first.web.logins.browser_of(next(iter(cookies.values())))
    kept = json.loads(file.read_text())
    assert list(kept) == [browser_id] and "burn" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    with make_site(static, choices=Choices(file)) as second:
        again = second.browser(logged_in=False)
        again.client.cookies.update(cookies)
        assert again.get("/api/people").json()["chosen"] == kept[browser_id]
        found = again.get("/api/journal/flags").json()
        assert found["person"]["name"] == "Bo"
        assert [flag["code"] for flag in found["flags"]] == ["burn"]
        assert set(found) == {"person", "flags"}
        second.web.logins.revoke(browser_id or "")
        until(lambda: json.loads(file.read_text()) == {})


@pytest.mark.parametrize("kept", ["", "[1]", '{"a": 1}', "{"])
def test_a_damaged_file_of_choices_asks_again(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "web-1.people"
    file.write_text(kept)
    choices = Choices(file)
    assert choices.find("a") is None
    choices.keep("a", "ada234")
    assert Choices(file).find("a") == "ada234"


def test_only_the_newest_choices_are_kept(tmp_path: Path) -> None:
    choices = Choices(tmp_path / "web-1.people")
    for n in range(MOST + 1):
        choices.keep(str(n), "ada234")
    again = Choices(tmp_path / "web-1.people")
    assert (again.find("0"), again.find("1"), again.find(str(MOST))) == (None, "ada234", "ada234")


def test_a_browser_that_watches_reads_and_changes_nothing(ada: Browser, site: Site) -> None:
    watcher = site.browser()
    assert watcher.get("/api/journal").status_code == 200
    for path, body in (
        ("/api/people", {"name": "Bo"}),
        ("/api/people/sessions", {"keys": [], "tag": None}),
        ("/api/journal", {"value": 1}),
        ("/api/journal/read", {"flags": [1]}),
        ("/api/course", make_plan()),
        ("/api/course/change", {"id": "1"}),
        ("/api/course/freeze", {"id": "1"}),
        ("/api/course/close", {"id": "1", "why": "x"}),
    ):
        assert code_of(watcher.post(path, body)) == (403, "watching"), path


# ---- journal


def test_an_entry_its_correction_and_a_late_one(ada: Browser) -> None:
    stored = write(ada, value=6, sleep=4, skin="fine")["stored"]
    assert (stored["day"], stored["value"], stored["late"]) == (TODAY.isoformat(), 6, False)
    assert stored["way"] == "web"
    again = ada.post("/api/journal", {"value": 5})
    assert again.status_code == 400 and "has the number 6 already" in again.text
    fixed = write(ada, value=5, corrects=stored["id"])
    assert fixed["stored"]["corrects"] == stored["id"]
    assert fixed["stored"]["sleep"] == 4
    late = write(ada, value=8, day="2026-02-27")["stored"]
    assert late["late"] and late["written"] == "2026-03-02 09:00"
    found = ada.get("/api/journal").json()
    assert [(e["day"], e["value"]) for e in found["entries"]] == [
        ("2026-03-02", 5),
        ("2026-02-27", 8),
    ]
    old = (TODAY - timedelta(days=90)).isoformat()
    assert write(ada, value=1, day=old)["older"] == 1
    assert len(ada.get("/api/journal?all=1").json()["entries"]) == 3


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"value": 11},
        {"value": 2.5},
        {"value": True},
        {"value": "6"},
        {"value": [6]},
        {"value": 1e999},
        {"value": 5, "day": "2026-03-03"},
        {"value": 5, "day": "yesterday"},
        {"value": 5, "sleep": 11},
        {"value": 5, "skin": "green"},
        {"value": 5, "flags": ["x"]},
        {"value": 5, "flags": "fever"},
        {"value": 5, "changed": "x" * 501},
        {"value": 5, "corrects": 999},
    ],
    ids=str,
)
def test_a_wrong_entry_is_refused_whole(ada: Browser, entry: dict) -> None:
    answer = ada.post("/api/journal", entry)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]
    assert ada.get("/api/journal").json()["entries"] == []


def test_script_in_a_name_and_a_note_stays_text(ada: Browser) -> None:
    script = "<script>alert(1)</script>"
    assert ada.post("/api/people", {"name": script}).status_code == 200
    write(ada, value=3, changed=script)
    make_course(ada, aim=script)
    for path in ("/api/report", "/api/course/sheet"):
        page = ada.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text


def test_a_red_flag_refuses_light_until_it_was_read(ada: Browser, site: Site) -> None:
    ada.send("PUT", "/api/protocols/0", {"toml": protocol_text(600)})
    ada.post("/api/protocols/0/activate")
    found = write(ada, value=6, skin="burn")
    assert (found["raised"], [f["code"] for f in found["flags"]]) == (1, ["burn"])
    assert found["wrap"] == "sent"
    with site.web.hub.borrow() as (client, _):
        assert [h["reason"] for h in client.call("hold.get")["holds"]] == [holds.REASON]
    refused = ada.session("start")
    assert refused.status_code == 409
    assert "red flag" in refused.json()["error"]["message"]
    number = found["flags"][0]["id"]
    assert ada.post("/api/journal/read", {"flags": "all"}).status_code == 400
    assert ada.post("/api/journal/read", {"flags": [number + 1]}).status_code == 409
    assert ada.session("start").status_code == 409
    read = ada.post("/api/journal/read", {"flags": [number]}).json()
    assert (read["flags"], read["wrap"]) == ([], "sent")
    with site.web.hub.borrow() as (client, _):
        assert client.call("hold.get")["holds"] == []
    assert ada.session("start").status_code == 200


def test_without_a_wrap_the_entry_is_kept_and_said_to_be_unsent(ada: Browser, site: Site) -> None:
    ada.world("cable", False)
    until(lambda: site.web.hub.connection.state != "connected")
    found = write(ada, value=6, flags=["fever"])
    assert (found["raised"], found["wrap"]) == (1, "absent")


# ---- course


def test_a_course_from_the_plan_to_its_end(ada: Browser, site: Site, clock: Clock) -> None:
    assert ada.get("/api/course").json()["state"] is None
    course = make_course(ada, sessions=4, weeks=6, others=["vitamin B12"], time="09:30")
    assert course["start"] == (TODAY + timedelta(days=21)).isoformat()
    assert (course["sessions"], course["planned"], course["time"]) == (4, 24, "09:30")
    assert course["stop"] == {"week": 6, "points": 2, "percent": 30}
    assert course["sites"][0]["grade"] and course["sites"][0]["summary"]
    second = ada.post("/api/course", make_plan())
    assert code_of(second) == (409, "refused")
    changed = ada.post(
        "/api/course/change", {"id": course["id"], "weeks": 8, "stop_week": 8, "points": 3}
    ).json()["state"]["course"]
    assert (changed["weeks"], changed["stop"]["points"]) == (8, 3)
    frozen = ada.post("/api/course/freeze", {"id": course["id"]}).json()
    assert frozen["wrap"] == "sent"
    assert frozen["state"]["course"]["frozen"] == TODAY.isoformat()
    again = ada.post("/api/course/change", {"id": course["id"], "points": 1})
    assert again.status_code == 409
    for day in range(7, 7 + 14 + 9):
        clock.ms = Clock().ms + day * DAY_MS
        write(ada, value=7 if day < 21 else 5)
    state = ada.get("/api/course").json()["state"]
    assert state["verdict"]["word"] == "wait"
    assert state["warnings"] == []
    assert state["change"]["before"] == pytest.approx(7, abs=0.2)
    assert state["change"]["change"] == pytest.approx(-2, abs=0.1)
    assert state["change"]["low"] <= state["change"]["change"] <= state["change"]["high"]
    assert len(state["values"]) == 23
    assert len(state["adherence"]["weeks"]) == 8
    assert state["adherence"]["skipped"] == 4  # of the one week that is over
    closed = ada.post("/api/course/close", {"id": course["id"], "why": "enough"}).json()
    assert closed["state"]["course"]["closed_why"] == "enough"


def test_few_entries_give_no_change_but_their_number(ada: Browser) -> None:
    make_course(ada)
    write(ada, value=5)
    write(ada, value=4, day="2020-01-01", changed="long ago")
    state = ada.get("/api/course").json()["state"]
    assert state["change"] == {"few": [0, 0], "needed": [MIN_BEFORE, MIN_AFTER]}
    assert state["values"] == [[TODAY.isoformat(), 5, False]]  # since the course was made
    assert state["marks"] == []


def test_negative_evidence_has_to_be_confirmed(ada: Browser) -> None:
    plan = make_plan()
    plan["sites"] = [plan["sites"][0].replace('grade = "', 'grade = "negative, ', 1)]
    assert code_of(ada.post("/api/course", plan)) == (409, "negative")
    assert ada.get("/api/course").json()["courses"] == []
    made = ada.post("/api/course", plan | {"confirmed": True}).json()
    assert made["state"]["course"]["sites"][0]["negative"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sites": []},
        {"sites": ["schema = 1"]},
        {"sites": "x"},
        {"aim": ""},
        {"sessions": 7},
        {"weeks": 20},
        {"weeks": 8.5},
        {"points": None, "percent": None},
        {"measure": "rating"},
        {"start": "2026-03-01"},
        {"time": "25:00"},
        {"others": [1]},
    ],
    ids=str,
)
def test_a_wrong_plan_is_refused(ada: Browser, wrong: dict) -> None:
    assert ada.post("/api/course", make_plan() | wrong).status_code in (400, 422)
    assert ada.get("/api/course").json()["courses"] == []


def test_the_files_of_a_course(ada: Browser) -> None:
    make_course(ada)
    calendar = ada.get("/api/course/calendar")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert calendar.text.startswith("BEGIN:VCALENDAR")
    sheet = ada.get("/api/course/sheet?language=de")
    assert 'lang="de"' in sheet.text
    report = ada.get("/api/report")
    assert "SIMULATED" in report.text  # the wrap of this site is
    for page in (sheet, report):
        assert page.headers.get_list("content-security-policy") == [
            page.headers["content-security-policy"]
        ]
        policy = page.headers["content-security-policy"]
        (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}';" in policy
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"


# ---- whose session was it?


def test_a_session_without_a_person_is_asked_about_after_a_pull(ada: Browser, site: Site) -> None:
    ada.send("PUT", "/api/protocols/0", {"toml": protocol_text(60)})
    ada.post("/api/protocols/0/activate")
    ada.session("start")

    def is_done() -> bool:
        with site.web.hub.borrow() as (client, _):
            return client.status().state == "done"

    until(is_done)
    assert ada.post("/api/sessions/pull").json()["open_sessions"] == 1
    (session,) = ada.get("/api/people/sessions").json()["sessions"]
    assert (session["site"], session["started_by"]) == ("calf-left", "link")
    assert "ada" not in str(session).lower()
    tag = ada.get("/api/people").json()["chosen"]
    claim = {"keys": [session["key"]], "tag": tag}
    assert ada.post("/api/people/sessions", claim).json() == {"sessions": []}
    found = ada.post("/api/people", {"name": "Bo"}).json()  # the browser is Bo's now
    taken = ada.post("/api/people/sessions", {**claim, "tag": found["chosen"]})
    assert code_of(taken) == (409, "not_now")
    ada.post("/api/people/choose", {"tag": tag})
    assert ada.post("/api/people/sessions", {**claim, "tag": None}).status_code == 200
    for wrong in ({"keys": ["x"], "tag": tag}, {"keys": [1], "tag": tag}):
        assert ada.post("/api/people/sessions", wrong).status_code == 409
    assert ada.post("/api/people/sessions", {"keys": "x", "tag": tag}).status_code == 400
    assert ada.post("/api/people/sessions", {"keys": [], "tag": "zz"}).status_code == 404
    assert ada.get("/api/course").json()["open_sessions"] == 0
