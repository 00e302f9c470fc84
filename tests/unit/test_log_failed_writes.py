"""What a write that failed half-way leaves behind, and the record that comes next."""

import pytest

from tests.nor import LOG, STORE
from tests.unit.log_rig import HEAD, Flash, stream, told, write
from wrap.storage import records


def test_what_a_failed_write_left_is_not_made_whole_by_the_next_records_first_byte():
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
        end = len(page.rstrip(b"\xff")) - 1
        true_program(at, page[:end].ljust(len(page), b"\xff"))

    flash.nor.program = lacks_its_last_byte
    with pytest.raises(OSError):
        log.append(records.NOTE, 1, 0, 0, lost)
    flash.nor.program = true_program
    write(log, 3)
    kept = [r[5] for r in records.scan(stream(log))[0] if r[0] == records.NOTE]
    assert len(kept) == 4 and lost not in kept
    assert stream(flash.open()) == stream(log)


def test_the_oldest_sector_half_erased_is_gone_altogether_and_no_hole():
    flash = Flash("nor")
    log = flash.open()
    write(log, 211 * (LOG + 2))
    assert log.first > 0 and not log._ready
    oldest = log.starts.index(log.first)
    flash.nor.mem[(STORE + oldest) * 4096 : (STORE + oldest) * 4096 + 3000] = b"\xff" * 3000
    again = flash.open()
    assert again.first == min(start for start in log.starts if start != log.first)
    found, gaps = records.scan(stream(again))
    assert gaps == [] and found[-1][1] == log.seq - 1
    write(again, 500)
    assert told(again)[1] == []


def test_a_damaged_head_elsewhere_costs_that_record_only():
    flash = Flash("nor")
    log = flash.open()
    write(log, 211 * (LOG + 2))
    second = sorted(log.starts)[1]
    flash.nor.flip((STORE + log.starts.index(second)) * 4096 + 20, 3)
    again = flash.open()
    assert (again.first, again.end) == (log.first, log.end)
    assert told(again)[1] == [(second - log.first, second - log.first + HEAD)]
