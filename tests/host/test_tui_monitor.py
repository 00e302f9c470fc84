"""The terminal view of `pbmwrap monitor` on a simulated wrap, in virtual time.

The screens are plain text in tests/host/snapshots/monitor. After a wanted change of the view:
UPDATE_SNAPSHOTS=1 python -m pytest tests/host/test_tui_monitor.py, then read the diff.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import DeviceError, LinkLost
from pbmwrap.tui import watcher
from pbmwrap.tui.graph import AXIS, Curve, Graph
from pbmwrap.tui.monitor import INTERRUPTED, Follower, MonitorApp
from pbmwrap.tui.watcher import RETRY_S, Clock, Limits, Point, Watcher
from pbmwrap.twin.plant import Plant, PlantParams
from pbmwrap.twin.sim import SimTwin
from tests.host.test_sim_twin import large_pad
from wrap.rules import limits

SNAPSHOTS = Path(__file__).parent / "snapshots" / "monitor"
SIZES = ((80, 24), (120, 40))
BUTTON_MS = 100


class Cable(TwinTransport):
    """A simulated wrap's port whose cable can be pulled."""

    plugged = True

    def write(self, data: bytes, timeout_s: float = 3.0) -> None:
        self._check()
        super().write(data, timeout_s)

    def read(self, timeout_s: float) -> bytes:
        self._check()
        return super().read(timeout_s)

    def _check(self) -> None:
        if not Cable.plugged:
            raise LinkLost("/dev/ttyACM0 vanished while it was in use")


class World:
    """A simulated wrap with two protocols, watched. Time passes only in `pass_s`."""

    def __init__(self, plant: Plant | None = None) -> None:
        Cable.plugged = True
        self.facts = large_pad()
        self.twin = SimTwin(plant or Plant(self.facts), facts=self.facts)
        self.twin.start()
        self.wrap = Client(TwinTransport(self.twin))
        for slot, name in enumerate(("sore-muscle", "cold-foot")):
            self.wrap.flash_protocol(slot, protocol(name))
        self.wrap.activate(0)
        self.clock = Clock(
            lambda: self.twin.now_ms / 1000, lambda s: self.twin.advance_ms(round(s * 1000))
        )

    def calibrate(self) -> None:
        for channel in ("red", "nir"):
            self.wrap.set_calibration(channel, 40000, 50, 20260101, "meter")

    def watch(self) -> Watcher:
        client, hello = self.connect()
        self.watcher = Watcher(client, hello, self.connect, 1000, self.clock)
        return self.watcher

    def connect(self):
        client = Client(Cable(self.twin, "/dev/ttyACM0"))
        return client, client.hello()

    def pass_s(self, seconds: float) -> None:
        end_s = self.clock.now_s() + seconds
        self.watcher.follow(lambda: self.clock.now_s() >= end_s)

    def state(self) -> str:
        return self.wrap.status().state


def protocol(name: str) -> bytes:
    obj = {
        "v": 1, "id": name, "name": name, "site": "calf-left", "ramp": 500, "dose": 20000,
        "steps": [{"t": 600, "ch": {"red": [400], "nir": [600]}}],
    }  # fmt: skip
    return json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()


@pytest.fixture
def world():
    made = World()
    made.watch()
    yield made
    made.watcher.close()
    made.twin.close()


