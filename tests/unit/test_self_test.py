"""The self-test of the two shut-off paths, and what a sense input adds."""
# H-25

import types

import pytest

import board_facts
from tests.between_steps import between_steps
from tests.unit.conftest import CURVE, LARGE_PAD, Rig
from tests.unit.small import Small
from wrap.rules import faults, limits, states
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


# ---- when it looks at what


def seen_by(rig, sense):
    """The self-test of a wrap in one state of its session, with that state of its sense input."""
    return [rig.app.self_test.check_light(rig.session, light) for light in sense]


def with_state(state=states.DONE, lit=False):
    rig = Rig(facts=board_facts)
    rig.app.self_test.reset()
    rig.session = types.SimpleNamespace(
        state=state, lit_now=lit, blind=False, recorded_number=lambda: 7
    )
    return rig


def blind_notes(rig):
    rig.advance(100)
    return [n for n in rig.noted(records.NOTE) if "sense" in n]


def test_light_that_is_not_seen_for_500_steps_is_noted_with_its_session():
    rig = with_state(states.RUNNING, lit=True)
    assert seen_by(rig, [0] * 499) == [faults.NONE] * 499
    assert blind_notes(rig) == []
    seen_by(rig, [0] * 700)
    assert blind_notes(rig) == [{"sense": "no light seen", "session": 7}]


@pytest.mark.parametrize("at", [0, 498])
def test_light_that_was_seen_once_is_not_missed_later(at):
    rig = with_state(states.RUNNING, lit=True)
    seen_by(rig, [0] * at + [1] + [0] * 700)
    assert blind_notes(rig) == []


@pytest.mark.parametrize("before", [states.SELF_TEST, states.RUNNING])
def test_the_sixth_dark_step_may_not_show_light_any_more(before):
    rig = with_state(before, lit=before == states.RUNNING)
    assert seen_by(rig, [1] * 20) == [faults.NONE] * 20
    rig.session.state, rig.session.lit_now = states.DONE, False
    assert seen_by(rig, [1] * 7) == [faults.NONE] * 5 + [faults.LIGHT] * 2


def test_from_the_start_the_sixth_dark_step_may_not_show_light():
    rig = Rig(facts=board_facts, boot_ms=0)
    rig.session = types.SimpleNamespace(state=states.IDLE, lit_now=False)
    assert seen_by(rig, [1] * 7) == [faults.NONE] * 5 + [faults.LIGHT] * 2


def test_without_a_sense_input_no_step_looks_at_light():
    self_test = Rig(facts=without_sense(), boot_ms=0).app.self_test
    assert self_test.is_quiescent(True) and self_test.is_quiescent(False)


@pytest.mark.parametrize("sense,lit", [([1], True), ([0] * 500, True), ([0] * 6, False)])
def test_steps_look_at_light_until_it_was_seen_or_given_up_or_is_out(sense, lit):
    rig = with_state(states.RUNNING, lit=True)
    seen_by(rig, [0])
    assert not rig.app.self_test.is_quiescent(lit)
    rig.app.self_test.reset()
    rig.session.state, rig.session.lit_now = states.RUNNING if lit else states.DONE, lit
    seen_by(rig, sense[:-1])
    assert not rig.app.self_test.is_quiescent(lit)
    seen_by(rig, sense[-1:])
    assert rig.app.self_test.is_quiescent(lit)


def reasons_checked(rig, spread_mc):
    """The steps, counted from the start, in which the self-test compared the skin sensors, with
    whether the enable was open. spread_mc(step): their difference then."""
    steps = []

    def compare():
        step = (rig.board.now_ms - rig.began_ms) // 10
        steps.append((step, rig.hal.enabled))
        return spread_mc(step)

    rig.app.thermal.spread_mc = compare
    rig.store()
    rig.began_ms = rig.board.now_ms
    between_steps(rig.app).starter.start("link", False)
    for _ in range(30):
        rig.advance(10)
    return steps


