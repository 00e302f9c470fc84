"""A multiplexer that does not switch is a fault: two of four sensors hang on it."""

from types import SimpleNamespace

import pytest

from tests.unit.conftest import Rig
from wrap.rules import faults
from wrap.safety.multiplexer_check import MultiplexerCheck


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


class Inputs:
    """A check of inputs of which `wrong`, 1 + its number, reads out of its bounds; 0: none."""

    def __init__(self, wrong=0):
        self.wrong = wrong
        self.measured = 0
        self._check = MultiplexerCheck(SimpleNamespace(references=self.references))

    def references(self):
        self.measured += 1
        return self.wrong

    def after(self, ms, latched=False):
        """(what is wrong, measurements so far) once `ms` have passed."""
        return self._check.check(ms, latched), self.measured


def test_inputs_are_measured_at_once_and_then_each_second():
    inputs = Inputs()
    assert inputs.after(0) == (None, 1)
    for n in (2, 3):
        assert inputs.after(999) == (None, n - 1)
        assert inputs.after(1) == (None, n)


@pytest.mark.parametrize("wrong", [1, 8])
def test_an_input_that_reads_wrong_is_measured_again_after_100_ms(wrong):
    inputs = Inputs(wrong)
    assert inputs.after(0) == (None, 1)
    assert inputs.after(99) == (None, 1)
    assert inputs.after(1) == (f"input y{wrong - 1} reads out of its bounds", 2)


def test_nothing_is_measured_while_a_fault_is_latched():
    inputs = Inputs()
    assert [inputs.after(1000, latched=True) for _ in range(3)] == [(None, 0)] * 3
    assert inputs.after(0) == (None, 1)
