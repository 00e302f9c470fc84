"""Finds the line of each key of a TOML text. Neither tomllib nor tomlkit keeps line numbers.

tomllib itself is the scanner: the shortest run of lines that it accepts is one statement, and the
table that it returns has the statement's keys. Strings, comments, inline tables and dotted keys
therefore need no second grammar.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

KeyPath = tuple[str | int, ...]


def _split_statements(text: str) -> Iterator[tuple[int, bool, dict[str, Any]]]:
    """Yield (first line, whether it is a table header, its table) of each statement."""
    lines: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        lines.append(line)
        try:
            parsed = tomllib.loads("\n".join(lines))
        except ValueError:
            continue
        if parsed:
            yield start, lines[0].lstrip().startswith("["), parsed
        lines, start = [], number + 1


def _list_paths(value: Any, at: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield every path in a statement's table, outer tables first."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _list_paths(inner, (*at, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _list_paths(inner, (*at, i))


def _resolve_header(parsed: dict[str, Any], counts: dict[KeyPath, int]) -> KeyPath:
    """Return the absolute path that a header opens. counts: {path: elements of each array of tables
    so far}, updated."""
    at: KeyPath = ()
    value: Any = parsed
    while value:
        if isinstance(value, list):
            counts[at] = counts.get(at, 0) + 1
            return (*at, counts[at] - 1)
        key, value = next(iter(value.items()))
        at = (*at, key)
        if at in counts and not isinstance(value, list):
            at = (*at, counts[at] - 1)
    return at


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return {path: line} of every table and key, with array elements by index. `text` must be
    valid TOML."""
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, is_header, parsed in _split_statements(text):
        if is_header:
            table = _resolve_header(parsed, counts)
            found.setdefault(table, line)
        else:
            for path in _list_paths(parsed):
                found.setdefault((*table, *path), line)
    return found


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int:
    """Return the line of `path`, or of the nearest table around it; 1 when there is none."""
    while path:
        for place in (path, (*path, 0)):  # an array of tables has its first table's line
            if place in lines:
                return lines[place]
        path = path[:-1]
    return 1


def format_path(path: KeyPath) -> str:
    """Return the path as text such as `step[2].red.intensity`, with elements counted from 1."""
    out = ""
    for part in path:
        out += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if out else part
    return out
