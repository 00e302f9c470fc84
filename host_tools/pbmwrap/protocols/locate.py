"""Where each key of a TOML text stands. Neither tomllib nor tomlkit keeps line numbers.

tomllib itself is the scanner: the shortest run of lines that it accepts alone is one statement, and
what it reads from it are the keys. So strings, comments, inline tables and dotted keys need no
second grammar.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

KeyPath = tuple[str | int, ...]


def _statements(text: str) -> Iterator[tuple[int, bool, dict[str, Any]]]:
    """(first line, is a table header, what it says) of each statement."""
    lines: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        lines.append(line)
        try:
            said = tomllib.loads("\n".join(lines))
        except ValueError:
            continue
        if said:
            yield start, lines[0].lstrip().startswith("["), said
        lines, start = [], number + 1


def _leaves(value: Any, at: KeyPath = ()) -> Iterator[KeyPath]:
    """Every path in what a statement says, tables before what is in them."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*at, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _leaves(inner, (*at, i))


def _header(said: dict[str, Any], counts: dict[KeyPath, int]) -> KeyPath:
    """The absolute path that a header opens; `counts`: length of each array of tables so far."""
    at: KeyPath = ()
    value: Any = said
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
    """{path: line} of every table and key; array elements by index. `text` must be valid TOML."""
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, is_header, said in _statements(text):
        if is_header:
            table = _header(said, counts)
            found.setdefault(table, line)
        else:
            for path in _leaves(said):
                found.setdefault((*table, *path), line)
    return found


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int:
    """The line of `path`, or of the nearest table around it; 1 when there is none."""
    while path:
        for spot in (path, (*path, 0)):  # an array of tables stands where its first table does
            if spot in lines:
                return lines[spot]
        path = path[:-1]
    return 1


def dotted(path: KeyPath) -> str:
    """`step[2].red.intensity`: elements are counted from 1."""
    out = ""
    for part in path:
        out += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if out else part
    return out
