"""What the records say: of a fault its evidence, of a session its samples and its end."""

from itertools import product

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import BOARD, CURVE, Rig
from wrap.rules import faults, limits, states
from wrap.safety.thermistor import FULL, OPEN, SHORT
from wrap.session.recorder import SAMPLE_MS
from wrap.storage import payload_reader, records

NAMES = [s[0] for s in Rig().board.facts.SENSORS]


def recorded(rig):
    """The one FAULT record; what the latch keeps is the same."""
    rig.advance(500)
    (fault,) = rig.noted(records.FAULT)
    assert rig.app.fault_latch.info == fault
    return fault


@pytest.mark.parametrize("sensor", [None, 0, BOARD])
@pytest.mark.parametrize("limit_mc", [None, 60000])
def test_a_fault_record_names_sensor_and_limit_exactly_when_the_verdict_has_them(
    rig: Rig, sensor, limit_mc
):
    rig.warm(36000, BOARD)
    rig.advance(20)
    rig.app.trip(faults.PAIR, "why", sensor, limit_mc)
    raw, mc = (None, None) if sensor is None else (rig.app.raws[sensor], 33000)
    if sensor == BOARD:
        mc = 36000
    fault = recorded(rig)
    del fault["uptime_s"]
    near_mc = fault.pop("temp_mc")
    assert near_mc is None if mc is None else abs(near_mc - mc) < 20
    assert fault == {
        "code": faults.PAIR,
        "detail": "why",
        "sensor": None if sensor is None else NAMES[sensor],
        "raw": raw,
        "limit_mc": limit_mc,
        "session": 0,
        "active_ms": 0,
        "boot": 1,
    }


@pytest.mark.parametrize("raw,code", [(0, faults.SENSOR_SHORT), (FULL, faults.SENSOR_OPEN)])
def test_a_reading_that_is_no_temperature_is_recorded_as_none_in_a_fault(rig: Rig, raw, code):
    rig.board.set_raw(0, raw)
    fault = recorded(rig)
    assert (fault["code"], fault["sensor"], fault["raw"]) == (code, NAMES[0], raw)
    assert (fault["temp_mc"], fault["limit_mc"]) == (None, limits.SKIN_TRIP_MC)


def test_a_fault_of_a_session_names_it_and_its_light_time_and_uptime(rig: Rig):
    rig.light()
    rig.advance(1500)
    before = between_steps(rig.app).session.active_ms, rig.app.uptime.s
    rig.app.trip(faults.EXCEPTION, 7)
    fault = recorded(rig)
    assert (fault["session"], fault["detail"]) == (1, 7)
    assert (fault["active_ms"], fault["uptime_s"]) == before
    assert before[0] >= 1500 and before[1] >= 2


def hot(rig):
    rig.warm(42000, 0)
    rig.advance(100)


def hot_board(rig):
    rig.warm(61000, BOARD)
    rig.advance(100)


def gross(rig):
    rig.warm(46000, 0)
    rig.advance(10)


def jump(rig):
    rig.advance(8000)
    rig.warm(37000, BOARD)
    rig.advance(2000)


def cold(rig):
    rig.warm(4000, BOARD)
    rig.advance(100)


def late(rig):
    rig.hal.now_ms += limits.STEP_LATE_MS + 10
    rig.app.turn(rig.hal.ticks_ms())


def unasked_light(rig):
    between_steps(rig.app).session.stop(states.BY_LINK)
    rig.until("done")
    rig.advance(500)
    rig.hal.lit_up = lambda: True
    rig.advance(100)


@pytest.mark.parametrize(
    "how,code,sensor,limit_mc",
    [
        (hot, faults.SKIN_HOT, 0, limits.SKIN_TRIP_MC),
        (hot_board, faults.BOARD_HOT, BOARD, limits.BOARD_TRIP_MC),
        (gross, faults.GROSS, 0, limits.SKIN_TRIP_MC),
        (jump, faults.RATE, BOARD, None),
        (cold, faults.COLD, None, None),
        (late, faults.STEP_LATE, None, None),
        (unasked_light, faults.LIGHT, None, None),
    ],
)
def test_a_fault_that_is_not_about_one_sensor_names_none(rig: Rig, how, code, sensor, limit_mc):
    rig.light()
    how(rig)
    fault = recorded(rig)
    name = None if sensor is None else NAMES[sensor]
    assert (fault["code"], fault["sensor"], fault["limit_mc"]) == (code, name, limit_mc)
    assert (fault["raw"] is None) == (fault["temp_mc"] is None) == (sensor is None)
    if sensor is not None:
        assert fault["temp_mc"] == CURVE.mc(fault["raw"])


@pytest.mark.parametrize("code", [faults.HOT_OFF, faults.LAMP_STUCK])
def test_a_fault_of_the_heat_balance_names_no_sensor(rig: Rig, code):
    rig.light()
    rig.app.thermal.heat_balance.check_second = lambda *args: code
    rig.advance(1100)
    fault = recorded(rig)
    assert (fault["code"], fault["sensor"], fault["limit_mc"]) == (code, None, None)
    assert (fault["raw"], fault["temp_mc"]) == (None, None)


