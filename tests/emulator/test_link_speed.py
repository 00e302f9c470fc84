"""A short slice of `make bench-link`: its goals, on the binary, in virtual time (the flood:
test_bounds.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.bench import link
from tools.bench.link_peer import measure_slices

LOG_BYTES = 9000
TURNS = 60


@pytest.mark.slow
def test_a_pull_and_a_flash_are_ten_times_faster_than_mpremote(image: Path) -> None:
    figures = link.measure_transfers(image, LOG_BYTES, big=False)
    assert figures["pull_bytes"] > LOG_BYTES
    assert figures["down_command_times_faster"] >= 10
    assert figures["flash_command_times_faster"] >= 10


def test_no_slice_of_reading_takes_more_than_550_us(image: Path) -> None:
    """The longest line that is still one, 400 bytes, has its CRC computed in one slice."""
    found = measure_slices(image, lit=False, turns=TURNS)
    median, worst = found["read"]
    assert 50 < median <= worst <= 550
