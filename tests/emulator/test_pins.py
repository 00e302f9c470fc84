"""What the lamps' pins do: exact periods and widths, and nothing that was not asked for."""
# H-23

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import forked
from tests.emulator.conftest import built
from tools.bench import pins

forked.register("pins", lambda: pins.PinBench(built("PBMWRAP_BENCH")))
pytestmark = pytest.mark.forked("pins")


@pytest.fixture
def bench() -> Iterator[pins.PinBench]:
    made = forked.take("pins")
    yield made
    made.close()


def test_pulses_have_their_frequency_and_edges_that_do_not_wander(bench: pins.PinBench) -> None:
    figures = pins.measure_frequencies(bench, (*range(10, 100, 7), *range(100, 5001, 173), 5000))
    assert figures["pulse_frequency_off_ppm"] <= 22
    assert figures["pulse_dividers_with_fraction"] == 0
    figures = pins.measure_edges(bench, (10, 146, 1000, 1167, 5000))
    assert figures == {"pulse_edge_jitter_cycles": 0, "pulse_width_off_counts": 0}


@pytest.mark.parametrize("hz", [0, 146, 5000])
def test_intensity_is_linear_to_a_count_and_full_is_without_a_gap(
    bench: pins.PinBench, hz: int
) -> None:
    figures = pins.measure_linearity(bench, hz, (*range(1, 1000, 37), 999))
    assert figures["linearity_off_counts"] <= 1
    assert figures["full_light_gaps"] == 0


def test_no_change_gives_a_pulse_that_was_not_asked_for(bench: pins.PinBench) -> None:
    """At a change to 10 Hz a slice that ran on once gave 65 ms of full light."""
    figures = pins.measure_changes(bench, 120)
    assert figures["change_pulses"] > 300
    assert figures["change_pulses_not_asked_for"] == 0


def test_lamps_that_share_a_slice_are_refused(bench: pins.PinBench) -> None:
    said = bench.run_code(
        "class Facts: pass\n"
        "for name in dir(board_facts): setattr(Facts, name, getattr(board_facts, name, None))\n"
        "one, other = board_facts.CHANNELS\n"
        "Facts.CHANNELS = (one, other[:2] + (one[2] + 16,) + other[3:])\n"
        "from wrap.hal.rp2040.board import Rp2040\n"
        "try:\n Rp2040(Facts)\nexcept ValueError as e:\n print(e)"
    )
    assert "share a PWM slice (GPIO (2, 18, 16))" in said
