"""The record log: whatever breaks, what was written before is there and numbers go on."""

import hashlib
import itertools
import random

import pytest

from tests.nor import AFTER, BEFORE, LOG, STORE, TORN, Nor, PowerCut, log_sectors, nor
from tests.unit.conftest import MemFiles
from wrap.storage import payloads, records
from wrap.storage.log import AHEAD, Log
from wrap.storage.sectors import FileSectors

SIZE = records.OVERHEAD + 5
HEAD = records.OVERHEAD + 41


class Flash:
    """One of the two kinds of storage; `open` is what a boot does."""

    def __init__(self, kind):
        self.nor = nor()
        self.files = MemFiles()
        self.kind = kind

    def open(self):
        return Log(self.sectors())

    def sectors(self):
        return log_sectors(self.nor) if self.kind == "nor" else FileSectors(self.files, LOG)


@pytest.fixture(params=["nor", "files"])
def flash(request):
    return Flash(request.param)


NUMBERS = itertools.count()


def write(log, n, boot=1):
    """Notes numbered through all tests."""
    for _ in range(n):
        log.append(records.NOTE, boot, log.seq // 100, log.seq % 100 * 10, b"%05d" % next(NUMBERS))


def notes_in(log):
    """The numbers of all notes kept."""
    return [int(r[5]) for r in records.scan(stream(log))[0] if r[0] == records.NOTE]


def stream(log):
    """All bytes kept, read as the link does."""
    out = b""
    while log.first + len(out) < log.end:
        piece = log.read(log.first + len(out), 700)
        assert piece
        out += piece
    return out


def told(log):
    """(sequence numbers, gaps, their sectors' chains hold)"""
    found, gaps = records.scan(stream(log))
    return [r[1] for r in found], gaps


def chained(raw):
    """Whether each sector's chain and each seal is the SHA-256 it should be."""
    found, _ = records.scan(raw)
    heads = [i for i, r in enumerate(found) if r[0] == records.SECTOR]
    at = begin = 0
    last = hashlib.sha256().digest()
    for k, record in enumerate(found):
        if record[0] == records.SECTOR:
            if k != heads[0]:
                last = hashlib.sha256(raw[begin:at]).digest()
            begin = at
            chain = payloads.unpack_sector(record[5])["chain"]
            if k != heads[0] and chain != last.hex():
                return False
        if record[0] == records.END:
            body = raw[begin : record[6] - records.CRC_SIZE - payloads.SEAL]
            if record[5][-payloads.SEAL :] != hashlib.sha256(body).digest():
                return False
        at = record[6]
    return True


def test_offsets_sequence_and_boot_go_on_after_power(flash):
    log = flash.open()
    assert (log.first, log.end, log.seq, log.boot, log.torn) == (0, 0, 0, 0, 0)
    write(log, 3, boot=7)
    again = flash.open()
    assert (again.first, again.end, again.seq, again.boot) == (0, HEAD + 3 * SIZE, 4, 7)
    write(again, 2, boot=8)
    assert told(again) == ([0, 1, 2, 3, 4, 5], [])


def test_records_go_on_across_sectors_and_every_byte_is_under_the_chain(flash):
    log = flash.open()
    log.append(records.END, 1, 0, 0, b"\x01first")
    write(log, 1400)
    log.append(records.END, 1, 0, 0, b"\x01end")
    seqs, gaps = told(log)
    assert (seqs, gaps) == (list(range(log.seq)), [])
    raw = stream(log)
    assert chained(raw)
    assert stream(flash.open()) == raw
    number = b"%05d" % notes_in(log)[700]
    assert not chained(raw.replace(number, b"xxxxx"))


def test_a_record_never_crosses_sectors(flash):
    log = flash.open()
    write(log, 1400)
    size = flash.sectors().size
    starts = [
        r[6] - records.size(r[5]) for r in records.scan(stream(log))[0] if r[0] == records.SECTOR
    ]
    lengths = [b - a for a, b in itertools.pairwise(starts)]
    assert lengths and all(size - SIZE < n <= size for n in lengths)
    assert log.read(log.first, 10**6) == stream(log)[: lengths[0]]
    assert log.read(log.end, 10) == b""
    assert log.read(log.first - 1, 10) == b"" if log.first else True


def test_a_full_ring_drops_its_oldest_sector_and_offsets_are_never_reused(flash):
    log = flash.open()
    n = 0
    while log.first == 0:
        write(log, 50)
        n += 50
    write(log, n)
    seqs, gaps = told(log)
    assert gaps == [] and seqs == list(range(seqs[0], log.seq)) and seqs[0] > n // 2
    again = flash.open()
    assert (again.first, again.end, again.seq) == (log.first, log.end, log.seq)
    assert stream(again) == stream(log)
    assert chained(stream(log))


def test_wear_is_even():
    flash = Flash("nor")
    log = flash.open()
    for _ in range(LOG * 12):
        write(log, 4088 // SIZE + 1)
    erased = flash.nor.erased[STORE:]
    assert min(erased) > 8 and max(erased) - min(erased) <= 1


def test_nothing_is_erased_while_sectors_are_ready(flash):
    log = flash.open()
    while not log.prepared():
        log.prepare()
    erased = sum(flash.nor.erased)
    size = flash.sectors().size
    n = 0
    while log.fits(b"12345"):
        write(log, 1)
        n += SIZE
    assert sum(flash.nor.erased) == erased
    assert n > (AHEAD - 1) * size
    assert not log.prepared()
    log.prepare()
    assert log.fits(b"12345")


def test_what_is_prepared_is_found_again_after_power(flash):
    log = flash.open()
    write(log, 1)
    while not log.prepared():
        log.prepare()
    assert flash.open().prepared()


@pytest.mark.parametrize("moment", [BEFORE, TORN, AFTER])
@pytest.mark.parametrize("before", [0, 1, 211, 212, 213, 424])
@pytest.mark.parametrize("op", [1, 2, 3, 4, 5])
def test_power_that_goes_at_any_operation_costs_nothing_written_before(before, op, moment):
    for seed in range(6):
        flash = Flash("nor")
        flash.nor.rng = random.Random(seed)
        log = flash.open()
        first = next(NUMBERS) + 1
        write(log, before, boot=3)
        flash.nor.cut_at, flash.nor.moment = flash.nor.ops + op, moment
        try:
            write(log, 2, boot=3)
            if not log.prepared():
                log.prepare()
        except PowerCut:
            pass
        flash.nor.cut_at = -1
        log = flash.open()
        kept = notes_in(log)
        assert kept == list(range(first, first + len(kept)))
        assert before <= len(kept) <= before + 2
        write(log, 3, boot=4)
        assert notes_in(log)[: len(kept)] == kept and len(notes_in(log)) == len(kept) + 3
        assert chained(stream(log)) or records.scan(stream(log))[1]
        assert stream(flash.open()) == stream(log)


def test_an_erase_that_power_cut_short_is_done_again_however_it_looks():
    flash = Flash("nor")
    log = flash.open()
    write(log, 1)
    first = STORE * 4096
    flash.nor.mem[first + 4096 : first + 2 * 4096] = b"\xff" * 4096  # blank, but nobody said so
    before = flash.nor.erased[STORE + 1]
    log = flash.open()
    log.prepare()
    assert flash.nor.erased[STORE + 1] == before + 1


def test_what_a_cut_erase_left_of_old_records_is_no_part_of_the_log():
    flash = Flash("nor")
    log = flash.open()
    while log.first == 0:
        write(log, 20)
    oldest = min((s, i) for i, s in enumerate(log._starts) if s != 0xFFFFFFFF)[1]
    at = (STORE + oldest) * 4096
    flash.nor.mem[at : at + 100] = b"\xff" * 100  # its head is gone, its records are not
    again = flash.open()
    assert again.end == log.end and again.first >= log.first
    seqs, _ = told(again)
    assert seqs == sorted(seqs)


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
        found = records.scan(stream(again))[0]
        assert len(found) == len(records.scan(raw)[0]) - 1
        write(again, 1)
        assert again.seq == log.seq + 1


def test_a_single_sector_with_a_damaged_head_begins_anew_and_never_raises():
    flash = Flash("nor")
    write(flash.open(), 5)
    damage_head(flash, 0)
    log = flash.open()
    assert (log.end, log.seq) == (0, 0)
    write(log, 1)
    assert told(log) == ([0, 1], [])


def test_flips_anywhere_never_raise_and_never_make_a_record(flash):
    rng = random.Random(5)
    log = flash.open()
    write(log, 900)
    true = {r[:6] for r in records.scan(stream(log))[0]}
    for _ in range(60):
        if flash.kind == "nor":
            flash.nor.flip(STORE * 4096 + rng.randrange(LOG * 4096), rng.randrange(8))
        else:
            name = rng.choice(sorted(flash.files.data))
            raw = bytearray(flash.files.data[name])
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            flash.files.data[name] = bytes(raw)
        again = flash.open()
        assert {r[:6] for r in records.scan(stream(again))[0]} <= true
    write(again, 1)
    assert stream(again).count(b"%05d" % notes_in(again)[-1]) == 1


def test_a_flash_full_of_something_else_is_taken_over():
    rng = random.Random(1)
    flash = Flash("nor")
    flash.nor.mem[:] = bytes(rng.randrange(256) for _ in range(len(flash.nor.mem)))
    log = flash.open()
    assert (log.first, log.end, log.seq) == (0, 0, 0)
    write(log, 2000)
    assert told(log)[1] == []


def test_a_worn_place_is_left_behind(flash):
    if flash.kind == "files":
        flash.files.break_at, flash.files.torn = 3, 0.5
    log = flash.open()
    write(log, 1)
    flash.nor.broken = lambda what, sector: what == "program" and sector == STORE
    write(log, 5)
    flash.nor.broken = lambda what, sector: False
    notes = [r[5] for r in records.scan(stream(log))[0] if r[0] == records.NOTE]
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
    assert told(log)[1] == []
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
    notes = [r[5] for r in records.scan(stream(log))[0] if r[0] == records.NOTE]
    assert len(notes) == 2


def test_a_torn_tail_is_told(flash):
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
    assert len(told(again)[1]) == 1


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
