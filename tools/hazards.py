"""Writes docs/hazards.md: for each hazard of docs/safety.md, the code that protects against it and
the tests that prove it.

    python -m tools.hazards           write the sheet
    python -m tools.hazards --check   only compare (CI: `make lint`)

A hazard has an identifier (`H-07`) in the first column of a table of docs/safety.md whose head
begins with `id`. It stands in a comment at the protection (firmware/, boards/) and in a comment or
docstring of a test (tests/). Exit code 1 when a hazard has no place in the code or no test, when an
identifier is not known or stands twice in the tables, or when the sheet is out of date.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLES = "docs/safety.md"
SHEET = "docs/hazards.md"
CODE = ("firmware", "boards")
TESTS = ("tests",)
SUFFIXES = (".py", ".c", ".h")
MADE_UP = "tests/host/test_hazards.py"  # its identifiers are those of made-up trees
_ID = re.compile(r"\bH-\d\d\b")
_C_FUNCTION = re.compile(r"^[a-z_].*?(\w+)\(.*\)\s*{$")
_HEAD = """# Hazards, protections, tests

Made by `python -m tools.hazards` from the tables of `safety.md` and from the identifiers in the
code and the tests; not edited by hand, checked in CI. A place is `path:function`.
"""


@dataclass
class Hazard:
    """One row. code, tests: places (`path:function`) that contain its identifier."""

    ident: str
    hazard: str
    protection: str
    code: set[str] = field(default_factory=set)
    tests: set[str] = field(default_factory=set)


def split_cells(line: str) -> list[str]:
    """Return the cells of one row of a Markdown table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def read_tables(text: str) -> tuple[list[Hazard], list[str]]:
    """Return (hazards, errors) of every table whose first column is `id`."""
    found: dict[str, Hazard] = {}
    errors: list[str] = []
    head: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            head = []
            continue
        row = split_cells(line)
        if not head:
            head = row
            continue
        if head[0] != "id" or set(row[0]) <= set("-:"):
            continue
        named = dict(zip(head, row, strict=False))
        ident = row[0]
        if not _ID.fullmatch(ident):
            errors.append(f"{TABLES}: {ident!r} is no identifier such as H-07")
        elif ident in found:
            errors.append(f"{TABLES}: {ident} stands twice")
        else:
            found[ident] = Hazard(ident, named.get("hazard", ""), named.get("protection", ""))
    return [found[ident] for ident in sorted(found)], errors


def find_places(path: Path, name: str) -> Iterator[tuple[str, str]]:
    """(identifier, place) for each identifier in a file; name: how the sheet calls the file."""
    text = path.read_text(encoding="utf-8")
    if not _ID.search(text):
        return
    where = _python_names(text) if path.suffix == ".py" else _c_names(text)
    for n, line in enumerate(text.splitlines(), 1):
        for ident in _ID.findall(line):
            inside = where.get(n, "")
            yield ident, f"{name}:{inside}" if inside else name


def _python_names(text: str) -> dict[int, str]:
    """{line: the function, class or constant it is in, or directly above}."""
    out: dict[int, str] = {}
    lines = text.splitlines()

    def visit(nodes: list[ast.stmt], outer: str) -> None:
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{outer}{node.name}"
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                _name_lines(out, _first_comment_line(lines, first), node.end_lineno, name)
                if isinstance(node, ast.ClassDef):
                    visit(node.body, f"{name}.")
            elif isinstance(node, ast.Assign | ast.AnnAssign) and not outer:
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name):
                    _name_lines(
                        out, _first_comment_line(lines, node.lineno), node.end_lineno, target.id
                    )

    visit(ast.parse(text).body, "")
    return out


def _first_comment_line(lines: list[str], first: int) -> int:
    """Return the first line of the comments directly above line `first`."""
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    return first


def _name_lines(out: dict[int, str], first: int, last: int | None, name: str) -> None:
    out.update(dict.fromkeys(range(first, (last or first) + 1), name))


def _c_names(text: str) -> dict[int, str]:
    """{line: the function it is in, or directly above}."""
    out: dict[int, str] = {}
    lines = text.splitlines()
    name = ""
    for n, line in enumerate(lines, 1):
        begins = _C_FUNCTION.match(line)
        if begins:
            name = begins[1]
            above = n
            while above > 1 and lines[above - 2].startswith(("//", "/*", " *")):
                above -= 1
            _name_lines(out, above, n, name)
        elif name:
            out[n] = name
            if line.startswith("}"):
                name = ""
    return out


def collect_hazards(root: Path) -> tuple[list[Hazard], list[str]]:
    """Return (hazards with their places, errors) of a tree."""
    hazards, errors = read_tables((root / TABLES).read_text(encoding="utf-8"))
    known = {hazard.ident: hazard for hazard in hazards}
    for folders, kind in ((CODE, "code"), (TESTS, "tests")):
        for folder in folders:
            for path in sorted((root / folder).rglob("*")):
                name = path.relative_to(root).as_posix()
                if path.suffix not in SUFFIXES or name == MADE_UP:
                    continue
                for ident, place in find_places(path, name):
                    if ident in known:
                        getattr(known[ident], kind).add(place)
                    else:
                        errors.append(f"{place}: {ident} is not in {TABLES}")
    for hazard in hazards:
        if not hazard.code:
            errors.append(f"{hazard.ident} ({hazard.hazard}): no place in the code bears it")
        if not hazard.tests:
            errors.append(f"{hazard.ident} ({hazard.hazard}): no test bears it")
    return hazards, errors


def format_sheet(hazards: list[Hazard]) -> str:
    """Return the text of docs/hazards.md."""
    out = [_HEAD]
    for hazard in hazards:
        # A link within safety.md, where the text comes from, leads out of the sheet.
        text = hazard.protection.replace("](#", "](safety.md#")
        protection = textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
        out.append(f"## {hazard.ident}: {hazard.hazard}\n\n{protection}\n")
        for title, found in (("Code", hazard.code), ("Tests", hazard.tests)):
            out.append(f"{title}:\n\n" + "".join(f"* `{place}`\n" for place in sorted(found)))
    return "\n".join(out)


def main(words: list[str] | None = None, root: Path = ROOT) -> int:
    """The exit code."""
    p = argparse.ArgumentParser(prog="python -m tools.hazards", description="See the module.")
    p.add_argument("--check", action="store_true", help="write nothing, compare only")
    options = p.parse_args(words)
    hazards, errors = collect_hazards(root)
    text = format_sheet(hazards)
    path = root / SHEET
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if options.check and old != text:
        errors.append(f"{SHEET} is out of date: run `python -m tools.hazards`")
    if not options.check:
        path.write_text(text, encoding="utf-8")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
