"""Proves a slice of `make qemu`: the device package on emulated RISC-V and Cortex-M3 against
CPython."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from tests.qemu.compare import ARCHES, KNOT_MOST_MC, Bench, Unavailable, image
from tests.qemu.machine import Guest, GuestError

STATES = 4000
COUNTS = {"curve": 200, "records": 40, "payloads": 150}


@pytest.fixture(scope="module", params=ARCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    try:
        built = image(request.param)
    except Unavailable as why:
        text = f"tests/qemu DID NOT RUN on {request.param}: {why}"
        warnings.warn(text, stacklevel=1)
        pytest.skip(text)
    with Guest(request.param, built) as guest:
        yield Bench(request.param, guest)


def test_viper_is_machine_code_there(bench: Bench) -> None:
    assert bench.machine_code()


def test_single_floats_make_nearly_the_same_table(bench: Bench) -> None:
    assert bench.knots_off_mc() <= KNOT_MOST_MC


def test_machine_code_of_the_fast_step_is_the_plain_function(bench: Bench) -> None:
    row = bench.fast_step(STATES)
    assert row.same, row


@pytest.mark.parametrize("name", COUNTS)
def test_a_piece_gives_the_results_of_cpython(bench: Bench, name: str) -> None:
    row = bench.piece(name, COUNTS[name])
    assert row.same, row


def test_an_exception_of_the_machine_is_reported(bench: Bench) -> None:
    with pytest.raises(GuestError, match="KeyError"):
        bench.eval("suite.compared('no-piece', 1, 1)")
