"""The session machine: what it may never do in any sequence of events, and its exact clocks."""

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
    session.passed("seen")
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
        [(n,) for n in ("begin", "passed", "pause", "resume", "stop", "fail", "settle")]
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
            session.passed("seen")
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
    assert session.spec() == ((500, 0, 1000), (0, 0, 1000))
    run(session, 1990 - RAMPED_MS)
    assert session.step == 0
    session.advance(10, 0, 0)
    assert (session.step, session.spec()) == (1, ((0, 0, 1000), (800, 40, 500)))
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


def test_running_told_in_one_go_is_as_if_it_was_advanced():
    each, told = running(), running()
    assert told.event_in_ms() == 2000 - RAMPED_MS
    for ms in (600, 300):
        run(each, ms)
        told.add_elapsed(ms)
        clocks = ("active_ms", "_step_ms", "_in_state_ms", "step", "state")
        assert [getattr(told, k) for k in clocks] == [getattr(each, k) for k in clocks]
        assert told.event_in_ms() == each.event_in_ms() == 2000 - told.active_ms
    for session in (each, told):
        run(session, 600)
        assert (session.step, session.event_in_ms()) == (1, 5000 - session.active_ms)


def test_a_ramp_rises_and_falls_by_the_protocol_and_the_limit():
    session = begun(ramp=1000)
    session.passed("seen")
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
    session.fail("fault")
    session.fail("fault")
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
    def told(rig):
        rig.calibrate()
        rig.light(steps=STEPS)
        rig.until("done", 6000)
        return [(m.on_ms, m.uj) for m in rig.app.lamps.meters], rig.app.session.active_ms

    wrapping = Rig(start_ms=WRAP_MS - before_ms)
    assert told(wrapping) == told(Rig())
    assert wrapping.board.now_ms > WRAP_MS
    assert wrapping.app.session.active_ms == 5000
    assert wrapping.app.uptime.s == (wrapping.board.now_ms - (WRAP_MS - before_ms)) // 1000
    pins = [wrapping.board.light_acc(ch) / 65535 for ch in (0, 1)]
    for meter, pin in zip(wrapping.app.lamps.meters, pins, strict=True):
        assert 0 <= pin - meter.on_ms < 1
