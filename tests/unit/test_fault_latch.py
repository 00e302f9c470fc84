"""The fault latch: first fault wins, survives power, is cleared only on purpose."""

import pytest

from tests.unit.conftest import PowerCut
from wrap.rules import faults
from wrap.safety.fault_latch import FaultLatch
from wrap.storage.atomic_store import Store


def make(files):
    return FaultLatch(Store(files, "fault"))


def test_the_first_fault_wins_and_later_ones_are_counted(files):
    latch = make(files)
    assert latch.trip(faults.SKIN_HOT, {"temp_mc": 41200})
    assert not latch.trip(faults.GROSS, {"temp_mc": 46000})
    assert (latch.code, latch.info, latch.later) == (1, {"code": 1, "temp_mc": 41200}, 1)


def test_a_saved_fault_survives_power(files):
    latch = make(files)
    latch.trip(faults.COLD, {"temp_mc": 1000})
    latch.save()
    latch.save()
    assert files.ops == 4  # two copies
    again = make(files)
    assert (again.code, again.info) == (faults.COLD, {"code": 6, "temp_mc": 1000})
    assert (again.later, again.unsaved) == (0, False)


def test_a_fault_that_cannot_be_saved_stays_unsaved(files):
    latch = make(files)
    latch.trip(faults.COLD, {})
    files.break_at = 1
    with pytest.raises(OSError):
        latch.save()
    assert latch.unsaved
    latch.save()
    assert make(files).code == faults.COLD


def test_clearing_is_kept_too(files):
    latch = make(files)
    latch.trip(faults.COLD, {})
    latch.trip(faults.GROSS, {})
    latch.save()
    latch.clear()
    for one in (latch, make(files)):
        assert (one.code, one.info, one.later, one.unsaved) == (faults.NONE, None, 0, False)


@pytest.mark.parametrize("op", [1, 2])
def test_a_clear_that_cannot_be_stored_leaves_the_fault(files, op):
    latch = make(files)
    latch.trip(faults.COLD, {})
    latch.save()
    files.break_at = files.ops + op
    with pytest.raises(OSError):
        latch.clear()
    assert latch.code == make(files).code == faults.COLD


def test_every_code_has_a_name_and_a_text():
    codes = [v for k, v in vars(faults).items() if k.isupper() and isinstance(v, int)]
    assert sorted(codes) == list(range(len(faults.NAMES))) == list(range(len(faults.TEXTS)))
    assert len(set(faults.NAMES)) == len(faults.NAMES)


def test_damaged_fault_memory_counts_as_a_fault_until_acknowledged(files):
    latch = make(files)
    latch.trip(faults.COLD, {"temp_mc": 1000})
    latch.save()
    for name in files.names():
        assert make(files).code == faults.COLD  # one whole copy is enough
        files.write(name, files.read(name)[:-1] + b"?")
    again = make(files)
    assert (again.code, again.info["detail"]) == (faults.STORAGE, "the fault memory is damaged")
    again.clear()
    assert make(files).code == faults.NONE


LAST = len(faults.NAMES) - 1


def kept(files, value):
    Store(files, "fault").put(value)
    return make(files)


def test_the_last_code_there_is_is_kept_and_one_beyond_is_a_damaged_memory(files):
    latch = kept(files, {"code": LAST})
    assert (latch.code, latch.unsaved) == (LAST, False)
    for beyond in (LAST + 1, LAST + 2):
        latch = kept(files, {"code": beyond})
        assert (latch.code, latch.unsaved) == (faults.STORAGE, True)


def test_either_copy_of_a_saved_fault_is_enough(files):
    latch = make(files)
    latch.trip(faults.COLD, {"temp_mc": 1000})
    latch.save()
    for name in ("fault.a", "fault.b"):
        whole = files.read(name)
        files.write(name, b"\x00" * len(whole))
        again = make(files)
        assert (again.code, again.info) == (faults.COLD, {"code": 6, "temp_mc": 1000})
        files.write(name, whole)


def test_an_acknowledged_damage_is_whole_again(files):
    files.write("fault.a", b"rubbish")
    store = Store(files, "fault")
    latch = FaultLatch(store)
    assert latch.code == faults.STORAGE
    latch.clear()
    assert store.damaged is False
    assert make(files).code == faults.NONE


def damaged(files):
    store = Store(files, "fault")
    store.put({"code": 3})
    name = next(n for n in files.names() if n.startswith("fault"))
    files.write(name, b"?" + files.read(name)[1:])
    return Store(files, "fault")


def test_a_damaged_latch_is_reported_as_a_storage_fault(files):
    latch = FaultLatch(damaged(files))
    assert latch.info == {"code": faults.STORAGE, "detail": "the fault memory is damaged"}
    assert (latch.later, latch.unsaved) == (0, True)


def test_every_fault_after_the_first_is_counted(files):
    latch = FaultLatch(Store(files, "fault"))
    assert latch.trip(faults.COLD, {"a": 1}) is True
    assert [latch.trip(faults.GROSS, {}) for _ in range(3)] == [False] * 3
    assert (latch.later, latch.unsaved, latch.code) == (3, True, faults.COLD)
    latch.save()
    assert latch.unsaved is False


def test_a_new_latch_holds_nothing(files):
    latch = FaultLatch(Store(files, "fault"))
    assert (latch.code, latch.info, latch.later, latch.unsaved) == (faults.NONE, None, 0, False)
    latch.save()
    assert files.ops == 0


def tripped(files):
    latch = FaultLatch(Store(files, "fault"))
    latch.trip(faults.COLD, {})
    return latch


def test_a_fault_is_stored_in_the_first_slice_and_again_a_second_after_a_failure(files, failure):
    latch = tripped(files)
    files.broken, files.error = True, failure
    seen = []
    for dt_ms in (0, 999, 1, 999, 1):
        before = files.ops
        latch.save_when_due(dt_ms)
        seen.append(files.ops - before)
        assert latch.unsaved is True
    assert seen == [1, 0, 1, 0, 1]
    files.broken = False
    latch.save_when_due(999)
    assert latch.unsaved is True
    latch.save_when_due(1)
    assert latch.unsaved is False


def test_a_fault_after_one_that_was_stored_is_stored_at_once(files):
    latch = tripped(files)
    latch.save_when_due(10)
    latch.clear()
    latch.trip(faults.GROSS, {})
    latch.save_when_due(0)
    assert latch.unsaved is False


def test_only_an_error_of_the_flash_is_retried(files):
    latch = tripped(files)
    files.broken, files.error = True, PowerCut()
    with pytest.raises(PowerCut):
        latch.save_when_due(10)
