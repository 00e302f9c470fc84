"""What the link shows of the app."""

import runpy
import sys
import types

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import BOARD, LONG, Rig
from wrap import build_info
from wrap.compat import small_int
from wrap.link import status
from wrap.safety.thermistor import FULL
from wrap.version import VERSION


def test_a_frozen_program_reports_its_hash(monkeypatch):
    monkeypatch.setattr(status, "PROGRAM_SHA256", "ab" * 32)
    hello = Rig().ask("hello")
    assert (hello["program"], hello["frozen"], hello["fw"]) == ("ab" * 32, True, VERSION)


@pytest.mark.parametrize(
    ("name", "reported"), [("micropython", "1.25.0"), ("cpython", "cpython 1.25.0")]
)
def test_an_interpreter_other_than_micropython_is_reported_by_name(monkeypatch, name, reported):
    fake = types.SimpleNamespace(name=name, version=(1, 25, 0, ""))
    monkeypatch.setattr(sys, "implementation", fake)
    assert Rig().ask("hello")["mpy"] == reported


@pytest.mark.parametrize("frozen", [True, False])
def test_the_build_is_what_lies_beside_the_firmware(monkeypatch, frozen):
    image = types.ModuleType("wrap_image")
    image.PROGRAM_SHA256, image.CDC_NONBLOCKING = "cd" * 32, True
    image.CLAIM_AT, image.RAM_TESTED, image.THERMISTOR = 655104, True, (1, 2)
    monkeypatch.setitem(sys.modules, "wrap_image", image if frozen else None)
    reported = runpy.run_path(build_info.__file__)
    names = ("PROGRAM_SHA256", "CDC_NONBLOCKING", "CLAIM_AT", "RAM_TESTED", "THERMISTOR")
    built = ["cd" * 32, True, 655104, True, (1, 2)]
    assert [reported[n] for n in names] == (built if frozen else ["files", False, 0, False, None])


def test_without_a_calibration_no_dose_is_shown(rig: Rig):
    rig.light()
    sample = rig.sample()
    assert (sample["dose_uj"], sample["dose_total_uj"]) == (None, None)
    assert not rig.status()["calibrated"]


def test_with_one_calibration_only_that_channel_is_shown(rig: Rig):
    rig.app.light.calibrate("nir", 100000, 30, 20261101, "meter")
    rig.light()
    sample = rig.sample()
    assert sample["dose_uj"] == [None, rig.app.lamps.meters[1].uj]
    assert sample["dose_total_uj"] is None


def test_a_whole_calibration_shows_doses_and_their_sum(rig: Rig):
    rig.calibrate()
    rig.light()
    sample = rig.sample()
    assert sample["dose_total_uj"] == sum(sample["dose_uj"]) > 0
    assert sample["on_ms"] == [m.on_ms for m in rig.app.lamps.meters]
    assert sample["duty_u16"] == rig.hal.duty


@pytest.mark.parametrize("raw", [0, FULL])
def test_a_sensor_without_a_temperature_shows_none(rig: Rig, raw):
    rig.board.set_raw(BOARD, raw)
    rig.advance(10)
    assert rig.sample()["temps_mc"] == [*rig.app.temp_limits.temps_mc[:BOARD], None]


def test_status_names_the_protocol_that_runs_and_the_next(rig: Rig):
    rig.store(2, id="next")
    rig.app.protocols.activate(2)
    status = rig.status()
    assert (status["protocol"], status["next_protocol"], status["slot"]) == (None, "next", 2)
    rig.store(2, id="now", site="foot", dose=4000, steps=LONG)
    between_steps(rig.app).starter.start("link", True)
    rig.advance(50)
    status = rig.status()
    assert (status["protocol"], status["site"]) == ("now", "foot")
    assert (status["total_ms"], status["dose_target_uj"]) == (60000, 4000000)
    assert (status["state"], status["tethered"], status["session"]) == ("self-test", True, 1)
    assert (status["derate_pm"], status["warn"], status["fault"]) == (1000, False, None)


def test_a_fault_is_shown_with_name_text_and_what_came_later(rig: Rig):
    rig.warm(50000, sensor=0)
    rig.advance(10)
    rig.board.set_raw(0, FULL)
    rig.advance(10)
    fault = rig.app.status_view.fault()
    assert (fault["name"], fault["sensor"], fault["later"]) == ("gross-hot", "skin-mid", 1)
    assert fault["text"] == "one reading was far beyond its limit"


def test_small_gives_the_same_number_back():
    assert [small_int(n) for n in (0, 65535, -5)] == [0, 65535, -5]


def test_what_is_kept_for_a_second_is_forgotten_when_a_session_begins(rig):
    rig.store()
    caps = rig.app.caps
    assert [caps.next_s("hand-left", 3) for _ in range(2)] == [0, 0]
    between_steps(rig.app).starter.start("link", False)
    assert caps.next_s("hand-left", 3) == 86400
    assert caps.next_s("hand-left", 3) == 86400


def test_the_fields_of_a_sample_come_first_in_status(rig: Rig):
    rig.calibrate()
    rig.light()
    sample, status = rig.sample(), rig.status()
    assert list(status)[: len(sample)] == list(sample)
    assert {name: status[name] for name in sample} == sample
