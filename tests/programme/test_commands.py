"""The commands: a household from the first person to the last export, with and without a wrap."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.programme import holds
from pbmwrap.programme.attribution import read_sessions
from tests.host.cli_helpers import data, fails, run, wrap
from tests.host.log_maker import LogMaker
from wrap.errors import INVALID, NOT_NOW, Refused

__all__ = ("wrap",)  # a fixture


def people(*words: str, answers: str = "", code: int = 0) -> str:
    """What a person sees: stdout and stderr."""
    result = CliRunner().invoke(main.app, list(words), input=answers)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def ada(wrap, clock, monkeypatch, tmp_path: Path) -> str:
    """Her tag; no other person is in the household."""
    monkeypatch.setenv("PBMWRAP_CACHE", str(tmp_path / "cache"))
    return data("person", "add", "Ada", "--zone", "Europe/Berlin")["tag"]


@pytest.fixture
def newer(wrap):
    """The wrap with a firmware that knows holds and notes of courses."""
    wrap.held = []
    wrap.noted = []

    def show(_p=None):
        return {"holds": [{"person": p, "reason": r} for p, r in wrap.held]}

    def set_(p):
        wrap.held.append((p["person"], p["reason"]))
        return show()

    def clear(p):
        wrap.held.remove((p["person"], p["reason"]))
        return show()

    wrap.calls |= {
        "hold.get": show,
        "hold.set": set_,
        "hold.clear": clear,
        "course.note": lambda p: wrap.noted.append(p) or p,
    }
    return wrap


@pytest.mark.parametrize(
    "words",
    [("journal", "list"), ("journal", "add", "5"), ("course", "list"), ("person", "list")],
)
def test_without_a_household_each_command_says_how_to_begin(wrap, words) -> None:
    code, error = fails(*words)
    assert code == 2 and "person add" in error["hint"]


def test_two_people_and_nobody_sees_the_others_journal_by_accident(ada, clock) -> None:
    data("journal", "add", "5", "--changed", "new pills")
    bert = data("person", "add", "Bert", "--zone", "UTC")["tag"]
    for words in (("journal", "list"), ("journal", "add", "3"), ("course", "list")):
        code, error = fails(*words)
        assert code == 2 and "several people" in error["message"]
    data("person", "use", "bert")
    assert data("journal", "list") == []
    data("journal", "add", "3")
    assert [row["value"] for row in data("journal", "list")] == [3]
    assert [row["value"] for row in data("journal", "list", "--person", "ada")] == [5]
    assert "pills" not in people("person", "list") + people("journal", "list")
    assert [row["chosen"] for row in data("person", "list")] == [False, True]
    data("person", "use", "nobody")
    assert fails("journal", "list")[0] == 2
    assert ada != bert


def test_the_two_questions_are_asked(ada) -> None:
    shown = people("journal", "add", answers="5\n4\n")
    assert "How strong is your pain" in shown and "Is any of this new?" in shown
    assert "See a clinician" in shown  # 4 is fever
    assert data("journal", "list")[0]["flags"] == ["fever"]
    people("journal", "add", "--day", "yesterday", answers="4\n\n")
    assert people("journal", "add", "--day", "1.1.2026", answers="4\n9\n", code=2)


def test_a_course_from_the_plan_to_the_verdict(ada, newer, clock) -> None:
    made = data("course", "new", "minor-injury", "--aim", "walk again", "--other", "pills")
    assert (made["start"], made["others"]) == ("2026-01-26", ["pills"])
    changed = data("course", "change", "--weeks", "4")
    assert (changed["weeks"], changed["stop"]["week"]) == (4, 4)
    frozen = data("course", "freeze", "--yes")
    assert frozen["in_log"]
    assert newer.noted == [{"person": ada, "sha": frozen["sha"], "what": "frozen"}]
    assert fails("course", "change", "--weeks", "8")[0] == 8
    for day in range(49):
        clock.days(1)
        data("journal", "add", "6" if day < 21 else "3")
    state = data("course", "show")
    assert state["verdict"]["word"] == "go on until"
    assert (state["verdict"]["before"], state["verdict"]["after"]) == (6, 3)
    assert state["adherence"]["skipped"] == 12
    assert state["warnings"] == []
    shown = people("course", "show")
    assert "GO ON UNTIL" in shown and "12 skipped" in shown
    data("course", "close", "the plan is over")
    assert [note["what"] for note in newer.noted] == ["frozen", "closed"]
    assert data("course", "list")[0]["closed_why"] == "the plan is over"


def test_a_dead_clock_writes_no_entry_of_the_last_century(ada, clock) -> None:
    clock.at(2000, 1, 1)
    code, error = fails("journal", "add", "5")
    assert code == 2 and "2000-01-01, which cannot be true" in error["message"]
    assert fails("course", "new", "minor-injury", "--aim", "x")[0] == 2
    clock.at(2026, 1, 6)
    assert data("journal", "add", "5")["day"] == "2026-01-06"


def test_negative_evidence_is_said_before_a_course_is_made(ada) -> None:
    shown = people("course", "new", "diabetic-foot", "--aim", "x", answers="n\n", code=1)
    assert "negative or mixed" in shown and "no lasting benefit" in shown
    assert data("course", "list") == []
    assert fails("course", "new", "diabetic-foot", "--aim", "x")[0] == 2  # --json cannot ask
    assert "negative or mixed" in people("course", "new", "diabetic-foot", "--aim", "x", "--yes")
    assert any("negative or mixed" in line for line in data("course", "show")["warnings"])


def test_a_plan_in_a_file(ada, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'aim = "tingling"\nprotocols = ["carpal-tunnel"]\nmeasure = "rating"\n'
        'question = "How much does it tingle?"\nsessions = 5\nweeks = 6\nstop_week = 6\n'
        "points = 2.5\nstart = 2026-02-02\n"
    )
    made = data("course", "new", str(plan), "--sessions", "4")
    assert (made["sessions_a_week"], made["weeks"], made["start"]) == (4, 6, "2026-02-02")
    assert made["stop"] == {"week": 6, "points": 2.5, "percent": None}
    plan.write_text('protocols = ["carpal-tunnel"]\nweek = 4\n')
    code, error = fails("course", "new", str(plan))
    assert code == 7 and "week is no key" in error["message"]


def test_an_older_firmware_is_named_and_the_plan_is_frozen_all_the_same(ada) -> None:
    data("course", "new", "minor-injury", "--aim", "x")
    shown = people("course", "freeze", "--yes")
    assert "too old to keep the plan's hash" in shown and "pbmwrap install" in shown
    assert not data("course", "note")["in_log"]


def test_a_red_flag_holds_the_wrap_and_the_host_until_it_was_read(ada, newer) -> None:
    shown = people("journal", "add", "5", "--skin", "burn")
    assert "See a clinician today" in shown
    assert newer.held == [(ada, holds.REASON)]
    code, error = fails("run")
    assert code == 8 and "journal flags" in error["hint"]
    assert "session.start" not in newer.acted
    code, said = run("journal", "flags")
    assert (code, len(said["data"]["flags"])) == (8, 1)  # --json alone confirms nothing
    shown = people("journal", "flags", answers="n\n", code=1)
    assert "See a clinician today" in " ".join(shown.split()) and newer.held
    people("journal", "flags", answers="y\n")
    assert newer.held == []
    assert data("run")["session"] >= 0


def test_a_red_flag_with_an_older_firmware_or_without_a_wrap(ada, wrap, monkeypatch) -> None:
    shown = people("journal", "add", "5", "--flag", "wound")
    assert "its button still starts a session" in shown
    assert fails("run")[0] == 8
    monkeypatch.setenv("PBMWRAP_PORT", "")
    monkeypatch.setattr("pbmwrap.device.discovery.scan_ports", list)
    shown = people("journal", "add", "5", "--day", "yesterday", "--flag", "fever")
    assert "no wrap has received this" in shown and "See a clinician" in shown


def test_a_flag_of_one_person_does_not_stop_the_other(ada, newer) -> None:
    bert = data("person", "add", "Bert", "--zone", "UTC")["tag"]
    data("journal", "add", "5", "--flag", "burn", "--person", "ada")
    newer.calls["proto.list"] = lambda _p: {"active": 0, "slots": [{"id": "x", "person": bert}]}
    newer.calls["session.start"] = lambda _p: {"session": 1}
    assert data("run")["session"] == 1
    newer.calls["proto.list"] = lambda _p: {"active": 0, "slots": [{"id": "x"}]}
    assert fails("run")[0] == 8  # without a tag it could be Ada


def test_a_protocol_for_one_person_has_a_slot_of_its_own(ada, wrap) -> None:
    bert = data("person", "add", "Bert", "--zone", "UTC")["tag"]
    words = ("protocol", "flash", "minor-injury")
    assert [data(*words)["slot"], data(*words, "--person", "ada")["slot"]] == [0, 1]
    wrap.calls["proto.list"] = lambda _p: {
        "active": 0,
        "slots": [{"id": "minor-injury", "person": ada}, {"id": "minor-injury"}, None],
    }
    assert data(*words, "--person", "ada")["slot"] == 0
    assert data(*words)["slot"] == 1
    assert data(*words, "--person", "bert")["slot"] == 2
    assert json.loads(wrap.slots[2])["person"] == bert
    assert "Bert" not in wrap.slots[2].decode()
    assert fails(*words, "--person", "eve")[0] == 2


def test_an_older_firmware_refuses_a_protocol_for_one_person(ada, wrap) -> None:
    def refuse(_p):
        raise Refused(INVALID, "person: unknown key")

    wrap.calls["proto.put"] = refuse
    code, error = fails("protocol", "flash", "minor-injury", "--person", "ada")
    assert code == 8 and "pbmwrap install" in error["hint"]


def button_log(*numbers: int) -> LogMaker:
    log = LogMaker()
    log.power_on()
    log.clock(1_767_600_000)
    for number in numbers:
        log.session(number)
    return log


def test_a_session_of_the_button_is_asked_about_when_the_log_is_pulled(
    ada, wrap, monkeypatch
) -> None:
    wrap.log = button_log(1, 2).raw
    assert data("logs", "pull")["unattributed"] == 2
    shown = people("logs", "pull")
    assert "2 sessions belong to nobody yet: see `pbmwrap person sessions`" in shown
    rows = data("person", "sessions")["sessions"]
    assert [row["number"] for row in rows] == [1, 2]
    assert rows[0]["started_by"] == "button"
    data("person", "assign", "ada", "1")
    data("person", "assign", "nobody", "2")
    assert data("logs", "pull")["unattributed"] == 0
    assert "belongs to somebody" in people("person", "sessions")


def test_in_a_terminal_each_session_is_asked_about(ada, wrap, monkeypatch) -> None:
    from pbmwrap.cli import household

    data("person", "add", "Bert", "--zone", "UTC")
    wrap.log = button_log(1, 2, 3, 4).raw
    monkeypatch.setattr(household, "sys", Terminal())
    shown = people("logs", "pull", answers="1\nn\n\n")
    assert shown.count("whose session is this?") == 3  # Enter ends the questions
    assert "1 Ada, 2 Bert, n nobody" in shown
    assert "2 sessions belong to nobody yet" in shown


class Terminal:
    class _Tty:
        def isatty(self) -> bool:
            return True

    stdin = stderr = _Tty()


def test_no_household_and_no_question(wrap, tmp_path: Path) -> None:
    wrap.log = button_log(1).raw
    assert "unattributed" not in data("logs", "pull")
    assert not (tmp_path / "data" / "programme").exists()


def test_a_refusal_of_the_wrap_loses_neither_pull_nor_entry(ada, newer) -> None:
    def refuse(_p):
        raise Refused(NOT_NOW, "not while running")

    newer.calls["hold.set"] = refuse
    shown = people("journal", "add", "5", "--flag", "burn")
    assert "lacks a hold or a plan" in shown
    newer.log = button_log(1).raw
    assert data("logs", "pull")["sessions"] == 1
    assert len(data("journal", "list")) == 1


def test_a_damaged_household_does_not_stop_a_pull(ada, wrap, tmp_path: Path) -> None:
    (tmp_path / "data" / "programme" / "household.sqlite").write_bytes(b"x" * 5000)
    wrap.log = button_log(1).raw
    assert "cannot be used" in people("logs", "pull")
    assert "1 session" in people("logs", "pull")


def test_the_calendar_is_written_again_when_something_was_done(ada, tmp_path: Path) -> None:
    data("course", "new", "minor-injury", "--aim", "x")
    file = tmp_path / "a.ics"
    data("course", "calendar", str(file))
    assert fails("course", "calendar", str(file))[0] == 2
    before = file.read_bytes().count(b"BEGIN:VEVENT")
    data("course", "change", "--weeks", "4")
    data("journal", "add", "5")
    assert file.read_bytes().count(b"BEGIN:VEVENT") < before
    file.unlink()
    data("journal", "add", "5", "--day", "yesterday")  # a file that was moved is left alone
    assert not file.exists()


def test_a_spreadsheet_is_taken_over(ada, clock, tmp_path: Path) -> None:
    clock.at(2026, 11, 29, 12)
    file = tmp_path / "a.csv"
    file.write_text("Datum;Schmerz\n1.11.2026;64\n2.11.2026;50\n")
    code, error = fails("journal", "import", str(file))
    assert (code, len(error["problems"])) == (7, 2)
    words = ("journal", "import", str(file), "--scale", "100")
    assert fails(*words)[0] == 2  # a conversion has to be confirmed
    shown = people(*words, answers="n\n", code=1)
    assert "2026-11-01: 64 becomes 6.4" in shown
    assert data("journal", "list") == []
    assert data(*words, "--yes")["stored"] == 2
    assert data(*words, "--yes")["stored"] == 0
    assert [row["value"] for row in data("journal", "list", "--days", "0")] == [6.4, 5]


def test_corrections_and_late_entries_are_shown(ada) -> None:
    first = data("journal", "add", "5")["id"]
    data("journal", "add", "4", "--day", "4.1.2026", "--at", "8:30", "--paper")
    data("journal", "correct", str(first), "--value", "6")
    shown = people("journal", "list", "--all")
    assert "corrected later" in shown and "later: 2026-01-05 08:00 +01:00, paper" in shown
    rows = data("journal", "list")
    assert [(row["day"], row["value"], row["late"]) for row in rows] == [
        ("2026-01-04", 4, True),
        ("2026-01-05", 6, False),
    ]
    assert rows[0]["at"] == "2026-01-04 08:30 +01:00"


def test_questionnaires(ada) -> None:
    assert data("journal", "mnsi", "ynynynynynynyny", "--when", "baseline")["value"] == 6
    assert data("journal", "total", "PROMIS", "55", "--low", "20", "--high", "80")["value"] == 55
    assert fails("journal", "mnsi", "yn")[0] == 2
    assert fails("journal", "mnsi")[0] == 2
    assert "MNSI history: 11 of 0 to 13" in people("journal", "mnsi", answers="y\n" * 15)


def test_what_changes_a_log_leaves_a_summary_of_it(ada, wrap, monkeypatch, tmp_path: Path) -> None:
    """So the next page or report reads no long log, also with an empty cache."""
    exported = tmp_path / "log.jsonl"

    def find_unread() -> int:
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        return len(read_sessions().read)

    wrap.log = button_log(1).raw
    data("logs", "pull")
    assert find_unread() == 0
    data("logs", "date", "1", "2026-01-04T10:00")
    assert find_unread() == 0
    data("logs", "export", str(exported))
    data("logs", "forget", wrap.hello["uid"], "--yes")
    data("logs", "import", str(exported))
    book = read_sessions()
    assert not book.read and [session.number for session in book.sessions] == [1]
    (tmp_path / "data" / "logs" / wrap.hello["uid"] / "sessions.json").unlink()
    assert find_unread() == 1
    assert find_unread() == 0


def test_export_forget_import(ada, wrap, tmp_path: Path) -> None:
    data("journal", "add", "5", "--changed", "secret pills")
    wrap.log = button_log(1).raw
    data("logs", "pull")
    data("person", "assign", "ada", "1")
    file = tmp_path / "all.jsonl"
    assert data("person", "export", str(file))["events"] == 3
    assert file.stat().st_mode & 0o077 == 0
    assert fails("person", "forget", "ada")[0] == 2
    said = data("person", "forget", "ada", "--yes")
    assert said["wraps"] == {wrap.hello["uid"]: 1} and said["tag"] == ada
    assert data("person", "verify")["forgotten"] == 3
    assert b"secret" not in b"".join(f.read_bytes() for f in (tmp_path / "data").rglob("*.sqlite*"))
    assert data("person", "import", str(file))["new_events"] == 0
    assert data("logs", "pull")["unattributed"] == 0


def test_an_export_restores_a_household_elsewhere(ada, tmp_path: Path, monkeypatch) -> None:
    data("journal", "add", "5")
    file = tmp_path / "all.jsonl"
    data("person", "export", str(file))
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "other"))
    assert data("person", "import", str(file))["new_events"] == 2
    assert [row["value"] for row in data("journal", "list")] == [5]
    broken = tmp_path / "broken.jsonl"
    broken.write_text(file.read_text().replace('"value', '"Value', 1))
    code, error = fails("person", "import", str(broken))
    assert code == 10 and "changed" in error["message"]


def test_a_sheet_to_print(ada, tmp_path: Path) -> None:
    file = tmp_path / "s.html"
    data("course", "sheet", str(file), "--language", "de", "--days", "14")
    assert "Tagebuch" in file.read_text()
    assert fails("course", "sheet", str(tmp_path / "x.html"), "--language", "fr")[0] == 2


def test_a_walk_needs_the_size_of_change_that_matters(ada) -> None:
    words = ("course", "new", "nerve-pain", "--aim", "x", "--measure", "walk")
    code, error = fails(*words)
    assert code == 2 and "metres" in error["message"]
    made = data(*words, "--points", "20")
    assert made["stop"] == {"week": 8, "points": 20, "percent": None}
    assert data("journal", "add", "120")["measure"] == "walk"


def test_a_changed_file_is_found(ada, tmp_path: Path) -> None:
    import sqlite3

    db = sqlite3.connect(tmp_path / "data" / "programme" / "household.sqlite")
    db.execute("DROP TRIGGER bodies_same")
    db.execute("UPDATE bodies SET body = replace(body, 'Ada', 'Eve')")
    db.commit()
    db.close()
    result = CliRunner().invoke(main.app, ["person", "verify", "--json"])
    said = json.loads(result.stdout)
    assert (result.exit_code, said["error"]["code"]) == (10, "verify_failed")
    assert said["data"]["problems"] == ["the text of event 1 was changed"]
