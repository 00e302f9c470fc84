"""Bulk transfers: protocols in, the log out, complete and resumable."""

import hashlib
import json

import pytest

from wrap.errors import BAD_PARAM, MEMORY, NOT_FOUND, NOT_NOW, STORAGE, Refused
from wrap.heap_reserve import HeapReserve
from wrap.link.transfer import CHUNK, WINDOW, Download, Upload
from wrap.storage.log import Log
from wrap.storage.sectors import FileSectors

SECOND = 8187  # where the second of the sectors begins
END = 26820
CHUNK_IN = 256  # most bytes that an upload receives at a time
MOST_QUIET = 1000  # reads without a byte until an upload ends


def code_of(call, *args):
    with pytest.raises(Refused) as refused:
        call(*args)
    return refused.value.args[0]


def fill(up, data):
    """Pass bytes to an upload in pieces; returns those that it did not take."""
    while up.wants_input() and data:
        buffer = up.input_buffer()
        n = min(len(buffer), len(data))
        buffer[:n] = data[:n]
        up.add_received(n)
        data = data[n:]
    return data


@pytest.mark.parametrize("size", [1, CHUNK_IN - 1, CHUNK_IN, CHUNK_IN + 1, 2048])
def test_an_upload_takes_its_bytes_and_no_more(size):
    raw = bytes(range(256)) * 9
    reserve = HeapReserve(1)
    up = Upload(size, lambda data: [bytes(data), reserve.is_kept()], reserve)
    assert not reserve.is_kept()
    assert (up.wants_input(), up.step()) == (True, None)
    assert fill(up, raw) == raw[size:]
    assert not up.wants_input()
    assert up.result() == [raw[:size], False]
    assert reserve.is_kept()
    assert len(Upload(size, None, reserve).input_buffer()) == min(size, CHUNK_IN)


def test_an_upload_ends_after_1000_reads_without_a_byte():
    reserve = HeapReserve(1)
    up = Upload(3, lambda data: data, reserve)
    for data in (b"a", b"b"):
        for _ in range(MOST_QUIET - 1):
            up.add_received(0)
        assert up.wants_input()
        fill(up, data)
    for _ in range(MOST_QUIET):
        assert up.wants_input()
        up.add_received(0)
    assert not up.wants_input()
    with pytest.raises(Refused, match="only 2 of 3 bytes came"):
        up.result()
    assert reserve.is_kept()


def test_an_upload_without_room_in_the_heap_leaves_the_reserve():
    """A full heap, by a buffer of more bytes than a machine can address."""
    reserve = HeapReserve(1)
    with pytest.raises(MemoryError):
        Upload(1 << 62, None, reserve)
    assert reserve.is_kept()


def test_a_window_needs_an_open_transfer(files):
    down = Download(Log(FileSectors(files)))
    assert code_of(down.prepare_window, 0, CHUNK) == code_of(down.close) == NOT_NOW


class Host:
    """Receives windows: (offset, bytes) of each."""

    def __init__(self, log):
        self.down = Download(log)
        self.windows = []

    def window(self, offset, n=WINDOW):
        """Receive a window; returns (next offset, end)."""
        stream = self.down.prepare_window(offset, n)
        self.take(stream)
        return stream.result()["o"], stream.result()["end"]

    def take(self, stream, most=1 << 30):
        """Receive at most `most` pieces of a window."""
        assert not stream.wants_input()
        while most and (piece := stream.step()) is not None:
            most -= 1
            if isinstance(piece, tuple):
                announced = json.loads(b"".join(piece))
                assert announced["n"] == "raw"
                self.windows.append((announced["p"]["o"], b""))
                self.announced = announced["p"]["size"]
            else:
                assert len(piece) <= CHUNK
                at, data = self.windows[-1]
                self.windows[-1] = at, data + bytes(piece)
        if most and self.windows:
            assert len(self.windows[-1][1]) == self.announced

    def pull(self, start=0, n=WINDOW):
        at, end = self.down.open(start)
        while at < end:
            at, end = self.window(at, n)
        return self.down.close()

    @property
    def data(self):
        return b"".join(d for _, d in self.windows)


@pytest.fixture
def log(files):
    made = Log(FileSectors(files, 4))
    grow(made, 1400)
    return made


def grow(log, n):
    for k in range(n):
        log.append(9, 1, k, 0, b"%05d" % k)


def whole(files):
    return b"".join(files.read(n) for n in sorted(files.names()))


@pytest.mark.parametrize("n", [CHUNK, 5000, WINDOW])
@pytest.mark.parametrize("start", [0, 7, SECOND - 1, SECOND, END - 1, END])
def test_the_log_is_sent_completely_from_any_offset(files, log, start, n):
    host = Host(log)
    at, end, sha = host.pull(start, n)
    expected = whole(files)[start:]
    assert host.data == expected
    assert (at, end, sha) == (END, END, hashlib.sha256(expected).hexdigest())
    assert max([len(d) for _, d in host.windows], default=0) <= n


