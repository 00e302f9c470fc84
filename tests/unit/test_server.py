"""The link server: one request at a time, in bounded slices, whatever the host does."""

import json
from itertools import accumulate, product
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.server_bench import MOST_WAITS, RX_BYTES, SPARE_MS, Bench, Pushes, polls, request
from wrap.errors import Refused
from wrap.heap_reserve import HeapReserve
from wrap.link import frames, server
from wrap.link.server import parse
from wrap.link.transfer import Upload

ACT_MS = 7  # time that a request may take
TX_BYTES = 2560  # of the output buffer
WRITE_BYTES = 1024  # in one slice
QUIET_SLICES = 100  # without work until the host counts as silent
MOST_WRONG = 32  # wrong lines answered in a row
STEP_MS = 2  # time that a piece of a stream may take
MOST_QUIET = 1000  # reads without a byte until an upload ends


def write_all(params):
    """What writes the fields of a push."""

    def write(out):
        for name, value in params.items():
            out.put(name, value)

    return write


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
    assert bench.reported() == [{"i": n, "r": ""} for n in range(count)]


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
    assert bench.ask(b"@" + b"x" * 500 + b"\n")[0]["e"] == ["too_long", "at most 400 bytes a line"]
    assert bench.ask(b"noise\r\n\r\n", good) == [{"i": 1, "r": ""}]


def test_with_a_port_that_is_not_read_pushes_are_dropped_and_nothing_grows(bench):
    bench.hal.tx_room = 0
    pushes = [{"n": n, "x": "y" * 80} for n in range(100)]
    sent = [bench.server.push("sample", write_all(params)) for params in pushes]
    bodies = [b'{"n":"sample","p":{"n":%d,"x":"%s"}}' % (n, b"y" * 80) for n in range(100)]
    sizes = list(accumulate(len(frames.encode(body)) for body in bodies))
    assert sent == [size <= TX_BYTES for size in sizes]
    bench.hal.rx += request(1) * 50
    for _ in range(1000):
        assert not bench.server.poll(SPARE_MS)
    assert not bench.server.push("sample", write_all(pushes[0]))
    assert (bench.asked, len(bench.hal.tx), bench.server.is_idle()) == ([], 0, False)
    bench.hal.tx_room = -1
    bench.poll()
    reported = bench.reported()
    pushed = [x["p"]["n"] for x in reported if "n" in x]
    assert pushed == list(range(sent.count(True)))
    assert reported[len(pushed) :] == [{"i": 1, "r": ""}] * 50
    assert len(bench.asked) == 1


def test_a_slow_port_gets_an_answer_byte_by_byte(bench):
    bench.hal.rx += request(1, size=300)
    for _ in range(400):
        bench.hal.tx_room = 1
        bench.server.poll(SPARE_MS)
    assert bench.reported() == [{"i": 1, "r": "x" * 300}]


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
    assert not bench.server.is_idle()
    bench.server.poll(SPARE_MS)
    assert len(bench.asked) == 1
    bench.poll()
    assert len(bench.asked) == 2


def test_an_idle_server_reports_that_nothing_was_done(bench):
    assert not bench.server.poll(SPARE_MS)
    assert bench.server.is_idle()


def test_a_host_counts_as_silent_after_100_slices(bench):
    assert not bench.server.is_talking()
    bench.ask(request(1))
    for _ in range(QUIET_SLICES - 1):
        assert bench.server.is_talking()
        bench.server.poll(SPARE_MS)
    assert not bench.server.is_talking()


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
    bench.hal.rx += request(1).replace(b"m", b"n", 1) + b"@" + b"x" * 500 + b"\n"
    for _ in range(30):
        bench.server.poll(0)
    assert [x["e"][0] for x in bench.reported()] == ["bad_crc", "too_long"]


# ---- repeated requests, reused ids, lines with an echo


def test_a_repeated_id_gets_the_same_answer_and_acts_once(bench):
    first = bench.ask(request(7, "a"))
    assert bench.ask(request(7, "a"), request(7, "a")) == first * 2
    assert bench.ask(request(8, "b")) == [{"i": 8, "r": ""}]
    assert [m for m, _ in bench.asked] == ["a", "b"]


@pytest.mark.parametrize("other", [request(7, "b", n=1), request(7, "a", n=2), request(7, "a")])
def test_the_id_of_the_last_request_with_another_body_is_a_new_request(bench, other):
    bench.ask(request(7, "a", n=1))
    assert bench.ask(other) == [{"i": 7, "r": ""}]
    assert len(bench.asked) == 2
    assert bench.ask(request(7, "a", n=1)) == [{"i": 7, "r": ""}]
    assert bench.asked[2] == ("a", {"n": 1})


