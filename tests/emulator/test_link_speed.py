"""A short slice of `make bench-link`: its goals, on the binary, in virtual time."""

from __future__ import annotations

from pathlib import Path

import bench_link
from bench_link_peer import slices
from bench_link_steps import LIMIT_US, Session

LOG_BYTES = 9000
TURNS = 60
CALM_MS = 500
FLOOD_MS = 2000


def test_a_pull_and_a_flash_are_ten_times_faster_than_mpremote(image: Path) -> None:
    figures = bench_link.transfers(image, LOG_BYTES, big=False)
    assert figures["pull_bytes"] > LOG_BYTES
    assert figures["down_command_times_faster"] >= 10
    assert figures["flash_command_times_faster"] >= 10


def test_no_slice_of_reading_takes_more_than_half_a_millisecond(image: Path) -> None:
    found = slices(image, lit=False, turns=TURNS)
    median, worst = found["read"]
    assert 50 < median <= worst <= 500


def test_a_flood_moves_no_step_by_2_ms_and_loses_no_record(image: Path) -> None:
    session = Session(image, 60)
    calm = session.watch(CALM_MS, False)
    flooded = session.watch(FLOOD_MS, True)
    assert flooded.figures["ms_port_not_full"] <= 2
    assert flooded.figures["bytes"] > 20_000
    assert abs(len(flooded.steps) - FLOOD_MS // 10) <= 1
    assert max(flooded.gaps_us) - min(calm.gaps_us) <= LIMIT_US
    assert max(calm.gaps_us) - min(flooded.gaps_us) <= LIMIT_US
    assert max(flooded.took_us) - min(calm.took_us) <= LIMIT_US
    log = session.log()
    assert (log["records_lost"], log["sessions_sealed"]) == (0, 1)