def test_a_repeated_window_does_not_change_the_digest(files, log):
    host = Host(log)
    host.down.open(0)
    first = host.window(0)
    once = host.windows[:]
    assert host.window(0) == first == (WINDOW, END)
    assert host.windows == once * 2
    assert code_of(host.down.prepare_window, 5, CHUNK) == BAD_PARAM
    host.windows = once
    at = first[0]
    while at < END:
        at, _ = host.window(at)
    assert host.down.close()[2] == hashlib.sha256(whole(files)).hexdigest()
    assert host.data == whole(files)


def test_records_added_during_a_transfer_are_sent_too(files, log):
    host = Host(log)
    host.down.open(END - 100)
    host.window(END - 100)
    log.append(9, 1, 0, 0, b"later")
    assert host.window(END) == (END + 19, END + 19)
    assert host.data == whole(files)[END - 100 :]


def test_a_window_repeated_after_the_log_has_grown_ends_where_the_digest_ends(files, log):
    host = Host(log)
    host.down.open(END - 100)
    host.window(END - 100)
    log.append(9, 1, 0, 0, b"later")
    host.windows.clear()
    assert host.window(END - 100) == (END, END + 19)
    assert host.window(END) == (END + 19, END + 19)
    assert host.data == whole(files)[END - 100 :]
    assert host.down.close()[2] == hashlib.sha256(host.data).hexdigest()


def test_a_window_with_nothing_in_it_announces_nothing(log):
    host = Host(log)
    host.down.open(END)
    assert host.window(END) == (END, END)
    assert host.windows == []


def test_beyond_the_end_is_refused(log):
    with pytest.raises(Refused, match=f"o is beyond the end, {END}"):
        Host(log).down.open(END + 1)


def test_an_overwritten_offset_starts_at_the_oldest_stored(log):
    grow(log, 400)
    assert log.first > 0
    assert Host(log).down.open(0) == (log.first, log.end)


def test_records_overwritten_before_they_are_sent_are_zeros_and_an_error(log):
    host = Host(log)
    host.down.open(0)
    grow(log, 1400)
    with pytest.raises(Refused, match="begin again with log"):
        host.window(0)
    assert host.windows == [(0, bytes(WINDOW))]
    host.windows.clear()
    assert host.pull()[:2] == (log.end, log.end)


def test_records_overwritten_during_a_window_do_not_change_its_length(log):
    host = Host(log)
    host.down.open(0)
    stream = host.down.prepare_window(0, WINDOW)
    host.take(stream, 3)
    grow(log, 1400)
    host.take(stream)
    assert code_of(stream.result) == NOT_FOUND
    ((_, data),) = host.windows
    assert (len(data), data[2 * CHUNK :]) == (WINDOW, bytes(WINDOW - 2 * CHUNK))
    assert host.down.next == 2 * CHUNK


def test_a_log_that_cannot_be_read_is_an_error(files, log, monkeypatch):
    host = Host(log)
    host.down.open(0)
    monkeypatch.setattr(log, "read", lambda offset, n: b"")
    assert code_of(host.window, 0) == STORAGE
    monkeypatch.setattr(log, "read", lambda offset, n: exec("raise OSError(5)"))
    with pytest.raises(Refused, match="the flash answered with error 5"):
        host.window(0)
    monkeypatch.setattr(log, "read", lambda offset, n: exec("raise MemoryError"))
    assert code_of(host.window, 0) == MEMORY


@pytest.mark.parametrize("room", [1023, 512, 100, 64])
def test_a_heap_without_room_for_a_chunk_gives_smaller_ones(files, log, monkeypatch, room):
    """A stock board with eight protocols could not send its log, also in the dark."""

    def read_in(offset, n):
        asked.append(n)
        if n > room:
            raise MemoryError
        return read(offset, n)

    asked, read = [], log.read
    plain = Host(log)
    plain.down.open(0)
    plain.window(0)
    monkeypatch.setattr(log, "read", read_in)
    host = Host(log)
    host.down.open(0)
    stream = host.down.prepare_window(0, WINDOW)
    host.take(stream)
    assert stream.result()["o"] == WINDOW
    assert host.data == plain.data
    assert len([n for n in asked if n > room]) <= 4  # the size that fits is kept
    assert host.down.close()[2] == hashlib.sha256(plain.data).hexdigest()


def test_a_heap_without_any_room_ends_the_window(files, log, monkeypatch):
    host = Host(log)
    host.down.open(0)
    monkeypatch.setattr(log, "read", lambda offset, n: exec("raise MemoryError"))
    stream = host.down.prepare_window(0, WINDOW)
    host.take(stream)
    assert code_of(stream.result) == MEMORY


@pytest.mark.parametrize("count", range(END // CHUNK + 6))
def test_a_pull_interrupted_at_any_piece_and_resumed_is_complete(files, log, count):
    """A host keeps complete windows only."""
    host = Host(log)
    at, _ = host.down.open(0)
    got = b""
    while at < END and count > 0:
        stream = host.down.prepare_window(at, 3 * CHUNK)
        host.windows.clear()
        before = host.down.next
        host.take(stream, count)
        count -= 4
        if count >= 0:
            got += host.data
            at = stream.result()["o"]
        assert host.down.next >= before
    again = Host(log)
    _, _, sha = again.pull(len(got))
    assert got + again.data == whole(files)
    assert sha == hashlib.sha256(again.data).hexdigest()
