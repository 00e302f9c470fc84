"""`pbmwrap trial heat-test`: both arms on a dummy limb, with the firmware in the simulator.

Private: `_wait_at_duty`, since a press has to come while it measures; `_lay_around_bottle`, since
only a wrap that stays on skin shows what the wrap itself refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pbmwrap.calibration.dialog import Ended
from pbmwrap.cli import trial_heat
from pbmwrap.device import discovery
from pbmwrap.device.models import Hello
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import InvalidFile, Refused, UsageError, WrapError
from pbmwrap.protocols.encode import canonical
from pbmwrap.protocols.load import loads
from pbmwrap.trial import heat_test
from pbmwrap.twin.plant import BOTTLE, Plant
from pbmwrap.twin.sim import SimTwin, make_facts
from tests.host.cli_helpers import data, fails, run
from tests.protocol_texts import GOOD
from tests.warmed import warmed_facts

SHORT = ("--minutes", "3", "--session", "3")
ARM = {
    "id": "feet",
    "person": "a1",
    "design": "sides",
    "sites": ["foot-left", "foot-right"],
    "periods": 2,
    "sessions": 1,
    "plan_sha": "5a" * 32,
    "random": "00" * 32,
}


class Answers:
    """A person who answers every question alike; None: the input has ended."""

    def __init__(self, answer: str | None) -> None:
        self.answer = answer
        self.shown: list[str] = []

    def show(self, text: str) -> None:
        self.shown.append(text)

    def ask(self, text: str, meanwhile: Callable[[], bool]) -> str:
        if self.answer is None:
            raise Ended
        return self.answer


class Wrap:
    """A simulated wrap behind every port. seen: what the pins did while it was measured."""

    def __init__(self, twin: SimTwin) -> None:
        self.twin = twin
        twin.start()
        twin.advance_ms(3000)

    def on_ms(self) -> list[int]:
        """How long each output was on, in ms at full duty."""
        return [self.twin.board.light_acc(ch) // 65535 for ch in range(len(self.twin.lamps()))]


@pytest.fixture
def wrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Wrap]:
    yield from _served(monkeypatch, tmp_path, warmed_facts())


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Wrap]:
    """A wrap without a warmer."""
    yield from _served(monkeypatch, tmp_path, warmed_facts(WARMER=None))


def _served(monkeypatch: pytest.MonkeyPatch, folder: Path, facts: Any) -> Iterator[Wrap]:
    (folder / "config.toml").touch()
    monkeypatch.setenv("PBMWRAP_CONFIG", str(folder / "config.toml"))
    monkeypatch.setenv("PBMWRAP_DATA", str(folder / "data"))
    monkeypatch.setenv("PBMWRAP_PORT", "sim")
    monkeypatch.chdir(folder)
    wrap = Wrap(SimTwin(Plant(facts), facts=facts))
    monkeypatch.setattr(discovery, "open_transport", lambda port: TwinTransport(wrap.twin))
    answer(monkeypatch, "yes")
    yield wrap
    wrap.twin.close()


@pytest.fixture
def soon_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short look at the temperature before each arm is enough."""
    monkeypatch.setattr(heat_test, "STEADY_OVER_S", 60)
    monkeypatch.setattr(heat_test, "STEADY_K", 1.0)


def answer(monkeypatch: pytest.MonkeyPatch, text: str | None) -> Answers:
    person = Answers(text)
    monkeypatch.setattr(trial_heat, "open_dialog", lambda: person)
    return person


def test_with_a_warmer_both_arms_are_as_warm(wrap: Wrap, monkeypatch: pytest.MonkeyPatch) -> None:
    said = data("trial", "heat-test", *SHORT)
    assert said["passed"] and abs(said["gap_in_trial_k"]) < 0.5
    # The blind power gives half of near infrared; the trial may have all of it.
    assert (said["measured_percent"], said["level_percent"]) == (50.0, 100.0)
    assert said["gap_in_trial_k"] == pytest.approx(2 * said["gap_k"], abs=0.002)
    assert (said["channel"], said["sham"]) == ("nir", "warmer")
    assert len(said["active_rise_k"]) == len(said["sham_rise_k"]) == 3 * 60 // heat_test.BIN_S
    assert max(said["sham_rise_k"][-1]) > 0.15
    red, nir, warmer = wrap.on_ms()
    assert red == 0 and nir == pytest.approx(warmer, rel=0.05) and nir > 90_000
    kept = json.loads(Path(said["file"]).read_text())
    assert {**kept, "file": said["file"]} == said
    assert (kept["wrap"], kept["date"][:2]) == (said["wrap"], "20")
    assert heat_test.find_newest(said["wrap"]) == kept
    person = answer(monkeypatch, "no")
    fails("trial", "heat-test", *SHORT)
    assert f"the last test of this wrap, on {kept['date']}: " in person.shown[0]


