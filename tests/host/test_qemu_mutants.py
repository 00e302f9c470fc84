"""The changes that `python -m tests.qemu.mutants` makes fit the package as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.qemu.mutant_list import MUTANTS, Mutant
from tests.qemu.mutants import changed

WRAP = Path(__file__).parents[2] / "firmware" / "wrap"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.file}: {m.new}")
def test_its_text_is_in_its_file_once(mutant: Mutant) -> None:
    text = (WRAP / mutant.file).read_text()
    assert changed(mutant, text) != text
