"""What the host does for people who share a wrap: tags, holds, courses, calibrations with a peak,
light for a calibration. Against a simulated wrap, an older one, and the command."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.device.client import Client
from pbmwrap.device.models import Calibration, Hold
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import DeviceError
from pbmwrap.logs.decode import decode
from pbmwrap.logs.sessions import group_sessions
from pbmwrap.protocols import encode
from pbmwrap.protocols.load import load, loads
from pbmwrap.protocols.summary import summary
from pbmwrap.protocols.template import examples, make_template
from pbmwrap.protocols.to_toml import format_toml
from pbmwrap.twin.sim import SimTwin
from tests.host.cli_helpers import data, fails, wrap
from wrap.storage import records

__all__ = ("wrap",)  # a fixture
SHA = "0123456789abcdef" * 4
CHANNELS = {"red": 660, "nir": 850}


class Bench:
    def __init__(self) -> None:
        self.twin = SimTwin()
        self.twin.start()
        self.client = Client(TwinTransport(self.twin))


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.twin.close()


def tagged(person: str) -> str:
    return make_template().replace('site = "foot-left"', f'site = "foot-left"\nperson = "{person}"')


# ---- protocol files


def test_a_tag_goes_to_the_wrap_and_comes_back() -> None:
    protocol = loads(tagged("a1")).require()
    raw = encode.canonical(protocol)
    assert b'"person":"a1"' in raw
    again = encode.from_canonical(raw, CHANNELS)
    assert again.person == "a1" and encode.canonical(again) == raw
    assert loads(format_toml(again)).require().person == "a1"


def test_a_protocol_without_a_tag_has_the_bytes_that_it_always_had() -> None:
    raw = encode.canonical(load(examples()["minor-injury"]).require())
    assert b"person" not in raw


@pytest.mark.parametrize("person", ["", "A1", "a-1", "123456789"])
def test_a_wrong_tag_is_a_fault_at_its_line(person: str) -> None:
    checked = loads(tagged(person))
    (fault,) = checked.faults
    assert (fault.key, fault.reason) == ("person", "must be 1 to 8 characters a-z and 0-9")
    assert tagged(person).splitlines()[fault.line - 1].startswith("person")


# ---- on a simulated wrap


def test_status_list_and_course_name_the_person(bench: Bench) -> None:
    raw = encode.canonical(loads(tagged("a1")).require())
    bench.client.flash_protocol(0, raw)
    bench.client.activate(0)
    slot = bench.client.protocols().slots[0]
    assert slot and slot.person == "a1"
    assert bench.client.status().next_person == "a1"
    bench.client.start()
    bench.twin.advance_ms(70_000)
    bench.client.stop()
    bench.twin.advance_ms(1000)
    course = bench.client.course()
    site = course.find_site("foot-left", "a1")
    assert site and site.day == 1 and course.find_site("foot-left") is None
    found = decode(bench.client.pull_log().data)
    start = next(e for e in found.entries if e.kind == records.START)
    assert start.data and '"person":"a1"' in start.data["protocol"]


def test_holds_are_set_shown_and_cleared(bench: Bench) -> None:
    hold = Hold("a1", "wound")
    assert bench.client.holds() == []
    assert bench.client.set_hold("a1", "wound") == [hold] == bench.client.holds()
    assert bench.client.clear_hold("a1", "wound") == []


def test_a_course_is_in_the_log(bench: Bench) -> None:
    bench.client.note_course("a1", SHA, "closed")
    bench.twin.advance_ms(200)
    found = decode(bench.client.pull_log().data)
    assert found.unknown == ()
    (entry,) = [e for e in found.entries if e.name == "course"]
    assert entry.data == {"person": "a1", "sha": SHA, "what": "closed"}


def test_a_calibration_keeps_its_peak_and_counts_its_light(bench: Bench) -> None:
    kept, none = bench.client.set_calibration(
        "red", 40_000, 100, 20261129, "grid", 1350, "S121C", SHA
    )
    assert none is None
    assert kept == Calibration(40_000, 100, 20261129, "grid", 1350, "S121C", SHA, 0)
    assert kept.upper_uw == pytest.approx(59_400)
    assert Calibration(40_000, 100).upper_uw == pytest.approx(44_000)


def test_calibration_light_is_refused_on_the_worn_wrap_of_the_simulator(bench: Bench) -> None:
    with pytest.raises(DeviceError, match="reads as worn") as refusal:
        bench.client.light_for_calibration("red", 500, 60)
    assert refusal.value.hint == ""
    bench.twin.plant.change(contact=0.0, ambient_c=21.0)
    bench.twin.plant.settle()
    bench.twin.advance_ms(3000)
    assert bench.client.light_for_calibration("red", 500, 60) == "calibrating"
    for _ in range(5):
        bench.client.lease()
        bench.twin.advance_ms(1000)
    assert bench.client.status().duty_u16[0] > 10_000
    assert bench.client.stop() == "calibrating"
    bench.twin.advance_ms(1000)
    assert bench.client.status().state == "idle"
    found = decode(bench.client.pull_log().data)
    assert group_sessions(found) == []
    notes = [e.data for e in found.entries if e.kind == records.NOTE and e.data]
    assert [next(iter(n)) for n in notes] == ["calibration_light", "calibration_light_end"]


# ---- an older wrap


def test_an_older_wrap_is_named_and_keeps_its_calibration(wrap) -> None:
    client = Client(wrap)
    calls = (
        client.holds,
        lambda: client.set_hold("a1", "wound"),
        lambda: client.note_course("a1", SHA, "frozen"),
        lambda: client.light_for_calibration("red", 500, 60),
        lambda: client.set_calibration("red", 40_000, 100, 20261129, "grid", peak_pm=1350),
        lambda: client.set_calibration("red", 40_000, 100, 20261129, "grid", sha=SHA),
    )
    for call in calls:
        with pytest.raises(DeviceError) as refusal:
            call()
        assert refusal.value.device_code == "unknown_method"
        assert "pbmwrap install" in (refusal.value.hint or "")
    assert "cal.set" not in wrap.acted
    client.set_calibration("red", 40_000, 100, 20261129, "grid")
    assert "cal.set" in wrap.acted


def test_the_answers_of_an_older_wrap_lack_only_what_is_new(wrap) -> None:
    status = Client(wrap).status()
    assert (status.person, status.next_person, status.held) == (None, None, None)


# ---- figures and commands


def test_the_worst_case_of_a_protocol_uses_the_peak() -> None:
    protocol = load(examples()["minor-injury"]).require()
    plain = [Calibration(30_000, 100), Calibration(30_000, 100)]
    peak = [Calibration(30_000, 100, peak_pm=1500), Calibration(30_000, 100, peak_pm=1500)]
    before, after = (summary(protocol, calibration=c) for c in (plain, peak))
    assert after.fluence_worst_j_cm2 == pytest.approx(1.5 * before.fluence_worst_j_cm2)
    assert after.fluence_j_cm2 == before.fluence_j_cm2


def test_cal_show_has_the_peak(wrap) -> None:
    red = Calibration(40_000, 100, 0, "grid", 1350).as_json()
    wrap.calls["cal.get"] = lambda params: [red, None]
    shown = CliRunner().invoke(main.app, ["cal", "show"]).stdout
    assert "40.00 mW/cm2, peak 1.35 x" in shown


def standing(wrap, *holds):
    wrap.calls["hold.get"] = lambda params: {"holds": list(holds)}


def test_hold_show_set_and_clear(wrap) -> None:
    wound = {"person": "a1", "reason": "wound"}
    standing(wrap)
    assert data("hold", "show") == {"holds": []}
    assert CliRunner().invoke(main.app, ["hold", "show"]).stdout == "no hold stands\n"
    standing(wrap, wound, {"person": "*", "reason": "burn"})
    shown = CliRunner().invoke(main.app, ["hold", "show"]).stdout
    assert "a1" in shown and "everybody" in shown and "burn" in shown
    sent = []
    wrap.calls["hold.set"] = lambda params: sent.append(params) or {"holds": [wound]}
    wrap.calls["hold.clear"] = lambda params: sent.append(params) or {"holds": []}
    assert data("hold", "set", "a1", "wound") == {"holds": [wound]}
    code, error = fails("hold", "clear", "a1", "wound")
    assert (code, error["code"]) == (2, "usage") and "--yes" in error["hint"]
    no = CliRunner().invoke(main.app, ["hold", "clear", "a1", "wound"], input="n\n")
    assert no.exit_code == 1 and "when a clinician" in no.stderr
    assert sent == [wound]
    assert data("hold", "clear", "a1", "wound", "--yes") == {"holds": []}
    assert sent == [wound, wound]


def test_a_start_that_is_held_says_how_to_go_on(wrap) -> None:
    refusal = DeviceError("held", "light is held: wound", "session.start")
    assert "light is held: wound" in refusal.message
    assert "`pbmwrap hold show`" in (refusal.hint or "")


def test_status_and_confirm_show_holds(wrap) -> None:
    wrap.status.update(held="wound", unconfirmed=["hold"])
    standing(wrap, {"person": "a1", "reason": "wound"})
    said = CliRunner().invoke(main.app, ["status"]).stdout
    assert "held      wound (pbmwrap hold show)" in said
    asked = CliRunner().invoke(main.app, ["settings", "confirm"], input="n\n")
    assert "damaged or lost: holds" in asked.stderr and "a1" in asked.stderr
