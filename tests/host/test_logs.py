"""Logs are decoded, grouped to sessions, summarised and dated; damage is reported."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.logs.clock import Clock, Mark, format_uptime, format_utc, make_clock
from pbmwrap.logs.decode import Entry, decode, decode_extents
from pbmwrap.logs.sessions import RUNNING, Session, group_sessions
from pbmwrap.logs.summary import (
    CalibrationSummary,
    SessionSummary,
    WrapInfo,
    summarize_sessions,
)
from tests.host.log_maker import LogMaker
from wrap.rules import states
from wrap.storage import payloads, record_reader, records

NOON = 1_790_000_000


def whole_log() -> LogMaker:
    log = LogMaker()
    log.power_on()
    log.session(1)
    log.clock(NOON)
    log.session(2, states.BY_BUTTON)
    return log


def group(log: LogMaker) -> Session:
    (session,) = group_sessions(decode(log.raw))
    return session


def summarize(log: LogMaker) -> list[SessionSummary]:
    decoded = decode(log.raw)
    return summarize_sessions(decoded, make_clock(decoded), WrapInfo("u1"))


def one(log: LogMaker) -> SessionSummary:
    (session,) = summarize(log)
    return session


def bare(entry: Entry) -> tuple:
    return (entry.kind, entry.seq, entry.boot, entry.up_s, entry.up_ms, entry.payload)


def test_every_record_is_decoded_with_its_offset():
    log = whole_log()
    got = decode(log.raw, 1000)
    assert [e.name for e in got.entries[:5]] == ["boot", "blob", "blob", "start", "state"]
    assert got.entries[0].offset == 1000
    assert got.entries[-1].offset + got.entries[-1].size == 1000 + len(log.raw)
    assert got.entries[0].data == {"cause": "power", "version": "0.1.0", "resets": 1}
    assert (got.damage, got.missing, got.torn, got.unknown) == ((), (), False, ())
    assert (got.newer, got.unreadable) == (0, 0)


def test_unknown_types_newer_schemas_and_nonsense_are_kept_and_counted():
    log = LogMaker()
    log.add(30, b"\x01future")
    log.add(30, b"")
    log.add(29, b"\x09")
    log.add(records.SAMPLE, b"\x02" + bytes(40))
    log.add(records.SAMPLE, b"\x01")
    log.add(records.STATE, b"")
    log.add(records.END, payloads.pack_json([1]))
    log.add(records.NOTE, b"\x01" + b"[" * 3000)
    log.add(records.BOOT, struct.pack("<BI", 1, 2) + b"no bar")
    got = decode(log.raw)
    assert len(got.entries) == 9
    assert {e.data is None for e in got.entries} == {True}
    assert (got.unknown, got.newer, got.unreadable) == (((29, 1), (30, 2)), 1, 5)
    assert got.entries[0].name == "type-30"
    assert got.entries[0].payload == b"\x01future"
    assert group_sessions(got) == []


@given(st.data())
def test_a_flipped_bit_costs_one_record_and_is_reported(data):
    raw = bytearray(whole_log().raw)
    true = {bare(e) for e in decode(bytes(raw)).entries}
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    got = decode(bytes(raw))
    assert len(got.entries) == len(true) - 1
    assert {bare(e) for e in got.entries} < true
    ((low, high),) = got.damage
    assert low <= at < high
    group_sessions(got)


@given(st.integers(0, len(whole_log().raw)))
def test_a_torn_tail_loses_only_the_last_record(cut):
    raw = whole_log().raw[:cut]
    got = decode(raw)
    kept = sum(e.size for e in got.entries)
    assert got.torn == (kept < cut)
    assert got.damage == (((kept, cut),) if kept < cut else ())
    group_sessions(got)


@given(st.binary(max_size=300), st.integers(0, 1 << 40))
def test_noise_never_raises_and_invents_nothing(noise, base):
    assert decode(noise, base).entries == ()


@given(st.sampled_from(record_reader.ALL_TYPES), st.binary(max_size=60))
def test_true_records_with_any_payload_never_raise(kind, payload):
    log = LogMaker()
    log.add(kind, payload)
    got = decode(log.raw)
    assert [bare(e)[-1] for e in got.entries] == [payload]
    assert len(group_sessions(got)) <= 1


def test_bytes_that_were_dropped_before_the_pull_are_missing():
    got = decode_extents([(0, b""), (50, whole_log().raw), (5000, b"\x00")])
    assert got.missing == ((0, 50), (50 + len(whole_log().raw), 5000))
    assert got.damage == ((5000, 5001),)


def test_a_whole_session_is_put_together():
    log = LogMaker()
    log.power_on()
    log.session(7)
    got = one(log)
    assert (got.number, got.boot, got.reason) == (7, 1, states.BY_TIME)
    assert (got.protocol_id, got.started_by) == ("foot", "button")
    assert got.calibrations == (CalibrationSummary(20000, 100, "20260101", "meter"), None)
    assert (got.active_ms, got.paused_ms, got.on_ms) == (600000, 1000, (300000, 100))
    assert (got.dose_uj, got.max_mc) == ((6000000, None), (36500, None))
    assert (len(got.samples), got.faults, got.whole) == (2, (), True)
    records_of = group(log)
    assert (len(records_of.states), len(records_of.samples), records_of.faults) == (3, 2, [])
    assert (records_of.first.name, records_of.last.name) == ("start", "end")


def test_a_session_without_end_is_still_running():
    log = LogMaker()
    log.power_on()
    log.lit(1)
    log.up_ms += 10000
    log.sample(1, 34000, 77000)
    got = one(log)
    assert (got.reason, got.restart_cause, got.end_up_ms) == (RUNNING, None, None)
    assert (got.active_ms, got.dose_uj, got.max_mc) == (10000, (76000, None), (34000, None))
    assert (got.paused_ms, got.on_ms) == (None, None)


def test_a_boot_after_it_means_the_power_was_lost():
    log = LogMaker()
    log.power_on()
    log.start(1)
    log.power_on("watchdog")
    log.session(2)
    lost, next_one = summarize(log)
    assert (lost.reason, lost.restart_cause) == (states.BY_POWER, "watchdog")
    assert (lost.active_ms, lost.dose_uj, lost.max_mc) == (None, (), ())
    assert (next_one.number, next_one.reason) == (2, states.BY_TIME)


def test_a_boot_after_its_end_changes_nothing():
    log = LogMaker()
    log.power_on()
    log.session(1)
    log.power_on()
    assert (one(log).reason, one(log).restart_cause) == (states.BY_TIME, None)


def test_faults_belong_to_their_session_and_outside_to_none():
    log = LogMaker()
    log.power_on()
    log.fault(0)
    log.start(3)
    log.fault(3)
    log.end(3, states.BY_FAULT)
    got = group(log)
    assert got.reason == states.BY_FAULT
    assert len(one(log).faults) == 1
    assert [e.data and e.data["session"] for e in got.faults] == [3]


def test_a_session_whose_beginning_is_lost_is_still_shown():
    log = LogMaker()
    log.boot = 4
    log.sample(9)
    log.end(9, states.BY_DOSE)
    got = one(log)
    assert (got.start_up_ms, got.protocol_id, got.started_by) == (None, None, None)
    assert (got.reason, got.calibrations, got.whole) == (states.BY_DOSE, (), False)
    assert group(log).first.name == "sample"


def test_an_end_without_reason_is_unknown():
    log = LogMaker()
    end = payloads.pack_end(1, "", 0, 0, 0, [], [], [])
    log.add(records.END, end + bytes(payloads.SEAL))
    assert one(log).reason == "unknown"


def test_pauses_do_not_count_as_light_and_wake_checks_are_placed():
    log = LogMaker()
    log.power_on()
    log.lit(3)
    log.up_ms += 5000
    log.state(3, states.RUNNING, states.PAUSED)
    log.up_ms += 60000
    log.state(3, states.PAUSED, states.RAMP_UP)
    log.up_ms += 2000
    log.sample(3)
    log.add(records.WAKE, payloads.pack_wake("asked", 7000))
    got = one(log)
    assert got.active_ms == 7000
    wake = decode(log.raw).entries[-1]
    assert wake.data == {"wake": "asked", "active_ms": 7000, "session": 3}


def test_a_session_whose_start_is_gone_takes_its_records_from_its_end():
    log = LogMaker()
    log.state(9, states.RUNNING, states.RAMP_DOWN)
    log.sample(9)
    log.end(9, states.BY_DOSE)
    assert [e.data["session"] for e in decode(log.raw).entries if e.data] == [9, 9, 9, 9]


def test_blobs_that_are_gone_leave_the_protocol_unknown():
    log = LogMaker()
    start = payloads.pack_start(1, "link", b"8 bytes.", b"8 bytes!", 0)
    log.add(records.START, start)
    got = one(log)
    assert (got.protocol_id, got.plan, got.calibrations) == (None, None, ())
    log = LogMaker()
    log.add(records.BLOB, payloads.pack_blob(b"8 bytes!", b"no json"))
    log.add(records.START, start)
    assert one(log).calibrations == ()


def test_a_clock_record_dates_its_whole_boot_and_no_other():
    log = LogMaker()
    log.power_on()
    log.up_ms = 100_000
    log.clock(NOON)
    log.power_on()
    clock = make_clock(decode(log.raw))
    assert clock.unix_ms(1, 100_000) == NOON * 1000
    assert clock.unix_ms(1, 40_500) == NOON * 1000 - 59_500
    assert clock.unix_ms(1, 250_000) == NOON * 1000 + 150_000
    assert clock.unix_ms(2, 100_000) is None
    assert clock.unix_ms_of(decode(log.raw).entries[-1]) is None


def test_a_session_start_with_time_and_a_host_mark_date_their_boots():
    log = LogMaker()
    log.power_on()
    log.start(1, NOON)
    log.power_on()
    clock = make_clock(decode(log.raw), [Mark(2, 0, NOON * 1000 + 5)])
    assert clock.unix_ms(1, 1500) == NOON * 1000 + 1000
    assert clock.unix_ms(2, 10) == NOON * 1000 + 15


def test_the_last_mark_before_an_uptime_counts():
    clock = Clock([Mark(1, 5000, 9_000_700), Mark(1, 1000, 8_996_000)])
    assert [clock.unix_ms(1, up) for up in (0, 1000, 4999, 5000)] == [
        8_995_000,
        8_996_000,
        8_999_999,
        9_000_700,
    ]
    assert clock.conflicts == {}


DAY_MS = 86_400_000


@pytest.mark.parametrize("late", [Mark(1, 5000, 9 * DAY_MS), Mark(1, 500, 9 * DAY_MS)])
def test_of_clocks_that_disagree_the_latest_counts_and_is_reported(late):
    early = [Mark(1, 1000, 2 * DAY_MS), Mark(1, 9000, 2 * DAY_MS + 8000)]
    clock = Clock([early[0], late, early[1]])
    start = late.unix_ms - late.up_ms
    assert [clock.unix_ms(1, up) for up in (0, 7000, 20_000)] == [
        start,
        start + 7000,
        start + 20_000,
    ]
    assert clock.conflicts == {1: [2 * DAY_MS - 1000, start]}


def test_clocks_agree_within_what_crystals_drift():
    for apart_ms, reported in ((120_000, False), (120_001, True)):
        marks = [Mark(1, 0, DAY_MS), Mark(1, 1000, DAY_MS + 1000 + apart_ms)]
        assert bool(Clock(marks).conflicts) == reported
    month = 30 * DAY_MS
    assert Clock([Mark(1, 0, DAY_MS), Mark(1, month, DAY_MS + month + 300_000)]).conflicts == {}


def test_a_time_given_by_a_person_precedes_clocks_and_the_last_one_counts():
    clocks = [Mark(1, 1000, 2 * DAY_MS), Mark(1, 2000, 9 * DAY_MS)]
    said = [Mark(1, 3000, 5 * DAY_MS, said_ms=20), Mark(1, 3000, 4 * DAY_MS, said_ms=10)]
    clock = Clock([*clocks, *said])
    assert (clock.unix_ms(1, 4000), clock.conflicts) == (5 * DAY_MS + 1000, {})


@pytest.mark.parametrize(
    ("up_ms", "text"),
    [(500, "boot 3 +00:00:00"), (725_900, "boot 3 +00:12:05"), (90_000_000, "boot 3 +25:00:00")],
)
def test_undated_times_are_given_by_boot_and_uptime(up_ms, text):
    assert format_uptime(3, up_ms) == text


def test_dated_times_are_utc():
    log = LogMaker()
    log.boot, log.up_ms = 1, 61_000
    log.sample(1)
    log.end(1, states.BY_TIME)
    decoded = decode(log.raw)
    (session,) = summarize_sessions(decoded, Clock([Mark(1, 0, 0)]), WrapInfo("u1"))
    assert session.when_utc == "1970-01-01T00:01:01Z"
    assert one(log).when_utc == one(log).when_local == "boot 1 +00:01:01"
    assert format_utc(1_500) == "1970-01-01T00:00:01.500Z"


def test_the_payload_of_a_note_is_readable():
    log = LogMaker()
    log.add(records.NOTE, payloads.pack_json({"text": "hello"}))
    assert json.dumps(decode(log.raw).entries[0].data) == '{"text": "hello"}'
