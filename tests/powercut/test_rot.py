"""Proves a slice of the cases of flipped bits, and that their judge sees what it looks for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.nor import SECTOR, Nor, store_of
from tests.powercut import rot, rot_base
from wrap.storage import double_store, flash_files, record_reader, records
from wrap.storage import log as log_module
from wrap.storage.log import Log

SLICE = rot.names(12)


def failures(kinds: tuple[str, ...] = rot.KINDS) -> list[str]:
    some = [name for name in SLICE if name.split("/")[0] in kinds]
    return [text for name in some for text in rot.run(name)]


def test_flipped_bits_never_crash_it_nor_make_a_record_and_are_reported():
    found = {name: rot.run(name) for name in SLICE}
    wrong = {n: t for n, ts in found.items() for t in ts if not t.startswith(rot.LIMIT)}
    assert wrong == {}


def test_only_much_damage_meets_a_limit():
    heavy = rot.run("files/128/1376")
    assert [text.split(",")[0] for text in heavy] == ["limit: the log ends at 8149"]
    few = [name for name in SLICE if int(name.split("/")[1]) < 8]
    assert not any(rot.run(name) for name in few)


def test_the_bases_are_what_their_names_say():
    new, used, latched, files = map(rot_base.base, rot.KINDS)
    assert (new.fault, used.fault, latched.fault, files.fault) == (0, 0, 3, 3)
    assert (min(new.starts.values()), min(used.starts.values()) > 30000) == (0, True)
    assert len(files.starts) >= 3 and len(files.log) > 50
    assert all(len(base.sites) == 2 for base in (new, used, latched, files))


def test_a_bit_in_a_record_of_the_log_is_found_to_be_in_it():
    base = rot_base.base("files")
    at = max(base.log)
    name, begin, offset, _ = base.places[-1]
    hits = rot.Hits(base, [(name, begin + at - offset, 0)])
    assert (hits.log, hits.single) == ({at}, True)
    assert base.offset("settings.a", 0) == -1


def test_the_judge_sees_a_log_that_cannot_be_read_on(monkeypatch):
    rot_base.base("used")  # played while it can be
    plain = Log.read
    monkeypatch.setattr(
        Log, "read", lambda self, o, n: b"" if o > self.first + 3000 else plain(self, o, n)
    )
    assert any("cannot be read" in text for text in failures(("used",)))


@pytest.fixture
def unchecked(monkeypatch):
    """Records whose checksum sees only how long they are, in days played anew. The log takes each
    for intact."""
    rot_base.base.cache_clear()
    rot_base.tape.cache_clear()
    for module in (records, record_reader):
        monkeypatch.setattr(module, "binascii", SimpleNamespace(crc32=len))
    intact = SimpleNamespace(crc32=lambda piece, crc: records.RESIDUE)
    monkeypatch.setattr(log_module, "binascii", intact)
    yield
    rot_base.base.cache_clear()
    rot_base.tape.cache_clear()


@pytest.mark.usefixtures("unchecked")
def test_the_judge_sees_false_records():
    assert any("false record" in text for text in failures(("new",)))


def test_the_judge_sees_one_bit_that_costs_a_sector(monkeypatch):
    monkeypatch.setattr(log_module, "_sector_follows", lambda sectors, a, b: False)
    found = [text for at in (10, 20, 30) for text in _head_flipped(at)]
    assert any("one bit costs" in text for text in found)


def _head_flipped(at: int) -> list[str]:
    base = rot_base.base("used")
    mem = {name: bytearray(data) for name, data in base.mem.items()}
    name, begin, *_ = base.places[2]
    mem[name][begin + at] ^= 4
    return list(rot.judge_wrap("used", mem, rot.Hits(base, [(name, begin + at, 2)])))


def test_a_sector_with_a_flipped_head_is_mended():
    assert _head_flipped(20) == []


def test_the_judge_sees_damage_that_nobody_tells_of(monkeypatch):
    sound = property(lambda self: False, lambda self, damaged: None)
    monkeypatch.setattr(flash_files.FlashFiles, "damaged", sound, raising=False)
    found = judged("latched", [(*bytes_of("latched", "proto.0")[20], 3)])
    assert any("slot 0 holds" in text and "nothing tells of it" in text for text in found)


KEPT = ("settings.a", "settings.b", "settings.m")


def judged(kind: str, bits: list[tuple[str, int, int]]) -> list[str]:
    """Return what is wrong with a wrap in whose flash these bits have turned over."""
    was = rot_base.base(kind)
    mem = {name: bytearray(data) for name, data in was.mem.items()}
    for name, at, bit in bits:
        mem[name][at] ^= 1 << bit
    return list(rot.judge_wrap(kind, mem, rot.Hits(was, bits)))


def bytes_of(kind: str, name: str) -> list[tuple[str, int]]:
    """Return where a small file is: (file, position)."""
    mem = rot_base.base(kind).mem
    if kind == "files":
        return [(name, at) for at in range(len(mem[name]))]
    # Private: `_where`, see rot_base.py.
    i, at, size = store_of(Nor(0, mem=mem[rot_base.FLASH]))._where[name]
    begin = i * SECTOR + at
    return [(rot_base.FLASH, at) for at in range(begin - 4 - len(name), begin + size + 4)]


@pytest.mark.parametrize("kind", rot.KINDS)
def test_one_bit_anywhere_in_the_settings_changes_nothing_and_asks_for_nothing(kind):
    for name in KEPT:
        for file, at in bytes_of(kind, name)[::3]:
            assert judged(kind, [(file, at, at % 8)]) == [], (name, at)


@pytest.mark.parametrize("kind", rot.KINDS)
def test_both_copies_of_the_settings_damaged_is_never_silent(kind):
    a, b = bytes_of(kind, "settings.a"), bytes_of(kind, "settings.b")
    for n in range(0, len(a), 9):
        assert judged(kind, [(*a[n], 1), (*b[-n - 1], 2)]) == []


def test_the_judge_sees_a_setting_that_falls_back(monkeypatch):
    monkeypatch.setattr(double_store, "_is_trusted", lambda *found: True)
    copies = [bytes_of("latched", name)[20] for name in KEPT[:2]]
    found = judged("latched", [(*at, 3) for at in copies])
    assert "trip_mc is 41000, not 40000, unconfirmed: []" in found


def test_the_judge_sees_a_wrap_that_waits_for_nothing(monkeypatch):
    monkeypatch.setattr(double_store, "_is_trusted", lambda a, b, *found: a == b)
    bits = [(*bytes_of("files", "settings.a")[20], 3)]
    assert "one bit makes ['settings'] wait for a person" in judged("files", bits)


def test_the_judge_sees_a_log_whose_losses_are_not_reported(monkeypatch):
    class Blind:
        problems = torn = ()

    monkeypatch.setattr(rot, "verify_log", lambda extents: Blind)
    assert any("records are gone" in text for text in failures(("used",)))


@pytest.mark.parametrize("kind", ["latched", "files"])
def test_the_judge_sees_a_fault_that_is_forgotten(monkeypatch, kind):
    monkeypatch.setattr("wrap.safety.fault_latch.FaultLatch.__init__", _forgetful)
    assert any("the latch says 0, not 3" in text for text in failures((kind,)))


def _forgetful(self, store):
    self._store, self.code, self.info, self.later, self.unsaved = store, 0, None, 0, False
    self._save_ms = 0


STORES = ("settings", "cal", "heat", "hold")
EARLIER = "new/128/449", "new/128/1538", "latched/128/2222", "latched/1/307", "used/1/325"


def test_cases_that_failed_once_hold():
    """An older value in all three files, and one bit in what says that nothing was put."""
    assert {name: rot.run(name) for name in EARLIER} == {name: [] for name in EARLIER}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", rot.KINDS)
def test_one_bit_in_any_file_of_a_store_asks_for_nothing(kind, store):
    there = rot_base.base(kind).mem if kind == "files" else None
    for name in (store + ending for ending in (".a", ".b", ".m")):
        if there is None or name in there:
            for file, at in places_of(kind, name)[::7]:
                assert judged(kind, [(file, at, at % 8)]) == [], (name, at)


def places_of(kind: str, name: str) -> list[tuple[str, int]]:
    """As `bytes_of`; nothing for a file that is not there."""
    try:
        return bytes_of(kind, name)
    except KeyError:
        return []


@pytest.mark.parametrize("kind", ["new", "used", "latched"])
def test_all_files_of_the_settings_damaged_waits_for_a_person(kind):
    """Not with a bit in the head of each: then they count as one (docs/powercut.md)."""
    files = [bytes_of(kind, name)[4 + len(KEPT[0]) :] for name in KEPT]
    for n in range(0, min(map(len, files)), 5):
        assert judged(kind, [(*file[n], 2) for file in files]) == [], n
