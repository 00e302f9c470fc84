"""`logs verify` finds every change, gap and reordering in a log, with its place."""
# H-38

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbmwrap.logs import notes
from pbmwrap.logs.decode import decode
from pbmwrap.logs.verify import verify_log
from tests.host.log_maker import LogMaker
from tests.nor import STORE, nor
from tests.powercut.cut import stream
from tests.powercut.day import Wrap
from wrap.storage import payloads, record_reader, records
from wrap.storage.log import Log


def _log(sessions: int = 12) -> bytes:
    """Make the bytes of a log over several sectors and boots."""
    flash = nor()
    for number in range(1, sessions + 1):
        wrap = Wrap(flash)
        wrap.board.power_on()
        log: Log = wrap.app.log
        wrap.board.advance(50)
        for k in range(30):
            sample = payloads.pack_sample(3, [33000 + k, 30000], [9000, 9000], [k * 2000] * 2)
            log.append(records.SAMPLE, number, 10 + k, 0, sample)
        end = payloads.pack_end(number, "time", 1000, 0, 0, [33000], [9, 9], [1, 2])
        log.append(records.END, number, 99, 0, end)
        wrap.board.power_off()
    return stream(log)


RAW = _log()
PLACES = [(r[6] - records.size(len(r[5])), r[6]) for r in record_reader.scan(RAW)[0]]
LAST_SEAL = PLACES[-1][0]  # bytes before the last record: those of it look like a torn write
HEADS = [s for (s, _), r in zip(PLACES, record_reader.scan(RAW)[0], strict=True) if r[0] == 11]


def test_a_whole_log_has_no_problem():
    said = verify_log([(0, RAW)])
    assert said.problems == () and said.torn == ()
    assert (said.sealed, said.unsealed, said.unchecked) == (12, 0, 0)
    assert said.sectors >= 3
    assert said.records == len(PLACES)


def test_records_that_the_wrap_lost_are_counted_and_are_not_a_problem():
    log = LogMaker()
    for counts in ((2, 5), (), (4,)):
        log.power_on()
        for count in counts:
            log.lost(count)
    said = verify_log([(0, log.raw)])
    assert (said.lost, said.problems) == (9, ())
    assert verify_log([(0, RAW)]).lost == 0
    text = "wrap u1: 9 records lost in the wrap before reaching its log"
    assert list(notes.note_losses("u1", decode(log.raw))) == [text]
    assert list(notes.note_losses("u1", decode(RAW))) == []


def test_an_empty_log_has_no_records():
    assert verify_log([]).records == 0


@settings(deadline=None)
@given(st.integers(0, LAST_SEAL - 1), st.integers(0, 7))
def test_every_flipped_bit_before_the_last_seal_shows(at, bit):
    raw = bytearray(RAW)
    raw[at] ^= 1 << bit
    said = verify_log([(0, bytes(raw))])
    if at < PLACES[0][1]:  # without its head nothing says what the first sector should be
        assert said.unchecked == HEADS[1]
    else:
        assert min(p.start for p in said.problems) <= at


@settings(deadline=None)
@given(st.integers(1, len(PLACES) - 2))
def test_a_record_that_is_cut_out_shows(k):
    start, end = PLACES[k]
    said = verify_log([(0, RAW[:start] + RAW[end:])])
    assert said.problems


@settings(deadline=None)
@given(st.integers(1, len(PLACES) - 3))
def test_two_records_that_change_places_show(k):
    (a, b), (_, c) = PLACES[k], PLACES[k + 1]
    said = verify_log([(0, RAW[:a] + RAW[b:c] + RAW[a:b] + RAW[c:])])
    assert said.problems


def test_a_record_forged_with_a_true_crc_shows_by_its_seal():
    rng = random.Random(2)
    k = rng.randrange(5, 30)
    start, end = PLACES[k]
    kind, seq, boot, up_s, up_ms, _, _ = record_reader.scan(RAW)[0][k]
    payload = bytearray(record_reader.scan(RAW)[0][k][5])
    payload[-1] ^= 1
    forged = records.pack(kind, seq, boot, up_s, up_ms, bytes(payload))
    said = verify_log([(0, RAW[:start] + forged + RAW[end:])])
    assert any("seal" in p.text or "chain" in p.text for p in said.problems)


def test_a_gap_between_pulls_begins_anew_at_the_next_sector():
    said = verify_log([(0, RAW[: HEADS[1]]), (HEADS[2], RAW[HEADS[2] :])])
    assert (said.problems, said.dropped) == ((), ((HEADS[1], HEADS[2]),))
    half = verify_log([(HEADS[1] + 300, RAW[HEADS[1] + 300 :])])
    assert half.unchecked == HEADS[2] - HEADS[1] - 300


@settings(deadline=None)
@given(st.sampled_from([place for place in PLACES[1:-1] if place[1] not in HEADS]))
def test_a_hole_that_is_no_dropped_sector_shows(place):
    start, end = place
    (gone,) = verify_log([(0, RAW[:start]), (end, RAW[end:])]).problems
    assert (gone.start, gone.end, gone.text) == (start, end, f"{end - start} bytes are missing")


def test_a_write_cut_by_power_loss_is_not_a_problem():
    flash = nor()
    wrap = Wrap(flash)
    wrap.on()
    at = STORE * 4096 + wrap.app.log.end
    flash.mem[at : at + 6] = b"\xa5\x05torn"
    wrap.board.power_off()
    wrap.on()
    said = verify_log([(0, stream(wrap.app.log))])
    assert said.problems == () and [b - a for a, b in said.torn] == [6 + records.CRC_SIZE]


def test_garbage_longer_than_any_record_is_not_a_torn_write():
    rubbish = bytes(4000)
    (gone,) = verify_log([(0, RAW + rubbish)]).problems
    assert (gone.start, gone.end, gone.text) == (
        len(RAW),
        len(RAW) + 4000,
        "these bytes hold no valid record",
    )
    assert verify_log([(7, rubbish)]).problems[0].start == 7


def test_a_sector_moved_to_another_offset_shows():
    said = verify_log([(4, RAW)])
    assert any("belongs at offset 0" in p.text for p in said.problems)


@pytest.mark.parametrize("flips", [1, 5, 50])
def test_any_damage_is_reported_and_never_raises(flips):
    rng = random.Random(flips)
    for _ in range(30):
        raw = bytearray(RAW)
        for _ in range(flips):
            raw[rng.randrange(PLACES[0][1], LAST_SEAL)] ^= 1 << rng.randrange(8)
        assert verify_log([(0, bytes(raw))]).problems or bytes(raw) == RAW


def test_a_count_of_starts_that_goes_back_shows_two_logs():
    """Across a gap and without one; the 16 bits of the number may overflow."""
    for first, then, problems in ((3, 2, 1), (3, 3, 0), (3, 9, 0), (65_535, 2, 0)):
        log = LogMaker()
        log.boot, log.up_ms = first, 1000
        log.add(records.CLOCK, payloads.pack_clock(5))
        end = len(log.raw)
        log.boot = then
        log.add(records.CLOCK, payloads.pack_clock(9))
        log.add(records.CLOCK, payloads.pack_clock(9))
        whole = verify_log([(0, log.raw)]).problems
        assert [p.text for p in whole] == [
            "the count of starts goes back here: these are records of two logs"
        ] * problems
        parts = verify_log([(0, log.raw[:end]), (end + 100, log.raw[end:])]).problems
        assert sum("two logs" in p.text for p in parts) == problems