def test_a_repeated_method_that_only_reduces_light_is_executed_again():
    lit = [True]
    acts = []

    def handle(method, params):
        acts.append(method)
        if not lit[0]:
            raise Refused("not_now", "not while idle")
        lit[0] = False
        return "dark"

    bench = Bench(handle, ("stop",))
    stop = request(1, "stop")
    assert bench.ask(stop) == [{"i": 1, "r": "dark"}]
    lit[0] = True  # by the button, and a host that has restarted begins with the same id
    assert bench.ask(stop) == [{"i": 1, "r": "dark"}]
    assert not lit[0]
    assert bench.ask(stop) == [{"i": 1, "r": "dark"}]  # an answer that was lost is sent again
    assert acts == ["stop"] * 3
    assert bench.ask(request(2, "stop")) == [{"i": 2, "e": ["not_now", "not while idle"]}]
    lit[0] = True
    assert bench.ask(request(2, "stop")) == [{"i": 2, "r": "dark"}]


REQUESTS = st.tuples(
    st.integers(1, 2),
    st.sampled_from(["a", "b", "no", "stop", "see", "put", "stream"]),
    st.integers(0, 1),
)


@given(st.lists(st.one_of(REQUESTS, st.none()), max_size=30))
def test_repetitions_are_distinguished_from_new_requests_as_in_the_model(script):  # H-56
    """None in the script repeats the request before it, or sends noise when there is none."""
    acts = []

    def handle(method, params):
        acts.append((method, params["n"]))
        if method == "no":
            raise Refused("bad_param", f"act {len(acts)}")
        if method == "stream":
            return Pushes(n=params["n"], result=f"act {len(acts)}")
        said = f"act {len(acts)}"
        if method == "put":
            return Upload(params["n"] + 1, lambda raw: said, HeapReserve(1))
        if method == "see":
            return lambda out: out.put("seen", said)
        return said

    bench = Bench(handle, ("stop",))
    last = answer = None
    wanted = []
    for entry in script:
        asked = entry or last
        if asked is None:
            assert bench.ask(b"noise\n") == []
            continue
        number, method, n = asked
        if asked != last or method in ("stop", "see"):
            wanted.append((method, n))
            said = f"act {len(wanted)}"
            answer = {"i": number, "r": {"seen": said} if method == "see" else said}
            if method == "no":
                answer = {"i": number, "e": ["bad_param", said]}
        last = asked
        behind = b"xx\n"[1 - n :] if method == "put" else b""
        reported = bench.ask(request(number, method, n=n) + behind)
        assert [t for t in reported if "n" not in t] == [answer]
        assert acts == wanted


BEGINNINGS = ['{"i":%d,', '{"i":%d, ', '{ "i":%d,', '{"i":0%d,', '{"i":%d.0,', '{"i":-%d,']
MIDDLES = [
    '"m":"see"}',
    '"m":"see","p":{}}',
    '"m":"see","p":{"n":1}}',
    '"m":"see","p":{"n":2}}',
    '"m":"see","p":{"n":1},"x":1}',
    '"m":"see","p":{"i":1}}',
    '"m":"see","p":{"n":"\\u0069"}}',
    '"m":"look","p":{"n":1}}',
    '"m":"see","i":7}',
    '"m":"see","\\u0069":7}',
    '"i":7,"m":"see"}',
    '"i":2,"m":"see","i":3}',
    '"m":"no"}',
    '"m":"see","p":1}',
    '"m":"see"',
    '"r":1}',
]


@pytest.mark.parametrize("middle", MIDDLES)
def test_a_request_that_came_before_is_what_parsing_it_again_gives(middle):
    """Requests whose answers are written are parsed once, whatever their ids."""
    acts = []

    def handle(method, params):
        acts.append((method, dict(params)))
        if method == "no":
            raise Refused("bad_param", "no")
        return lambda out: out.put("n", len(acts))

    bench = Bench(handle)
    last = None
    for number, beginning in product((7, 2, 7, 9, 10), BEGINNINGS):
        body = (beginning % number + middle).encode()
        wanted = parse(body)
        before = len(acts)
        reported = bench.ask(frames.encode(body))
        if not wanted:
            assert [x["e"][0] for x in reported] == ([] if wanted == () else ["bad_frame"])
            assert len(acts) == before
            continue
        found, method, params = wanted
        repeated = method == "no" and body == last
        assert acts[before:] == ([] if repeated else [(method, params)])
        answer = {"e": ["bad_param", "no"]} if method == "no" else {"r": {"n": before + 1}}
        assert reported == [{"i": found, **answer}]
        last = body


