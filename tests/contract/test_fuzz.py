"""A slice of the fuzzing (docs/fuzzing.md) on the MicroPython unix port: the corpus, and changes of
it; and proof that the port would tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.conftest import tool
from tests.fuzz import unix
from tests.fuzz.targets import FIRMWARE

INPUTS = 300


@pytest.fixture(scope="module")
def micropython() -> Path:
    return Path(tool("ensure")) / "micropython"


@pytest.mark.parametrize("name", FIRMWARE)
def test_changes_of_the_corpus_find_nothing_on_micropython(micropython: Path, name: str) -> None:
    assert unix.run(micropython, name, 1, INPUTS)["inputs"] > INPUTS


def test_a_target_that_fails_on_micropython_is_reported(micropython: Path) -> None:
    with pytest.raises(AssertionError, match="ImportError"):
        unix.run(micropython, "frames_that_are_none", 1, 1)
