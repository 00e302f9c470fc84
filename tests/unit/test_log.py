"""The record log: whatever breaks, what was written before is there and numbers go on."""

import itertools
import random

import pytest

from tests.nor import AFTER, BEFORE, LOG, STORE, TORN, PowerCut
from tests.unit.log_rig import (
    HEAD,
    NUMBERS,
    SIZE,
    Flash,
    chained,
    flash,
    notes_in,
    scanned,
    stream,
    write,
)
from wrap.storage import record_reader, records
from wrap.storage.log import AHEAD, UNUSED

__all__ = ("flash",)


def test_offsets_sequence_and_boot_go_on_after_power(flash):
    log = flash.open()
    assert (log.first, log.end, log.seq, log.boot, log.torn) == (0, 0, 0, 0, 0)
    write(log, 3, boot=7)
    again = flash.open()
    assert (again.first, again.end, again.seq, again.boot) == (0, HEAD + 3 * SIZE, 4, 7)
    write(again, 2, boot=8)
    assert scanned(again) == ([0, 1, 2, 3, 4, 5], [])


def test_records_go_on_across_sectors_and_every_byte_is_under_the_chain(flash):
    log = flash.open()
    log.append(records.END, 1, 0, 0, b"\x01first")
    write(log, 1400)
    log.append(records.END, 1, 0, 0, b"\x01end")
    seqs, gaps = scanned(log)
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
        r[6] - records.size(len(r[5]))
        for r in record_reader.scan(stream(log))[0]
        if r[0] == records.SECTOR
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
    seqs, gaps = scanned(log)
    assert gaps == [] and seqs == list(range(seqs[0], log.seq)) and seqs[0] > n // 2
    again = flash.open()
    assert (again.first, again.end, again.seq) == (log.first, log.end, log.seq)
    assert stream(again) == stream(log)
    assert chained(stream(log))


@pytest.mark.slow
def test_wear_is_even():
    flash = Flash("nor")
    log = flash.open()
    for _ in range(LOG * 12):
        write(log, 4088 // SIZE + 1)
    erased = flash.nor.erased[STORE:]
    assert min(erased) > 8 and max(erased) - min(erased) <= 1


def test_nothing_is_erased_while_sectors_are_ready(flash):
    log = flash.open()
    while not log.is_prepared():
        log.prepare()
    erased = sum(flash.nor.erased)
    size = flash.sectors().size
    n = 0
    while log.fits(5):
        write(log, 1)
        n += SIZE
    assert sum(flash.nor.erased) == erased
    assert n > (AHEAD - 1) * size
    assert not log.is_prepared()
    log.prepare()
    assert log.fits(5)


def test_what_is_prepared_is_found_again_after_power(flash):
    log = flash.open()
    write(log, 1)
    while not log.is_prepared():
        log.prepare()
    assert flash.open().is_prepared()


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
            if not log.is_prepared():
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
        assert chained(stream(log)) or record_reader.scan(stream(log))[1]
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
    oldest = min((s, i) for i, s in enumerate(log.starts) if s != UNUSED)[1]
    at = (STORE + oldest) * 4096
    flash.nor.mem[at : at + 100] = b"\xff" * 100  # its head is gone, its records are not
    again = flash.open()
    assert again.end == log.end and again.first >= log.first
    seqs, _ = scanned(again)
    assert seqs == sorted(seqs)


def test_a_boot_does_not_look_for_records_where_nothing_is_written(flash, monkeypatch):
    log = flash.open()
    write(log, 5)
    asked = []
    plain = records.size_at
    monkeypatch.setattr(records, "size_at", lambda *args: asked.append(1) or plain(*args))
    assert flash.open().end == log.end
    assert 0 < len(asked) < 60
