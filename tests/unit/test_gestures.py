"""What the button may do about a fault."""

from tests.unit.conftest import Rig
from wrap.rules import faults


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
