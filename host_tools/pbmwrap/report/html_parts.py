"""Formats the parts that all HTML pages of this program have: the document and its tables.

The text of titles, captions and cells is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def make_document(title: str, style: str, body: str, language: str = "en") -> str:
    """Return the whole page, UTF-8 text. style: CSS; body: HTML, which must be escaped already."""
    return f"""<!DOCTYPE html>
<html lang="{escape(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def make_pairs(caption: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of (label, text)."""
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td>{escape(text)}</td></tr>\n'
        for label, text in rows
    )
    return f"<table>\n<caption>{escape(caption)}</caption>\n<tbody>\n{body}</tbody>\n</table>"


def make_table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], foot: str = ""
) -> str:
    """Return a table; the first cell of a row is its head. foot: HTML of <tfoot>."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(_make_row(row) for row in rows)
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{top}</tr></thead>\n"
        f"<tbody>\n{body}</tbody>\n{foot}</table>"
    )


def _make_row(cells: Sequence[str]) -> str:
    first, *rest = cells
    others = "".join(f"<td>{escape(cell)}</td>" for cell in rest)
    return f'<tr><th scope="row">{escape(first)}</th>{others}</tr>\n'
