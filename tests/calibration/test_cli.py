"""`pbmwrap cal measure`, `check` and `report`, with a scripted wrap and person, and once with the
firmware in the simulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pbmwrap.calibration import steps, store
from pbmwrap.cli import cal_cmds, main
from pbmwrap.device import discovery
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.sim import SimTwin
from tests.calibration.bench import BenchWrap, Person, read_pad
from tests.host.cli_helpers import data, fails
from wrap.errors import Refused

OPTIONS = [
    *("--meter", "silicon", "--name", "S121C", "--uncertainty", "5", "--k", "2"),
    *("--unit", "mW/cm2", "--aperture", "9.5", "--saturation", "500", "--cover", "film"),
    *("--grid", "2x2", "--repeats", "2"),
]


@pytest.fixture
def wrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BenchWrap:
    """The bench's wrap behind every port, and a person who answers."""
    device = BenchWrap()
    monkeypatch.setattr(discovery, "open_transport", lambda port: device)
    monkeypatch.setenv("PBMWRAP_PORT", "memory")
    use_folder(monkeypatch, tmp_path)
    use_person(monkeypatch, Person(device))
    return device


def use_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(steps, "WARM_UP_S", 3)
    monkeypatch.chdir(tmp_path)


def use_person(monkeypatch: pytest.MonkeyPatch, person: Person) -> Person:
    monkeypatch.setattr(cal_cmds, "open_dialog", lambda: person)
    return person


def test_measure_stores_mean_uncertainty_peak_meter_and_hash(wrap: BenchWrap) -> None:
    said = data("cal", "measure", *OPTIONS, "--yes")
    assert said["stored"] == ["red", "nir"]
    record = store.find_finished(wrap.hello["uid"])[-1]
    for name in ("red", "nir"):
        kept, result = wrap.cal[name], said["results"][name]
        assert kept is not None
        assert {key: kept[key] for key in ("uw", "unc_pm", "peak_pm")} == {
            key: result[key] for key in ("uw", "unc_pm", "peak_pm")
        }
        assert (kept["instrument"], kept["sha"]) == ("S121C", record.fingerprint())
        assert kept["how"] == "2x2 grid x 2, GUM k=2"
    shown = CliRunner().invoke(main.app, ["cal", "show"]).stdout
    assert "peak 1.2" in shown


def test_report_shows_the_budget_and_writes_a_page(wrap: BenchWrap, tmp_path: Path) -> None:
    data("cal", "measure", *OPTIONS, "--yes")
    shown = CliRunner().invoke(main.app, ["cal", "report"]).stdout
    assert "meter's calibration" in shown and "combined" in shown
    assert max(map(len, shown.splitlines())) <= 110
    said = data("cal", "report", "--html", "report.html")
    assert said["on_wrap"]["red"].startswith("the wrap has this calibration, and its hash")
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 2 and "Uncertainty budget" in page and "<script" not in page
    assert fails("cal", "report", "--html", "report.html")[1]["code"] == "usage"
    wrap.cal["red"] = {"uw": 30000, "unc_pm": 100, "date": 20261129, "how": "by hand"}
    assert "without a record" in data("cal", "report")["on_wrap"]["red"]
    assert "no finished measurement 'x'" in fails("cal", "report", "--record", "x")[1]["message"]


