"""The check of the documents: what it reports, and that this repository's documents pass it."""

from __future__ import annotations

import pytest

from tools import check_docs

COMMANDS = {"status": None}


def found(text: str) -> list[str]:
    return list(check_docs.check_document(check_docs.ROOT / "page.md", text, COMMANDS))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a " * 51, "102 columns, at most 100"),
        ("The record is told once.", '"told": write "reported, sent, shown"'),
        ("Open each way to dark.", '"way to dark": write "shut-off path"'),
        ("A pause is no end.", '"is no end": write "is not a, does not"'),
        ("The skin sensor lies.", '"sensor lies": write "reads wrong"'),
        ("An error in any room.", '"in any room": write "module; `room` is a place"'),
        ("Verify: 1 sessions.", '"1 sessions": write "the singular"'),
        ("[page](nowhere.md)", "nowhere.md does not exist"),
        ("[page](#nothing)", "#nothing does not exist"),
        ("[page](README.md#nothing)", "README.md#nothing does not exist"),
        ("See `docs/nowhere.md`.", "docs/nowhere.md does not exist"),
        ("See `nowhere.py`.", "nowhere.py does not exist"),
        ("See `wrap/nowhere/`.", "wrap/nowhere/ does not exist"),
        ("See `tests/unit/test_nowhere*.py`.", "tests/unit/test_nowhere*.py does not exist"),
        ("See `decisions/0000`.", "decisions/0000 does not exist"),
        ("See `pbmwrap.nowhere`.", "pbmwrap.nowhere does not exist"),
        ("See `pbmwrap.errors.NoSuchName`.", "pbmwrap.errors.NoSuchName does not exist"),
        ("Call `Client.nothing()`.", "Client has no nothing"),
        ("See `test_nothing_at_all`.", "there is no test test_nothing_at_all"),
        ("Run `make nothing`.", "there is no target `make nothing`"),
        ("Run `pbmwrap stauts`.", "there is no command `pbmwrap stauts`"),
    ],
)
def test_a_line_that_readers_stumble_over_is_named_with_its_place(line: str, problem: str) -> None:
    assert found(f"# Page\n\n{line}\n") == [f"page.md:3: {problem}"]


@pytest.mark.parametrize(
    "line",
    [
        "| " + "a " * 60 + "|",
        "    " + "a " * 60,
        "https://example.org/" + "a" * 120,
        "`told` is a name in the code",
        "See `docs/safety.md` and `safety.md`, `build/made/later.json`.",
        "Run `pbmwrap status` or `make test`.",
        "There is no reason for it; it is no longer possible. The wearer lies on the pad.",
        "The error is in rooms of 20 C, or in any room of a house.",
        "See `pbmwrap.device.client.Client`, `pbmwrap.errors`, `wrap.rules` and `Client.hello()`.",
        "See `tests/faults/kinds_*.py`, `decisions/0012`, `boards/BOARD/`, `limits.py`.",
        "[a page](#part) and [another](https://example.org)",
    ],
)
def test_tables_code_names_and_what_exists_are_fine(line: str) -> None:
    assert found(f"{line}\n\n## Part\n") == []


def test_what_a_tool_makes_is_not_judged() -> None:
    text = f"<!-- results -->\n{'a ' * 60}\n<!-- /results -->\n"
    assert found(text) == []
    assert len(found(text + "a " * 60)) == 1


def test_the_documents_of_this_repository_pass() -> None:
    assert check_docs.main([]) == 0


SOURCE = '''"""The first line.

It is told.
"""

told = "whoever"  # for ever
# `told` is a name


def function():
    """Speaks to whoever it is."""
    return """told"""
'''


def test_comments_and_docstrings_are_prose_and_other_strings_are_not() -> None:
    assert [text.strip() for _, text in check_docs.list_prose_lines(SOURCE)] == [
        '"""The first line.',
        "",
        "It is told.",
        '"""',
        "for ever",
        "`told` is a name",
        '"""Speaks to whoever it is."""',
    ]
    found = [
        problem
        for _, line in check_docs.list_prose_lines(SOURCE)
        for problem in check_docs.find_banned_words(line)
    ]
    assert [problem.split(":")[0] for problem in found] == [
        '"told"',
        '"for ever"',
        '"whoever"',
        '"Speaks"',
    ]
