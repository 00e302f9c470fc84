"""Flash with the times of a real part: light is never held by a write longer than its bound."""

from __future__ import annotations

from tests.contract.conftest import Bench

STEPS = [{"t": 60, "ch": {"red": [500], "nir": [800]}}]


def paused_while_flash_is_slow(ms: float) -> Bench:
    """Pausing writes a record while the light is still fading out; every write takes `ms`."""
    bench = Bench("rp2040")
    bench.flash(steps=STEPS)
    bench.client.start()
    bench.wait_for("running", 4000)
    bench.advance(100)
    bench.twin.pins.enable.edges = []
    bench.twin.slow_flash(ms, ms)
    bench.client.call("session.pause", timeout_s=5.0)
    return bench


def test_typical_writes_cost_no_light() -> None:
    bench = paused_while_flash_is_slow(45)
    assert bench.twin.enabled()
    bench.wait_for("paused", 1000)
    assert bench.client.fault() is None


def test_the_worst_write_drops_the_light_within_300_ms_and_latches() -> None:
    bench = paused_while_flash_is_slow(400)
    bench.advance(900)
    bench.twin.slow_flash(0, 0)
    bench.wait_for("fault", 3000)
    fault = bench.client.fault()
    assert fault is not None
    assert fault.name in ("dead-man", "step-late")  # the pin fell first; the step came too late
    assert [high for _, high in bench.twin.pins.enable.edges or ()] == [False]
