"""The piece of the heap that is kept for faults, starts and records."""

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import Rig
from wrap import heap_reserve
from wrap.heap_reserve import HeapReserve
from wrap.rules import faults
from wrap.storage import records


def test_it_is_given_back_once_and_taken_again():
    reserve = HeapReserve(4)
    assert (reserve.release(), reserve.release()) == (True, False)
    reserve.restore()
    reserve.restore()
    assert reserve.release()


def test_a_heap_without_room_for_it_leaves_it_away(monkeypatch):
    def fail(words):
        raise MemoryError

    monkeypatch.setattr(heap_reserve, "_take", fail)  # Private: `_take`, since a list never fails
    reserve = HeapReserve(4)
    assert not reserve.release()
    monkeypatch.undo()
    reserve.restore()
    assert reserve.release()


def full_until_released(rig, monkeypatch, part, name):
    """Let a call find no room while the reserve is kept. Returns the calls that did."""

    def call_if_room(*args):
        if rig.app.reserve.is_kept():
            failed.append(name)
            raise MemoryError
        return call(*args)

    failed, call = [], getattr(part, name)
    monkeypatch.setattr(part, name, call_if_room)
    return failed


def test_a_record_takes_the_reserve_and_leaves_it(rig: Rig, monkeypatch):
    """A stock board with eight protocols had no piece for a record of one: the session ended."""
    rig.light()
    rig.advance(100)
    failed = full_until_released(rig, monkeypatch, records, "pack_pieces")
    rig.app.log_queue.note(records.NOTE, b"\x01{}")
    rig.advance(100)
    assert (len(failed), rig.app.log_queue.is_idle(), rig.app.reserve.is_kept()) == (1, True, True)
    assert rig.state == "running"


def test_a_record_without_reserve_waits_for_room(rig: Rig, monkeypatch):
    def fail(*args):
        tried.append(args)
        raise MemoryError

    tried = []
    rig.advance(100)
    rig.app.reserve.release()
    with monkeypatch.context() as full:
        full.setattr(records, "pack_pieces", fail)
        rig.app.log_queue.note(records.NOTE, b"\x01{}")
        rig.advance(500)
        assert (len(tried), rig.app.log_queue.is_idle()) == (1, False)
    rig.advance(1000)
    assert rig.app.log_queue.is_idle()


def test_a_start_takes_the_reserve_and_leaves_it(rig: Rig, monkeypatch):
    rig.store()
    rig.advance(100)
    failed = full_until_released(rig, monkeypatch, rig.app.protocols, "plan")
    between_steps(rig.app).starter.start("link", False)
    assert (failed, rig.app.reserve.is_kept()) == ([], True)


@pytest.mark.parametrize("error", [None, MemoryError()])
def test_a_fault_takes_it_for_good(rig: Rig, error):
    between_steps(rig.app).trip(faults.READBACK, None)
    if error:
        rig.app.panic(error)
    rig.advance(5000)
    assert not rig.app.reserve.is_kept()
