"""docs/build-a-wrap.md: its figures are those computed, its commands and files are good, and what
it says the wrap will show is what the simulated wrap shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from pbmwrap.cli import main, text
from pbmwrap.device.client import Client
from pbmwrap.device.models import Status
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import DeviceError
from pbmwrap.twin.plant import Plant, PlantParams
from pbmwrap.twin.sim import SimTwin
from tests.host.cli_helpers import data, run
from tests.host.test_sim_twin import protocol
from tools.reference_design import design, guide_tables, parts
from wrap.rules import limits

TEXT = guide_tables.GUIDE.read_text()
COMMANDS = re.findall(r"^(?: {4})?(pbmwrap [^\n|]+)$", TEXT, re.M) + re.findall(
    r"`(pbmwrap [^`]+)`", TEXT
)
# Resistors in place of thermistors and lamps: nothing warms anything.
DUMMY = {
    "heat_fraction": 0.0,
    "skin_absorbed": 0.0,
    "blood_flow": 0.0,
    "tissue_w_per_k": 0.0,
    "contact": 0.0,
    "ambient_c": 25.0,
}


def test_tables_and_figures_are_those_computed() -> None:
    assert guide_tables.put_in(TEXT) == TEXT, "run `make schematic`"


def test_every_table_and_figure_stands_in_the_guide_once() -> None:
    marks = re.findall(r"<!-- (?:table|figure) (\w+) -->", TEXT)
    assert sorted(marks) == sorted([*guide_tables.MAKERS, *guide_tables.sentence_figures()])
    assert TEXT.count("<!-- end -->") == len(marks)


def test_an_unknown_mark_is_an_error() -> None:
    with pytest.raises(KeyError, match="nothing"):
        guide_tables.put_in("<!-- table nothing -->\n<!-- end -->")


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that `words` name, and what is left of them."""
    found: click.Command = main.app
    while isinstance(found, click.Group) and words:
        inner = found.get_command(click.Context(found), words[0])
        assert inner, f"no command {words[0]}"
        found, words = inner, words[1:]
    return found, words


@pytest.mark.parametrize("line", sorted(set(COMMANDS)))
def test_every_command_of_the_guide_is_one(line: str) -> None:
    """Parsed as the shell and click would, and not run."""
    command, rest = command_of(shlex.split(line)[1:])
    assert not isinstance(command, click.Group)
    command.make_context("pbmwrap", rest)


def test_the_calibration_lines_calibrate_every_channel(tmp_path: Path) -> None:
    """On a simulated wrap whose flash is kept from one line to the next."""
    kept = [shlex.split(c)[1:] for c in COMMANDS if c.startswith("pbmwrap cal set")]
    lines = [words for words in kept if "--how" in words]
    assert [words[2] for words in lines] == [k.channel for k in parts.STRINGS]
    for words in lines:
        found = data(*words, "--port", f"sim:{tmp_path}")
    kept = [(c["uw"], c["unc_pm"], c["peak_pm"]) for c in found.values()]
    assert kept == [(3_700, 150, 1130), (3_900, 150, 1130)]


FILES = re.findall(r"```toml\n(.*?)```", TEXT, re.S)


@pytest.mark.parametrize("toml", FILES)
def test_the_protocols_are_good(tmp_path: Path, toml: str) -> None:
    file = tmp_path / "guide.toml"
    file.write_text(toml)
    assert run("protocol", "check", str(file))[0] == 0


def test_the_heat_test_lines_record_it_and_remove_it(tmp_path: Path) -> None:
    """In the order of the guide, on a simulated wrap whose flash is kept between the lines."""
    lines = [shlex.split(c)[1:] for c in COMMANDS if re.match(r"pbmwrap heat-test (set|clear)", c)]
    lines = [words for words in lines if words[1] == "clear" or "--how" in words]
    at = ["--port", f"sim:{tmp_path}"]
    provisional, cleared, recorded = (
        data(*words, *at, *(["--yes"] if words[1] == "set" else [])) for words in lines[:3]
    )
    assert (provisional["pm"], provisional["max_mc"]) == (500, 42_000)
    assert "provisional" in provisional["how"]
    assert cleared is None
    assert (recorded["pm"], recorded["max_mc"]) == (500, 41_200)
    assert "provisional" not in recorded["how"]
    assert data("heat-test", "show", *at) == recorded


class Bench:
    """A simulated wrap with a dummy load, the bench protocol's light in slot 0."""

    def __init__(self, idle_s: int, figures: dict[str, float] = DUMMY) -> None:
        facts = parts.facts_of("PBMWRAP_RP2040")
        self.twin = SimTwin(Plant(facts, PlantParams(**figures)))
        self.twin.start()
        self.client = Client(TwinTransport(self.twin))
        self.twin.advance_ms(idle_s * 1000)
        self.client.flash_protocol(0, protocol(240, red=[500], nir=[500]))

    @classmethod
    def on_a_bag(cls, heat_test_pm: int) -> Bench:
        """A pad on something warm, calibrated, with a heat test recorded."""
        bench = cls(idle_s=0, figures={})
        bench.twin.advance_ms(40_000)
        for channel, uw in (("red", 3_700), ("nir", 3_900)):
            bench.client.set_calibration(channel, uw, 250, 20261128, "meter, 5x5 grid")
        if heat_test_pm:
            bench.client.set_heat_test(heat_test_pm, 20261128, 42_000, "provisional")
        bench.client.flash_protocol(0, protocol(1200, red=[1000], nir=[1000]))
        return bench

    def after(self, seconds: int) -> Status:
        self.twin.advance_ms(seconds * 1000)
        return self.client.status()


