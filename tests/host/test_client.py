"""The client against a wrap in memory: what is lost, damaged or strange on the way."""

from __future__ import annotations

import json

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.link import ID_RANGE, encode_request
from pbmwrap.device.models import Hello
from pbmwrap.errors import (
    DeviceError,
    LinkLost,
    UsageError,
    VerifyFailed,
)
from tests.host.scripted_wrap import ScriptedWrap
from wrap.link import frames

RAW = json.dumps({"id": "foot", "name": "Foot", "x": "y" * 900}).encode()
LOG = bytes(range(256)) * 300  # 76800 bytes: three segments


@pytest.fixture
def device():
    return ScriptedWrap(LOG)


@pytest.fixture
def client(device):
    return Client(device)


def test_hello_is_typed(client):
    hello = client.hello()
    assert isinstance(hello, Hello)
    assert hello.channels == [("red", 660), ("nir", 850)]


def test_status_shows_no_slot_as_none(client):
    status = client.status()
    assert status.slot is None
    assert status.temps_mc == [31000, None]


def test_first_line_is_preceded_by_a_line_end_and_later_ones_are_not(device):
    written = []
    device.write = lambda data, timeout_s=0: (
        written.append(data),
        ScriptedWrap.write(device, data),
    )
    client = Client(device)
    client.hello()
    client.status()
    assert written[0].startswith(b"\r\r\n@")
    assert written[1].startswith(b"@")


def test_half_line_of_an_earlier_host_does_no_harm(device, client):
    device.write(b'@{"i":5,"m":"session.st')
    assert client.status().state == "idle"
    assert device.acted == ["status"]


def test_lost_answer_is_asked_again_with_the_same_id_and_acts_once(device, client):
    device.lose_answers = 2
    assert client.start() == 1
    assert device.acted == ["session.start"]
    assert len({json.loads(line)["i"] for line in device.lines}) == 1
    assert len(device.lines) == 3


def test_request_with_a_wrong_crc_is_sent_again_at_once(device, client):
    device.damage_requests = 2
    assert client.start() == 1
    assert device.acted == ["session.start"]
    assert device.now_s == 0


def test_answer_with_a_wrong_crc_is_asked_again(device, client):
    device.damage_answers = 1
    assert client.start() == 1
    assert device.acted == ["session.start"]


def test_noise_pushes_and_stale_answers_are_skipped(device, client):
    device.noise(b"MPY: soft reboot\r\n@{broken*00000000\n")
    device.send({"i": 1, "r": {"state": "fault"}})
    device.push("sample", {"state": "fault"})
    device.noise(frames.encode(b"[1,2]") + frames.encode(b"nonsense") + frames.encode(b'{"i":3}'))
    assert client.status().state == "idle"


def test_own_request_echoed_back_is_no_answer(device):
    client = Client(device, first_id=6)
    device.noise(encode_request(7, "status", None))
    assert client.status().state == "idle"
    assert client.link.frames_seen == 1  # the answer alone


def test_silence_is_link_lost_after_the_named_tries(device, client):
    device.lose_answers = 99
    with pytest.raises(LinkLost, match=r"scripted does not answer status \(4 tries of 2 s\)"):
        client.status()
    assert len(device.lines) == 4
    assert device.now_s == pytest.approx(8)


def test_ids_start_anywhere_and_wrap(device):
    client = Client(device, first_id=ID_RANGE - 1)
    client.hello()
    assert json.loads(device.lines[0])["i"] == 0


def test_vanished_device_is_link_lost(device, client):
    client.hello()
    device.vanish_after = 0
    with pytest.raises(LinkLost, match="vanished"):
        client.status()


def test_refusal_carries_code_text_and_way_out(client):
    with pytest.raises(DeviceError) as caught:
        client.stop()
    assert caught.value.device_code == "not_now"
    assert "while the wrap is idle" in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 8


def test_too_long_request_is_not_sent(device, client):
    with pytest.raises(UsageError, match=r"request cal.set is \d+ bytes too long"):
        client.set_calibration("red", 1000, how="x" * 400)
    assert device.lines == []


def test_answer_of_another_shape_is_an_error_not_a_crash(device, client):
    device.status = {"temps_mc": "warm"}
    with pytest.raises(LinkLost, match="not as expected"):
        client.status()


