"""Exact edges of the session rooms: clocks, fades, sites; what each begins with."""

import pytest

from tests.unit.conftest import MemFiles
from tests.unit.test_state_machine import Watched, begun, plan, running
from wrap.rules import limits, states
from wrap.session.site_history import (
    ANY,
    DAY_S,
    FULL_PM,
    SITES_MOST,
    WEEK_S,
    Entry,
    SiteHistory,
    SiteSessions,
    part_pm,
)
from wrap.session.wake_check import ASKED, NONE, UNANSWERED, WakeCheck
from wrap.storage.atomic_store import Store

UNIX = 2_000_000_000

# ---- machine


def test_a_new_machine_is_idle_dark_and_nobodys():
    new = Watched()
    assert (new.state, new.number, new.plan, new.by) == (states.IDLE, 0, None, "")
    assert (new.tethered, new.end_reason) == (False, "")
    assert (new.active(), new.lit()) == (False, False)
    assert (new.active_ms, new.paused_ms, new.step, new.fade) == (0, 0, 0, 0)
    assert (new._step_ms, new._in_state_ms, new.changes) == (0, 0, [])


def test_a_session_that_begins_forgets_all_of_the_one_before():
    session = running()
    session.pause("x")
    session.advance(700, 0, 0)
    session.end_reason = "x"
    session.begin(9, other := plan(), "button", True)
    assert (session.number, session.plan, session.by, session.tethered) == (
        9,
        other,
        "button",
        True,
    )
    assert (session.active_ms, session.paused_ms, session.step, session.fade) == (0, 0, 0, 0)
    assert (session._step_ms, session._in_state_ms, session.end_reason) == (0, 0, "")
    assert session.changes[-1] == (states.PAUSED, states.SELF_TEST, "button")


@pytest.mark.parametrize("ms,due", [(99, False), (100, True), (101, True)])
def test_the_self_test_lasts_a_tenth_of_a_second(ms, due):
    session = begun()
    session.advance(ms - 50, 0, 0)
    session.advance(50, 0, 0)
    assert session.self_test_due() is due
    assert session.active_ms == 0


def test_every_change_tells_why():
    session = begun()
    session.passed("self-test passed")
    session.advance(500, 0, 0)
    session.pause("because")
    session.resume("again")
    session.stop("enough")
    whys = [why for _, _, why in session.changes]
    assert whys == ["link", "self-test passed", "at level", "because", "again", "enough"]
    assert session.end_reason == "enough"


@pytest.mark.parametrize("state", range(9))
def test_what_is_active_and_lit_is_known_at_every_change(state):
    session = running()
    session.fade = 0
    session._to(state, "x")
    assert session.active() is (states.SELF_TEST <= state <= states.RAMP_DOWN)
    assert session.lit() is (state in (states.RAMP_UP, states.RUNNING))
    session.fade = 1
    session._to(state, "x")
    assert session.lit() is True
    assert session._in_state_ms == 0


def test_a_fade_is_in_proportion_and_ends_at_nothing():
    session = running()
    session.pause("x")
    session.advance(250, 0, 0)
    assert (session.fade, session.lit()) == (4096 - 2048, True)
    session.advance(249, 0, 0)
    assert (session.fade, session.lit()) == (9, True)
    session.advance(1, 0, 0)
    assert (session.fade, session.lit()) == (1, True)
    session.advance(5, 0, 0)
    assert (session.fade, session.lit()) == (0, False)


def test_a_ramp_ends_at_its_level_and_its_time_is_light_time():
    session = begun(ramp=1000)
    session.passed("self-test passed")
    session.advance(999, 0, 0)
    assert (session.state, session.fade) == (states.RAMP_UP, 4091)
    session.advance(1, 0, 0)
    assert (session.state, session.fade) == (states.RAMP_UP, 4095)
    session.advance(1, 0, 0)
    assert (session.state, session.fade) == (states.RUNNING, 4096)
    assert (session.active_ms, session._step_ms) == (1001, 1001)


