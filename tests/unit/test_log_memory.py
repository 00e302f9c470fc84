"""The log on a heap that has no room at times: a record is written once, whatever found no room."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nor import Nor
from tests.unit.conftest import MemFiles
from tests.unit.log_rig import Flash, chained
from wrap.heap_reserve import HeapReserve
from wrap.storage import payload_reader, payloads, record_reader, records
from wrap.storage.log import Log
from wrap.storage.log_queue import LogQueue
from wrap.storage.nor_sectors import NorSectors
from wrap.storage.sectors import FileSectors
from wrap.uptime import Uptime

SEGMENT = 1024
SEGMENTS = 12
RAW = bytes(range(256)) * 2
END = payloads.pack_end(1, "time", 1000, 0, 0, [33_000], [900], [1])


class FullAtTimes(MemFiles):
    """Files whose calls find no room in the heap, before they do anything. full: for each of the
    next calls whether it does."""

    def __init__(self):
        super().__init__()
        self.full = []

    def _ask(self):
        if self.full and self.full.pop():
            raise MemoryError

    def size(self, name):
        self._ask()
        return super().size(name)

    def read_at(self, name, offset, n):
        self._ask()
        return super().read_at(name, offset, n)

    def feed(self, name, n, take):
        self._ask()
        super().feed(name, n, take)

    def append(self, name, pieces):
        self._ask()
        super().append(name, pieces)


def stream(files):
    return b"".join(files.data[name] for name in sorted(files.data))


@given(
    full=st.lists(st.booleans(), max_size=60),
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=12),
)
def test_each_record_is_written_once_whichever_call_finds_no_room(full, sizes):
    files = FullAtTimes()
    log = Log(FileSectors(files, SEGMENTS, SEGMENT))
    log_queue = LogQueue(log, Uptime(), HeapReserve(1))
    files.full = list(full)
    for n, size in enumerate(sizes):
        log_queue.note(records.NOTE, b"%03d" % n + bytes(size))
        log_queue.note(records.BLOB, payloads.pack_blob(b"%08d" % n, b""), RAW[:size])
        log_queue.note(records.END, END)
    for _ in range(400):
        log_queue.slice(1000, False)
    assert log_queue.is_idle() and not log_queue.failed
    found, gaps = record_reader.scan(stream(files))
    kept = [r for r in found if r[0] != records.SECTOR]
    assert [r[0] for r in kept] == [records.NOTE, records.BLOB, records.END] * len(sizes)
    assert [int(r[5][:3]) for r in kept[::3]] == list(range(len(sizes)))
    assert [r[1] for r in found] == list(range(len(found)))
    assert gaps == [] and chained(stream(files))


def test_a_segment_that_finds_no_room_stays_for_the_next_try():
    """Lit, none could be erased in its place."""
    files = FullAtTimes()
    log = Log(FileSectors(files, SEGMENTS, SEGMENT))
    while not log.is_prepared():
        log.prepare()
    append, tried = files.append, []

    def fail(name, pieces):
        tried.append(name)
        raise MemoryError

    files.append = fail
    for _ in range(3):
        with pytest.raises(MemoryError):
            log.append(records.NOTE, 1, 0, 0, b"1")
        assert log.is_prepared()
    files.append = append
    log.append(records.NOTE, 1, 0, 0, b"1")
    assert tried == ["log.000"] * 3
    assert list(files.data) == ["log.000"]


def test_a_segment_that_was_begun_when_the_heap_had_no_room_is_left():
    nor = Flash("nor")
    log = nor.open()
    while not log.is_prepared():
        log.prepare()
    program = nor.nor.program

    def fail_behind(at, page):
        program(at, page)
        raise MemoryError

    nor.nor.program = fail_behind
    with pytest.raises(MemoryError):
        log.append(records.NOTE, 1, 0, 0, b"1")
    nor.nor.program = program
    log.append(records.NOTE, 1, 5, 0, b"1")  # other bytes: the first ones cannot be written over
    assert not log.is_prepared()
    assert [r[5] for r in record_reader.scan(log.read(0, 500))[0]][1:] == [b"1"]


@pytest.mark.parametrize("size", [0, 100, 246, 247, 300, 512])
@pytest.mark.parametrize("kind", ["nor", "files"])
def test_a_payload_in_two_pieces_is_one_record(kind, size):
    flash = Flash(kind)
    raw = RAW[:size]
    name = hashlib.sha256(raw).digest()[:8]
    log = flash.open()
    for _ in range(4):
        log.append(records.BLOB, 1, 0, 0, payloads.pack_blob(name, b""), raw)
    found, gaps = record_reader.scan(log.read(log.first, 8000))
    blobs = [payload_reader.unpack_blob(r[5]) for r in found if r[0] == records.BLOB]
    assert gaps == []
    assert blobs == [{"name": name.hex(), "raw": raw}] * 4
    assert log.blob(raw) == (name, False) == flash.open().blob(raw)


@given(at=st.integers(0, 600), sizes=st.lists(st.integers(0, 600), max_size=5).filter(any))
def test_raw_flash_gets_the_pieces_and_nothing_else(at, sizes):
    nor = Nor(2)
    sectors = NorSectors(nor, 1, 1)
    pieces = tuple(bytes([n + 1]) * size for n, size in enumerate(sizes))
    data = b"".join(pieces)
    sectors.program(0, at, pieces)
    sector = bytes(nor.mem[4096:])
    assert sector[at : at + len(data)] == data
    assert sector[:at] + sector[at + len(data) :] == b"\xff" * (4096 - len(data))
    assert bytes(nor.mem[:4096]) == b"\xff" * 4096
    first, last = at // 256, (at + len(data) - 1) // 256
    assert nor.ops == last - first + 1
