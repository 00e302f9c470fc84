"""Formats a course's report as one HTML page, made to be printed on two sheets of A4.

No script, and no font or picture from elsewhere. All text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pbmwrap.programme.clinician.chart import draw_picture
from pbmwrap.programme.clinician.contents import Report, Section
from pbmwrap.report.html_parts import make_document

_STYLE = """
:root { color-scheme: light; }
@page { size: A4; margin: 14mm 15mm; }
body { font: 1.125rem/1.45 system-ui, sans-serif; color: #000; background: #fff; max-width: 52rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.25rem; margin: 1rem 0 .2rem; }
p { margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .15rem .8rem .15rem 0;
         border-bottom: 1px solid #aaa; overflow-wrap: anywhere; }
th { width: 28%; font-weight: 600; }
.verdict { border: .15rem solid #000; padding: .4rem .8rem; font-size: 1.2rem; }
.warning { border-left: .4rem solid #7a1f1f; padding: .1rem .8rem; }
.simulated { background: #7a1f1f; color: #fff; padding: .2rem .8rem; font-weight: bold; }
figure { margin: .4rem 0; } svg { width: 100%; height: auto; display: block; }
.notice { border-top: 1px solid #000; padding-top: .3rem; }
@media print {
  body { font-size: 9pt; line-height: 1.25; margin: 0; padding: 0; max-width: none; }
  h1 { font-size: 14pt; } h2 { font-size: 10.5pt; margin: .5rem 0 .1rem; }
  .second { break-before: page; } .simulated { print-color-adjust: exact; }
  .verdict { font-size: 10.5pt; }
  th, td { padding: .06rem .6rem .06rem 0; } .notice { font-size: 8.5pt; }
  tr, figure, .verdict, .warning { break-inside: avoid; }
}
"""


def make_page(report: Report) -> str:
    """Return the whole page, UTF-8 text."""
    picture = draw_picture(report.chart)
    warnings = "".join(f'<p class="warning">{escape(text)}</p>\n' for text in report.warnings)
    body = f"""{_mark_simulated(report)}<h1>{escape(report.title)}</h1>
<p>{escape(report.subtitle)}</p>
<p class="verdict"><strong>{escape(report.label)}: {escape(report.verdict)}.</strong>
{escape(report.verdict_text)}</p>
{warnings}<figure>
{picture.svg}<figcaption>{escape(picture.caption)}</figcaption>
</figure>
{_make_sections(report.first)}
<p class="notice">{escape(report.notice)}</p>
<div class="second">
{_mark_simulated(report)}{_make_sections(report.second)}
</div>"""
    return make_document(report.title, _STYLE, body, report.language)


def _mark_simulated(report: Report) -> str:
    return f'<p class="simulated">{escape(report.banner)}</p>\n' if report.simulated else ""


def _make_sections(sections: Iterable[Section]) -> str:
    return "\n".join(_make_section(section) for section in sections)


def _make_section(section: Section) -> str:
    parts = [f"<section>\n<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in section.sentences]
    if section.rows:
        rows = "\n".join(
            f'<tr><th scope="row">{escape(label)}</th><td>{escape(text)}</td></tr>'
            for label, text in section.rows
        )
        parts.append(f"<table><tbody>\n{rows}\n</tbody></table>")
    return "\n".join([*parts, "</section>"])
