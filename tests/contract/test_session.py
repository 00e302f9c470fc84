"""Sessions on every target: started, paused, ended, recorded. Lamps are judged at the pins."""

from __future__ import annotations

import pytest

from pbmwrap.errors import DeviceError
from tests.contract.conftest import LONG, Bench, protocol
from wrap.rules import protocol as rules
from wrap.storage import payload_reader, record_reader, records


def kinds(bench: Bench) -> list[tuple[int, bytes]]:
    found, gaps = record_reader.scan(bench.client.pull_log().data)
    assert gaps == []
    assert [r[1] for r in found] == list(range(len(found)))
    return [(r[0], r[5]) for r in found]


def test_hello_identifies_the_wrap(bench: Bench) -> None:
    hello = bench.client.hello()
    assert (hello.product, hello.link, hello.state) == ("pbmwrap", 1, "idle")
    assert hello.channels == [("red", 660), ("nir", 850)]
    assert hello.frozen == (bench.target == "rp2040")
    assert bench.twin.dark()


def test_button_runs_a_session_that_ends_by_time(bench: Bench) -> None:
    raw = bench.flash()
    assert rules.find_problems(rules.parse(raw), {"red": 660, "nir": 850}) == []
    bench.light()
    bench.advance(500)  # past the wire check, which puts the lamps out for 10 ms
    bench.advance(100)
    red, nir = (lamp.on_ppm for lamp in bench.twin.lamps())
    assert abs(red - 200_000) <= 1000
    assert abs(nir - 250_000) <= 1000
    assert bench.twin.enabled()
    bench.wait_for("done", 5000)
    assert bench.pins_low()
    assert not bench.twin.enabled()
    status = bench.client.status()
    assert status.end_reason == "time"
    assert 3000 <= status.active_ms <= 3020


def test_dose_ends_a_calibrated_session(bench: Bench) -> None:  # H-26
    bench.calibrate(200_000)
    bench.flash(dose=200, **LONG)
    bench.light()
    bench.wait_for("done", 3000)
    status = bench.client.status()
    assert status.end_reason == "dose"
    assert status.dose_total_uj is not None
    assert abs(status.dose_total_uj - 200_000) <= 4000


@pytest.mark.long_on_chip
def test_link_starts_pauses_resumes_and_stops(bench: Bench) -> None:
    bench.flash(**LONG)
    assert bench.client.start() == 1
    bench.wait_for("running", 3000)
    assert bench.client.pause() == "paused"
    assert bench.dark_after(600)
    before = bench.client.status().active_ms
    bench.advance(500)
    assert bench.client.status().active_ms == before
    assert bench.client.resume() == "ramp-up"
    bench.wait_for("running", 3000)
    bench.client.stop()
    bench.wait_for("done", 2000)
    assert bench.client.status().end_reason == "link"
    assert bench.pins_low()


def test_press_while_lit_dims_within_50_ms_and_long_press_ends(lit: Bench) -> None:  # H-35
    lit.advance(500)  # past the wire check, which puts the lamps out for 10 ms
    lit.advance(100)
    full = lit.twin.lamps()[1].on_ppm
    lit.twin.press(True)
    lit.advance(40)
    lit.advance(10)
    assert lit.twin.lamps()[1].on_ppm < full
    lit.advance(1000)
    lit.advance(100)
    assert lit.pins_low()
    lit.twin.press(False)
    lit.wait_for("done", 2000)
    assert lit.client.status().end_reason == "button"


def test_second_press_resumes(lit: Bench) -> None:
    lit.press()
    lit.wait_for("paused", 500)
    lit.advance(600)
    lit.press()
    lit.wait_for("running", 3000)


def test_double_press_picks_the_next_protocol(bench: Bench) -> None:
    bench.flash(0, id="one")
    bench.client.flash_protocol(3, protocol(id="two"))
    for expected in (3, 0):
        bench.press()
        bench.advance(100)
        bench.press()
        bench.advance(200)
        assert bench.client.protocols().active == expected
    assert bench.state == "idle"


def test_pulsed_channel_pulses_and_pauses_at_once(bench: Bench) -> None:
    bench.flash(steps=[{"t": 20, "ch": {"nir": [1000, 10, 300]}}])
    bench.light()
    bench.advance(500)  # past the wire check, which puts the lamps out for 10 ms
    bench.advance(1000)
    red, nir = (lamp.on_ppm for lamp in bench.twin.lamps())
    assert red == 0
    assert abs(nir - 300_000) <= 2000
    bench.client.pause()
    bench.advance(20)
    bench.advance(100)
    assert bench.pins_low()


def test_tethered_session_ends_with_its_lease(bench: Bench) -> None:  # H-36
    bench.flash(**LONG)
    bench.client.start(tethered=True)
    bench.advance(2500)
    bench.client.lease(1000)
    assert bench.state == "running"
    bench.advance(1700)
    assert bench.state == "done"
    assert bench.client.status().end_reason == "lease-lost"


def test_button_session_outlives_the_host(lit: Bench) -> None:
    lit.client.lease(100)
    lit.advance(4000)
    assert lit.state == "running"


@pytest.mark.long_on_chip
def test_log_tells_the_whole_session_and_uncalibrated_no_dose_ends_it(bench: Bench) -> None:  # H-32
    raw = bench.flash(dose=200)
    bench.client.set_clock(1_790_000_000)
    bench.light()
    bench.wait_for("done", 6000)
    status = bench.client.status()
    assert status.end_reason == "time"
    assert status.dose_total_uj is None
    assert status.dose_uj is None
    seen = kinds(bench)
    assert [k for k, _ in seen] == [
        records.SECTOR,
        records.BOOT,
        records.CLOCK,
        records.BLOB,
        records.BLOB,
        records.START,
        *[records.STATE] * 5,
        records.END,
    ]
    blob, start = payload_reader.unpack_blob(seen[3][1]), payload_reader.unpack_start(seen[5][1])
    assert (blob["raw"], blob["name"]) == (raw, start["protocol_blob"])
    assert start["by"] == "button"
    assert 1_790_000_000 <= start["unix_s"] <= 1_790_000_010
    end = payload_reader.unpack_end(seen[-1][1])
    assert end["reason"] == "time"
    assert end["session"] == 1
    assert abs(end["on_ms"][0] - 600) < 120


def test_log_pull_resumes_from_an_offset(bench: Bench) -> None:
    bench.flash()
    whole = bench.client.pull_log().data
    assert bench.client.pull_log(20).data == whole[20:]
    with pytest.raises(DeviceError, match="beyond the end"):
        bench.client.pull_log(len(whole) + 5000)
