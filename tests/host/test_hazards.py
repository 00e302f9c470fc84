"""The sheet from hazards to code to tests: every failure it must find, and the repository's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import hazards

TABLE = """# Safety

| id | hazard | protection | blind |
|---|---|---|---|
| H-01 | burn | dims, then trips | pad |
| H-02 | overdose | ends | meter |

| event | light |
|---|---|
| H-99 is no hazard here | off |
"""
CODE = '''"""Limits."""

TRIP_MC = 41000  # H-01
# H-01
ENDS = (1, 2)


class Monitor:
    """H-02: a docstring counts."""

    def check(self):
        trip = 1  # H-01, H-02
        return trip


# H-02
@staticmethod
def above():
    pass


# H-01
'''
C = """#include "py.h"

// Pins low. H-01
void wrap_dark(int pin) {
    low(pin);  // H-02
}

int other(void) {
    return 0;
}
"""
TEST = '''def test_trip():
    """H-01: trips."""


def test_end():
    pass  # H-02
'''


def tree(root: Path, **files: str) -> Path:
    """A repository; `__` in a name stands for a slash, `_dot_` for a dot."""
    made = {
        "docs__safety_dot_md": TABLE,
        "firmware__wrap_dot_py": CODE,
        "boards__dark_dot_c": C,
        "tests__test_it_dot_py": TEST,
        **files,
    }
    for name, text in made.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_places_are_named_by_what_they_are_in(tmp_path: Path) -> None:
    found, errors = hazards.collect_hazards(tree(tmp_path))
    assert errors == []
    first, second = found
    assert first.code == {
        "boards/dark.c:wrap_dark",
        "firmware/wrap.py",
        "firmware/wrap.py:ENDS",
        "firmware/wrap.py:Monitor.check",
        "firmware/wrap.py:TRIP_MC",
    }
    assert second.code == {
        "boards/dark.c:wrap_dark",
        "firmware/wrap.py:Monitor",
        "firmware/wrap.py:Monitor.check",
        "firmware/wrap.py:above",
    }
    assert first.tests == {"tests/test_it.py:test_trip"}
    assert (first.hazard, first.protection) == ("burn", "dims, then trips")


def test_the_sheet_is_written_and_then_up_to_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(tmp_path)
    assert hazards.main(["--check"], root) == 1
    assert said(capsys) == ["docs/hazards.md is out of date: run `python -m tools.hazards`"]
    assert hazards.main([], root) == 0
    assert hazards.main(["--check"], root) == 0
    text = (root / hazards.SHEET).read_text()
    assert "## H-02: overdose\n\nends\n\nCode:\n\n* `boards/dark.c:wrap_dark`\n" in text
    assert text.endswith("Tests:\n\n* `tests/test_it.py:test_end`\n")
    (root / "tests/test_it.py").write_text(TEST.replace("test_end", "test_other"))
    assert hazards.main(["--check"], root) == 1


@pytest.mark.parametrize(
    "files,error",
    [
        (
            {
                "docs__safety_dot_md": TABLE.replace(
                    "| meter |", "| meter |\n| H-03 | new | x | y |"
                )
            },
            ["H-03 (new): no place in the code bears it", "H-03 (new): no test bears it"],
        ),
        (
            {"tests__test_it_dot_py": TEST.replace("H-02", "")},
            ["H-02 (overdose): no test bears it"],
        ),
        (
            {"firmware__more_dot_py": "A = 1  # H-77\n"},
            ["firmware/more.py:A: H-77 is not in docs/safety.md"],
        ),
        (
            {"tests__test_more_dot_py": "# H-78\n"},
            ["tests/test_more.py: H-78 is not in docs/safety.md"],
        ),
        (
            {"docs__safety_dot_md": TABLE.replace("H-02", "H-01")},
            [
                "docs/safety.md: H-01 stands twice",
                *["boards/dark.c:wrap_dark: H-02 is not in docs/safety.md"],
                *["firmware/wrap.py:Monitor: H-02 is not in docs/safety.md"],
                *["firmware/wrap.py:Monitor.check: H-02 is not in docs/safety.md"],
                *["firmware/wrap.py:above: H-02 is not in docs/safety.md"],
                *["tests/test_it.py:test_end: H-02 is not in docs/safety.md"],
            ],
        ),
        (
            {"docs__safety_dot_md": TABLE.replace("| H-01 |", "| H-1 |\n| H-01 |")},
            ["docs/safety.md: 'H-1' is no identifier such as H-07"],
        ),
    ],
)
def test_what_is_missing_or_unknown_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], error: list[str]
) -> None:
    assert hazards.main([], tree(tmp_path, **files)) == 1
    assert sorted(said(capsys)) == sorted(error)


def test_the_hazards_of_this_repository_have_code_tests_and_a_sheet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert hazards.main(["--check"]) == 0, said(capsys)


def test_a_link_within_the_table_leads_to_its_page() -> None:
    hazard = hazards.Hazard("H-01", "burn", "see [below](#trips)")
    assert "see [below](safety.md#trips)\n" in hazards.format_sheet([hazard])