def test_dose_is_watched_while_the_light_rises():
    session = begun(dose=6000)
    session.passed("self-test passed")
    session.advance(10, 6000000, 0)
    assert (session.state, session.end_reason) == (states.RAMP_DOWN, "dose")


def test_without_a_calibration_and_a_dose_only_time_ends_a_session():
    session = running(dose=0)
    session.advance(10, 10**9, 10**9)
    assert session.state == states.RUNNING
    session = running(dose=1)
    session.advance(10, -1, 1000)
    assert session.state == states.RUNNING
    session.advance(10, -1, 1001)
    assert session.state == states.RAMP_DOWN


def test_a_fault_in_the_dark_ends_nothing_and_changes_state_once():
    idle = Watched()
    idle.fail("fault")
    idle.fail("fault")
    assert (idle.end_reason, idle.changes) == ("", [(states.IDLE, states.FAULT, "fault")])
    idle.fade = 5
    idle.fail("fault")
    assert idle.fade == 0
    idle.fade = 5
    idle.return_to_idle("ack")
    assert (idle.fade, idle.lit(), idle.changes[-1][2]) == (0, False, "ack")


def test_a_pause_is_counted_from_its_own_beginning():
    session = running()
    for _ in range(2):
        session.pause("x")
        session.advance(299_000, 0, 0)
        assert session.state == states.PAUSED
        session.resume("x")
    assert session.paused_ms == 598_000
    session.pause("x")
    session.advance(299_999, 0, 0)
    assert session.state == states.PAUSED
    session.advance(1, 0, 0)
    assert (session.state, session.end_reason) == (states.RAMP_DOWN, "pause-timeout")
    assert session.paused_ms == 898_000


# ---- wake


def test_a_new_wake_check_never_asks():
    wake = WakeCheck()
    assert (wake.due_ms, wake.waiting, wake.over, wake.left_ms) == (1 << 29, False, False, 0)
    wake.arm(3, 2)
    assert (wake.due_ms, wake.waiting, wake.over) == (3000, False, False)
    wake.step(1)
    wake.step(5000)
    wake.arm(3, 2)
    assert (wake.due_ms, wake.waiting, wake.over) == (3000, False, False)
    wake.step(1)
    wake.disarm()
    assert (wake.due_ms, wake.waiting, wake.over, wake.left_ms) == (1 << 29, False, False, 0)


def test_the_time_to_answer_runs_from_the_question_and_ends_exactly():
    wake = WakeCheck()
    wake.arm(3, 2)
    assert wake.step(999) == ASKED
    assert wake.left_ms == 2000
    assert (wake.step(1999), wake.left_ms, wake.over) == (NONE, 1, False)
    assert (wake.step(1), wake.left_ms, wake.over) == (UNANSWERED, 0, True)
    assert (wake.step(1), wake.left_ms) == (NONE, 0)


@pytest.mark.parametrize("active_ms,due_s", [(0, 3), (1, 3), (1999, 2), (2000, 1), (2001, 1)])
def test_the_next_question_is_told_in_seconds_rounded_up(active_ms, due_s):
    wake = WakeCheck()
    wake.arm(3, 2)
    assert wake.due_s(active_ms) == due_s
    assert (wake.due_s(3000), wake.due_s(9000)) == (0, 0)


# ---- course


def test_parts_of_a_session_are_whole_permille_of_the_most():
    assert part_pm(59_999, 1_200_000, 0, 6_000_000) == 999
    assert part_pm(1000, 1_000_000, 100_000, 7_000_000) == 142
    assert part_pm(30_000, 1_000_000, 100_000, 7_000_000) == 500
    assert part_pm(1_000, 1_999, 0, 0) == 10_000
    assert part_pm(0, 1000, 5, 1000) == 50


