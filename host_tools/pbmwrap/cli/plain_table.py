"""Shows a table without splitting words; one too wide for its terminal becomes a block per row."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

_GAP = 2  # characters between two columns


class PlainTable:
    """A table of plain text. Cells wrap between words."""

    def __init__(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.heads = heads
        self.rows = rows

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        widths = self._fit_widths(options.max_width)
        if widths is None:
            yield from self._stack_cells(options.max_width)
            return
        out = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
        for head, width in zip(self.heads, widths, strict=True):
            out.add_column(Text(head), width=width)
        for row in self.rows:
            out.add_row(*map(Text, row))
        yield out

    def _fit_widths(self, most: int) -> list[int] | None:
        """Return the widths of the columns; None when the longest words do not fit."""
        columns = [list(column) for column in zip(self.heads, *self.rows, strict=True)]
        widest = [max(map(_cell_width, column)) for column in columns]
        least = [max(map(_longest_word, column)) for column in columns]
        room = most - _GAP * (len(columns) - 1)
        if sum(least) > room:
            return None
        while sum(widest) > room:
            spare = [wide - need for wide, need in zip(widest, least, strict=True)]
            at = max(range(len(widest)), key=lambda n: (spare[n] > 0, widest[n]))
            widest[at] -= 1
        return widest

    def _stack_cells(self, most: int) -> Iterator[RenderableType]:
        """Yield a line for each cell, wrapped between words; too long a word exceeds the width."""
        label = max(map(_cell_width, self.heads), default=0) + _GAP
        for number, row in enumerate(self.rows):
            if number:
                yield Text("")
            for head, cell in zip(self.heads, row, strict=True):
                line = Text(head, style="bold")
                line.pad_right(label - line.cell_len)
                pieces = textwrap.wrap(
                    cell, max(1, most - label), break_long_words=False, break_on_hyphens=False
                )
                line.append(f"\n{' ' * label}".join(pieces))
                line.no_wrap, line.overflow = True, "ignore"
                yield line


def _cell_width(cell: str) -> int:
    return max((cell_len(line) for line in cell.split("\n")), default=0)


def _longest_word(cell: str) -> int:
    return max(map(cell_len, cell.split()), default=0)
