"""The report of a trial: its words by verdict, its picture, and what weakens it."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pytest

from pbmwrap.programme.clinician import page_html, page_pdf
from pbmwrap.programme.clinician.chart import Picture
from pbmwrap.programme.trials import UNBLINDED
from pbmwrap.trial.analysis import PeriodGuess
from pbmwrap.trial.picture import draw_periods
from pbmwrap.trial.report import format_text, list_cautions, make_trial_report
from tests.trial.trial_maker import ARMS, START, make_frozen, make_result


@pytest.mark.parametrize(
    "effect,verdict,words",
    [
        (
            -3.0,
            "better",
            "The number was better with light than without it. With light it was 3 lo",
        ),
        (3.0, "worse", "speak with a clinician before more light. With light it was 3 higher"),
        (0.0, "no difference as large as the one that matters", "then by less than what matters"),
    ],
)
def test_the_words_of_each_verdict(effect: float, verdict: str, words: str) -> None:
    report = make_trial_report(*make_result(effect), "Ada", "1.0")
    assert report.verdict == verdict
    assert words in report.verdict_text and "no medical advice" in report.verdict_text
    assert report.warnings == ()


def test_too_few_numbers_say_why() -> None:
    made = make_result(missing=[n for n in range(12) if ARMS[n] == 1])
    report = make_trial_report(*made, "Ada", "1.0")
    assert report.verdict == "cannot tell"
    assert "No figure can be given: an arm has fewer than two periods" in report.verdict_text


def test_every_item_of_cent_that_applies_is_there() -> None:
    report = make_trial_report(*make_result(), "Ada", "1.0", ["2026-03-05: red flag wound"])
    text = format_text(report)
    items = (
        "2a 2b 3a 3b 4a 4b 4c 5 6a 7a 7b 8 9 10 11a 12a 12b 12c 13 14 15 16 17a 18 19 20 22 23 25"
    )
    for item in items.split():
        assert f" {item} " in text or f"({item})" in text or f"({item} to" in text or (
            f"to {item})" in text or f"{item}, 24" in text
        ), item  # fmt: skip
    assert "N-of-1 trial" in report.title and "foot-left 6.0, foot-right 6.0; 14 days" in text
    assert "red flag wound" in text
    assert "24.0 J/cm2 in all" in text  # 12 sessions of 2 J/cm2
    assert "60.0 min in all" in text


def test_what_weakens_a_result_is_above_it() -> None:
    plan = make_frozen(confirmatory=False, start=START - timedelta(days=2))
    right = [PeriodGuess(n, bool(arm), 9, "warm") for n, arm in enumerate(ARMS)]
    made = make_result(
        plan=plan, how=UNBLINDED, guesses=right, other_light=[START], wrong="it gave nothing"
    )
    found = " ".join(list_cautions(*made))
    for words in (
        "unblinded early (it got worse)",
        "always right",
        "could not answer the question",
        "did not begin 7 days after",
        "1 session did not do what the arm says (first: session 3, it gave nothing)",
        "recognised the arm more often than chance",
        "outside of the trial on 1 day",
    ):
        assert words in found
    assert make_trial_report(*made, "Ada", "1.0").verdict == "cannot tell"


def test_the_picture_is_xml_and_tells_the_arms_apart_without_colour() -> None:
    evidence, outcome = make_result(missing=[4])
    picture = draw_periods(evidence.trial.plan, outcome.analysis)
    root = ElementTree.fromstring(picture.svg)
    name = "{http://www.w3.org/2000/svg}"
    texts = [one.text for one in root.iter(f"{name}text")]
    assert texts.count("missing") == 1 and "12" in texts and "period" in texts
    assert len(list(root.iter(f"{name}circle"))) == 6 + 1  # and one in the legend
    assert len(list(root.iter(f"{name}rect"))) == 5 + 1 + 1  # and the paper
    assert "11 periods with a value, 1 missing" in picture.alt
    for one in root.iter(f"{name}circle"):
        assert 0 <= float(one.attrib["cy"]) <= 254
    numbers = [int(t) for t in texts if t and t.lstrip("-").isdigit()]
    assert {-3, 0, 3} <= set(numbers)


def test_html_and_pdf_escape_what_a_person_wrote() -> None:
    report = make_trial_report(*make_result(), 'Ada "<b>" #x', "1.0", simulated=True)
    page = page_html.make_page(report)
    assert "<b>" not in page and "less &lt;pain&gt;" in page and "SIMULATED" in page
    source = page_pdf.make_source(report)
    assert '#strong("Result of the trial: better.")' in source
    assert isinstance(report.chart, Picture)
