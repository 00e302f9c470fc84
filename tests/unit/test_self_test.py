"""The self-test of the two shut-off paths, and what a sense input adds."""
# H-25

import types

import pytest

import board_facts
from tests.between_steps import between_steps
from tests.unit.conftest import LARGE_PAD, Rig
from wrap.rules import faults
from wrap.session.self_test import LIMITED, NOT_SENSED, SENSED
from wrap.storage import payloads, records


def without_sense(facts=board_facts):
    return types.SimpleNamespace(**{**vars(facts), "SENSE_PIN": None})


def begun(facts):
    rig = Rig(facts=facts)
    rig.store()
    between_steps(rig.app).starter.start("link", False)
    return rig


def passed_reason(rig):
    rig.until("ramp-up", 300)
    rig.advance(200)
    found = [s["reason"] for s in rig.noted(records.STATE)]
    return [p for p in found if "self-test passed" in p]


@pytest.mark.parametrize(
    "facts,text", [(without_sense(LARGE_PAD), NOT_SENSED), (LARGE_PAD, SENSED)]
)
def test_the_record_says_whether_the_ways_to_dark_were_sensed(facts, text):
    assert passed_reason(begun(facts)) == [text]


@pytest.mark.parametrize("facts,text", [(without_sense(), NOT_SENSED), (board_facts, SENSED)])
def test_the_record_says_that_power_is_limited(facts, text):
    assert passed_reason(begun(facts)) == [text + LIMITED]
    assert text + LIMITED in payloads.REASONS


def test_each_shut_off_path_is_opened_alone_and_no_light_comes():
    rig = begun(board_facts)
    seen = set()
    while rig.state == "self-test":
        rig.advance(10)
        if rig.state == "self-test":
            seen.add((rig.hal.enabled, max(rig.hal.duty) > 0))
            assert rig.hal.light_acc == [0, 0]
    assert seen == {(False, False), (True, False), (False, True)}


@pytest.mark.parametrize("how", ["stop", "trip"])
@pytest.mark.parametrize("steps", range(1, 11))
def test_a_self_test_that_ends_early_closes_both_ways(steps, how):
    rig = begun(board_facts)
    rig.advance(10 * steps)
    if how == "stop":
        between_steps(rig.app).session.stop("link")
    else:
        rig.app.trip(faults.GROSS, None)
    rig.advance(10)
    assert (rig.hal.enabled, rig.hal.duty, rig.hal.mode) == (False, [0, 0], [-1, -1])


def shining(rig, when):
    """The LEDs give light when `when(hal)`."""
    rig.hal.lit_up = lambda: when(rig.hal)


@pytest.mark.parametrize(
    "when,reported",
    [
        (lambda hal: hal.enabled, "although every lamp pin is low"),
        (lambda hal: max(hal.duty) > 0, "although the enable is low"),
    ],
)
def test_a_shut_off_path_that_does_not_hold_is_a_fault(when, reported):
    rig = begun(board_facts)
    shining(rig, when)
    rig.until("fault", 300)
    fault = rig.app.status_view.fault()
    assert (fault["name"], fault["detail"]) == ("self-test", "light is sensed " + reported)
    assert rig.dark()


def test_light_before_anything_is_opened_is_a_fault():
    rig = begun(board_facts)
    shining(rig, lambda hal: True)
    rig.until("fault", 300)
    assert rig.app.status_view.fault()["detail"] == "light is sensed with both ways to dark closed"


@pytest.mark.parametrize("state", ["idle", "paused"])
def test_unrequested_light_is_a_fault_within_60_ms(state):
    rig = Rig(facts=board_facts)
    if state == "paused":
        rig.light()
        between_steps(rig.app).session.pause("link")
        rig.advance(800)
    rig.advance(100)
    shining(rig, lambda hal: True)
    rig.advance(60)
    assert (rig.state, rig.app.status_view.fault()["name"]) == ("fault", "light")
    rig.advance(100)
    assert rig.app.fault_latch.later == 0
    shining(rig, lambda hal: False)
    rig.advance(10)
    rig.app.fault_control.acknowledge("link")
    assert rig.state == "idle"


def test_light_that_is_just_going_out_is_no_fault():
    rig = Rig(facts=board_facts)
    rig.light()
    between_steps(rig.app).session.stop("link")
    rig.until("done", 2000)
    shining(rig, lambda hal: True)
    rig.advance(50)
    assert rig.state == "done"


@pytest.mark.parametrize("blind", [False, True])
def test_a_sense_input_that_sees_no_light_is_reported_once(blind):
    rig = Rig(facts=board_facts)
    rig.light(steps=[{"t": 60, "ch": {"red": [500], "nir": [800]}}])
    if blind:
        shining(rig, lambda hal: False)
        rig.app.self_test.reset()
    rig.advance(12000)
    reported = [n["sense"] for n in rig.noted(records.NOTE) if "sense" in n]
    assert reported == ["no light seen"] * int(blind)
    assert rig.state == "running"


@pytest.mark.parametrize("at_step", range(1, 12))
def test_one_disturbed_reading_refuses_nothing(at_step):
    rig = begun(board_facts)
    rig.advance(10 * at_step)
    rig.warm(42500, sensor="skin")
    rig.advance(10)
    rig.warm(33000, sensor="skin")
    rig.until("running", 4000)