def test_a_sample_records_a_reading_that_is_no_temperature_as_none(rig: Rig):
    rig.light()
    rig.app.temp_limits.temps_mc[:2] = OPEN, SHORT
    rig.app.recorder.advance(rig.app.session, SAMPLE_MS)
    rig.advance(500)
    temps_mc = rig.noted(records.SAMPLE)[0]["temps_mc"]
    assert temps_mc[:2] == [None, None]
    assert all(abs(mc - 33000) < 20 for mc in temps_mc[2:])


def test_a_sample_is_due_36_s_after_the_begin_and_after_each_other(rig: Rig):
    rig.light()
    recorder, kinds = rig.app.recorder, []
    rig.app.log_queue.note = lambda kind, payload: kinds.append(kind)
    recorder.start_session()
    for _ in range(2):
        assert recorder.sample_in_ms() == 36_000
        recorder.advance(rig.app.session, 35_999)
        assert kinds == []
        recorder.advance(rig.app.session, 1)
        assert kinds == [records.SAMPLE]
        kinds.clear()


def test_samples_and_the_end_have_the_dose_of_each_calibrated_channel(rig: Rig):
    rig.app.light.calibrate("nir", 50000, 100, 20261101, "test meter")
    rig.light()
    rig.advance(40_000)
    (sample,) = rig.noted(records.SAMPLE)
    between_steps(rig.app).session.stop(states.BY_LINK)
    rig.until("done")
    rig.advance(100)
    (end,) = rig.noted(records.END)
    nir_uj = rig.app.lamps.meters[1].uj
    assert end["dose_uj"] == [None, nir_uj] and nir_uj > 1_000_000
    assert sample["doses_uj"][0] is None and 0 < sample["doses_uj"][1] < nir_uj


def test_the_end_has_the_maximum_of_each_sensor_and_none_of_one_that_never_read(rig: Rig):
    rig.light()
    max_mc = rig.app.temp_limits.max_mc
    max_mc[:] = -273150, -20000, 33000, 120000  # as at power-on, and what the table allows
    between_steps(rig.app).session.stop(states.BY_LINK)
    rig.until("done")
    rig.advance(100)
    (end,) = rig.noted(records.END)
    assert end["max_mc"] == [None, -20000, 33000, 120000]
    assert end["faults"] == 0  # tests/unit/test_app_faults.py has one with a fault


@pytest.mark.parametrize("blind", [False, True])
def test_the_end_of_a_blind_session_shows_neither_temperatures_nor_light_nor_doses(rig: Rig, blind):
    rig.calibrate(50_000)
    rig.light(steps=[{"t": 60, "ch": {"red": [20], "nir": [250]}}])
    rig.app.session.blind = blind
    kept = []
    rig.app.blind_trial.note_masked = lambda kind, payload: kept.append((kind, payload))
    rig.advance(2000)
    between_steps(rig.app).session.stop(states.BY_LINK)
    rig.until("done")
    rig.advance(100)
    (end,) = rig.noted(records.END)
    meters = rig.app.lamps.meters
    true = {
        "max_mc": list(rig.app.temp_limits.max_mc),
        "on_ms": [m.on_ms for m in meters],
        "dose_uj": [m.uj for m in meters],
    }
    assert min(true["on_ms"]) > 0 and min(true["dose_uj"]) > 0
    plain = dict(end, max_mc=[None] * 4, on_ms=[0, 0], dose_uj=[None, None])
    assert end == (plain if blind else {**plain, **true})
    assert (end["session"], end["reason"], end["faults"]) == (1, "link", 0)
    assert end["active_ms"] == rig.app.session.active_ms > 2000
    masked = [(kind, payload_reader.unpack_end(payload)) for kind, payload in kept]
    # Only what is written to the log has a seal.
    assert masked == ([(records.END, {**plain, **true, "seal": ""})] if blind else [])


@pytest.mark.parametrize("blind", [False, True])
def test_the_age_of_the_leds_counts_what_was_lit_or_what_a_blind_session_seems_to_be(
    rig: Rig, blind
):
    rig.light(steps=[{"t": 60, "ch": {"red": [20], "nir": [251]}}])
    rig.app.session.blind = blind
    added = []
    rig.app.lit_time.add = added.append
    rig.app.blind_trial.note_masked = lambda kind, payload: None
    rig.advance(2000)
    between_steps(rig.app).session.stop(states.BY_LINK)
    rig.until("done")
    (on_ms,) = added
    active_ms = rig.app.session.active_ms
    seems = [active_ms * 20 // 1000, active_ms * 251 // 1000]
    assert on_ms == (seems if blind else [m.on_ms for m in rig.app.lamps.meters])
    assert all(type(ms) is int and ms > 0 for ms in on_ms)


def test_only_leaving_a_session_writes_its_end(rig: Rig):
    rig.light()
    kinds = []
    rig.app.log_queue.note = lambda kind, payload: kinds.append(kind)
    ends = []
    for old, new in product(range(8), repeat=2):
        kinds.clear()
        rig.app.recorder.state_changed(rig.app.session, old, new, "why")
        assert kinds[0] == records.STATE
        if kinds[1:] == [records.END]:
            ends.append((old, new))
        else:
            assert kinds[1:] == []
    out = (states.IDLE, states.DONE, states.FAULT)
    assert ends == [(a, b) for a in states.ACTIVE for b in out]
