"""A host that asks for one write after another, on every target: it is bounded, the light goes on,
nothing is lost, and what darkens is always heard."""

from __future__ import annotations

import pytest

from pbmwrap.device.link import encode_request
from pbmwrap.errors import DeviceError
from tests.contract.conftest import BOOT_MS, Bench
from wrap.rules import limits

NOW = 1_790_000_000


def clocks(bench: Bench, count: int) -> list[str]:
    """The codes of `count` clock settings, each 100 s from the one before ("" when it was set)."""
    said = []
    for n in range(count):
        bench.advance(30)  # a burst would fill half of the queue of records first
        try:
            bench.client.set_clock(NOW + 100 * n)
        except DeviceError as refusal:
            assert "too often: possible in" in refusal.text
            said.append(refusal.device_code)
        else:
            said.append("")
    return said


@pytest.mark.long_on_chip
def test_a_flood_of_clocks_is_bounded_and_loses_nothing(bench: Bench) -> None:  # H-58
    bench.flash(steps=[{"t": 60, "ch": {"red": [300]}}])
    bench.light()
    left = limits.HOST_WRITES - limits.HOST_PUT_WRITES - 1  # flash() has put and activated
    end = bench.client.status().log_end
    said = clocks(bench, left + 20)
    assert said == [""] * left + ["not_now"] * 20
    assert bench.state == "running"
    status = bench.client.status()
    assert status.records_lost == 0 and status.fault is None
    assert left * 19 <= status.log_end - end < left * 19 + 300
    bench.client.pause()
    assert bench.dark_after(600)
    with pytest.raises(DeviceError, match="too often"):
        bench.client.resume()
    bench.press()  # the button does not count as a host
    bench.wait_for("running", 4000)
    bench.client.stop()
    assert bench.dark_after(700)


@pytest.mark.long_on_chip
def test_a_reset_gives_a_host_no_new_writes(bench: Bench) -> None:
    clocks(bench, limits.HOST_WRITES - 1)
    bench.client.call("reset")
    bench.advance(BOOT_MS)
    assert clocks(bench, 1) == ["not_now"]
    bench.twin.reset("power")
    bench.advance(BOOT_MS)
    assert clocks(bench, 1) == [""]


def test_a_burst_fills_no_more_than_half_of_the_queue(bench: Bench) -> None:
    for n in range(limits.HOST_WRITES):
        line = encode_request(n, "clock.set", {"t": NOW + 100 * n})
        while line:
            line = line[bench.twin.write(line) :]
            if line:
                bench.advance(1)
    bench.advance(1000)
    bench.twin.read()
    assert bench.client.status().records_lost == 0
    assert bench.client.fault() is None


def test_a_clock_that_says_nothing_new_is_no_record(bench: Bench) -> None:
    bench.client.set_clock(NOW)
    bench.advance(100)
    end = bench.client.status().log_end
    for _ in range(70):
        bench.client.set_clock(NOW + 1)
    bench.advance(100)
    assert bench.client.status().log_end == end
