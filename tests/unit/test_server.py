"""The link server: one request at a time, in bounded slices, whatever the host does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.server_bench import ROOM_MS, Bench, polls, request
from wrap.link import frames
from wrap.link.server import _ACT_MS, _PATIENCE, _RX, _TALK, _TX, _WRITE


@pytest.fixture
def bench():
    return Bench()


@given(st.lists(st.integers(1, 90), min_size=1), st.integers(1, 6))
def test_it_does_not_matter_how_requests_are_cut(cuts, count):
    bench = Bench()
    raw = b"".join(request(n, n=n) for n in range(count))
    sizes = cuts * len(raw)
    while raw:
        size = sizes.pop()
        bench.hal.rx += raw[:size]
        raw = raw[size:]
        bench.server.poll(ROOM_MS)
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
def test_what_is_no_request_gets_a_short_error(bench, body):
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


def test_a_port_that_nobody_reads_never_grows_memory_and_drops_pushes(bench):
    bench.hal.tx_room = 0
    size = len(bench.server._tx)
    sent = [bench.server.push("sample", {"n": n, "x": "y" * 80}) for n in range(100)]
    assert sent == sorted(sent, reverse=True)
    assert 18 < sent.count(True) < 25
    bench.hal.rx += request(1) * 50
    for _ in range(1000):
        assert not bench.server.poll(ROOM_MS)
    assert len(bench.server._tx) == size == _TX
    assert (bench.asked, len(bench.hal.tx), bench.server.idle()) == ([], 0, False)
    bench.hal.tx_room = -1
    bench.poll()
    told = bench.told()
    pushed = [x["p"]["n"] for x in told if "n" in x]
    assert pushed == list(range(sent.count(True)))
    assert told[len(pushed) :] == [{"i": 1, "r": ""}] * 50
    assert len(bench.asked) == 1


def test_a_slow_port_is_served_piece_by_piece(bench):
    bench.hal.rx += request(1, size=300)
    for _ in range(400):
        bench.hal.tx_room = 1
        bench.server.poll(ROOM_MS)
    assert bench.told() == [{"i": 1, "r": "x" * 300}]


@given(st.binary(min_size=1000, max_size=3000))
def test_a_flood_is_taken_in_bounded_slices(flood):
    bench = Bench()
    bench.hal.rx += flood + b"\n" + request(9)
    reader = bench.server._reader
    finish = reader._finish
    lines = []
    reader._finish = lambda: lines.append(1) or finish()
    polls = 0
    while bench.hal.rx or not bench.asked:
        lines.clear()
        before, waiting = len(bench.hal.tx), len(bench.hal.rx)
        bench.server.poll(ROOM_MS)
        polls += 1
        assert len(lines) <= 1
        assert waiting - len(bench.hal.rx) <= _RX
        assert len(bench.hal.tx) - before <= _WRITE
        assert polls < 20000
    assert bench.asked == [("m", {})]


def test_one_request_is_answered_before_the_next_is_read(bench):
    bench.hal.rx += frames.encode(b'{"i":1,"m":"m"}') + frames.encode(b'{"i":2,"m":"m"}')
    assert len(bench.hal.rx) < 64
    while not bench.asked:
        bench.server.poll(ROOM_MS)
    assert not bench.server.idle()
    bench.server.poll(ROOM_MS)
    assert len(bench.asked) == 1
    bench.poll()
    assert len(bench.asked) == 2


def test_an_idle_server_says_that_nothing_was_done(bench):
    assert not bench.server.poll(ROOM_MS)
    assert bench.server.idle()


def test_a_conversation_counts_as_over_after_a_while(bench):
    assert not bench.server.talks()
    bench.ask(request(1))
    for left in range(_TALK - 1, 0, -1):
        assert bench.server.talks() == (left > 0)
        bench.server.poll(ROOM_MS)
    assert not bench.server.talks()


def test_a_request_waits_for_room_but_not_for_ever(bench):
    bench.hal.rx += request(1)
    assert bench.server.poll(0)
    while not bench.server._asked:
        bench.server.poll(0)
    assert polls(bench, _ACT_MS - 1) == [False] * _PATIENCE + [True]
    assert bench.asked == [("m", {})]
    bench.poll()
    bench.hal.rx += request(2)
    while not bench.server._asked:
        bench.server.poll(0)
    assert bench.server.poll(_ACT_MS)
    assert len(bench.asked) == 2


def test_wrong_lines_are_answered_without_room(bench):
    bench.hal.rx += request(1).replace(b"m", b"n", 1) + b"@" + b"x" * 300 + b"\n"
    for _ in range(20):
        bench.server.poll(0)
    assert [x["e"][0] for x in bench.told()] == ["bad_crc", "too_long"]