@pytest.mark.parametrize("entry", [[50, 0, 1000], [0, 7, 1], [49, 1, 999]])
def test_what_was_kept_is_what_comes_back(entry):
    kept = {"age": 50, "line": 7, "sites": {"foot": [entry], "hand": [[1, 0, 5]]}}
    kept["light"] = [[1, 0, 5, 0], [*entry[:2], 1200, 0]]
    course = SiteSessions(kept)
    assert course.to_stored() == kept
    assert SiteSessions({}).to_stored() == {"age": 0, "line": None, "sites": {}, "light": []}
    assert Entry(1, 2, 3).this_boot is False


@pytest.mark.parametrize("entry", [[51, 0, 1000], [0, -1, 5], [0, 0, 0], [0, 0, 1001]])
def test_what_cannot_have_been_is_refused(entry):
    with pytest.raises(ValueError):
        SiteSessions({"age": 50, "sites": {"foot": [entry]}})


def test_a_session_on_every_site_counts_once_for_itself():
    course = SiteSessions({})
    course.begin(ANY)
    assert course.ages_s(ANY) == [0]
    course.begin("foot")
    course.set_uptime(5)
    assert (course.ages_s("foot"), course.ages_s("hand")) == ([5, 5], [5])


def test_only_the_newest_sessions_count_for_the_day_and_the_week():
    course = SiteSessions({})
    for up_s in (0, 100, 300):
        course.set_uptime(up_s)
        course.begin("foot")
    course.set_uptime(1000)
    assert course.ages_s("foot") == [700, 900, 1000]
    assert course.next_s("foot", 9, day=2, gap_s=0) == DAY_S - 900
    assert course.next_s("foot", 3, day=9, gap_s=0) == WEEK_S - 1000
    assert course.next_s("foot", 4, day=4, gap_s=700) == 0
    assert course.next_s("foot", 4, day=4, gap_s=701) == 1
    assert course.next_s("foot", 5) == DAY_S - 700


def test_a_place_is_free_when_the_last_session_of_some_site_is_a_week_old():
    course = SiteSessions({})
    for n in range(SITES_MOST - 1):
        course.begin(f"site-{n}")
    assert not course.is_full("foot")
    course.set_uptime(10)
    course.begin("foot")
    course.begin("site-0")
    assert (course.is_full("hand"), course.is_full("foot")) == (True, False)
    assert course.next_s("hand", 5) == WEEK_S - 10


@pytest.mark.parametrize("age_s,lost", [(0, True), (DAY_S - 1, True), (DAY_S, False)])
def test_history_is_lost_for_a_day(age_s, lost):
    course = SiteSessions({})
    course.assume_lost()
    course.set_uptime(age_s)
    assert course.is_lost() is lost


def test_a_part_takes_up_one_other_part_and_never_a_whole_session():
    course = SiteSessions({})
    course.begin("foot")
    course.end("foot", course.begin("foot"), 300)
    course.end("foot", course.begin("foot"), 800)
    assert sorted(e.part_pm for e in course.sites["foot"]) == [FULL_PM, FULL_PM]
    course.end("foot", course.begin("foot"), 5)
    assert sorted(e.part_pm for e in course.sites["foot"]) == [5, FULL_PM, FULL_PM]


# ---- history


def opened(files, sessions=0):
    return SiteHistory(Store(files, "course"), sessions)


def test_nothing_is_due_for_an_hour_and_lost_history_at_once():
    assert opened(MemFiles()).save_at_s == 3600
    assert opened(MemFiles(), 1).save_at_s == 0
    history = opened(MemFiles())
    history.save(100)
    assert history.save_at_s == 3700


def test_a_clock_is_kept_only_when_it_is_believed_and_matters():
    history = opened(MemFiles())
    history.set_clock(UNIX, 5)
    assert history.save_at_s == 3600
    history.begin("foot", 100, 6)
    history.set_clock(UNIX, 7)
    assert history.save_at_s == 3600  # not while the session runs
    history.end(FULL_PM, 100, 8)
    history.save(9)
    history.set_clock(UNIX - limits.CLOCK_DRIFT_S - 100, 10)
    assert history.save_at_s == 3609
    history.set_clock(UNIX, 11)
    assert history.save_at_s == 11
