"""The control step keeps to its bounds (bounds.py), in exact cycles of the emulated chip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_link_steps import STEP_US, Session

from tests.emulator import bounds
from tests.emulator.conftest import tool
from tools.bench.peers import PEERS, Bench

STEPS = 120  # more than a second of them
TURNS = 300


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(tool("firmware", "--board", "PBMWRAP_BENCH", "--out", "build"))
    yield made
    made.close()


def test_a_step_takes_no_longer_than_it_did_and_allocates_nothing(bench: Bench) -> None:
    figures = bench.measure(PEERS["wrap"], steps=STEPS)
    assert figures["us_median"] <= bounds.STEP_US
    assert figures["us_worst"] <= bounds.SECOND_US
    assert figures["bytes"] == bounds.STEP_BYTES


def test_a_running_session_makes_no_garbage(bench: Bench) -> None:
    bench.run("import bench_wrap, gc; bench_wrap.begin(); gc.collect(); gc.disable()")
    lines = [
        "before = 0",  # a new name takes room among the names
        "bench_wrap._turns(100)",
        "before = gc.mem_alloc()",
        f"bench_wrap._turns({TURNS})",
        "print(gc.mem_alloc() - before, bench_wrap.sound())",
    ]
    grown, sound = bench.run("\n".join(lines), 10 * (100 + TURNS)).split()
    assert (int(grown), sound) == (bounds.STEP_BYTES, "True")


def test_steps_begin_in_time_calm_and_flooded(image: Path) -> None:
    session = Session(image, 60)
    session.watch(200, False)  # what was asked is answered
    calm = session.watch(1500, False)
    flooded = session.watch(1500, True)
    session.twin.close()
    for seen, bound in ((calm, bounds.JITTER_CALM_US), (flooded, bounds.JITTER_FLOOD_US)):
        begins = [began / 1000 for began, _ in seen.steps]
        drift = [began - begins[0] - STEP_US * n for n, began in enumerate(begins)]
        assert len(begins) == 150
        assert max(drift) - min(drift) <= bound


def test_the_image_stays_small(image: Path) -> None:
    facts = json.loads(image.with_suffix(".json").read_text())
    assert facts["flash_bytes"] <= bounds.IMAGE_BYTES
