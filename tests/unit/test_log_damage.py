"""The record log on damaged and worn flash, its blobs, torn tails, and failed writes."""
# H-38

import hashlib
import random

import pytest

from tests.nor import LOG, STORE, Nor, log_sectors
from tests.unit.log_rig import (
    HEAD,
    SIZE,
    Flash,
    chained,
    flash,
    notes_in,
    scanned,
    stream,
    write,
)
from wrap.storage import payloads, record_reader, records
from wrap.storage.log import UNUSED, Log

__all__ = ("flash",)


END = payloads.pack_end(1, "time", 1, 0, 0, [], [], [])


def damage_head(flash, i):
    flash.nor.flip((STORE + i) * 4096 + 20, 3)


def test_a_flipped_bit_in_a_sectors_head_costs_that_record_only():
    for sector in range(4):
        flash = Flash("nor")
        log = flash.open()
        write(log, 211 * 3 + 30)
        raw = stream(log)
        damage_head(flash, sector)
        again = flash.open()
        assert (again.first, again.end, again.seq) == (log.first, log.end, log.seq)
        found = record_reader.scan(stream(again))[0]
        assert len(found) == len(record_reader.scan(raw)[0]) - 1
        write(again, 1)
        assert again.seq == log.seq + 1


def test_a_single_sector_with_a_damaged_head_keeps_its_records():
    flash = Flash("nor")
    log = flash.open()
    write(log, 5)
    damage_head(flash, 0)
    again = flash.open()
    assert (again.first, again.end, again.seq) == (log.first, log.end, log.seq)
    write(again, 1)
    assert scanned(again) == (list(range(1, 7)), [(0, HEAD)])


def test_a_single_sector_without_a_valid_record_is_an_empty_log_and_never_raises():
    flash = Flash("nor")
    write(flash.open(), 1)
    damage_head(flash, 0)
    flash.nor.flip(STORE * 4096 + HEAD + 3, 3)
    log = flash.open()
    assert (log.end, log.seq) == (0, 0)
    write(log, 1)
    assert scanned(log) == ([0, 1], [])


def test_a_lone_sector_of_an_older_round_is_not_taken_for_a_first_one():
    flash = Flash("nor")
    flash.nor.mem[STORE * 4096 : STORE * 4096 + 14] = records.pack(records.NOTE, 5000, 1, 0, 0, b"")
    assert flash.open().end == 0


def test_what_is_lost_altogether_reads_as_erased(flash):
    log = flash.open()
    per = flash.sectors().size // SIZE
    write(log, per * 5)
    for i in (1, 2):
        if flash.kind == "nor":
            flash.nor.mem[(STORE + i) * 4096 : (STORE + i + 1) * 4096] = bytes(4096)
        else:
            flash.files.data[f"log.{i:03}"] = b""
    again = flash.open()
    raw = stream(again)
    assert (again.first, again.first + len(raw)) == (log.first, log.end)
    found, gaps = record_reader.scan(raw)
    assert (len(gaps), gaps[0][1] - gaps[0][0] > flash.sectors().size) == (1, True)
    assert found[-1][1] == log.seq - 1


def test_flips_anywhere_never_raise_and_never_make_a_record(flash):
    rng = random.Random(5)
    log = flash.open()
    write(log, 900)
    true = {r[:6] for r in record_reader.scan(stream(log))[0]}
    for _ in range(60):
        if flash.kind == "nor":
            flash.nor.flip(STORE * 4096 + rng.randrange(LOG * 4096), rng.randrange(8))
        else:
            name = rng.choice(sorted(flash.files.data))
            raw = bytearray(flash.files.data[name])
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            flash.files.data[name] = bytes(raw)
        again = flash.open()
        assert {r[:6] for r in record_reader.scan(stream(again))[0]} <= true
    write(again, 1)
    assert stream(again).count(b"%05d" % notes_in(again)[-1]) == 1


def test_a_flash_full_of_something_else_is_taken_over():
    rng = random.Random(1)
    flash = Flash("nor")
    flash.nor.mem[:] = bytes(rng.randrange(256) for _ in range(len(flash.nor.mem)))
    log = flash.open()
    assert (log.first, log.end, log.seq) == (0, 0, 0)
    write(log, 2000)
    assert scanned(log)[1] == []


