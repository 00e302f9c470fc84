"""The order of a step, who touches what, and that time is measured, whatever comes late."""

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import LONG, Rig
from tests.unit.spy import SpyRig
from wrap.control.lamps import Lamps
from wrap.rules import limits
from wrap.storage import record_reader, records

LAMPS = ("enable", "lamp_mode", "lamp_write", "lamp_off", "dark")


@pytest.fixture
def spy():
    return SpyRig()


def step(spy):
    spy.hal.now_ms += 10
    return spy.calls_of(spy.app.step, spy.hal.ticks_ms())


def test_sensors_come_before_lamps_then_verify_then_the_watchdog(spy):
    spy.light()
    between_steps(spy.app).session.stop("link")
    calls = [c for c in step(spy) if c not in ("ticks_ms", "ticks_diff")]
    assert calls == [
        "inputs",
        "enable",
        "lamp_off",
        "lamp_write",
        "verify_and_feed",
    ]


def test_every_step_reads_verifies_and_feeds_once_in_every_state(spy):
    spy.begin()
    seen = set()
    for turn in range(400):
        if turn == 300:
            between_steps(spy.app).session.pause("link")
        calls = step(spy)
        spy.app.run_background()
        seen.add(spy.state)
        assert calls.count("inputs") == calls.count("verify_and_feed") == 1
        at = [i for i, c in enumerate(calls) if c in LAMPS]
        assert all(calls.index("inputs") < i for i in at)
        assert calls[-1] == "verify_and_feed"
    assert seen == {"self-test", "ramp-up", "running", "paused"}


def test_a_failed_verify_is_dark_and_feeds_no_watchdog(spy):
    spy.light()
    spy.hal.duty[0] += 1
    fed_ms = spy.hal.fed_ms
    calls = step(spy)
    assert calls.index("verify_and_feed") < calls.index("dark")
    assert spy.hal.fed_ms == fed_ms
    assert spy.dark()


def test_nothing_but_the_step_writes_lamps(spy):
    spy.light()
    calls = spy.calls_of(spy.app.run_background)
    assert not set(calls) & set(LAMPS)
    assert "verify_and_feed" not in calls


def test_the_watchdog_never_starts_before_a_session(spy):
    spy.turn(500)
    assert "watchdog_start" not in spy.hal.calls
    spy.begin()
    spy.turn(2)
    assert "watchdog_start" not in spy.hal.calls
    assert spy.hal.light_acc == [0, 0]
    spy.turn(100)
    assert spy.hal.calls.count("watchdog_start") == 1
    assert spy.hal.calls.index("watchdog_start") < spy.hal.calls.index("lamp_mode")
    assert spy.hal.watchdog_ms == limits.WATCHDOG_MS


def test_the_first_thing_at_boot_is_dark():
    assert SpyRig().hal.calls[0] == "dark"


def test_garbage_is_collected_before_light_and_not_in_the_session(spy):
    spy.light()
    assert spy.hal.calls.count("collect") == 1
    assert spy.hal.calls.index("collect") < spy.hal.calls.index("lamp_mode")


def test_the_longest_step_is_kept(spy):
    plain = spy.hal.verify_and_feed
    for us in (300, 900, 500):
        spy.hal.verify_and_feed = lambda us=us: (
            setattr(spy.hal, "now_us", spy.hal.now_us + us) or plain()
        )
        spy.turn()
    assert (spy.app.steps.step_us, spy.app.steps.step_us_max) == (500, 900)


def test_uptime_is_measured_and_late_steps_are_counted(spy):
    spy.turn(150)
    spy.turn(1, 20)
    assert spy.app.steps.steps_late == 0
    spy.turn(1, 21)
    spy.turn(1, 3459)
    assert (spy.app.uptime.s, spy.app.steps.steps_late) == (5, 2)


def test_a_late_step_is_booked_with_the_light_that_was_on(rig: Rig):
    rig.calibrate(100000)
    rig.light(steps=[{"t": 60, "ch": {"red": [1000]}}], ramp=500)
    rig.advance(100)
    before = [m.on_ms for m in rig.app.lamps.meters]
    rig.app.step((rig.hal.ticks_ms() + 250) & 0x3FFFFFFF)
    assert rig.app.lamps.meters[0].on_ms - before[0] == 250
    assert rig.state == "running"


