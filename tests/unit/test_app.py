"""What people do with a wrap: the button, starting, leases, telemetry, the clock, restarts."""

import hashlib

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import LONG, Rig, answers
from tests.unit.small import Small
from wrap.errors import Refused
from wrap.rules import limits
from wrap.session.start import session_count
from wrap.storage import payload_reader, records
from wrap.storage.atomic_store import Store

# ---- the button


def test_a_press_starts_the_active_protocol_and_the_next_one_pauses(rig: Rig):
    raw = rig.store(steps=LONG)
    rig.press()
    rig.until("running")
    (start,) = rig.noted(records.START)
    name = hashlib.sha256(raw).hexdigest()[:16]
    assert (start["by"], start["protocol_blob"], start["session"]) == ("button", name, 1)
    rig.press()
    rig.advance(1000)
    assert (rig.state, rig.dark()) == ("paused", True)
    rig.press()
    assert rig.until("running", 2000) > 400


def test_a_press_dims_within_50_ms(rig: Rig):
    rig.light()
    rig.advance(500)
    before = rig.hal.duty[:]
    rig.board.press(True)
    rig.advance(40)
    assert all(now < old for now, old in zip(rig.hal.duty, before, strict=True))


def test_a_long_press_ends_and_does_nothing_more(rig: Rig):
    rig.light()
    rig.press(3000)
    rig.until("done", 1000)
    rig.advance(1000)
    assert (rig.state, rig.app.session.end_reason) == ("done", "button")


def test_a_double_press_picks_the_next_protocol_only_at_rest(rig: Rig):
    rig.store(0, steps=LONG)
    rig.store(3)
    for expected in (3, 0):
        rig.press()
        rig.advance(100)
        rig.press()
        rig.advance(500)
        assert (rig.app.protocols.active(), rig.state) == (expected, "idle")
    rig.light(steps=LONG)
    rig.press()
    rig.advance(100)
    rig.press()
    rig.advance(500)
    assert (rig.app.protocols.active(), rig.state) == (0, "paused")


def test_a_press_without_a_protocol_starts_nothing(rig: Rig):
    rig.press()
    rig.advance(1000)
    assert (rig.state, rig.app.fault_latch.code) == ("idle", 0)


@pytest.mark.parametrize("press", ["short", "double"])
def test_flash_that_fails_at_a_press_is_a_storage_fault(rig: Rig, press):
    rig.store()
    rig.advance(100)
    rig.files.broken = True
    rig.press()
    if press == "double":
        rig.advance(100)
        rig.press()
    rig.advance(600)
    assert (rig.dark(), rig.app.status_view.fault()["name"]) == (True, "storage")
    assert rig.app.status_view.fault()["detail"].startswith("OSError: ")


# ---- starting


def refused(rig):
    with pytest.raises(Refused) as found:
        between_steps(rig.app).starter.start("link", False)
    return found.value.args


def test_a_session_is_refused_while_another_runs(rig: Rig):
    rig.light()
    assert refused(rig) == ("not_now", "a session is under way")


def test_a_session_is_refused_in_fault_on_trial_and_without_a_protocol_or_log(rig: Rig):
    assert refused(rig) == ("not_found", "no usable protocol is stored")
    rig.app.log_queue.failed = True
    assert refused(rig) == ("storage", "the log cannot be written, so no session may begin")
    rig.app.log_queue.failed = False
    rig.app.trial.on_trial = lambda: True
    assert refused(rig) == (
        "not_now",
        "this firmware is new and on trial until a host has greeted it",
    )
    rig.warm(50000)
    rig.advance(10)
    assert refused(rig) == ("fault", "a fault is latched")


def test_a_protocol_longer_than_the_setting_is_refused(rig: Rig):
    rig.store(steps=[{"t": 61, "ch": {"red": [1]}}])
    rig.app.settings.set("time_s", 60)
    assert refused(rig) == ("invalid", "the protocol is longer than the time_s setting allows")
    rig.app.settings.set("time_s", 61)
    between_steps(rig.app).starter.start("link", False)


@pytest.mark.parametrize("seconds,starts", [(1000, True), (1001, False)])
def test_a_protocol_may_last_for_the_whole_setting_and_no_second_more(rig: Rig, seconds, starts):
    rig.app.settings.set("time_s", 1000)
    rig.store(steps=[{"t": seconds, "ch": {"red": [1]}}])
    if starts:
        between_steps(rig.app).starter.start("link", False)
    else:
        assert refused(rig)[0] == "invalid"
    assert (rig.state == "self-test") is starts


@pytest.mark.parametrize("unix_s", [None, 1790000000])
def test_the_record_of_a_start_has_the_time_of_a_host_or_0(rig: Rig, unix_s):
    if unix_s:
        rig.app.host_clock.set_utc(unix_s)
    rig.light()
    rig.advance(100)
    assert [s["unix_s"] for s in rig.noted(records.START)] == [unix_s or 0]


