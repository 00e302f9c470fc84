"""The step in C that the wrap's is measured against does the firmware's own arithmetic; the harness
measures what the emulated chip does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.conftest import tool
from tools.bench.peers import PEERS, Bench, Peer

GUEST = Path(__file__).with_name("bench_guest.py").read_text()
RUNNING, FAULT = 3, 7
SENSOR_OPEN, SENSOR_SHORT, READBACK, DEADMAN = 4, 5, 8, 18
LIT = "import bench_step, time; bench_rig.lit_c()\n"
STEPS = "for _ in range({}):\n    got = bench_step.step()\n    time.sleep_ms(9)\nprint(got)\n"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench(tool("firmware", "--board", "PBMWRAP_BENCH", "--out", "build"))
    made.run(GUEST)
    yield made
    made.close()


def test_doses_are_those_of_the_dose_meter(bench: Bench) -> None:
    bench.run("random.seed(1); meters(200)")


def test_readings_are_judged_as_the_monitor_does(bench: Bench) -> None:
    bench.run("random.seed(1); judged(300)")


@pytest.mark.parametrize(
    "what,reason",
    [
        ("[(1500, 500, 800), (1500, 1000, 1000)]", "time"),
        ("[(9000, 1000, 1000)], dose_uj=150000, ramp_ms=1000", "dose"),
    ],
)
def test_a_session_runs_as_the_wraps_does(bench: Bench, what: str, reason: str) -> None:
    changes, state, why = bench.run(f"random.seed(3); print(*session({what}))").split()
    assert (int(changes) > 2, int(state), why) == (True, 6, reason)


def stepped(bench: Bench, n: int) -> tuple[int, int]:
    """(state, fault) after `n` more steps."""
    got = int(bench.run(STEPS.format(n), 10 * n))
    return got % 16, got // 16


def test_a_step_lights_the_lamps_and_keeps_the_enable_up(bench: Bench) -> None:
    assert (int(bench.run(LIT + STEPS.format(70)))) == RUNNING
    assert bench.twin.enabled()
    bench.twin.advance_ms(20)
    assert [round(lamp.on_ppm / 1000) for lamp in bench.twin.lamps()] == [500, 800]
    raws = [16 * bench.twin.plant.raw12(sensor) for sensor in range(4)]
    assert int(bench.run("print(bench_step.convert())")) == sum(raws)
    temperatures = bench.run("print(*[s[0] for s in bench_step.state()[5:]])").split()
    for sensor, mc in enumerate(temperatures):
        assert abs(int(mc) / 1000 - bench.twin.plant.sensor_c(sensor)) < 0.1
    bench.run("bench_rig.calm()")


@pytest.mark.parametrize("sensor", range(4))
def test_an_open_sensor_ends_in_the_dark(bench: Bench, sensor: int) -> None:
    assert (int(bench.run(LIT + STEPS.format(60)))) == RUNNING
    bench.twin.plant.set_fault(sensor, "open")
    assert stepped(bench, 1) == (FAULT, SENSOR_OPEN)
    assert bench.twin.dark()
    bench.twin.plant.set_fault(sensor, "none")
    bench.run("bench_rig.calm()")


def test_a_compare_value_that_is_lost_ends_in_the_dark(bench: Bench) -> None:
    """TOP of GPIO2's slice changes by itself."""
    break_it = "import machine; machine.mem32[0x40050014 + 16] = 40000\n"
    assert (int(bench.run(LIT + STEPS.format(60)))) == RUNNING
    got = int(bench.run(break_it + STEPS.format(1)))
    assert (got % 16, got // 16) == (FAULT, READBACK)
    assert bench.twin.dark()
    bench.run("bench_rig.calm()")


def test_steps_that_stay_away_let_the_enable_fall(bench: Bench) -> None:
    assert (int(bench.run(LIT + STEPS.format(60)))) == RUNNING
    bench.twin.advance_ms(200)
    assert not bench.twin.enabled()
    assert stepped(bench, 1) == (FAULT, DEADMAN)
    bench.run("bench_rig.calm()")


def test_the_harness_measures_time_and_bytes(bench: Bench) -> None:
    sleep = Peer("nap", "import time\ndef nap():\n    time.sleep_us(500)\n    bytes(64)", "True")
    figures = bench.measure(sleep, steps=5, period_us=2000)
    assert 500 <= figures["us_median"] <= figures["us_worst"] < 600
    assert figures["bytes"] == 96  # the object 16, 64 and a zero in blocks of 16


def test_a_step_in_c_is_little_more_than_its_conversions(bench: Bench) -> None:
    convert, whole = (bench.measure(PEERS[name], steps=10) for name in ("convert", "c"))
    assert 48 <= convert["us_median"] < whole["us_median"] < 100
    assert whole["bytes"] == 0


def test_a_plain_step_takes_many_times_as_long(bench: Bench) -> None:
    figures = bench.measure(PEERS["plain"], steps=10)
    assert figures["us_median"] > 500
    assert figures["bytes"] > 100


def test_a_measurement_that_ended_in_a_fault_is_none(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match="otherwise"):
        bench.measure(Peer("int", "", "False"), steps=1, period_us=100)


def test_a_stopped_converter_reads_zero_and_ends_in_the_dark(bench: Bench) -> None:
    """The last one: the converter does not start again."""
    assert (int(bench.run(LIT + STEPS.format(60)))) == RUNNING
    bench.twin.chip.stop_adc()
    assert stepped(bench, 1) == (FAULT, SENSOR_SHORT)
    assert bench.twin.dark()