def test_doctor_says_of_a_new_wrap_what_the_guide_says() -> None:
    checks = {c["name"]: c for c in data("doctor", "--port", "sim:")}
    assert all(checks[n]["level"] == "good" for n in ("firmware", "integrity", "fault"))
    assert checks["integrity"]["text"] in TEXT
    notes = {n: checks[n]["text"] for n in ("power", "calibration", "clock", "protocols")}
    assert {checks[n]["level"] for n in notes} == {"note"}
    assert all(f"`{note}`" in TEXT for note in notes.values())


def test_a_dummy_load_runs_its_time_and_is_reported_as_no_heat() -> None:
    bench = Bench(idle_s=60)
    assert [round(t / 1000, 1) for t in bench.client.status().temps_mc] == [25.0] * 4
    bench.client.start()
    now = bench.after(90)
    assert (now.state, now.warnings, now.fault) == ("running", ["no-heat"], None)
    assert [round(duty / 655.35, 1) for duty in now.duty_u16] == [25.0, 25.0]
    assert "`red 25 nir 25 %`" in TEXT
    assert now.power_pm is not None
    assert f"`{text.power_text(now.power_pm, now.power_why)}`" in TEXT
    now = bench.after(155)
    assert (now.state, now.end_reason, now.fault) == ("done", "time", None)
    assert 86_000 < now.next_s <= 86_400  # a dummy's session counts as any


def test_a_thermistor_pulled_in_a_session_is_dark_and_reported() -> None:
    bench = Bench(idle_s=5)
    bench.client.start()
    assert bench.after(10).state == "running"
    bench.twin.plant.set_fault("skin-mid", "open")
    now = bench.after(1)
    assert now.fault and now.fault.name == "sensor-open"
    assert now.duty_u16 == [0, 0]


@pytest.mark.parametrize(("heat_test_pm", "percent"), [(0, 25.0), (500, 50.0)])
def test_a_heat_test_decides_what_light_at_full_intensity_is(heat_test_pm, percent) -> None:
    bench = Bench.on_a_bag(heat_test_pm)
    bench.client.start()
    now = bench.after(60)
    assert [round(duty / 655.35, 1) for duty in now.duty_u16] == [percent, percent]


def test_three_runs_of_the_heat_test_fit_into_a_days_light() -> None:
    sites = re.findall(r'site = "(heat-\w+)"', TEXT)
    assert sites == ["heat-free", "heat-blanket", "heat-weight"]
    assert len(sites) * 1200 <= limits.LIGHT_DAY_S


@pytest.mark.parametrize("ohm", [0.0, 0.22])
def test_a_return_shared_with_the_lamps_is_a_wiring_fault(monkeypatch, ohm: float) -> None:
    """The plant in steps of 10 ms: the check puts the lamps out for so long."""
    monkeypatch.setattr("pbmwrap.twin.coupled.PLANT_MS", 10)
    bench = Bench(idle_s=60)
    for wire in bench.twin.plant.wires:
        wire.shared_ohm = ohm
    bench.client.start()
    now = bench.after(10)
    assert (now.fault and now.fault.name) == ("wiring" if ohm else None)
    assert any(now.duty_u16) == (not ohm)
    assert "0.22 ohm" in TEXT


def test_a_wrap_that_reads_43_degrees_refuses_to_start() -> None:
    bench = Bench(idle_s=5)
    bench.twin.plant.set_fault("skin-mid", "offset", 18.0)
    now = bench.after(1)
    assert now.fault and now.fault.name == "skin-hot"
    with pytest.raises(DeviceError, match="acknowledge it first"):
        bench.client.start()


def test_every_other_kind_of_figure_that_the_text_states() -> None:
    facts = parts.facts_of("PBMWRAP_RP2040")
    assert [c[3] for c in facts.CHANNELS] == [900, 900]
    assert [c[4] // 1000 for c in facts.CHANNELS] == [60, 80]
    assert [c[2] + 16 for c in facts.CHANNELS] == [18, 20]
    assert parts.DUMMY_OHM == 15 and parts.CUTOFF_C == 41
    assert design.ntc_ohm(facts, 43.0) == pytest.approx(4700, rel=0.01)
    assert design.ntc_ohm(facts, 38.6) == pytest.approx(5600, rel=0.01)
    assert facts.PAD_CM2 == parts.REFERENCE_CM2 == 600
    assert limits.BLIND_POWER_MW_CM2 == 9 and 9 * 600 / 12 == 450
    assert limits.HEAT_TEST_MOST_MC == 42_000
    c3 = parts.facts_of("PBMWRAP_ESP32_C3")
    assert (c3.BUTTON_PIN, c3.SENSE_PIN) == (9, 21)  # strapping pin; the boot ROM's output
    assert (parts.CUTOFF_EARLIEST_C, parts.CUTOFF_LATEST_C) == (40.2, 41.8)
    assert design.self_heat_mw(facts, 41.0) / 2 == pytest.approx(0.25, abs=0.01)