def screen_text(app: MonitorApp) -> str:
    """The characters on the screen. Private: `_compositor`, since Textual has no public way to read
    them."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in strips) + "\n"


@asynccontextmanager
async def shown(world: World, size: tuple[int, int] = (80, 24)):
    app = MonitorApp(world.watcher)
    async with app.run_test(size=size) as pilot:
        for _ in range(3):  # the layout, the graphs' sizes, what is drawn in them
            await pilot.pause()
        yield app, pilot


async def let_pass(world: World, app: MonitorApp, pilot: Pilot, seconds: float) -> str:
    world.pass_s(seconds)
    app.show_picture()
    await pilot.pause()
    await pilot.pause()
    return screen_text(app)


def compare(world: World, name: str) -> None:
    """Compare the screen with its snapshot in each size."""

    async def look(size: tuple[int, int]) -> str:
        async with shown(world, size) as (app, _):
            return screen_text(app)

    for size in SIZES:
        file = SNAPSHOTS / f"{name}-{size[0]}x{size[1]}.txt"
        seen = asyncio.run(look(size))
        assert [len(line) for line in seen.splitlines() if len(line) > size[0]] == []
        if os.environ.get("UPDATE_SNAPSHOTS"):
            file.write_text(seen, encoding="utf-8")
        assert seen == file.read_text(encoding="utf-8")


def in_view(
    world: World, body: Callable[[MonitorApp, Pilot], Awaitable[None]], size=(80, 24)
) -> MonitorApp:
    async def run() -> MonitorApp:
        async with shown(world, size) as (app, pilot):
            await body(app, pilot)
        return app

    return asyncio.run(run())


def press(world: World, *keys: str) -> str:
    """The screen 3 s after the keys were pressed."""
    seen = ""

    async def body(app, pilot):
        nonlocal seen
        await pilot.press(*keys)
        seen = await let_pass(world, app, pilot, 3)

    in_view(world, body)
    return seen


def ask_if_awake(world: World) -> None:
    world.wrap.set_setting("wake_s", 60)
    world.wrap.start()
    world.pass_s(70)
    assert world.wrap.status().wake_waiting


# ---- screens


def test_screen_of_an_idle_wrap(world):
    world.pass_s(30)
    compare(world, "idle")


def test_screen_of_a_running_session(world):
    world.calibrate()
    world.wrap.start()
    world.pass_s(180)
    compare(world, "running")


def test_screen_of_a_session_dimmed_by_heat():
    world = World(Plant(large_pad(), PlantParams(ambient_c=31.0)))
    world.wrap.set_setting("trip_mc", 37000)
    world.watch()
    world.wrap.start()
    world.pass_s(280)
    status = world.wrap.status()
    assert status.state == "running" and 0 < status.derate_pm < 1000
    compare(world, "derating")


def test_screen_of_the_wake_question(world):
    ask_if_awake(world)
    compare(world, "wake")


def test_screen_of_a_fault(world):
    world.wrap.start()
    world.pass_s(60)
    world.twin.plant.set_fault("skin-left", "open")
    world.pass_s(5)
    compare(world, "fault")


def test_screens_of_a_pulled_cable_and_of_its_return(world):
    world.wrap.start()
    world.pass_s(60)
    Cable.plugged = False
    world.pass_s(25)
    compare(world, "lost")
    Cable.plugged = True
    world.pass_s(29)
    compare(world, "back")


# ---- keys


def test_keys_pause_resume_and_stop_the_session(world):
    world.wrap.start()
    world.pass_s(5)
    assert "paused: the light fades out; r resumes, s stops" in press(world, "p")
    assert world.state() == "paused"
    assert "pause: not possible, r resumes, s stops" in press(world, "p")
    assert "resumed: the light comes on again" in press(world, "r")
    assert world.state() == "running"
    assert "resume: not possible, the light is on already" in press(world, "r")
    assert "stopped: the light fades out" in press(world, "s")
    assert (world.state(), world.wrap.status().end_reason) == ("done", "link")
    assert "stop: not possible, no session is running" in press(world, "s")


def test_capital_letters_are_the_same_keys(world):
    world.wrap.start()
    world.pass_s(5)
    press(world, "S")
    assert world.state() == "done"


def test_a_acknowledges_a_fault_when_its_cause_is_gone(world):
    assert "acknowledge: there is no fault" in press(world, "a")
    world.wrap.start()
    world.pass_s(5)
    world.twin.plant.set_fault("skin-left", "open")
    world.pass_s(2)
    assert "acknowledge: refused, the cause is still there" in press(world, "a")
    assert world.state() == "fault"
    world.twin.plant.set_fault("skin-left", "none")
    world.pass_s(2)
    assert "the fault is acknowledged" in press(world, "a")
    assert world.state() == "idle"


def test_n_makes_the_next_protocol_active_between_sessions_only(world):
    assert "next protocol: cold-foot (slot 1)" in press(world, "n")
    assert world.wrap.status().next_protocol == "cold-foot"
    assert "next protocol: sore-muscle (slot 0)" in press(world, "n")
    world.wrap.start()
    world.pass_s(5)
    assert "next: not possible, a session is running; s stops it" in press(world, "n")
    assert world.wrap.status().next_protocol == "sore-muscle"


def test_n_with_one_protocol_says_that_there_is_no_other(world):
    world.wrap.delete(1)
    assert "no other protocol is stored" in press(world, "n")


def test_w_sends_the_answer_to_a_wrap_that_takes_it(world, monkeypatch):
    ask_if_awake(world)
    sent = []
    call = Client.call

    def answer(client, method, params=None, **options):
        if method != "wake.answer":
            return call(client, method, params, **options)
        sent.append(method)
        return {}

    monkeypatch.setattr(Client, "call", answer)
    assert "answered: the wearer is awake" in press(world, "w")
    assert sent == ["wake.answer"]


def test_w_names_the_button_when_the_wrap_takes_no_answer(world, monkeypatch):
    ask_if_awake(world)
    call = Client.call

    def refuse(client, method, params=None, **options):
        if method == "wake.answer":
            raise DeviceError("unknown_method", "no such method", method)
        return call(client, method, params, **options)

    monkeypatch.setattr(Client, "call", refuse)
    seen = press(world, "w")
    assert "this wrap takes the answer only by its button: press it" in seen
    assert "Press the wrap's button within" in seen
    assert "or w" not in seen


def test_w_without_a_question_sends_nothing(world):
    assert "the wrap does not ask now" in press(world, "w")


def test_the_question_goes_when_the_button_answers_it(world):
    ask_if_awake(world)

    async def body(app, pilot):
        assert "ARE YOU AWAKE?" in screen_text(app)
        world.twin.press(True)
        world.twin.advance_ms(BUTTON_MS)
        world.twin.press(False)
        assert "ARE YOU AWAKE?" not in await let_pass(world, app, pilot, 3)

    in_view(world, body)
    assert world.state() == "running"


def test_the_bell_rings_while_the_question_waits(world, monkeypatch):
    rung = []
    monkeypatch.setattr(MonitorApp, "bell", lambda app: rung.append(world.clock.now_s()))
    ask_if_awake(world)

    async def body(app, pilot):
        app.show_picture()
        assert len(rung) == 1
        await let_pass(world, app, pilot, 9)
        assert len(rung) == 1
        await let_pass(world, app, pilot, 2)
        assert len(rung) == 2

    in_view(world, body)


@pytest.mark.parametrize(("key", "result"), [("q", ""), ("ctrl+c", INTERRUPTED), ("ctrl+q", "")])
def test_leaving_never_touches_the_session(world, key, result):
    world.wrap.start()
    world.pass_s(5)

    async def body(app, pilot):
        await pilot.press(key)

    app = in_view(world, body)
    assert app.return_value == result
    world.watcher.close()
    world.twin.advance_ms(10_000)
    assert world.state() == "running"


def test_a_message_goes_after_half_a_minute(world):
    assert "pause: not possible" in press(world, "p")

    async def body(app, pilot):
        assert "pause: not possible" in await let_pass(world, app, pilot, 20)
        assert "pause: not possible" not in await let_pass(world, app, pilot, 10)

    in_view(world, body)


# ---- what the graph shows


def test_g_turns_to_the_graph_of_light_and_dose_and_back(world):
    world.calibrate()
    world.wrap.start()
    world.pass_s(180)
    seen = []

    async def body(app, pilot):
        for _ in range(2):
            await pilot.press("g")
            await pilot.pause()
            await pilot.pause()
            seen.append(screen_text(app))

    in_view(world, body)
    light, temps = seen
    assert "nir" in light and "dose" in light and "100 │" in light and "skin trip" not in light
    assert "skin trip 41" in temps
    file = SNAPSHOTS / "light-80x24.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(light, encoding="utf-8")
    assert light == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("stated", [True, False])
def test_the_trip_of_a_stricter_protocol_is_shown_while_it_runs(world, monkeypatch, stated):
    """A status states it. Of older firmware it is read once for a session: each reading makes the
    wrap allocate 4 KB, and with a small heap it may refuse it."""
    if not stated:
        status = Client.status
        monkeypatch.setattr(
            Client, "status", lambda client: dataclasses.replace(status(client), trip_mc=None)
        )
    strict = json.loads(protocol("strict")) | {"trip": 38000}
    world.wrap.flash_protocol(2, json.dumps(strict, sort_keys=True).encode())
    world.wrap.activate(2)
    world.pass_s(2)
    asked = []
    ask = Client.settings
    monkeypatch.setattr(Client, "settings", lambda client: asked.append(1) or ask(client))
    assert world.watcher.picture.limits.skin_trip_mc == 41000
    world.wrap.start()
    world.pass_s(5)
    found = world.watcher.picture.limits
    assert (found.skin_trip_mc, found.derate_from_mc) == (38000, 36000)
    world.watcher.request("pause")
    world.pass_s(3)
    assert world.state() == "paused"
    world.watcher.request("resume")
    world.pass_s(3)
    assert world.state() == "running"
    assert world.watcher.picture.limits.skin_trip_mc == 38000
    assert len(asked) == (0 if stated else 1)
    world.watcher.request("stop")
    world.pass_s(3)
    assert world.watcher.picture.limits.skin_trip_mc == 41000
    assert len(asked) == (1 if stated else 2)


def test_points_are_kept_for_the_longest_session(world, monkeypatch):
    assert watcher.KEPT_S == limits.SESSION_HARD_S
    monkeypatch.setattr(watcher, "KEPT_S", 60)
    world.pass_s(80)
    points = world.watcher.picture.points
    assert 58 <= points[-1].at_s - points[0].at_s <= 60
    assert len(points) <= 61


CURVES = (Curve("skin-mid", "skin"), Curve("board", "board"))


def drawn(points, height=12) -> list[str]:
    graph = Graph(CURVES, points, Limits(41000), points[-1].at_s, 60, height)
    return ["".join(text for text, _ in row) for row in graph.rows()]


def test_the_trip_of_the_board_is_shown_once_the_board_is_near():
    cool = drawn([Point(n, (33000, 45000)) for n in range(100)])
    assert [row for row in cool if "board trip" in row] == []
    hot = drawn([Point(n, (33000, 52000)) for n in range(100)])
    assert len([row for row in hot if "board trip 60" in row]) == 1


def test_a_lost_link_and_an_unplugged_sensor_leave_gaps():
    points = [Point(n, (33000 if n < 40 else None, None)) for n in range(120)]
    points[20:30] = [Point(20)]
    columns = 60 - AXIS - len(" mid+board")
    rows = [row for row in drawn(points) if "trip" not in row and "dims" not in row]
    dots = {x for row in rows for x, char in enumerate(row) if ord(char) > 0x2800}
    at_s = sorted((x - AXIS) / columns * 119 for x in dots)
    assert [s for s in at_s if 22 < s < 28 or s > 42] == []
    assert [s for s in at_s if s < 18]
    assert [s for s in at_s if 32 < s < 38]


# ---- a link that is lost


def test_a_key_without_a_link_is_not_sent_later(world):
    world.wrap.start()
    world.pass_s(5)
    press(world, "p")
    Cable.plugged = False
    seen = press(world, "r")
    assert "not connected, resume was not sent; to end the light, hold the wrap's button" in seen
    Cable.plugged = True
    world.pass_s(20)
    assert world.watcher.picture.lost_s is None
    assert world.state() == "paused"


def test_a_stop_that_does_not_arrive_says_what_ends_the_light(world, monkeypatch):
    world.wrap.start()
    world.pass_s(5)

    def vanish(client):
        raise LinkLost("/dev/ttyACM0 vanished while it was in use")

    monkeypatch.setattr(Client, "stop", vanish)
    world.watcher.request("stop")
    world.pass_s(RETRY_S / 2)
    assert world.watcher.picture.problem == (
        "/dev/ttyACM0 vanished while it was in use; stop may not have arrived: "
        "to end the light, hold the wrap's button for a second or unplug the wrap"
    )


def test_another_wrap_at_the_port_is_refused(world):
    Cable.plugged = False
    world.pass_s(10)
    other = SimTwin()
    other.start()
    stranger = Client(TwinTransport(other, "/dev/ttyACM0"))
    # Private: `_connect`, since a port at which another wrap answers needs two wraps and one cable.
    world.watcher._connect = lambda: (stranger, stranger.hello())
    world.pass_s(5)
    assert world.watcher.picture.lost_s is not None
    assert world.watcher.picture.problem.startswith("another wrap (")
    other.close()


def test_the_age_of_the_last_sample_grows_without_a_link(world):
    world.pass_s(5)

    async def body(app, pilot):
        assert screen_text(app).splitlines()[0].endswith("last sample 0 s ago")
        Cable.plugged = False
        top = (await let_pass(world, app, pilot, 20)).splitlines()[0]
        assert top.endswith("OLD: last sample 20 s ago")
        top = (await let_pass(world, app, pilot, 180)).splitlines()[0]
        assert top.endswith("OLD: last sample 4 min ago")

    in_view(world, body)


@pytest.mark.parametrize("size", [(40, 12), (24, 5), (200, 60)])
def test_age_and_state_are_on_a_screen_of_any_size(world, size):
    world.wrap.start()
    world.pass_s(30)

    async def body(app, pilot):
        lines = screen_text(app).splitlines()
        assert lines[0].endswith("last sample 0 s ago")
        assert lines[1].startswith("  RUNNING")

    in_view(world, body, size)


def test_a_bug_in_the_watchers_thread_ends_the_view_and_is_raised(world):
    def fail(ended):
        raise ValueError("a bug")

    world.watcher.follow = fail

    async def run() -> Follower:
        follower = Follower(world.watcher, 1.0)
        async with follower.app.run_test():
            follower.thread.join()
        return follower

    follower = asyncio.run(run())
    assert follower.end()
    assert isinstance(follower.failure, ValueError)
    assert follower.app.return_value == ""


def test_a_sample_that_comes_while_the_view_closes_is_ignored(world):
    app = in_view(world, lambda app, pilot: pilot.press("q"))
    app.show_picture()
    assert app.return_value == ""
