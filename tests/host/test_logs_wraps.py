"""Several logs on one machine: choosing, naming, removing and dating them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pbmwrap.cli import main
from pbmwrap.logs.archive import Archive, WrapArchive
from pbmwrap.logs.clock import Mark, format_local
from tests.host.cli_helpers import data, fails, run, wrap
from tests.host.log_maker import LogMaker, dated_log

__all__ = ("wrap",)  # a fixture

DAY_MS = 86_400_000
NOON_MS = 1_790_000_000_000


def logs(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(main.app, ["logs", *words], input=answer)


@pytest.fixture
def archive(monkeypatch, tmp_path: Path) -> Archive:
    """Three wraps' logs, of which `simb2` was pulled last."""
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PBMWRAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    out = Archive(tmp_path / "data" / "logs")
    for number, uid in enumerate(("sima1", "simb2", "simb3")):
        kept = out.wrap(uid)
        kept.append(0, dated_log().raw)
        kept.add_mark(Mark(9, 1000, NOON_MS + number * 60_000))
    out.set_latest("simb2")
    return out


def two_clocks(kept: WrapArchive) -> None:
    """A second clock, 200 days before the one that session 1 has."""
    kept.add_mark(Mark(1, 1000, NOON_MS - 200 * DAY_MS))


def test_the_log_that_was_pulled_last_is_the_default_and_is_named(archive: Archive):
    for words in (("list",), ("show",), ("verify",)):
        said = logs(*words).stderr
        assert "note: log of wrap simb2, pulled last; 2 other logs are kept" in said
    assert data("logs", "verify", "--wrap", "sima1")["records"] > 0
    assert "pulled last" not in logs("list", "--wrap", "sima1").stderr


def test_without_a_note_of_the_last_pull_the_newest_file_is_the_default(archive: Archive):
    (archive.root / "latest").unlink()
    assert archive.find_latest() == "simb3"
    (archive.root / "latest").write_text("gone\n")
    assert archive.find_latest() == "simb3"


def test_a_pull_makes_its_log_the_default(archive: Archive, wrap, tmp_path, monkeypatch):
    wrap.log = dated_log().raw
    data("logs", "pull")
    (default,) = [row["uid"] for row in data("logs", "wraps") if row["default"]]
    assert default == wrap.hello["uid"]


@pytest.mark.parametrize(
    ("word", "uid"),
    [("simb3", "simb3"), ("sima", "sima1"), ("LEFT", "simb2"), ("left foot", "simb2")],
)
def test_an_id_a_nickname_or_a_beginning_chooses(archive: Archive, word: str, uid: str):
    data("logs", "name", "simb2", "Left foot")
    data("logs", "export", str(archive.root / "x.jsonl"), "--wrap", word)
    head = json.loads((archive.root / "x.jsonl").read_text().splitlines()[0])
    assert head["uid"] == uid


def test_an_ambiguous_or_unknown_name_is_refused(archive: Archive):
    code, error = fails("logs", "list", "--wrap", "simb")
    assert (code, error["message"]) == (4, "simb can mean simb2, simb3")
    code, error = fails("logs", "list", "--wrap", "none")
    assert (code, error["hint"]) == (3, "see `pbmwrap logs wraps`")


def test_a_log_comes_before_its_own_older_copies(archive: Archive):
    archive.wrap("sima1").retire_copy()
    archive.wrap("sima1").append(0, dated_log().raw)
    data("logs", "name", "sima", "current")
    assert {row["uid"]: row["name"] for row in data("logs", "wraps")}["sima1"] == "current"
    assert data("logs", "verify", "--wrap", "sima1.old-1")["problems"] == []


def test_wraps_lists_every_log(archive: Archive):
    data("logs", "name", "simb3", "[right] foot")
    rows = data("logs", "wraps")
    assert [(row["uid"], row["name"], row["sessions"], row["default"]) for row in rows] == [
        ("sima1", None, 2, False),
        ("simb2", None, 2, True),
        ("simb3", "[right] foot", 2, False),
    ]
    assert rows[1]["last_pull"] == "2026-09-21T14:14:20Z"
    shown = logs("wraps").stdout.splitlines()
    assert shown[0].split() == ["wrap", "nickname", "sessions", "last", "pull"]
    assert format_local(NOON_MS + 60_000) in shown[2]
    assert shown[2].rstrip().endswith("default")


def test_a_log_that_cannot_be_read_hides_no_other(archive: Archive):
    kept = archive.wrap("simb3")
    line = '{"offset": 0, "raw": "AAAA"}\n'
    kept.file.write_text(kept.file.read_text() + line)
    code, said = run("logs", "wraps")
    assert (code, [row["sessions"] for row in said["data"]]) == (7, [2, 2, None])
    assert "different bytes at offset 0" in said["error"]["message"]


def test_no_log_at_all_is_no_error_of_wraps(archive: Archive, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "none"))
    assert data("logs", "wraps") == []
    assert logs("wraps").stdout == "no log is kept on this machine\n"


@pytest.mark.parametrize("name", ["", " ", "-x", "a\nb", "x" * 41, "simb2", "SIMB3", "taken"])
def test_a_nickname_that_cannot_be_one_is_refused(archive: Archive, name: str):
    data("logs", "name", "simb3", "Taken")
    assert logs("name", "sima1", "--", name).exit_code == 2
    assert [row["name"] for row in data("logs", "wraps")] == [None, None, "Taken"]


def test_a_nickname_is_changed_and_removed(archive: Archive):
    data("logs", "name", "sima1", "one")
    assert data("logs", "name", "one", "two") == {"uid": "sima1", "name": "two", "before": "one"}
    assert data("logs", "name", "two", "--remove")["name"] is None
    assert fails("logs", "name", "sima1")[0] == 2
    assert fails("logs", "name", "sima1", "x", "--remove")[0] == 2


