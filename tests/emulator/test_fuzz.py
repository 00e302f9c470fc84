"""Random lines to the real image (docs/fuzzing.md): each is answered, and nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.conftest import Bench
from tests.fuzz import binary

LINES = 160


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench("rp2040")
    yield made
    made.twin.close()


def test_random_lines_are_answered_and_change_nothing(bench: Bench) -> None:
    made = binary.lines(3, LINES)
    done = binary.storm(bench, made)
    assert done.lines == LINES
    assert done.answers == sum(len(binary.expected(line)) for line in made[binary.WARM :]) > 20
