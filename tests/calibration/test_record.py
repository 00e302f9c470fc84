"""The record and its page: the worked example of docs/calibration.md, damage, and what the page
shows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pbmwrap.calibration import finish, report, store
from pbmwrap.calibration.heat_map import draw_heat_map
from pbmwrap.calibration.record import Record, as_json, from_json
from pbmwrap.calibration.results import compute_result
from pbmwrap.calibration.words import budget_lines, result_lines
from pbmwrap.device.models import Calibration
from pbmwrap.errors import InvalidFile

EXAMPLE = Path(__file__).with_name("example.json")
DOC = Path(__file__).parents[2] / "docs" / "calibration.md"


@pytest.fixture
def example() -> Record:
    return from_json(json.loads(EXAMPLE.read_text()))


def test_the_example_of_the_document_is_what_the_program_computes(example: Record) -> None:
    result = compute_result(example, "red")
    lines = [*result_lines(example, result), *budget_lines(result.budget)]
    block = re.search(r"<!-- example -->\n\n(.*?)\n\n<!-- end -->", DOC.read_text(), re.S)
    assert block, "the document has no example"
    shown = "\n".join(line.removeprefix("    ") for line in block[1].splitlines())
    assert shown == "\n".join(lines)


def test_a_record_is_the_same_after_it_was_written_and_read(example: Record) -> None:
    again = from_json(json.loads(json.dumps(as_json(example))))
    assert again == example
    assert again.fingerprint() == example.fingerprint()
    results = {name: compute_result(again, name).as_json() for name in again.results}
    assert json.loads(json.dumps(results)) == example.results


def test_a_measurement_that_was_given_up_is_not_gone_on_with(
    example: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path))
    old = replace(example, id="20260101-080000-measure", finished_s=None)
    store.save_record(old)
    assert store.find_open(example.uid, "measure") == old
    store.save_record(replace(example, id="20260102-080000-measure"))
    assert store.find_open(example.uid, "measure") is None
    newest = store.find_newest(example.uid)
    assert newest and newest.id == "20260102-080000-measure"


def test_the_hash_covers_each_reading_and_not_what_is_noted_afterwards(example: Record) -> None:
    before = example.fingerprint()
    finish.note_declined(example, "red")
    assert example.fingerprint() == before
    example.readings[7].text += "0"
    assert example.fingerprint() != before


@pytest.mark.parametrize(
    "change,reason",
    [
        ({"schema": 2}, "written by a newer pbmwrap"),
        ({"schema": None}, "not a record"),
        ({"readings": [{"kind": "light"}]}, "a field is missing or unknown"),
        ({"channels": None}, "a field is missing or unknown"),
    ],
)
def test_a_damaged_record_is_named_and_stays(
    example: Record, change: dict, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path))
    path = store.save_record(example)
    path.write_text(json.dumps(as_json(example) | change))
    with pytest.raises(InvalidFile, match=reason) as found:
        store.find_open(example.uid, "measure")
    assert str(path) in found.value.message
    path.write_text(path.read_text()[:500])
    with pytest.raises(InvalidFile, match="cannot be used"):
        list(store.list_records(example.uid))
    assert path.is_file()


def test_the_page_shows_all_readings_and_escapes_what_was_typed(example: Record) -> None:
    example.answers["name"] = "<b>head</b>"
    results = [compute_result(example, name) for name in example.results]
    page = report.make_page(example, results, {"red": "x & y"})
    assert "<b>head" not in page and "&lt;b&gt;head" in page and "x &amp; y" in page
    assert page.count("<tr>") > 2 * 76
    for one in results:
        assert f"U = {one.budget.expanded_pct:.1f} %" in page
    assert (
        "src=" not in page
        and "<script" not in page
        and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    )


def test_whether_the_wrap_has_this_record(example: Record) -> None:
    kept = Calibration(3740, 133, 20261130, "grid", 1158, "S121C", example.fingerprint())
    said = report.check_stored(example, {"red": kept, "nir": None})
    assert "its hash is the one of this record" in said["red"]
    assert said["nir"] == "the wrap has no calibration of this channel"
    other = Calibration(3740, 133, 20261130, "grid", 1158, "S121C", "0" * 64)
    assert "of another record" in report.check_stored(example, {"red": other})["red"]


def luminance(colour: str) -> float:
    parts = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_number_of_the_heat_map_has_a_contrast_of_7(example: Record) -> None:
    svg = draw_heat_map(compute_result(example, "red"))
    ElementTree.fromstring(svg)
    fills = set(re.findall(r'<rect [^>]*fill="(#\w+)"', svg))
    assert len(fills) > 5
    assert min((luminance(one) + 0.05) / 0.05 for one in fills) >= 7


def test_what_the_wrap_would_refuse_is_refused_with_a_reason(example: Record) -> None:
    result = compute_result(example, "red")
    assert finish.refuse_store(example, result) is None
    for one in example.readings:
        one.value /= 5
    assert "less than 2.5 %" in (finish.refuse_store(example, compute_result(example, "red")) or "")
    for one in example.readings:
        one.value *= 500
    assert "more than 200" in (finish.refuse_store(example, compute_result(example, "red")) or "")


def test_a_pad_above_its_stated_worst_case_is_warned_of(example: Record) -> None:
    example.channels[0].worst_uw = 4000
    warnings = list(finish.list_warnings(example, compute_result(example, "red")))
    assert any("more than the board's stated worst case of 4" in text for text in warnings)
