"""Tables for people: words stay whole at any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pbmwrap.cli import text
from pbmwrap.cli.plain_table import PlainTable

HEADS = ("port", "number", "usb", "label", "who answers")
ROWS = [
    ("/dev/ttyACM0", "E66138935F1C2A2B", "2e8a:0005", "Board in FS mode", "wrap 0.1.0, idle"),
    ("/dev/ttyACM1", "E66138935F1C2A2C", "2e8a:0005", "[red]Board[/]", "no wrap answers"),
]
WORDS = " ".join(" ".join(row) for row in [HEADS, *ROWS]).split()


def printed(table: PlainTable, width: int) -> list[str]:
    out = io.StringIO()
    Console(width=width, file=out, highlight=False).print(table, crop=False)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [200, 100, 80, 66, 60, 50, 40, 30, 20, 10])
def test_no_word_is_split_at_any_width(width):
    lines = printed(text.format_table(HEADS, ROWS), width)
    shown = " ".join(lines).split()
    assert [word for word in WORDS if word not in shown] == []


@pytest.mark.parametrize("width", [80, 66, 60])
def test_a_table_that_has_room_when_it_wraps_keeps_to_its_width(width):
    lines = printed(text.format_table(HEADS, ROWS), width)
    assert max(map(len, lines)) <= width
    assert lines[0].split()[0] in ("port", "who")


def test_a_table_without_room_is_a_block_a_row():
    assert printed(text.format_table(("slot", "id"), [("0", "a-long-name"), ("1", "b")]), 10) == [
        "slot  0",
        "id    a-long-name",
        "",
        "slot  1",
        "id    b",
    ]


def test_a_wide_terminal_has_one_line_a_row():
    assert printed(text.format_table(("slot", "id"), [("0", "minor-injury")]), 40) == [
        "slot  id",
        "0     minor-injury",
    ]


def test_a_table_without_rows_is_its_heads():
    assert printed(text.format_table(("slot", "id"), []), 40) == ["slot  id"]
