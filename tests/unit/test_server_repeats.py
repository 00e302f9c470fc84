"""The link server: repeated requests, reused ids, lines with an echo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.server_bench import SPARE_MS, Bench, Pushes, request
from wrap.errors import Refused
from wrap.link import frames
from wrap.link.transfer import Upload

MOST_WRONG = 32  # wrong lines answered in a row


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
    st.sampled_from(["a", "b", "no", "stop", "put", "stream"]),
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
    assert bench.server.idle()


def test_wrong_lines_are_answered_again_after_a_request(bench):
    wrong = b"@x*00000000\n"
    for _ in range(2):
        assert len(bench.ask(wrong * 40)) == MOST_WRONG
        assert bench.ask(request(1)) == [{"i": 1, "r": ""}]


def test_a_refusal_is_repeated_too(bench):
    refused = [{"i": 1, "e": ["bad_param", "no"]}]
    assert bench.ask(request(1, "no")) == bench.ask(request(1, "no")) == refused
    assert len(bench.asked) == 1
