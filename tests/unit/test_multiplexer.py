"""A multiplexer that does not switch is a fault: two of four sensors hang on it."""

import pytest

from tests.unit.conftest import Rig
from wrap.rules import faults


@pytest.mark.parametrize("channel", [0, 7])
@pytest.mark.parametrize("lit", [False, True])
def test_a_reference_out_of_its_bounds_is_a_fault_within_two_seconds(
    rig: Rig, channel, lit
):  # H-47, H-48
    if lit:
        rig.light()
    rig.hal.mux_wrong = channel + 1
    rig.advance(1300)
    assert (faults.NAMES[rig.app.fault_latch.code], rig.dark()) == ("multiplexer", True)
    assert rig.app.fault_latch.info["detail"] == f"input y{channel} reads out of its bounds"


def test_one_wrong_conversion_is_none(rig: Rig):
    reads = iter([0, 8, 0, 1, 8, 0])
    rig.hal.references = lambda: next(reads, 0)
    rig.advance(8000)
    assert rig.state == "idle"


def test_before_the_first_light_it_is_found_at_once():
    rig = Rig(boot_ms=0)
    rig.hal.mux_wrong = 1
    rig.advance(250)
    assert rig.state == "fault"


def test_acknowledged_while_it_lasts_it_comes_again(rig: Rig):
    rig.hal.mux_wrong = 1
    rig.advance(1300)
    rig.ask("fault.ack")
    rig.advance(1300)
    assert rig.state == "fault"
    rig.hal.mux_wrong = 0
    rig.ask("fault.ack")
    rig.advance(1300)
    assert rig.state == "idle"
