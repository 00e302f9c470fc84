"""Bad input: refused or asked about in plain words, and nothing lost."""

from __future__ import annotations

import pytest

from pbmwrap.calibration.problems import Question, Refusal
from pbmwrap.calibration.record import LIGHT, Record
from pbmwrap.calibration.results import compute_result
from pbmwrap.calibration.steps import (
    QUESTION,
    READING,
    WAVELENGTH,
    Moment,
    Step,
    accept_answer,
    next_step,
    take_back,
)
from pbmwrap.calibration.units import parse_typed
from tests.calibration.bench import ANSWERS, new_record, read_pad

LIT = Moment(1000, "red", 500.0, None, 65535, (31000, None), 30.0)
DARK = Moment(900)


def ready(kind: str = "silicon", unit: str = "mW/cm2", grid: str = "3x3") -> Record:
    """A record with its set-up, red's wavelength and dark reading, ready for red's first point."""
    record = new_record()
    given = ANSWERS | {"meter": kind, "unit": unit, "grid": grid}
    while (step := next_step(record, DARK)).kind == "field":
        accept_answer(record, step, given[step.key], DARK)
    if step.kind == WAVELENGTH:
        accept_answer(record, step, "660", DARK)
    accept_answer(record, next_step(record, DARK), "0.02", DARK)
    return record


def enter(record: Record, text: str, now: Moment = LIT) -> Question | None:
    """Type an answer to the next step."""
    return accept_answer(record, next_step(record, now), text, now)


def refusal(record: Record, text: str, now: Moment = LIT) -> Refusal:
    before = repr(record)
    with pytest.raises(Refusal) as found:
        enter(record, text, now)
    assert repr(record) == before, "the record changed"
    return found.value


@pytest.mark.parametrize("meter,words", [("solar", "20 % to 3 times"), ("lux", "6 % of 660 nm")])
def test_solar_and_lux_meters_cannot_calibrate(meter: str, words: str) -> None:
    record = new_record()
    found = refusal(record, meter, DARK)
    assert found.code == "not_absolute"
    assert words in found.text and "`pbmwrap cal check`" in found.text


@pytest.mark.parametrize("meter", ["solar", "lux"])
def test_solar_and_lux_meters_may_watch_ageing(meter: str) -> None:
    record = new_record("check")
    assert enter(record, meter, DARK) is None
    assert record.answers["meter"] == meter


@pytest.mark.parametrize(
    "text,code,words",
    [
        ("", "no_wavelength", "wrong by tens of percent"),
        ("none", "no_wavelength", "use a thermopile"),
        ("633 nm", "wavelength", "the meter is set to 633 nm and red has 660 nm"),
        ("0.4/0", "responsivity", "not a ratio"),
        ("0.4/9", "responsivity", "not a ratio"),
    ],
)
def test_a_missing_wavelength_correction_is_refused(text: str, code: str, words: str) -> None:
    record = new_record()
    while (step := next_step(record, DARK)).kind == "field":
        accept_answer(record, step, ANSWERS[step.key], DARK)
    found = refusal(record, text, DARK)
    assert found.code == code and words in found.text


def test_a_responsivity_correction_is_applied_and_costs_uncertainty() -> None:
    """A head for 633 nm with 0.36 A/W there and 0.40 at 660 shows 0.40 / 0.36 too much."""
    plain, corrected = (measured(setting) for setting in ("660", "0.36/0.40"))
    one, other = compute_result(plain, "red"), compute_result(corrected, "red")
    assert other.mean == pytest.approx(one.mean * 0.9)
    assert other.budget.combined_pct > one.budget.combined_pct


def measured(setting: str) -> Record:
    record = new_record()
    given = ANSWERS | {"grid": "2x2"}
    while (step := next_step(record, LIT)).channel != "nir":
        now = DARK if step.key == "dark" else LIT
        text = given.get(step.key, "")
        if step.kind == WAVELENGTH:
            text = setting
        elif step.kind == READING:
            text = read_pad("red", (step.row, step.column) if step.key == LIGHT else None)
        accept_answer(record, step, text, now)
    return record


@pytest.mark.parametrize(
    "text,code",
    [
        ("OL", "over"),
        ("over", "over"),
        ("----", "over"),
        ("499.9", "over"),
        ("0.02", "below_dark"),
        ("0.01", "below_dark"),
        ("-3", "negative"),
        ("0", "negative"),
        ("", "empty"),
        ("abc", "not_a_number"),
        ("1e999", "not_a_number"),
        ("1,234", "comma"),
        ("1.234,5", "marks"),
        ("1'234.5", "marks"),
        ("3 lx", "unit"),
        ("30 lux", "unit"),
        ("30 umol/m2/s", "unit"),
        ("30 mW", "unit"),
        ("30 MW/cm2", "unit"),
        ("12 furlongs", "unit"),
    ],
)
def test_a_reading_that_cannot_be_used_is_refused(text: str, code: str) -> None:
    assert refusal(ready(), text).code == code


@pytest.mark.parametrize(
    "text,code,value",
    [("3,7", "comma", 3.7), ("0,512", "comma", 0.512), ("37 W/m2", "unit", 3.7)],
)
def test_a_decimal_comma_and_another_unit_are_asked_about(
    text: str, code: str, value: float
) -> None:
    record = ready()
    asked = enter(record, text)
    assert asked and asked.code == code and asked.guess
    assert not [one for one in record.readings if one.kind == LIGHT]
    while record.pending:
        enter(record, "keep")
    assert record.readings[-1].value == pytest.approx(value)
    assert record.readings[-1].text == text