def test_a_warmer_that_is_open_is_refused(wrap: Wrap) -> None:
    plain = wrap.twin.plant.step
    wrap.twin.plant.step = lambda ms, ppm: plain(ms, [*ppm[:-1], 0])  # type: ignore[method-assign]
    code, said = run("trial", "heat-test", "--minutes", "3", "--session", "20")
    assert code == 1 and "the arms differ by" in said["error"]["message"]
    fits = heat_test.find_fitting_percent(said["data"])
    assert f"take {fits} % of light or less (--level)" in said["error"]["hint"]
    assert "build a warmer" in said["error"]["hint"] and 1 <= fits < 100


def test_without_a_warmer_light_is_compared_with_darkness(plain: Wrap) -> None:
    said = data("trial", "heat-test", *SHORT)
    assert (said["sham"], said["measured_percent"], said["level_percent"]) == ("dark", 25.0, 25.0)
    assert said["passed"] and said["gap_k"] > 0.1
    assert abs(min(map(min, said["sham_rise_k"]))) < 0.05
    error = fails("trial", "heat-test", "--level", "26")[1]
    assert "without a warmer a trial may use 25 %" in error["message"]
    assert "--level 25" in error["hint"]


@pytest.mark.parametrize("text", ["no", "", None])
def test_nothing_is_lit_before_a_person_has_confirmed(
    wrap: Wrap, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    answer(monkeypatch, text)
    error = fails("trial", "heat-test", *SHORT)[1]
    assert "not confirmed, so nothing was lit" in error["message"]
    assert wrap.on_ms() == [0, 0, 0]


def test_it_is_refused_while_a_trial_is_blind(wrap: Wrap, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would show what the arms feel like. Nobody is asked anything."""
    answer(monkeypatch, None)
    from pbmwrap.device.client import Client

    client = Client(TwinTransport(wrap.twin))
    client.call("trial.arm", ARM)
    error = fails("trial", "heat-test", *SHORT)[1]
    assert "trial feet is blind: this test would show" in error["message"]
    client.call("trial.unblind", {"reason": "for the test"})
    assert "not confirmed" in fails("trial", "heat-test", *SHORT)[1]["message"]
    assert wrap.on_ms() == [0, 0, 0]


def test_a_wrap_that_is_worn_is_not_lit(wrap: Wrap, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was answered: the wrap itself refuses a pad as warm as skin."""
    monkeypatch.setattr(heat_test, "STEADY_OVER_S", 60)
    monkeypatch.setattr(trial_heat, "_lay_around_bottle", lambda client: None)
    error = fails("trial", "heat-test", *SHORT)[1]
    assert "the wrap reads as worn" in error["message"]
    assert wrap.on_ms() == [0, 0, 0]


def test_a_pad_that_changes_in_the_dark_is_no_reference(
    wrap: Wrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heat_test, "STEADY_WAIT_S", 200)
    monkeypatch.setattr(heat_test, "STEADY_K", -1.0)
    error = fails("trial", "heat-test", *SHORT)[1]
    assert "still change after 3 min in the dark" in error["message"]


@pytest.mark.parametrize("light", ["session", "calibration"])
def test_light_that_is_not_of_the_test_ends_it(plain: Wrap, soon_steady: None, light: str) -> None:
    """In the dark arm it would warm the pad as near infrared did, so both arms would seem alike."""
    from pbmwrap.device.client import Client

    client = Client(TwinTransport(plain.twin))
    hello = client.hello()
    plain.twin.plant.change(**BOTTLE)
    plain.twin.plant.settle()
    text = GOOD.replace("photosensitivity_confirmed = true", "").replace('mode = "pulsed"', "")
    text = text.replace("frequency_hz = 40", "").replace("on_fraction = 0.5", "")
    client.flash_protocol(0, canonical(loads(text).require()))
    client.activate(0)

    def light_it(stage: heat_test.Stage) -> None:
        if stage.sham and stage.measures:
            if light == "session":
                client.start()
            else:
                client.light_for_calibration("red", 10, 60)

    pace = heat_test.Pace(client.transport.monotonic, note=light_it)
    setup = heat_test.make_setup(hello, None, 3, 3, None)
    test = heat_test.HeatTest(client, hello, setup, lambda _: None, pace)
    active = test.run_active()
    with pytest.raises(WrapError, match="gives light that is not of this test"):
        test.run_sham(active)


def test_a_result_that_the_disk_does_not_take_is_shown(
    plain: Wrap, soon_steady: None, tmp_path: Path
) -> None:
    (tmp_path / "data" / "heat-tests").parent.mkdir()
    (tmp_path / "data" / "heat-tests").write_text("no folder")
    code, said = run("trial", "heat-test", *SHORT)
    assert code != 0 and "heat-tests" in said["error"]["message"]
    assert said["data"]["passed"] and said["data"]["file"] is None


def test_light_that_ends_early_says_why(wrap: Wrap, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = heat_test.HeatTest._wait_at_duty

    def pressed(self: heat_test.HeatTest, channel: str) -> int:
        reached = plain(self, channel)
        wrap.twin.press(True)
        wrap.twin.advance_ms(100)
        wrap.twin.press(False)
        return reached

    monkeypatch.setattr(heat_test.HeatTest, "_wait_at_duty", pressed)
    error = fails("trial", "heat-test", *SHORT)[1]
    assert error["message"].startswith("nir did not stay on: ")
    wrap.twin.advance_ms(1000)
    assert wrap.twin.dark()


# ---- parts


HELLO = SimpleNamespace(
    channels=[("red", 660), ("nir", 850), ("nir2", 810)],
    warmer=("warmer", [0, 1000, 500]),
    sensors=[],
)


def setup_of(hello: Any, level_pm: int | None = None, channel: str | None = None) -> Any:
    return heat_test.make_setup(hello, level_pm, 14, 20, channel)


def test_a_setup_is_of_one_channel_and_what_its_warmer_can_match() -> None:
    made = setup_of(HELLO)
    assert (made.channel, made.warmer, made.warm_pm, made.level_pm) == ("nir", "warmer", 1000, 1000)
    made = setup_of(HELLO, channel="nir2", level_pm=300)
    assert (made.channel, made.warm_pm, made.level_pm) == ("nir2", 500, 300)
    strong = SimpleNamespace(**{**vars(HELLO), "warmer": ("warmer", [0, 2000, 500])})
    assert setup_of(strong).level_pm == 500
    with pytest.raises(UsageError, match="its warmer matches 50 %"):
        setup_of(strong, level_pm=501)
    with pytest.raises(UsageError, match="no channel red of near infrared"):
        setup_of(HELLO, channel="red")
    with pytest.raises(Refused, match="can have no trial"):
        setup_of(SimpleNamespace(channels=[("red", 660)], warmer=None))


def test_the_gap_is_the_largest_at_equal_times_with_its_sign() -> None:
    active, sham = [[0.1, 0.2], [0.5, 0.6]], [[0.1, 0.1], [0.9, 0.5]]
    assert heat_test.find_gap_k(active, sham) == pytest.approx(-0.4)


KEPT = {
    "wrap": "sim1",
    "passed": True,
    "date": "2026-11-29",
    "unix_s": 1_796_000_000,
    "channel": "nir",
    "sham": "dark",
    "minutes": 14,
    "gap_k": 0.3,
    "gap_in_trial_k": 0.4,
    "limit_k": 1.0,
    "session_min": 20,
    "level_percent": 50.0,
    "measured_percent": 50.0,
    "sensors": ["skin-mid", "skin-left"],
    "bin_s": 30,
    "active_rise_k": [[0.0, 0.1], [0.3, 0.2]],
    "sham_rise_k": [[0.1, 0.0], [0.0, 0.1]],
}


@pytest.mark.parametrize(
    ("gap_k", "level", "fits"), [(0.4, 50.0, 50), (-1.0, 25, 25), (-1.25, 25, 20), (60, 25, 0)]
)
def test_how_much_light_stays_within_the_limit(gap_k: float, level: float, fits: int) -> None:
    result = KEPT | {"gap_in_trial_k": gap_k, "level_percent": level}
    assert heat_test.find_fitting_percent(result) == fits


def test_the_picture_is_of_the_sensor_with_the_largest_difference() -> None:
    shown = heat_test.compare_sensor(KEPT)
    assert (shown.sensor, shown.seconds) == ("skin-mid", [15.0, 45.0])
    assert (shown.active_k, shown.sham_k) == ([0.0, 0.3], [0.1, 0.0])
    wrong: tuple[Any, ...] = ([], [[1.0]], [["a", "b"], [0, 1]], [[], []], [3, 4])
    for rows in wrong:
        with pytest.raises(InvalidFile, match="cannot be shown"):
            heat_test.compare_sensor(KEPT | {"active_rise_k": rows})


def test_a_result_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path))
    assert heat_test.find_newest("sim1") is None
    kept = KEPT
    path = heat_test.save_result(kept, "20261129-120000")
    assert heat_test.find_newest("sim1") == kept
    for text in ("[]", "{", json.dumps(kept | {"date": 5}), '{"passed": true}'):
        path.write_text(text)
        with pytest.raises(InvalidFile, match="cannot be used"):
            heat_test.find_newest("sim1")


def test_the_simulated_wrap_may_have_a_warmer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_facts().WARMER is None
    monkeypatch.setenv("PBMWRAP_SIM_WARMER", "850")
    assert make_facts().WARMER == ("warmer", "heat", 6, 850)
    for text in ("0", "many", "-5"):
        monkeypatch.setenv("PBMWRAP_SIM_WARMER", text)
        with pytest.raises(UsageError, match="PBMWRAP_SIM_WARMER"):
            make_facts()


def test_hello_of_an_older_wrap_has_no_warmer() -> None:
    assert Hello.__dataclass_fields__["warmer"].default is None
