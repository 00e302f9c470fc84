"""A wrap on the fast path is, booked, the wrap that does every step in full.

Private: the board's `_turn` and `_due`, since its `advance` books the fast steps after each call,
and they have to stay unbooked here.
"""

import itertools
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.between_steps import between_steps
from tests.unit.conftest import COOL, CURVE, LARGE_PAD, LONG, Rig
from tests.verdicts import shown
from wrap.rules import faults, limits, states
from wrap.safety.violation import Violation
from wrap.storage import records

BOTH = {"red": [500], "nir": [800, 40, 500]}
TEMPS_MC = [3000, 6000, 20000, 33000, 38900, 39500, 40400, 40990, 41010, 44900, 45100, 130000]
RAWS = [CURVE.raw_at(mc) + edge for mc in TEMPS_MC for edge in (0, 1)] + [0, 65520]
NOISE = st.integers(-40, 40)
EVENTS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 120)),
    st.tuples(st.just("late"), st.sampled_from([0, 1, 9, 11, 20, 21, 35, 150])),
    st.tuples(st.just("warm"), st.integers(0, 3), st.sampled_from(RAWS), st.integers(1, 6)),
    st.tuples(st.just("noise"), NOISE, NOISE, NOISE, NOISE),
    st.tuples(st.just("press"), st.integers(1, 60)),
    st.tuples(st.just("ask"), st.sampled_from(["status", "session.pause", "session.resume"])),
    st.tuples(st.just("ask"), st.sampled_from(["session.stop", "session.start", "lease", "hello"])),
    st.tuples(st.just("break"), st.integers(0, 1)),
    st.tuples(st.just("sense"), st.sampled_from([None, None, False, True]), st.integers(1, 20)),
)
NOT_SENSED = types.SimpleNamespace(**{**vars(LARGE_PAD), "SENSE_PIN": None})


def plain_values(part):
    """All attributes of a part that are values, and what its verdicts show."""
    values = vars(part).items()
    state = {k: v[:] if isinstance(v, list) else v for k, v in values}
    state |= {k: shown(v) for k, v in values if isinstance(v, Violation)}
    kinds = (int, str, list, tuple, type(None))
    return {k: v for k, v in state.items() if isinstance(v, kinds) and k not in ("_trends",)}


class Wrap(Rig):
    """deciding: every step is App.step's."""

    def __init__(self, deciding, start_ms=0, facts=LARGE_PAD):
        super().__init__(start_ms=start_ms, facts=facts)
        self.deciding = deciding
        if deciding:
            self.app.fast_step.exit_fast_path()
            self.app.fast_step.enter = lambda: None
        self.turns = self.full_steps = 0
        turn, step = self.app.turn, self.app.step

        def counted_turn(now):
            self.turns += 1
            turn(now)

        def counted_step(now):
            self.full_steps += 1
            step(now)

        self.app.turn, self.app.step = counted_turn, counted_step
        self.noise = [0] * 4
        self.raws = [COOL] * 4

    @property
    def quick(self):
        """Steps that the fast path did."""
        return self.turns - self.full_steps

    def steps(self, n, ms=limits.STEP_MS):
        for k in range(n):
            for i, raw in enumerate(self.raws):
                wobble = self.noise[i] * ((k * 7 + i * 3) % 5 - 2)
                self.board.set_raw(i, max(0, min(65520, raw + wobble)))
            self.board.now_ms += ms
            self.hal.now_ms = self.board.now_ms
            self.hal.deadman()
            self.board._turn(self.board.now_ms)  # FakeBoard.advance would book every step
        self.board._due = self.board.now_ms + limits.STEP_MS

    def act(self, event):
        what, *args = event
        if what == "wait":
            self.steps(args[0])
        elif what == "late":
            self.steps(1, max(10, args[0]))
        elif what == "warm":
            kept = self.raws[args[0]]
            self.raws[args[0]] = args[1]
            self.steps(args[2])
            self.raws[args[0]] = kept
        elif what == "noise":
            self.noise = args
        elif what == "press":
            self.board.press(True)
            self.steps(args[0])
            self.board.press(False)
        elif what == "ask":
            self.send(args[0])
            self.steps(3)
        elif what == "sense":
            self.sense(args[0])
            self.steps(args[1])
        else:
            self.hal.duty[args[0]] ^= 1
            self.steps(2)

    def sense(self, light):
        """What the sense input sees from now on; None: the LEDs' light."""
        if light is None:
            vars(self.hal).pop("lit_up", None)
        else:
            self.hal.lit_up = lambda: light

    def seen(self):
        """All that a step decides or books."""
        app, hal = self.app, self.hal
        app.fast_step.flush()
        session, thermal, temp_limits = app.session, app.thermal, app.temp_limits
        meters = [vars(m) for m in app.lamps.meters]
        hidden = ("_on_change", "plan")
        return {
            "session": {k: v for k, v in vars(session).items() if k not in hidden},
            "meters": [dict(m) for m in meters],
            "duties": (app.lamps.duties[:], hal.duty[:], hal.mode[:], hal.enabled, hal.fed_ms),
            "temp_limits": {
                k: v
                for k, v in vars(temp_limits).items()
                if k not in ("_curve", "_means", "_violation")
            },
            "thermal": (thermal.derate.q, plain_values(thermal)),
            "fault": (
                app.steps.code,
                app.fault_latch.code,
                app.fault_latch.info,
                app.fault_latch.later,
            ),
            "time": (
                app.uptime.s,
                app.uptime.ms,
                app.steps.now,
                app.steps.steps_late,
                app.recorder.sample_ms,
            ),
            "button": vars(app.button),
            "sense": {k: v for k, v in vars(app.self_test).items() if isinstance(v, int)},
            "light": [self.board.light_acc(ch) for ch in range(2)],
        }


