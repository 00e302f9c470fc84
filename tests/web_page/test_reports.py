"""The reports that open beside the page, in Chromium: axe, figures, and what a screen reader reads
in which order. They are made to be printed too; here they are on a screen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from pbmwrap.calibration.record import from_json
from pbmwrap.calibration.report import make_page as make_calibration_page
from pbmwrap.calibration.results import compute_result
from pbmwrap.programme.clinician.page_html import make_page as make_course_page
from tests.programme.sample import make_empty, make_sample
from tests.programme.test_clinician import report_of
from tests.web_page.test_page import MEASURE, check_axe

EXAMPLE = Path(__file__).parents[1] / "calibration" / "example.json"
SVG_TEXTS = """() => [...document.querySelectorAll("svg text")].map((e) => ({
  fill: getComputedStyle(e).fill, px: e.getBoundingClientRect().height }))"""


def make_calibration() -> str:
    record = from_json(json.loads(EXAMPLE.read_text(encoding="utf-8")))
    results = [compute_result(record, "red")]  # both take axe twice as long
    return make_calibration_page(record, results, {"red": "the wrap has this calibration"})


REPORTS = {
    "calibration": make_calibration,
    "course": lambda: make_course_page(report_of(make_sample(), simulated=True)),
    "first-day": lambda: make_course_page(report_of(make_empty())),
}


def open_report(browser: Browser, name: str, width: int = 1120) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.set_content(REPORTS[name]())
    return page


def luminance(colour: str) -> float:
    parts = [float(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    "name", ["calibration", "course", pytest.param("first-day", marks=pytest.mark.slow)]
)
def test_axe_finds_nothing_and_text_and_contrast_are_large(browser: Browser, name: str) -> None:
    page = open_report(browser, name)
    check_axe(page)
    found = page.evaluate(MEASURE)
    html = {key: [t for t in found[key] if not t.startswith("text.")] for key in ("tiny", "weak")}
    assert (html, found["small"], found["wide"]) == ({"tiny": [], "weak": []}, [], 0)
    for text in page.evaluate(SVG_TEXTS):  # as the drawing scales them; a caption says the same
        assert text["px"] > 13, text
        assert 1.05 / (luminance(text["fill"]) + 0.05) >= 7, text
    page.context.close()


@pytest.mark.parametrize("name", REPORTS)
def test_a_phone_shows_a_report_without_scrolling_sideways(browser: Browser, name: str) -> None:
    page = open_report(browser, name, 360)
    assert page.evaluate(MEASURE)["wide"] == 0
    page.context.close()


def test_a_printed_course_is_a_sheet_for_each_half(browser: Browser) -> None:
    page = open_report(browser, "course")
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf)) == 2
    page.context.close()


ORDER = {
    "calibration": (
        'heading "Calibration of wrap',
        'table "Result at full duty"',
        'table "The measurement"',
        'heading "red, 660 nm" [level=2]',
        'img "red 660 nm',
        'table "Uncertainty budget"',
        "readings, as typed",
    ),
    "course": (
        "SIMULATED",
        'heading "Light course of',
        "Stop rule: stop.",
        "the comparison is not fair",
        "img ",
        'heading "The number" [level=2]',
        'heading "The plan" [level=2]',
        'heading "Sessions, from',
        'heading "Findings" [level=2]',
        "not a medical device",
        'heading "Evidence for this use',
        'heading "How the number was compared" [level=2]',
    ),
}


@pytest.mark.parametrize("name", ORDER)
def test_a_screen_reader_reads_the_result_first(browser: Browser, name: str) -> None:
    page = open_report(browser, name)
    heard = page.locator("main").aria_snapshot()
    at = 0
    for words in ORDER[name]:
        found = heard.find(words, at)
        assert found >= 0, f"{words!r} is not read, or too early:\n{heard[:3000]}"
        at = found
    # Each value of a table is read with the name of its row.
    assert page.locator("tbody tr:not(:has(th[scope=row]))").count() == 0
    page.context.close()
