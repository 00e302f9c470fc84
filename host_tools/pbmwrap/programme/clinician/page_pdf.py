"""Formats a course's report as PDF by typst (extra `pdf`): the same contents as the HTML page.

Text is passed to typst as strings, never as markup, so nothing that a person wrote can change the
layout.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from pbmwrap import installed
from pbmwrap.errors import UsageError
from pbmwrap.programme.clinician.chart import draw_picture
from pbmwrap.programme.clinician.contents import Report, Section

_HEAD = """
#set page(paper: "a4", margin: (x: 15mm, y: 13mm), numbering: "1 / 1")
#set text(size: 9.2pt, lang: "en", hyphenate: true)
#set par(leading: 0.5em, spacing: 0.55em)
#show heading: set block(above: 0.8em, below: 0.4em)
#show heading.where(level: 1): set text(size: 14pt)
#show heading.where(level: 2): set text(size: 10.5pt)
#let simulated(words) = block(width: 100%, fill: rgb("#7a1f1f"), inset: 4pt,
  text(fill: white, weight: "bold", words))
#let warning(words) = block(inset: (left: 7pt, y: 2pt),
  stroke: (left: 3pt + rgb("#7a1f1f")), words)
#let facts(rows) = table(columns: (28%, 1fr), inset: (left: 0pt, right: 6pt, y: 2.2pt),
  stroke: (x, y) => (bottom: 0.4pt + gray),
  ..rows.map(row => (strong(row.at(0)), row.at(1))).flatten())
"""


def make_pdf(report: Report) -> bytes:
    """Return the report as PDF. Raises UsageError without typst."""
    return bytes(_import_typst().compile(_make_files(report), format="pdf"))


def make_pngs(report: Report, ppi: float = 110.0) -> list[bytes]:
    """Return the report's pages as PNG. Raises UsageError without typst."""
    made = _import_typst().compile(_make_files(report), format="png", ppi=ppi)
    return list(made) if isinstance(made, list) else [bytes(made)]


def can_make_pdf() -> bool:
    """Whether typst is installed."""
    return find_spec("typst") is not None


def _import_typst() -> Any:
    try:
        import typst
    except ImportError:
        hint = f"save it as HTML and print that page, or {installed.hint_extra('pdf')}"
        raise UsageError("the PDF report needs typst, which is not installed", hint) from None
    return typst


def _make_files(report: Report) -> dict[str, bytes]:
    return {
        "main": make_source(report).encode(),
        "chart.svg": draw_picture(report.chart).svg.encode(),
    }


def make_source(report: Report) -> str:
    """Return the report in typst's language; it shows the file chart.svg."""
    picture = draw_picture(report.chart)
    banner = [f"#simulated({_quote(report.banner)})"] if report.simulated else []
    parts = [
        f"#set document(title: {_quote(report.title)})",
        _HEAD,
        f"#set text(lang: {_quote(report.language)})",
        *banner,
        f"#heading(level: 1, {_quote(report.title)})",
        f"#text({_quote(report.subtitle)})",
        "#block(width: 100%, stroke: 1.2pt, inset: 6pt)["
        f"#strong({_quote(f'{report.label}: {report.verdict}.')})"
        f" #text({_quote(report.verdict_text)})]",
        *(f"#warning({_quote(text)})" for text in report.warnings),
        f'#image("chart.svg", width: 100%, alt: {_quote(picture.alt)})',
        f"#text(size: 8.4pt, {_quote(picture.caption)})",
        *_list_sections(report.first),
        "#line(length: 100%, stroke: 0.4pt)",
        f"#text(size: 8.2pt, {_quote(report.notice)})",
        "#pagebreak()",
        *banner,
        *_list_sections(report.second),
    ]
    return "\n".join(parts) + "\n"


def _list_sections(sections: Iterable[Section]) -> list[str]:
    parts = []
    for section in sections:
        parts.append(f"#heading(level: 2, {_quote(section.title)})")
        parts += [f"#par(text({_quote(sentence)}))" for sentence in section.sentences]
        if section.rows:
            rows = "".join(f"({_quote(label)}, {_quote(text)})," for label, text in section.rows)
            parts.append(f"#facts(({rows}))")
    return parts


def _quote(text: str) -> str:
    """Return `text` as a string of typst's language."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    escaped = printable.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
