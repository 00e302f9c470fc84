"""A wrap that answers rubbish in true frames: what fuzzing has found (docs/fuzzing.md)."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from pbmwrap.device.answers import parse_answer
from pbmwrap.device.client import Client
from pbmwrap.device.models import CourseInfo, Hello, SiteCourse, Slot, Slots
from pbmwrap.device.transport import Transport
from pbmwrap.errors import DeviceError, LinkLost, VerifyFailed
from pbmwrap.logs.clock import make_clock
from pbmwrap.logs.decode import decode
from pbmwrap.logs.summary import WrapInfo, summarize_sessions
from tests.host.log_maker import LogMaker
from tests.host.scripted_wrap import ScriptedWrap
from wrap.link import frames
from wrap.rules import states
from wrap.storage import payloads, records

CALLS: dict[str, Callable[[Client], Any]] = {
    "hello": Client.hello,
    "clock.set": lambda c: c.set_clock(1),
    "cal.get": Client.calibrations,
    "proto.get": lambda c: c.read_protocol(0),
    "proto.delete": lambda c: c.delete(0),
    "session.start": Client.start,
    "session.stop": Client.stop,
    "lease": Client.lease,
    "log.open": Client.pull_log,
    "fault.ack": Client.ack_fault,
}
ANY_TABLE: dict[str, Callable[[Client], Any]] = {
    "settings.get": Client.settings,
    "settings.set": lambda c: c.set_setting("k", 1),
    "proto.put": lambda c: c.flash_protocol(0, b""),
}


class Parrot(Transport):
    """Answers each request with the same text, its id put in; `before` goes ahead of it."""

    name = "parrot"

    def __init__(self, text: str, before: str = "") -> None:
        self._texts = [t for t in (before, text) if t]
        self._out = b""
        self._now = 0.0

    def open(self) -> None: ...

    def close(self) -> None: ...

    def write(self, data: bytes, timeout_s: float = 3.0) -> None:
        found = re.search(rb'"i":(\d+)', data)
        assert found
        for text in self._texts:
            self._out += frames.encode(text.replace("ID", found[1].decode()).encode())

    def read(self, timeout_s: float) -> bytes:
        out, self._out = self._out, b""
        self._now += 0.01 if out else timeout_s
        return out

    def monotonic(self) -> float:
        return self._now


def client(text: str, before: str = "") -> Client:
    return Client(Parrot(text, before), answer_s=0.1, attempts=2)


HELLO = ScriptedWrap().hello


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"link": "1"}, "link is not a whole number"),
        ({"uptime_s": True}, "uptime_s is not a whole number"),
        ({"uptime_s": 1.5}, "uptime_s is not a whole number"),
        ({"fw": None}, "fw is not text"),
        ({"frozen": "yes"}, "frozen is not true or false"),
        ({"channels": 5}, "channels is not a list"),
        ({"channels": [["red", 660], ["nir"]]}, "channels.1 has 1 values, not 2"),
        ({"channels": [["red", "660"]]}, "channels.0.1 is not a whole number"),
        ({"worst_uw": [1, None]}, "worst_uw.1 is not a whole number"),
        ({"slot": 3}, "slot is not text"),
    ],
)
def test_a_field_of_another_kind_is_named(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(LinkLost, match=f"not as expected: {why}; "):
        parse_answer(Hello, HELLO | changes)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(LinkLost, match="not as expected: boot is missing"):
        parse_answer(Hello, {key: value for key, value in HELLO.items() if key != "boot"})


def test_an_answer_of_a_newer_wrap_is_taken() -> None:
    taken = parse_answer(Hello, HELLO | {"colour": "blue", "fell": None})
    assert taken == parse_answer(Hello, HELLO)
    assert taken.channels[0] == tuple(HELLO["channels"][0])


def test_parts_of_an_answer_are_models_and_numbers_below_0_are_none() -> None:
    parts = {"slots": [None, {"id": "a"}], "active": -1}
    assert parse_answer(Slots, parts) == Slots(active=None, slots=[None, Slot(id="a")])
    sites = {"*": {"day": 1}}
    assert parse_answer(CourseInfo, {"age_s": 1, "sites": sites}).sites == {"*": SiteCourse(day=1)}
    with pytest.raises(LinkLost, match=re.escape("sites.*.day is not a whole number")):
        parse_answer(CourseInfo, {"age_s": 1, "sites": {"*": {"day": "1"}}})


@pytest.mark.parametrize("result", ["null", "5", "[1]", '{"active":"x","o":1.5,"d":7}', '"text"'])
@pytest.mark.parametrize("method", CALLS)
def test_a_result_of_another_shape_is_a_lost_link(method: str, result: str) -> None:
    with pytest.raises(LinkLost, match="the wrap's answer is not as expected: "):
        CALLS[method](client('{"i":ID,"r":%s}' % result))  # noqa: UP031


@pytest.mark.parametrize("result", ["null", "5", "[1]", '"text"'])
@pytest.mark.parametrize("method", ANY_TABLE)
def test_a_result_that_is_no_table_is_a_lost_link(method: str, result: str) -> None:
    with pytest.raises(
        LinkLost, match="the wrap's answer is not as expected: it is not of type dict"
    ):
        ANY_TABLE[method](client('{"i":ID,"r":%s}' % result))  # noqa: UP031


@pytest.mark.parametrize(
    "text",
    [
        '{"i":ID,"e":[[],{}]}',
        '{"i":ID,"e":["not_now",5]}',
        '{"i":ID,"e":["not_now"]}',
        '{"i":null,"r":1,"e":5}',
        "[" * 2000,
        '{"i":ID,"r":' + "[" * 1900,
    ],
)
def test_what_is_no_answer_is_none(text: str) -> None:
    with pytest.raises(LinkLost, match="does not answer state"):
        client(text).call("state")


def test_a_refusal_is_reported_on_one_line() -> None:
    with pytest.raises(DeviceError) as refusal:
        client(
            json.dumps({"i": "ID", "e": ["a\nb", "\x1b[31m\ud800"]}).replace('"ID"', "ID")
        ).stop()
    assert str(refusal.value) == "the wrap refused session.stop: ?[31m?"
    assert refusal.value.code == "a?b"


def test_names_in_a_bad_answer_are_reported_on_one_line() -> None:
    with pytest.raises(LinkLost) as lost:
        client('{"i":ID,"r":{"age_s":1,"sites":{"a\\nb":5}}}').course()
    assert "\n" not in str(lost.value) and "sites.a?b" in str(lost.value)


@pytest.mark.parametrize(
    "push",
    [
        *("5", '"x"', "[]", '{"o":[]}', "{}", '{"o":null,"size":0}', '{"o":0,"size":65537}'),
        *('{"o":0,"size":"9"}', '{"o":0,"size":true}', '{"o":0,"size":9}', '{"o":0,"size":-1}'),
    ],
)
def test_what_announces_no_window_is_taken_for_none(push: str) -> None:
    """Or, where it announces one that does not come, takes the answer for it."""
    before = '{"n":"raw","p":%s}' % push  # noqa: UP031
    with pytest.raises(LinkLost, match=r"do not arrive complete|does not answer"):
        client('{"i":ID,"r":{"o":0,"end":9,"sha":""}}', before).pull_log()


@pytest.mark.parametrize("at", ["1", "null", "[]"])
def test_a_window_from_elsewhere_is_not_taken(at: str) -> None:
    line = frames.encode(b'{"i":ID,"r":{"o":0,"end":9,"sha":""}}')
    before = '{"n":"raw","p":{"o":%s,"size":%d}}' % (at, len(line))  # noqa: UP031
    answer = '{"i":ID,"r":{"o":0,"end":9,"sha":""}}'
    with pytest.raises(LinkLost, match=r"do not arrive complete|does not answer"):
        client(answer, before).pull_log()


def test_a_protocol_without_an_end_is_given_up() -> None:
    wrap = client("")
    sizes = itertools.count(480, 480)
    piece = {"size": 1 << 40, "d": "QUJD" * 160}
    wrap.link.call = lambda *_: {**piece, "o": next(sizes) - 480}  # type: ignore[method-assign]
    with pytest.raises(VerifyFailed, match="could not be read to its end"):
        wrap.read_protocol(0)


@pytest.mark.parametrize("kept", [b"[5]", b"7", b"{", b'{"a":1}'])
def test_calibrations_of_another_shape_say_nothing(kept: bytes) -> None:
    log = LogMaker()
    log.power_on()
    names = [log.blob(raw) for raw in (b"{}", kept)]
    log.add(records.START, payloads.pack_start(1, "link", *names, 0))
    log.state(1, states.IDLE, states.SELF_TEST)
    decoded = decode(log.raw)
    (session,) = summarize_sessions(decoded, make_clock(decoded), WrapInfo("u1"))
    assert (session.calibrations, session.started_by) == ((), "link")
