"""The session state machine: what no sequence of events may bring about, and its exact clocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.conftest import Rig
from tests.unit.conftest import protocol as raw_protocol
from wrap.rules import limits, protocol, states
from wrap.session.state_machine import Session

STEPS = [{"t": 2, "ch": {"red": [500]}}, {"t": 3, "ch": {"nir": [800, 40, 500]}}]
WRAP_MS = 1 << 30
RAMPED_MS = 510  # 4096 in whole parts of 81 a step: one step more than the ramp's 500 ms


def plan(**changes):
    changes.setdefault("steps", STEPS)
    return protocol.Plan(protocol.parse(raw_protocol(**changes)), ("red", "nir"))


class Watched(Session):
    """A session that remembers its changes of state."""

    def __init__(self):
        self.changes = []
        super().__init__(lambda _, old, new, why: self.changes.append((old, new, why)))


def begun(**changes):
    session = Watched()
    session.begin(1, plan(**changes), "link", False)
    return session


def running(**changes):
    session = begun(**changes)
    session.advance(100, 0, 0)
    assert session.self_test_due()
    session.pass_self_test("seen")
    run(session, RAMPED_MS)
    assert (session.state, session.active_ms) == (states.RUNNING, RAMPED_MS)
    return session


def run(session, ms, dt=10):
    for _ in range(ms // dt):
        session.advance(dt, 0, 0)


EVENT = st.one_of(
    st.tuples(
        st.just("advance"),
        st.integers(0, 400),
        st.integers(-1, 8000000),
        st.integers(0, 20000),
    ),
    st.sampled_from(
        [(n,) for n in ("begin", "passed", "pause", "resume", "stop", "enter_fault", "settle")]
    ),
)


def happen(session, event):
    """One event as the app would bring it."""
    name, *args = event
    if name == "advance":
        if session.active_now:
            session.advance(*args)
    elif name == "begin":
        if session.state in (states.IDLE, states.DONE):
            session.begin(session.number + 1, plan(dose=6000), "link", False)
    elif name == "passed":
        if session.state == states.SELF_TEST:
            session.pass_self_test("seen")
    elif name == "settle":
        if session.state == states.FAULT:
            session.return_to_idle("acknowledged")
    else:
        getattr(session, name)("test")


@given(st.lists(EVENT, max_size=120))
def test_no_sequence_of_events_breaks_the_rules(events):
    session = Watched()
    for event in events:
        before, clock, paused = session.state, session.active_ms, session.paused_ms
        seen = len(session.changes)
        happen(session, event)
        changes = [(old, new) for old, new, _ in session.changes[seen:]]
        assert 0 <= session.fade <= 4096
        if session.state in (states.IDLE, states.DONE, states.FAULT, states.SELF_TEST):
            assert (session.fade, session.lit()) == (0, False)
        if session.state in (states.RAMP_UP, states.RUNNING):
            assert session.lit()
        assert session.lit() or session.fade == 0
        assert session.active() == (session.state in states.ACTIVE)
        if event[0] == "advance":
            stood = before not in (states.RAMP_UP, states.RUNNING)
            assert session.active_ms - clock == (0 if stood else event[1])
            assert session.paused_ms - paused == (event[1] if before == states.PAUSED else 0)
            assert session.active_ms < 5000 + max(1, event[1])
            assert states.RAMP_UP not in [new for _, new in changes]
        for old, new in changes:
            assert new != states.DONE or old == states.RAMP_DOWN
            assert new != states.RUNNING or old == states.RAMP_UP
            assert new != states.RAMP_UP or event[0] in ("passed", "resume")
        assert session.changes[seen:] == [] or session.changes[-1][1] == session.state


def test_a_session_goes_through_its_states_to_the_end():
    session = running()
    run(session, 4990 - RAMPED_MS)
    assert (session.state, session.active_ms, session.step) == (states.RUNNING, 4990, 1)
    session.advance(10, 0, 0)
    assert (session.state, session.end_reason) == (states.RAMP_DOWN, "time")
    run(session, 500)
    assert [c[1] for c in session.changes] == [1, 2, 3, 5]
    session.advance(10, 0, 0)
    assert session.changes[-1] == (states.RAMP_DOWN, states.DONE, "time")
    assert session.changes[0] == (states.IDLE, states.SELF_TEST, "link")


def test_steps_change_on_their_millisecond_and_several_in_one_late_step():
    session = running()
    assert session.lamp_spec() == ((500, 0, 1000), (0, 0, 1000))
    run(session, 1990 - RAMPED_MS)
    assert session.step == 0
    session.advance(10, 0, 0)
    assert (session.step, session.lamp_spec()) == (1, ((0, 0, 1000), (800, 40, 500)))
    three = running(steps=[STEPS[0], STEPS[0], STEPS[1]])
    three.advance(4000, 0, 0)
    assert (three.step, three.active_ms) == (2, 4000 + RAMPED_MS)


@pytest.mark.parametrize(
    "dose,so_far,ahead,ends",
    [(6000, 5999999, 0, False), (6000, 5900000, 100000, True), (0, 10**9, 0, False)],
)
def test_dose_ends_it_when_fading_out_will_reach_the_target(dose, so_far, ahead, ends):
    session = running(dose=dose)
    session.advance(10, so_far, ahead)
    assert session.state == (states.RAMP_DOWN if ends else states.RUNNING)
    assert session.end_reason == ("dose" if ends else "")


def test_elapsed_time_added_in_one_call_is_as_if_it_was_advanced():
    each, reported = running(), running()
    assert reported.event_in_ms() == 2000 - RAMPED_MS
    for ms in (600, 300):
        run(each, ms)
        reported.add_elapsed(ms)
        clocks = ("active_ms", "_step_ms", "_in_state_ms", "step", "state")
        assert [getattr(reported, k) for k in clocks] == [getattr(each, k) for k in clocks]
        assert reported.event_in_ms() == each.event_in_ms() == 2000 - reported.active_ms
    for session in (each, reported):
        run(session, 600)
        assert (session.step, session.event_in_ms()) == (1, 5000 - session.active_ms)


def test_a_ramp_rises_and_falls_by_the_protocol_and_the_limit():
    session = begun(ramp=1000)
    session.pass_self_test("seen")
    run(session, 500)
    assert session.fade == 40 * 50
    session.stop("link")
    session.advance(10, 0, 0)
    assert session.fade == 2000 - 81
    run(session, 250)
    assert (session.state, session.fade) == (states.DONE, 0)


def test_pause_fades_out_stops_the_clock_and_waits():
    session = running()
    assert session.pause("link")
    assert session.lit()
    run(session, 510)
    assert (session.lit(), session.state, session.active_ms) == (False, states.PAUSED, RAMPED_MS)
    run(session, 1000)
    assert (session.active_ms, session.paused_ms) == (RAMPED_MS, 1510)
    assert session.resume("link")
    assert session.lit()
    run(session, RAMPED_MS)
    assert (session.state, session.active_ms) == (states.RUNNING, 2 * RAMPED_MS)


def test_a_pause_ends_the_session_after_300_s():
    session = running()
    session.pause("button")
    run(session, limits.PAUSE_TIMEOUT_S * 1000 - 10)
    assert session.state == states.PAUSED
    session.advance(10, 0, 0)
    session.advance(10, 0, 0)
    assert (session.state, session.end_reason) == (states.DONE, "pause-timeout")


@pytest.mark.parametrize(
    "state,can",
    [
        (states.IDLE, ""),
        (states.SELF_TEST, "stop"),
        (states.RAMP_UP, "pause stop"),
        (states.RUNNING, "pause stop"),
        (states.PAUSED, "resume stop"),
        (states.RAMP_DOWN, ""),
        (states.DONE, ""),
        (states.FAULT, ""),
    ],
)
def test_what_may_be_asked_depends_on_the_state(state, can):
    for act in ("pause", "resume", "stop"):
        session = begun()
        session.state = state
        assert getattr(session, act)("link") == (act in can)


def test_a_fault_ends_a_session_once_and_never_lights_again():
    session = running()
    session.enter_fault("fault")
    session.enter_fault("fault")
    assert (session.end_reason, session.lit(), session.active()) == ("fault", False, False)
    assert [c[1] for c in session.changes] == [1, 2, 3, 7]
    session.return_to_idle("acknowledged by link")
    assert (session.state, session.fade, session.end_reason) == (states.IDLE, 0, "fault")


def test_a_new_session_starts_from_nothing():
    session = running()
    session.stop("link")
    run(session, 600)
    session.begin(2, plan(), "button", True)
    assert (session.active_ms, session.step, session.fade, session.end_reason) == (0, 0, 0, "")
    assert (session.number, session.by, session.tethered) == (2, "button", True)
    assert not session.self_test_due()


@pytest.mark.parametrize("before_ms", [1, 130, 620, 1700, 3100])
def test_the_tick_wrap_changes_neither_clock_nor_dose(before_ms):
    def reported(rig):
        rig.calibrate()
        rig.light(steps=STEPS)
        rig.until("done", 6000)
        return [(m.on_ms, m.uj) for m in rig.app.lamps.meters], rig.app.session.active_ms

    wrapping = Rig(start_ms=WRAP_MS - before_ms)
    assert reported(wrapping) == reported(Rig())
    assert wrapping.board.now_ms > WRAP_MS
    assert wrapping.app.session.active_ms == 5000
    assert wrapping.app.uptime.s == (wrapping.board.now_ms - (WRAP_MS - before_ms)) // 1000
    pins = [wrapping.board.light_acc(ch) / 65535 for ch in (0, 1)]
    for meter, pin in zip(wrapping.app.lamps.meters, pins, strict=True):
        assert 0 <= pin - meter.on_ms < 1


def test_a_new_session_object_is_idle_and_dark():
    new = Watched()
    assert (new.state, new.number, new.plan, new.by) == (states.IDLE, 0, None, "")
    assert (new.tethered, new.end_reason) == (False, "")
    assert (new.calibrating, new.blind) == (False, False)
    assert (new.active(), new.lit()) == (False, False)
    assert (new.active_ms, new.paused_ms, new.step, new.fade) == (0, 0, 0, 0)
    assert (new.self_test_due(), new.changes) == (False, [])


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
    assert (session.self_test_due(), session.end_reason) == (False, "")
    assert session.changes[-1] == (states.PAUSED, states.SELF_TEST, "button")
    session.advance(99, 0, 0)
    assert not session.self_test_due()
    session.pass_self_test("seen")
    session.advance(1999, 0, 0)
    assert session.step == 0  # the first step takes its 2 s again
    session.advance(1, 0, 0)
    assert session.step == 1


@pytest.mark.parametrize("ms,due", [(99, False), (100, True), (101, True)])
def test_the_self_test_lasts_a_tenth_of_a_second(ms, due):
    session = begun()
    session.advance(ms - 50, 0, 0)
    session.advance(50, 0, 0)
    assert session.self_test_due() is due
    assert session.active_ms == 0


def test_every_change_of_state_has_a_reason():
    session = begun()
    session.pass_self_test("self-test passed")
    session.advance(500, 0, 0)
    session.pause("because")
    session.resume("again")
    session.stop("enough")
    whys = [why for _, _, why in session.changes]
    assert whys == ["link", "self-test passed", "at level", "because", "again", "enough"]
    assert session.end_reason == "enough"


def enter(session, state):
    """Bring a session in the self-test to `state`, without light where that is possible."""
    if state == states.IDLE:
        session.enter_fault("x")
        session.return_to_idle("x")
    elif state in (states.RAMP_UP, states.RUNNING, states.PAUSED):
        session.pass_self_test("x")
        if state == states.RUNNING:
            session.advance(1000, 0, 0)
        elif state == states.PAUSED:
            session.pause("x")
    elif state in (states.RAMP_DOWN, states.DONE):
        session.stop("x")
        if state == states.DONE:
            session.advance(10, 0, 0)
    elif state == states.FAULT:
        session.enter_fault("x")
    assert session.state == state


@pytest.mark.parametrize("state", range(states.SERVICE))
def test_what_is_active_and_lit_is_known_at_every_change(state):
    session = begun()
    enter(session, state)
    assert session.active() is (states.SELF_TEST <= state <= states.RAMP_DOWN)
    assert session.lit() is (state in (states.RAMP_UP, states.RUNNING))


@pytest.mark.parametrize("end", ["pause", "stop"])
def test_a_session_that_fades_out_is_lit_until_it_is_dark(end):
    session = running()
    getattr(session, end)("x")
    assert session.lit() is True
    session.advance(499, 0, 0)
    assert session.lit() is True
    session.advance(500, 0, 0)
    assert session.lit() is False


@pytest.mark.parametrize("before_ms", [0, 250_000])
def test_every_change_restarts_the_time_in_the_state(before_ms):
    session = running()
    session.pause("x")
    session.advance(before_ms, 0, 0)
    session.resume("x")
    session.pause("x")
    session.advance(299_999, 0, 0)
    assert session.state == states.PAUSED
    session.advance(1, 0, 0)
    assert session.state == states.RAMP_DOWN


def test_the_least_light_of_a_ramp_is_lit_when_the_session_stops():
    session = begun(ramp=2000)
    session.pass_self_test("seen")
    session.advance(0, 0, 0)
    session.fade = 1
    session.stop("x")
    assert session.lit() is True
    session.advance(1, 0, 0)
    assert session.lit() is False


def test_a_session_is_blind_only_when_it_is_asked_for():
    session = begun()
    assert session.blind is False
    session.begin(2, plan(), "link", False, True)
    assert session.blind is True
    session.begin_calibration(plan())
    assert not session.blind


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
    session.pass_self_test("self-test passed")
    session.advance(999, 0, 0)
    assert (session.state, session.fade) == (states.RAMP_UP, 4091)
    session.advance(1, 0, 0)
    assert (session.state, session.fade) == (states.RAMP_UP, 4095)
    session.advance(1, 0, 0)
    assert (session.state, session.fade) == (states.RUNNING, 4096)
    assert (session.active_ms, session.event_in_ms()) == (1001, 2000 - 1001)


def test_dose_ends_a_session_while_its_light_rises():
    session = begun(dose=6000)
    session.pass_self_test("self-test passed")
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
    idle.enter_fault("fault")
    idle.enter_fault("fault")
    assert (idle.end_reason, idle.changes) == ("", [(states.IDLE, states.FAULT, "fault")])
    idle.fade = 5
    idle.enter_fault("fault")
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