def test_session_numbers_go_on_across_power(rig: Rig):
    rig.light()
    rig.board.power_off()
    rig.board.power_on()
    rig.light(site="hand-right")
    assert rig.app.session.number == 2


@pytest.mark.parametrize("stored,count", [(0xFFFFFFFE, 0xFFFFFFFE), (0xFFFFFFFF, 0), (-1, 0)])
def test_a_session_number_that_leaves_no_next_one_is_damage(files, stored, count):
    counter = Store(files, "count")
    counter.put({"session": stored})
    assert session_count(counter) == count


@pytest.mark.parametrize("mine,protocols", [(40000, 41000), (41000, 40000)])
def test_the_strictest_trip_is_in_force_in_the_session(rig: Rig, mine, protocols):
    rig.app.settings.set("trip_mc", mine)
    rig.light(trip=protocols)
    assert rig.app.temp_limits.trip_mc == 40000
    between_steps(rig.app).session.stop("link")
    rig.until("done")
    assert rig.app.temp_limits.trip_mc == mine


@pytest.mark.parametrize(
    "mc,sensor,why",
    [
        (4000, "board", "self-test: a sensor is below 5 C"),
        (40600, "skin", "self-test: too warm to begin"),
    ],
)
def test_the_self_test_keeps_it_dark_out_of_range(rig: Rig, mc, sensor, why):
    rig.store()
    between_steps(rig.app).starter.start("link", False)
    rig.advance(70)
    rig.warm(mc, sensor)
    rig.advance(100)
    rig.warm(33000)
    rig.advance(100)
    assert (rig.state, rig.app.session.end_reason, rig.dark()) == ("done", why, True)
    assert rig.hal.light_acc == [0, 0]
    assert rig.app.fault_latch.code == 0


def test_the_self_test_needs_low_pins_and_a_log(rig: Rig):
    rig.store()
    between_steps(rig.app).starter.start("link", False)
    rig.advance(90)
    rig.app.log_queue.failed = True
    rig.app.log_queue.slice = lambda dt, lit: True
    rig.advance(70)
    assert rig.app.session.end_reason == "self-test: the log cannot be written"
    rig.app.log_queue.failed = False
    between_steps(rig.app).starter.start("link", False)
    rig.advance(20)
    rig.hal.duty[1] = 5
    rig.advance(10)
    assert rig.app.status_view.fault()["name"] == "readback"
    assert rig.state == "fault"


def test_light_is_derated_below_the_trip(rig: Rig):
    rig.warm(38500, sensor="skin")
    rig.light(steps=[{"t": 90, "ch": {"red": [1000]}}])
    rig.advance(500)
    assert rig.hal.duty[0] == 65535
    rig.warm(39850, sensor="skin")
    rig.advance(60 * 1000)
    share = rig.hal.duty[0] / 65535
    assert abs(share - (40500 - rig.app.temp_limits.temps_mc[0]) / 1500) < 0.005
    assert rig.app.temp_limits.warn


# ---- what ends a session, to the step


def stepped(rig, ms):
    """One step of a session outside the fast path; the reason for its end, or ""."""
    between_steps(rig.app).control.advance(ms)
    return rig.app.session.end_reason


def test_a_dose_ends_a_session_when_the_final_fade_will_complete_it(rig: Rig):
    """The fade takes 500 ms: on average half of the rate."""
    rig.calibrate()
    rig.light(dose=1000)
    lamps = rig.app.lamps
    lamps.rate_uw = Small(120_000)  # a float would be allocated in each step
    lamps.dose_uj = lambda: 1_000_000 - 30_001
    assert stepped(rig, 10) == ""
    lamps.dose_uj = lambda: 1_000_000 - 30_000
    assert stepped(rig, 10) == "dose"


def test_without_a_calibration_a_dose_ends_nothing_and_needs_no_decision(rig: Rig):
    rig.light(dose=1)
    for meter in rig.app.lamps.meters:
        meter.uj = 5_000_000
    assert stepped(rig, 10) == ""
    for meter in rig.app.lamps.meters:
        meter.uj = 0
    rig.advance(1000)  # past the first dark step of the wire check
    assert rig.app.control.event_in_ms() > 5000
    rig.until("done", 61_000)
    assert rig.app.session.end_reason == "time"


def test_a_wrap_that_moves_as_light_begins_ends_the_session_with_its_reason(rig: Rig):
    rig.light()
    rig.app.thermal.moved = True
    assert stepped(rig, 10) == "moved"


@pytest.mark.parametrize("what", ["duties", "question"])
def test_every_step_is_decided_while_duties_change_or_a_question_waits(rig: Rig, what):
    rig.light()
    rig.advance(1000)
    control = between_steps(rig.app).control
    assert control.event_in_ms() > 1000
    if what == "duties":
        rig.app.lamps.is_steady = lambda: False
    else:
        rig.app.wake_check.step(10)
    assert control.event_in_ms() == 0


