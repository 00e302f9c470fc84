"""The step in C that the wrap's is measured against computes what the firmware computes; and the
harness measures what the emulated chip does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.bench.peers import LIGHT_C, PEERS
from tools.bench.repl_board import MeasuredCall, ReplBoard
from wrap.rules import faults, states

GUEST = Path(__file__).with_name("bench_guest.py").read_text()
LIT = f"import time; {LIGHT_C}\n"
SESSIONS = 12
STEPS = "for _ in range({}):\n    got = bench_step.step()\n    time.sleep_ms(9)\nprint(got)\n"


@pytest.fixture
def board(repl_board: ReplBoard) -> ReplBoard:
    """The board once it has read what bench_guest.py defines."""
    repl_board.run_code(GUEST)
    return repl_board


def session(board: ReplBoard, seed: int, words: str) -> tuple[int, ...]:
    """(steps, state, fault) of a session on random readings, in which every word was equal."""
    said = board.run_code(f"random.seed({seed}); print(*session({words}))")
    return tuple(int(word) for word in said.split())


def test_random_readings_mean_the_same_faults(board: ReplBoard) -> None:
    ends = [session(board, seed, "") for seed in range(SESSIONS)]
    assert sum(steps for steps, *_ in ends) > 100
    assert len({code for *_, code in ends}) >= 4


@pytest.mark.parametrize(
    "words",
    ["total_ms=2000, wild=False", "cap_uj=300000, wild=False"],
    ids=["by time", "by the cap"],
)
def test_a_session_ends_in_the_same_step(board: ReplBoard, words: str) -> None:
    steps, state, code = session(board, 3, words)
    assert (steps > 10, state, code) == (True, states.RAMP_DOWN, faults.NONE)


def stepped(board: ReplBoard, n: int, first: str = "") -> tuple[int, int]:
    """(state, fault) after `n` more steps, once `first` has run."""
    got = int(board.run_code(first + STEPS.format(n), 10 * n))
    return got % 16, got // 16


def test_a_step_reads_the_sensors_and_keeps_the_enable_up(board: ReplBoard) -> None:
    assert stepped(board, 70, LIT) == (states.RUNNING, faults.NONE)
    assert board.twin.enabled()
    assert [round(lamp.on_ppm / 1000) for lamp in board.twin.lamps()] == [500, 800]
    words = board.run_code(
        "from array import array; print(*array('i', bench_step.memory())[19:23])"
    )
    for sensor, mc in enumerate(words.split()):
        assert abs(int(mc) / 1000 - board.twin.plant.sensor_c(sensor)) < 0.1


@pytest.mark.parametrize("sensor", range(4))
def test_an_open_sensor_is_a_fault_in_the_next_step(board: ReplBoard, sensor: int) -> None:
    assert stepped(board, 20, LIT) == (states.RUNNING, faults.NONE)
    board.twin.plant.set_fault(sensor, "open")
    assert stepped(board, 1) == (states.FAULT, faults.SENSOR_OPEN)


def test_a_changed_register_is_a_fault_in_the_next_step(board: ReplBoard) -> None:
    """TOP of GPIO2's slice changes by itself."""
    break_it = "import machine; machine.mem32[0x40050014 + 16] = 40000\n"
    assert stepped(board, 20, LIT) == (states.RUNNING, faults.NONE)
    assert stepped(board, 1, break_it) == (states.FAULT, faults.READBACK)


def test_without_steps_the_enable_falls(board: ReplBoard) -> None:
    assert stepped(board, 20, LIT) == (states.RUNNING, faults.NONE)
    board.twin.advance_ms(200)
    assert not board.twin.enabled()
    assert stepped(board, 1) == (states.FAULT, faults.DEADMAN)


def test_the_harness_measures_time_and_bytes(board: ReplBoard) -> None:
    nap = MeasuredCall(
        "nap", "import time\ndef nap():\n    time.sleep_us(500)\n    bytes(64)", "True"
    )
    figures = board.measure_call(nap, 40, period_us=2000)
    assert 500 <= figures["us_median"] <= figures["us_worst"] < 600
    assert figures["bytes"] == 96  # the object 16, 64 and a zero in blocks of 16


def test_a_step_in_c_takes_little_more_than_24_conversions(board: ReplBoard) -> None:
    figures = board.measure_call(PEERS["c"], 20)
    assert 48 <= figures["us_median"] < 80  # a conversion takes 2 us
    assert figures["bytes"] == 0


def test_a_plain_step_takes_many_times_as_long(board: ReplBoard) -> None:
    figures = board.measure_call(PEERS["plain"], 20)
    assert figures["us_median"] > 500
    assert figures["bytes"] > 100


def test_a_measurement_that_ends_in_a_fault_is_refused(board: ReplBoard) -> None:
    with pytest.raises(RuntimeError, match="did not end as it should"):
        board.measure_call(MeasuredCall("int", "", "False"), 1, period_us=100)


def test_a_stopped_converter_is_a_shorted_sensor(board: ReplBoard) -> None:
    assert stepped(board, 20, LIT) == (states.RUNNING, faults.NONE)
    board.twin.chip.stop_adc()
    assert stepped(board, 1) == (states.FAULT, faults.SENSOR_SHORT)
