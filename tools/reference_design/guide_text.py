"""A Markdown table. Knows nothing of the wrap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table. Raises ValueError for a row that is not as long as the head."""
    lines = [head, ["---"] * len(head), *rows]
    if any(len(line) != len(head) for line in lines):
        raise ValueError(f"rows of another length than {list(head)}")
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
