"""Sessions and samples as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from pbmwrap.logs.clock import make_clock
from pbmwrap.logs.decode import Decoded, decode
from pbmwrap.logs.export_csv import format_csv
from pbmwrap.logs.summary import WrapInfo, summarize_sessions
from tests.host import log_maker
from tests.host.log_maker import LogMaker, dated_log
from wrap.rules import states


def rows(decoded: Decoded, wrap: WrapInfo | None = None) -> list[dict[str, str]]:
    wrap = WrapInfo("u1") if wrap is None else wrap
    text = format_csv(summarize_sessions(decoded, make_clock(decoded), wrap), wrap)
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_per_sample_and_per_session():
    wrap = WrapInfo("u1", (("red", 660),), (("skin", "skin"), ("board", "board")))
    got = rows(decode(dated_log().raw), wrap)
    assert [(r["row"], r["session"]) for r in got] == [
        ("sample", "1"),
        ("sample", "1"),
        ("session", "1"),
        ("sample", "2"),
        ("session", "2"),
    ]
    assert got[0]["time_utc"] == "2026-09-21T14:13:30Z"
    assert (got[0]["uptime_s"], got[0]["active_s"], got[0]["state"]) == (
        "10.500",
        "10.000",
        "running",
    )
    assert (got[0]["skin_c"], got[0]["board_c"], got[0]["red_duty"]) == ("33.5", "", "1")
    assert (got[0]["2_duty"], got[0]["red_j_cm2"], got[0]["2_j_cm2"]) == ("0.0980392", "0.1", "")
    assert (got[2]["reason"], got[2]["skin_c"], got[2]["red_j_cm2"]) == ("time", "36.5", "6")
    assert (got[2]["protocol"], got[2]["protocol_name"]) == ("foot", "")
    assert (got[4]["reason"], got[4]["time_utc"]) == ("still running", "")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"id":"foot","name":"Foot, left"}', ("foot", "Foot, left")),
        (b'{"id":7}', ("", "")),
        (b"[]", ("", "")),
        (b"{", ("", "")),
    ],
)
def test_csv_names_the_protocol_by_id_and_name(monkeypatch, raw: bytes, shown: tuple[str, str]):
    monkeypatch.setattr(log_maker, "PROTOCOL", raw)
    got = rows(decode(dated_log().raw))[2]
    assert (got["protocol"], got["protocol_name"]) == shown


def test_csv_of_an_empty_log_is_its_heading():
    assert rows(decode(b"")) == []


def test_csv_names_a_state_that_is_newer_by_number():
    log = LogMaker()
    log.start(1)
    log.sample(1, 5)
    raw = decode(log.raw)
    sample = raw.entries[-1]
    assert sample.data is not None
    sample.data["state"] = len(states.NAMES)
    assert rows(raw)[0]["state"] == str(len(states.NAMES))
