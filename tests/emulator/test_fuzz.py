"""Random lines to the real image (docs/fuzzing.md): each is answered, and nothing has changed."""

from __future__ import annotations

from tests.contract.conftest import Bench
from tests.fuzz import binary

LINES = 160


def test_random_lines_are_answered_and_change_nothing(booted: Bench) -> None:
    made = binary.lines(3, LINES)
    done = binary.storm(booted, made)
    assert done.lines == LINES
    assert done.answers == sum(len(binary.expected(line)) for line in made[binary.WARM :]) > 20
