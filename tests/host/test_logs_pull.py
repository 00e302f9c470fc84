"""`logs pull` never mixes two logs: an erased flash or two wraps with one id is detected.

The error names `--anew`; after it both logs are kept, and pulls find the right one.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.device import discovery
from pbmwrap.errors import LinkLost
from pbmwrap.logs.archive import Archive
from tests.host.cli_helpers import data, fails, run, wrap
from tests.host.log_maker import LogMaker
from tests.host.scripted_wrap import ScriptedWrap
from wrap.storage import payloads, record_reader, records

__all__ = ("wrap",)  # a fixture

UID = "e66138935f1c2a2b"


class SectorLog(LogMaker):
    """A log with sector headers and session seals, as a wrap computes them."""

    def __init__(self) -> None:
        super().__init__()
        self._start = 0

    def sector(self) -> None:
        chain = hashlib.sha256(self.raw[self._start :]).digest() if self.raw else bytes(32)
        self._start = len(self.raw)
        self.add(records.SECTOR, payloads.pack_sector(self._start, self.seq, chain, []))

    def end(self, number: int, reason: str, active_ms: int = 600_000) -> None:
        before = self.raw
        super().end(number, reason, active_ms)
        end = record_reader.scan(self.raw)[0][-1]
        size = records.size(len(end[5]))
        sealed = self.raw[: len(self.raw) - records.CRC_SIZE - payloads.SEAL]
        seal = hashlib.sha256(sealed[self._start :]).digest()
        self.raw = self.raw[: len(self.raw) - size]
        assert self.raw.startswith(before)
        self.seq -= 1
        self.add(records.END, end[5][: -payloads.SEAL] + seal)


def log_of(skin_mc: int, boots: int = 1) -> SectorLog:
    """A log whose records have the same lengths whatever the temperature is."""
    log = SectorLog()
    log.sector()
    log.power_on()
    log.lit(1)
    log.up_ms += 10_000
    log.sample(1, skin_mc)
    log.end(1, "time")
    for _ in range(boots):
        log.power_on()
    return log


def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "data" / "logs")


def contents(tmp_path: Path) -> dict[str, bytes]:
    return {
        str(file): file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()
    }


@pytest.mark.parametrize("boots", [0, 1, 5])
def test_another_log_under_the_same_id_is_refused_and_changes_nothing(wrap, tmp_path, boots):
    wrap.log = log_of(33_000).raw
    data("logs", "pull")
    before = contents(tmp_path)
    wrap.log = log_of(34_000, boots).raw
    code, error = fails("logs", "pull")
    assert (code, error["code"]) == (10, "verify_failed")
    assert error["message"].startswith("this wrap's log is not the one kept: it ")
    assert "`pbmwrap logs pull --anew`" in error["hint"]
    assert contents(tmp_path) == before


def test_anew_keeps_both_logs_and_later_pulls_find_their_own(wrap, tmp_path):
    one, other = log_of(33_000), log_of(34_000, 3)
    wrap.log = one.raw
    data("logs", "pull")
    wrap.log = other.raw
    data("logs", "pull", "--anew")
    assert archive(tmp_path).uids() == [UID, f"{UID}.old-1"]
    one.power_on()
    one.power_on()
    wrap.log = one.raw
    assert data("logs", "pull")["log"] == f"{UID}.old-1"
    other.power_on()
    wrap.log = other.raw
    assert data("logs", "pull")["log"] == UID
    assert archive(tmp_path).wrap(UID).extents() == [(0, other.raw)]
    assert archive(tmp_path).wrap(f"{UID}.old-1").extents() == [(0, one.raw)]
    assert [row["uid"] for row in data("logs", "wraps")] == [UID, f"{UID}.old-1"]


def test_a_pull_reads_the_last_sector_again_and_no_more(wrap, tmp_path):
    log = log_of(33_000)
    for _ in range(4):
        log.sector()
        for _ in range(40):
            log.power_on()
    wrap.log = log.raw
    data("logs", "pull")
    start = archive(tmp_path).wrap(UID).check_start
    assert start == log._start
    wrap.lines.clear()
    data("logs", "pull")
    opened = [line for line in wrap.lines if b"log.open" in line]
    assert [json.loads(line)["p"]["o"] for line in opened] == [start, len(log.raw)]


def test_the_chain_in_the_last_head_shows_a_different_past(wrap, tmp_path):
    logs = []
    for skin_mc in (33_000, 34_000):
        log = log_of(skin_mc)
        log.sector()
        log.power_on()
        logs.append(log)
    wrap.log = logs[0].raw
    data("logs", "pull")
    wrap.log = logs[1].raw
    assert fails("logs", "pull")[0] == 10


def test_a_log_of_which_nothing_can_be_compared_is_not_taken(wrap, tmp_path):
    wrap.log = log_of(33_000).raw
    data("logs", "pull")
    first = len(wrap.log) + 100
    wrap.calls["log.info"] = lambda p: {"first": first, "end": first + 500, "seq": 9}
    code, error = fails("logs", "pull")
    assert (code, "nothing in it can be compared" in error["message"]) == (10, True)


def test_a_gap_is_not_filled_from_another_log(wrap, tmp_path):
    one, other = log_of(33_000), log_of(34_000)
    kept = archive(tmp_path).wrap(UID)
    kept.append(0, one.raw[:60])
    kept.append(100, one.raw[100:])
    wrap.log = other.raw
    assert fails("logs", "pull")[0] == 10
    assert archive(tmp_path).wrap(UID).gaps == [(60, 100)]
    wrap.log = one.raw
    data("logs", "pull")
    assert archive(tmp_path).wrap(UID).extents() == [(0, one.raw)]


def test_the_time_goes_only_into_the_copy_that_matches(wrap, tmp_path):
    wrap.log = log_of(33_000).raw
    data("logs", "pull")
    marks = archive(tmp_path).wrap(UID).list_marks()
    assert [(mark.boot, mark.up_ms, mark.said_ms) for mark in marks] == [(3, 12_000, 0)]
    wrap.log = log_of(34_000).raw
    fails("logs", "pull")
    assert archive(tmp_path).wrap(UID).list_marks() == marks


def test_a_pull_that_breaks_off_leaves_no_time_behind_without_its_log(wrap, tmp_path):
    wrap.log = log_of(33_000).raw

    def vanish(p):
        raise LinkLost("gone")

    wrap.calls["log.next"] = vanish
    assert fails("logs", "pull")[0] == 9
    assert not (tmp_path / "data" / "logs" / UID).exists()


@pytest.mark.parametrize("now", [0, 1_700_000_000])
def test_a_clock_that_cannot_be_true_is_not_noted(wrap, tmp_path, monkeypatch, now):
    monkeypatch.setattr("time.time", lambda: now)
    wrap.log = log_of(33_000).raw
    data("logs", "pull")
    assert archive(tmp_path).wrap(UID).list_marks() == []


@pytest.mark.parametrize("skin_mc", [33_000, 34_000])
def test_an_import_mixes_no_two_logs_either(wrap, tmp_path, monkeypatch, skin_mc):
    """Two exports under one id without a common byte: of one log, or of two."""
    one, other = log_of(33_000), log_of(skin_mc, 6)
    for log, name in ((one, "one"), (other, "other")):
        monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / name))
        kept = Archive(tmp_path / name / "logs").wrap(UID)
        cut = len(one.raw)
        if name == "one":
            kept.append(0, log.raw)
        else:  # its beginning was lost: it begins where the other log ends, between two records
            log.end(2, "time")
            kept.append(cut, log.raw[cut:])
        data("logs", "export", str(tmp_path / f"{name}.jsonl"))
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "data"))
    data("logs", "import", str(tmp_path / "one.jsonl"))
    code, said = run("logs", "import", str(tmp_path / "other.jsonl"))
    if skin_mc == 33_000:
        assert archive(tmp_path).wrap(UID).extents() == [(0, other.raw)]
        assert data("logs", "verify")["problems"] == []
        return
    assert (code, "--anew" in said["error"]["hint"]) == (10, True)
    data("logs", "import", "--anew", str(tmp_path / "other.jsonl"))
    assert archive(tmp_path).uids() == [UID, f"{UID}.old-1"]


COMPLETE = "complete and unchanged"


def test_verify_reports_complete_only_what_seals_cover(wrap):
    wrap.log = log_of(33_000, 0).raw
    data("logs", "pull")
    assert CliRunner().invoke(main.app, ["logs", "verify"]).stdout.splitlines()[-1] == COMPLETE
    wrap.log = log_of(33_000, 2).raw
    data("logs", "pull")
    assert CliRunner().invoke(main.app, ["logs", "verify"]).stdout.splitlines()[-1] == (
        "complete and unchanged up to the last seal; the last 2 records are not sealed yet"
    )


def test_several_ports_show_one_id_as_two_logs(wrap, tmp_path, monkeypatch):
    """Two wraps on one table, pulled in turn."""
    second = ScriptedWrap(log_of(34_000, 2).raw)
    wrap.log = log_of(33_000).raw
    monkeypatch.setattr(discovery, "open_transport", lambda port: second if port == "b" else wrap)
    data("logs", "pull", "--port", "a")
    assert fails("logs", "pull", "--port", "b")[0] == 10
    data("logs", "pull", "--anew", "--port", "b")
    for port, its in (("a", wrap), ("b", second), ("a", wrap)):
        name = data("logs", "pull", "--port", port)["log"]
        assert archive(tmp_path).wrap(name).extents() == [(0, its.log)]
