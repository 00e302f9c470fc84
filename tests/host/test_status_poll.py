"""What programs that watch a wrap ask it for, and how often: in a session next to nothing, so that
its garbage needs no collection (docs/benchmarks.md). In virtual time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.device.client import Client
from pbmwrap.device.status_poll import (
    SESSION_STATUS_S,
    STATUS_S,
    TELEMETRY_LEASE_MS,
    StatusPoll,
    estimate_wake_due_s,
    merge_sample,
)
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.tui.watcher import Clock, Watcher
from pbmwrap.twin.sim import SimTwin
from pbmwrap.web import hub as hub_module
from pbmwrap.web.hub import LISTEN_S, Hub
from tests.host.test_browser_engine import Page

SECONDS = 900
MINUTE_S = 60
WAKE_S = 70  # more than two requests for the status apart
SETTLED_S = 10  # the session runs, and what was to be read at its beginning has been read
PROTOCOL = {
    "v": 1,
    "id": "watched",
    "name": "Watched",
    "site": "calf-left",
    "ramp": 500,
    "steps": [{"t": SECONDS, "ch": {"red": [100], "nir": [100]}}],
}


class Spied(TwinTransport):
    """A port that counts requests by method."""

    def __init__(self, twin: SimTwin) -> None:
        super().__init__(twin)
        self.methods: Counter[str] = Counter()

    def write(self, data: bytes, timeout_s: float = 3.0) -> None:
        self.methods.update(list_methods(data))
        super().write(data, timeout_s)


def list_methods(sent: bytes) -> list[str]:
    lines = [line.strip() for line in sent.split(b"\n")]
    return [json.loads(line[1:-9])["m"] for line in lines if line.startswith(b"@{")]


@pytest.fixture
def twin() -> Iterator[SimTwin]:
    twin = SimTwin()
    twin.start()
    twin.advance_ms(500)
    yield twin
    twin.close()


def start_session(twin: SimTwin) -> Client:
    client = Client(TwinTransport(twin))
    client.flash_protocol(0, json.dumps(PROTOCOL, sort_keys=True, separators=(",", ":")).encode())
    client.activate(0)
    client.start()
    return client


class OnPage:
    """The page that needs no server."""

    def __init__(self, twin: SimTwin) -> None:
        self.page = Page(twin)

    def watch(self, seconds: int) -> Counter[str]:
        self.page.sent = b""
        self.page.run(1000 * seconds)
        return Counter(list_methods(self.page.sent))

    def statuses(self) -> list[dict[str, Any]]:
        return self.page.of("status")


class OnServer:
    """The server's thread, one turn after the other."""

    def __init__(self, twin: SimTwin, monkeypatch: pytest.MonkeyPatch) -> None:
        self._twin = twin
        clock = SimpleNamespace(
            monotonic=lambda: twin.now_ms / 1000, time=lambda: 1_795_000_000 + twin.now_ms / 1000
        )
        monkeypatch.setattr(hub_module, "time", clock)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._port = Spied(twin)
        self._client = Client(self._port)
        self._hub = Hub(
            "sim:",
            lambda: (self._client, self._client.hello()),
            lambda name, data: self.events.append((name, data)),
            lambda: None,
        )

    def watch(self, seconds: int) -> Counter[str]:
        """Private: `_ask_what_is_due`, `_take_push`, since the hub's thread waits in wall time."""
        self._port.methods.clear()
        end_ms = self._twin.now_ms + 1000 * seconds
        while self._twin.now_ms < end_ms:
            self._hub._ask_what_is_due(self._client)
            self._client.link.listen(LISTEN_S, self._hub._take_push)
        return self._port.methods

    def statuses(self) -> list[dict[str, Any]]:
        return [data for name, data in self.events if name == "status"]


