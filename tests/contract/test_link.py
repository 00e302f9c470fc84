"""The link on every target: broken transfers change nothing, noise does no harm, repeats act
once."""
# H-36

from __future__ import annotations

import hashlib
import json

import pytest

from pbmwrap.device.link import encode_request
from pbmwrap.errors import DeviceError, VerifyFailed
from tests.contract.conftest import BOOT_MS, Bench, protocol
from wrap.link import frames


def ask(bench: Bench, line: bytes) -> list[dict]:
    """Return what the wrap answers to raw bytes."""
    bench.twin.read()
    sent = 0
    while sent < len(line):
        sent += bench.twin.write(line[sent:])
        bench.advance(10)
    bench.advance(300)
    lines = bench.twin.read().decode().splitlines()
    return [json.loads(x[1 : x.rindex("*")]) for x in lines if x.startswith("@")]


def test_flashed_protocol_reads_back_and_survives_a_reset(bench: Bench) -> None:
    raw = bench.flash(2, name="Second", trip=40500)
    assert bench.client.read_protocol(2) == raw
    bench.twin.reset("power")
    bench.advance(BOOT_MS)
    slots = bench.client.protocols()
    assert slots.active == 2
    stored = slots.slots[2]
    assert stored is not None
    assert stored.sha == hashlib.sha256(raw).hexdigest()


@pytest.mark.long_on_chip
def test_broken_transfers_leave_the_old_protocol_in_force(bench: Bench) -> None:
    old = bench.flash(0, name="Old")
    new = protocol(name="New")
    with pytest.raises(VerifyFailed):
        bench.client.flash_protocol(0, new, sha="0" * 64)
    with pytest.raises(DeviceError, match="site is missing"):
        bad = json.dumps({"v": 1, "id": "x", "name": "x", "steps": []}).encode()
        bench.client.flash_protocol(0, bad)
    with pytest.raises(DeviceError, match="no JSON"):
        bench.client.flash_protocol(0, b"{" * 40)
    params = {"slot": 0, "size": len(new) + 2, "sha": hashlib.sha256(new).hexdigest()}
    with pytest.raises(DeviceError, match="bytes came"):  # the host falls silent half way
        bench.client.call("proto.put", params, behind=new, timeout_s=15)
    bench.twin.write(encode_request(7, "proto.put", params) + new)
    bench.twin.reset("power")
    bench.advance(BOOT_MS)
    assert bench.client.read_protocol(0) == old


def test_repeated_id_acts_once(bench: Bench) -> None:
    bench.flash(steps=[{"t": 60, "ch": {"red": [100]}}])
    line = frames.encode(b'{"i":77,"m":"session.start"}')
    first = ask(bench, line)
    again = ask(bench, line)
    assert first == again == [{"i": 77, "r": {"session": 1}}]


@pytest.mark.long_on_chip
def test_a_used_id_with_another_method_is_acted_on(bench: Bench) -> None:  # H-56
    bench.flash(steps=[{"t": 60, "ch": {"red": [100]}}])
    assert ask(bench, frames.encode(b'{"i":1,"m":"session.start"}')) == [
        {"i": 1, "r": {"session": 1}}
    ]
    bench.wait_for("running", 4000)
    assert not bench.twin.dark()
    stop = frames.encode(b'{"i":1,"m":"session.stop"}')
    assert ask(bench, frames.encode(b'{"i":1,"m":"state"}'))[0]["r"]["state"] == "running"
    assert ask(bench, stop) == [{"i": 1, "r": {"state": "ramp-down"}}]
    bench.advance(700)
    assert bench.dark_after(0)
    bench.light()
    assert ask(bench, frames.encode(b'{"i":1,"m":"state"}'))[0]["r"]["state"] == "running"
    for _ in range(2):  # the answer may have been lost: the repetition has the same one
        assert ask(bench, stop) == [{"i": 1, "r": {"state": "ramp-down"}}]
    assert bench.dark_after(700)


@pytest.mark.long_on_chip
def test_a_repeated_stop_ends_a_session_that_began_after_the_first(bench: Bench) -> None:  # H-56
    stop = frames.encode(b'{"i":1,"m":"session.stop"}')
    bench.flash(steps=[{"t": 60, "ch": {"red": [100]}}])
    for _ in range(2):  # a host that starts again and counts from 1
        bench.press()
        bench.advance(1500)
        assert not bench.twin.dark()
        assert ask(bench, stop) == [{"i": 1, "r": {"state": "ramp-down"}}]
        assert bench.dark_after(700)


@pytest.mark.parametrize(
    "first,most",
    [
        (b"garbage\r\n", 0),
        (b"@x*00000000\n", 1),
        (b"@" + b"x" * 300 + b"\n", 1),
        (frames.encode(b'{"i":1}'), 1),
        (frames.encode(b'{"i":1,"m":"state"}'), 1),
        (frames.encode(b'{"i":1,"m":"hello"}'), 2),
    ],
)
@pytest.mark.long_on_chip
def test_a_line_that_echoes_brings_no_endless_answers(
    bench: Bench, first: bytes, most: int
) -> None:
    bench.twin.read()
    bench.twin.write(first)
    lines = 0
    for _ in range(100):
        bench.advance(10)
        out = bench.twin.read()
        lines += out.count(b"\n")
        while out:
            out = out[bench.twin.write(out) :]
            bench.advance(10)
    assert lines == most
    assert bench.state == "idle"


def test_noise_and_damage_get_short_errors_and_change_nothing(bench: Bench) -> None:
    good = frames.encode(b'{"i":5,"m":"hello"}')
    assert ask(bench, b"AT+GMM\r\n\x00\xff@\n" + good)[-1]["i"] == 5
    assert ask(bench, good.replace(b"hello", b"jello"))[0]["e"][0] == "bad_crc"
    assert ask(bench, b"@" + b"x" * 500 + b"\n")[0]["e"][0] == "too_long"
    assert ask(bench, frames.encode(b"[1,2]"))[0]["e"][0] == "bad_frame"
    assert ask(bench, frames.encode(b'{"i":9,"m":"no.such"}'))[0]["e"][0] == "unknown_method"
    assert (
        ask(bench, frames.encode(b'{"i":8,"m":"cal.set","p":{"ch":1}}'))[0]["e"][0] == "bad_param"
    )
    assert bench.state == "idle"


def test_settings_may_only_be_stricter(bench: Bench) -> None:  # H-39
    assert bench.client.set_setting("trip_mc", 40000) == {"trip_mc": 40000}
    for key, value in (("trip_mc", 41001), ("trip_mc", True), ("cap_mj", 60001), ("nope", 1)):
        with pytest.raises(DeviceError):
            bench.client.set_setting(key, value)
    bench.twin.reset("power")
    bench.advance(BOOT_MS)
    assert bench.client.settings()["trip_mc"] == 40000


def test_telemetry_flows_only_while_leased(bench: Bench) -> None:
    samples = bench.client.telemetry(every_ms=200)
    assert next(samples).state == "idle"
    assert next(samples).temps_mc[0] is not None
    samples.close()
    bench.client.call("telemetry", {"every_ms": 100, "ms": 500})
    bench.advance(800)
    bench.twin.read()
    bench.advance(1000)
    assert bench.twin.read() == b""
