"""What a write that failed half-way leaves behind, and the record that comes next."""

import pytest

from tests.unit.log_rig import Flash, stream, write
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
