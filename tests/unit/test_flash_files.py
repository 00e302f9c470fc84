"""Small files in bare flash: old or new after any power cut, and damage is reported."""

import binascii
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nor import AFTER, BEFORE, STORE, TORN, Nor, PowerCut, store_of
from wrap.storage.nor_sectors import NorSectors

NAMES = ("settings.a", "settings.b", "fault.a", "proto.0", "proto.1", "count")


def files_in(nor):
    files = store_of(nor)
    return {name: files.read(name) for name in files.names()}


def tidied(files):
    while files.tidy():
        pass
    return files


def test_what_was_written_is_there_after_power():
    nor = Nor(STORE)
    files = store_of(nor)
    assert (files.names(), files.read("a"), files.size("a"), files.damaged) == ([], None, -1, False)
    files.write("a", b"one")
    files.write("b", b"")
    files.write("a", b"two")
    files.remove("b")
    files.remove("nothing")
    again = store_of(nor)
    assert (again.names(), again.read("a"), again.size("a")) == (["a"], b"two", 3)
    assert (again.read("b"), again.size("b"), again.damaged) == (None, -1, False)
    again.write("b", b"back")
    assert files_in(nor) == {"a": b"two", "b": b"back"}


def test_many_writes_go_round_both_banks_and_nothing_is_lost():
    nor = Nor(STORE)
    files = store_of(nor)
    kept = {}
    for k in range(600):
        name = NAMES[k % 6]
        kept[name] = b"%05d" % k * (k % 40)
        files.write(name, kept[name])
        if k % 7 == 0:
            tidied(files)
    assert files_in(nor) == kept
    assert min(nor.erased) > 2
    assert max(nor.erased) - min(nor.erased) <= 1


def test_a_tidy_store_never_erases_in_a_write():
    nor = Nor(STORE)
    files = tidied(store_of(nor))
    for k in range(300):
        before = sum(nor.erased)
        files.write(NAMES[k % 6], bytes(200))
        assert sum(nor.erased) == before
        tidied(files)
    assert sum(nor.erased) > STORE


def test_an_untidied_store_moves_on_by_itself():
    nor = Nor(STORE)
    files = store_of(nor)
    for k in range(200):
        files.write("a", bytes([k]) * 300)
    assert files_in(nor) == {"a": bytes([199]) * 300}


def test_too_much_is_refused_and_loses_nothing():
    nor = Nor(STORE)
    files = store_of(nor)
    with pytest.raises(OSError):
        files.write("huge", bytes(4088))
    for k in range(3):
        files.write(f"p{k}", bytes([k]) * 3000)
    with pytest.raises(OSError):
        for k in range(3, 9):
            files.write(f"p{k}", bytes([k]) * 3000)
    kept = files_in(nor)
    assert [kept[f"p{k}"] for k in range(3)] == [bytes([k]) * 3000 for k in range(3)]
    files.write("p0", b"small")
    assert files_in(nor)["p0"] == b"small"


def life(files):
    """A bit of everything; yields what must be there after each step."""
    kept = {}
    for k in range(46):
        name = NAMES[k % 6]
        if k % 11 == 10:
            files.remove(name)
            kept.pop(name, None)
        else:
            kept[name] = b"%d" % k * 150
            files.write(name, kept[name])
        if k % 5 == 0:
            files.tidy()
        yield dict(kept)


def ops_of_a_life():
    nor = Nor(STORE)
    for _ in life(store_of(nor)):
        pass
    return nor.ops


OPS = ops_of_a_life()


@pytest.mark.parametrize("moment", [BEFORE, TORN, AFTER])
def test_power_that_goes_at_any_operation_leaves_old_or_new(moment):
    assert OPS > 100
    for op in range(1, OPS + 1):
        nor = Nor(STORE, seed=op)
        nor.cut_at, nor.moment = op, moment
        before = {}
        states = []
        try:
            for state in life(store_of(nor)):
                before = state
                states.append(state)
        except PowerCut:
            pass
        nor.cut_at = -1
        now = files_in(nor)
        step = len(states)
        after = [s for k, s in enumerate(life(store_of(Nor(STORE)))) if k == step]
        assert now == before or now in after, (op, step)
        again = store_of(nor)
        assert not again.damaged, op
        again.write("count", b"later")
        tidied(again)
        assert files_in(nor) == {**now, "count": b"later"}
        assert not store_of(nor).damaged


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_power_cuts_one_after_the_other_lose_nothing(seed):
    rng = random.Random(seed)
    nor = Nor(STORE, seed)
    kept = {}
    for k in range(60):
        nor.cut_at, nor.moment = nor.ops + rng.randrange(1, 12), rng.choice((BEFORE, TORN, AFTER))
        name, data = rng.choice(NAMES), bytes([k]) * rng.randrange(400)
        try:
            files = store_of(nor)
            assert not files.damaged
            assert {n: files.read(n) for n in files.names()} == kept
            files.write(name, data)
            kept[name] = data
            tidied(files)
        except PowerCut:
            nor.cut_at = -1
            now = files_in(nor)
            assert now in (kept, {**kept, name: data})
            kept = now


