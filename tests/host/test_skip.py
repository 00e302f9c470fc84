"""Skipping time in a simulated wrap, and what is said when it is slower than was asked."""

from __future__ import annotations

import io
import threading

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import DeviceError
from pbmwrap.twin.console import HELP, obey
from pbmwrap.twin.scenario import Player, Scenario, parse
from pbmwrap.twin.serve import PtyServer
from pbmwrap.twin.sim import BEHIND_SKIP_MS, SimTwin
from pbmwrap.twin.speed_news import WINDOW_S, SpeedNews
from tests.host.served_sim import PATIENCE_S, until
from tests.host.test_sim_twin import protocol

DAY_MS = 86_400_000


@pytest.fixture
def twin():
    made = SimTwin()
    made.start()
    made.advance_ms(1000)
    yield made
    made.close()


def client_of(twin: SimTwin) -> Client:
    return Client(TwinTransport(twin))


def idle_player(twin: SimTwin) -> Player:
    return Player(Scenario(name="none"), twin)


def test_a_day_after_a_session_the_site_may_have_the_next(twin):
    client = client_of(twin)
    client.flash_protocol(0, protocol(600, red=[100], nir=[100]))
    client.start()
    twin.advance_ms(700_000)
    assert client.status().state in ("done", "idle")
    with pytest.raises(DeviceError, match="next session possible in 23 h"):
        client.start()
    player = idle_player(twin)
    assert "skipped 1d" in obey("skip 1d", player)
    assert client.start() == 2


def test_uptime_clock_and_watchdog_go_on_over_a_skip(twin):
    client = client_of(twin)
    client.set_clock(1_800_000_000)
    before, began_ms = client.status(), twin.now_ms
    twin.skip_ms(DAY_MS)
    after = client.status()
    assert twin.now_ms - began_ms - DAY_MS < 1000  # and the two answers
    assert after.uptime_s - before.uptime_s in (86400, 86401)
    assert before.unix_s is not None and after.unix_s is not None
    assert after.unix_s - before.unix_s in (86400, 86401)
    assert (after.steps_late, after.fault, after.state) == (before.steps_late, None, "idle")
    assert client.hello().boot == 1


def test_a_skip_of_any_length_passes_exactly(twin):
    for ms in (1, 10, BEHIND_SKIP_MS + 60_150, 3_600_007):
        began_ms = twin.now_ms
        twin.skip_ms(ms)
        assert twin.now_ms - began_ms == ms


def test_a_skip_into_a_session_runs_it_to_its_end(twin):
    client = client_of(twin)
    client.flash_protocol(0, protocol(120, red=[100], nir=[100]))
    client.start()
    twin.skip_ms(3_600_000)
    now = client.status()
    assert (now.state, now.end_reason) == ("done", "time")
    assert twin.board.light_acc(0) > 0


def test_a_skip_cools_the_pad_and_warms_it_with_the_room(twin):
    twin.plant.change(ambient_c=35.0)
    twin.skip_ms(DAY_MS)
    board = twin.plant.sensor_names.index("board")
    warm = twin.plant.sensor_c(board)
    twin.plant.settle()
    assert warm == pytest.approx(twin.plant.sensor_c(board), abs=0.1)
    assert client_of(twin).status().fault is None


def test_events_of_a_scenario_happen_in_a_skip(twin):
    scenario = parse({"name": "x", "event": [{"at_s": 7200, "ambient_c": 30.0}]}, "x")
    player = Player(scenario, twin)
    player.skip_ms(7_199_000)
    assert not player.finished
    player.skip_ms(DAY_MS)
    assert player.finished
    assert twin.plant.params.ambient_c == 30.0
    assert player.now_ms == 7_199_000 + DAY_MS


@pytest.mark.parametrize("span", ["30", "s", "1y", "-1d", "0s", "31d", "1d2h", "nan"])
def test_a_span_that_means_nothing_is_refused_with_an_example(twin, span):
    player = idle_player(twin)
    before = player.now_ms
    assert obey(f"skip {span}", player).startswith(f"refused: skip {span}: give a number")
    assert player.now_ms == before


@pytest.mark.parametrize(("span", "ms"), [("30s", 30_000), ("90m", 5_400_000), ("1.5h", 5_400_000)])
def test_spans(twin, span, ms):
    player = idle_player(twin)
    assert obey(f"skip {span}", player) == f"{ms / 1000:.1f} s: skipped {span}"
    assert player.now_ms == ms
    assert "skip" in HELP


def test_an_emulated_chip_says_that_it_cannot_skip(twin):
    twin.kind = "rp2040"
    player = idle_player(twin)
    assert "cannot skip; use `pbmwrap sim`" in obey("skip 1d", player)
    assert player.now_ms == 0


# The speed that is reached


def news(asked: float | None, speeds: list[tuple[float, bool]]) -> list[str]:
    """What is said over windows with these (speed, whether a host talked)."""
    reported, now_s, virtual_ms = [], 0.0, 0.0
    speed_news = SpeedNews(asked, 0.0, 0)
    for speed, talking in speeds:
        for _ in range(10):
            now_s += WINDOW_S / 10 + 1e-6
            virtual_ms += speed * WINDOW_S * 100
            reported += speed_news.lines(now_s, round(virtual_ms), talking)
    return reported


def test_a_speed_that_is_not_reached_is_reported_once_with_its_reason():
    assert news(20, [(3, True)] * 4) == [
        "speed: 3.0 reached of 20 asked: a host is connected, whose leases run in real time"
    ]
    assert news(20, [(12, False)] * 4) == [
        "speed: 12.0 reached of 20 asked: this machine is not faster"
    ]


def test_a_speed_that_is_reached_is_not_reported():
    assert news(20, [(20, False)] * 4) == []
    assert news(1, [(0.9, True)] * 4) == []
    assert news(None, [(0.1, True)] * 4) == []


def test_a_speed_that_changes_is_reported_again():
    assert [line[:10] for line in news(20, [(3, True), (3, True), (9, True), (20, False)])] == [
        "speed: 3.0", "speed: 9.0", "speed: 20,",
    ]  # fmt: skip


def test_a_skip_does_not_count_as_speed():
    speed_news = SpeedNews(20, 0.0, 0)
    assert list(speed_news.lines(WINDOW_S - 1, 60_000, True)) == []
    speed_news.skipped(WINDOW_S - 0.5, 86_460_000)
    assert list(speed_news.lines(WINDOW_S, 86_461_000, True)) == []
    (line,) = speed_news.lines(2 * WINDOW_S, 86_463_000, True)
    assert line.startswith("speed: 0.5 reached")


def test_a_served_wrap_tells_the_speed_and_skips_when_reported(twin):
    reported = io.StringIO()
    stop = threading.Event()
    with PtyServer(twin, speed=500_000.0) as server:
        thread = threading.Thread(target=server.run, args=(stop, None, reported), daemon=True)
        thread.start()
        try:
            assert server.run_command("skip 1d").endswith("s: skipped 1d")
            assert until(lambda: "asked: this machine is not faster" in reported.getvalue())
        finally:
            stop.set()
            thread.join(PATIENCE_S)
    assert reported.getvalue().startswith("speed: ")
    assert "reached of 500000 asked" in reported.getvalue()
