"""The browser's Python on CPython: the simulated wrap, and the page's side of the connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.errors import UsageError
from pbmwrap.web.browser import dispatch, example_texts, host, simulated
from tools.web_static.examples import list_examples

UTC_MS = 1_790_000_000_000


class Pair:
    """A simulated wrap and a page, joined as app/simulated.js joins them."""

    def __init__(self, folder: Path) -> None:
        simulated.begin(str(folder / "flash"))
        while not simulated.settle():
            pass
        host.open_wrap("simulated", True, 1)
        self.events: dict[str, Any] = {}
        self.answers: dict[int, tuple[Any, Any]] = {}
        self.world: dict[str, Any] = {}
        self._to_wrap = ""
        self._ms = 0
        self._last = 0

    def run(self, ms: int, until: str = "") -> None:
        """Let time pass in slices of 20 ms."""
        for _ in range(ms // 20):
            self._ms += 20
            answer = simulated.advance(20, self._to_wrap)
            self.world = answer.get("world", self.world)
            out = host.pump(self._ms / 1000, UTC_MS + self._ms, self._ms / 1000, 1, answer["out"])
            self._to_wrap = out["send"]
            self.events.update(dict(out["events"]))
            for number, value, error in out["answers"]:
                self.answers[number] = (value, error)

    def ask(self, name: str, *args: Any) -> Any:
        """Return the answer to a request. Fails on an error."""
        value, error = self.try_ask(name, *args)
        assert error is None, error
        return value

    def try_ask(self, name: str, *args: Any) -> tuple[Any, Any]:
        """Return the answer and the error of a request."""
        self._last += 1
        host.ask(self._last, name, list(args))
        for _ in range(100):
            self.run(100)
            if self._last in self.answers:
                return self.answers.pop(self._last)
        raise AssertionError(f"no answer to {name}")


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(example_texts, "EXAMPLES", list_examples())
    found = Pair(tmp_path)
    simulated.advance(36_000)  # as device/wrap_worker.js
    found.run(2000)
    yield found


def test_the_page_finds_the_wrap_and_gets_samples_and_status(pair: Pair) -> None:
    assert pair.events["state"]["connection"] == "connected"
    assert pair.events["state"]["hello"]["uid"] == simulated.UID
    assert pair.events["sample"]["state"] == "idle"
    assert pair.events["status"]["limits"]["skin_trip_mc"] == 41000


def test_a_prepared_wrap_runs_a_session_whose_log_the_page_shows(pair: Pair) -> None:
    pair.ask("prepare")
    names = [row["id"] for row in pair.ask("protocols") if row["slot"] is not None]
    assert names == ["minor-injury", "tour-heat"]
    assert pair.ask("session", "start")["session"] == 1
    pair.run(8000)
    assert pair.events["sample"]["state"] == "running"
    assert pair.world["lit"]
    assert len(pair.ask("history")["t_s"]) > 10
    assert pair.ask("session", "stop")["state"] == "ramp-down"
    pair.run(4000)
    assert pair.ask("sessions") == []
    pulled = pair.ask("pull")
    assert (pulled["uid"], pulled["notes"]) == (simulated.UID, [])
    (row,) = pair.ask("sessions")
    assert (row["number"], row["reason"], row["protocol_id"]) == (1, "link", "minor-injury")
    one = pair.ask("sessionOf", row["uid"], "1")
    assert one["samples"]["state"][-1] == "done"
    assert one["dose_total_uj"] == row["dose_total_uj"] > 0


def test_a_sensor_that_is_pulled_latches_until_it_is_back(pair: Pair) -> None:
    simulated.change("pull_sensor", "skin-mid")
    pair.run(3000)
    assert pair.ask("fault")["fault"]["name"] == "sensor-open"
    assert pair.try_ask("ackFault")[1]["code"] == "fault"
    simulated.change("pull_sensor", None)
    pair.run(3000)
    assert pair.ask("ackFault") == {"state": "idle"}


def test_protocols_settings_and_calibration_are_those_of_the_wrap(pair: Pair) -> None:
    example = next(row for row in pair.ask("protocols") if row["id"] == "nerve-pain")
    assert pair.ask("check", example["toml"])["summary"]["ends_s"] == example["ends_s"]
    assert pair.ask("check", "id = 1")["problems"][0]["line"] == 1
    own = example["toml"].replace("schema = 1", "# mine\nschema = 1")
    assert pair.ask("flash", 2, own)["id"] == "nerve-pain"
    assert pair.ask("activate", 2) == {"active": 2}
    assert pair.events["status"]["next_protocol"] == "nerve-pain"
    stored = [row for row in pair.ask("protocols") if row["slot"] is not None]
    assert [(row["slot"], row["active"], row["cautions"]) for row in stored] == [
        (2, True, example["cautions"])
    ]
    assert stored[0]["toml"] == own
    assert pair.ask("erase", 2) == {"active": None}
    assert pair.ask("setSetting", "trip_mc", 40000)["value"] == 40000
    assert {row["key"]: row["value"] for row in pair.ask("settings")}["trip_mc"] == 40000
    assert pair.ask("calibration")["channels"][0]["calibrated"] is False
    names = {row["name"]: row["level"] for row in pair.ask("doctor")}
    assert names["sensors"] == "good"
    assert pair.ask("confirm") == {"confirmed": [], "unconfirmed": []}


def test_what_the_page_cannot_do_is_refused_in_words(pair: Pair) -> None:
    assert pair.try_ask("dance")[1]["code"] == "not_here"
    assert pair.try_ask("flash", 0, "id = 1")[1]["code"] == "invalid_file"
    assert pair.try_ask("sessionOf", "x", "1")[1]["code"] == "not_found"
    assert pair.try_ask("session", "dance")[1]["code"] == "usage"
    assert pair.try_ask("session", "pause")[1]["code"] == "not_now"


def test_a_pulled_cable_is_noticed_and_the_wrap_found_again(pair: Pair) -> None:
    simulated.change("cable", False)
    pair.run(12_000)
    assert pair.events["state"]["connection"] == "lost"
    assert pair.try_ask("settings")[1]["code"] == "no_device"
    simulated.change("cable", True)
    pair.run(4000)
    assert pair.events["state"]["connection"] == "connected"


def test_a_restart_is_noticed(pair: Pair) -> None:
    boot = pair.events["state"]["hello"]["boot"]
    simulated.change("power", False)
    pair.run(500)
    simulated.change("power", True)
    pair.run(5000)
    assert pair.events["state"]["hello"]["boot"] == boot + 1


def test_errors_of_controls_are_answers_and_not_exceptions() -> None:
    dispatch.register("simulated", simulated)
    with pytest.raises(UsageError):
        simulated.change("weather", True)
    assert '"code": "usage"' in dispatch.call("simulated.change", '["weather", true]')


@pytest.mark.parametrize("name", ["simulated._Wrap", "os.remove", "begin"])
def test_only_public_functions_of_registered_modules_can_be_called(name: str) -> None:
    dispatch.register("simulated", simulated)
    with pytest.raises(ValueError, match="no function"):
        dispatch.call(name, "[]")
