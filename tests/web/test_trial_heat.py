"""The heat test of the page: its steps, its light, and what interrupts it.

Most run in virtual time in this thread: `Bench` runs the test when `finish` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import InvalidFile, LinkLost, NoDevice, Refused, UsageError
from pbmwrap.trial import heat_test
from pbmwrap.twin.plant import BOTTLE, Plant
from pbmwrap.twin.sim import SimTwin
from pbmwrap.web.calibration_guide import LIT_SPEED
from pbmwrap.web.security import Refusal
from pbmwrap.web.trial_heat import HeatTests, find_last
from tests.trial.test_heat_test import ARM
from tests.warmed import warmed_facts
from tests.web.kit import Site, until

UNIX_S = 1_796_000_000
ENDS_MS = 4000  # after the last sign of the server the lease ends, and the light fades


class Cable(TwinTransport):
    """The port of a simulated wrap whose cable can be pulled."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.twin)
        self._bench = bench

    def write(self, data: bytes, *args: Any, **more: Any) -> None:
        if not self._bench.cable:
            raise LinkLost("the wrap vanished", "check the cable")
        super().write(data, *args, **more)


class Bench:
    """A server with a simulated wrap. at: what to do when the test reaches a step, once; seen: what
    the page showed in each step first."""

    speed = 1

    def __init__(self, warmer: bool = False) -> None:
        facts = warmed_facts() if warmer else warmed_facts(WARMER=None)
        self.twin = SimTwin(Plant(facts), facts=facts)
        self.twin.start()
        self.twin.advance_ms(3000)
        self.cable = True
        self.at: dict[int, Callable[[], object]] = {}
        self.seen: dict[int, dict[str, Any]] = {}
        self.waits = 0
        self._runs: list[Callable[[], None]] = []
        self._looks = False
        self.tests = HeatTests(self, lambda: UNIX_S, self._keep_run)

    def _keep_run(self, run: Callable[[], None]) -> Callable[[], None]:
        self._runs.append(run)

        def wait() -> None:
            self.waits += 1

        return wait

    # ---- what the tests ask of the server's wrap

    @contextmanager
    def borrow(self) -> Iterator[tuple[Client, Hello]]:
        if not self.cable:
            raise NoDevice("no wrap is connected yet", "plug the wrap in")
        client = Client(Cable(self))
        yield client, client.hello()

    def now_s(self) -> float:
        if self._looks:
            self._looks = False
            self._look()
            self._looks = True
        return self.twin.now_ms / 1000

    def limit_speed(self, most: int) -> None:
        """It runs at no other speed."""

    @contextmanager
    def around_bottle(self) -> Iterator[None]:
        self.twin.plant.change(**BOTTLE)
        self.twin.plant.settle()
        yield

    # ---- what the page does

    @property
    def hello(self) -> Hello:
        return Client(TwinTransport(self.twin)).hello()

    def show(self) -> dict[str, Any]:
        return self.tests.describe(self.hello, self.cable)

    def _look(self) -> None:
        running = self.tests.describe(None, False)["running"]
        if running is None:
            return
        step = running["step"]
        self.seen.setdefault(step, running)
        if step in self.at and (step % 2 == 0 or running["left_s"] < 50):  # it is lit by then
            self.at.pop(step)()

    def begin(self, is_nobody: bool = True, minutes: int = 1, level_pm: int | None = None) -> None:
        self.tests.begin(level_pm, minutes, 3, None, is_nobody)

    def finish(self) -> dict[str, Any]:
        """Run the test to its end; returns what the page shows then."""
        self._looks = True
        self._runs.pop()()
        self._looks = False
        return self.tests.describe(None if not self.cable else self.hello, self.cable)

    def was_lit(self) -> bool:
        return any(self.twin.board.light_acc(n) for n in range(len(self.twin.lamps())))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short look at the temperature before each arm is enough."""
    monkeypatch.setattr(heat_test, "STEADY_OVER_S", 60)
    monkeypatch.setattr(heat_test, "STEADY_K", 0.5)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.twin.close()


def test_a_heat_test_goes_through_its_four_steps_to_a_kept_result(bench: Bench) -> None:
    first = bench.show()
    assert (first["running"], first["last"], first["ended"]) == (None, None, None)
    assert (first["channels"], first["warmer"], first["most_level"]) == (["nir"], False, 25)
    bench.begin()
    assert bench.show()["running"]["step"] == 0
    after = bench.finish()
    assert list(bench.seen) == [0, 1, 2, 3]
    lit = {step: seen["lit"] for step, seen in bench.seen.items()}
    assert lit == {0: False, 1: True, 2: False, 3: False}
    assert bench.seen[0]["left_s"] == 5400 and bench.seen[0]["drift_k"] is None
    assert 60 <= bench.seen[1]["left_s"] <= 80 and bench.seen[3]["left_s"] == 60
    assert (after["running"], after["ended"], after["problem"]) == (None, None, "")
    last = after["last"]
    assert (last["channel"], last["sham"], last["level_percent"]) == ("nir", "dark", 25)
    assert last["passed"] and 0.05 < last["gap_in_trial_k"] < 1 and last["fits_percent"] == 25
    assert len(last["seconds"]) == len(last["active_k"]) == len(last["sham_k"]) == 2
    assert last["active_k"][-1] - last["sham_k"][-1] == pytest.approx(last["gap_k"], abs=0.01)
    kept = heat_test.find_newest(bench.hello.uid)
    assert kept and (kept["date"], kept["unix_s"]) == (last["date"], UNIX_S)
    assert find_last(bench.hello) == {
        key: last[key]
        for key in (
            *("date", "session_min", "level_percent", "gap_in_trial_k", "limit_k", "passed"),
            "fits_percent",
        )
    }
    assert find_last(None) is None
    again = HeatTests(bench).describe(bench.hello, True)  # a restarted server reads the file
    assert again["last"] == last and again["running"] is None


def test_nothing_is_lit_before_a_person_has_confirmed(bench: Bench) -> None:  # H-62
    with pytest.raises(Refusal) as found:
        bench.begin(is_nobody=False)
    assert found.value.body["error"]["code"] == "not_confirmed"
    assert bench.show()["running"] is None and not bench.was_lit()


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_it_can_be_stopped_in_each_step(bench: Bench, step: int) -> None:
    stopped: list[bool] = []

    def stop() -> None:
        assert bench.twin.dark() == (step != 1)
        stopped.append(bench.tests.stop())
        bench.twin.advance_ms(1000)  # the light fades out
        stopped.append(bench.twin.dark())

    bench.at = {step: stop}
    bench.begin()
    after = bench.finish()
    assert stopped == [True, True]
    assert after["ended"]["code"] == "stopped" and after["ended"]["step"] == step
    assert after["last"] is None and heat_test.find_newest(bench.hello.uid) is None
    assert bench.tests.stop() is False
    bench.begin()
    assert bench.show()["ended"] is None


@pytest.mark.parametrize("warmer", [False, True])
def test_a_pulled_cable_ends_the_light_by_itself_and_says_what_is_lost(
    warmer: bool,
) -> None:  # H-62
    bench = Bench(warmer)
    step = 3 if warmer else 1

    def pull() -> None:
        assert not bench.twin.dark()
        bench.cable = False

    bench.at = {step: pull}
    bench.begin()
    after = bench.finish()
    ended = after["ended"]
    assert (ended["code"], ended["step"], ended["lit"]) == ("lost", step, True)
    assert ended["message"] and ended["hint"] and after["wrap"] is None
    bench.twin.advance_ms(ENDS_MS)
    assert bench.twin.dark()
    heated = bench.twin.board.light_acc(2) if warmer else 0
    bench.twin.advance_ms(1000)
    assert not warmer or bench.twin.board.light_acc(2) == heated  # the warmer is off too
    bench.cable = True
    bench.begin()
    assert bench.show()["running"]["step"] == 0
    bench.twin.close()


def test_the_button_ends_it_and_the_page_says_so(bench: Bench) -> None:
    def press() -> None:
        bench.twin.press(True)
        bench.twin.advance_ms(100)
        bench.twin.press(False)

    bench.at = {1: press}
    bench.begin()
    ended = bench.finish()["ended"]
    assert ended["code"] == "failed" and ended["message"].startswith("nir did not stay on: ")


@pytest.mark.parametrize("step", [0, 2])
def test_a_trial_that_begins_meanwhile_ends_it_before_the_next_arm(bench: Bench, step: int) -> None:
    client = Client(TwinTransport(bench.twin))
    bench.at = {step: lambda: client.call("trial.arm", ARM)}
    bench.begin()
    ended = bench.finish()["ended"]
    assert (ended["code"], ended["step"]) == ("failed", step)
    assert "trial feet is blind" in ended["message"]
    assert bench.was_lit() == (step == 2)


def test_what_cannot_begin(bench: Bench) -> None:
    with pytest.raises(UsageError, match=r"25\.1 % of nir is more"):
        bench.begin(level_pm=251)
    bench.begin()
    with pytest.raises(Refusal, match="running already"):
        bench.begin()
    bench.tests.stop()
    bench.finish()
    client = Client(TwinTransport(bench.twin))
    client.call("trial.arm", ARM)
    with pytest.raises(Refused, match="is blind"):
        bench.begin()
    client.call("trial.unblind", {"reason": "for the test"})
    bench.cable = False
    with pytest.raises(NoDevice):
        bench.begin()
    assert bench.show()["running"] is None


def test_a_result_that_the_disk_does_not_take_is_shown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Path:
        raise InvalidFile("the disk is full", "free some space")

    bench.begin()
    with monkeypatch.context() as patched:
        patched.setattr(heat_test, "save_result", refuse)
        after = bench.finish()
    assert after["last"]["passed"] and after["problem"] == "the disk is full; free some space"
    assert bench.show()["last"] == after["last"]
    assert heat_test.find_newest(bench.hello.uid) is None


def test_a_kept_result_that_cannot_be_read_is_named(bench: Bench) -> None:
    folder = heat_test.tests_dir(bench.hello.uid)
    folder.mkdir(parents=True)
    (folder / "heat-test-20261129-120000.json").write_text("{")
    seen = bench.show()
    assert seen["last"] is None and "remove it and test again" in seen["problem"]
    assert find_last(bench.hello) is None


# ---- the real server, in real time


def test_the_light_goes_out_when_the_server_ends(bench: Bench) -> None:
    bench.at = {1: bench.tests.close}
    bench.begin()
    assert bench.finish()["ended"]["code"] == "stopped"
    assert bench.waits == 1


def test_the_server_runs_it_beside_its_requests_and_any_browser_stops_it(site: Site) -> None:
    ada, bert = site.browser(), site.browser()
    assert ada.post("/api/act").is_success
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"level": 0.5}, "level must be a number from 1 to 100"),
        ({"level": True}, "level must be a number"),
        ({"minutes": 15}, "minutes must be a number from 3 to 14"),
        ({"minutes": 3.5}, "minutes must be a whole number"),
        ({"session": 21}, "session must be a number from 1 to 20"),
        ({"channel": 5}, "channel must be text"),
        ({"channel": "red"}, "no channel red of near infrared"),
        ({"level": 26}, "26 % of nir is more"),
    )
    for body, words in wrong:
        said = ada.post("/api/trial/heat", {"nobody": True, **body})
        assert said.status_code == 400 and words in said.json()["error"]["message"], body
    assert ada.post("/api/trial/heat", {"minutes": 3}).json()["error"]["code"] == "not_confirmed"
    said = bert.post("/api/trial/heat", {"nobody": True})
    assert (said.status_code, said.json()["error"]["code"]) == (403, "watching")

    before = site.world.state()
    seen = ada.post("/api/trial/heat", {"nobody": True, "minutes": 3, "session": 5}).json()
    assert (seen["running"]["minutes"], seen["running"]["session_min"]) == (3, 5)
    until(lambda: ada.get("/api/trial/heat").json()["running"]["step"] == 1)
    until(lambda: site.world.state()["lit"])
    assert site.web.hub.speed == LIT_SPEED
    assert bert.post("/api/trial/heat/stop").is_success
    until(lambda: ada.get("/api/trial/heat").json()["running"] is None)
    until(lambda: not site.world.state()["lit"])
    assert ada.get("/api/trial/heat").json()["ended"]["code"] == "stopped"
    assert site.world.state()["worn"] == before["worn"]

    # The page's own Stop ends it while it waits in the dark: it would light later.
    ada.post("/api/trial/heat", {"nobody": True, "minutes": 3})
    assert bert.session("stop").status_code == 200
    until(lambda: ada.get("/api/trial/heat").json()["running"] is None)
    assert bert.session("stop").status_code == 409  # nothing is to be stopped now

    ada.post("/api/trial/heat", {"nobody": True, "minutes": 3})
    ada.world("cable", False)
    until(lambda: ada.get("/api/trial/heat").json()["running"] is None)
    assert ada.get("/api/trial/heat").json()["ended"]["code"] == "lost"
    until(lambda: ada.get("/api/trial/heat").json()["wrap"] is None)