def test_a_question_answered_with_again_keeps_the_first_reading_in_the_record() -> None:
    record = ready()
    assert enter(record, "70")  # above the stated worst case of 60
    enter(record, "again")
    assert [(one.text, one.replaced) for one in record.readings][1:] == [("70", True)]
    step = next_step(record, LIT)
    assert (step.kind, step.row, step.column) == (READING, 0, 0)


@pytest.mark.parametrize("text,code", [("70", "above_worst"), ("0.9", "below_least")])
def test_readings_that_contradict_the_stated_worst_case_are_questioned(
    text: str, code: str
) -> None:
    record = ready()
    asked = enter(record, text)
    assert asked and asked.code == code
    assert "stated worst case of 60" in asked.text
    assert next_step(record, LIT).kind == QUESTION
    assert refusal(record, "maybe").code == "answer"
    enter(record, "keep")
    assert record.readings[-1].kept == [code]


def test_a_bright_room_is_questioned() -> None:
    record = new_record()
    while (step := next_step(record, DARK)).kind == "field":
        accept_answer(record, step, ANSWERS[step.key], DARK)
    enter(record, "660", DARK)
    asked = enter(record, "2.4", DARK)
    assert asked and asked.code == "bright" and "4 %" in asked.text


def test_an_outlier_against_its_neighbours_is_asked_about_and_never_dropped() -> None:
    record = ready()
    for text in ("30", "31", "30.5", "30.2"):
        assert enter(record, text) is None
    asked = enter(record, "3.05")
    assert asked and asked.code == "neighbours" and "Is the decimal point right?" in asked.text
    enter(record, "keep")
    assert record.readings[-1].text == "3.05"


def test_the_first_point_is_asked_about_when_the_grid_is_complete() -> None:
    """It had no neighbours when it was read."""
    record = ready()
    asked = [enter(record, text) for text in ("12", "30", "30", "30", "30", "30", "30", "30", "30")]
    last = asked.pop()
    assert asked == [None] * 8
    assert last and last.code == "neighbours" and "A1 is 0.40 times" in last.text
    enter(record, "again")
    step = next_step(record, LIT)
    assert (step.kind, step.repeat, step.row, step.column) == (READING, 0, 0, 0)
    assert enter(record, "29.5") is None
    assert [one.text for one in record.readings if one.replaced] == ["12"]


def test_a_repeat_that_differs_is_asked_about_and_the_earlier_can_be_measured_again() -> None:
    record = ready(grid="1x2")
    for text in ("30", "31", ""):
        enter(record, text)
    asked = enter(record, "40")
    assert asked and asked.code == "repeats" and "+33 %" in asked.text
    enter(record, "earlier")
    step = next_step(record, LIT)
    assert (step.repeat, step.row, step.column) == (0, 0, 0)
    enter(record, "39.5")
    assert next_step(record, LIT).repeat == 1
    assert [one.text for one in record.readings if one.replaced] == ["30"]


def test_a_thermopile_is_given_its_time() -> None:
    record = ready("thermopile")
    enter(record, "30")
    soon = Moment(1004, "red", 504.0, None, 65535, (31000, None), 4.0)
    asked = enter(record, "29", soon)
    assert asked and asked.code == "too_soon" and "needs 15 s" in asked.text
    assert "wait 15 s" in next_step(ready("thermopile"), LIT).text


def test_a_dimmed_wrap_is_asked_about() -> None:
    record = ready()
    enter(record, "30")
    asked = enter(record, "29", Moment(1004, "red", 504.0, None, 60000, (38000, None), 30.0))
    assert asked and asked.code == "dimmed"


def test_power_needs_the_aperture_and_becomes_irradiance() -> None:
    record = ready(unit="mW")
    enter(record, "21.26")
    assert record.readings[-1].value == pytest.approx(21.26 / 0.70882, rel=1e-4)


def test_several_questions_about_one_reading_are_asked_one_after_the_other() -> None:
    record = ready()
    codes = []
    asked = enter(record, "70,5")
    while record.pending:
        codes.append(record.pending.code)
        asked = enter(record, "keep")
    assert asked is None
    assert codes == ["comma", "above_worst"]
    assert record.readings[-1].kept == codes


def test_back_during_a_question_keeps_what_was_typed() -> None:
    record = ready()
    enter(record, "70")
    one = take_back(record)
    assert one and (one.text, one.replaced) == ("70", True)
    assert record.pending is None and record.readings[-1] is one


def test_an_uncertainty_that_is_too_good_is_asked_about() -> None:
    record = new_record()
    enter(record, "silicon", DARK)
    enter(record, "head", DARK)
    asked = enter(record, "0.5", DARK)
    assert asked and asked.code == "too_good"
    enter(record, "keep", DARK)
    assert record.answers["uncertainty"] == 0.5
    assert refusal(new_record(), "none of these", DARK).code == "meter"


def test_a_reading_without_light_is_refused() -> None:
    record = ready()
    step = next_step(record, LIT)
    with pytest.raises(Refusal, match="red is not lit now"):
        accept_answer(record, step, "30", DARK)
    with pytest.raises(Refusal, match="takes no answer"):
        accept_answer(record, Step("warm_up", "red", ""), "30", DARK)


def test_the_last_digit_is_taken_from_what_was_typed() -> None:
    assert [parse_typed(t).step for t in ("12", "12.4", "12.40", "1.2e-3")] == [
        1.0,
        pytest.approx(0.1),
        pytest.approx(0.01),
        pytest.approx(1e-4),
    ]
