"""The image's own `FastStep.step`, frozen machine code, against the plain function."""

from __future__ import annotations

from pathlib import Path

from tools.bench.states import compare_states

COUNT = 4000


def test_frozen_machine_code_is_the_plain_function(image: Path) -> None:
    """`make bench` does the same with 100,000."""
    figures = compare_states(image, COUNT)
    assert figures["states_wrong"] == 0
    assert COUNT // 3 < figures["states_done"] < COUNT * 2 // 3
