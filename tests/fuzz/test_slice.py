"""Tries the whole kept corpus and some thousand changes of it, the same ones each time. `make fuzz`
runs a million inputs to each target."""

from __future__ import annotations

import pytest

from tests.fuzz import campaign, engine, mutate
from tests.fuzz.targets import ALL

INPUTS = 800
GROWTH_INPUTS = 300


def judged(done: engine.Done) -> None:
    """Fail with the input that failed and what it raised."""
    assert done.error is None, f"{done.crash!r} after {done.inputs} inputs"


@pytest.mark.parametrize("name", ALL)
def test_the_kept_corpus_finds_nothing(name: str) -> None:
    kept = engine.corpus(name)
    done = engine.run(engine.target(name), kept)
    judged(done)
    assert done.inputs == len(kept) > 0


@pytest.mark.parametrize("name", ALL)
def test_changes_of_the_corpus_find_nothing(name: str) -> None:
    judged(engine.random(name, INPUTS))


@pytest.mark.parametrize("name", ALL)
def test_no_memory_grows(name: str) -> None:
    assert engine.growth(name, GROWTH_INPUTS) <= campaign.GROWTH_MOST


def test_a_failing_input_is_given_back() -> None:
    def one(data: bytes) -> None:
        assert data != b"b"

    done = engine.run(one, [b"a", b"b", b"c"])
    assert (done.inputs, done.crash) == (1, b"b")
    assert isinstance(done.error, AssertionError)


def test_a_seed_gives_the_same_inputs_again() -> None:
    seeds = engine.corpus("frames")
    first = list(mutate.inputs(seeds, 5, 50))
    assert first == list(mutate.inputs(seeds, 5, 50))
    assert first != list(mutate.inputs(seeds, 6, 50))


def test_memory_that_stays_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []
    monkeypatch.setattr(engine, "target", lambda name: lambda data: kept.append(bytes(1000)))
    assert engine.growth("frames", GROWTH_INPUTS) > campaign.GROWTH_MOST