def test_a_worn_place_is_left_behind(flash):
    if flash.kind == "files":
        flash.files.break_at, flash.files.torn = 3, 0.5
    log = flash.open()
    write(log, 1)
    flash.nor.broken = lambda what, sector: what == "program" and sector == STORE
    write(log, 5)
    flash.nor.broken = lambda what, sector: False
    notes = [r[5] for r in record_reader.scan(stream(log))[0] if r[0] == records.NOTE]
    assert len(notes) == 6
    assert stream(flash.open()) == stream(log)


def test_sectors_that_cannot_be_erased_are_skipped_and_counted():
    flash = Flash("nor")
    log = flash.open()
    write(log, 1)
    for k in range(1, 4):
        flash.nor.program((STORE + k) * 4096, bytes(256))
    flash.nor.broken = lambda what, sector: what == "erase" and STORE < sector < STORE + 3
    write(log, 1000)
    assert log.skipped == 2
    assert scanned(log)[1] == []
    assert stream(flash.open()) == stream(log)
    flash.nor.broken = lambda what, sector: what == "erase"
    with pytest.raises(OSError):
        write(log, 30000)
    end = log.end
    assert stream(log) and log.end == end


def test_flash_that_fails_altogether_raises_and_the_same_record_may_come_again(flash):
    log = flash.open()
    write(log, 1)
    seq = log.seq
    flash.nor.broken = lambda what, sector: True
    flash.files.broken, flash.files.torn = True, 0
    with pytest.raises(OSError):
        write(log, 1)
    assert log.seq == seq or flash.kind == "files"
    flash.nor.broken = lambda what, sector: False
    flash.files.broken = False
    write(log, 1)
    notes = [r[5] for r in record_reader.scan(stream(log))[0] if r[0] == records.NOTE]
    assert len(notes) == 2


def test_a_torn_tail_is_scanned(flash):
    log = flash.open()
    write(log, 3)
    if flash.kind == "nor":
        at = STORE * 4096 + log.end
        flash.nor.mem[at : at + 5] = b"\xa9half"
    else:
        flash.files.data["log.000"] += b"\xa9half"
    again = flash.open()
    assert (again.seq, again.boot, again.torn, again.end) == (4, 1, 5, log.end + 5)
    write(again, 1)
    assert len(scanned(again)[1]) == 1


