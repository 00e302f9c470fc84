"""Flash with the times of a real part: light is never held by a write longer than its bound."""
# H-21

from __future__ import annotations

import pytest

from tests.contract.conftest import Bench

WRITTEN_MS = 100  # a record waits for the background work of a step


@pytest.fixture
def bench(lit: Bench) -> Bench:
    lit.advance(WRITTEN_MS)
    return lit


def test_nothing_is_erased_while_lit_so_no_erase_costs_light(bench: Bench) -> None:
    """A pause and the end are written with the pages' time alone (3 ms: the worst)."""
    flash = bench.twin.chip.flash_part
    bench.twin.slow_flash(400, 3)
    erases, pages = flash.erases, flash.pages
    bench.twin.pins.enable.edges = []
    bench.client.call("session.pause", timeout_s=5.0)
    bench.wait_for("paused", 1000)
    bench.twin.advance_ms(WRITTEN_MS)
    assert flash.pages > pages
    pages = flash.pages
    bench.client.call("session.resume", timeout_s=5.0)
    bench.wait_for("running", 2000)
    bench.twin.advance_ms(WRITTEN_MS)
    assert flash.pages > pages
    assert bench.twin.pins.enable.edges == []  # held without a break
    bench.client.stop()
    for _ in range(200):
        if not bench.twin.enabled():
            break
        assert flash.erases == erases  # in the dark the log erases ahead
        bench.twin.advance_ms(10)
    bench.wait_for("done", 2000)
    assert bench.client.fault() is None
    assert [high for _, high in bench.twin.pins.enable.edges or ()] == [False]  # by the end


def test_a_write_that_takes_400_ms_drops_the_light_within_300_ms_and_latches(
    bench: Bench,
) -> None:
    """No part does that; the dead-man would hold all the same."""
    bench.twin.pins.enable.edges = []
    bench.twin.slow_flash(400, 400)
    bench.client.call("session.pause", timeout_s=5.0)
    bench.advance(900)
    bench.twin.slow_flash(0, 0)
    bench.wait_for("fault", 3000)
    fault = bench.client.fault()
    assert fault is not None
    assert fault.name in ("dead-man", "step-late")  # the pin fell first; the step came too late
    assert [high for _, high in bench.twin.pins.enable.edges or ()] == [False]
