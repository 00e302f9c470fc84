"""A session as tables for a terminal. Loads rich only when asked.

Text from files and devices is never read as markup, and cannot steer the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbmwrap.report.model import NOT_MEDICAL, UNCALIBRATED, SessionReport
from pbmwrap.report.parameters import CHANNEL_HEAD, channel_rows, grade_sentence, summary_rows

if TYPE_CHECKING:
    from rich.console import Group


def summary(report: SessionReport) -> Group:
    """What `rich.console.Console.print` takes: the summary, the channels, the words of caution."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table(
        title=Text(f"Session {report.session_id}"), title_justify="left", show_header=False
    )
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for label, text in summary_rows(report):
        facts.add_row(label, Text(_tame(text)))
    channels = Table()
    for head in CHANNEL_HEAD:
        channels.add_column(head, overflow="fold")
    for row in channel_rows(report):
        channels.add_row(*(Text(_tame(cell)) for cell in row))
    words = [] if report.calibrated else [Text(UNCALIBRATED, style="bold")]
    return Group(facts, channels, *words, Text(_tame(grade_sentence(report))), Text(NOT_MEDICAL))


def _tame(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