def twins(start_ms=0, facts=LARGE_PAD):
    return Wrap(False, start_ms, facts), Wrap(True, start_ms, facts)


def lit(wrap, **changes):
    wrap.calibrate()
    wrap.light(**{"steps": [{"t": 30, "ch": BOTH}, {"t": 31, "ch": BOTH}], **changes})


@pytest.mark.slow
@settings(max_examples=120)
@given(
    st.lists(EVENTS, max_size=25),
    st.booleans(),
    st.sampled_from([0, (1 << 30) - 2500]),
    st.sampled_from([LARGE_PAD, NOT_SENSED]),
)
def test_any_events_leave_both_wraps_in_the_same_state(events, shining, start_ms, facts):
    quick, plain = twins(start_ms, facts)
    if shining:
        lit(quick)
        lit(plain)
    for event in events:
        quick.act(event)
        plain.act(event)
        assert quick.seen() == plain.seen(), event
    assert plain.quick == 0


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_whole_session_is_the_same_to_the_record(calibrated):
    logs = []
    for wrap in twins():
        if calibrated:
            wrap.calibrate()
        wrap.store(steps=[{"t": 40, "ch": BOTH}, {"t": 30, "ch": {"red": [900]}}], dose=5000)
        between_steps(wrap.app).starter.start("link", False)
        wrap.noise = [9, 31, 17, 4]
        wrap.steps(8000)
        assert wrap.state == "done"
        assert wrap.app.session.end_reason == ("dose" if calibrated else "time")
        logs.append((wrap.log(), wrap.seen()))
        share = wrap.quick / 8000
        assert share == 0 if wrap.deciding else share > 0.9
    assert logs[0] == logs[1]


@pytest.mark.parametrize("start_ms", [0, (1 << 30) - 20000])
def test_time_is_whole_across_the_tick_wrap(start_ms):
    quick, plain = twins(start_ms)
    for wrap in (quick, plain):
        lit(wrap)
        wrap.steps(3500)
    assert quick.seen() == plain.seen()
    assert quick.app.session.active_ms == plain.app.session.active_ms


@pytest.mark.parametrize("ms,late", [(20, 0), (21, 1)])
def test_a_step_is_late_for_the_fast_path_when_it_is_for_apps_step(ms, late):
    assert limits.STEP_MS * 2 == 20
    wrap = running()
    before = wrap.quick
    wrap.steps(1, ms)
    assert (wrap.app.steps.steps_late, wrap.quick - before) == (late, 1 - late)


def running():
    wrap = Wrap(False)
    lit(wrap)
    wrap.steps(260)
    assert wrap.app.fast_step.on
    return wrap


def full_steps_of_next(wrap):
    """The number of full steps in the next 10 ms."""
    plain, seen = wrap.app.step, []
    wrap.app.step = lambda now: (seen.append(now), plain(now))
    wrap.board.advance(limits.STEP_MS)
    return len(seen)


def test_a_step_with_nothing_to_decide_is_a_fast_one():
    assert full_steps_of_next(running()) == 0


@pytest.mark.parametrize("sensor", range(4))
@pytest.mark.parametrize("edge", [0, 1])
def test_the_first_reading_at_a_limit_is_a_full_step(sensor, edge):
    wrap = running()
    trip = limits.SKIN_TRIP_MC if sensor < 3 else limits.BOARD_TRIP_MC
    wrap.board.set_raw(sensor, CURVE.raw_at(trip) + edge)
    assert full_steps_of_next(wrap) == 1 - edge
    wrap = running()
    wrap.board.set_raw(sensor, CURVE.raw_at(limits.PLAUSIBLE_MIN_MC) + edge)
    assert full_steps_of_next(wrap) == edge


