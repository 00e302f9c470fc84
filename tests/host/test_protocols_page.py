"""docs/protocols.md against the code: keys, ranges, steps, defaults and examples."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.protocols import encode, template
from pbmwrap.protocols.load import load, loads
from pbmwrap.protocols.model import Channel, Evidence, Protocol, Step

PAGE = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
TABLES = {
    "Keys of the protocol": Protocol,
    "Keys of `[evidence]`": Evidence,
    "Keys of a `[[step]]`": Step,
    "Keys of a channel in a step": Channel,
}
# Where a key of each table stands in a file, and what it needs around it.
BEFORE = 'schema = 1\nid = "p"\nname = "P"\nsite = "s"\n'
STEP = "[[step]]\nduration_s = 60\n[step.nir]\nintensity = 1\n"
PULSED = 'mode = "pulsed"\nfrequency_hz = 40\non_fraction = 0.5\n'


def rows(title: str) -> dict[str, dict[str, str]]:
    """{key: {column: text}} of the page's table below a heading."""
    lines = PAGE.split(f"### {title}\n")[1].split("\n###")[0].splitlines()
    table = [[cell.strip() for cell in li.strip("|").split("|")] for li in lines if li[:1] == "|"]
    heads, _, *found = table
    assert heads == ["key", "unit", "range", "step", "default", "example"]
    return {row[0].strip("`"): dict(zip(heads, row, strict=True)) for row in found}


def every_row() -> list[tuple[str, str, dict[str, str]]]:
    return [(title, key, row) for title in TABLES for key, row in rows(title).items()]


def file_with(title: str, key: str, value: str) -> str:
    """A file that is correct but for `key = value`, in the table of `title`."""
    line = f"{key} = {value}\n"
    if title == "Keys of the protocol":
        kept = [old for old in BEFORE.splitlines(True) if not old.startswith(f"{key} ")]
        return "".join(kept) + line + STEP
    if title == "Keys of `[evidence]`":
        grade = "" if key == "grade" else 'grade = "weak"\n'
        return BEFORE + "[evidence]\n" + grade + line + STEP
    if title == "Keys of a `[[step]]`":
        return BEFORE + STEP.replace("duration_s = 60\n", line)
    if key == "intensity":
        return BEFORE + STEP.replace("intensity = 1\n", line)
    kept = [old for old in PULSED.splitlines(True) if not old.startswith(f"{key} ")]
    return BEFORE + STEP + "".join(kept) + line


def numbers() -> list[tuple[str, str, dict[str, str]]]:
    return [entry for entry in every_row() if entry[2]["step"]]


def texts() -> list[tuple[str, str, dict[str, str]]]:
    return [entry for entry in every_row() if " characters: " in entry[2]["range"]]


def bounds(row: dict[str, str]) -> tuple[Decimal, Decimal]:
    low, high = row["range"].split(" characters")[0].split(" to ")
    return Decimal(low), Decimal(high)


def is_correct(title: str, key: str, value: str) -> bool:
    return not loads(file_with(title, key, value)).faults


@pytest.mark.parametrize("title", TABLES)
def test_the_page_has_exactly_the_keys_of_the_code(title: str) -> None:
    fields = TABLES[title].model_fields
    assert list(rows(title)) == [field.alias or name for name, field in fields.items()]


@pytest.mark.parametrize(("title", "key", "row"), numbers())
def test_a_number_may_have_its_range_and_step_and_nothing_beyond(
    title: str, key: str, row: dict[str, str]
) -> None:
    low, high = bounds(row)
    step = Decimal(row["step"])
    assert is_correct(title, key, str(low))
    assert is_correct(title, key, str(high))
    assert not is_correct(title, key, str(low - step))
    assert not is_correct(title, key, str(high + step))
    assert not is_correct(title, key, str(high - step / 10))


@pytest.mark.parametrize(("title", "key", "row"), texts())
def test_a_text_may_have_its_length_and_characters(
    title: str, key: str, row: dict[str, str]
) -> None:
    low, high = map(int, bounds(row))
    wide = "a-z" not in row["range"]
    assert is_correct(title, key, json.dumps("a" * high))
    assert not is_correct(title, key, json.dumps("a" * (high + 1)))
    assert is_correct(title, key, '""') == (low == 0)
    assert is_correct(title, key, '"A b"') == wide
    assert not is_correct(title, key, '"\u00e4"')


@pytest.mark.parametrize(("title", "key", "row"), every_row())
def test_every_example_is_correct(title: str, key: str, row: dict[str, str]) -> None:
    if row["example"]:
        assert is_correct(title, key, row["example"].strip("`"))
    else:
        assert row["unit"] in ("table", "list of tables")


@pytest.mark.parametrize(("title", "key", "row"), every_row())
def test_what_is_required_is_required(title: str, key: str, row: dict[str, str]) -> None:
    field = next(
        field for name, field in TABLES[title].model_fields.items() if (field.alias or name) == key
    )
    assert field.is_required() == (row["default"] == "required")


def test_the_defaults_are_those_that_go_to_the_wrap() -> None:
    sent: dict[str, Any] = json.loads(encode.canonical(loads(BEFORE + STEP).require()))
    shown = rows("Keys of the protocol")
    assert Decimal(shown["skin_trip_c"]["default"]) * 1000 == sent["trip"]
    assert Decimal(shown["ramp_s"]["default"]) * 1000 == sent["ramp"]
    assert shown["photosensitivity_confirmed"]["default"] == str(sent["flicker_ok"]).lower()
    assert (shown["dose_j_cm2"]["default"], sent["dose"]) == ("none", 0)
    assert rows("Keys of a channel in a step")["mode"]["default"] == '`"continuous"`'
    assert sent["steps"][0]["ch"]["nir"] == [10]


def test_the_number_of_steps_and_their_sum_are_those_of_the_page() -> None:
    low, high = bounds({"range": rows("Keys of the protocol")["step"]["range"][: -len(" steps")]})
    most_s = int(bounds(rows("Keys of a `[[step]]`")["duration_s"])[1])
    assert f"All steps together may take {most_s} s." in PAGE
    assert loads(BEFORE + "step = []\n").faults
    assert not loads(BEFORE + STEP * int(low)).faults
    assert not loads(BEFORE + STEP * int(high)).faults
    assert loads(BEFORE + STEP * int(high + 1)).faults
    half = STEP.replace("= 60", f"= {most_s // 2}")
    assert not loads(BEFORE + half * 2).faults
    assert loads(BEFORE + half * 2 + STEP.replace("= 60", "= 1")).faults


def test_visible_light_needs_the_confirmation_up_to_the_frequency_of_the_page() -> None:
    assert "below 780 nm, that is pulsed at up to\n  60 Hz" in PAGE
    red = BEFORE + STEP.replace("nir", "red") + PULSED
    assert loads(red.replace("= 40", "= 60")).faults
    assert not loads(red.replace("= 40", "= 61")).faults
    assert not loads("photosensitivity_confirmed = true\n" + red).faults


def test_the_pages_file_is_correct_and_its_list_of_examples_is_current() -> None:
    block = PAGE.split("nothing is rounded silently.\n\n")[1].split("\n###")[0]
    file = "\n".join(line.removeprefix("    ") for line in block.splitlines())
    assert loads(file).require().id == "knee-evening"
    for id, path in template.examples().items():
        found = load(path).require()
        assert f"    {id} " in PAGE
        assert found.name in PAGE
        assert found.evidence is not None and found.evidence.grade in PAGE