def test_a_request_that_comes_again_with_another_id_is_not_parsed_again():
    bench = Bench(lambda method, params: lambda out: out.put("n", params.get("n")))
    parsed = []
    with patch.object(server, "parse", lambda body: parsed.append(body) or parse(body)):
        for number in range(4):
            assert bench.ask(request(number, "a", n=1)) == [{"i": number, "r": {"n": 1}}]
            assert bench.ask(request(number, "b")) == [{"i": number, "r": {"n": None}}]
        assert len(parsed) == 2
        bench.ask(request(5, "a", n=2), request(6, "a", n=2), request(7, "b"), request(8, "a", n=1))
    assert [json.loads(body)["i"] for body in parsed] == [0, 0, 5, 8]


def test_a_request_that_came_before_and_is_refused_is_not_acted_on_twice():  # H-56
    """Its answer was written, then it was refused, and that answer is kept."""
    refuse = [False]
    acts = []

    def handle(method, params):
        acts.append(method)
        if refuse[0]:
            raise Refused("bad_param", "no")
        return lambda out: out.put("n", 1)

    bench = Bench(handle)
    assert bench.ask(request(1, "a")) == [{"i": 1, "r": {"n": 1}}]
    refuse[0] = True
    refusal = {"i": 2, "e": ["bad_param", "no"]}
    assert bench.ask(request(2, "a"), request(2, "a")) == [refusal, refusal]
    assert acts == ["a", "a"]


def test_a_repeated_request_whose_handler_raised_is_executed():
    broken = [True]

    def handle(method, params):
        if broken[0]:
            raise RuntimeError("broken")
        return "done"

    bench = Bench(handle)
    with pytest.raises(RuntimeError):
        bench.ask(request(1))
    broken[0] = False
    assert bench.ask(request(1)) == [{"i": 1, "r": "done"}]


# ---- a line with an echo


@pytest.mark.parametrize(
    "body",
    [
        b'{"i":null,"e":["bad_frame","no"]}',
        b'{"i":3,"e":["not_now","no"]}',
        b'{"i":3,"r":{"m":1}}',
        b'{"i":3,"r":null}',
        b'{"n":"sample","p":{}}',
    ],
)
def test_lines_that_only_a_wrap_sends_are_not_answered(bench, body):
    assert bench.ask(frames.encode(body)) == []
    assert bench.ask(request(1)) == [{"i": 1, "r": ""}]


@given(st.binary(max_size=80), st.sampled_from(["", "cut", "bare"]))
def test_one_stray_line_on_a_line_with_an_echo_causes_few_answers(stray, damage):  # H-57
    """damage: the echo has no stars (cut), or no start of the JSON (bare)."""
    bench = Bench()
    bench.hal.rx += stray + b"\n" + request(1, size=300) + b"@x*00000000\n"
    lines = 0
    for _ in range(3000):
        bench.server.poll(SPARE_MS)
        out, bench.hal.tx = bytes(bench.hal.tx), bytearray()
        lines += out.count(b"\n")
        if damage == "cut":
            out = out.replace(b"*", b"")
        if damage == "bare":
            out = out.replace(b'{"', b"")
        bench.hal.rx += out
    assert lines <= 2 * MOST_WRONG + 1
    assert bench.server.is_idle()


def test_wrong_lines_are_answered_again_after_a_request(bench):
    wrong = b"@x*00000000\n"
    for _ in range(2):
        assert len(bench.ask(wrong * 40)) == MOST_WRONG
        assert bench.ask(request(1)) == [{"i": 1, "r": ""}]


def test_a_refusal_is_repeated_too(bench):
    refused = [{"i": 1, "e": ["bad_param", "no"]}]
    assert bench.ask(request(1, "no")) == bench.ask(request(1, "no")) == refused
    assert len(bench.asked) == 1


# ---- streams: raw bytes out and in, alone on the line


def test_a_stream_sends_its_pushes_and_then_its_answer(bench):
    parts = [{"n": "part", "p": n} for n in (2, 1, 0)]
    assert bench.ask(request(1, "stream", n=3)) == [*parts, {"i": 1, "r": "over"}]
    assert bench.ask(request(1, "stream", n=3)) == [{"i": 1, "r": "over"}]
    assert bench.ask(request(2, "stream", n=0)) == [{"i": 2, "r": "over"}]
    assert bench.server.is_idle()


