"""Streams of the link server: raw bytes out and in, alone on the line, in bounded slices."""

import pytest

from tests.unit.server_bench import MOST_WAITS, RX_BYTES, SPARE_MS, Bench, polls, request
from wrap.link import frames

STEP_MS = 2  # time that a piece of a stream may take
MOST_QUIET = 1000  # reads without a byte until an upload ends


@pytest.fixture
def bench():
    return Bench()


def test_a_stream_sends_its_pushes_and_then_its_answer(bench):
    parts = [{"n": "part", "p": n} for n in (2, 1, 0)]
    assert bench.ask(request(1, "stream", n=3)) == [*parts, {"i": 1, "r": "over"}]
    assert bench.ask(request(1, "stream", n=3)) == [{"i": 1, "r": "over"}]
    assert bench.ask(request(2, "stream", n=0)) == [{"i": 2, "r": "over"}]
    assert bench.server.idle()


def test_a_stream_that_is_refused_answers_with_the_error(bench):
    told = bench.ask(request(1, "stream", n=1, refuse=True))
    assert told == [{"n": "part", "p": 0}, {"i": 1, "e": ["bad_param", "half way"]}]
    assert bench.ask(request(2)) == [{"i": 2, "r": ""}]


def test_a_stream_that_raises_ends(bench):
    bench.hal.rx += request(1, "stream", n=0, fail=True)
    with pytest.raises(RuntimeError):
        bench.poll()
    with pytest.raises(RuntimeError):  # it has no answer to repeat, so it is acted on again
        bench.ask(request(1, "stream", n=0, fail=True))
    assert bench.ask(request(2)) == [{"i": 2, "r": ""}]


def test_raw_bytes_are_sent_unchanged_after_their_push(bench):
    raw = "\n@{}*\x03"
    bench.hal.rx += request(1, "stream", n=2, raw=raw, pieces=2)
    bench.poll()
    parts = [frames.encode(b'{"n":"part","p":%d}' % n) + raw.encode() * 600 for n in (1, 0)]
    assert bytes(bench.hal.tx) == b"".join(parts) + frames.encode(b'{"i":1,"r":"over"}')


def test_no_push_comes_between_raw_bytes(bench):
    bench.hal.rx += request(1, "stream", n=1, raw="x", pieces=2)
    while bench.server.idle():
        bench.server.poll(SPARE_MS)
    while not bench.server.idle():
        bench.hal.tx_room = 40
        bench.server.poll(SPARE_MS)
        if bench.server.push("sample", {}):
            break
    bench.hal.tx_room = -1
    bench.poll()
    told = frames.encode(b'{"n":"part","p":0}') + b"x" * 600 + frames.encode(b'{"i":1,"r":"over"}')
    assert bytes(bench.hal.tx) == told + frames.encode(b'{"n":"sample","p":{}}')


@pytest.mark.parametrize("size", [1, 10, RX_BYTES, 700])
@pytest.mark.parametrize("cut", [1, 37, 1000])
def test_an_upload_takes_the_bytes_behind_its_request_however_they_are_cut(bench, size, cut):
    body = "@{}*\n" * 200
    raw = request(1, "put", size=size) + body[:size].encode() + b"\n" + request(2)
    while raw:
        bench.hal.rx += raw[:cut]
        raw = raw[cut:]
        bench.server.poll(SPARE_MS)
    bench.poll()
    assert bench.told() == [{"i": 1, "r": body[:size]}, {"i": 2, "r": ""}]


def test_an_upload_that_stops_ends_and_the_next_request_is_read(bench):
    bench.hal.rx += request(1, "put", size=50) + b"half"
    for _ in range(MOST_QUIET + 20):
        bench.server.poll(SPARE_MS)
    assert bench.told() == [{"i": 1, "e": ["not_now", "only 4 of 50 bytes came"]}]
    assert bench.ask(request(2)) == [{"i": 2, "r": ""}]


def test_a_repeated_upload_acts_once_and_its_bytes_are_noise(bench):
    line = request(1, "put", size=5) + b"bytes\n"
    assert bench.ask(line) == bench.ask(line) == [{"i": 1, "r": "bytes"}]
    assert len(bench.asked) == 1
    assert bench.ask(request(1, "put", size=4) + b"more\n") == [{"i": 1, "r": "more"}]


def test_a_request_is_not_read_while_a_stream_is_sent(bench):
    bench.hal.rx += request(1, "stream", n=2) + request(2)
    bench.poll()
    assert [x.get("i") for x in bench.told()] == [None, None, 1, 2]


def test_a_stream_waits_for_time_for_at_most_20_slices(bench):
    bench.hal.rx += request(1, "stream", n=1)
    assert [bench.server.poll(SPARE_MS) for _ in range(3)] == [True] * 3  # read, take, act
    assert polls(bench, STEP_MS - 1) == [False] * MOST_WAITS + [True]
