"""What the button may do about a fault."""

import pytest

from tests.unit.conftest import Rig, blinks
from wrap.rules import faults
from wrap.storage import payloads, records


def no_room(*_args):
    raise MemoryError


def faulty():
    rig = Rig()
    rig.warm(60000, 0)
    rig.advance(100)
    assert rig.app.fault_latch.code == faults.GROSS
    return rig


def test_five_seconds_on_the_button_acknowledge_a_fault_whose_cause_is_gone():
    rig = faulty()
    rig.warm(30000, 0)
    rig.advance(100)
    rig.press(4000)
    rig.advance(600)
    assert rig.state == "fault"
    rig.press(5100)
    assert rig.state == "idle"
    assert rig.app.fault_latch.code == faults.NONE


def test_holding_does_nothing_while_the_cause_is_there():
    rig = faulty()
    rig.press(6000)
    assert rig.state == "fault"


def test_short_double_and_long_presses_do_nothing_in_a_fault():
    rig = faulty()
    rig.warm(30000, 0)
    for ms in (100, 2000):
        rig.press(ms)
        rig.advance(100)
        rig.press(ms)
        rig.advance(800)
    assert rig.state == "fault"


def test_holding_outside_a_fault_only_ends_the_session():
    rig = Rig()
    rig.light()
    rig.press(6000)
    assert rig.state == "done"
    rig.press(6000)
    assert rig.state == "done"


@pytest.mark.parametrize("call", ["pack", "store", "note"])
def test_an_acknowledgement_without_room_in_the_heap_can_be_made_again(monkeypatch, call):
    rig = faulty()
    rig.warm(30000, 0)
    rig.advance(100)
    with monkeypatch.context() as full:
        if call == "pack":
            full.setattr(payloads, "pack_json", no_room)
        elif call == "store":
            full.setattr(rig.files, "write", no_room)
        else:
            full.setattr(rig.app.log_queue, "note", no_room)
        rig.press(5100)
    cleared = call == "note"  # only the record is missing then
    assert (rig.state, rig.app.fault_latch.code) == (
        ("idle", faults.NONE) if cleared else ("fault", faults.GROSS)
    )
    rig.advance(5000)
    if not cleared:
        rig.press(5100)
    rig.advance(5000)
    assert (rig.state, rig.app.fault_latch.code) == ("idle", faults.NONE)
    assert rig.noted(records.ACK) == ([] if cleared else [{"code": faults.GROSS, "by": "button"}])
    assert rig.noted(records.STATE)[-1]["reason"] == "acknowledged by button"


def test_a_double_press_without_room_in_the_heap_is_refused(monkeypatch):
    """It was a latched fault."""
    rig = Rig()
    rig.store(0)
    rig.store(3)
    rig.advance(100)
    with monkeypatch.context() as full:
        full.setattr(rig.files, "write", no_room)
        rig.press()
        rig.advance(100)
        rig.press()
        assert "#.#.#" in blinks(rig, 30)
    assert (rig.state, rig.app.fault_latch.code) == ("idle", faults.NONE)
