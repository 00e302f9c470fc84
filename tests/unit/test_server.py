"""The link server: one request at a time, in bounded slices, whatever the host does."""

from itertools import accumulate
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.server_bench import MOST_WAITS, RX_BYTES, SPARE_MS, Bench, polls, request
from wrap.link import frames

ACT_MS = 6  # time that a request may take
TX_BYTES = 2560  # of the output buffer
WRITE_BYTES = 1024  # in one slice
QUIET_SLICES = 100  # without work until the host counts as silent


@pytest.fixture
def bench():
    return Bench()


@given(st.lists(st.integers(1, 90), min_size=1), st.integers(1, 6))
def test_requests_are_read_however_they_are_cut(cuts, count):
    bench = Bench()
    raw = b"".join(request(n, n=n) for n in range(count))
    sizes = cuts * len(raw)
    while raw:
        size = sizes.pop()
        bench.hal.rx += raw[:size]
        raw = raw[size:]
        bench.server.poll(SPARE_MS)
    bench.poll()
    assert bench.asked == [("m", {"n": n}) for n in range(count)]
    assert bench.told() == [{"i": n, "r": ""} for n in range(count)]


def test_an_answer_that_is_too_long_becomes_a_short_error(bench):
    longest = frames.MAX_ANSWER - len('{"i":1,"r":""}')
    assert bench.ask(request(1, size=longest)) == [{"i": 1, "r": "x" * longest}]
    assert bench.ask(request(2, size=longest + 1))[0]["e"] == [
        "internal",
        "the answer is too long",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b'"i"',
        b"\xff\xfe",
        b"{}",
        b'{"i":1}',
        b'{"m":"m"}',
        b'{"i":"1","m":"m"}',
        b'{"i":1.5,"m":"m"}',
        b'{"i":-1,"m":"m"}',
        b'{"i":1073741824,"m":"m"}',
        b'{"i":1,"m":2}',
        b'{"i":1,"m":"m","p":[]}',
        b'{"i":1,"m":"m","p":null}',
        b"[" * 200,
    ],
)
def test_a_line_that_is_not_a_request_gets_a_short_error(bench, body):
    assert bench.ask(frames.encode(body)) == [
        {"i": None, "e": ["bad_frame", "not a request: needs i (number), m (text), p (object)"]}
    ]
    assert bench.asked == []


def test_a_request_needs_no_parameters(bench):
    assert bench.ask(frames.encode(b'{"i":1073741823,"m":"m"}')) == [{"i": 1073741823, "r": ""}]


def test_damaged_and_long_lines_get_short_errors(bench):
    good = request(1)
    assert bench.ask(good.replace(b"m", b"n", 1))[0]["e"][0] == "bad_crc"
    assert bench.ask(b"@" + b"x" * 300 + b"\n")[0]["e"] == ["too_long", "at most 240 bytes a line"]
    assert bench.ask(b"noise\r\n\r\n", good) == [{"i": 1, "r": ""}]


def test_with_a_port_that_is_not_read_pushes_are_dropped_and_nothing_grows(bench):
    bench.hal.tx_room = 0
    pushes = [{"n": n, "x": "y" * 80} for n in range(100)]
    sent = [bench.server.push("sample", params) for params in pushes]
    bodies = [b'{"n":"sample","p":{"n":%d,"x":"%s"}}' % (n, b"y" * 80) for n in range(100)]
    sizes = list(accumulate(len(frames.encode(body)) for body in bodies))
    assert sent == [size <= TX_BYTES for size in sizes]
    bench.hal.rx += request(1) * 50
    for _ in range(1000):
        assert not bench.server.poll(SPARE_MS)
    assert not bench.server.push("sample", pushes[0])
    assert (bench.asked, len(bench.hal.tx), bench.server.idle()) == ([], 0, False)
    bench.hal.tx_room = -1
    bench.poll()
    told = bench.told()
    pushed = [x["p"]["n"] for x in told if "n" in x]
    assert pushed == list(range(sent.count(True)))
    assert told[len(pushed) :] == [{"i": 1, "r": ""}] * 50
    assert len(bench.asked) == 1


def test_a_slow_port_gets_an_answer_byte_by_byte(bench):
    bench.hal.rx += request(1, size=300)
    for _ in range(400):
        bench.hal.tx_room = 1
        bench.server.poll(SPARE_MS)
    assert bench.told() == [{"i": 1, "r": "x" * 300}]


@given(st.binary(min_size=1000, max_size=3000))
def test_a_flood_is_read_in_bounded_slices(flood):
    bench = Bench()
    bench.hal.rx += flood + b"\n" + request(9)
    take = frames.LineReader.take
    lines = []

    def take_and_count(*args):
        event = take(*args)
        lines.extend([] if event is None else [event])
        return event

    polls = 0
    with patch.object(frames.LineReader, "take", take_and_count):
        while bench.hal.rx or not bench.asked:
            lines.clear()
            before, waiting = len(bench.hal.tx), len(bench.hal.rx)
            bench.server.poll(SPARE_MS)
            polls += 1
            assert len(lines) <= 1
            assert waiting - len(bench.hal.rx) <= RX_BYTES
            assert len(bench.hal.tx) - before <= WRITE_BYTES
            assert polls < 20000
    assert bench.asked == [("m", {})]


def test_one_request_is_answered_before_the_next_is_read(bench):
    bench.hal.rx += frames.encode(b'{"i":1,"m":"m"}') + frames.encode(b'{"i":2,"m":"m"}')
    assert len(bench.hal.rx) < 64
    while not bench.asked:
        bench.server.poll(SPARE_MS)
    assert not bench.server.idle()
    bench.server.poll(SPARE_MS)
    assert len(bench.asked) == 1
    bench.poll()
    assert len(bench.asked) == 2


def test_an_idle_server_reports_that_nothing_was_done(bench):
    assert not bench.server.poll(SPARE_MS)
    assert bench.server.idle()


def test_a_host_counts_as_silent_after_100_slices(bench):
    assert not bench.server.talks()
    bench.ask(request(1))
    for _ in range(QUIET_SLICES - 1):
        assert bench.server.talks()
        bench.server.poll(SPARE_MS)
    assert not bench.server.talks()


def test_a_request_waits_for_time_for_at_most_20_slices(bench):
    bench.hal.rx += request(1)
    assert [bench.server.poll(0) for _ in range(2)] == [True, True]  # read, take its line
    assert polls(bench, ACT_MS - 1) == [False] * MOST_WAITS + [True]
    assert bench.asked == [("m", {})]
    bench.poll()
    bench.hal.rx += request(2)
    assert [bench.server.poll(0) for _ in range(2)] == [True, True]
    assert len(bench.asked) == 1
    assert bench.server.poll(ACT_MS)
    assert len(bench.asked) == 2


def test_wrong_lines_are_answered_without_time_for_a_request(bench):
    bench.hal.rx += request(1).replace(b"m", b"n", 1) + b"@" + b"x" * 300 + b"\n"
    for _ in range(20):
        bench.server.poll(0)
    assert [x["e"][0] for x in bench.told()] == ["bad_crc", "too_long"]
