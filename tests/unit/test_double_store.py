"""A store in two copies with a mark: power cuts ask for nothing, damage and older values are
found."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import nor as flash
from tests.unit.conftest import MemFiles, PowerCut
from wrap.storage.atomic_store import Store, seal
from wrap.storage.double_store import DoubleStore

PARTS = ("s.a", "s.b", "s.m")


def opened(files):
    return DoubleStore(files, "s")


def state(store):
    return store.value, store.damaged, store.unconfirmed


def after(puts, files=None):
    """Files in which the numbers 1 to `puts` were put, one after the other."""
    files = files or MemFiles()
    store = opened(files)
    store.repair()
    for n in range(1, puts + 1):
        store.put({"n": n})
    return files


def value(n):
    return {"n": n} if n else {}


@pytest.mark.parametrize("puts", range(4))
def test_what_was_put_is_in_both_copies(puts):
    files = after(puts)
    store = opened(files)
    assert (*state(store), store.due) == (value(puts), False, False, False)
    assert sorted(files.names()) == (list(PARTS) if puts else ["s.a", "s.m"])
    if puts:
        assert files.read("s.a") == files.read("s.b")


@pytest.mark.parametrize("torn", [0, 0.5, 1])
@pytest.mark.parametrize("op", range(1, 7))
@pytest.mark.parametrize("puts", range(4))
def test_a_power_cut_anywhere_leaves_old_or_new_and_asks_for_nothing(puts, op, torn):
    for second in range(8):
        files = after(puts)
        files.break_at, files.error, files.torn = files.ops + op, PowerCut(), torn
        with pytest.raises(PowerCut):
            opened(files).put({"n": 99})
        found = opened(files)
        assert state(found) in ((value(puts), False, False), ({"n": 99}, False, False))
        files.break_at = files.ops + second  # and again, while it is repaired; 0: it is not
        with suppress(PowerCut):
            found.repair()
            assert not found.due
        files.break_at = -1
        assert state(opened(files)) == state(found)
        opened(files).put({"n": 100})
        assert state(opened(files)) == ({"n": 100}, False, False)


@pytest.mark.parametrize("puts", [1, 2, 3])
@given(st.sampled_from(PARTS), st.integers(0, 200), st.integers(1, 255))
def test_one_damaged_copy_changes_nothing_and_is_reported_and_repaired(puts, name, at, flip):
    files = after(puts)
    raw = bytearray(files.data[name])
    raw[at % len(raw)] ^= flip
    files.data[name] = bytes(raw)
    store = opened(files)
    assert (*state(store), store.due) == ({"n": puts}, True, False, True)
    store.repair()
    assert state(opened(files)) == ({"n": puts}, False, False)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("older", [None, 1, 2])
def test_one_copy_that_is_missing_or_older_changes_nothing(name, older):
    files = after(3)
    if older is None:
        files.data.pop(name)
    else:
        files.data[name] = after(older).data[name]
    store = opened(files)
    reported = (
        name != "s.m"
    )  # a mark that is one behind, or missing, is what a power cut leaves too
    assert state(store) == ({"n": 3}, reported, False)
    store.repair()
    assert state(opened(files)) == ({"n": 3}, False, False)


def reverted(older):
    """Both copies hold an older value, or none."""
    files = after(3)
    for name in PARTS[:2]:
        if older:
            files.data[name] = after(older).data[name]
        else:
            files.data.pop(name)
    return files


def broken_copies(files):
    for name in PARTS[:2]:
        files.data[name] = files.data[name][:-1] + b"?"
    return files


def gap(files):
    """What no power cut leaves: two generations apart, and a mark of neither."""
    files.data["s.b"] = after(1).data["s.b"]
    files.data["s.m"] = after(2).data["s.m"]
    return files


def differ(files):
    """One generation, two values."""
    files.data["s.b"] = seal(3, {"n": 4})
    return files


DOUBTS = {
    "older": (lambda: reverted(2), 2),
    "oldest": (lambda: reverted(1), 1),
    "gone": (lambda: reverted(0), 0),
    "both broken": (lambda: broken_copies(after(3)), 0),
    "one broken, the other older": (
        lambda: [files := after(3), files.data.update({"s.a": b"?", "s.b": seal(2, {"n": 2})})][0],
        2,
    ),
    "gap": (lambda: gap(after(3)), 3),
    "differ": (lambda: differ(after(3)), 3),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_a_value_that_may_be_lost_waits_for_a_person(name):
    make, shown = DOUBTS[name]
    files = make()
    store = opened(files)
    assert state(store) == (value(shown), True, True)
    store.repair()
    store = opened(files)  # the doubt survives power
    assert state(store) == (value(shown), False, True)
    store.put({"n": 7})  # and a new value
    store = opened(files)
    assert (*state(store), store.due) == ({"n": 7}, False, True, False)
    store.confirm()
    assert state(store) == state(opened(files)) == ({"n": 7}, False, False)


@pytest.mark.parametrize("op", range(1, 13))
@pytest.mark.parametrize("name", DOUBTS)
def test_a_power_cut_forgets_no_doubt(name, op):
    files = DOUBTS[name][0]()
    files.break_at, files.error = files.ops + op, PowerCut()
    store = opened(files)
    with suppress(PowerCut):
        store.repair()
        store.put({"n": 7})
    found = opened(files)
    assert found.unconfirmed
    assert found.value in (value(DOUBTS[name][1]), {"n": 7})


@pytest.mark.parametrize("op", range(1, 7))
@pytest.mark.parametrize("name", DOUBTS)
def test_a_power_cut_in_a_confirmation_keeps_the_value(name, op):
    files = DOUBTS[name][0]()
    store = opened(files)
    store.repair()
    files.break_at, files.error = files.ops + op, PowerCut()
    with pytest.raises(PowerCut):
        store.confirm()
    files.break_at = -1
    assert state(opened(files)) == (value(DOUBTS[name][1]), False, op <= 2)


def test_a_confirmation_that_cannot_be_stored_leaves_the_doubt():
    files = reverted(2)
    store = opened(files)
    store.repair()
    files.break_at = files.ops + 1
    with pytest.raises(OSError):
        store.confirm()
    assert store.unconfirmed and opened(files).unconfirmed


@pytest.mark.parametrize("op,kept", [(1, 3), (2, 3), (3, 99), (4, 99), (5, 99), (6, 99)])
def test_a_put_that_fails_in_the_first_copy_changes_nothing_and_later_is_repaired(op, kept):
    files = after(3)
    store = opened(files)
    files.break_at = files.ops + op
    if kept == 3:
        with pytest.raises(OSError):
            store.put({"n": 99})
    else:
        store.put({"n": 99})
        assert store.due
    assert store.value == {"n": kept}
    assert state(opened(files)) == ({"n": kept}, False, False)
    store.put({"n": 100})
    assert (*state(opened(files)), store.due) == ({"n": 100}, False, False, False)


def test_a_put_is_refused_while_the_last_one_cannot_be_repaired(failure):
    files = after(3)
    store = opened(files)
    files.break_at = files.ops + 3
    store.put({"n": 4})
    files.broken, files.error = True, failure
    with pytest.raises(type(failure)):
        store.put({"n": 5})
    files.broken = False
    assert state(opened(files)) == ({"n": 4}, False, False)


# ---- on bare flash


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
def test_a_power_cut_on_bare_flash_leaves_old_or_new_without_confirmation(puts, seed):
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
def test_one_flipped_bit_on_bare_flash_changes_no_value_and_needs_no_confirmation(puts):
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


def bodies(made):
    """Offsets in the flash of all bytes of entries but their heads, which tell them apart."""
    at, found = made.mem.find(b"\x5a"), []
    while made.mem[at] == 0x5A:
        begin = at + 4 + made.mem[at + 1]
        at = begin + int.from_bytes(made.mem[at + 2 : at + 4], "little") + 4
        found += range(begin, at)
    return found


@given(st.integers(0, 3), st.sets(st.integers(0, 10_000), min_size=1, max_size=60), st.booleans())
def test_flipped_bits_never_bring_an_older_value_back_without_a_question(puts, bits, later):  # H-52
    made = flash.Nor(flash.STORE)
    files = flash.store_of(made)
    after(puts, files)
    if later:
        files.write("later", b"x")
    places = bodies(made)
    for at in {places[bit % len(places)] for bit in bits}:
        made.flip(at, at % 8)
    store = opened(flash.store_of(made))
    assert store.value == value(puts) or store.unconfirmed
    store.repair()
    again = opened(flash.store_of(made))
    assert (again.value, again.unconfirmed) == (store.value, store.unconfirmed)


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


def test_copy_a_and_the_mark_both_prove_that_there_was_no_value():
    files = after(0)
    assert state(opened(files)) == ({}, False, False)
    for name in ("s.a", "s.m"):
        for lost in (b"rot", None):
            for damaged in (True, False):
                cut = MemFiles()
                cut.data, cut.damaged = dict(files.data), damaged
                cut.data.pop(name)
                if lost:
                    cut.data[name] = lost
                store = opened(cut)
                assert (store.value, store.unconfirmed, store.due) == ({}, False, True)
                store.repair()
                cut.damaged = False
                assert (*state(opened(cut)), opened(cut).due) == ({}, False, False, False)


def test_a_copy_of_no_value_under_a_newer_mark_waits_for_a_person():
    files = after(1)
    files.data["s.a"] = after(0).data["s.a"]
    files.data.pop("s.b")
    assert opened(files).unconfirmed


def test_two_broken_copies_wait_for_a_person():
    files = after(0)
    files.data["s.a"] = files.data["s.b"] = b"rot"
    assert opened(files).unconfirmed


def test_a_mark_alone_as_older_firmware_left_it_gets_its_copy():
    files = after(0)
    files.data.pop("s.a")
    store = opened(files)
    assert (*state(store), store.due) == ({}, False, False, True)
    store.repair()
    assert files.data == after(0).data


@pytest.mark.parametrize("puts", range(4))
@pytest.mark.parametrize(("lost", "waits"), [(0, False), (2, False), (3, True), (99, True)])
def test_so_many_lost_files_that_a_value_may_be_an_older_one_wait_for_a_person(puts, lost, waits):
    files = after(puts)
    files.damaged, files.lost = lost > 0, lost
    store = opened(files)
    assert (store.value, store.unconfirmed) == (value(puts), waits)
    if waits:
        store.repair()
        files.lost = 0
        assert opened(files).unconfirmed
