"""The wake check: asked, answered, unanswered, recorded, shown."""
# H-31

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import LONG, Rig, blinks
from wrap.rules import limits
from wrap.session.wake_check import ASKED, NONE, UNANSWERED, WakeCheck
from wrap.storage import records

MINUTES = [{"t": 1200, "ch": {"red": [10]}}]


@pytest.fixture
def asked(rig: Rig):
    """A session whose wake check has just begun to wait: 5 s of light, 3 s to answer."""
    rig.app.settings.set("wake_s", 5)
    rig.app.settings.set("answer_s", 3)
    rig.light()
    rig.advance(5000 - rig.app.session.active_ms + 10)
    assert rig.app.wake_check.waiting
    return rig


def reported(rig):
    rig.advance(100)
    return [n["wake"] for n in rig.noted(records.WAKE)]


# ---- the check alone


def test_a_new_wake_check_never_asks():
    wake = WakeCheck()
    assert (wake.due_ms, wake.waiting, wake.over, wake.left_ms) == (1 << 29, False, False, 0)
    wake.begin_session(3, 2)
    assert (wake.due_ms, wake.waiting, wake.over) == (3000, False, False)
    wake.step(1)
    wake.step(5000)
    wake.begin_session(3, 2)
    assert (wake.due_ms, wake.waiting, wake.over) == (3000, False, False)
    wake.step(1)
    wake.end_session()
    assert (wake.due_ms, wake.waiting, wake.over, wake.left_ms) == (1 << 29, False, False, 0)


def test_the_time_to_answer_runs_from_the_question_and_ends_exactly():
    wake = WakeCheck()
    wake.begin_session(3, 2)
    assert wake.step(999) == ASKED
    assert wake.left_ms == 2000
    assert (wake.step(1999), wake.left_ms, wake.over) == (NONE, 1, False)
    assert (wake.step(1), wake.left_ms, wake.over) == (UNANSWERED, 0, True)
    assert (wake.step(1), wake.left_ms) == (NONE, 0)


@pytest.mark.parametrize("active_ms,due_s", [(0, 3), (1, 3), (1999, 2), (2000, 1), (2001, 1)])
def test_the_next_question_is_due_in_seconds_rounded_up(active_ms, due_s):
    wake = WakeCheck()
    wake.begin_session(3, 2)
    assert wake.due_s(active_ms) == due_s
    assert (wake.due_s(3000), wake.due_s(9000)) == (0, 0)


def test_it_asks_again_a_stretch_of_light_after_each_answer():
    wake = WakeCheck()
    assert (wake.due_s(0), wake.answer(0)) == (None, False)
    wake.begin_session(300, 60)
    assert (wake.due_ms, wake.due_s(0), wake.due_s(299001)) == (300000, 300, 1)
    assert (wake.answer(5), wake.step(10)) == (False, ASKED)
    assert (wake.waiting, wake.due_s(300000)) == (True, 60)
    assert wake.step(59999) == NONE
    assert wake.due_s(300000) == 1
    assert wake.answer(359000)
    assert (wake.waiting, wake.due_ms) == (False, 659000)


def test_an_answer_after_its_time_is_none():
    wake = WakeCheck()
    wake.begin_session(300, 60)
    wake.step(10)
    assert (wake.step(60000), wake.over) == (UNANSWERED, True)
    assert (wake.answer(1), wake.step(10), wake.due_s(1)) == (False, NONE, 0)
    wake.end_session()
    assert (wake.waiting, wake.over, wake.due_s(1)) == (False, False, None)


# ---- in a session


@pytest.mark.slow
def test_by_default_it_asks_after_five_minutes_and_gives_one(rig: Rig):
    rig.light(steps=MINUTES)
    rig.advance(limits.WAKE_S * 1000 - rig.app.session.active_ms - 10)
    assert not rig.app.wake_check.waiting
    rig.advance(10)
    assert rig.app.wake_check.waiting
    rig.advance(limits.WAKE_ANSWER_S * 1000 - 10)
    assert rig.state == "running"
    rig.advance(10)
    assert rig.state == "paused"
    assert rig.until("done", 1000) <= 520
    assert rig.app.session.end_reason == "wake"
    assert rig.dark()


@pytest.mark.parametrize("early_ms,asks", [(1, False), (0, True)])
def test_it_asks_in_the_millisecond_that_is_due(rig: Rig, early_ms, asks):
    rig.light()
    app = between_steps(rig.app)
    app.wake_check.due_ms = app.session.active_ms + early_ms
    app.control.update_session(0)
    assert app.wake_check.waiting is asks


