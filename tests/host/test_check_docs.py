"""The check of the documents: what it reports, and that this repository's documents pass it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import check_docs

COMMANDS = {"status": None}


def found(text: str) -> list[str]:
    return list(check_docs.check(Path("page.md"), text, COMMANDS))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a " * 51, "102 columns, at most 100"),
        ("The record is told once.", '"told": use a plainer word'),
        ("Open each way to dark.", '"way to dark": use a plainer word'),
        ("[page](nowhere.md)", "nowhere.md does not exist"),
        ("See `docs/nowhere.md`.", "docs/nowhere.md does not exist"),
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
        "Run `pbmwrap status`.",
        "[a page](#part) and [another](https://example.org)",
    ],
)
def test_tables_code_names_and_what_exists_are_fine(line: str) -> None:
    assert found(line + "\n") == []


def test_what_a_tool_makes_is_not_judged() -> None:
    text = f"<!-- results -->\n{'a ' * 60}\n<!-- /results -->\n"
    assert found(text) == []
    assert len(found(text + "a " * 60)) == 1


def test_the_documents_of_this_repository_pass() -> None:
    assert check_docs.main() == 0
