"""A store in two copies on bare flash, and what firmware without its mark left behind."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests import nor as flash
from tests.unit.conftest import MemFiles, PowerCut
from tests.unit.test_double_store import PARTS, after, opened, state, value
from wrap.storage.atomic_store import Store


def moments(seed, act, before):
    """`act(files)` on a copy of `before`, its power cut at every moment of each operation."""
    whole = flash.Nor(0, mem=before)
    act(flash.store_of(whole))
    for op in range(1, whole.ops + 1):
        for moment in (flash.BEFORE, flash.TORN, flash.AFTER):
            cut = flash.Nor(0, seed, before)
            cut.cut_at, cut.moment = op, moment
            with suppress(flash.PowerCut):
                act(flash.store_of(cut))
            yield flash.Nor(0, mem=bytes(cut.mem))


def puts_of_a_bank():
    """So many puts leave no place for the entries of one more."""
    made = flash.Nor(flash.STORE)
    files = flash.store_of(made)
    erased = sum(made.erased)
    puts = 0
    while sum(made.erased) == erased:  # of the other bank, before it is filled
        puts += 1
        opened(files).put({"n": puts})
    return puts - 1


LAST_OF_A_BANK = puts_of_a_bank()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("puts", [0, 1, 2, LAST_OF_A_BANK])
def test_a_power_cut_on_bare_flash_leaves_old_or_new_and_asks_for_nothing(puts, seed):
    made = flash.Nor(flash.STORE)
    after(puts, flash.store_of(made))
    for left in moments(seed, lambda files: opened(files).put({"n": 99}), bytes(made.mem)):
        files = flash.store_of(left)
        store = opened(files)
        assert state(store) in ((value(puts), False, False), ({"n": 99}, False, False))
        if store.due:
            store.repair()
        assert state(opened(flash.store_of(left))) == state(store)


# ---- bare flash, where a flipped bit makes an entry vanish and the one before it count


def written(made):
    return [at for at, byte in enumerate(made.mem) if byte != 0xFF]


@pytest.mark.parametrize("puts", [1, 2, 3])
def test_one_flipped_bit_on_bare_flash_changes_no_value_and_asks_for_nothing(puts):
    made = flash.Nor(flash.STORE)
    files = flash.store_of(made)
    after(puts, files)
    files.write("later", b"x")
    for at in written(made):
        made.flip(at, at % 8)
        store = opened(flash.store_of(made))
        assert (store.value, store.unconfirmed) == ({"n": puts}, False), at
        made.flip(at, at % 8)


def entries(files, made):
    """Offsets in the flash of the data of the copies' newest entries."""
    names = [name for name in PARTS[:2] if files.size(name) >= 0]
    return [made.mem.rfind(name.encode() + files.read(name)) + len(name) for name in names]


@pytest.mark.parametrize("puts", [1, 2, 3])
@pytest.mark.parametrize("later", [False, True])
def test_both_newest_entries_flipped_is_found_as_reverted(puts, later):  # H-52
    made = flash.Nor(flash.STORE)
    files = flash.store_of(made)
    after(puts, files)
    if later:
        files.write("later", b"x")
    for at in entries(files, made):
        made.flip(at, 0)
    store = opened(flash.store_of(made))
    assert (store.value, store.unconfirmed) == (value(puts - 1), True)


def test_files_that_lost_something_before_any_mark_was_written_wait_for_a_person():
    files = MemFiles()
    files.damaged = True
    store = opened(files)
    assert state(store) == ({}, True, True)
    store.repair()
    files.damaged = False
    assert state(opened(files)) == ({}, False, True)


@pytest.mark.parametrize("same", [True, False])
def test_a_lost_mark_among_damaged_files_needs_two_copies_alike(same):
    files = after(3)
    files.data.pop("s.m")
    if not same:
        files.data["s.b"] = after(2).data["s.b"]
    files.damaged = True
    assert opened(files).unconfirmed is not same


# ---- what firmware without a mark left


@pytest.mark.parametrize("puts", range(1, 5))
def test_an_older_firmwares_files_are_taken_over(puts):
    files = MemFiles()
    old = Store(files, "s")
    for n in range(1, puts + 1):
        old.put({"n": n})
    for op in range(1, 7):
        cut = MemFiles()
        cut.data = dict(files.data)
        cut.break_at, cut.error = op, PowerCut()
        with suppress(PowerCut):
            opened(cut).repair()
        cut.break_at = -1
        assert state(opened(cut)) == ({"n": puts}, False, False)
    store = opened(files)
    assert state(store) == ({"n": puts}, False, False)
    store.repair()
    assert (*state(opened(files)), opened(files).due) == ({"n": puts}, False, False, False)
    assert Store(files, "s").value == {"n": puts}


@pytest.mark.parametrize("name", ["s.a", "s.b"])
def test_an_older_firmwares_broken_file_waits_for_a_person(name):
    files = MemFiles()
    old = Store(files, "s")
    for n in range(1, 5):
        old.put({"n": n})
    files.data[name] = b"rot"
    assert opened(files).unconfirmed


@pytest.mark.parametrize("puts", [1, 2, 3])
def test_an_older_firmware_may_have_run_in_between(puts):
    files = after(2)
    old = Store(files, "s")
    for n in range(1, puts + 1):
        old.put({"n": 10 + n})
    assert state(opened(files)) == ({"n": 10 + puts}, False, False)


@pytest.mark.parametrize("name", ["s.a", "s.b"])
def test_a_mark_of_no_value_proves_that_there_was_none(name):
    files = after(0)
    assert state(opened(files)) == ({}, False, False)
    files.data[name] = b"rot"
    assert opened(files).unconfirmed