def test_what_refuses_light_is_checked_before_a_path_opens_and_right_before_light():
    rig = Rig(facts=board_facts)
    assert reasons_checked(rig, lambda step: 0) == [(4, False), (11, False)]
    assert rig.state == "ramp-up"


@pytest.mark.parametrize("bad_steps,begins", [(4, True), (5, False)])
@pytest.mark.parametrize("first", [4, 11])
def test_five_steps_with_a_reason_refuse_the_session(first, bad_steps, begins):
    rig = Rig(facts=board_facts)
    bad = range(first, first + bad_steps)
    checked = reasons_checked(rig, lambda step: limits.SPREAD_MC + (step in bad))
    assert [step for step, _ in checked if step in bad] == list(bad)
    assert rig.state == ("ramp-up" if begins else "done")
    if not begins:
        assert checked[-1] == (first + 4, False)
        assert rig.app.session.end_reason == (
            "self-test: skin sensors disagree, lay the wrap flat and wait"
        )
        assert rig.hal.light_acc == [0, 0]


def test_failing_steps_of_both_checks_add_up():
    rig = Rig(facts=board_facts)
    bad = [4, 5, 6, 7, 15]  # the first check four times, and then the second one
    checked = reasons_checked(rig, lambda step: limits.SPREAD_MC + (step in bad))
    assert [step for step, _ in checked] == [4, 5, 6, 7, 8, 15]
    assert (rig.state, rig.hal.light_acc) == ("done", [0, 0])


def test_a_wait_for_the_dark_reference_ends_after_3500_steps(monkeypatch):
    for name in ("REFERENCE_WAIT_MS", "STEP_MS"):
        monkeypatch.setattr(limits, name, Small(getattr(limits, name)))
    rig = Rig(facts=board_facts)
    asked = []
    rig.app.light.lacks_reference_only = lambda: asked.append(1) or True
    for _ in range(3600):
        assert rig.app.self_test.step(rig.app.session) is None
    assert len(asked) == 3500


WAYS = {"pins": lambda hal: max(hal.duty) > 0, "enable": lambda hal: hal.enabled}


def waited(rig, ms=3000):
    """A start that waits in the self-test, as it does for the check of the program."""
    state = rig.app.integrity.state
    rig.app.integrity.state = "checking"
    rig.app.integrity.check_slice = lambda dt_ms: faults.NONE
    rig.store()
    between_steps(rig.app).starter.start("link", False)
    rig.advance(ms)
    rig.app.integrity.state = state
    assert rig.state == "self-test"


@pytest.mark.parametrize("way", WAYS)
def test_a_start_that_has_waited_tests_both_paths_as_well(way):
    rig = Rig(facts=board_facts)
    waited(rig)
    shining(rig, WAYS[way])
    rig.until("fault", 300)
    assert rig.app.status_view.fault()["name"] == "self-test"
    assert rig.hal.light_acc == [0, 0]


@pytest.mark.parametrize("step", [1, 2])
def test_a_disturbed_reading_before_the_last_one_hides_no_leak_from_the_feed(step):  # H-46
    """A skin sensor reads 4 K less while the feed is on, which it is from the fourth step of the
    start on. In one step it reads something else. Only the third is compared with the fourth."""
    rig = Rig(facts=board_facts)
    plain = rig.hal.read_raws
    rig.store()
    between_steps(rig.app).starter.start("link", False)
    began_ms = rig.board.now_ms

    def read_raws(out):
        plain(out)
        if (rig.board.now_ms - began_ms) // 10 == step:
            out[0] = CURVE.raw_at(36000)
        elif rig.hal.enabled:
            out[0] = CURVE.raw_at(29000)

    rig.hal.read_raws = read_raws
    rig.advance(400)
    assert faults.NAMES[rig.app.fault_latch.code] == "wiring"
    assert rig.hal.light_acc == [0, 0]
