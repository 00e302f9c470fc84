"""Runs a target on inputs without atheris: the kept corpus, and seeded random changes of it."""

from __future__ import annotations

import gc
import importlib
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import mutate

CORPUS = Path(__file__).parent / "corpus"
SEED = 1
_WARM = 500  # inputs after which caches are full

One = Callable[[bytes], None]


@dataclass(frozen=True)
class Done:
    """Counts a run: inputs that were run; seconds it took; the one that failed, and why."""

    inputs: int
    seconds: float
    crash: bytes | None = None
    error: BaseException | None = None


def target(name: str) -> One:
    """Return the function `one` of a target."""
    return importlib.import_module(f"tests.fuzz.targets.{name}").one


def corpus(name: str) -> list[bytes]:
    """Return the kept inputs of a target, in the order of their names."""
    return [file.read_bytes() for file in sorted((CORPUS / name).glob("*"))]


def run(one: One, inputs: Iterable[bytes], tell: Callable[[int], None] | None = None) -> Done:
    """Run until the inputs are over, or the first failure. tell: called with each count."""
    began, count = time.perf_counter(), 0
    for data in inputs:
        try:
            one(data)
        except Exception as error:
            return Done(count, time.perf_counter() - began, data, error)
        count += 1
        if tell:
            tell(count)
    return Done(count, time.perf_counter() - began)


def random(
    name: str,
    count: int,
    seed: int = SEED,
    more: Iterable[bytes] = (),
    tell: Callable[[int], None] | None = None,
) -> Done:
    """Run `count` seeded changes of the kept corpus and of `more`."""
    return run(target(name), mutate.inputs([*corpus(name), *more], seed, count), tell)


def growth(name: str, count: int, seed: int = SEED + 1) -> int:
    """Return the bytes of Python memory that `count` inputs leave behind, once `count` others have
    filled what is kept for use again: the less of two such runs. What leaks does so in both; what
    else runs in the process, as a thread of another test, may allocate during one."""
    one, seeds = target(name), corpus(name)
    for data in [*seeds, *mutate.inputs(seeds, seed, _WARM)]:
        one(data)
    tracemalloc.start()
    try:
        before = _kept(one, seeds, seed, count)
        between = _kept(one, seeds, seed + 1, count)
        return min(between - before, _kept(one, seeds, seed + 2, count) - between)
    finally:
        tracemalloc.stop()


def _kept(one: One, seeds: list[bytes], seed: int, count: int) -> int:
    for data in mutate.inputs(seeds, seed + count, count):
        one(data)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