def test_samples_are_recorded_every_36_s_of_a_session(rig: Rig):
    rig.light(steps=[{"t": 200, "ch": {"red": [500], "nir": [800]}}])
    rig.advance(73 * 1000)
    taken = rig.noted(records.SAMPLE)
    assert len(taken) == 2
    duties = zip(taken[0]["duties_u16"], (32768, 52428), strict=True)
    assert all(abs(a - b) <= 128 for a, b in duties)
    assert taken[0]["doses_uj"] == [None, None]
    exact = rig.app.temp_limits.temps_mc
    assert all(abs(a - b) <= 5 for a, b in zip(taken[0]["temps_mc"], exact, strict=True))


def test_samples_do_not_drift_when_steps_are_uneven(spy):
    spy.light(steps=[{"t": 300, "ch": {"red": [500]}}])
    for _ in range(9450):
        spy.turn(1, 7)
        spy.turn(1, 12)
        spy.turn(1, 0)
    raw = spy.files.read("log.000")
    at = [r[3] * 1000 + r[4] for r in record_reader.scan(raw)[0] if r[0] == records.SAMPLE]
    assert len(at) == 5, at
    assert all(abs(ms - at[0] - 36000 * n) <= 20 for n, ms in enumerate(at))


def test_the_dose_ends_at_its_target_and_the_pins_agree(rig: Rig):
    rig.calibrate(100000, 30)
    rig.light(dose=1000, steps=LONG)
    rig.until("done", 20000)
    assert rig.app.session.end_reason == "dose"
    assert 990000 < rig.app.lamps.dose_uj() < 1005000
    for ch, meter in enumerate(rig.app.lamps.meters):
        assert 0 <= rig.board.light_acc(ch) / 65535 - meter.on_ms < 1


@pytest.mark.parametrize("unc_pm", [30, 500])
def test_the_cap_holds_against_the_upper_bound(rig: Rig, unc_pm):
    rig.calibrate(100000, unc_pm)
    rig.app.settings.set("cap_mj", 1000)
    rig.light(steps=LONG)
    rig.until("done", 20000)
    assert rig.app.session.end_reason == "dose-cap"
    assert 1000000 <= rig.app.lamps.upper_uj() < 1060000


@pytest.mark.parametrize("on_s,reason", [(857, ""), (858, "dose-cap")])
def test_no_calibration_lets_a_session_pass_the_hard_cap_by_the_worst_case(
    rig: Rig, on_s, reason
):  # H-53
    """858 s at full duty are 51.5 J/cm2 of red and 68.6 of nir by the board's facts."""
    rig.calibrate(2000, 30)
    rig.light(steps=[{"t": 300, "ch": {"red": [1], "nir": [1]}}])
    for meter in rig.app.lamps.meters:
        meter.on_ms = on_s * 1000
    rig.advance(3000)
    assert rig.app.lamps.worst_mj() == on_s * 60 + on_s * 80
    assert (rig.app.session.end_reason, rig.app.lamps.upper_uj() < 100000) == (reason, True)


def test_without_a_calibration_the_cap_takes_the_worst_case(rig: Rig):
    rig.app.settings.set("cap_mj", 1000)
    rig.light(steps=LONG)
    rig.until("done", 20000)
    assert rig.app.session.end_reason == "dose-cap"
    pins = [rig.board.on_acc(ch) / 65535 for ch in (0, 1)]
    assert 1000 <= pins[0] * 0.06 + pins[1] * 0.08 < 1040


def test_the_cap_holds_while_light_is_still_rising(rig: Rig):
    rig.app.settings.set("cap_mj", 1000)
    rig.store(ramp=10000, steps=[{"t": 60, "ch": {"red": [1000], "nir": [1000]}}])
    between_steps(rig.app).starter.start("link", False)
    for _ in range(8):
        rig.advance(9000)
        between_steps(rig.app).session.pause("link")
        rig.advance(600)
        between_steps(rig.app).session.resume("link")
    assert rig.app.session.end_reason == "dose-cap"
    assert rig.app.lamps.upper_uj() < 1100000


def test_each_session_has_its_own_lamps_and_dose(rig: Rig):
    rig.calibrate()
    rig.light()
    before = rig.app.lamps
    between_steps(rig.app).session.stop("link")
    rig.until("done")
    rig.light()
    assert isinstance(rig.app.lamps, Lamps)
    assert rig.app.lamps is not before
    assert rig.app.lamps.dose_uj() < before.dose_uj() * 2