def test_protocol_arrives_whole_and_every_line_fits(device, client):
    assert client.flash_protocol(2, RAW) == {"slot": 2, "id": "foot"}
    assert device.slots[2] == RAW
    assert max(len(frames.encode(line)) for line in device.lines) <= frames.MAX_REQUEST + 1
    assert client.read_protocol(2) == RAW


@pytest.mark.parametrize("fault", ["lose_answers", "damage_answers", "damage_requests"])
def test_a_protocol_is_sent_again_until_it_is_answered_and_stored_once(device, client, fault):
    client.hello()
    setattr(device, fault, 2)
    assert client.flash_protocol(2, RAW) == {"slot": 2, "id": "foot"}
    assert device.slots == {2: RAW}
    assert device.acted.count("proto.put") == 1


def test_bytes_with_ctrl_c_are_not_sent(device, client):
    with pytest.raises(UsageError, match="Ctrl-C"):
        client.flash_protocol(2, b'{"\x03":1}')
    assert device.lines == []


def test_damaged_protocol_is_verify_failed_and_changes_nothing(device, client):
    with pytest.raises(VerifyFailed):
        client.flash_protocol(2, RAW, sha="0" * 64)
    assert device.slots == {}


def test_log_arrives_whole_in_verified_segments(device, client):
    kept, seen = [], []
    pull = client.pull_log(
        0, progress=lambda *p: seen.append(p), keep=lambda at, d: kept.append((at, d))
    )
    assert pull.data == LOG
    assert pull.end == len(LOG)
    assert b"".join(d for _, d in kept) == LOG
    assert len(kept) == 3
    assert seen[-1] == (len(LOG), len(LOG))


def test_log_from_an_offset(client):
    pull = client.pull_log(len(LOG) - 10)
    assert (pull.start, pull.data) == (len(LOG) - 10, LOG[-10:])


def test_log_with_nothing_new_is_empty(client):
    assert client.pull_log(len(LOG)).data == b""


@pytest.mark.parametrize("missing", [1, 4])
def test_missing_windows_are_asked_for_again(device, client, missing):
    device.drop_windows = missing
    assert client.pull_log(0).data == LOG


@pytest.mark.parametrize("cut", [1, 2])
def test_windows_that_are_cut_short_are_asked_for_again(device, client, cut):
    """The byte that is missing is taken from the answer, which is asked for again then."""
    device.cut_windows = cut
    assert client.pull_log(0).data == LOG
    assert device.acted.count("log.next") > len(LOG) // 1000 + cut


def test_lost_window_answer_is_mended(device, client):
    client.hello()
    device.lose_answers = 1
    assert client.pull_log(0).data == LOG


def test_windows_that_never_come_are_link_lost(device, client):
    device.drop_windows = 10000
    with pytest.raises(LinkLost, match="from 0 on"):
        client.pull_log(0)


def test_wrong_digest_is_verify_failed_and_is_not_kept(device, client):
    device.flip_digest = 1
    kept = []
    with pytest.raises(VerifyFailed):
        client.pull_log(0, keep=lambda at, d: kept.append(d))
    assert kept == []


def test_telemetry_renews_its_lease_and_gives_it_back(device, client):
    device.idle = lambda: device.push("sample", {"state": "running", "active_ms": 7})
    samples = client.telemetry(every_ms=1000, lease_ms=3000)
    assert [next(samples).active_ms for _ in range(6)] == [7] * 6
    samples.close()
    assert device.acted.count("telemetry") >= 3
    assert json.loads(device.lines[-1])["p"]["every_ms"] == 0


def test_telemetry_that_falls_silent_is_link_lost(client):
    with pytest.raises(LinkLost, match="no samples"):
        next(client.telemetry(every_ms=200))


def test_telemetry_given_back_to_a_wrap_that_is_gone_raises_nothing(device, client):
    device.idle = lambda: device.push("sample", {"state": "running", "active_ms": 7})
    samples = client.telemetry(every_ms=1000, lease_ms=3000)
    next(samples)
    device.lose_answers = 100
    samples.close()
    assert json.loads(device.lines[-1])["p"]["every_ms"] == 0
