"""Log records and their payloads: what was packed comes back, and nothing that was not."""

import json
import struct
from bisect import bisect_right
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrap.storage import payloads, records

U8 = st.integers(0, 0xFF)
U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
HEADS = st.tuples(U8, U32, U16, U32, st.integers(0, 999))
RECORDS = st.lists(st.tuples(HEADS, st.binary(max_size=60)), min_size=1, max_size=6)


def log_of(recs):
    return b"".join(records.pack(*head, payload) for head, payload in recs)


def told(found):
    """Records without their place."""
    return [record[:6] for record in found]


def flat(recs):
    return [(*head, payload) for head, payload in recs]


def test_the_bytes_of_a_record_are_as_documented():
    raw = records.pack(records.BOOT, 7, 3, 65, 432, b"ab")
    assert raw[:16] == bytes.fromhex("a5 01 0200 07000000 0300 41000000 b001")
    assert raw[16:18] == b"ab"
    assert len(raw) == records.OVERHEAD + 2


@given(RECORDS)
def test_scan_gives_back_what_was_packed(recs):
    found, gaps = records.scan(log_of(recs))
    assert told(found) == flat(recs)
    assert gaps == []


@given(RECORDS, st.data())
def test_a_torn_tail_costs_only_the_torn_record(recs, data):
    raw = log_of(recs)
    last = len(records.pack(*recs[-1][0], recs[-1][1]))
    cut = data.draw(st.integers(1, last))
    found, gaps = records.scan(raw[: len(raw) - cut])
    assert told(found) == flat(recs[:-1])
    assert gaps == ([] if cut == last else [(len(raw) - last, len(raw) - cut)])


@given(RECORDS, st.data())
def test_a_flipped_bit_costs_only_its_record(recs, data):
    raw = bytearray(log_of(recs))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    ends = list(accumulate(len(rec[1]) + records.OVERHEAD for rec in recs))
    hit = bisect_right(ends, at)
    found, gaps = records.scan(bytes(raw))
    assert told(found) == flat(recs[:hit] + recs[hit + 1 :])
    assert gaps == [([0, *ends][hit], ends[hit])]


@given(st.binary(max_size=400))
def test_noise_never_raises_and_holds_no_record(noise):
    found, gaps = records.scan(noise)
    assert found == []
    assert gaps == ([(0, len(noise))] if noise else [])


def test_noise_between_records_is_reported_as_a_range():
    one = records.pack(5, 1, 1, 1, 1, b"x")
    found, gaps = records.scan(b"\xa5\xa5" + one + b"\x00" * 30 + one)
    assert len(found) == 2
    assert gaps == [(0, 2), (2 + len(one), 32 + len(one))]


def test_a_payload_longer_than_allowed_is_never_read():
    most = records.pack(5, 1, 1, 1, 1, bytes(records.MAX_PAYLOAD))
    more = records.pack(5, 1, 1, 1, 1, bytes(records.MAX_PAYLOAD + 1))
    assert records.parse(most, 0) is not None
    assert records.parse(more, 0) is None


def test_sequence_and_boot_wrap_instead_of_failing():
    record = records.parse(records.pack(1, 1 << 32, 1 << 16, 0, 0, b""), 0)
    assert record is not None and record[1:3] == (0, 0)


@given(st.sampled_from(["power", "watchdog", "soft"]), ASCII, U32)
def test_boot_round_trip(cause, version, resets):
    back = payloads.unpack_boot(payloads.pack_boot(cause, version, resets))
    assert back == {"cause": cause, "version": version, "resets": resets}


@given(U32)
def test_clock_round_trip(unix_s):
    assert payloads.unpack_clock(payloads.pack_clock(unix_s)) == {"unix_s": unix_s}


@given(U32, st.sampled_from(["button", "link"]), st.binary(max_size=99), U32, st.booleans())
def test_start_round_trip(session, by, noise, unix_s, calibrated):
    protocol = json.dumps({"id": noise.hex()}).encode()
    cal = [{"uw": 50000, "unc_pm": 150, "date": 20260101, "how": "meter"} if calibrated else None]
    back = payloads.unpack_start(payloads.pack_start(session, by, protocol, cal, unix_s))
    assert back == {
        "session": session,
        "unix_s": unix_s,
        "protocol": protocol.decode(),
        "by": by,
        "cal": cal,
    }


@given(U32, U8, U8, ASCII)
def test_state_round_trip(session, old, new, reason):
    back = payloads.unpack_state(payloads.pack_state(session, old, new, reason))
    assert back == {"session": session, "old": old, "new": new, "reason": reason}


TEMPS = st.lists(st.none() | st.integers(-0x7FFFFFFF, 0x7FFFFFFF), max_size=4)
LAMPS = st.lists(st.tuples(U16, st.none() | st.integers(0, 0xFFFFFFFE)), max_size=4)


@given(U32, U32, U8, TEMPS, LAMPS)
def test_sample_round_trip_with_unknown_values(session, active_ms, state, temps, lamps):
    packed = payloads.pack_sample(
        session,
        active_ms,
        state,
        [payloads.NO_TEMP if t is None else t for t in temps],
        [duty for duty, _ in lamps],
        [payloads.NO_DOSE if dose is None else dose for _, dose in lamps],
    )
    assert payloads.unpack_sample(packed) == {
        "session": session,
        "active_ms": active_ms,
        "state": state,
        "temps_mc": temps,
        "duties_u16": [duty for duty, _ in lamps],
        "doses_uj": [dose for _, dose in lamps],
    }


@given(st.dictionaries(ASCII, st.none() | st.integers() | ASCII | st.lists(st.integers())))
def test_json_round_trip(obj):
    assert payloads.unpack_json(payloads.pack_json(obj)) == obj


def test_every_payload_begins_with_its_schema():
    packed = [
        payloads.pack_boot("power", "1", 0),
        payloads.pack_clock(0),
        payloads.pack_start(1, "link", b"{}", [], 0),
        payloads.pack_state(1, 0, 1, ""),
        payloads.pack_sample(1, 0, 0, [], [], []),
        payloads.pack_json({}),
    ]
    assert {p[0] for p in packed} == {payloads.SCHEMA}


def test_a_sample_cut_short_is_an_error_not_a_value():
    packed = payloads.pack_sample(1, 2, 3, [37000], [100], [5])
    with pytest.raises(struct.error):
        payloads.unpack_sample(packed[:-1])
