"""Formats a report as tables for a terminal. Imports rich only when called.

Text from files and devices is neither markup nor control sequences here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbmwrap.report.model import NOT_MEDICAL, UNCALIBRATED, SessionReport
from pbmwrap.report.parameters import CHANNEL_HEAD, describe_grade, list_channels, list_facts

if TYPE_CHECKING:
    from rich.console import Group


def make_tables(report: SessionReport) -> Group:
    """Make what `rich.console.Console.print` takes: facts, channels, grade and disclaimer."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table(
        title=Text(f"Session {report.session_id}"), title_justify="left", show_header=False
    )
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for label, text in list_facts(report):
        facts.add_row(label, Text(_replace_unprintable(text)))
    channels = Table()
    for head in CHANNEL_HEAD:
        channels.add_column(head, overflow="fold")
    for row in list_channels(report):
        channels.add_row(*(Text(_replace_unprintable(cell)) for cell in row))
    words = [] if report.calibrated else [Text(UNCALIBRATED, style="bold")]
    return Group(
        facts,
        channels,
        *words,
        Text(_replace_unprintable(describe_grade(report))),
        Text(NOT_MEDICAL),
    )


def _replace_unprintable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
