"""A slice of the power-cut campaign on the emulated binary (docs/powercut.md): a brief day, two of
its cuts, and proof that the judge sees what it looks for."""

from __future__ import annotations

import random

import pytest

from tests.nor import AFTER, TORN
from tests.powercut import binary_boot
from tests.powercut import binary_cut as cut
from tests.powercut.binary_day import BRIEF, TRIAL, RecordedTwin, Wrap, tape
from tests.powercut.binary_tape import FILES_AT, LOG_AT, STORE_AT, Tape
from wrap.rules import faults

pytestmark = pytest.mark.xdist_group("day of power cuts")  # `day` is recorded once


@pytest.fixture(scope="module")
def day() -> Tape:
    return tape(BRIEF)


def of_fault(day: Tape, first: int, end: int) -> int:
    """Return the operation between these bytes that first stores a fault."""
    latched = next(k for k, code in enumerate(day.latches) if code) - 1
    begins = range(latched, len(day.ops))
    return next(k for k in begins if first <= day.ops[k][0] < end and day.ops[k][1])


def test_the_brief_day_is_one(day: Tape) -> None:
    assert len(day.ops) > 40 and len(day.records) >= 3
    assert {bool(data) for _, data in day.ops} == {True, False}
    assert set(day.latches) == {0, faults.SKIN_HOT}
    assert day.promises[-1].settings == (40000,) and day.promises[-1].slots == ("first",)
    assert day.promises[-1].holds == ("a1",)


def of_hold(day: Tape) -> int:
    """Return the operation that first writes a hold into the store."""
    due = [k for k, promise in enumerate(day.promises) if promise.holds == ("", "a1")]
    return next(k for k in due if b"hold." in day.ops[k][1])


@pytest.mark.slow
def test_a_torn_hold_leaves_the_old_or_the_new_holds(day: Tape) -> None:
    assert cut.run(f"{BRIEF}/{of_hold(day)}/{TORN}/0") == []


@pytest.fixture(scope="module")
def trial_day() -> Tape:
    return tape(TRIAL)


@pytest.mark.slow
def test_a_torn_session_of_a_trial_is_counted_or_has_not_begun(trial_day: Tape) -> None:
    counted = "running, period 0, session 1, counts 1,0"
    promises = [promise.trials for promise in trial_day.promises]
    due = [k for k, trials in enumerate(promises) if trials[-1] == counted and len(trials) > 1]
    assert due and promises.index((counted,)) > due[-1]  # from its light on there is one answer
    for k in due[::4]:
        assert cut.run(f"{TRIAL}/{k}/{TORN}/0") == []


@pytest.mark.slow
def test_the_judge_sees_a_forgotten_trial(trial_day: Tape) -> None:
    last = len(trial_day.ops)
    mem = trial_day.flash(last)
    for k in range(STORE_AT, FILES_AT):
        if mem[k : k + 6] == b"trial.":
            mem[k] = 0
    found, _ = cut.boot(trial_day, cut.due(trial_day, last - 1, AFTER, mem), mem)
    assert any(text.startswith("the trial is 'none'") for text in found)


@pytest.mark.parametrize("where", ["the latch", "the log"])
def test_a_torn_write_loses_nothing_that_was_committed(day: Tape, where: str) -> None:
    first, end = (STORE_AT, FILES_AT) if where == "the latch" else (LOG_AT, 1 << 21)
    assert cut.run(f"{BRIEF}/{of_fault(day, first, end)}/{TORN}/0") == []


def test_the_judge_sees_a_lost_record_a_forgotten_fault_and_a_lost_hold(day: Tape) -> None:
    last = len(day.ops)
    mem = day.flash(last)
    record = day.records[-1]
    at = mem.rindex(record.raw)
    mem[at : at + len(record.raw)] = bytes(len(record.raw))
    for k in range(STORE_AT, FILES_AT):
        if mem[k : k + 6] == b"fault." or mem[k : k + 5] == b"hold.":
            mem[k] = 0
    must = cut.due(day, last - 1, AFTER, mem)
    found, _ = cut.boot(day, must, mem)
    assert any("committed records are gone" in text for text in found)
    assert any("the latch says" in text for text in found)
    assert any("holds stand for ''" in text for text in found)


def test_what_all_boots_share_ends_before_storage_matters(day: Tape) -> None:
    """With a storage full of rubbish the RAM is still the same then, and the pins are low."""
    mem = day.flash(len(day.ops))
    shared = binary_boot.shared(binary_boot.blank_storage(bytes(mem)))
    rng = random.Random(1)
    mem[STORE_AT:FILES_AT] = rng.randbytes(FILES_AT - STORE_AT)
    mem[LOG_AT:] = rng.randbytes(len(mem) - LOG_AT)
    other = Wrap(RecordedTwin(bytes(mem)))
    other.on(shared.twin.now_ms)
    assert shared.twin.now_ms >= 100
    assert bytes(other.twin.chip.mcu.sram) == bytes(shared.twin.chip.mcu.sram)
    assert other.twin.dark() and not other.twin.ops
