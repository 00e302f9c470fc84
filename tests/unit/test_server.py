"""The link server: one request at a time, in bounded slices, whatever the host does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.conftest import MemFiles, answers
from wrap.hal.fake import FakeHal
from wrap.link import frames
from wrap.link.codes import BAD_PARAM, Refused
from wrap.link.server import _ACT_MS, _PATIENCE, _RX, _STEP_MS, _TALK, _TX, _WRITE, Server
from wrap.link.transfer import _PATIENCE as UPLOAD_PATIENCE
from wrap.link.transfer import Upload

ROOM_MS = 10


class Pushes:
    """`n` pushes, `pieces` of 300 times `raw` behind each, then a result; or a refusal."""

    def __init__(self, n, raw="", pieces=1, refuse=False, fail=False):
        self.todo = []
        for k in range(n):
            self.todo.append((b'{"n":"part",', b'"p":%d}' % (n - 1 - k)))
            self.todo += [memoryview(raw.encode() * 300)] * (pieces if raw else 0)
        self.refuse = refuse
        self.fail = fail

    def wants(self):
        return False

    def step(self):
        if self.todo:
            return self.todo.pop(0)
        if self.fail:
            raise RuntimeError("broken")
        return None

    def result(self):
        if self.refuse:
            raise Refused(BAD_PARAM, "half way")
        return "over"


class Bench:
    """A server whose handler only remembers."""

    def __init__(self):
        self.hal = FakeHal(MemFiles(), 2, 2)
        self.asked = []
        self.server = Server(self.hal, self.handle)

    def handle(self, method, params):
        self.asked.append((method, params))
        if method == "no":
            raise Refused(BAD_PARAM, "no")
        if method == "stream":
            return Pushes(**params)
        if method == "put":
            return Upload(params["size"], lambda raw: raw.decode())
        return "x" * params.get("size", 0)

    def poll(self):
        while self.server.poll(ROOM_MS):
            pass

    def ask(self, *lines):
        self.hal.rx += b"".join(lines)
        self.poll()
        return self.told()

    def told(self):
        out = answers(bytes(self.hal.tx))
        self.hal.tx = bytearray()
        return out


def request(number, method="m", **params):
    body = {"i": number, "m": method, "p": params}
    return frames.encode(json.dumps(body, separators=(",", ":")).encode())


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


def test_a_repeated_id_gets_the_same_answer_and_acts_once(bench):
    first = bench.ask(request(7, "a"))
    assert bench.ask(request(7, "a"), request(7, "b")) == first * 2
    assert bench.ask(request(8, "b")) == [{"i": 8, "r": ""}]
    assert [m for m, _ in bench.asked] == ["a", "b"]


def test_a_refusal_is_repeated_too(bench):
    refused = [{"i": 1, "e": ["bad_param", "no"]}]
    assert bench.ask(request(1, "no")) == bench.ask(request(1, "no")) == refused
    assert len(bench.asked) == 1


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
    assert 30 < sent.count(True) < 40
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


def test_a_stream_sends_its_pushes_and_then_its_answer(bench):
    parts = [{"n": "part", "p": n} for n in (2, 1, 0)]
    assert bench.ask(request(1, "stream", n=3)) == [*parts, {"i": 1, "r": "over"}]
    assert bench.ask(request(1, "stream", n=3)) == [{"i": 1, "r": "over"}]
    assert bench.ask(request(2, "stream", n=0)) == [{"i": 2, "r": "over"}]
    assert bench.server.idle()


def test_a_stream_that_is_refused_half_way_says_so(bench):
    told = bench.ask(request(1, "stream", n=1, refuse=True))
    assert told == [{"n": "part", "p": 0}, {"i": 1, "e": ["bad_param", "half way"]}]
    assert bench.ask(request(2)) == [{"i": 2, "r": ""}]


def test_a_stream_that_breaks_is_over(bench):
    bench.hal.rx += request(1, "stream", n=0, fail=True)
    with pytest.raises(RuntimeError):
        bench.poll()
    assert bench.ask(request(2)) == [{"i": 2, "r": ""}]


def test_raw_bytes_go_out_as_they_are_behind_their_push(bench):
    raw = "\n@{}*\x03"
    bench.hal.rx += request(1, "stream", n=2, raw=raw, pieces=2)
    bench.poll()
    parts = [frames.encode(b'{"n":"part","p":%d}' % n) + raw.encode() * 600 for n in (1, 0)]
    assert bytes(bench.hal.tx) == b"".join(parts) + frames.encode(b'{"i":1,"r":"over"}')


def test_no_push_comes_between_raw_bytes(bench):
    bench.hal.rx += request(1, "stream", n=1, raw="x", pieces=2)
    while bench.server.idle():
        bench.server.poll(ROOM_MS)
    while not bench.server.idle():
        bench.hal.tx_room = 40
        bench.server.poll(ROOM_MS)
        if bench.server.push("sample", {}):
            break
    bench.hal.tx_room = -1
    bench.poll()
    told = frames.encode(b'{"n":"part","p":0}') + b"x" * 600 + frames.encode(b'{"i":1,"r":"over"}')
    assert bytes(bench.hal.tx) == told + frames.encode(b'{"n":"sample","p":{}}')


@pytest.mark.parametrize("size", [1, 10, _RX, 700])
@pytest.mark.parametrize("cut", [1, 37, 1000])
def test_an_upload_takes_the_bytes_behind_its_request_however_they_are_cut(bench, size, cut):
    body = "@{}*\n" * 200
    raw = request(1, "put", size=size) + body[:size].encode() + b"\n" + request(2)
    while raw:
        bench.hal.rx += raw[:cut]
        raw = raw[cut:]
        bench.server.poll(ROOM_MS)
    bench.poll()
    assert bench.told() == [{"i": 1, "r": body[:size]}, {"i": 2, "r": ""}]


def test_an_upload_that_stops_is_over_and_the_next_request_is_heard(bench):
    bench.hal.rx += request(1, "put", size=50) + b"half"
    for _ in range(UPLOAD_PATIENCE + 20):
        bench.server.poll(ROOM_MS)
    assert bench.told() == [{"i": 1, "e": ["not_now", "only 4 of 50 bytes came"]}]
    assert bench.ask(request(2)) == [{"i": 2, "r": ""}]


def test_a_repeated_upload_acts_once_and_its_bytes_are_noise(bench):
    line = request(1, "put", size=5) + b"bytes\n"
    assert bench.ask(line) == bench.ask(line) == [{"i": 1, "r": "bytes"}]
    assert len(bench.asked) == 1


def test_a_conversation_counts_as_over_after_a_while(bench):
    assert not bench.server.talks()
    bench.ask(request(1))
    for left in range(_TALK - 1, 0, -1):
        assert bench.server.talks() == (left > 0)
        bench.server.poll(ROOM_MS)
    assert not bench.server.talks()


def test_a_request_is_not_read_while_a_stream_goes_out(bench):
    bench.hal.rx += request(1, "stream", n=2) + request(2)
    bench.poll()
    assert [x.get("i") for x in bench.told()] == [None, None, 1, 2]


def polls(bench, room_ms):
    return [bench.server.poll(room_ms) for _ in range(_PATIENCE + 1)]


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


def test_a_stream_waits_for_room_but_not_for_ever(bench):
    bench.hal.rx += request(1, "stream", n=1)
    while bench.server._stream is None:
        bench.server.poll(ROOM_MS)
    assert polls(bench, _STEP_MS - 1) == [False] * _PATIENCE + [True]


def test_wrong_lines_are_answered_without_room(bench):
    bench.hal.rx += request(1).replace(b"m", b"n", 1) + b"@" + b"x" * 300 + b"\n"
    for _ in range(20):
        bench.server.poll(0)
    assert [x["e"][0] for x in bench.told()] == ["bad_crc", "too_long"]
