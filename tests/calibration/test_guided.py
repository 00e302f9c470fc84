"""The guided measurement on a scripted wrap: complete, interrupted at every answer, and with a
light that goes out."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from pbmwrap.calibration import steps, store
from pbmwrap.calibration.driver import Paused
from pbmwrap.calibration.finish import finish_record
from pbmwrap.calibration.record import Record, as_json, from_json
from pbmwrap.calibration.steps import AWAY_S, LIGHT_S, WARM_UP_S
from pbmwrap.errors import WrapError
from tests.calibration.bench import BenchWrap, Interrupt, Person, new_driver, new_record, read_pad
from wrap.rules.limits import CAL_LIGHT_S
from wrap.rules.states import BY_BUTTON


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path))
    monkeypatch.setattr(steps, "WARM_UP_S", 3)
    return tmp_path


def measure(wrap: BenchWrap, person: Person) -> dict:
    """The finished record as JSON, without its times."""
    record = new_record()
    del record.channels[len(wrap.hello["channels"]) :]
    new_driver(wrap, person, record).run()
    finish_record(record, 1)
    return without_times(as_json(record))


def without_times(data: dict) -> dict:
    for one in data["readings"]:
        one["at_s"] = 0
    return data


def test_a_complete_measurement_gives_the_pads_irradiance() -> None:
    wrap = BenchWrap()
    person = Person(wrap)
    results = measure(wrap, person)["results"]
    grid = [0.8, 0.875, 0.875, 0.95]
    for channel, middle in (("red", 30.0), ("nir", 40.0)):
        found = results[channel]
        assert found["mean_mw_cm2"] == pytest.approx(middle * sum(grid) / 4, rel=1e-3)
        assert found["peak_by_mean"] == pytest.approx(0.95 / (sum(grid) / 4), rel=1e-3)
        assert found["min_by_mean"] == pytest.approx(0.8 / (sum(grid) / 4), rel=1e-3)
        assert found["uw"] == pytest.approx(middle * 875, abs=10)
    assert wrap.lit is None
    assert wrap.begun == ["red", "nir"]
    assert not [text for text in person.asked if text.startswith("?")]


def test_each_channel_warms_up_two_minutes_before_its_first_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "WARM_UP_S", WARM_UP_S)
    wrap = BenchWrap()
    seen: list[float] = []

    def read(channel: str, point: tuple[int, int] | None) -> str:
        if point is not None:
            seen.append(wrap.now_s - (wrap.lit_until_s - LIGHT_S))
        return read_pad(channel, point)

    measure(wrap, Person(wrap, read))
    assert (LIGHT_S, WARM_UP_S) == (CAL_LIGHT_S, 120)
    assert min(seen) >= WARM_UP_S


def test_an_interruption_at_every_answer_loses_nothing() -> None:
    """Switched off before each answer in turn: the rest is asked, and nothing again."""
    whole = Person(red_wrap())
    expected = measure(whole.wrap, whole)
    for stop_after in range(len(whole.asked)):
        record = new_record()
        del record.channels[1:]
        kept = [json.dumps(as_json(record))]  # what is on the disk
        first = Person(red_wrap(), stop_after=stop_after, stop_by=Interrupt)
        save = functools.partial(write_to, kept)
        with pytest.raises(Interrupt):
            new_driver(first.wrap, first, record, save).run()
        assert first.wrap.lit is None, "the light stayed on"
        loaded = from_json(json.loads(kept[-1]))
        second = Person(red_wrap())
        new_driver(second.wrap, second, loaded, save).run()
        finish_record(loaded, 1)
        assert without_times(as_json(loaded)) == expected
        asked = [t for t in first.asked + second.asked if "Type yes" not in t]
        assert asked == [t for t in whole.asked if "Type yes" not in t]


def red_wrap() -> BenchWrap:
    wrap = BenchWrap()
    wrap.hello["channels"] = [["red", 660]]
    return wrap


def write_to(kept: list[str], record: Record) -> None:
    kept.append(json.dumps(as_json(record)))


def test_the_end_of_the_input_keeps_everything_on_the_disk() -> None:
    wrap = BenchWrap()
    record = new_record()
    with pytest.raises(Paused, match="everything typed so far is saved and the light is off"):
        new_driver(wrap, Person(wrap, stop_after=17), record, store.save_record).run()
    assert wrap.lit is None
    loaded = store.find_open(record.uid, "measure")
    assert loaded is not None and as_json(loaded) == as_json(record)
    assert len(loaded.readings) == 5


def test_the_light_goes_out_while_nobody_answers_and_warms_up_again() -> None:
    wrap = BenchWrap()
    person = Person(wrap)
    waits = iter([4.0] * 14 + [AWAY_S + 30.0])

    def read(channel: str, point: tuple[int, int] | None) -> str:
        person.wait_s = next(waits, 4.0)
        return read_pad(channel, point)

    person.read = read
    record = new_record()
    new_driver(wrap, person, record).run()
    assert any("no answer for a while: the light is off" in text for text in person.shown)
    assert len(wrap.begun) == 3
    finish_record(record, 1)
    assert len(record.readings) == 2 * (1 + 2 * 4)


def test_a_reading_is_not_taken_when_the_wrap_has_turned_its_light_off() -> None:
    wrap = BenchWrap()
    count = 0

    def read(channel: str, point: tuple[int, int] | None) -> str:
        nonlocal count
        count += point is not None
        if count == 3 and wrap.lit:
            wrap.put_out(BY_BUTTON)
        return read_pad(channel, point)

    person = Person(wrap, read)
    record = new_record()
    new_driver(wrap, person, record).run()
    assert any("stopped by the button; '28.52' was not taken" in text for text in person.shown)
    assert len(record.readings) == 18


def test_the_light_ends_by_itself_and_is_renewed() -> None:
    """300 s between answers is too long; 80 s are not, but a lighting has 900 s in all."""
    wrap = BenchWrap()
    person = Person(wrap, wait_s=80.0, answers={"grid": "3x3"})
    record = new_record()
    new_driver(wrap, person, record).run()
    assert len(wrap.begun) > 2
    assert any("time is up" in text for text in person.shown)
    assert len([one for one in record.readings if not one.replaced]) == 2 * (1 + 2 * 9)


def test_light_begins_only_after_a_person_has_typed_yes() -> None:
    wrap = BenchWrap()
    said = iter(["no", "maybe", ""])
    person = Person(wrap)
    usual = person.give_answer

    def answer(text: str) -> str:
        return next(said, "yes") if "Type yes" in text else usual(text)

    person.give_answer = answer  # type: ignore[method-assign]
    record = new_record()
    new_driver(wrap, person, record).run()
    assert person.shown.count("the light stays off until you type yes") == 3
    assert len(wrap.begun) == 2


def test_a_refusal_by_the_wrap_is_shown_and_the_person_waits_or_stops() -> None:
    wrap = BenchWrap()
    wrap.refuse = "with calibration light of 1800 s in 60 min; possible in 12 min"
    record = new_record()
    person = Person(wrap, decide=lambda text: "keep")
    usual = person.give_answer

    def answer(text: str) -> str:
        if any("possible in 12 min" in line for line in person.shown):
            wrap.refuse = None if len(person.shown) > 1 else wrap.refuse
        return "stop" if len(person.shown) == 3 and wrap.refuse else usual(text)

    person.give_answer = answer  # type: ignore[method-assign]
    new_driver(wrap, person, record).run()
    assert sum("possible in 12 min; " in line for line in person.shown) == 2
    finish_record(record, 1)
    assert set(record.results) == {"red", "nir"}


def test_stop_ends_for_now_and_another_refusal_ends_the_command() -> None:
    wrap = BenchWrap()
    record = new_record()
    person = Person(wrap)
    person.read = lambda channel, point: "stop" if point == (0, 1) else read_pad(channel, point)
    with pytest.raises(Paused, match="stopped; everything typed so far is saved"):
        new_driver(wrap, person, record).run()
    assert (wrap.lit, len(record.readings)) == (None, 2)
    wrap.calls["cal.light"] = wrap.refuse_unknown
    with pytest.raises(WrapError, match="no such method"):
        new_driver(wrap, Person(wrap), record).run()


def test_readings_at_a_part_of_the_duty_are_scaled_and_cost_uncertainty() -> None:
    full, part = BenchWrap(), BenchWrap()
    part.duty_u16 = 16384

    def quarter(channel: str, point: tuple[int, int] | None) -> str:
        if point is None:
            return "0.02"
        return f"{(float(read_pad(channel, point)) - 0.02) / 4 + 0.02:.4f}"

    whole, scaled = measure(full, Person(full)), measure(part, Person(part, quarter))
    for channel in ("red", "nir"):
        one, other = whole["results"][channel], scaled["results"][channel]
        assert other["mean_mw_cm2"] == pytest.approx(one["mean_mw_cm2"], rel=1e-3)
        assert other["u_pct"] > one["u_pct"]


def test_back_measures_the_last_reading_again_and_keeps_the_first() -> None:
    wrap = BenchWrap()
    typed = iter(["0.02", "99.9", "back"])
    person = Person(wrap, lambda channel, point: next(typed, read_pad(channel, point)))
    record = new_record()
    record.channels[0].worst_uw = None
    new_driver(wrap, person, record).run()
    assert [(one.text, one.replaced) for one in record.readings[1:3]] == [
        ("99.9", True),
        ("24.02", False),
    ]
