"""Bulk: protocols in, logs out, in order, whole, resumable."""

import hashlib
import json
from binascii import a2b_base64

import pytest

from wrap.link.codes import BAD_PARAM, NOT_NOW, STORAGE, Refused
from wrap.link.frames import MAX_ANSWER, encode
from wrap.link.transfer import CHUNK, Download, Upload, b64
from wrap.storage.log import Log
from wrap.storage.sectors import FileSectors

SECOND = 8187  # where the second of the sectors begins
END = 26820


def code_of(call, *args):
    with pytest.raises(Refused) as refused:
        call(*args)
    return refused.value.args[0]


def test_an_object_arrives_in_order_and_once():
    up = Upload()
    up.begin(10, 2, "sha")
    assert up.data(0, b64(b"0123")) == 4
    assert up.data(0, b64(b"0123")) == 4
    assert up.data(4, b64(b"456789")) == 10
    assert (up.take(), up.slot, up.sha) == (b"0123456789", 2, "sha")
    assert code_of(up.take) == NOT_NOW


def test_gaps_and_too_much_are_refused_and_change_nothing():
    up = Upload()
    up.begin(6, 0, "")
    up.data(0, b64(b"01"))
    for offset, data in ((3, b"3"), (2, b"23456"), (0, b"0123456")):
        with pytest.raises(Refused, match="o must be 2 and end within 6"):
            up.data(offset, b64(data))
    with pytest.raises(Refused, match="not complete: 2 of 6"):
        up.take()
    assert up.data(2, b64(b"2345")) == 6
    assert up.take() == b"012345"


@pytest.mark.parametrize("text", [None, 5, [], "A", "é"])
def test_what_is_not_base64_is_refused(text):
    up = Upload()
    up.begin(6, 0, "")
    assert code_of(up.data, 0, text) == BAD_PARAM


def test_nothing_goes_without_a_beginning(files):
    assert code_of(Upload().data, 0, "") == code_of(Upload().take) == NOT_NOW
    down = Download(Log(FileSectors(files)))
    assert code_of(down.window, 0, 1) == code_of(down.close) == NOT_NOW


class Host:
    """Takes chunks as they come."""

    def __init__(self, log):
        self.down = Download(log)
        self.chunks = []

    def window(self, offset, n=8):
        """(next offset, end), with every chunk of the window taken."""
        stream = self.down.window(offset, n)
        while (parts := stream.step()) is not None:
            if parts:
                self.take(b"".join(parts))
        return stream.result()["o"], stream.result()["end"]

    def take(self, body):
        assert len(encode(body)) - 1 <= MAX_ANSWER
        message = json.loads(body)
        assert message["n"] == "chunk"
        self.chunks.append((message["p"]["o"], a2b_base64(message["p"]["d"])))

    def pull(self, start=0, n=8):
        at, end = self.down.open(start)
        while at < end:
            at, end = self.window(at, n)
        return self.down.close()

    @property
    def data(self):
        return b"".join(d for _, d in self.chunks)


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


@pytest.mark.parametrize("start", [0, 7, SECOND - 1, SECOND, END - 1, END])
def test_the_log_goes_out_whole_from_any_offset(files, log, start):
    host = Host(log)
    at, end, sha = host.pull(start)
    expected = whole(files)[start:]
    assert host.data == expected
    assert (at, end, sha) == (END, END, hashlib.sha256(expected).hexdigest())
    assert max([len(d) for _, d in host.chunks], default=0) <= CHUNK


def test_a_window_can_be_asked_again_without_changing_the_sum(files, log):
    host = Host(log)
    host.down.open(0)
    first = host.window(0, 8)
    once = host.chunks[:]
    # A chunk ends where its sector does.
    assert host.window(0, 8) == first == (SECOND + 2 * CHUNK, END)
    assert host.chunks == once * 2
    assert code_of(host.down.window, 5, 1) == BAD_PARAM
    host.chunks = once
    at = first[0]
    while at < END:
        at, _ = host.window(at, 8)
    assert host.down.close()[2] == hashlib.sha256(whole(files)).hexdigest()
    assert host.data == whole(files)


def test_records_that_come_meanwhile_go_out_too(files, log):
    host = Host(log)
    host.down.open(END - 100)
    host.window(END - 100, 8)
    log.append(9, 1, 0, 0, b"later")
    assert host.window(END, 8) == (END + 19, END + 19)
    assert host.data == whole(files)[END - 100 :]


def test_a_window_asked_again_after_the_log_has_grown_ends_where_the_sum_stands(files, log):
    host = Host(log)
    host.down.open(END - 100)
    host.window(END - 100, 8)
    log.append(9, 1, 0, 0, b"later")
    host.chunks.clear()
    assert host.window(END - 100, 8) == (END, END + 19)
    assert host.window(END, 8) == (END + 19, END + 19)
    assert host.data == whole(files)[END - 100 :]
    assert host.down.close()[2] == hashlib.sha256(host.data).hexdigest()


def test_beyond_the_end_is_refused(log):
    with pytest.raises(Refused, match=f"o is beyond the end, {END}"):
        Host(log).down.open(END + 1)


def test_an_offset_that_is_gone_begins_at_the_oldest_kept(log):
    grow(log, 400)
    assert log.first > 0
    assert Host(log).down.open(0) == (log.first, log.end)


def test_records_that_go_while_they_are_sent_end_the_transfer(log):
    host = Host(log)
    host.down.open(0)
    grow(log, 1400)
    with pytest.raises(Refused, match="begin again with log"):
        host.window(0, 8)
    assert host.chunks == []
    assert host.pull()[:2] == (log.end, log.end)


def test_records_that_go_in_the_middle_of_a_window_end_it(log):
    host = Host(log)
    host.down.open(0)
    stream = host.down.window(0, 8)
    while not stream.step():
        pass
    grow(log, 1400)
    with pytest.raises(Refused, match="begin again with log"):
        stream.step()


def test_a_log_that_cannot_be_read_is_told(files, log, monkeypatch):
    host = Host(log)
    host.down.open(0)
    monkeypatch.setattr(log, "read", lambda offset, n: b"")
    assert code_of(host.down.window(0, 1).step) == STORAGE
    monkeypatch.setattr(log, "read", lambda offset, n: exec("raise OSError(5)"))
    with pytest.raises(Refused, match="the flash answered with error 5"):
        host.down.window(0, 1).step()


def broken_at(log, files, count):
    """A pull whose link breaks behind `count` chunks, taken up again where the host stands."""
    host = Host(log)
    at, end = host.down.open(0)
    while at < end and len(host.chunks) < count:
        stream = host.down.window(at, 3)
        while len(host.chunks) < count and (parts := stream.step()) is not None:
            if parts:
                host.take(b"".join(parts))
        at = len(host.data)
    return host.data


@pytest.mark.parametrize("count", range(END // CHUNK + 2))
def test_a_pull_broken_at_any_chunk_and_taken_up_again_is_whole(files, log, count):
    got = broken_at(log, files, count)
    again = Host(log)
    _, _, sha = again.pull(len(got))
    assert got + again.data == whole(files)
    assert sha == hashlib.sha256(again.data).hexdigest()
