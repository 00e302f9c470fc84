"""Says a report's English sentences in the page's language, as `static/app/said.js` does on screen.

The words are in `static/sentences`, which the page shares, and in
`report_words/LANGUAGE.json`: English, with {} for each value and {#} for a number, to words with
{0}, {1}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pbmwrap.programme.clinician.contents import Report, Section

Say = Callable[[str], str]
Patterns = list[tuple[re.Pattern[str], str]]
LANGUAGES = ("en", "de")
_HERE = Path(__file__).parent
_DEEP_MOST = 4
_DECIMALS = re.compile(r"(?<![\w.])([+-]?\d+)\.(\d+)(?![\w.]*\d)")
_HOLES = re.compile(r"\{#?\}")
_SENTENCES = re.compile(r"(?<=[.?!]) (?=[A-ZÄÖÜ])")


def choose_words(language: str, own: Collection[str] = ()) -> Say:
    """Return what says a sentence in a language: of LANGUAGES, else English. own: texts that people
    have written, which stay as they are."""
    return _Words(language, frozenset(own)).say if language in LANGUAGES[1:] else str


class _Words:
    def __init__(self, language: str, own: frozenset[str]) -> None:
        self._own = own
        of_page, self._of_page = _read_words(language, "static/sentences")
        whole, self._patterns = _read_words(language, "report_words")
        self._whole = of_page | whole

    def say(self, text: str) -> str:
        """Say a text of several sentences; what has no words stays as it is."""
        if text in self._own:
            return text
        parts = _SENTENCES.split(text)
        said = [self._translate(part) for part in parts]
        if len(parts) > 1 and None in said:  # one sentence of the words may have several
            whole = self._translate(text)
            said = said if whole is None else [whole]
        found = " ".join(one or part for one, part in zip(said, parts, strict=False))
        return _DECIMALS.sub(r"\1,\2", found)

    def _translate(self, text: str, depth: int = 0) -> str | None:
        if text in self._own:
            return text
        found = self._whole.get(text)
        if found is not None or depth > _DEEP_MOST:
            return found
        found = self._translate_parts(text, ("; ",), depth)  # a list, whose parts fit each
        if found is None:
            found = self._fill(self._patterns, text, depth)
        if found is None:
            found = self._translate_parts(text, (": ", ", "), depth)
        return self._fill(self._of_page, text, depth) if found is None else found

    def _fill(self, patterns: Patterns, text: str, depth: int) -> str | None:
        for pattern, words in patterns:
            values = pattern.fullmatch(text)
            if values is not None:
                said = [self._translate(one, depth + 1) or one for one in values.groups()]
                return re.sub(r"\{(\d+)\}", lambda m, said=said: said[int(m[1])], words)
        return None

    def _translate_parts(self, text: str, marks: Iterable[str], depth: int) -> str | None:
        for mark in marks:
            parts = text.split(mark)
            said = [self._translate(part, depth + 1) for part in parts if len(parts) > 1]
            enough = any if mark == ": " else all  # the part before a colon is often a name
            if said and enough(one is not None for one in said):
                return mark.join(one or part for one, part in zip(said, parts, strict=True))
        return None


@lru_cache(4)
def _read_words(language: str, folder: str) -> tuple[dict[str, str], Patterns]:
    """Return (whole texts, patterns with the most words of their own first), of all its parts."""
    every: dict[str, str] = {}
    for path in sorted((_HERE / folder).rglob(f"{language}.json")):
        every |= json.loads(path.read_text(encoding="utf-8"))
    whole = {english: words for english, words in every.items() if not _HOLES.search(english)}
    patterns = [
        (_make_pattern(english), words)
        for english, words in sorted(every.items(), key=lambda pair: -len(pair[0]))
        if english not in whole
    ]
    return whole, patterns


def _make_pattern(english: str) -> re.Pattern[str]:
    """Return what fits an English sentence with values in its holes."""
    own, holes = _HOLES.split(english), _HOLES.findall(english)
    parts = [re.escape(own[0])]
    for hole, words in zip(holes, own[1:], strict=True):
        parts += [r"([+-]?\d+(?:\.\d+)?)" if hole == "{#}" else "(.+?)", re.escape(words)]
    return re.compile("".join(parts), re.DOTALL)


def translate_report(report: Report, language: str, own: Collection[str] = ()) -> Report:
    """Return a report in a language of LANGUAGES. Its picture was drawn with these words. own: as
    for `choose_words`."""
    say = choose_words(language, own)
    return replace(
        report,
        title=say(report.title),
        subtitle=say(report.subtitle),
        verdict=say(report.verdict),
        verdict_text=say(report.verdict_text),
        warnings=tuple(map(say, report.warnings)),
        first=tuple(_translate_sections(report.first, say)),
        second=tuple(_translate_sections(report.second, say)),
        notice=say(report.notice),
        label=say(report.label),
        banner=say(report.banner),
        language=language,
    )


def _translate_sections(sections: Iterable[Section], say: Say) -> Iterable[Section]:
    for one in sections:
        rows = tuple((say(label), say(text)) for label, text in one.rows)
        yield Section(say(one.title), tuple(map(say, one.sentences)), rows)
