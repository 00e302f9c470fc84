"""Log records and their payloads: what was packed comes back, and nothing that was not."""

import struct
from bisect import bisect_right
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrap.storage import payload_reader, payloads, record_reader, records

U8 = st.integers(0, 0xFF)
U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
KINDS = st.integers(0, 31).filter(lambda kind: kind != records.SECTOR)
UP_S = st.integers(0, (1 << 32) // 100 - 1)
HEADS = st.tuples(KINDS, U16, U16, UP_S, st.integers(0, 99).map(lambda n: n * 10))
RECORDS = st.lists(
    st.tuples(HEADS, st.binary(max_size=60) | st.binary(min_size=250, max_size=260)),
    min_size=1,
    max_size=6,
)


def log_of(recs):
    return b"".join(records.pack(*head, payload) for head, payload in recs)


def reported(found):
    """Records without their place, with the low half of their sequence number."""
    return [(r[0], r[1] & 0xFFFF, *r[2:6]) for r in found]


def flat(recs):
    return [(*head, payload) for head, payload in recs]


def test_the_bytes_of_a_record_are_as_documented():
    raw = records.pack(records.BOOT, 7, 3, 65, 437, b"ab")
    assert raw[:10] == bytes.fromhex("a1 02 0700 0300 8f190000")
    assert raw[10:12] == b"ab"
    assert len(raw) == records.OVERHEAD + 2 == records.size(2)
    long = records.pack(records.BOOT, 7, 3, 65, 437, bytes(300))
    assert long[:12] == bytes.fromhex("a1 ff 0700 0300 8f190000 2c01")
    assert len(long) == records.OVERHEAD + 302 == records.size(300)


def test_a_sequence_number_is_whole_again_after_each_sector_head():
    head = payloads.pack_sector(0, 0x2FFFE, bytes(32), [])
    raw = records.pack(records.SECTOR, 0x2FFFE, 1, 0, 0, head)
    raw += records.pack(9, 0x2FFFF, 1, 0, 0, b"") + records.pack(9, 0x30000, 1, 0, 0, b"")
    assert [r[1] for r in record_reader.scan(raw)[0]] == [0x2FFFE, 0x2FFFF, 0x30000]


def test_a_long_record_must_be_long():
    short = bytearray(records.pack(9, 1, 1, 0, 0, bytes(300)))
    short[10:12] = (5).to_bytes(2, "little")
    assert record_reader.parse(bytes(short), 0) is None


@given(RECORDS)
def test_scan_gives_back_what_was_packed(recs):
    found, gaps = record_reader.scan(log_of(recs))
    assert reported(found) == flat(recs)
    assert gaps == []


@given(RECORDS, st.data())
def test_a_torn_tail_costs_only_the_torn_record(recs, data):
    raw = log_of(recs)
    last = records.size(len(recs[-1][1]))
    cut = data.draw(st.integers(1, last))
    found, gaps = record_reader.scan(raw[: len(raw) - cut])
    assert reported(found) == flat(recs[:-1])
    assert gaps == ([] if cut == last else [(len(raw) - last, len(raw) - cut)])


@given(RECORDS, st.data())
def test_a_flipped_bit_costs_only_its_record(recs, data):
    raw = bytearray(log_of(recs))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    ends = list(accumulate(records.size(len(rec[1])) for rec in recs))
    hit = bisect_right(ends, at)
    found, gaps = record_reader.scan(bytes(raw))
    assert reported(found) == flat(recs[:hit] + recs[hit + 1 :])
    assert gaps == [([0, *ends][hit], ends[hit])]


@given(st.binary(max_size=400))
def test_noise_never_raises_and_holds_no_record(noise):
    found, gaps = record_reader.scan(noise)
    assert found == []
    assert gaps == ([(0, len(noise))] if noise else [])


def test_noise_between_records_is_reported_as_a_range():
    one = records.pack(5, 1, 1, 1, 1, b"x")
    found, gaps = record_reader.scan(b"\xa9\xa9" + one + b"\x00" * 30 + one)
    assert len(found) == 2
    assert gaps == [(0, 2), (2 + len(one), 32 + len(one))]


def test_a_payload_longer_than_allowed_is_never_read():
    most = records.pack(5, 1, 1, 1, 1, bytes(records.MAX_PAYLOAD))
    more = records.pack(5, 1, 1, 1, 1, bytes(records.MAX_PAYLOAD + 1))
    assert record_reader.parse(most, 0) is not None
    assert record_reader.parse(more, 0) is None


def test_sequence_and_boot_wrap_instead_of_failing():
    record = record_reader.parse(records.pack(1, 1 << 32, 1 << 16, 0, 0, b""), 0)
    assert record is not None and record[1:3] == (0, 0)


@given(st.sampled_from(["power", "watchdog", "soft"]), ASCII, U32)
def test_boot_round_trip(cause, version, restart_count):
    back = payload_reader.unpack_boot(payloads.pack_boot(cause, version, restart_count))
    assert back == {"cause": cause, "version": version, "resets": restart_count}


@given(U32)
def test_clock_round_trip(unix_s):
    assert payload_reader.unpack_clock(payloads.pack_clock(unix_s)) == {"unix_s": unix_s}


NAME = st.binary(min_size=8, max_size=8)


@given(U32, st.sampled_from(["button", "link"]), NAME, NAME, U32)
def test_start_round_trip(session, by, protocol, cal, unix_s):
    back = payload_reader.unpack_start(payloads.pack_start(session, by, protocol, cal, unix_s))
    assert back == {
        "session": session,
        "unix_s": unix_s,
        "by": by,
        "protocol_blob": protocol.hex(),
        "cal_blob": cal.hex(),
    }


@given(NAME, st.binary(max_size=300))
def test_blob_round_trip(name, raw):
    packed = payloads.pack_blob(name, raw)
    assert payload_reader.unpack_blob(packed) == {"name": name.hex(), "raw": raw}


U4 = st.integers(0, 15)
REASON = st.sampled_from(payloads.REASONS) | ASCII


@given(U4, U4, REASON)
def test_state_round_trip(old, new, reason):
    back = payload_reader.unpack_state(payloads.pack_state(old, new, reason))
    assert back == {"old": old, "new": new, "reason": reason}


def test_a_reason_takes_a_byte_when_it_is_known_and_60_at_most():
    assert len(payloads.pack_state(0, 1, "button")) == 3
    assert payload_reader.unpack_state(payloads.pack_state(0, 1, "x" * 70))["reason"] == "x" * 60
    assert payload_reader.unpack_state(bytes([1, 0, 200]))["reason"] == "reason-200"
    assert len(set(payloads.REASONS)) == len(payloads.REASONS) < 255


TEMPS = st.lists(st.none() | st.integers(-32767, 32767).map(lambda cc: cc * 10), max_size=4)
DOSE = st.none() | st.integers(0, 0xFFFE).map(lambda n: n * 2000)
LAMPS = st.lists(st.tuples(st.integers(0, 255).map(lambda d: d * 257), DOSE), max_size=4)


def known(values, nothing):
    return [nothing if v is None else v for v in values]


@given(U4, TEMPS, LAMPS)
def test_sample_round_trip_with_unknown_values(state, temps, lamps):
    duties, doses = [d for d, _ in lamps], [d for _, d in lamps]
    packed = payloads.pack_sample(
        state, known(temps, payloads.NO_TEMP), duties, known(doses, payloads.NO_DOSE_UJ)
    )
    assert payload_reader.unpack_sample(packed) == {
        "state": state,
        "temps_mc": temps,
        "duties_u16": duties,
        "doses_uj": doses,
    }


def test_a_sample_is_rounded_by_no_more_than_it_says_and_clamped():
    packed = payloads.pack_sample(3, [36994, 400000], [32767, 1], [123456789, 10**9])
    back = payload_reader.unpack_sample(packed)
    assert back["temps_mc"] == [36990, 327670]
    assert back["duties_u16"] == [32639, 0]
    assert back["doses_uj"] == [123456000, 131068000]


@given(
    U32,
    REASON,
    U32,
    U32,
    st.integers(0, 300),
    TEMPS,
    st.lists(st.tuples(U32, st.none() | st.integers(0, 0xFFFFFFFE)), max_size=4),
)
def test_end_round_trip(session, reason, active, paused, count, temps, sums):
    seal = bytes(range(32))
    packed = payloads.pack_end(
        session,
        reason,
        active,
        paused,
        count,
        known(temps, payloads.NO_TEMP),
        [on for on, _ in sums],
        known([dose for _, dose in sums], payloads.NO_DOSE_UJ),
    )
    assert payload_reader.unpack_end(packed + seal) == {
        "session": session,
        "reason": reason,
        "active_ms": active,
        "paused_ms": paused,
        "dose_uj": [dose for _, dose in sums],
        "on_ms": [on for on, _ in sums],
        "max_mc": temps,
        "faults": min(255, count),
        "seal": seal.hex(),
    }


@given(st.sampled_from(["asked", "answered", "unanswered"]), st.integers(0, 65535))
def test_wake_round_trip(what, active_s):
    back = payload_reader.unpack_wake(payloads.pack_wake(what, active_s * 1000 + 999))
    assert back == {"wake": what, "active_ms": active_s * 1000}


@given(U32, U32, st.binary(min_size=32, max_size=32), st.lists(st.tuples(NAME, U32), max_size=4))
def test_sector_round_trip(start, seq, chain, blobs):
    back = payload_reader.unpack_sector(payloads.pack_sector(start, seq, chain, blobs))
    assert back == {"start": start, "seq": seq, "chain": chain.hex(), "blobs": blobs}


@given(st.dictionaries(ASCII, st.none() | st.integers() | ASCII | st.lists(st.integers())))
def test_json_round_trip(obj):
    assert payload_reader.unpack_json(payloads.pack_json(obj)) == obj


def test_every_payload_begins_with_its_schema():
    packed = [
        payloads.pack_boot("power", "1", 0),
        payloads.pack_clock(0),
        payloads.pack_start(1, "link", bytes(8), bytes(8), 0),
        payloads.pack_state(0, 1, ""),
        payloads.pack_sample(15, [], [], []),
        payloads.pack_end(1, "", 0, 0, 0, [], [], []),
        payloads.pack_blob(bytes(8), b""),
        payloads.pack_wake("asked", 0),
        payloads.pack_sector(0, 0, bytes(32), []),
        payloads.pack_json({}),
    ]
    assert {payload_reader.schema(p) for p in packed} == {payloads.SCHEMA}
    assert payload_reader.schema(b"") == 0


def test_a_sample_cut_short_is_an_error_not_a_value():
    packed = payloads.pack_sample(3, [37000], [100], [5])
    with pytest.raises(struct.error):
        payload_reader.unpack_sample(packed[:-1])


@pytest.mark.parametrize("n", [41, 89, 254])
def test_an_intact_begin_is_what_parse_finds(n):
    raw = records.pack(records.SECTOR, 7, 3, 100, 20, bytes(range(n)))
    for rest in (b"", b"\xff" * 40):
        assert records.begins_with(raw + rest, records.SECTOR, 41)
        assert records.begins_with(memoryview(raw + rest), records.SECTOR, n)
    assert not records.begins_with(raw, records.SECTOR, n + 1)
    assert not records.begins_with(raw, records.NOTE, 41)
    for size in range(len(raw)):
        assert not records.begins_with(raw[:size], records.SECTOR, 41)
    for bit in range(8 * len(raw)):
        hurt = bytearray(raw)
        hurt[bit // 8] ^= 1 << bit % 8
        assert not records.begins_with(hurt, records.SECTOR, 41), bit


def test_a_long_payload_is_no_begin():
    raw = records.pack(records.SECTOR, 7, 3, 100, 20, bytes(255))
    assert record_reader.parse(raw, 0) is not None
    assert not records.begins_with(raw, records.SECTOR, 41)
