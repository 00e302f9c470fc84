"""When a chunk of the program check is due, and when an unsaved fault is stored again."""

import pytest

from tests.unit.conftest import PowerCut
from tests.unit.test_integrity import Flash
from wrap.rules import faults
from wrap.rules.limits import PROGRAM_CHUNK_MS
from wrap.safety.fault_latch import FaultLatch
from wrap.safety.integrity import CHUNK, Integrity
from wrap.safety.restart_count import RestartCount
from wrap.storage.atomic_store import Store


def test_a_new_program_has_no_fault_to_tell():
    assert Integrity(Flash(CHUNK)).detail is None


@pytest.mark.parametrize("ram,memory", [(-1, "unknown"), (0, "whole"), (1, "damaged")])
def test_ram_is_bad_wherever_an_address_is_told(ram, memory):
    program = Integrity(Flash(CHUNK, ram_fault=ram))
    assert program.memory == memory
    assert program.slice(10) == (faults.MEMORY if ram == 1 else faults.NONE)
    assert program.detail == ("RAM at 0x00000001" if ram == 1 else None)


@pytest.mark.parametrize("size,state", [(0, "damaged"), (1, "whole")])
def test_a_program_of_one_byte_is_one_and_an_empty_one_is_not(size, state):
    program = Integrity(Flash(size))
    program.slice(10)
    assert program.state == state


def test_the_second_round_begins_at_once_and_then_a_chunk_is_due_to_the_millisecond():
    flash = Flash(3 * CHUNK)
    program = Integrity(flash)
    program.slice(10)
    flash.read.clear()
    seen = []
    for dt_ms in (0, PROGRAM_CHUNK_MS - 1, 1, PROGRAM_CHUNK_MS - 1, 0, 1):
        program.slice(dt_ms)
        seen.append(len(flash.read))
    assert seen == [1, 1, 2, 2, 2, 3]


def tripped(files):
    latch = FaultLatch(Store(files, "fault"))
    latch.trip(faults.COLD, {})
    return latch


def test_a_fault_is_stored_in_the_first_slice_and_again_a_second_after_a_failure(files):
    latch = tripped(files)
    files.broken = True
    seen = []
    for dt_ms in (0, 999, 1, 999, 1):
        before = files.ops
        latch.slice(dt_ms)
        seen.append(files.ops - before)
        assert latch.unsaved is True
    assert seen == [1, 0, 1, 0, 1]
    files.broken = False
    latch.slice(999)
    assert latch.unsaved is True
    latch.slice(1)
    assert latch.unsaved is False


def test_a_fault_after_one_that_was_stored_is_stored_at_once(files):
    latch = tripped(files)
    latch.slice(10)
    latch.clear()
    latch.trip(faults.GROSS, {})
    latch.slice(0)
    assert latch.unsaved is False


def test_nothing_but_failing_flash_is_waited_for(files):
    latch = tripped(files)
    files.broken, files.error = True, PowerCut()
    with pytest.raises(PowerCut):
        latch.slice(10)


def test_a_count_that_was_kept_has_not_failed(files):
    assert RestartCount(Store(files, "resets"), "power").failed is False
    assert RestartCount(Store(files, "resets"), "watchdog").failed is False
    files.broken = True
    lost = RestartCount(Store(files, "resets"), "watchdog")
    assert (lost.failed, lost.count) == (True, 2)