def test_blobs_are_remembered_across_sectors_and_power(flash):
    log = flash.open()
    raw = b"a protocol"
    name, new = log.blob(raw)
    assert new and name == hashlib.sha256(raw).digest()[:8]
    log.append(records.BLOB, 1, 0, 0, payloads.pack_blob(name, raw))
    assert log.blob(raw) == (name, False)
    assert flash.open().blob(raw) == (name, False)
    write(log, 4088 // SIZE + 10 if flash.kind == "nor" else 8192 // SIZE + 10)
    again = flash.open()
    assert again.blob(raw) == (name, False)
    limit = LOG * flash.sectors().size // 4
    while again.end < limit + 200:
        write(again, 20)
    assert again.blob(raw) == (name, True)
    for k in range(6):
        other = b"%d" % k
        again.append(records.BLOB, 1, 0, 0, payloads.pack_blob(again.blob(other)[0], other))
    assert [again.blob(b"%d" % k)[1] for k in range(6)] == [True, True, False, False, False, False]


def test_a_ring_of_another_size_is_read_as_far_as_it_goes():
    flash = Flash("nor")
    log = flash.open()
    write(log, 211 * 2)
    smaller = Log(log_sectors(Nor(STORE + LOG, mem=bytes(flash.nor.mem))))
    assert stream(smaller) == stream(log)


def test_a_file_that_is_not_as_long_as_it_should_be_is_an_error_and_then_left_behind():
    flash = Flash("files")
    log = flash.open()
    write(log, 1)
    flash.files.data["log.000"] += b"?"  # somebody else wrote
    write(log, 1)
    assert len(notes_in(log)) == 2


def test_what_is_behind_a_sector_that_is_lost_can_still_be_read(flash):
    log = flash.open()
    for _ in range(4):
        write(log, flash.sectors().size // SIZE)
    whole = stream(log)
    start, stop = sorted(s for s in log.starts if s != UNUSED)[1:3]
    flash.sectors().erase(list(log.starts).index(start))
    lost = b"\xff" * (stop - start)
    assert stream(flash.open()) == whole[:start] + lost + whole[stop:]


def test_a_sector_record_without_an_offset_does_not_keep_the_log_from_opening(flash):
    log = flash.open()
    write(log, 3)
    log.append(records.SECTOR, 1, 0, 0, b"\x01")
    again = flash.open()
    assert (again.end, again.seq) == (log.end, log.seq)
    assert len(notes_in(again)) == 3


@pytest.mark.parametrize(
    ("start", "seq"), [(UNUSED, 1), (0xFFFFFFFF, 1), (1, 0xFFFFFFFF), (1, 1 << 30)]
)
def test_a_sector_that_belongs_where_no_log_reaches_is_none(flash, start, seq):
    """The largest offset means that a sector is none, and a search for it had no end."""
    head = payloads.pack_sector(start, seq, bytes(32), [])
    flash.sectors().program(1, 0, (records.pack(records.SECTOR, seq, 1, 0, 0, head),))
    log = flash.open()
    assert (log.first, log.end, log.seq) == (0, 0, 0)
    write(log, 3)
    assert len(notes_in(flash.open())) == 3


def test_the_last_sector_that_a_log_can_have_is_read(flash):
    head = payloads.pack_sector(UNUSED - 1, (1 << 30) - 1, bytes(32), [])
    raw = records.pack(records.SECTOR, 0xFFFF, 1, 0, 0, head)
    flash.sectors().program(0, 0, (raw,))
    log = flash.open()
    assert (log.first, log.end, log.seq) == (UNUSED - 1, UNUSED - 1 + len(raw), 0)
    assert stream(log) == raw


def test_a_record_that_lacks_one_byte_is_not_completed_by_the_next_one(flash):
    log = flash.open()
    write(log, 2)
    for n in range(10000):
        cut = records.pack(records.NOTE, log.seq, 1, 0, 0, b"%05d" % n)
        if cut[-1] == 0xA0 | records.NOTE:  # what the next record begins with
            break
    flash.program_behind(log, cut[:-1])
    again = flash.open()
    assert again.torn == len(cut) - 1
    before = notes_in(again)
    write(again, 2)
    last = flash.open()
    assert len(notes_in(last)) == len(before) + 2
    assert (last.seq, last.torn) == (log.seq + 2, 0)
    last.append(records.END, 1, 0, 0, END)
    assert chained(stream(flash.open()))


def test_the_rest_of_a_failed_write_is_not_completed_by_the_next_record():
    flash = Flash("nor")
    log = flash.open()
    write(log, 1)
    tag = records.pack(records.NOTE, 0, 1, 0, 0, b"")[0]
    lost = next(
        payload
        for payload in (b"lost%d" % n for n in range(9999))
        if records.pack(records.NOTE, log.seq, 1, 0, 0, payload)[-1] == tag
    )
    true_program = flash.nor.program

    def lacks_its_last_byte(at, page):
        end = len(bytes(page).rstrip(b"\xff")) - 1
        true_program(at, bytes(page[:end]).ljust(len(page), b"\xff"))

    flash.nor.program = lacks_its_last_byte
    with pytest.raises(OSError):
        log.append(records.NOTE, 1, 0, 0, lost)
    flash.nor.program = true_program
    write(log, 3)
    kept = [r[5] for r in record_reader.scan(stream(log))[0] if r[0] == records.NOTE]
    assert len(kept) == 4 and lost not in kept
    assert stream(flash.open()) == stream(log)


def test_the_oldest_sector_is_gone_without_a_gap_when_it_is_half_erased():
    flash = Flash("nor")
    log = flash.open()
    write(log, 211 * (LOG + 2))
    assert log.first > 0 and not log.is_prepared()
    oldest = log.starts.index(log.first)
    flash.nor.mem[(STORE + oldest) * 4096 : (STORE + oldest) * 4096 + 3000] = b"\xff" * 3000
    again = flash.open()
    assert again.first == min(start for start in log.starts if start != log.first)
    found, gaps = record_reader.scan(stream(again))
    assert gaps == [] and found[-1][1] == log.seq - 1
    write(again, 500)
    assert scanned(again)[1] == []


def test_a_damaged_head_elsewhere_costs_that_record_only():
    flash = Flash("nor")
    log = flash.open()
    write(log, 211 * (LOG + 2))
    second = sorted(log.starts)[1]
    flash.nor.flip((STORE + log.starts.index(second)) * 4096 + 20, 3)
    again = flash.open()
    assert (again.first, again.end) == (log.first, log.end)
    assert scanned(again)[1] == [(second - log.first, second - log.first + HEAD)]
