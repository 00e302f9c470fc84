"""The report of a trial in German: all of its words, no other figures, and nobody's own text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from pbmwrap.programme.clinician import page_html
from pbmwrap.programme.clinician.chart import Picture
from pbmwrap.programme.clinician.contents import Report
from pbmwrap.programme.model import Stamp
from pbmwrap.trial.analysis import PeriodGuess
from pbmwrap.trial.plan import Asked
from pbmwrap.trial.report import list_own_texts, make_trial_report
from pbmwrap.web.report_words import choose_words, translate_report
from tests.trial.trial_maker import ARMS, START, at_ms, make_frozen, make_result
from wrap.rules.blinding import PAIRS

OWN = ("less pain", "Warm and light", "it got worse", "my daughter", "pregabalin")
ENGLISH = re.compile(
    r"\b(the|and|is|are|of|with|for|this|that|from|not|when|then|has|have|light|skin|no|none|"
    r"in all|days?|sessions?|periods?|mean|missing|yes|it|by|at|one|two|each|early|planned|"
    r"better|worse|foot|flag|journal|wrap|red|number)\b",
    re.IGNORECASE,
)
GUESSES = [
    PeriodGuess(n, (True, None, False)[n % 3], n % 5, "Warm and light" if n == 1 else "")
    for n in range(12)
]
KNOWN = [PeriodGuess(n, bool(ARMS[n]), 9, "") for n in range(12)]
LATE = make_frozen(confirmatory=False, enrolled=Stamp(at_ms(START, 12), 60), others=())
ONE = make_frozen(design=PAIRS, sites=make_frozen().sites[:1], asked=Asked(False, False))
WRONG = "it gave near infrared, and its arm is the one without"
CASES: dict[str, dict[str, Any]] = {
    "better": {},
    "worse": {"effect": 3.0, "guesses": GUESSES},
    "same": {"effect": 0.0},
    "no figure": {"missing": [n for n in range(12) if ARMS[n]]},
    "unblinded": {"how": "unblinded"},
    "recognised": {"guesses": KNOWN, "other_light": (START,)},
    "wrong": {"wrong": WRONG},
    "late": {"plan": LATE},
    "one site": {"plan": ONE},
}
HARMS = ["2026-03-05: red flag wound", "2026-03-06: skin blister"]


def make_german(case: dict[str, Any]) -> tuple[Report, Report]:
    """Return a report in English and in German."""
    evidence, outcome = make_result(**{"plan": make_frozen(), **case})
    own = list_own_texts(evidence, "Ada")
    say = choose_words("de", own)
    english = make_trial_report(evidence, outcome, "Ada", "0.2.0", HARMS, True)
    drawn = make_trial_report(evidence, outcome, "Ada", "0.2.0", HARMS, True, say)
    return english, translate_report(drawn, "de", own)


def list_texts(report: Report) -> Iterator[str]:
    yield from (report.title, report.subtitle, report.verdict, report.verdict_text, report.label)
    yield from (report.notice, report.banner, *report.warnings)
    for section in (*report.first, *report.second):
        yield from (section.title, *section.sentences)
        for row in section.rows:
            yield from row
    assert isinstance(report.chart, Picture)
    yield from (report.chart.caption, report.chart.alt)
    yield from re.findall(r">([^<>\n]*\w[^<>\n]*)<", report.chart.svg)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_german_report_has_no_english_word_and_the_same_figures(case: dict[str, Any]) -> None:
    english, german = make_german(case)
    pairs = list(zip(list_texts(english), list_texts(german), strict=True))
    for before, after in pairs:
        plain = re.sub(r"`[^`]*`", "", after)
        for own in OWN:
            plain = plain.replace(own, "")
        assert not ENGLISH.search(plain), (before, after)
        figures = re.sub(r"(?<=\d),(?=\d)", ".", after)
        numbers = r"\d+(?:\.\d+)?"
        counts = [re.findall(numbers, text.replace("J/cm2", "J")) for text in (before, figures)]
        assert sorted(counts[0]) == sorted(counts[1]), (before, after)
    for own in OWN:
        assert sum(own in one for one, _ in pairs) == sum(own in one for _, one in pairs), own


def test_own_words_stay_even_where_they_look_like_the_reports() -> None:
    case = {"plan": make_frozen(aim="no light", others=("none", "Journal")), "how": "unblinded"}
    _, german = make_german(case)
    assert german.title == "Verblindeter N-von-1-Versuch von Ada: no light"
    rows = dict(row for section in german.second for row in section.rows)
    assert (rows["2b Ziel"], rows["4a andere Behandlung"]) == ("no light", "none; Journal")


def test_each_harm_of_a_list_is_said() -> None:
    _, german = make_german({})
    rows = dict(row for section in german.first for row in section.rows)
    assert rows["Tagebuch"] == "2026-03-05: Warnzeichen Wunde; 2026-03-06: Haut Blase"


def test_the_page_and_its_banner_are_german() -> None:
    _, german = make_german({})
    page = page_html.make_page(german)
    assert '<html lang="de">' in page and "SIMULIERT: Das sind nicht" in page
    assert "Ergebnis des Versuchs: besser." in page
