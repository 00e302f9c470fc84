"""A session that a host watches: what the image allocates does not reach a collection."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.device.status_poll import SESSION_STATUS_S
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import WrapError
from pbmwrap.facts import board_facts
from pbmwrap.tui.watcher import Clock, Watcher
from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.web.browser.engine import Engine
from tests.emulator import bounds
from tests.emulator.conftest import built
from tools.bench.copies import in_a_copy
from wrap.rules import limits

UTC_S = 1_800_000_000
PUMP_MS = 50  # between two looks of the page at its port
RECORD_S = 36  # between two SAMPLE records
COLLECT_BYTES = 65536  # allocated bytes after which wrap/main_loop.py collects
MARGIN = 1.5
PAUSES = 3
COUNT = "import wrap_usb; print(wrap_usb.allocated())"
RISING_S = 5  # self-test and ramp

Between = Callable[[], object]


class Page:
    """The page, as it runs without a server."""

    def __init__(self, twin: Rp2040Twin) -> None:
        self.state, self.waiting = "", False
        self._twin = twin
        self._engine = Engine("USB", False, 7)

    def watch(self, end_s: float, between: Between) -> None:
        twin = self._twin
        while (now_s := twin.now_ms / 1000) < end_s:
            self._engine.pump(now_s, round(1000 * (UTC_S + now_s)), now_s, twin.read())
            sent = self._engine.take_output()
            assert twin.write(sent) == len(sent)
            for name, data in self._engine.take_events():
                if name == "sample":
                    self.state, self.waiting = data["state"], data["wake_waiting"]
            between()
            twin.advance_ms(PUMP_MS)

    def press(self, name: str) -> None:
        acts = {"pause": Client.pause, "resume": Client.resume, "awake": Client.answer_wake}
        self._engine.add_job(acts[name], lambda _: None, fail)


class Monitor:
    """`pbmwrap monitor`."""

    def __init__(self, twin: Rp2040Twin) -> None:
        self._twin = twin
        client = Client(TwinTransport(twin), first_id=9000)
        clock = Clock(lambda: twin.now_ms / 1000, lambda s: twin.advance_ms(round(1000 * s)))
        self._watcher = Watcher(client, client.hello(), find_again, 1000, clock)

    @property
    def state(self) -> str:
        return self._watcher.picture.status.state

    @property
    def waiting(self) -> bool:
        return self._watcher.picture.status.wake_waiting

    def watch(self, end_s: float, between: Between) -> None:
        def has_ended() -> bool:
            between()
            return self._twin.now_ms / 1000 >= end_s

        self._watcher.follow(has_ended)

    def press(self, name: str) -> None:
        self._watcher.request(name)


def fail(problem: WrapError) -> None:
    raise problem


def find_again() -> tuple[Client, Hello]:
    raise AssertionError("the wrap was lost")


class Session:
    """A watched session of `seconds`; its page or monitor was there before, and answers."""

    def __init__(self, program: type[Page | Monitor], seconds: int, wake_s: int) -> None:
        self.twin = Rp2040Twin(built("PBMWRAP_RP2040"))
        self.twin.start()
        self.twin.advance_ms(1000)
        client = Client(TwinTransport(self.twin), first_id=5000)
        client.set_clock(UTC_S)
        for name, *_ in board_facts().CHANNELS:
            client.set_calibration(name, 40_000, 50, 20260101, "bench")
        client.set_setting("wake_s", wake_s)
        client.flash_protocol(0, encode_protocol(seconds))
        client.activate(0)
        self._program = program(self.twin)
        self._program.watch(self.now_s + 1, lambda: None)
        client.start()
        self.answered = 0
        self.states: list[str] = []
        self._asked = False
        self.watch(RISING_S)
        assert self.state == "running"

    @property
    def now_s(self) -> float:
        return self.twin.now_ms / 1000

    @property
    def state(self) -> str:
        return self._program.state

    def watch(self, seconds: float) -> None:
        self._program.watch(self.now_s + seconds, self._answer)

    def count_after(self, *parts: tuple[str, float]) -> list[int]:
        """Watch without a break. For each part, press what it names, let its seconds pass, and note
        the state and the bytes allocated since the last collection."""
        seen: list[int] = []
        ends_s = list(itertools.accumulate((seconds for _, seconds in parts), initial=self.now_s))

        def between() -> None:
            self._answer()
            if len(seen) < len(parts) and self.now_s >= ends_s[len(seen) + 1]:
                seen.append(count_allocated(self.twin))
                self.states.append(self.state)
                self._press_part(parts, len(seen))

        self._press_part(parts, 0)
        self._program.watch(ends_s[-1] + 1, between)
        return seen

    def _press_part(self, parts: tuple[tuple[str, float], ...], n: int) -> None:
        if n < len(parts) and parts[n][0]:
            self.press(parts[n][0])

    def press(self, name: str) -> None:
        self._program.press(name)

    def _answer(self) -> None:
        waiting = self._program.waiting
        if waiting and not self._asked:
            self.press("awake")
            self.answered += 1
        self._asked = waiting


def count_allocated(twin: Rp2040Twin) -> int:
    """Return the bytes allocated since the last collection. The wrap goes on: the question is put
    in a copy of this process."""

    def run() -> str:
        counts = [int(twin.repl(COUNT)) for _ in range(2)]
        return str(2 * counts[0] - counts[1])  # without what the question itself allocates

    return int(in_a_copy(run))


def encode_protocol(seconds: int) -> bytes:
    steps = [{"t": seconds, "ch": {"red": [203], "nir": [397]}}]
    obj = {"v": 1, "id": "watched", "name": "Watched", "site": "calf-left", "steps": steps}
    return json.dumps({**obj, "ramp": 500}, sort_keys=True, separators=(",", ":")).encode()


def test_the_image_with_all_slots_in_use_is_not_collected_earlier() -> None:
    """wrap/main_loop.py collects after a quarter of the free heap where that is small."""
    twin = Rp2040Twin(built("PBMWRAP_RP2040"))
    twin.start()
    twin.advance_ms(1000)
    client = Client(TwinTransport(twin), first_id=5000)
    for slot in range(client.hello().slots):
        client.flash_protocol(slot, encode_protocol(60 + slot))
    twin.reset("power")
    twin.advance_ms(1000)
    seen = [count_allocated(twin)]
    while len(seen) < 2 or seen[-1] > seen[-2]:
        client.settings()
        client.log_info()
        seen.append(count_allocated(twin))
    twin.close()
    assert seen[-2] > 0.95 * COLLECT_BYTES


@pytest.mark.parametrize("program", [Page, Monitor])
def test_a_watched_session_is_far_from_a_collection(program: type[Page | Monitor]) -> None:
    """By what its beginning, the time between records, a wake question and a pause allocate."""
    session = Session(program, 120, 2 * RECORD_S + 3)
    seen = session.count_after(
        ("", RECORD_S + 1 - RISING_S),
        ("", RECORD_S),  # a record, a status and a renewal, all for a second time
        ("", 5),  # a question
        ("pause", 3),
        ("resume", 3),
    )
    states, answered = session.states, session.answered
    session.twin.close()
    assert states == ["running", "running", "running", "paused", "running"]
    assert answered == 1
    record, question, pause = seen[1] - seen[0], seen[2] - seen[1], seen[4] - seen[2]
    assert 0 < record < question < pause
    records, questions = limits.SESSION_HARD_S // RECORD_S, limits.SESSION_MAX_S // limits.WAKE_S
    statuses = limits.SESSION_HARD_S / SESSION_STATUS_S - records  # beyond one for each record
    allocated = seen[0] + records * record + questions * question + PAUSES * pause
    allocated += statuses * bounds.STATUS_BYTES
    print(allocated, seen[0], record, question, pause)
    assert allocated * MARGIN <= COLLECT_BYTES, (seen[0], record, question, pause)


@pytest.mark.slow
@pytest.mark.parametrize("program", [Page, Monitor])
def test_a_whole_session_that_is_watched_collects_no_garbage(
    program: type[Page | Monitor],
) -> None:
    """The longest light, with two pauses. What was allocated only grows: a collection would set it
    to 0."""
    session = Session(program, limits.SESSION_MAX_S, limits.WAKE_S)
    lit, pause = ("", 120), ("pause", limits.PAUSE_TIMEOUT_S - 60)
    resume = ("resume", 120)
    seen = session.count_after(lit, lit, pause, resume, lit, lit, pause, resume, lit, lit, lit)
    session.watch(120)
    end, states = session.state, "".join(state[0] for state in session.states)
    session.twin.close()
    print(program.__name__, seen)
    assert (states, end) == ("rrprrrprrrr", "done")
    assert session.answered == 3
    assert seen == sorted(set(seen))
    assert seen[-1] * MARGIN <= COLLECT_BYTES
