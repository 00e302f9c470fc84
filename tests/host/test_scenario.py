"""Scenario files and their player: every fault named, every event at its exact virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import board_facts
from pbmwrap.errors import InvalidFile
from pbmwrap.twin.base import LampState, Twin
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.scenario import ACTIONS, CYCLE_MS, SHIPPED, Player, load, parse, shipped


class FakeTwin(Twin):
    """Time and a list of what was done to it, as (ms, what)."""

    kind = "fake"

    def __init__(self, start_ms: int = 0) -> None:
        self.plant = Plant(board_facts)
        self.done: list[tuple[int, str]] = []
        self._now = start_ms

    @property
    def now_ms(self):
        return self._now

    def _note(self, what):
        self.done.append((self._now, what))

    def start(self):
        self._note("start")

    def advance_ms(self, ms):
        assert ms > 0
        self._now += ms
        self.plant.step(ms, (0, 0))

    def write(self, data):
        return len(data)

    def read(self):
        return b""

    def press(self, down):
        self._note("down" if down else "up")

    def lamps(self):
        return [LampState(0, False)] * 2

    def enabled(self):
        return False

    def indicator(self):
        return False

    def reset(self, kind):
        self._note(kind)

    def hang(self):
        self._note("hang")

    def power_off(self):
        self._note("off")

    def close(self):
        self._note("close")


def played(events, ms, slices=1, start_ms=0):
    twin = FakeTwin(start_ms)
    player = Player(parse({"name": "t", "event": events}), twin)
    for _ in range(slices):
        player.advance_ms(ms // slices)
    assert player.now_ms == ms
    return twin


def test_a_press_of_given_length_is_held_exactly_so_long():
    twin = played([{"at_s": 12.5, "press_s": 0.1}], 20_000)
    assert twin.done == [(12_500, "down"), (12_600, "up")]


def test_named_presses():
    twin = played([{"at_s": 1, "press": "short"}, {"at_s": 5, "press": "long"}], 10_000)
    assert twin.done == [(1000, "down"), (1100, "up"), (5000, "down"), (6300, "up")]
    double = played([{"at_s": 1, "press": "double"}], 10_000)
    assert double.done == [(1000, "down"), (1100, "up"), (1250, "down"), (1350, "up")]


@given(st.sampled_from([1, 2, 4, 5, 10, 100, 1000]))
def test_slicing_changes_no_time(slices):
    events = [{"at_s": 0.333, "press": "double"}, {"at_s": 0.9, "reset": "pin"}]
    assert played(events, 2000, slices).done == played(events, 2000).done


def test_times_count_from_the_players_making():
    assert played([{"at_s": 1, "reset": "watchdog"}], 2000, start_ms=700).done == [
        (1700, "watchdog")
    ]


def test_an_event_at_the_end_happens_and_a_later_one_waits():
    twin = FakeTwin()
    events = [{"at_s": 1, "reset": "pin"}, {"at_s": 1.001, "reset": "watchdog"}]
    player = Player(parse({"name": "t", "event": events}), twin)
    player.advance_ms(1000)
    assert twin.done == [(1000, "pin")]
    assert not player.finished
    player.advance_ms(1)
    assert twin.done[1:] == [(1001, "watchdog")]
    assert player.finished


def test_events_of_one_moment_keep_the_order_of_the_file():
    events = [{"at_s": 1, "power": "off"}, {"at_s": 1, "power": "on"}, {"at_s": 1, "reset": "pin"}]
    assert [what for _, what in played(events, 1000).done] == ["off", "start", "pin"]


def test_power_cycle_and_what_a_wrap_without_power_ignores():
    assert played([{"at_s": 1, "power": "cycle"}], 5000).done == [
        (1000, "off"),
        (1000 + CYCLE_MS, "start"),
    ]
    dead = [{"at_s": 1, "power": "off"}, {"at_s": 2, "reset": "pin"}, {"at_s": 3, "power": "off"}]
    assert played(dead, 5000).done == [(1000, "off")]


def test_the_world_changes():
    events = [
        {"at_s": 1, "cover": True},
        {"at_s": 1, "ambient_c": 40},
        {"at_s": 1, "contact": 0.2},
        {"at_s": 1, "blood_flow": 0.1},
        {"at_s": 1, "sensor": {"name": "skin-mid", "fault": "open"}},
    ]
    plant = played(events, 2000).plant
    p = plant.params
    assert (p.covered, p.ambient_c, p.contact, p.blood_flow) == (True, 40, 0.2, 0.1)
    assert plant.raw12(0) == 4095


def test_plant_figures_are_in_force_from_the_start_and_settled():
    twin = FakeTwin()
    Player(parse({"name": "t", "plant": {"ambient_c": 35.0}}), twin)
    assert twin.plant.params.ambient_c == 35.0
    assert twin.plant.board_c > 34.0


def test_every_fault_of_a_file_is_reported_at_once():
    raw = {
        "name": 7,
        "colour": "red",
        "plant": {"contact": 3, "mood": 1},
        "event": [
            {"press": "short"},
            {"at_s": -1, "cover": True},
            {"at_s": 1},
            {"at_s": 1, "cover": True, "press": "sideways"},
            {"at_s": 1, "sensor": {"name": "skin-mid", "fault": "offset"}},
        ],
    }
    with pytest.raises(InvalidFile) as caught:
        parse(raw, "bad.toml")
    found = "\n".join(caught.value.problems)
    for key in (
        "name:",
        "colour:",
        "plant.contact:",
        "plant.mood:",
        "event[0].at_s:",
        "event[1].at_s:",
        "event[2]: exactly one",
        "event[3]: exactly one",
        "event[3].press:",
        "event[4].sensor.offset_k:",
    ):
        assert key in found, key
    assert len(caught.value.problems) == 10
    assert "\n" not in str(caught.value)
    assert "10 faults in bad.toml" in str(caught.value)


@given(st.sets(st.sampled_from(ACTIONS), min_size=2))
def test_two_actions_in_one_event_are_always_refused(keys):
    with pytest.raises(InvalidFile) as caught:
        parse({"name": "t", "event": [{"at_s": 0, **dict.fromkeys(keys, 0.5)}]})
    assert any("exactly one action" in problem for problem in caught.value.problems)


@pytest.mark.parametrize("raw", [{"plant": 3}, {"event": 3}, {"event": [3]}, {"seed": "x"}])
def test_wrong_shapes_are_faults_not_crashes(raw):
    with pytest.raises(InvalidFile):
        parse({"name": "t", **raw})


def test_a_sensor_the_board_lacks_is_named_with_those_it_has():
    event = {"at_s": 1, "sensor": {"name": "elbow", "fault": "open"}}
    with pytest.raises(InvalidFile, match=r"'elbow'.*skin-right, board"):
        Player(parse({"name": "t", "event": [event]}), FakeTwin())


def test_happen_acts_now_and_checks_like_a_file():
    twin = FakeTwin()
    player = Player(parse({"name": "t"}), twin)
    player.advance_ms(50)
    player.happen(press="short")
    player.advance_ms(500)
    assert twin.done == [(50, "down"), (150, "up")]
    with pytest.raises(InvalidFile, match="contact"):
        player.happen(contact=2.0)
    with pytest.raises(InvalidFile, match="elbow"):
        player.happen(sensor={"name": "elbow", "fault": "open"})


def test_shipped_scenarios_load_and_play():
    names = {"nominal", "covered", "sensor-open", "hot-room", "power-cut", "slipped-pad"}
    assert names <= set(shipped())
    for name in shipped():
        scenario = load(name)
        assert scenario.name == name
        player = Player(scenario, FakeTwin())
        player.advance_ms(1_200_000)
        assert player.finished


def test_a_file_of_ones_own_is_loaded_by_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nseed = 4\n[[event]]\nat_s = 1\npress = "long"\n')
    assert load(path).seed == 4


def test_missing_and_broken_files_say_so_in_one_line(tmp_path):
    with pytest.raises(InvalidFile, match=r"no scenario nowhere.*nominal"):
        load("nowhere")
    path = tmp_path / "broken.toml"
    path.write_text("name = \n")
    with pytest.raises(InvalidFile, match="cannot be read") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_changes_nothing(tmp_path):
    plain, marked = tmp_path / "plain.toml", tmp_path / "marked.toml"
    raw = (SHIPPED / "covered.toml").read_bytes()
    plain.write_bytes(raw)
    marked.write_bytes(b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n"))
    assert load(marked) == load(plain)


def test_a_single_fault_is_the_message(tmp_path):
    with pytest.raises(InvalidFile, match=r"^scenario: event\[0\]: exactly one action"):
        parse({"name": "t", "event": [{"at_s": 0}]})
