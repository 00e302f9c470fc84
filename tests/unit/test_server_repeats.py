"""The link server: repetitions, used ids, lines that echo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.server_bench import ROOM_MS, Bench, Pushes, request
from wrap.errors import Refused
from wrap.link import frames
from wrap.link.server import _WRONG
from wrap.link.transfer import Upload


@pytest.fixture
def bench():
    return Bench()


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


def test_a_method_that_only_darkens_is_acted_on_again_when_it_is_repeated():
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
    st.sampled_from(["a", "b", "no", "stop", "put", "stream"]),
    st.integers(0, 1),
)


@given(st.lists(st.one_of(REQUESTS, st.none()), max_size=30))
def test_repetitions_are_told_from_new_requests_as_the_model_does(script):  # H-56
    """None in the script: the request before it, as it was, or noise when there is none."""
    acts = []

    def handle(method, params):
        acts.append((method, params["n"]))
        if method == "no":
            raise Refused("bad_param", f"act {len(acts)}")
        if method == "stream":
            return Pushes(n=params["n"], result=f"act {len(acts)}")
        if method == "put":
            said = f"act {len(acts)}"
            return Upload(params["n"] + 1, lambda raw: said)
        return f"act {len(acts)}"

    bench = Bench(handle, ("stop",))
    last = answer = None
    wanted = []
    for entry in script:
        asked = entry or last
        if asked is None:
            assert bench.ask(b"noise\n") == []
            continue
        number, method, n = asked
        if asked != last or method == "stop":
            wanted.append((method, n))
            said = f"act {len(wanted)}"
            answer = {"i": number, "r": said}
            if method == "no":
                answer = {"i": number, "e": ["bad_param", said]}
        last = asked
        behind = b"xx\n"[1 - n :] if method == "put" else b""
        told = bench.ask(request(number, method, n=n) + behind)
        assert [t for t in told if "n" not in t] == [answer]
        assert acts == wanted


def test_a_request_whose_handler_breaks_is_acted_on_when_it_is_repeated():
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


# ---- a line that echoes


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
def test_what_a_wrap_says_itself_is_not_answered(bench, body):
    assert bench.ask(frames.encode(body)) == []
    assert bench.ask(request(1)) == [{"i": 1, "r": ""}]


@given(st.binary(max_size=80), st.sampled_from(["", "cut", "bare"]))
def test_one_stray_line_on_a_line_that_echoes_brings_few_answers(stray, damage):  # H-57
    """`damage`: the line gives back what the wrap sends cut off, or without its line's begin."""
    bench = Bench()
    bench.hal.rx += stray + b"\n" + request(1, size=300) + b"@x*00000000\n"
    lines = 0
    for _ in range(3000):
        bench.server.poll(ROOM_MS)
        out, bench.hal.tx = bytes(bench.hal.tx), bytearray()
        lines += out.count(b"\n")
        if damage == "cut":
            out = out.replace(b"*", b"")
        if damage == "bare":
            out = out.replace(b'{"', b"")
        bench.hal.rx += out
    assert lines <= 2 * _WRONG + 1
    assert bench.server.idle()


def test_wrong_lines_are_answered_again_after_a_request(bench):
    wrong = b"@x*00000000\n"
    for _ in range(2):
        assert len(bench.ask(wrong * 40)) == _WRONG
        assert bench.ask(request(1)) == [{"i": 1, "r": ""}]


def test_a_refusal_is_repeated_too(bench):
    refused = [{"i": 1, "e": ["bad_param", "no"]}]
    assert bench.ask(request(1, "no")) == bench.ask(request(1, "no")) == refused
    assert len(bench.asked) == 1
