"""The report of a session has the log's figures, and None where the log has none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pbmwrap.logs.clock import make_clock
from pbmwrap.logs.decode import count_lost_records, decode
from pbmwrap.logs.summary import WrapInfo, summarize_sessions
from pbmwrap.logs.to_report import make_report
from pbmwrap.protocols import encode
from pbmwrap.report import plot
from pbmwrap.report.model import SessionReport
from pbmwrap.report.parameters import list_facts
from tests.host import log_maker
from tests.host.log_maker import LogMaker
from wrap.rules import states
from wrap.storage import payloads, records

WRAP = WrapInfo("u1", (("red", 660), ("nir", 850)), (("skin", "skin"), ("board", "board")), 20.0)
PULSED = encode.dump_canonical(
    {
        "v": 1,
        "id": "foot",
        "name": "Foot",
        "site": "foot-left",
        "grade": "weak",
        "trip": 40000,
        "steps": [
            {"t": 400, "ch": {"red": [500], "nir": [0]}},
            {"t": 400, "ch": {"nir": [400, 100, 250]}},
        ],
    }
)


def report(log: LogMaker, wrap: WrapInfo = WRAP) -> SessionReport:
    decoded = decode(log.raw)
    return make_report(summarize_sessions(decoded, make_clock(decoded), wrap)[-1], wrap)


@pytest.fixture
def log(monkeypatch) -> LogMaker:
    monkeypatch.setattr(log_maker, "PROTOCOL", PULSED)
    made = LogMaker()
    made.power_on()
    return made


def test_a_whole_session_is_reported(log: LogMaker):
    log.clock(1_790_000_000)
    log.session(4)
    got = report(log)
    assert (got.wrap_id, got.session_id, got.firmware) == ("u1", 4, "0.1.0")
    assert (got.protocol, got.site, got.grade) == ("Foot", "foot-left", "weak")
    assert (got.end_reason, got.duration_s, got.paused_s) == (states.BY_TIME, 600, 1)
    assert got.started == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    assert (got.boot, got.uptime_s) == (1, 0.5)
    assert (got.max_skin_c, got.max_board_c) == (36.5, None)
    assert (got.skin_trip_c, got.skin_derate_c, got.board_trip_c) == (40.0, 38.0, 60.0)
    assert (got.faults, got.calibrated) == ((), False)
    assert (got.sensors, got.roles) == (("skin", "board"), ("skin", "board"))


def test_channels_have_mode_time_and_calibration(log: LogMaker):
    log.session(4)
    red, nir = report(log).channels
    assert (red.on_s, red.mean_duty_pct, red.dose_j_cm2) == (400, 75, 6)
    assert (red.irradiance_mw_cm2, red.uncertainty_pct) == (20, 10)
    assert (red.measured, red.radiant_power_mw) == ("2026-01-01, meter", 400)
    assert (red.pulse_hz, red.pulse_on_pct) == (None, None)
    assert (nir.on_s, nir.mean_duty_pct, nir.dose_j_cm2) == (200, 0.05, None)
    assert (nir.pulse_hz, nir.pulse_on_pct) == (100, 25)
    assert (nir.irradiance_mw_cm2, nir.measured, nir.radiant_power_mw) == (None, None, None)


def test_samples_are_placed_by_time_since_the_start(log: LogMaker):
    log.session(4)
    samples = report(log).samples[2:4]
    assert [s.t_s for s in samples] == [10, 20]
    assert samples[0].temps_c == (33.5, None)
    assert samples[0].duty_pct == (100, pytest.approx(9.8, rel=1e-3))
    assert samples[0].dose_j_cm2 == (0.1, None)
    assert samples[0].state == "running"


@pytest.fixture
def calibrated(monkeypatch) -> None:
    monkeypatch.setattr(log_maker, "CAL", [{"uw": 20000, "unc_pm": 100, "date": 20260101}])


ONE = WrapInfo("u1", (("red", 660),), (("skin", "skin"),))


def short_session(log: LogMaker, sampled: bool) -> SessionReport:
    """A session of one calibrated channel, dark for 3 s and lit for 20 s, with 5 J/cm2."""
    log.start(4)
    log.up_ms += 3000
    log.state(4, states.SELF_TEST, states.RAMP_UP)
    if sampled:
        log.up_ms += 15_000
        sample = payloads.pack_sample(states.RUNNING, [33_000], [32_768], [4_000_000])
        log.add(records.SAMPLE, sample)
        log.up_ms -= 15_000
    log.up_ms += 21_000
    log.state(4, states.RAMP_DOWN, states.DONE, states.BY_DOSE)
    sums = payloads.pack_end(4, states.BY_DOSE, 20_000, 0, 0, [33_000], [10_000], [5_000_000])
    log.add(records.END, sums + bytes(payloads.SEAL))
    return report(log, ONE)


@pytest.mark.usefixtures("calibrated")
def test_the_course_begins_at_0_and_ends_with_the_session_and_its_dose(log: LogMaker):
    got = short_session(log, sampled=True)
    assert [(s.t_s, s.dose_j_cm2, s.state) for s in got.samples] == [
        (0, (0,), "self-test"),
        (3, (0,), "ramp-up"),
        (18, (4,), "running"),
        (24, (5,), "done"),
    ]
    assert [round(s.duty_pct[0]) for s in got.samples] == [0, 50, 50, 0]
    assert [s.temps_c for s in got.samples] == [(None,), (None,), (33,), (None,)]
    assert got.samples[-1].dose_j_cm2 == (got.dose_j_cm2,)


@pytest.mark.usefixtures("calibrated")
def test_a_session_too_short_for_a_sample_has_a_course(log: LogMaker):
    got = short_session(log, sampled=False)
    assert [(s.t_s, s.dose_j_cm2, s.duty_pct) for s in got.samples] == [
        (0, (0,), (0,)),
        (3, (0,), (50,)),
        (24, (5,), (0,)),
    ]
    assert "no samples kept" not in plot.draw_inline_svg(got)


def test_a_course_without_a_start_record_begins_at_the_first_sample(log: LogMaker):
    log.sample(4)
    log.up_ms += 5000
    log.end(4, states.BY_DOSE)
    assert [s.t_s for s in report(log).samples] == [0, 5]


def test_a_course_without_an_end_stops_at_the_last_sample(log: LogMaker):
    log.lit(4)
    log.up_ms += 9000
    log.sample(4)
    assert [s.t_s for s in report(log).samples] == [0, 0, 9]


def test_figures_missing_from_a_lost_session_are_none(log: LogMaker):
    log.start(5)
    log.power_on()
    got = report(log)
    assert (got.end_reason, got.paused_s, got.started) == (states.BY_POWER, None, None)
    red = got.channels[0]
    assert (red.on_s, red.mean_duty_pct, red.dose_j_cm2) == (0, None, None)
    assert got.max_skin_c is None
    assert [(s.t_s, s.duty_pct, s.state) for s in got.samples] == [(0, (0, 0), "self-test")]


def test_a_lost_start_leaves_the_protocol_unknown(log: LogMaker):
    log.end(6, states.BY_DOSE)
    got = report(log)
    assert (got.protocol, got.site, got.grade) == (None, None, None)
    assert (got.channels[0].on_s, got.channels[0].dose_j_cm2) == (None, 6)


@pytest.mark.parametrize("raw", [b"{", b'{"v":9}'])
def test_a_protocol_that_this_program_cannot_read_is_unknown(monkeypatch, raw: bytes):
    monkeypatch.setattr(log_maker, "PROTOCOL", raw)
    made = LogMaker()
    made.session(1)
    assert (report(made).protocol, report(made).firmware) == (None, "unknown")


def test_faults_are_described_in_words(log: LogMaker):
    log.start(7)
    info = {"code": 1, "session": 7, "temp_mc": 41250, "limit_mc": 41000}
    log.add(records.FAULT, payloads.pack_json(info))
    log.add(records.FAULT, payloads.pack_json({**info, "sensor": "skin-left"}))
    log.fault(7, 99)
    assert report(log).faults == (
        "the skin is hotter than its limit: 41.2 C, limit 41.0 C",
        "the skin is hotter than its limit (skin-left): 41.2 C, limit 41.0 C",
        "fault 99 (skin)",
    )


def test_the_default_board_serves_when_no_other_is_known(log: LogMaker):
    log.session(1)
    got = report(log, WrapInfo("u2").with_default_board())
    assert [c.name for c in got.channels] == ["red", "nir"]
    assert (got.roles, got.area_cm2, got.channels[0].radiant_power_mw) == (
        ("skin", "skin", "skin", "board"),
        None,
        None,
    )


def test_a_calibration_date_of_another_form_is_passed_on(log: LogMaker, monkeypatch):
    monkeypatch.setattr(log_maker, "CAL", [{"uw": 1000, "date": 2026}, {"uw": 5, "date": 0}])
    log.session(1)
    assert [c.measured for c in report(log).channels] == ["2026", None]


def test_lost_records_are_counted_for_the_session_they_belong_to(log: LogMaker):
    log.lost(2)
    log.session(4)
    assert report(log).records_lost == 0
    log.lost(5)
    log.lost(9)
    got = report(log)
    assert got.records_lost == 7
    assert ("Records lost", "7: this report may be incomplete") in list_facts(got)
    log.power_on()
    log.lost(3)  # no session to blame
    assert report(log).records_lost == 7
    log.session(5)
    log.lost(4)
    assert report(log).records_lost == 1
    assert count_lost_records(decode(log.raw).entries) == 9 + 4
    log.session(6)
    assert "Records lost" not in dict(list_facts(report(log)))


@pytest.mark.parametrize("count", [0, -1, "x", None, True])
def test_a_malformed_note_of_losses_counts_none(log: LogMaker, count):
    log.session(4)
    log.lost(count)
    assert (report(log).records_lost, count_lost_records(decode(log.raw).entries)) == (0, 0)
