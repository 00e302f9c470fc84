"""A store in two copies with a mark: power cuts ask for nothing, damage and older values are
found."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.conftest import MemFiles, PowerCut
from wrap.storage.atomic_store import seal
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
    assert sorted(files.names()) == (list(PARTS) if puts else ["s.m"])
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
def test_one_damaged_copy_changes_nothing_and_is_told_and_repaired(puts, name, at, flip):
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
    told = name != "s.m"  # a mark that is one behind, or missing, is what a power cut leaves too
    assert state(store) == ({"n": 3}, told, False)
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


def test_a_put_is_refused_while_the_last_one_cannot_be_repaired():
    files = after(3)
    store = opened(files)
    files.break_at = files.ops + 3
    store.put({"n": 4})
    files.broken = True
    with pytest.raises(OSError):
        store.put({"n": 5})
    files.broken = False
    assert state(opened(files)) == ({"n": 4}, False, False)
