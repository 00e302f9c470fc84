"""What the records say: of a fault its evidence, of a session its samples and its end."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.between_steps import between_steps
from tests.unit.conftest import BOARD, CURVE, Rig
from wrap.rules import faults, limits, states
from wrap.safety.thermistor import FULL, OPEN, SHORT
from wrap.session.recorder import SAMPLE_MS
from wrap.storage import payload_reader, payloads, records

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


# ---- a heap without room


class Heap:
    """Lets calls raise MemoryError while `full`."""

    def __init__(self, monkeypatch, *places):
        self.full = True
        self.error = MemoryError
        for part, name in places:
            monkeypatch.setattr(part, name, self.make_fail(getattr(part, name)))

    def make_fail(self, call):
        def fail(*args):
            if self.full:
                raise self.error
            return call(*args)

        return fail


PACKS = ("pack_json", "pack_state", "pack_end")


@pytest.mark.parametrize("place", [*PACKS, "caps.end_session", "lit_time.add"])
def test_what_finds_no_heap_at_a_fault_is_done_when_there_is_room(rig: Rig, monkeypatch, place):
    """The dose of the session was missing from the log, and the light it had stayed booked."""
    rig.calibrate()
    rig.light()
    rig.advance(10_000)
    name = place.rpartition(".")[2]
    part = payloads if name == place else getattr(rig.app, place.split(".")[0])
    heap = Heap(monkeypatch, (part, name))
    between_steps(rig.app).trip(faults.READBACK, "why")
    assert (rig.dark(), rig.state) == (True, "fault")
    rig.advance(5_000)
    assert len(rig.noted(records.END)) == (name != place)
    booked_s = rig.app.history.sessions.light.used_s
    assert (rig.app.lit_time.lit_s(), booked_s()) == ([0, 0], 11 if name == "add" else 60)
    heap.full = False
    rig.advance(1_500)
    (end,) = rig.noted(records.END)
    (fault,) = rig.noted(records.FAULT)
    meters = rig.app.light.lamps.meters
    assert end["dose_uj"] == [m.uj for m in meters[: len(end["dose_uj"])]]
    assert min(end["dose_uj"]) > 0
    assert (fault["code"], fault["detail"], end["faults"]) == (faults.READBACK, "why", 1)
    (last,) = [state for state in rig.noted(records.STATE) if state["new"] == states.FAULT]
    assert last["old"] == states.RUNNING
    assert rig.app.lit_time.lit_s() == [m.on_ms // 1000 for m in meters[:2]]
    assert booked_s() == 11


def test_an_end_that_finds_no_heap_is_recorded_after_its_fault(rig: Rig, monkeypatch):
    """The session was over, so the fault that followed ended none and nobody recorded it."""
    rig.light()
    heap = Heap(monkeypatch, (payloads, "pack_end"))
    between_steps(rig.app).session.stop("link")
    rig.advance(5_000)
    assert (rig.state, rig.noted(records.END)) == ("fault", [])
    heap.full = False
    rig.advance(1_500)
    (end,) = rig.noted(records.END)
    assert (end["reason"], end["faults"]) == ("link", 0)


def test_what_is_left_is_done_once_and_no_session_begins_before(rig: Rig, monkeypatch):
    rig.light()
    heap = Heap(monkeypatch, (payloads, "pack_end"))
    between_steps(rig.app).trip(faults.READBACK, None)
    rig.advance(100)
    assert rig.ask("fault.ack")[0] == "memory"
    assert rig.state == "idle"
    assert rig.ask("session.start")[0] == "memory"
    heap.full = False
    assert "session" in rig.ask("session.start")
    rig.advance(1_000)
    assert len(rig.noted(records.END)) == 1


def test_an_end_that_fails_otherwise_is_not_tried_for_ever(rig: Rig, monkeypatch):
    rig.light()
    heap = Heap(monkeypatch, (payloads, "pack_end"))
    heap.error = RuntimeError
    between_steps(rig.app).session.stop("link")
    rig.advance(5_000)
    assert rig.state == "fault"
    heap.full = False
    rig.advance(5_000)
    assert rig.noted(records.END) == []
    assert [s["new"] for s in rig.noted(records.STATE)][-1] == states.FAULT


def test_a_fault_without_heap_for_its_evidence_is_latched(rig: Rig, monkeypatch):
    rig.light()
    Heap(monkeypatch, (rig.app, "_evidence"))  # Private: `_evidence`, since a trip calls it alone
    rig.app.trip(faults.READBACK, "why")
    assert (rig.dark(), rig.state) == (True, "fault")
    rig.advance(500)
    assert rig.noted(records.FAULT) == [{"code": faults.READBACK}]


PLACES = st.sampled_from(
    [*[(payloads, p) for p in PACKS], (payloads, "pack_sample"), (records, "pack_pieces")]
)


@given(place=PLACES, begin_ms=st.integers(0, 60_000), full_ms=st.integers(1, 30_000))
@settings(deadline=None, max_examples=25)
def test_a_full_heap_at_any_time_leaves_one_end_with_the_dose(place, begin_ms, full_ms):  # H-22
    """Whatever finds no room, and for however long: dark in a fault, or the session as planned; in
    the log one end with the light that was given."""
    rig = Rig()
    rig.calibrate()
    rig.store(steps=[{"t": 45, "ch": {"red": [500], "nir": [800]}}])
    between_steps(rig.app).starter.start("link", False)
    with pytest.MonkeyPatch.context() as monkeypatch:
        heap = Heap(monkeypatch, place)
        heap.full = False
        rig.advance(begin_ms)
        heap.full = True
        rig.advance(full_ms)
        heap.full = False
        rig.advance(60_000)
    assert rig.state in ("done", "fault")
    assert rig.dark()
    (end,) = rig.noted(records.END)
    lit_ms = [m.on_ms for m in rig.app.light.lamps.meters][: len(end["on_ms"])]
    assert end["on_ms"] == lit_ms
    assert len(rig.noted(records.FAULT)) == (rig.state == "fault")