# ---- the host comes and goes


def test_a_lease_ends_with_its_last_millisecond(rig: Rig):
    rig.store(steps=LONG)
    between_steps(rig.app).starter.start("link", True)
    rig.until("running")
    control = between_steps(rig.app).control
    control.lease_ms = 100
    control.update_session(99)
    assert (control.lease_ms, rig.app.session.end_reason) == (1, "")
    control.update_session(1)
    assert (control.lease_ms, rig.app.session.end_reason) == (0, "lease-lost")


@pytest.mark.parametrize("tethered,state", [(True, "done"), (False, "running")])
def test_only_a_tethered_session_ends_with_its_lease(rig: Rig, tethered, state):
    rig.store(steps=LONG)
    between_steps(rig.app).starter.start("link", tethered)
    rig.advance(limits.LEASE_MS + 10)
    assert rig.state == ("ramp-down" if tethered else "running")
    rig.advance(600)
    assert rig.state == state
    assert rig.app.session.end_reason == ("lease-lost" if tethered else "")


def test_a_renewed_lease_keeps_it(rig: Rig):
    rig.store(steps=LONG)
    between_steps(rig.app).starter.start("link", True)
    for _ in range(10):
        rig.advance(500)
        rig.ask("lease", ms=1000)
    assert rig.state == "running"


def samples(rig, ms):
    rig.board.read()
    rig.advance(ms)
    return [a["p"] for a in answers(rig.board.read()) if a.get("n") == "sample"]


def test_telemetry_flows_until_its_lease_ends(rig: Rig):
    rig.app.host_session.start_telemetry(100, 1000)
    seen = samples(rig, 5000)
    assert 9 <= len(seen) <= 10
    assert seen[0] == rig.sample()
    rig.app.host_session.start_telemetry(0, 1000)
    assert samples(rig, 1000) == []


def test_telemetry_is_dropped_while_the_host_does_not_read(rig: Rig):
    rig.hal.tx_room = 0
    rig.app.host_session.start_telemetry(100, 60000)
    rig.advance(20000)
    rig.hal.tx_room = -1
    rig.app.host_session.start_telemetry(0, 1)
    assert len(samples(rig, 1000)) == 1


def test_an_unread_port_changes_nothing_in_a_session(rig: Rig):
    rig.calibrate()
    rig.light(dose=1000)
    free = Rig()
    free.calibrate()
    free.light(dose=1000)
    rig.hal.tx_room = 0
    rig.app.host_session.start_telemetry(100, 60000)
    for one in (rig, free):
        one.until("done", 20000)
    assert vars(rig.app.lamps.meters[0]) == vars(free.app.lamps.meters[0])
    assert rig.app.session.active_ms == free.app.session.active_ms


def test_the_clock_runs_from_when_it_was_set(rig: Rig):
    assert rig.app.host_clock.unix_s() is None
    rig.advance(5000)
    assert rig.app.host_clock.set_utc(1790000000) == 1790000000
    rig.advance(7000)
    assert rig.app.host_clock.unix_s() == 1790000007
    clock = next(p for k, p in rig.log() if k == records.CLOCK)
    assert payload_reader.unpack_clock(clock) == {"unix_s": 1790000000}


# ---- restarts


def test_a_restart_lets_the_answer_leave(rig: Rig):
    rig.send("reset")
    rig.advance(250)
    assert (rig.board.boots, answers(rig.board.read())) == (1, [{"i": 1, "r": {}}])
    rig.advance(60)
    assert (rig.board.boots, rig.app.cause) == (2, "intended")


@pytest.mark.parametrize("what", ["port", "flash"])
def test_neither_an_unread_port_nor_failing_flash_holds_up_a_restart(rig: Rig, what):
    rig.advance(100)
    rig.send("reset")
    if what == "port":
        rig.hal.tx_room = 3
    else:
        rig.files.broken = True
        rig.app.host_clock.set_utc(1790000000)
    rig.advance(1900)
    assert rig.board.boots == 1
    rig.files.broken = False
    rig.advance(200)
    assert rig.board.boots == 2


def test_a_restart_waits_for_an_answer_that_is_read_late(rig: Rig):
    rig.send("reset")
    rig.hal.tx_room = 3
    rig.advance(1000)
    rig.hal.tx_room = -1
    rig.advance(30)
    assert rig.board.boots == 2


def test_service_mode_is_entered_once(rig: Rig):
    rig.send("service")
    rig.advance(400)
    assert (rig.app, rig.board.boots, rig.board.pins()) == (None, 2, ([0, 0], False, True))
    assert rig.hal.watchdog_ms == 0
    rig.board.power_on()
    assert rig.state == "idle"
