"""Whatever breaks while light is on: dark, latched, recorded, and never lit again by itself."""
# H-24

import pytest

import board_facts
from tests.between_steps import between_steps
from tests.unit.conftest import CURVE, Rig
from tests.unit.spy import SpyRig
from wrap.rules import faults, limits, states
from wrap.safety.thermistor import FULL
from wrap.storage import records
from wrap.storage.atomic_store import Store

# Everything a lit session calls between two deadlines.
LIT_CALLS = ["ticks_us", "ticks_diff", "inputs", "enable", "lamp_mode", "lamp_write"]
LIT_CALLS += ["lamp_off", "verify_and_feed", "watchdog_start", "dark", "indicate"]
LIT_CALLS += ["link_read", "link_write"]


def latched(rig):
    return faults.NAMES[rig.app.fault_latch.code]


def live(spy):
    """A session that goes through everything: levels, pulses, a pause, the link."""
    for turn in range(400):
        if turn == 200:
            between_steps(spy.app).session.pause("link")
        elif turn == 270:
            between_steps(spy.app).session.resume("link")
        if turn % 4 == 0:
            spy.hal.rx += b"@{}*00000000\n"
        spy.turn()
        if spy.app.fault_latch.code:
            return


@pytest.mark.parametrize("error", [RuntimeError("spy"), MemoryError(), ValueError(1, 2)])
@pytest.mark.parametrize("name", LIT_CALLS)
@pytest.mark.parametrize("skip", [0, 1, 30])
def test_an_exception_at_any_hal_call_ends_dark_and_latched(name, skip, error):  # H-22
    spy = SpyRig()
    spy.begin()
    spy.hal.raise_at, spy.hal.skip, spy.hal.error = name, skip, error
    live(spy)
    reached = spy.hal.skip < 0
    assert reached or (name, skip) in RARE
    assert latched(spy) == ("exception" if reached else "none")
    if reached:
        assert spy.dark()
        assert type(error).__name__ in spy.app.fault_latch.info["detail"]
        spy.turn(300)
        assert (spy.dark(), spy.state) == (True, "fault")


# Called less often in such a session than `skip` asks for.
RARE = [("watchdog_start", 1), ("watchdog_start", 30), ("lamp_mode", 30), ("dark", 1)]
RARE += [("lamp_off", 1), ("lamp_off", 30), ("dark", 30)]


def test_a_dark_that_raises_ends_the_loop_rather_than_going_on():
    spy = SpyRig()
    spy.light()
    spy.app.background.run = lambda *args: 1 // 0
    spy.hal.raise_at = "dark"
    with pytest.raises(RuntimeError):
        spy.turn(20)


def test_an_exception_in_background_work_is_a_fault(rig: Rig):
    rig.light()
    rig.app.log_queue.slice = lambda dt, lit: 1 // 0
    rig.advance(10)
    assert (rig.dark(), latched(rig)) == (True, "exception")
    assert rig.app.fault_latch.info["detail"].startswith("ZeroDivisionError: ")


def test_the_fault_of_an_exception_is_stored_in_the_same_turn(rig: Rig):
    rig.light()
    rig.app.server.poll = lambda: 1 // 0
    rig.app.run_link()
    assert not rig.app.fault_latch.unsaved
    assert Store(rig.files, "fault").value["code"] == rig.app.fault_latch.code


def test_a_fault_that_cannot_be_stored_at_once_is_stored_later(rig: Rig):  # H-22
    rig.light()
    put = rig.app.fault_latch.save_when_due
    rig.app.fault_latch.save_when_due = lambda dt: 1 // 0
    rig.app.server.poll = lambda: 1 // 0
    assert not rig.app.run_link()
    assert (rig.dark(), latched(rig), rig.app.fault_latch.unsaved) == (True, "exception", True)
    rig.app.fault_latch.save_when_due = put
    rig.app.server.poll = lambda ms: False
    rig.advance(100)
    assert not rig.app.fault_latch.unsaved


def test_an_exception_in_a_link_slice_is_a_fault(rig: Rig):
    rig.light()
    rig.app.server.poll = lambda: 1 // 0
    assert not rig.app.run_link()
    assert (rig.dark(), latched(rig)) == (True, "exception")


