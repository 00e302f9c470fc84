"""A slice of `make qemu`: the device package on emulated RISC-V and Cortex-M3 against CPython."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from tests.fuzz.targets import FIRMWARE
from tests.qemu.compare import ARCHES, KNOT_MOST_MC, Bench, Unavailable, image
from tests.qemu.machine import Guest, GuestError

STATES = 4000
COUNTS = {
    "curve": 200,
    "dose": 200,
    "lamps": 200,
    "monitor": 300,
    "trend": 200,
    "guard": 1,
    "latch": 200,
    "resets": 100,
    "course": 100,
    "machine": 300,
    "hands": 300,
    "frames": 200,
    "protocols": 100,
    "slots": 60,
    "records": 40,
    "payloads": 150,
    "ring": 15,
    "files": 15,
    "sessions": 1,
}
FUZZED = 10


@pytest.fixture(scope="module", params=ARCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    try:
        built = image(request.param)
    except Unavailable as why:
        told = f"tests/qemu DID NOT RUN on {request.param}: {why}"
        warnings.warn(told, stacklevel=1)
        pytest.skip(told)
    with Guest(request.param, built) as guest:
        yield Bench(request.param, guest)


def test_viper_is_machine_code_there(bench: Bench) -> None:
    assert bench.machine_code()


def test_the_table_of_single_floats_is_the_table(bench: Bench) -> None:
    assert bench.knots_off_mc() <= KNOT_MOST_MC


def test_machine_code_of_the_steady_step_is_the_plain_function(bench: Bench) -> None:
    row = bench.steady(STATES)
    assert row.same, row


@pytest.mark.parametrize("name", COUNTS)
def test_a_piece_of_the_package_does_what_it_does_on_cpython(bench: Bench, name: str) -> None:
    row = bench.piece(name, COUNTS[name])
    assert row.same, row


@pytest.mark.parametrize("name", FIRMWARE)
def test_fuzzing_finds_nothing_there(bench: Bench, name: str) -> None:
    row = bench.fuzz(name, FUZZED)
    assert row.same, row


def test_what_the_machine_raises_is_told(bench: Bench) -> None:
    with pytest.raises(GuestError, match="ImportError"):
        bench.eval("suite.fuzzed('frames_that_are_none', [], 1, 1)")