class OnMonitor:
    """`pbmwrap monitor`."""

    def __init__(self, twin: SimTwin) -> None:
        self._twin = twin
        self._port = Spied(twin)
        client = Client(self._port)
        clock = Clock(lambda: twin.now_ms / 1000, lambda s: twin.advance_ms(round(1000 * s)))
        self._watcher = Watcher(
            client, client.hello(), lambda: (client, client.hello()), 1000, clock
        )
        self._seen: list[dict[str, Any]] = []
        self._watcher.changed = lambda: self._seen.append(vars(self._watcher.picture.status))

    def watch(self, seconds: int) -> Counter[str]:
        self._port.methods.clear()
        end_ms = self._twin.now_ms + 1000 * seconds
        self._watcher.follow(lambda: self._twin.now_ms >= end_ms)
        return self._port.methods

    def statuses(self) -> list[dict[str, Any]]:
        return self._seen


Program = OnPage | OnServer | OnMonitor


@pytest.fixture(params=["page", "server", "monitor"])
def program(
    request: pytest.FixtureRequest, twin: SimTwin, monkeypatch: pytest.MonkeyPatch
) -> Program:
    makers: dict[str, Callable[[], Program]] = {
        "page": lambda: OnPage(twin),
        "server": lambda: OnServer(twin, monkeypatch),
        "monitor": lambda: OnMonitor(twin),
    }
    return makers[request.param]()


def test_in_a_session_a_program_asks_four_requests_a_minute(
    program: Program, twin: SimTwin
) -> None:
    program.watch(2)
    start_session(twin)
    program.watch(SETTLED_S)
    asked = program.watch(4 * MINUTE_S)
    # An end of the monitor's watching ends its telemetry, and the next one begins it.
    begun_and_ended = 2 if isinstance(program, OnMonitor) else 0
    assert 7 <= asked["status"] <= 8
    assert 7 <= asked["telemetry"] - begun_and_ended <= 8
    assert set(asked) == {"status", "telemetry"}


def test_without_a_session_the_status_is_asked_for_every_second(program: Program) -> None:
    program.watch(5)
    assert 28 <= program.watch(30)["status"] <= 31


def test_a_status_is_shown_every_second_and_counts_down_to_the_wake_question(
    program: Program, twin: SimTwin
) -> None:
    """And then the seconds left to answer it, as the wrap itself would say."""
    Client(TwinTransport(twin)).set_setting("wake_s", WAKE_S)
    client = start_session(twin)
    waited_for_answer = differed = 0
    for _ in range(WAKE_S // 5 + 4):
        program.watch(5)
        shown, now = program.statuses()[-1], client.call("status")
        if shown["wake_waiting"] != now["wake_waiting"]:
            differed += 1  # asked since the last sample
            continue
        assert abs(shown["wake_due_s"] - now["wake_due_s"]) <= 2
        assert abs(shown["active_ms"] - now["active_ms"]) <= 1300
        waited_for_answer += now["wake_waiting"]
    assert waited_for_answer >= 2 and differed <= 1
    assert len(program.statuses()) >= 0.8 * WAKE_S
    client.answer_wake()
    asked = program.watch(5)
    assert asked["status"] == 1
    assert WAKE_S - 10 < program.statuses()[-1]["wake_due_s"] <= WAKE_S


def test_a_wrap_that_starts_again_is_watched_again(program: Program, twin: SimTwin) -> None:
    """Its telemetry has ended with the start, 55 s before it would be renewed."""
    start_session(twin)
    program.watch(SETTLED_S)
    twin.power_off()
    twin.start()
    before = len(program.statuses())
    program.watch(8)
    shown = program.statuses()[before:]
    assert shown[-1]["state"] in ("idle", "done")
    assert len(shown) >= 3


# ---- the rules


def make_sample(**changes: Any) -> dict[str, Any]:
    return {"state": "running", "active_ms": 5000, "wake_waiting": False, "warnings": [], **changes}


def settle(sample: dict[str, Any]) -> StatusPoll:
    poll = StatusPoll()
    assert poll.is_due(0) and poll.is_silent(0)
    poll.note_sample(sample, 0, 250)
    poll.note_asked(0)
    return poll


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"active_ms": 5250}, False),
        ({"state": "paused"}, True),
        ({"wake_waiting": True}, True),
        ({"warnings": ["covered"]}, True),
        ({"warn": True}, True),
        ({"hidden": True}, True),
        ({"active_ms": 0}, True),
    ],
)
def test_a_sample_with_a_sign_asks_for_the_status_at_once(
    changes: dict[str, Any], due: bool
) -> None:
    poll = settle(make_sample())
    poll.note_sample(make_sample(**changes), 0.25, 250)
    assert poll.is_due(0.25) == due


