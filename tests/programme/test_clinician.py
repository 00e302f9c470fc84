"""The clinician's report: what it says, that it fits, and that no text changes its form."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from pbmwrap.programme.analysis import WORDS
from pbmwrap.programme.clinician.chart import draw_svg
from pbmwrap.programme.clinician.contents import COVERAGE, NOTICE, SIMULATED, Report, make_report
from pbmwrap.programme.clinician.page_html import make_page
from pbmwrap.programme.clinician.page_pdf import make_pdf, make_pngs, make_source
from pbmwrap.programme.model import WALK, JournalEntry, Word
from tests.programme.sample import NASTY, Sample, make_empty, make_sample

PARAMETERS = [("nir 850 nm", [("Wavelength", "850 nm"), ("Fluence", "4.20 J/cm²")])]
CALIBRATION = "nir 850 nm: 22.4 mW/cm² ± 13 % (k = 2), 1 August 2026"


def report_of(sample: Sample, simulated: bool = False) -> Report:
    return make_report(
        sample.state,
        sample.person,
        "0.2.0",
        [CALIBRATION],
        PARAMETERS,
        ["PMID 28571697"],
        simulated,
    )


class _Text(HTMLParser):
    """Collects the tags and the text outside <style>."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.text += data + " "


def text_of(page: str) -> _Text:
    parser = _Text()
    parser.feed(page)
    return parser


def test_the_page_says_what_a_clinician_asks() -> None:
    sample = make_sample()
    text = text_of(make_page(report_of(sample))).text
    course = sample.state.course
    for words in (
        sample.person.name,
        course.aim,
        sample.state.verdict.text,
        "Stop rule: stop.",
        sample.state.warnings[0],
        course.measure.question,
        WORDS,
        "duloxetine 60 mg",
        f"of {sample.state.adherence.planned_so_far} planned",
        CALIBRATION,
        "red on",
        "rising pain",
        "pregabalin added",
        "Grade: weak, mixed to negative",
        "PMID 28571697",
        COVERAGE,
        NOTICE,
        "850 nm",
    ):
        assert words in " ".join(text.split()), words


@pytest.mark.parametrize(
    ("word", "says", "shown"),
    [
        (Word.STOP, "Stop. The change is not there.", "Stop rule: stop. The change is not there."),
        (
            Word.ASK,
            "Ask a clinician (worse). Stop until you have.",
            "Stop rule: ask a clinician (worse). Stop until you have.",
        ),
        (
            Word.GO_ON,
            "Go on until 2026-04-26, the last day of the plan. Then it is over.",
            "Stop rule: go on until 2026-04-26, the last day of the plan. Then it is over.",
        ),
        (Word.WAIT, "It is evaluated later.", "Stop rule: not yet. It is evaluated later."),
    ],
)
def test_the_word_of_the_stop_rule_stands_once(word: Word, says: str, shown: str) -> None:
    sample = make_sample()
    verdict = replace(sample.state.verdict, word=word, text=says)
    sample = replace(sample, state=replace(sample.state, verdict=verdict))
    text = " ".join(text_of(make_page(report_of(sample))).text.split())
    assert shown in text
    assert shown.partition(".")[0] in make_source(report_of(sample))


def test_the_report_claims_nothing() -> None:
    text = text_of(make_page(report_of(make_sample()))).text.lower()
    for word in (" works", "effective", "heals", "cure", "p =", "p <", "significant"):
        assert word not in text, word


def test_the_change_is_given_with_its_interval_and_the_fixed_words() -> None:
    (words,) = report_of(make_sample()).first[0].sentences
    assert words.startswith("Your number changed by ") and words.endswith(WORDS)
    assert "95 % interval" in words


def test_without_entries_it_says_that_there_is_no_change_yet() -> None:
    report = report_of(make_empty())
    assert report.first[0].sentences[0].startswith("No change is given yet")
    page = make_page(report)
    assert "nan" not in text_of(page).text.lower().split()
    assert "not known" in page


@pytest.mark.parametrize("simulated", [True, False])
def test_both_sheets_of_simulated_data_say_so(simulated: bool) -> None:
    report = report_of(make_sample(), simulated)
    assert make_page(report).count(SIMULATED) == (2 if simulated else 0)
    assert make_source(report).count(SIMULATED) == (2 if simulated else 0)


def test_no_text_of_a_person_becomes_markup() -> None:
    plain = text_of(make_page(report_of(make_sample())))
    nasty = text_of(make_page(report_of(make_sample(nasty=True))))
    assert nasty.tags == plain.tags
    assert nasty.text.count(NASTY) >= 7
    ElementTree.fromstring(draw_svg(report_of(make_sample(nasty=True)).chart))


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = make_page(report_of(make_sample()))
    for word in ("<script", "<link", "<img", "src=", "url(", "@import", "https://"):
        assert word not in page
    assert page.count("http:") == page.count("http://www.w3.org/2000/svg")


def test_the_chart_has_a_dot_per_entry_and_a_tick_per_day_with_light() -> None:
    sample = make_sample()
    svg = draw_svg(report_of(sample).chart)
    dots = len(sample.state.entries) + 2  # two in the legend
    assert svg.count("<circle") == dots
    assert f"{len({s.day for s in sample.sessions})} days with a session" in unescape(svg)


def test_a_distance_has_a_scale_that_holds_its_values() -> None:
    sample = make_sample()
    state = sample.state
    course = replace(state.course, measure=WALK)

    def walked(entry: JournalEntry) -> JournalEntry:
        return replace(entry, value=100 + 5 * (entry.value or 0), measure="walk")

    entries = [walked(entry) for entry in state.entries]
    state = replace(state, course=course, entries=entries)
    chart = report_of(Sample(sample.person, state, sample.sessions)).chart
    assert chart.unit == "m" and chart.low == 0
    assert max(value for _, value, _ in chart.points) <= chart.high <= 200


def test_the_pdf_has_two_sheets_and_no_text_changes_it() -> None:
    pytest.importorskip("typst", reason="the PDF report is an extra: pip install 'pbmwrap[pdf]'")
    report = report_of(make_sample(nasty=True), simulated=True)
    assert make_pdf(report).startswith(b"%PDF-")
    pages = make_pngs(report, ppi=40)
    assert len(pages) == 2
    assert all(page.startswith(b"\x89PNG") for page in pages)


def test_the_week_of_waiting_is_not_in_the_comparison() -> None:
    """People make a plan when it is worst: numbers before the baseline would look like a gain."""
    sample = make_sample()
    entries, first = sample.state.entries, sample.state.course.baseline_from
    worst = [
        replace(entries[0], id=n, day=first - timedelta(days=n), value=10.0) for n in (1, 2, 3)
    ]
    later = [replace(e, id=9, day=sample.state.course.end, value=10.0) for e in entries[:1]]
    changed = replace(sample.state, entries=(*worst, *entries, *later))
    was, now = report_of(sample), report_of(replace(sample, state=changed))
    assert now.first[0].sentences == was.first[0].sentences
    assert (now.chart.band, now.chart.after) == (was.chart.band, was.chart.after)
    assert now.chart.first < now.chart.baseline_from
    draw_svg(now.chart)