def on_fast_path():
    """A lit wrap with unbooked steps, whose lamps cannot be booked any more."""
    spy = SpyRig()
    spy.light()
    while spy.app.wire_check.due_in_ms() < 500:  # no window is due
        spy.turn()
    spy.app.fast_step.exit_fast_path()
    spy.turn(8)
    assert spy.app.fast_step.on
    spy.app.lamps.meter = lambda ms: 1 // 0
    return spy


def test_a_trip_between_steps_is_latched_although_booking_fails():
    spy = on_fast_path()
    spy.app.trip(faults.PROGRAM, "between two steps")
    assert (spy.dark(), latched(spy), spy.app.fast_step.on) == (True, "program", False)


def test_booking_that_fails_keeps_no_fault_from_being_latched():
    spy = on_fast_path()
    spy.hal.raws = [CURVE.raw_at(50000)] * 4
    spy.turn()
    assert (spy.dark(), spy.state, latched(spy)) == (True, "fault", "exception")
    assert not spy.app.fast_step.on
    spy.turn(10)
    assert (spy.dark(), spy.state) == (True, "fault")


def test_a_detail_is_cut_short(rig: Rig):
    def fail(room_ms):
        raise ValueError("x" * 500)

    rig.app.server.poll = fail
    assert not rig.app.run_link()
    assert rig.app.fault_latch.info["detail"] == "ValueError: " + "x" * 60


@pytest.mark.parametrize("mc,code", [(41000, "skin-hot"), (45000, "gross-hot")])
def test_heat_trips_latches_and_outlives_power(rig: Rig, mc, code):
    rig.light()
    rig.warm(mc, sensor="skin")
    rig.advance(40)
    assert (rig.dark(), rig.state, latched(rig)) == (True, "fault", code)
    rig.advance(500)
    info = rig.app.fault_latch.info
    assert (info["sensor"], info["limit_mc"], info["session"]) == ("skin-mid", 41000, 1)
    assert info["raw"] == CURVE.raw_at(mc)
    assert mc <= info["temp_mc"] < mc + 50
    assert rig.noted(records.FAULT) == [info]
    assert [(e["reason"], e["faults"]) for e in rig.noted(records.END)] == [("fault", 1)]
    rig.warm(33000)
    rig.board.power_off()
    rig.board.power_on()
    assert (rig.state, latched(rig)) == ("fault", code)
    assert rig.app.fault_latch.info == info
    rig.press()
    rig.advance(1000)
    assert (rig.state, rig.dark()) == ("fault", True)


@pytest.mark.parametrize("raw,code", [(FULL, "sensor-open"), (0, "sensor-short")])
@pytest.mark.parametrize("sensor", range(4))
def test_a_lost_sensor_is_dark_in_the_next_step(rig: Rig, sensor, raw, code):
    rig.light()
    rig.board.set_raw(sensor, raw)
    rig.advance(10)
    assert (rig.dark(), latched(rig)) == (True, code)
    info = rig.app.fault_latch.info
    name = board_facts.SENSORS[sensor][0]
    assert (info["sensor"], info["raw"], info["temp_mc"]) == (name, raw, None)


def test_cold_is_a_fault_only_while_lit(rig: Rig):
    rig.warm(2000, sensor="board")
    rig.advance(1000)
    assert rig.state == "idle"
    rig.warm(33000)
    rig.advance(100)
    rig.light()
    rig.warm(2000, sensor="board")
    rig.advance(30)
    assert (rig.dark(), latched(rig)) == (True, "cold")
    assert rig.app.fault_latch.info["sensor"] is None


@pytest.mark.parametrize("late_ms,code", [(300, "none"), (301, "step-late")])
def test_a_step_that_comes_too_late_is_a_fault(late_ms, code):
    spy = SpyRig()
    spy.light()
    spy.turn(1, late_ms)
    assert latched(spy) == code
    spy.turn(1, late_ms)
    assert (spy.dark(), latched(spy)) == (code != "none", code)
    idle = SpyRig()
    idle.turn(1, 5000)
    assert latched(idle) == "none"