def test_a_stream_that_is_refused_answers_with_the_error(bench):
    reported = bench.ask(request(1, "stream", n=1, refuse=True))
    assert reported == [{"n": "part", "p": 0}, {"i": 1, "e": ["bad_param", "half way"]}]
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
    while bench.server.is_idle():
        bench.server.poll(SPARE_MS)
    while not bench.server.is_idle():
        bench.hal.tx_room = 40
        bench.server.poll(SPARE_MS)
        if bench.server.push("sample", write_all({})):
            break
    bench.hal.tx_room = -1
    bench.poll()
    reported = (
        frames.encode(b'{"n":"part","p":0}') + b"x" * 600 + frames.encode(b'{"i":1,"r":"over"}')
    )
    assert bytes(bench.hal.tx) == reported + frames.encode(b'{"n":"sample","p":{}}')


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
    assert bench.reported() == [{"i": 1, "r": body[:size]}, {"i": 2, "r": ""}]


def test_an_upload_that_stops_ends_and_the_next_request_is_read(bench):
    bench.hal.rx += request(1, "put", size=50) + b"half"
    for _ in range(MOST_QUIET + 20):
        bench.server.poll(SPARE_MS)
    assert bench.reported() == [{"i": 1, "e": ["not_now", "only 4 of 50 bytes came"]}]
    assert bench.ask(request(2)) == [{"i": 2, "r": ""}]


def test_a_repeated_upload_acts_once_and_its_bytes_are_noise(bench):
    line = request(1, "put", size=5) + b"bytes\n"
    assert bench.ask(line) == bench.ask(line) == [{"i": 1, "r": "bytes"}]
    assert len(bench.asked) == 1
    assert bench.ask(request(1, "put", size=4) + b"more\n") == [{"i": 1, "r": "more"}]


def test_a_request_is_not_read_while_a_stream_is_sent(bench):
    bench.hal.rx += request(1, "stream", n=2) + request(2)
    bench.poll()
    assert [x.get("i") for x in bench.reported()] == [None, None, 1, 2]


def test_a_stream_waits_for_time_for_at_most_20_slices(bench):
    bench.hal.rx += request(1, "stream", n=1)
    assert [bench.server.poll(SPARE_MS) for _ in range(3)] == [True] * 3  # read, take, act
    assert polls(bench, STEP_MS - 1) == [False] * MOST_WAITS + [True]


def test_a_result_that_is_a_function_writes_its_fields_and_is_not_kept():
    """Its answer is not stored for a repetition, which is executed: such a method only reads."""
    bench = Bench(lambda method, params: write_all({"a": bench.count(), "b": [None, "x"]}))
    line = request(5)
    assert bench.ask(line, line) == [{"i": 5, "r": {"a": n, "b": [None, "x"]}} for n in (1, 2)]


def test_fields_that_are_too_long_for_an_answer_are_refused():
    """As a dictionary that is too long is; the next request is answered."""
    sizes = [2100, 3000, 2]
    bench = Bench(lambda method, params: write_all({"a": "x" * sizes.pop(0)}))
    reported = bench.ask(*[request(n) for n in range(3)])
    too_long = ["internal", "the answer is too long"]
    assert reported == [
        {"i": 0, "e": too_long},
        {"i": 1, "e": too_long},
        {"i": 2, "r": {"a": "xx"}},
    ]


@pytest.mark.parametrize("result", [None, {"a": 1}, lambda out: out.put("a", {"b": 1})])
def test_an_answer_for_which_the_heap_has_no_room_says_that_it_is_done(result, monkeypatch):
    """The error's own JSON is short. `PlainWriter` leaves what is not plain to `dumps` as well."""

    def make(obj):
        if "e" not in obj:
            raise MemoryError
        return plain(obj)

    bench = Bench(lambda method, params: result)
    plain = server.dumps
    monkeypatch.setattr(server, "dumps", make)
    # Private: `_writer`, since its `_dumps` was bound earlier.
    monkeypatch.setattr(bench.server._writer, "_dumps", make)
    (answer,) = bench.ask(request(1))
    assert answer["e"] == ["memory", "done, but the wrap has too little memory for the answer"]
    monkeypatch.undo()
    assert "r" in bench.ask(request(2))[0]


def test_a_request_that_the_heap_has_no_room_to_keep_is_answered_all_the_same(monkeypatch):
    def fail(*args):
        raise MemoryError

    bench = Bench(lambda method, params: write_all({"n": bench.count()}))
    monkeypatch.setattr(bench.server, "_keep_tail", fail)
    assert bench.ask(request(1), request(2)) == [{"i": 1, "r": {"n": 1}}, {"i": 2, "r": {"n": 2}}]
