"""Dark on every fault and every reset, on every target. Lamps are judged at the pins."""

from __future__ import annotations

import pytest

from pbmwrap.errors import DeviceError
from tests.contract.conftest import BOOT_MS, LONG, Bench
from tests.contract.test_session import kinds
from wrap.storage import payload_reader, records


def test_overheating_trips_and_stays_latched_across_reset(lit: Bench) -> None:  # H-01, H-02, H-37
    lit.twin.plant.set_fault("skin-mid", "offset", 20.0)
    assert lit.dark_after(160)
    assert lit.state == "fault"
    fault = lit.client.fault()
    assert fault is not None
    assert fault.name in ("gross-hot", "skin-hot")
    for kind in ("power", "pin"):
        lit.twin.reset(kind)
        lit.advance(BOOT_MS)
        assert lit.state == "fault"
        with pytest.raises(DeviceError, match="acknowledge"):
            lit.client.start()
    with pytest.raises(DeviceError, match="still there"):
        lit.client.ack_fault()
    lit.twin.plant.set_fault("skin-mid", "none")
    lit.advance(1200)  # a sensor that jumps as light begins would end the session
    assert lit.client.ack_fault() == "idle"
    assert lit.pins_low()
    lit.flash(**{**LONG, "site": "hand-right"})
    lit.light()
    seen = kinds(lit)
    assert [payload_reader.unpack_end(p)["reason"] for k, p in seen if k == records.END] == [
        "fault"
    ]
    assert [k for k, _ in seen if k in (records.FAULT, records.ACK)] == [records.FAULT, records.ACK]


@pytest.mark.parametrize(("fault", "name"), [("open", "sensor-open"), ("short", "sensor-short")])
def test_broken_sensor_goes_dark_and_is_named(lit: Bench, fault: str, name: str) -> None:  # H-03
    lit.twin.plant.set_fault("board", fault)  # type: ignore[arg-type]
    assert lit.dark_after(160)
    latched = lit.client.fault()
    assert latched is not None
    assert latched.name == name


def test_warm_skin_dims_before_it_trips(lit: Bench) -> None:  # H-01
    lit.advance(500)  # past the wire check, which puts the lamps out for 10 ms
    lit.advance(100)
    full = lit.twin.lamps()[1].on_ppm
    for c in range(35, 41):  # no faster than a pad can, or it would be a sensor's fault
        lit.twin.plant.set_fault("skin-mid", "offset", c - 0.1 - lit.twin.plant.sensor_c(0))
        lit.advance(1000)
    lit.advance(2000)
    lit.advance(100)
    dimmed = lit.twin.lamps()[1].on_ppm
    assert 0.3 * full < dimmed < 0.7 * full
    assert lit.state == "running"


def test_ctrl_c_goes_dark_and_leaves_a_prompt(lit: Bench) -> None:  # H-36
    lit.twin.read()
    lit.twin.write(b"\x03")
    lit.advance(20)
    lit.advance(100)
    assert lit.pins_low()
    assert not lit.twin.enabled()
    assert b">>> " in lit.twin.read()


def test_watchdog_brings_a_dark_wrap_back_after_a_hang(lit: Bench) -> None:  # H-16
    lit.twin.hang()
    lit.advance(2100)
    lit.advance(BOOT_MS)
    assert lit.pins_low()
    hello = lit.client.hello()
    assert hello.cause == "watchdog"
    assert hello.state == "idle"


@pytest.mark.parametrize("kind", ["power", "pin", "watchdog"])
def test_reset_goes_dark_and_resumes_nothing(lit: Bench, kind: str) -> None:  # H-13
    lit.twin.reset(kind)  # type: ignore[arg-type]
    lit.advance(1)
    assert lit.pins_low()
    lit.advance(BOOT_MS)
    assert lit.pins_low()
    hello = lit.client.hello()
    assert hello.state == "idle"
    assert hello.boot == 2
    assert hello.cause == kind


def test_soft_reset_goes_dark(lit: Bench) -> None:  # H-13
    lit.twin.write(b"\x03")
    lit.advance(50)
    lit.twin.write(b"\x04")
    lit.advance(50)
    assert lit.pins_low()
    lit.advance(BOOT_MS)
    assert lit.pins_low()
    assert lit.client.hello().cause == "soft"


def test_power_cut_in_a_session_keeps_what_was_recorded(lit: Bench) -> None:
    before = kinds(lit)
    lit.twin.power_off()
    lit.advance(100)
    assert lit.twin.dark()
    lit.twin.start()
    lit.advance(BOOT_MS)
    after = kinds(lit)
    assert after[: len(before)] == before
    assert after[-1][0] == records.BOOT
    assert lit.state == "idle"


def test_service_mode_is_dark_and_left_by_a_restart(bench: Bench) -> None:
    bench.client.service()
    bench.advance(1000)
    bench.twin.read()
    bench.twin.write(b"\r\n")
    bench.advance(200)
    assert b">>> " in bench.twin.read()
    assert bench.pins_low()
    bench.twin.reset("power")
    bench.advance(BOOT_MS)
    assert bench.state == "idle"


def test_service_is_refused_while_lit(lit: Bench) -> None:
    for ask in (lit.client.service, lit.client.reset, lambda: lit.client.delete(0)):
        with pytest.raises(DeviceError, match="not possible while"):
            ask()
    assert lit.state == "running"