def test_a_clock_that_goes_back_is_a_fault_and_no_time_is_given_back():
    spy = SpyRig()
    spy.light()
    active_ms, up_s = spy.app.session.active_ms, spy.app.uptime.s
    spy.turn(1, -5000)
    assert (spy.dark(), latched(spy)) == (True, "step-late")
    assert (spy.app.session.active_ms, spy.app.uptime.s) >= (active_ms, up_s)


def test_a_late_step_is_no_cause_that_stays():
    spy = SpyRig()
    spy.light()
    spy.turn(1, limits.STEP_LATE_MS + 10)
    assert latched(spy) == "step-late"
    spy.app.fault_control.acknowledge("link")
    assert spy.state == "idle"


@pytest.mark.parametrize("ch", [0, 1])
def test_a_pin_that_drifts_is_dark_and_the_fault_lists_the_written_duties(ch):
    spy = SpyRig()
    spy.light()
    held = spy.hal.duty[:]
    spy.hal.duty[ch] += 1
    spy.turn()
    assert (spy.dark(), latched(spy)) == (True, "readback")
    assert spy.app.fault_latch.info["detail"] == held
    spy.turn(100)
    assert spy.app.fault_latch.info["detail"] == held


def test_a_pin_that_cannot_be_lowered_is_reported_once():
    spy = SpyRig()
    spy.hal.lamps_hold = lambda: False
    spy.turn(50)
    assert (spy.state, latched(spy), spy.app.fault_latch.later) == ("fault", "readback", 0)
    assert spy.app.fault_latch.info["session"] == 0


def test_the_same_cause_counts_once_and_another_one_as_later(rig: Rig):
    rig.light()
    rig.board.set_raw(0, FULL)
    rig.advance(500)
    assert rig.app.fault_latch.later == 0
    rig.board.set_raw(0, 0)
    rig.advance(500)
    assert (latched(rig), rig.app.fault_latch.later) == ("sensor-open", 1)


def test_acknowledging_needs_the_cause_to_be_gone(rig: Rig):
    rig.light()
    rig.board.set_raw(0, FULL)
    rig.advance(100)
    assert rig.ask("fault.ack") == (
        "fault",
        "the cause is still there: a temperature sensor is open or unplugged",
    )
    rig.warm(33000)
    assert rig.ask("fault.ack") == {"state": "idle"}
    assert rig.dark()
    assert rig.noted(records.ACK) == [{"code": faults.SENSOR_OPEN, "by": "link"}]
    rig.board.power_off()
    rig.board.power_on()
    assert (rig.state, latched(rig)) == ("idle", "none")
    rig.board.set_raw(0, FULL)
    rig.advance(10)
    assert latched(rig) == "sensor-open"


def test_an_acknowledged_fault_is_recorded_with_who_did_it(rig: Rig):
    rig.light()
    rig.warm(50000)
    rig.advance(100)
    rig.warm(33000)
    rig.advance(500)
    assert rig.ask("fault.ack") == {"state": "idle"}
    last = rig.noted(records.STATE)[-1]
    assert (last["old"], last["new"]) == (states.FAULT, states.IDLE)
    assert last["reason"] == "acknowledged by link"


def test_a_pin_that_fails_again_after_an_acknowledgement_is_reported_again():
    spy = SpyRig()
    spy.light()
    spy.hal.duty[0] += 1
    spy.turn()
    assert latched(spy) == "readback"
    spy.app.fault_control.acknowledge("link")
    spy.hal.raws[0] = FULL
    spy.turn(20)
    assert (latched(spy), spy.app.fault_latch.later) == ("sensor-open", 0)
    spy.hal.duty[0] += 1
    spy.turn()
    assert (latched(spy), spy.app.fault_latch.later, spy.dark()) == ("sensor-open", 1, True)


