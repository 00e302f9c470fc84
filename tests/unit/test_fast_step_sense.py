"""The sense input in steady steps: looked at in each, decided by App.step."""

import pytest

from tests.between_steps import between_steps
from tests.unit.test_fast_step import Wrap, left_to_app, lit
from wrap.rules import faults
from wrap.storage import records


def test_light_in_the_dark_is_a_fault_in_that_very_step():
    wrap = Wrap(False)
    wrap.steps(20)
    assert wrap.app.fast_step.on
    wrap.sense(True)
    assert left_to_app(wrap) == 1
    assert wrap.app.fault_latch.code == faults.LIGHT


@pytest.mark.parametrize("blind,steps", [(False, 0), (True, 500)])
def test_a_session_is_steady_once_its_light_was_seen_or_the_blind_input_is_told(blind, steps):
    wrap = Wrap(False)
    if blind:
        wrap.sense(False)
    lit(wrap)
    wrap.steps(1)
    lit_steps = wrap.app.self_test._lit_steps
    wrap.steps(max(0, steps - lit_steps - 1))
    assert wrap.app.fast_step.on is not blind
    wrap.steps(210)
    assert wrap.app.fast_step.on and wrap.state == "running"
    assert len([n for n in wrap.noted(records.NOTE) if "sense" in n]) == int(blind)


def test_dark_steps_are_app_s_until_the_filter_of_the_sense_input_has_settled():
    wrap = Wrap(False)
    lit(wrap)
    between_steps(wrap.app).session.stop("link")
    wrap.until("done", 2000)
    began = wrap.quick
    wrap.steps(5)
    assert (wrap.quick - began, wrap.app.fast_step.on) == (0, False)
    wrap.steps(2)
    assert wrap.app.fast_step.on
