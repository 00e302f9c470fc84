"""What fuzzing has found (docs/fuzzing.md): input that is odd in a way nobody writes by hand."""

import json

import pytest

import board_facts
from tests.unit.conftest import Rig, answers, protocol
from wrap.link import frames, server
from wrap.rules import faults
from wrap.rules import protocol as rules
from wrap.safety.restart_count import RestartCount
from wrap.storage.atomic_store import Store, seal
from wrap.storage.settings import Settings

NO_NUMBERS = [None, "1", 1.5, [1], {}, -1, 1 << 40, float("inf")]


@pytest.mark.parametrize("body", [b'{"g":1e999,"v":{}}', b'{"g":1,"v":' + b"[" * 9000])
def test_a_stores_generation_is_a_number_and_its_content_not_too_deep(files, body):
    from binascii import crc32

    files.data["s.a"] = b"%08x%s" % (crc32(body), body)
    store = Store(files, "s")
    assert (store.value, store.damaged) == ({}, True)


@pytest.mark.parametrize("slot", [*NO_NUMBERS, 8])
def test_an_active_slot_that_is_none_counts_as_the_first(files, slot):
    files.data["active.a"] = seal(1, {"slot": slot})
    rig = Rig(files)
    rig.store(0)
    assert rig.ask("status")["slot"] == 0
    assert rig.state == "idle"


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_an_invalid_session_counter_starts_from_zero(files, number):
    files.data["count.a"] = seal(1, {"session": number})
    rig = Rig(files)
    rig.store(0)
    assert rig.ask("session.start") == {"session": 1}


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_a_count_of_restarts_that_is_none_counts_as_zero(files, number):
    files.data["resets.a"] = seal(1, {"n": number})
    assert RestartCount(Store(files, "resets"), "watchdog").count == 1


@pytest.mark.parametrize("code", [*NO_NUMBERS, 0, len(faults.NAMES)])
def test_a_fault_code_that_this_firmware_does_not_know_is_a_damaged_memory(files, code):
    files.data["fault.b"] = seal(3, {"code": code, "detail": 1})
    rig = Rig(files)
    rig.advance(1000)
    assert rig.state == "fault"
    assert rig.ask("fault.get")["name"] == "storage"
    assert rig.ask("fault.ack") == {"state": "idle"}
    assert Rig(files).state == "idle"


@pytest.mark.parametrize("uw", [None, "1", 50000.5, 0, -5, 1499, 200001])
def test_a_stored_calibration_out_of_bounds_is_none(files, uw):
    files.data["cal.a"] = seal(1, {"red": {"uw": uw, "unc_pm": 100}, "nir": 7})
    kept = Settings(files, board_facts.CHANNELS)
    assert kept.calibrations() == [None, None]
    assert kept.irradiance() == [(60000, 60000), (80000, 80000)]


@pytest.mark.parametrize("unc_pm", [None, "1", 50.5, -1, 0, 29, 501])
def test_a_stored_uncertainty_out_of_bounds_makes_no_calibration(files, unc_pm):
    files.data["cal.a"] = seal(1, {"nir": {"uw": 50000, "unc_pm": unc_pm}})
    assert Settings(files, board_facts.CHANNELS).calibrations() == [None, None]


@pytest.mark.parametrize("uw,unc_pm,upper", [(2000, 30, 2060), (200000, 500, 300000)])
def test_a_stored_calibration_at_its_bounds_is_one(files, uw, unc_pm, upper):
    files.data["cal.a"] = seal(1, {"nir": {"uw": uw, "unc_pm": unc_pm}})
    assert Settings(files, board_facts.CHANNELS).irradiance() == [(60000, 60000), (uw, upper)]


@pytest.mark.parametrize(
    "kept",
    [
        {"age": 1.5},
        {"age": float("inf"), "sites": {"foot": [[0, 0, 1000]]}},
        {"age": 5, "line": 0.5},
        {"age": 5, "sites": {"foot": [[0.0, 0, 1000]]}},
        {"age": 5, "sites": {"foot": [[0, 1e300, 1000]]}},
        {"age": 5, "sites": {"foot": [[0, 0, 0.5]]}},
    ],
)
def test_a_history_with_fractions_is_a_damaged_one(files, kept):
    files.data["course.a"] = seal(1, kept)
    rig = Rig(files)
    rig.store(0)
    code, text = rig.ask("session.start")
    assert code == "not_now" and "the session history was damaged" in text


@pytest.mark.parametrize(
    "changes,text",
    [
        ({1: 2}, "1 is not known"),
        ({"steps": [{"t": 1, "ch": {"red": [1]}, 7: 1}]}, "steps[0].7 is not known"),
        (
            {"steps": [{"t": 1, "ch": {None: [1]}}]},
            "steps[0].ch.None is not a channel of this wrap (it has red)",
        ),
    ],
)
def test_keys_that_are_not_text_are_reported_like_others(changes, text):
    """MicroPython's JSON parser accepts them."""
    steps = [{"t": 1, "ch": {"red": [1]}}]
    obj = {**json.loads(protocol()), "steps": steps, **changes}
    (problem,) = rules.find_problems(obj, {"red": 660})
    assert rules.problem_text(problem) == text


def test_a_protocol_of_brackets_is_refused_unread(monkeypatch):
    def loads(raw):
        raise AssertionError("it was read")

    monkeypatch.setattr(rules.json, "loads", loads)
    for raw in (b"[" * 201, b"{" * 100 + b"[" * 101):
        with pytest.raises(ValueError, match=r"^nested too deeply$"):
            rules.parse(raw)


def test_the_largest_protocol_with_brackets_in_its_texts_is_read():
    step = {"t": 1, "ch": {name: [1] for name in "abcd"}}
    raw = protocol(name="[" * 40, grade="{" * 40, steps=[step] * 16)
    assert rules.parse(raw)["name"] == "[" * 40


@pytest.mark.parametrize("number", [True, False])
def test_true_and_false_are_no_request_numbers(rig, number):
    rig.advance(100)
    rig.board.write(frames.encode(json.dumps({"i": number, "m": "state"}).encode()))
    rig.advance(100)
    assert [a["e"][0] for a in answers(rig.board.read())] == ["bad_frame"]


def test_an_answer_is_ascii_whatever_it_repeats(rig, monkeypatch):
    """MicroPython's JSON leaves letters of other alphabets as they are, even half a pair."""
    monkeypatch.setattr(server, "json", PlainJson)
    assert rig.ask("\u00e9\U0001f525") == ("unknown_method", "no method ??????")
    assert rig.ask("no.such") == ("unknown_method", "no method no.such")


def test_an_answer_repeats_no_delete_character(rig, monkeypatch):
    """MicroPython's JSON leaves it as it is."""
    monkeypatch.setattr(server, "json", PlainJson)
    assert rig.ask("stat\x7fs") == ("unknown_method", "no method stat?s")


class PlainJson:
    loads = staticmethod(json.loads)

    @staticmethod
    def dumps(obj, separators):
        return json.dumps(obj, separators=separators, ensure_ascii=False)


def test_a_clock_at_its_end_does_not_stop_a_session_from_beginning(rig):
    rig.store(0)
    assert rig.ask("clock.set", t=4102444800) == {"unix_s": 4102444800}
    assert rig.ask("clock.set", t=4102444801)[0] == "bad_param"
    rig.advance(5000)
    assert rig.ask("session.start") == {"session": 1}
    assert rig.state == "self-test" or rig.state == "ramp-up"