def test_flash_that_fails_in_a_session_is_dark_and_the_link_lives_on(rig: Rig):
    rig.light()
    rig.files.broken, rig.files.torn = True, 0
    between_steps(rig.app).session.pause("link")
    rig.advance(30)
    assert (rig.dark(), latched(rig), rig.app.log_queue.failed) == (True, "storage", True)
    status = rig.ask("status")
    assert (status["fault"]["name"], status["fault"]["later"]) == ("storage", 0)
    assert status["log_failed"] is True
    looks = []
    for _ in range(60):
        rig.advance(100)
        looks.append(rig.hal.lit)
    assert {True, False} == set(looks)
    rig.files.broken = False
    rig.advance(3000)
    assert [f["code"] for f in rig.noted(records.FAULT)] == [faults.STORAGE]
    assert Rig(files=rig.files).app.fault_latch.code == faults.STORAGE


@pytest.fixture
def full_rig(rig: Rig):
    """A wrap whose heap has no room for an open file."""
    rig.files.broken, rig.files.torn, rig.files.error = True, 0, MemoryError()
    return rig


def test_a_heap_without_room_for_a_file_is_waited_for_while_nothing_is_lit(full_rig: Rig):
    """It was an exception in each turn: a fault that was never stored, and no answer to a host."""
    rig = full_rig
    rig.files.broken = False
    rig.advance(5000)
    rig.files.broken = True
    rig.app.log_queue.note(records.NOTE, b"\x01{}")
    before = rig.files.ops
    rig.advance(10_000)
    assert (latched(rig), rig.ask("status")["log_failed"]) == ("none", True)
    # Twice a second: without the reserve's room and with it.
    assert 18 <= rig.files.ops - before <= 22
    rig.files.broken = False
    rig.advance(2000)
    assert (rig.ask("status")["log_failed"], rig.app.log_queue.is_idle()) == (False, True)


def test_a_heap_without_room_for_a_file_does_not_end_a_session_at_once(rig: Rig):
    """A stock board with eight protocols: a second later the record was written, and the session
    was over."""
    rig.light()
    rig.files.broken, rig.files.torn, rig.files.error = True, 0, MemoryError()
    rig.app.log_queue.note(records.NOTE, b"\x01{}")
    rig.advance(1500)
    rig.files.broken = False
    rig.advance(1500)
    assert (rig.state, latched(rig), rig.app.log_queue.is_idle()) == ("running", "none", True)


def test_a_heap_that_stays_full_ends_a_session_and_is_stored_later(rig: Rig):  # H-22
    rig.light()
    rig.files.broken, rig.files.torn, rig.files.error = True, 0, MemoryError()
    between_steps(rig.app).session.pause("link")
    rig.advance(1900)
    assert latched(rig) == "none"
    rig.advance(130)
    assert (rig.dark(), latched(rig), rig.ask("status")["log_failed"]) == (True, "storage", True)
    rig.files.broken = False
    rig.advance(3000)
    assert Rig(files=rig.files).app.fault_latch.code == faults.STORAGE


def test_what_fails_in_each_turn_leaves_a_host_its_answers(rig: Rig):
    rig.app.background.run = lambda *args: 1 // 0
    rig.advance(100)
    assert rig.ask("status")["fault"]["name"] == "exception"


def test_a_link_that_finds_no_heap_for_its_fault_ends_no_turn(rig: Rig):
    def fail(*args):
        rig.app.run_link = fail
        raise MemoryError

    rig.advance(100)
    rig.app.background.run = fail
    while rig.app.run_link is not fail:
        rig.hal.now_ms += 10
        rig.app.turn(rig.hal.now_ms)
    assert (rig.dark(), latched(rig)) == (True, "exception")


def test_a_fault_whose_records_find_no_heap_is_a_fault_all_the_same(rig: Rig):  # H-22
    def fail(*args):
        raise MemoryError

    rig.light()
    rig.app.session._on_change = fail  # Private: `_on_change`, since no heap is full here
    rig.app.trip(faults.GROSS, "test")
    assert (rig.dark(), rig.state, latched(rig)) == (True, "fault", "gross-hot")
    rig.advance(1000)
    assert (rig.dark(), rig.state) == (True, "fault")


def test_failing_flash_is_tried_again_once_a_second_and_not_in_every_step(rig: Rig):
    rig.light()
    rig.files.broken = True
    rig.board.set_raw(0, FULL)
    rig.advance(100)
    before = rig.files.ops
    rig.advance(10000)
    assert 34 <= rig.files.ops - before <= 40  # the fault once, a record in two places
