"""Every command with --json against a wrap in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import envelope, envelope_model, main
from pbmwrap.cli import text as for_people
from pbmwrap.device import discovery
from pbmwrap.device.answers import parse_answer
from pbmwrap.device.models import FaultInfo, Hello, Sample
from pbmwrap.errors import PortBusy
from pbmwrap.protocols import template
from pbmwrap.protocols.load import load
from tests.host.cli_helpers import EXAMPLE, data, fails, run, wrap
from wrap.safety.power_limit import FEW_SENSORS, NO_HEAT_TEST, NO_REFERENCE, NOT_WORN

__all__ = ("wrap",)  # a fixture


def test_published_schema_is_current():
    kept = envelope_model.SCHEMA_FILE.read_text(encoding="utf-8")
    assert kept == envelope_model.schema_text()


def test_every_kind_of_value_has_a_form_in_json():
    data = {
        "reading": float("nan"),
        "most": float("inf"),
        "pair": (1, 2.5),
        "name": "Prüfung \ud800",
        "began": datetime(2026, 5, 4, 18, 22, 9, tzinfo=UTC),
        "day": date(2026, 5, 4),
        "file": Path("a") / "b",
        "fault": FaultInfo(code=3, name="rate"),
        7: None,
    }
    line = envelope.format_success("bench", data)
    assert line.isascii()
    said = envelope_model.Envelope.model_validate_json(line.replace("\\ud800", "?"))
    assert said.ok and said.error is None and said.version == envelope.VERSION
    found = json.loads(line)["data"]
    assert found.pop("fault")["name"] == "rate"
    assert found == {
        "reading": None,
        "most": None,
        "pair": [1, 2.5],
        "name": "Prüfung \ud800",
        "began": "2026-05-04T18:22:09Z",
        "day": "2026-05-04",
        "file": str(Path("a") / "b"),
        "7": None,
    }
    with pytest.raises(TypeError, match="set has no form in JSON"):
        envelope.format_success("bench", {1})


def test_status_gives_wrap_and_state(wrap):
    said = data("status")
    assert said["wrap"]["uid"] == wrap.hello["uid"]
    assert said["status"]["state"] == "idle"


def test_status_for_people(wrap):
    wrap.status.update(session=3, protocol="foot", site="foot-left", derate_pm=500, calibrated=True)
    wrap.status["fault"] = {"code": 1, "name": "skin-hot", "text": "too hot", "detail": {"mc": 1}}
    wrap.status.update(state="fault", power_pm=250, power_why=NO_HEAT_TEST)
    text = CliRunner().invoke(main.app, ["status"]).stdout
    assert "session   3: foot at foot-left" in text
    assert "heat (C)  skin 31.0, board no reading" in text
    assert "dimmed    to 50 % because of heat" in text
    assert "1 skin-hot: too hot" in text
    assert "power" not in text
    wrap.status["fault"]["sensor"] = "skin-left"
    text = CliRunner().invoke(main.app, ["status"]).stdout
    assert "1 skin-hot at skin-left: too hot" in text


def test_status_and_monitor_tell_warnings(wrap):
    wrap.status["warnings"] = ["no-heat", "newer"]
    text = CliRunner().invoke(main.app, ["status"]).stdout
    assert "warning   no-heat: " in text
    assert "warning   newer: see the log" in text
    line = for_people.sample_line(
        parse_answer(Hello, wrap.hello), Sample(state="running", warnings=["covered"])
    )
    assert line.endswith("warning: covered")


@pytest.mark.parametrize(
    ("pm", "why", "line"),
    [
        (250, NO_HEAT_TEST, f"25 % of full: {NO_HEAT_TEST} (pbmwrap heat-test set)"),
        (250, NO_REFERENCE, f"25 % of full: {NO_REFERENCE}"),
        (250, NOT_WORN, f"25 % of full: {NOT_WORN}"),
        (250, FEW_SENSORS, f"25 % of full: {FEW_SENSORS}"),
        (250, "a newer reason", "25 % of full: a newer reason"),
        (833, None, "83 % of full"),
        (1000, None, "full"),
    ],
)
def test_status_tells_what_the_lamps_may_draw_and_why(wrap, pm, why, line):
    wrap.status.update(power_pm=pm, power_why=why)
    assert f"power     {line}\n" in CliRunner().invoke(main.app, ["status"]).stdout
    del wrap.status["power_pm"]  # an older wrap
    assert "power" not in CliRunner().invoke(main.app, ["status"]).stdout


def test_status_of_four_sensors_and_all_that_may_be_reported_fits_80_columns(wrap):
    names = ("skin-mid", "skin-left", "skin-right", "board")
    wrap.hello["sensors"] = [[n, n.split("-")[0]] for n in names]
    wrap.status.update(
        temps_mc=[33000, None, 33100, 41000], wake_waiting=True,
        wake_due_s=60, buzzer=True, records_lost=4000, power_pm=250, power_why=NO_REFERENCE,
        unconfirmed=["settings", "cal", "heat"], cal_void=["red", "nir"], derate_pm=500,
    )  # fmt: skip
    text = CliRunner().invoke(main.app, ["status"]).stdout
    assert "skin-mid 33.0, skin-left no reading, skin-right 33.1, board 41.0" in text
    assert "buzzer    sounds; a press of the button ends it" in text
    assert "log       4000 records lost" in text
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_a_line_of_monitor_has_80_columns_with_four_sensors(wrap):
    names = ("skin-mid", "skin-left", "skin-right", "board")
    wrap.hello["sensors"] = [[n, n.split("-")[0]] for n in names]
    seen = Sample(
        state="ramp-down",
        active_ms=754000,
        temps_mc=[33000, 33100, 33200, 41000],
        duty_u16=[13107, 19660],
        dose_total_uj=12_340_000,
    )
    line = for_people.sample_line(parse_answer(Hello, wrap.hello), seen)
    assert line == (
        "stopping  12:34  skin 33.0 33.1 33.2 board 41.0 C  red 20 nir 30 %  12.3 J/cm2"
    )
    full = replace(seen, duty_u16=[65535, 65535], temps_mc=[33000, None, 9, -900])
    line = for_people.sample_line(parse_answer(Hello, wrap.hello), full)
    assert line == (
        "stopping  12:34  skin 33.0 none 0.0 board -0.9 C  red 100 nir 100 %  12.3 J/cm2"
    )
    widest = replace(full, temps_mc=[33000] * 4)
    assert len(for_people.sample_line(parse_answer(Hello, wrap.hello), widest)) == 80
    assert " red 100 nir 2.5 % " in for_people.sample_line(
        parse_answer(Hello, wrap.hello), Sample(state="running", duty_u16=[65535, 1638])
    )


def test_status_tells_when_the_next_session_is_possible(wrap):
    text = CliRunner().invoke(main.app, ["status"]).stdout
    assert "possible" not in text
    wrap.status.update(next_s=5400)
    text = CliRunner().invoke(main.app, ["status"]).stdout
    assert "next session possible in 1 h 30 min" in text
    wrap.status.update(state="running")
    assert "possible" not in CliRunner().invoke(main.app, ["status"]).stdout


def test_status_and_monitor_ask_for_the_button(wrap):
    wrap.status.update(state="running", wake_waiting=True, wake_due_s=42)
    text = CliRunner().invoke(main.app, ["status"]).stdout
    assert "awake?    press the button within 42 s" in text
    wrap.idle = lambda: wrap.push("sample", {"state": "running", "wake_waiting": True})
    line = CliRunner().invoke(main.app, ["monitor", "--count", "1"]).stdout
    assert "awake? press the button" in line


def test_flash_stores_verifies_and_activates(wrap):
    said = data("protocol", "flash", EXAMPLE, "--activate")
    assert (said["slot"], said["active"]) == (0, 0)
    assert json.loads(wrap.slots[0])["id"] == EXAMPLE
    assert "proto.get" in wrap.acted


def test_flash_goes_to_its_own_slot_again_and_else_to_a_free_one(wrap):
    data("protocol", "flash", EXAMPLE)
    assert data("protocol", "flash", EXAMPLE)["slot"] == 0
    assert data("protocol", "flash", "nerve-pain")["slot"] == 1
    assert [s and s["id"] for s in data("protocol", "list")["slots"]][:2] == [EXAMPLE, "nerve-pain"]


def test_flash_with_all_slots_full_asks_for_one(wrap):
    raw = json.dumps({"id": "other", "name": "Other"}).encode()
    wrap.slots = dict.fromkeys(range(8), raw)
    assert fails("protocol", "flash", EXAMPLE)[0] == 2
    assert data("protocol", "flash", EXAMPLE, "--slot", "5")["slot"] == 5


def test_flash_that_reads_back_different_is_verify_failed(wrap):
    wrap.flip_protocol = 1
    code, error = fails("protocol", "flash", EXAMPLE)
    assert (code, error["code"]) == (10, "verify_failed")


def test_broken_file_is_refused_before_anything_is_sent(wrap, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text('schema = 1\nid = "Bad Id"\n')
    code, error = fails("protocol", "flash", str(bad))
    assert code == 7
    assert len(error["problems"]) > 1
    assert not [method for method in wrap.acted if method.startswith("proto.")]


def test_check_lists_all_faults_of_all_files(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text('schema = 1\nid = "Bad Id"\n')
    code, error = fails("protocol", "check", str(bad), EXAMPLE)
    assert code == 7
    assert all(problem.startswith(str(bad)) for problem in error["problems"])
    assert data("protocol", "check", EXAMPLE)[0]["id"] == EXAMPLE


def test_check_names_every_file_that_is_missing_or_wrong(tmp_path, capsys):
    bad = tmp_path / "bad.toml"
    bad.write_text('schema = 1\nid = "Bad Id"\n')
    other = tmp_path / "other.toml"
    other.write_text("schema = 2\n")
    none = tmp_path / "none.toml"
    code, error = fails("protocol", "check", str(bad), str(none), EXAMPLE, "nothing", str(other))
    assert code == 7
    for name in (str(bad), str(none), str(other), "nothing"):
        assert any(name in problem for problem in error["problems"])
    assert not any(EXAMPLE in problem for problem in error["problems"])
    assert error["message"] == "4 files are not correct"


def test_a_single_fault_is_shown_once(tmp_path, capsys):
    bad = tmp_path / "bad.toml"
    bad.write_text(
        'schema=1\nid="A"\nname="x"\nsite="s"\n[[step]]\nduration_s=60\nred.intensity=1\n'
    )
    for command in ("check", "show"):
        assert main.main(["protocol", command, str(bad)]) == 7
        err = capsys.readouterr().err
        assert err.count("may hold only a-z") == err.count("\n") == 1


def test_missing_file_names_the_examples():
    code, error = fails("protocol", "check", "nothing")
    assert code == 7
    assert EXAMPLE in error["hint"]


def test_show_computes_without_a_wrap_and_with_its_calibration(wrap):
    assert data("protocol", "show", EXAMPLE)["summary"]["calibrated"] is False
    wrap.calls["cal.get"] = lambda p: [{"uw": 40000}, {"uw": 50000}]
    summary = data("protocol", "show", EXAMPLE, "--port", "memory")["summary"]
    assert summary["calibrated"] is True


def test_show_a_slot_and_wrong_use(wrap):
    data("protocol", "flash", EXAMPLE)
    assert data("protocol", "show", "--slot", "0")["id"] == EXAMPLE
    assert fails("protocol", "show")[0] == 2
    assert fails("protocol", "show", "--slot", "4")[1]["code"] == "not_found"


def test_activate_and_delete(wrap):
    data("protocol", "flash", EXAMPLE)
    assert data("protocol", "activate", "0") == {"active": 0}
    assert data("protocol", "delete", "0") == {"active": None}


def test_new_writes_a_file_that_passes_its_check(wrap, tmp_path):
    file = tmp_path / "mine.toml"
    data("protocol", "new", str(file))
    assert data("protocol", "check", str(file))[0]["id"] == "mine"
    assert fails("protocol", "new", str(file))[0] == 2
    data("protocol", "new", str(file), "--force")
    odd = tmp_path / "Left Knee.v2.toml"
    data("protocol", "new", str(odd), "--name", 'Knee "left" \\ [b]')
    assert data("protocol", "check", str(odd))[0]["id"] == "left-knee-v2"
    assert load(odd).require().name == 'Knee "left" \\ [b]'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--id", "BAD ID"), "--id may hold only a-z, 0-9 and -"),
        (("--id", ""), "--id must not be empty"),
        (("--id", 'a"b'), "--id may hold only a-z, 0-9 and -"),
        (("--name", "x" * 41), "--name must be plain ASCII text of at most 40 characters"),
        (("--name", "\u00e4"), "--name must be plain ASCII text of at most 40 characters"),
        (("--name", "a\x7f"), "--name must be plain ASCII text of at most 40 characters"),
    ],
)
@pytest.mark.parametrize("source", [(), ("--from", EXAMPLE)])
def test_new_writes_nothing_that_its_check_refuses(tmp_path, words, said, source):
    file = tmp_path / "mine.toml"
    code, error = fails("protocol", "new", str(file), *words, *source)
    assert code == 2
    assert error["message"].startswith(said)
    assert not file.exists()


def test_new_starts_from_an_example_or_a_file(tmp_path):
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    data("protocol", "new", str(first), "--from", EXAMPLE, "--name", "Mine")
    example, mine = load(template.examples()[EXAMPLE]).require(), load(first).require()
    assert (mine.id, mine.name) == ("first", "Mine")
    assert mine.model_copy(update={"id": EXAMPLE, "name": example.name}) == example
    assert "#:schema" not in first.read_text()  # its path holds only beside the examples
    assert "# Sore muscle" in first.read_text()
    first.write_bytes(b"\xef\xbb\xbf" + first.read_bytes().replace(b"\n", b"\r\n"))
    data("protocol", "new", str(second), "--from", str(first), "--id", "other")
    assert load(second).require() == mine.model_copy(update={"id": "other"})


def test_new_from_what_is_wrong_or_missing_writes_nothing(tmp_path):
    file, bad = tmp_path / "mine.toml", tmp_path / "bad.toml"
    bad.write_text("schema = 2\n")
    assert fails("protocol", "new", str(file), "--from", str(bad))[0] == 7
    assert fails("protocol", "new", str(file), "--from", "nothing")[0] == 7
    assert not file.exists()


def test_examples_lists_what_is_shipped():
    listed = data("protocol", "examples")
    assert [row["id"] for row in listed] == list(template.examples())
    for row in listed:
        assert load(row["file"]).require().name == row["name"]
    text = CliRunner().invoke(main.app, ["protocol", "examples"]).stdout
    assert all(row["evidence"] in text for row in listed)


def test_session_commands(wrap):
    assert data("run")["session"] == 1
    assert data("pause") == {"state": "paused"}
    assert data("resume") == {"state": "ramp-up"}
    assert data("stop") == {"state": "ramp-down"}
    code, error = fails("stop")
    assert (code, error["code"]) == (8, "not_now")
    assert "pbmwrap run" in error["hint"]


def test_tethered_run_renews_the_lease_until_the_end(wrap):
    states = iter(["running", "running", "done"])
    wrap.idle = lambda: wrap.push("sample", {"state": next(states, "done")})
    wrap.status["end_reason"] = "dose"
    said = data("run", "--tethered")
    assert said["reason"] == "dose"
    assert wrap.acted.count("lease") >= 3
    assert b'"tethered":true' in b"".join(wrap.lines)


def test_tethered_run_ends_the_session_when_interrupted(wrap):
    def interrupt():
        raise KeyboardInterrupt

    wrap.idle = interrupt
    code, error = fails("run", "--tethered")
    assert (code, error["code"]) == (130, "interrupted")
    assert "session.stop" in wrap.acted


def test_tethered_run_that_ends_in_a_fault_is_exit_1(wrap):
    def fault():
        wrap.status.update(state="fault", fault={"code": 1, "name": "skin-hot"})
        wrap.push("sample", {"state": "fault"})

    wrap.idle = fault
    code, said = run("run", "--tethered")
    assert code == 1
    assert said["data"]["status"]["fault"]["name"] == "skin-hot"


def test_clock_settings_calibration_fault(wrap):
    assert data("clock", "set")["unix_s"] > 1_700_000_000
    assert data("settings", "show")["trip_mc"] == 41000
    assert data("settings", "set", "trip_mc", "40000") == {"trip_mc": 40000}
    assert data("cal", "show")["nir"]["uw"] == 42000
    data("cal", "set", "red", "40.5", "--uncertainty", "5", "--how", "meter")
    sent = next(json.loads(line)["p"] for line in wrap.lines if b"cal.set" in line)
    assert (sent["ch"], sent["uw"], sent["unc_pm"], sent["how"]) == ("red", 40500, 50, "meter")
    assert data("fault", "show") is None
    assert data("fault", "ack") == {"state": "idle"}


def test_monitor_prints_an_envelope_a_sample(wrap):
    wrap.idle = lambda: wrap.push("sample", {"state": "running"})
    result = CliRunner().invoke(main.app, ["monitor", "--json", "--count", "2"])
    assert [json.loads(x)["data"]["state"] for x in result.stdout.splitlines()] == ["running"] * 2
    assert json.loads(wrap.lines[-1])["p"]["every_ms"] == 0


def test_ports_lists_who_answers(wrap, monkeypatch):
    found = discovery.PortInfo("/dev/x", "N1", "2e8a:0005", "Board")
    asked = [discovery.Candidate(found, hello=parse_answer(discovery.Hello, wrap.hello))]
    asked.append(discovery.Candidate(found, problem=PortBusy("/dev/x is in use")))
    monkeypatch.setattr(discovery, "scan_ports", lambda: asked)
    said = data("ports")
    assert said[0]["wrap"]["product"] == "pbmwrap"
    assert said[1]["problem"] == "/dev/x is in use"
    assert "wrap 0.1.0, idle" in CliRunner().invoke(main.app, ["ports"]).stdout


def test_doctor_names_what_is_wrong(wrap):
    wrap.status["fault"] = {"code": 4, "name": "sensor-open", "text": "unplugged"}
    wrap.status["temps_mc"] = [31000, 30000]
    code, said = run("doctor")
    assert code == 1
    bad = [check["name"] for check in said["data"] if check["level"] == "bad"]
    assert "fault" in bad
    wrap.status["fault"] = None
    assert run("doctor")[0] == 0


def test_version_needs_no_wrap_but_can_ask_one(wrap, monkeypatch):
    assert data("version")["firmware"] == "0.1.0"  # $PBMWRAP_PORT names one
    monkeypatch.delenv("PBMWRAP_PORT")
    assert "firmware" not in data("version")
    assert data("version", "--port", "memory")["firmware"] == "0.1.0"


@pytest.mark.parametrize(
    ("mpy", "reported"), [("1.25.0", "MicroPython 1.25.0"), ("cpython 3.11.7", "cpython 3.11.7")]
)
def test_version_names_what_runs_the_wrap_and_why_it_started(wrap, mpy, reported):
    wrap.hello["mpy"], wrap.hello["cause"] = mpy, "brown-out"
    result = CliRunner().invoke(main.app, ["version", "--port", "memory"])
    assert f"({reported}), last start: brown-out" in result.stdout