def test_damage_in_the_middle_is_reported_until_the_next_bank():
    nor = Nor(STORE)
    files = store_of(nor)
    files.write("a", b"first")
    files.write("b", b"second")
    at = nor.mem.index(b"first")
    nor.flip(at, 2)
    again = store_of(nor)
    assert again.damaged and again.names() == ["b"]
    tidied(again)
    clean = store_of(nor)
    assert not clean.damaged and clean.names() == ["b"]


def test_one_damaged_head_does_not_lose_the_bank_and_two_are_reported():
    nor = Nor(STORE)
    store_of(nor).write("a", b"kept")
    head = nor.mem.index(b"PBMB")
    nor.flip(head + 5, 0)
    assert files_in(nor) == {"a": b"kept"}
    nor.flip(head + 32 + 5, 0)
    files = store_of(nor)
    assert files.damaged and files.read("a") == b"kept"


def test_a_flash_full_of_something_else_is_taken_over():
    rng = random.Random(3)
    nor = Nor(STORE, mem=bytes(rng.randrange(256) for _ in range(STORE * 4096)))
    files = store_of(nor)
    assert (files.names(), files.damaged) == ([], False)
    files.write("a", b"1")
    assert files_in(nor) == {"a": b"1"}


TAG = 0x5A
FIRST = 64  # offset of a bank's first entry, behind its heads


def entry(name, data):
    """An entry as it is in the flash."""
    body = struct.pack("<BBH", TAG, len(name), len(data)) + name + data
    return body + struct.pack("<I", binascii.crc32(body))


def sector_in_force(nor):
    """The last sector with entries: the only one in a store that was new."""
    return max(i for i in range(STORE) if NorSectors(nor, 0, STORE).filled_bytes(i))


def program_behind(nor, raw):
    """Write bytes behind the last entry, which an open store does not know of."""
    sectors, i = NorSectors(nor, 0, STORE), sector_in_force(nor)
    sectors.program(i, max(FIRST, sectors.filled_bytes(i)), (raw,))


def test_an_entry_with_a_name_that_is_no_text_is_damage_not_an_error():
    nor = Nor(STORE)
    files = store_of(nor)
    assert files.names() == []
    program_behind(nor, entry(b"\xff", b"x") + entry(b"b", b"y"))
    again = store_of(nor)
    assert again.damaged and again.names() == ["b"]


def test_a_worn_page_is_skipped():
    nor = Nor(STORE)
    files = store_of(nor)
    files.write("a", b"old")
    worn = sector_in_force(nor)
    nor.broken = lambda what, sector: what == "program" and sector == worn
    files.write("a", b"new")
    nor.broken = lambda what, sector: False
    assert files_in(nor) == {"a": b"new"}


def test_flash_that_fails_keeps_what_was_in_force():
    nor = Nor(STORE)
    files = store_of(nor)
    files.write("a", b"old")
    nor.broken = lambda what, sector: True
    with pytest.raises(OSError):
        files.write("a", b"new")
    with pytest.raises(OSError):
        files.tidy()
    nor.broken = lambda what, sector: False
    assert files_in(nor) == {"a": b"old"}
    files.write("a", b"new")
    assert files_in(nor) == {"a": b"new"}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_flips_anywhere_never_raise_and_invent_nothing(seed):
    rng = random.Random(seed)
    nor = Nor(STORE, seed)
    files = store_of(nor)
    written = {}
    for k in range(30):
        name = rng.choice(NAMES)
        data = bytes([k]) * 20
        written.setdefault(name, set()).add(data)
        files.write(name, data)
    for _ in range(rng.randrange(1, 30)):
        nor.flip(rng.randrange(len(nor.mem)), rng.randrange(8))
    found = files_in(nor)
    assert all(data in written.get(name, ()) for name, data in found.items())


def test_a_bank_that_cannot_be_written_leaves_the_old_one_in_force():
    nor = Nor(STORE)
    files = tidied(store_of(nor))
    files.write("a", b"old")
    nor.broken = lambda what, sector: what == "program"
    with pytest.raises(OSError):
        files.write("a", b"new")
    assert files.read("a") == b"old"
    nor.broken = lambda what, sector: False
    files.write("a", b"new")
    assert files_in(nor) == {"a": b"new"}


def test_an_entry_that_lacks_one_byte_is_not_completed_by_the_next_one():
    nor = Nor(STORE)
    files = store_of(nor)
    files.write("a", b"old")
    for n in range(10000):
        cut = entry(b"a", b"%05d" % n)
        if cut[-1] == TAG:  # what the next entry begins with
            break
    program_behind(nor, cut[:-1])
    again = store_of(nor)
    assert (again.read("a"), again.damaged) == (b"old", False)
    again.write("b", b"new")
    last = store_of(nor)
    assert (last.read("a"), last.read("b"), last.damaged) == (b"old", b"new", False)