def test_an_interrupted_measurement_goes_on_without_its_options(
    wrap: BenchWrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_person(monkeypatch, Person(wrap, stop_after=9))
    code, error = fails("cal", "measure", *OPTIONS)
    assert (code, error["code"]) == (1, "paused")
    assert "run the same command again" in error["hint"]
    person = use_person(monkeypatch, Person(wrap))
    assert data("cal", "measure", "--yes")["stored"] == ["red", "nir"]
    assert "going on with the measurement" in person.shown[0]
    assert not any("kind of meter" in text for text in person.asked)


def test_other_options_for_a_measurement_under_way_are_refused(
    wrap: BenchWrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_person(monkeypatch, Person(wrap, stop_after=3))
    fails("cal", "measure", *OPTIONS)
    use_person(monkeypatch, Person(wrap, stop_after=3))
    code, error = fails("cal", "measure", "--grid", "3x3")
    assert code == 2
    assert error["message"] == "--grid is 3x3, and the measurement under way has 2x2"
    assert "--new to begin again" in error["hint"]
    assert fails("cal", "measure", "--grid", "2 x 2")[1]["code"] == "paused"


def test_ctrl_c_turns_the_light_off_and_says_that_all_is_saved(
    wrap: BenchWrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_person(monkeypatch, Person(wrap, stop_after=5, stop_by=KeyboardInterrupt))
    code, error = fails("cal", "measure", *OPTIONS)
    assert (code, error["code"]) == (130, "interrupted")
    assert "everything typed so far is saved and the light is off" in error["message"]
    assert wrap.lit is None


def test_a_pulled_cable_says_that_the_light_goes_out_by_itself(
    wrap: BenchWrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(channel: str, point: tuple[int, int] | None) -> str:
        if point == (1, 1):
            wrap.vanish_after = 0
        return read_pad(channel, point)

    use_person(monkeypatch, Person(wrap, read))
    code, error = fails("cal", "measure", *OPTIONS)
    assert code == 9 and "the light goes out by itself" in error["hint"]
    wrap.vanish_after = -1
    wrap.put_out("lease-lost")
    use_person(monkeypatch, Person(wrap))
    assert data("cal", "measure", "--yes")["stored"] == ["red", "nir"]


def test_a_result_that_was_not_stored_yet_is_stored_by_the_next_run(
    wrap: BenchWrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(p: dict) -> list:
        raise Refused("storage", "flash")

    wrap.calls["cal.set"] = refuse
    assert fails("cal", "measure", *OPTIONS, "--yes")[1]["code"] == "storage"
    del wrap.calls["cal.set"]
    lit = len(wrap.begun)
    assert data("cal", "measure", "--yes")["stored"] == ["red", "nir"]
    assert len(wrap.begun) == lit, "it measured again"


def test_solar_and_lux_meters_are_refused_by_the_command(wrap: BenchWrap) -> None:
    code, error = fails("cal", "measure", "--meter", "solar")
    assert code == 1 and "20 % to 3 times" in error["message"]
    assert "cal.light" not in wrap.acted


def test_an_older_firmware_is_refused_before_anything_is_measured(wrap: BenchWrap) -> None:
    wrap.calls["hold.get"] = wrap.refuse_unknown
    code, error = fails("cal", "measure", *OPTIONS)
    assert (code, error["code"]) == (8, "unknown_method")
    assert "pbmwrap install" in error["hint"]


def test_a_result_that_is_too_uncertain_is_not_stored(
    wrap: BenchWrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = data("cal", "measure", *OPTIONS[:-4], "--grid", "1x1", "--repeats", "1", "--yes")
    assert said["stored"] == []
    assert said["results"]["red"]["u_pct"] > 50
    assert wrap.cal["red"] is None


RATIO = ["--meter", "solar", "--name", "TM-206", "--unit", "W/m2", "--cover", "film"]


def ratio_reader(share: float) -> Any:
    """A solar meter that shows 1.7 times too much, of a pad that has `share` of its light."""

    def read(channel: str, point: tuple[int, int] | None) -> str:
        if point is None:
            return "1"
        return f"{float(read_pad(channel, (2, 2))) * 10 * 1.7 * share + 1:.1f}"

    return read


@pytest.mark.parametrize(
    "share,word",
    [(0.97, "still holds"), (0.93, "check again in a month"), (0.8, "a new calibration is due")],
)
def test_a_ratio_check_finds_a_pad_that_has_aged(
    wrap: BenchWrap, monkeypatch: pytest.MonkeyPatch, share: float, word: str
) -> None:
    data("cal", "measure", *OPTIONS, "--yes")
    use_person(monkeypatch, Person(wrap, ratio_reader(1.0)))
    assert data("cal", "check", "--baseline", *RATIO)["red"]["drift_pct"] is None
    use_person(monkeypatch, Person(wrap, ratio_reader(share)))
    result = CliRunner().invoke(main.app, ["cal", "check"])
    assert result.exit_code == 0, result.output
    assert f"red: {(share - 1) * 100:+.1f} % against the day" in result.stdout
    assert word in result.stdout
    for command in ("doctor", "status"):
        said = CliRunner().invoke(main.app, [command]).stdout
        assert ("the ratio check of" in said) == (share == 0.8), command


def test_a_check_needs_a_baseline_and_the_same_meter(
    wrap: BenchWrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no channel has a calibration" in fails("cal", "check")[1]["message"]
    data("cal", "measure", *OPTIONS, "--yes")
    assert "there is no baseline" in fails("cal", "check")[1]["message"]
    use_person(monkeypatch, Person(wrap, ratio_reader(1.0)))
    data("cal", "check", "--baseline", *RATIO)
    error = fails("cal", "check", "--cover", "none")[1]
    assert "only the same meter under the same cover" in error["message"]
    assert (
        "there is no baseline of this meter" in fails("cal", "check", "--name", "x")[1]["message"]
    )
    for cal in wrap.cal.values():
        assert cal is not None
        cal["date"] = 20250101
    error = fails("cal", "check", "--baseline", *RATIO, "--new")[1]
    assert "a baseline must be taken within 7 days" in error["message"]


def test_a_lux_meter_watches_red_only(wrap: BenchWrap, monkeypatch: pytest.MonkeyPatch) -> None:
    data("cal", "measure", *OPTIONS, "--yes")
    person = use_person(monkeypatch, Person(wrap, ratio_reader(1.0)))
    words = ["--meter", "lux", "--name", "LX1330B", "--unit", "lx", "--cover", "film"]
    result = CliRunner().invoke(main.app, ["cal", "check", "--baseline", *words, "--json"])
    assert list(json.loads(result.stdout)["data"]) == ["red"]
    assert "nir: this kind of meter sees nothing there" in result.stderr
    assert not any(text.startswith("nir") for text in person.asked)


def test_the_firmware_in_the_simulator_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The real light of a calibration, its lease, its power limit and its storage."""
    twin = SimTwin()
    twin.start()
    twin.plant.change(contact=0.0, ambient_c=21.0)
    twin.plant.settle()
    twin.advance_ms(3000)
    monkeypatch.setattr(discovery, "open_transport", lambda port: TwinTransport(twin))
    monkeypatch.setenv("PBMWRAP_PORT", "sim")
    use_folder(monkeypatch, tmp_path)

    class Clock:
        """The wrap's time goes on with each request."""

        now_s = 0.0

    duty: list[int] = []

    def quarter(channel: str, point: tuple[int, int] | None) -> str:
        """A meter that shows what the pad gives at the duty that is really lit."""
        if point is None:
            return "0.02"
        red, nir = twin.lamps()
        lit = (red if channel == "red" else nir).on_ppm
        assert (nir if channel == "red" else red).on_ppm == 0
        duty.append(lit)
        return f"{(float(read_pad(channel, point)) - 0.02) * lit / 1e6 + 0.02:.4f}"

    person = use_person(monkeypatch, Person(Clock(), quarter, wait_s=2.0))  # type: ignore[arg-type]
    said = data("cal", "measure", *OPTIONS, "--yes")
    twin.close()
    assert said["stored"] == ["red", "nir"], person.shown
    assert said["results"]["red"]["duty"] == pytest.approx(max(duty) / 1e6, abs=0.01)
    assert said["results"]["red"]["mean_mw_cm2"] == pytest.approx(30 * 0.875, rel=0.01)
    assert said["results"]["nir"]["mean_mw_cm2"] == pytest.approx(40 * 0.875, rel=0.01)