def test_a_damaged_file_of_nicknames_stops_nothing_and_is_not_overwritten(archive: Archive):
    (archive.root / "names.json").write_text("{broken")
    listed = logs("list", "--wrap", "sima1")
    assert (listed.exit_code, "names.json is not JSON" in listed.stderr) == (0, True)
    assert fails("logs", "name", "sima1", "x")[0] == 7
    assert (archive.root / "names.json").read_text() == "{broken"


def test_forget_asks_first(archive: Archive):
    data("logs", "name", "simb3", "[b]right")
    refused = logs("forget", "simb3", answer="n\n")
    assert refused.exit_code == 1
    assert "2 sessions of wrap simb3 ([b]right)" in refused.stderr
    assert archive.uids() == ["sima1", "simb2", "simb3"]
    assert fails("logs", "forget", "simb3")[0] == 2
    assert archive.uids() == ["sima1", "simb2", "simb3"]
    assert logs("forget", "simb3", answer="y\n").exit_code == 0
    assert archive.uids() == ["sima1", "simb2"]


def test_forget_removes_one_log_and_its_nickname_and_no_other(archive: Archive):
    data("logs", "name", "simb2", "left")
    data("logs", "name", "simb3", "right")
    assert data("logs", "forget", "left", "--yes") == {"uid": "simb2", "sessions": 2}
    assert [(row["uid"], row["name"]) for row in data("logs", "wraps")] == [
        ("sima1", None),
        ("simb3", "right"),
    ]
    assert [p.name for p in archive.root.iterdir() if p.is_dir()] == ["sima1", "simb3"]
    assert archive.find_latest() == "simb3"


def test_clocks_that_disagree_are_noted_with_the_command_to_fix_them(archive: Archive):
    two_clocks(archive.wrap("sima1"))
    early, late = (format_local(NOON_MS - days * DAY_MS) for days in (200, 0))
    for word in ("list", "verify"):
        said = logs(word, "--wrap", "sima1").stderr
        assert (
            "note: wrap sima1: clocks disagree on start 1 of the wrap: session 1 began at "
            f"{early} or {late}; the last of these is shown; say when with "
            "`pbmwrap logs date 1 TIME` (a simulated wrap's time runs at its --speed)\n"
        ) in said
    assert data("logs", "list", "--wrap", "sima1")[0]["when"] == "2026-09-21T14:13:20Z"


def test_a_boot_dated_before_the_previous_one_is_noted(archive: Archive):
    archive.wrap("sima1").add_mark(Mark(2, 600, NOON_MS - 200 * DAY_MS))
    said = logs("list", "--wrap", "sima1").stderr
    assert "a clock was wrong: start 2 of the wrap would be at " in said
    assert "`pbmwrap logs date 1 TIME`" in said


def test_logs_date_sets_when_a_session_began(archive: Archive, tmp_path: Path):
    two_clocks(archive.wrap("sima1"))
    for when in ("2026-09-20T10:05:00+00:00", "2026-09-21T14:13:20Z"):
        data("logs", "date", "1", when, "--wrap", "sima1")
    listed = logs("list", "--wrap", "sima1")
    assert listed.stderr == ""
    assert data("logs", "list", "--wrap", "sima1")[0]["when"] == "2026-09-21T14:13:20Z"
    file = tmp_path / "x.jsonl"
    data("logs", "export", str(file), "--wrap", "sima1")
    data("logs", "forget", "sima1", "--yes")
    data("logs", "import", str(file))
    assert data("logs", "list", "--wrap", "sima1")[0]["when"] == "2026-09-21T14:13:20Z"


def test_local_time_is_taken_and_shown_to_the_minute(archive: Archive, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert data("logs", "date", "2", "2026-09-21 19:30")["when"] == "2026-09-21T14:00:00Z"
        shown = logs("list").stdout.splitlines()[2]
        assert shown.split()[1:3] == ["2026-09-21", "19:30"]
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("session", "when"),
    [("1", "yesterday"), ("1", "1999-01-01"), ("1", "9999-12-31"), ("7", "2026-09-21 10:00")],
)
def test_a_malformed_date_or_unknown_session_is_a_usage_error(archive: Archive, session, when):
    before = archive.wrap("simb2").file.read_bytes()
    assert fails("logs", "date", session, when)[0] == 2
    assert archive.wrap("simb2").file.read_bytes() == before


def test_a_pull_notes_two_times_of_a_session_in_the_log_itself(wrap, tmp_path):
    log = LogMaker()
    log.power_on()
    log.clock(NOON_MS // 1000 - 200 * 86_400)
    log.session(1)
    log.clock(NOON_MS // 1000)
    wrap.log = log.raw
    said = logs("pull").stderr
    assert "clocks disagree on start 1 of the wrap: session 1 began at " in said


@pytest.mark.parametrize(
    ("before_s", "reported"), [(None, False), (-60, False), (-17_280_000, True)]
)
def test_clock_set_reports_a_clock_that_was_wrong(wrap, before_s, reported: bool):
    wrap.status["unix_s"] = None if before_s is None else round(time.time()) + before_s
    said = CliRunner().invoke(main.app, ["clock", "set"])
    assert said.exit_code == 0
    assert ("the wrap's clock was at " in said.stderr) == reported


def test_clock_set_takes_no_time_that_cannot_be(wrap, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 4000.0)
    code, error = fails("clock", "set")
    assert (code, "this machine's clock says 1970-01-01" in error["message"]) == (2, True)
    assert "clock.set" not in wrap.acted