def test_a_press_is_a_full_step_and_its_inputs_are_read_once():
    wrap = running()
    reads, plain = [], wrap.hal.read_raws
    wrap.hal.read_raws = lambda out: (reads.append(1), plain(out))
    wrap.board.press(True)
    assert (full_steps_of_next(wrap), len(reads)) == (1, 1)


def test_a_failed_readback_is_dark_in_that_very_step():
    wrap = running()
    wrap.hal.duty[0] += 1
    wrap.board.advance(limits.STEP_MS)
    assert wrap.dark() and wrap.app.fault_latch.code == faults.READBACK


def test_a_fault_between_two_steps_books_the_light_so_far():
    wrap = running()
    wrap.steps(3)
    pending = wrap.app.lamps.meters[0].on_ms
    now = (wrap.hal.now_ms + 10) & 0x3FFFFFFF
    wrap.hal.now_ms += 10
    assert wrap.app.fast_step.step(now) > 0
    wrap.app.server.poll = lambda room_ms: 1 // 0
    assert not wrap.app.run_link()
    assert wrap.app.fault_latch.code == faults.EXCEPTION
    assert wrap.app.lamps.meters[0].on_ms > pending
    assert not wrap.app.fast_step.on


def test_every_step_is_full_while_background_work_waits():
    wrap = running()
    wrap.app.log_queue.slice = lambda dt_ms, lit: False  # nothing is written yet
    wrap.app.log_queue.note(records.NOTE, b"{}")
    wrap.app.fast_step.exit_fast_path()
    wrap.steps(5)
    assert not wrap.app.fast_step.on
    del wrap.app.log_queue.slice
    wrap.steps(5)
    assert wrap.app.fast_step.on


def test_background_work_comes_every_50_ms():
    wrap = running()
    slices = []
    plain = wrap.app.run_background
    wrap.app.run_background = lambda: (
        slices.append(wrap.app.uptime.s * 1000 + wrap.app.uptime.ms),
        plain(),
    )
    wrap.app.fast_step.exit_fast_path()
    for _ in range(60):
        wrap.hal.now_ms += 10
        wrap.app.turn(wrap.hal.ticks_ms())
    gaps = [b - a for a, b in itertools.pairwise(slices)]
    assert max(gaps) <= 50 and len(gaps) < 20


def test_the_fast_path_is_off_while_light_fades_or_a_question_waits():
    wrap = Wrap(False)
    wrap.app.settings.set("wake_s", 5)
    wrap.app.settings.set("answer_s", 3)
    wrap.store(steps=LONG)
    between_steps(wrap.app).starter.start("link", False)
    for _ in range(1200):
        wrap.steps(1)
        calm = wrap.app.session.state in (states.IDLE, states.DONE, states.RUNNING)
        assert calm or not wrap.app.fast_step.on
        assert not (wrap.app.wake_check.waiting and wrap.app.fast_step.on)
    assert wrap.app.session.end_reason == "wake"


# ---- the sense input


def test_light_in_the_dark_is_a_fault_in_that_very_step():
    wrap = Wrap(False)
    wrap.steps(20)
    assert wrap.app.fast_step.on
    wrap.sense(True)
    assert full_steps_of_next(wrap) == 1
    assert wrap.app.fault_latch.code == faults.LIGHT


@pytest.mark.parametrize("blind,steps", [(False, 0), (True, 500)])
def test_the_fast_path_starts_once_light_was_sensed_or_the_blind_input_reported(blind, steps):
    wrap = Wrap(False)
    if blind:
        wrap.sense(False)
    lit(wrap)
    wrap.steps(1)
    lit_steps = wrap.app.session.active_ms // limits.STEP_MS
    wrap.steps(max(0, steps - lit_steps - 1))
    assert wrap.app.fast_step.on is not blind
    wrap.steps(210)
    assert wrap.app.fast_step.on and wrap.state == "running"
    assert len([n for n in wrap.noted(records.NOTE) if "sense" in n]) == int(blind)


def test_dark_steps_are_full_until_the_filter_of_the_sense_input_has_settled():
    wrap = Wrap(False)
    lit(wrap)
    between_steps(wrap.app).session.stop("link")
    wrap.until("done", 2000)
    began = wrap.quick
    wrap.steps(5)
    assert (wrap.quick - began, wrap.app.fast_step.on) == (0, False)
    wrap.steps(2)
    assert wrap.app.fast_step.on