def full_after(nor, pages):
    """Return a `program` that finds no room in the heap after so many pages."""
    program, done = nor.program, []

    def fail(at, page):
        if len(done) >= pages:
            raise MemoryError
        done.append(at)
        program(at, page)

    return fail


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_bank_change_without_room_in_the_heap_leaves_the_old_bank(monkeypatch, after):
    """Private: `_change_bank`, `_bank`, `_erase_next_sector`, since only a full bank calls them."""
    nor = Nor(STORE)
    files = store_of(nor)
    files.write("a", b"one")
    files.write("b", b"two")
    before = files._bank
    with monkeypatch.context() as full:
        full.setattr(nor, "program", full_after(nor, after))
        full.setattr(files, "_erase_next_sector", lambda: False)
        with pytest.raises(MemoryError):
            files._change_bank()
    assert files._bank == before
    assert (files.read("a"), files.read("b")) == (b"one", b"two")
    files.write("a", b"three")
    assert (store_of(nor).read("a"), store_of(nor).read("b")) == (b"three", b"two")


class FullDict(dict):
    """A dict that finds no room to grow."""

    def __setitem__(self, name, place):
        if name not in self:
            raise MemoryError
        super().__setitem__(name, place)


@pytest.mark.parametrize("name", ["a", "new"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_entry_without_room_in_the_heap_leaves_the_old_one(monkeypatch, name, after):
    nor = Nor(STORE)
    files = store_of(nor)
    files.write("a", b"one")
    before = files_in(nor)
    with monkeypatch.context() as full:
        full.setattr(nor, "program", full_after(nor, after))
        with pytest.raises(MemoryError):
            files.write(name, bytes(700))
    assert (files.read("a"), files.read("new")) == (b"one", None)
    assert files_in(nor) == before
    files.write(name, b"two")
    assert files_in(nor) == before | {name: b"two"}
    assert not store_of(nor).damaged


def test_a_new_file_whose_place_finds_no_room_is_not_in_the_flash_either(monkeypatch):
    """Private: `_where`, since only its growth takes heap then."""
    nor = Nor(STORE)
    files = store_of(nor)
    files.write("a", b"one")
    with monkeypatch.context() as full:
        full.setattr(files, "_where", FullDict(files._where))
        with pytest.raises(MemoryError):
            files.write("new", b"two")
        files.write("a", b"three")  # its place is there
    assert files_in(nor) == {"a": b"three"}


def test_entries_that_damage_hits_are_counted():
    nor = Nor(STORE)
    files = store_of(nor)
    for name in ("s.a", "s.b", "s.m", "t.a", "t.b"):
        files.write(name, b"old")
    at = [nor.mem.find(name) for name in (b"s.a", b"s.b", b"s.m", b"t.a", b"t.b")]
    for hit, lost in (((0,), 1), ((0, 1), 2), ((0, 1, 2), 3), ((0, 2, 3), 3)):
        some = Nor(0, mem=bytes(nor.mem))
        for k in hit:
            some.flip(at[k] + 4, 1)
        found = store_of(some)
        assert (found.lost, found.damaged) == (lost, True), hit
    assert (files.lost, store_of(nor).lost) == (0, 0)


def test_more_than_one_damaged_entry_at_the_end_is_no_power_cut():
    nor = Nor(STORE)
    files = store_of(nor)
    for name in ("s.a", "s.b", "s.m"):
        files.write(name, b"old")
    last = nor.mem.find(b"s.m")
    nor.flip(last + 4, 1)
    assert (store_of(nor).damaged, store_of(nor).lost) == (False, 0)
    nor.flip(nor.mem.find(b"s.b") + 4, 1)
    assert (store_of(nor).damaged, store_of(nor).lost) == (True, 2)
    store_of(nor).write("t.a", b"new")  # it is not taken for what a power cut left
    again = store_of(nor)
    assert (again.damaged, again.lost, again.read("t.a")) == (True, 2, b"new")
    tidied(again)
    assert (store_of(nor).damaged, store_of(nor).lost, files_in(nor)["t.a"]) == (False, 0, b"new")


def test_text_in_a_damaged_entry_is_no_entry():
    nor = Nor(STORE)
    files = store_of(nor)
    files.write("proto.0", b"Z" * 40 + b"." * 60)
    files.write("s.a", b"one")
    nor.flip(nor.mem.find(b"...") + 3, 1)
    assert store_of(nor).lost == 1


def test_banks_without_a_head_may_hold_older_files_alone():
    nor = Nor(STORE)
    files = store_of(nor)
    files.write("s.a", b"one")
    for at in (0, 32):
        nor.flip(at + STORE // 2 * 4096, 1) if nor.mem[at] == 0xFF else nor.flip(at, 1)
    found = store_of(nor)
    assert found.lost >= 3 and found.read("s.a") == b"one"
    assert store_of(nor).lost == 0