def test_while_samples_stay_out_the_status_is_asked_for_every_second() -> None:
    poll = settle(make_sample())
    assert not poll.is_due(1.4) and not poll.is_silent(1.4)
    assert poll.is_due(1.5) and poll.is_silent(1.5)
    poll.note_asked(1.5)
    assert not poll.is_due(1.5 + STATUS_S - 0.1)
    assert poll.is_due(1.5 + STATUS_S)


@pytest.mark.parametrize(("speed", "wait_s"), [(1, SESSION_STATUS_S), (10, 3), (60, STATUS_S)])
def test_a_wrap_whose_time_runs_faster_is_asked_as_often_in_its_time(
    speed: int, wait_s: float
) -> None:
    poll = settle(make_sample())
    for tenth in range(10 * int(wait_s)):
        assert not poll.is_due(tenth / 10, speed)
        poll.note_sample(make_sample(active_ms=5000 + tenth), tenth / 10, 250)
    assert poll.is_due(wait_s, speed)


@given(st.integers(0, 600), st.integers(0, 600_000), st.integers(0, 600_000))
def test_the_wake_question_is_counted_down(due_s: int, active_ms: int, passed_ms: int) -> None:
    status = {"wake_due_s": due_s, **make_sample(active_ms=active_ms)}
    paused = make_sample(active_ms=active_ms, state="paused")
    later = make_sample(active_ms=active_ms + passed_ms)
    waiting = make_sample(active_ms=active_ms, wake_waiting=True)
    passed_s = passed_ms / 1000
    left_s = max(0, due_s - passed_ms // 1000)
    assert estimate_wake_due_s(status, later, 0) == left_s
    assert estimate_wake_due_s(status, paused, passed_s) == due_s
    assert estimate_wake_due_s(status, waiting, passed_s) is None
    assert estimate_wake_due_s({**waiting, "wake_due_s": due_s}, waiting, passed_s) == left_s
    assert estimate_wake_due_s({**waiting, "wake_due_s": due_s}, later, passed_s) is None
    hidden = {"hidden": True, "active_ms": 0}
    assert estimate_wake_due_s(status, {**later, **hidden}, passed_s) == left_s
    assert estimate_wake_due_s(status, {**paused, **hidden}, passed_s) == due_s
    assert estimate_wake_due_s({"wake_due_s": None}, later, passed_s) is None


def test_a_sample_is_put_into_the_status() -> None:
    status = {
        **make_sample(hidden=True),
        "session": 4,
        "uptime_s": 100,
        "unix_s": None,
        "wake_due_s": 9,
    }
    assert merge_sample(status, make_sample(active_ms=6000), 1.9) == {
        **make_sample(active_ms=6000),
        "session": 4,
        "uptime_s": 101,
        "unix_s": None,
        "wake_due_s": 8,
    }
    assert merge_sample({**status, "unix_s": 1_800_000_000}, {}, 2)["unix_s"] == 1_800_000_002


def test_the_lease_is_the_longest_that_a_wrap_grants(twin: SimTwin) -> None:
    client = Client(TwinTransport(twin))
    assert client.call("telemetry", {"every_ms": 0, "ms": TELEMETRY_LEASE_MS}) == {"every_ms": 0}
    with pytest.raises(Exception, match="ms must be a whole number from 1 to 60000"):
        client.call("telemetry", {"every_ms": 0, "ms": TELEMETRY_LEASE_MS + 1})
