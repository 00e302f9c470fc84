"""The record log: whatever breaks, what was written before is there and numbers go on."""

import itertools

import pytest

from tests.unit.conftest import MemFiles, PowerCut
from wrap.storage import log as log_module
from wrap.storage import records
from wrap.storage.log import Log

SIZE = records.OVERHEAD + 5


def write(log, n, boot=1):
    for _ in range(n):
        log.append(records.NOTE, boot, log.seq // 100, log.seq % 100, b"%05d" % log.seq)


def content(files):
    names = sorted(n for n in files.names() if n.startswith("log."))
    return b"".join(files.read(n) for n in names)


def told(files):
    found, gaps = records.scan(content(files))
    return [r[1] for r in found], gaps


def test_offsets_sequence_and_boot_go_on_after_power(files):
    log = Log(files)
    assert (log.first, log.end, log.seq, log.boot, log.torn) == (0, 0, 0, 0, 0)
    write(log, 3, boot=7)
    again = Log(files)
    assert (again.first, again.end, again.seq, again.boot) == (0, 3 * SIZE, 3, 7)
    write(again, 2, boot=8)
    assert told(files) == ([0, 1, 2, 3, 4], [])
    assert files.names() == ["log.00000000"]


@pytest.mark.parametrize(
    "op,error,torn", list(itertools.product([1, 2], [OSError(28), PowerCut()], [0, 0.5, 0.99]))
)
@pytest.mark.parametrize("before", [0, 1, 654, 655, 656])
def test_an_append_that_breaks_costs_nothing_written_before(before, op, error, torn):
    files = MemFiles()
    log = Log(files)
    write(log, before, boot=3)
    files.break_at, files.error, files.torn = files.ops + op, error, torn
    with pytest.raises(type(error)):
        write(log, 1, boot=3)
    if isinstance(error, PowerCut):
        log = Log(files)
        assert log.boot == (3 if before or op == 2 else 0)
        assert log.torn == (int(SIZE * torn) if op == 1 else 0)
    assert log.end == len(content(files))
    write(log, 2, boot=3)
    assert log.end == len(content(files))
    seqs, gaps = told(files)
    assert sorted(set(seqs)) == list(range(log.seq))
    assert seqs[:before] == list(range(before))
    assert len(gaps) == (op == 1 and torn > 0)
    assert Log(files).seq == log.seq


def test_a_torn_tail_behind_a_full_segment_is_seen(files):
    log = Log(files)
    write(log, 655)
    files.data[f"log.{log.end:08x}"] = b"\xa5half"
    again = Log(files)
    assert (again.seq, again.boot, again.torn) == (655, 1, 5)
    assert again.end == 655 * SIZE + 5


def test_damage_in_the_middle_is_no_torn_tail(files):
    log = Log(files)
    write(log, 3)
    raw = bytearray(files.data["log.00000000"])
    raw[SIZE + 3] ^= 1
    files.data["log.00000000"] = bytes(raw)
    again = Log(files)
    assert (again.seq, again.torn) == (3, 0)


def test_a_log_without_one_true_record_starts_at_nought(files):
    files.data["log.00000000"] = b"rubbish"
    log = Log(files)
    assert (log.seq, log.boot, log.torn, log.end) == (0, 0, 7, 7)


def test_records_never_cross_segments_and_offsets_are_never_reused(files):
    log = Log(files)
    write(log, 1400)
    assert sorted(files.names()) == ["log.00000000", "log.00003ff7", "log.00007fee"]
    assert {len(files.read(n)) for n in files.names()} == {16375, 35000 - 32750}
    assert log.read(16370, 100) == content(files)[16370:16375]
    assert log.read(16375, 100) == content(files)[16375:16475]
    assert log.read(log.end, 10) == b""


@pytest.fixture
def three_kept(monkeypatch):
    monkeypatch.setattr(log_module, "_KEEP", 3)


def test_the_oldest_segment_goes_when_there_are_too_many(files, three_kept):
    log = Log(files)
    write(log, 655 * 5 + 1)
    assert len(files.names()) == 3
    assert (log.first, Log(files).first) == (16375 * 3, 16375 * 3)
    assert log.read(0, 10) == b""
    assert told(files)[0] == list(range(655 * 3, 655 * 5 + 1))
    assert Log(files).seq == log.seq


def test_a_segment_that_cannot_be_removed_now_is_removed_later(files, three_kept):
    log = Log(files)
    write(log, 655 * 3)
    files.break_at = files.ops + 1
    with pytest.raises(OSError):
        write(log, 1)
    write(log, 1)
    oldest = min(files.names())
    assert log.first == int(oldest[4:], 16) == 0
    assert log.read(log.first, 10) == files.read(oldest)[:10]
    write(log, 655)
    assert len(files.names()) == 3
    assert told(files)[0] == list(range(655 * 2, 655 * 4 + 1))


def test_files_of_other_names_are_no_segments(files):
    files.write("log.notahex!", b"x")
    files.write("log.12", b"x")
    log = Log(files)
    assert (log.first, log.end) == (0, 0)