def test_without_an_answer_it_fades_out_pauses_and_ends(asked: Rig):
    asked.advance(3000)
    assert asked.state == "paused"
    assert any(asked.hal.duty)
    asked.until("done", 1000)
    assert (asked.app.session.end_reason, asked.dark()) == ("wake", True)
    assert reported(asked) == ["asked", "unanswered"]
    assert asked.noted(records.END)[0]["reason"] == "wake"
    assert asked.status()["wake_due_s"] is None


def test_a_press_answers_and_does_not_pause(asked: Rig):
    duties = asked.hal.duty[:]
    asked.press()
    asked.advance(2000)
    assert (asked.state, asked.hal.duty) == ("running", duties)
    assert reported(asked) == ["asked", "answered"]
    asked.advance(2750)
    assert not asked.app.wake_check.waiting
    asked.advance(300)
    assert asked.app.wake_check.waiting
    asked.press()
    asked.advance(600)
    asked.press()
    asked.advance(600)
    assert asked.state == "paused"


def test_a_host_answers_for_a_wearer_who_uses_the_page(asked: Rig):
    assert asked.ask("wake.answer") == {"state": "running"}
    assert reported(asked) == ["asked", "answered"]
    assert (asked.app.wake_check.waiting, asked.app.wake_check.asking) == (False, False)
    assert asked.ask("wake.answer") == ("not_now", "the wake check asks nothing now")
    asked.advance(5000)
    assert asked.app.wake_check.waiting  # the next question comes as after a press


def test_a_host_that_answers_too_late_changes_nothing(asked: Rig):
    asked.advance(3050)
    assert asked.ask("wake.answer")[0] == "not_now"
    asked.until("done")
    assert asked.app.session.end_reason == "wake"


def test_a_long_press_answers_and_still_ends(asked: Rig):
    asked.press(1200)
    asked.until("done", 1000)
    assert asked.app.session.end_reason == "button"
    assert reported(asked) == ["asked", "answered"]


def test_a_question_goes_on_in_a_pause_and_its_answer_does_not_resume(asked: Rig):
    between_steps(asked.app).session.pause("link")
    asked.advance(2000)
    asked.press()
    asked.advance(2000)
    assert asked.state == "paused"
    asked.press()
    asked.advance(600)
    assert asked.state == "ramp-up"


def test_a_pause_does_not_hide_from_the_question(asked: Rig):
    between_steps(asked.app).session.pause("link")
    asked.advance(3030)
    assert (asked.state, asked.app.session.fade) == ("ramp-down", 0) or asked.state == "done"
    asked.until("done")
    assert asked.app.session.end_reason == "wake"


def test_a_session_that_the_wake_check_ends_cannot_be_resumed(asked: Rig):
    asked.advance(3100)
    assert between_steps(asked.app).session.resume("link")
    asked.until("done", 1000)
    assert asked.app.session.end_reason == "wake"
    assert asked.dark()


def test_a_press_that_comes_too_late_starts_nothing(asked: Rig):
    asked.advance(2990)
    asked.board.press(True)
    asked.advance(150)
    asked.board.press(False)
    asked.app.caps.next_s = lambda site: 0
    asked.advance(3000)
    assert (asked.state, asked.app.session.end_reason) == ("done", "wake")


def test_a_press_while_it_fades_out_starts_nothing(rig: Rig):
    rig.light()
    between_steps(rig.app).session.stop("link")
    rig.press()
    rig.advance(2000)
    assert (rig.state, rig.app.session.number) == ("done", 1)


def test_a_tethered_wearer_must_answer_too(rig: Rig):
    rig.app.settings.set("wake_s", 3)
    rig.app.settings.set("answer_s", 3)
    rig.store(steps=LONG)
    between_steps(rig.app).starter.start("link", True)
    for _ in range(15):
        rig.advance(500)
        rig.app.control.lease_ms = 1000
    assert (rig.state, rig.app.session.end_reason) == ("done", "wake")


def test_a_fault_ends_the_question(asked: Rig):
    asked.warm(50000)
    asked.advance(100)
    assert (asked.state, asked.app.wake_check.waiting, asked.app.wake_check.asking) == (
        "fault",
        False,
        False,
    )


def test_status_and_sample_show_the_check(rig: Rig):
    rig.app.settings.set("wake_s", 5)
    rig.app.settings.set("answer_s", 3)
    rig.light()
    assert rig.status()["wake_due_s"] == 5
    rig.advance(3000)
    status = rig.status()
    assert (status["wake_due_s"], status["wake_waiting"]) == (2, False)
    rig.advance(2000)
    assert rig.sample()["wake_waiting"]
    assert rig.status()["wake_due_s"] == 3


def test_the_indicator_asks(asked: Rig):
    assert "##.#....##.#...." in blinks(asked, 30)
    asked.press()
    asked.advance(100)
    assert "##.#" not in blinks(asked, 30)
