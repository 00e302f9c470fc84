"""Formats a report as one HTML page without scripts, or fonts and pictures from elsewhere.

All text from files and devices is escaped here.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from pbmwrap import disk
from pbmwrap.report import plot
from pbmwrap.report.html_parts import make_document, make_pairs, make_table
from pbmwrap.report.model import NOT_MEDICAL, UNCALIBRATED, SessionReport
from pbmwrap.report.parameters import (
    CHANNEL_HEAD,
    describe_grade,
    list_channels,
    list_facts,
    list_parameters,
)

_STYLE = """
:root { color-scheme: light; }
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: bold; padding: .4rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
         border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }
.note { border-left: .3rem solid #555; padding: .2rem .8rem; }
.wide { overflow-x: auto; }
figure { margin: 0; } svg { width: 100%; height: auto; }
@media print { body { margin: 0; max-width: none; } }
"""


def save_html(report: SessionReport, path: Path, replace: bool = False) -> None:
    """Write the page to a file.

    Raises UsageError if the file exists, unless `replace`; InvalidFile, NoPermission if it cannot
    be written.
    """
    disk.write_file(path, make_page(report), replace)


def make_page(report: SessionReport) -> str:
    """Return the whole page, UTF-8 text."""
    title = f"Session {report.session_id} of wrap {report.wrap_id}"
    body = f"""<h1>{escape(title)}</h1>
<p class="note">{NOT_MEDICAL}</p>
<p>{escape(describe_grade(report))}</p>
{_make_warning(report)}<h2>Summary</h2>
{make_pairs("The session", list_facts(report))}
<div class="wide">
{make_table("Channels", CHANNEL_HEAD, list_channels(report))}
</div>
<h2>Course of the session</h2>
{_make_figure(report)}
<h2>Record of parameters</h2>
{_make_records(report)}"""
    return make_document(title, _STYLE, body)


def _make_warning(report: SessionReport) -> str:
    if report.calibrated:
        return ""
    return f'<p class="note"><strong>{UNCALIBRATED}.</strong> The session ended by time.</p>\n'


def _make_figure(report: SessionReport) -> str:
    words = "; ".join(f"{label}: {text}" for label, text in list_facts(report)[4:])
    shows = "Temperatures, duty per channel and " + (
        "cumulative dose" if report.calibrated else "time at full duty"
    )
    caption = f"{shows} over the session. {words}."
    return (
        f"<figure>\n{plot.draw_inline_svg(report)}\n"
        f'<figcaption id="plot-title">{escape(caption)}</figcaption>\n</figure>'
    )


def _make_records(report: SessionReport) -> str:
    return "\n".join(
        make_pairs(f"{channel.name} {channel.wavelength_nm} nm", list_parameters(report, channel))
        for channel in report.channels
    )
