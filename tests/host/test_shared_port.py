"""A port that several programs use at once: its owner, its guests, strangers, and the dead."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from pbmwrap.device import discovery, endpoint, shared
from pbmwrap.device.client import Client
from pbmwrap.device.link import encode_request
from pbmwrap.device.port_users import DARKENING, PortUser, Request, RequestQueue
from pbmwrap.errors import DeviceError, LinkLost, PortBusy
from tests.host.served_sim import ServedSim, run_command, started, until
from wrap.link import frames
from wrap.link.commands import AGAIN

RAW = (
    b'{"id":"t","name":"T","ramp":500,"site":"s","steps":'
    b'[{"ch":{"nir":[100],"red":[100]},"t":600}],"v":1}'
)


@pytest.fixture(params=["socket", "tcp"])
def sim(request, monkeypatch, tmp_path):
    """A served wrap; endpoints are Unix sockets, or TCP ports, which is what Windows has."""
    with tempfile.TemporaryDirectory(prefix="w") as short:
        folder = Path(short) / "run" if request.param == "socket" else tmp_path / ("long" * 25)
        monkeypatch.setenv("PBMWRAP_RUNTIME", str(folder))
        served = ServedSim()
        yield served
        served.close()


def advertised(sim: ServedSim) -> endpoint.Endpoint:
    found = endpoint.find_endpoint(sim.port)
    assert found is not None
    return found


def test_the_endpoint_is_of_the_kind_that_the_system_has(sim, request):
    client, _ = discovery.connect(sim.port)
    with client:
        kind = str if "socket" in request.node.callspec.id else int
        assert isinstance(advertised(sim).address, kind)
        assert advertised(sim).pid == os.getpid()
    assert endpoint.find_endpoint(sim.port) is None
    assert list(Path(os.environ["PBMWRAP_RUNTIME"]).iterdir()) == []


def test_only_this_user_can_reach_the_endpoint(sim):
    client, _ = discovery.connect(sim.port)
    with client:
        folder = Path(os.environ["PBMWRAP_RUNTIME"])
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("greeting", [b"", b'{"i":1,"m":"hello"}', b'{"token":"0"}', b"[]"])
def test_a_stranger_without_the_token_is_refused_and_hears_nothing(sim, greeting):
    client, _ = discovery.connect(sim.port)
    with client:
        address = advertised(sim).address
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family) as stranger:
            stranger.connect(address if isinstance(address, str) else ("127.0.0.1", address))
            stranger.settimeout(20)
            stranger.sendall(frames.encode(greeting) + encode_request(1, "session.stop", None))
            if greeting:
                assert stranger.recv(100) == b""
        assert client.status().state == "idle"


def test_a_wrong_token_is_reported_as_a_refused_connection(sim):
    client, _ = discovery.connect(sim.port)
    with client:
        found = advertised(sim)
        wrong = endpoint.Endpoint(found.port, found.pid, "x", found.address, "0" * 64)
        with pytest.raises(ConnectionError, match="refuses"):
            endpoint.connect(wrong, "x")
        assert shared.connect_to_owner(sim.port) is not None


def test_an_advertisement_that_others_may_write_is_not_believed(sim):
    client, _ = discovery.connect(sim.port)
    with client:
        file = endpoint.advertisement_file(sim.port)
        file.chmod(0o644)
        assert shared.connect_to_owner(sim.port) is None
        file.chmod(0o600)
        file.parent.chmod(0o755)
        assert shared.connect_to_owner(sim.port) is None
        file.parent.chmod(0o700)
        assert shared.connect_to_owner(sim.port) is not None


def test_without_a_private_folder_the_port_is_used_alone_and_that_is_said(sim):
    folder = Path(os.environ["PBMWRAP_RUNTIME"])
    folder.mkdir(mode=0o755)
    client, _ = discovery.connect(sim.port)
    with client:
        assert "other users" in client.transport.not_shared_reason  # type: ignore[attr-defined]
        assert client.status().state == "idle"
        assert list(folder.iterdir()) == []


def test_two_clients_at_once_get_their_own_answers(sim):
    first, hello = discovery.connect(sim.port)
    second, _ = discovery.connect(sim.port)
    # The same ids: answers must go to who asked, whatever number the request had.
    same_ids = [Client(client.transport, first_id=1000) for client in (first, second)]
    problems: list[object] = []

    def ask(client, what, kind):
        for _ in range(40):
            answer = client.call(what)
            if kind not in answer:
                problems.append((what, answer))

    with first, second:
        threads = [
            threading.Thread(target=ask, args=(same_ids[0], "log.info", "seq")),
            threading.Thread(target=ask, args=(same_ids[1], "hello", "uid")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert second.hello().uid == hello.uid


def test_two_clients_pull_the_log_at_once_and_whole(sim):
    first, _ = discovery.connect(sim.port)
    second, _ = discovery.connect(sim.port)
    pulled = {}
    with first, second:
        for _ in range(6):
            first.set_setting("time_s", 600)
            first.set_setting("time_s", 1200)

        def pull(name, client):
            pulled[name] = client.pull_log().data

        threads = [
            threading.Thread(target=pull, args=item)
            for item in (("first", first), ("second", second))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert pulled["first"] == pulled["second"] != b""


def test_a_protocol_goes_through_the_owner(sim):
    first, _ = discovery.connect(sim.port)
    second, _ = discovery.connect(sim.port)
    with first, second:
        assert second.flash_protocol(3, RAW)["slot"] == 3
        assert first.read_protocol(3) == RAW
        with pytest.raises(DeviceError, match="size"):
            second.call("proto.put", {"slot": 3, "size": 1, "sha": "0"})


def test_the_second_terminal_stops_the_light_while_the_first_watches(sim):
    first, _ = discovery.connect(sim.port)
    second, _ = discovery.connect(sim.port)
    with first, second:
        second.flash_protocol(0, RAW)
        second.start()
        samples = first.telemetry(every_ms=100)
        assert next(samples).state != "done"
        assert second.stop() == "ramp-down"
        assert "done" in (sample.state for sample in samples)
        samples.close()
        assert second.status().end_reason == "link"


def test_each_subscriber_gets_samples_as_often_as_it_asked(sim):
    first, _ = discovery.connect(sim.port)
    second, _ = discovery.connect(sim.port)
    with first, second:
        slow = second.telemetry(every_ms=60000)
        next(slow)
        fast = first.telemetry(every_ms=100)
        assert len([next(fast) for _ in range(8)]) == 8
        heard = []
        second.link.listen(0.3, lambda name, params: heard.append(name))
        assert heard == []
        slow.close()
        assert len([next(fast) for _ in range(3)]) == 3


def test_a_request_for_the_port_alone_names_the_owner_and_the_way_on(sim):
    client, _ = discovery.connect(sim.port)
    with client, started("monitor", "--port", sim.port) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline().startswith("idle")
        watcher.kill()
    with started("monitor", "--port", sim.port) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline().startswith("idle")
        with pytest.raises(PortBusy) as busy:
            discovery.connect(sim.port, exclusive=True)
        assert f"`pbmwrap monitor --port {sim.port}` (process {watcher.pid})" in str(busy.value)
        assert "end it there (q or Ctrl-C" in busy.value.hint
        for words in (["install", "--files"], ["bench"]):
            code, _, err = run_command(*words, "--port", sim.port)
            assert (code, f"(process {watcher.pid})" in err) == (5, True), err
        watcher.kill()


def test_a_guest_cannot_send_the_wrap_away_from_a_shared_port(sim):
    first, _ = discovery.connect(sim.port)
    second, _ = discovery.connect(sim.port)
    with first, second:
        for leave in (second.service, second.reset):
            with pytest.raises(DeviceError, match="the port is shared"):
                leave()
        first.reset()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_the_owner_ends_a_guest_takes_the_port_over(sim, how):
    with started("monitor", "--port", sim.port) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline().startswith("idle")
        client, hello = discovery.connect(sim.port)
        other, _ = discovery.connect(sim.port)
        with client, other:
            assert not client.transport.owned  # type: ignore[attr-defined]
            assert advertised(sim).pid == owner.pid
            owner.send_signal(how)
            owner.wait(30)
            assert client.hello().uid == other.hello().uid == hello.uid
            assert advertised(sim).pid == os.getpid()
            owned = [c.transport.owned for c in (client, other)]  # type: ignore[attr-defined]
            assert sorted(owned) == [False, True]


def test_what_a_dead_owner_left_is_found_and_removed(sim):
    with started("monitor", "--port", sim.port) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline().startswith("idle")
        owner.kill()
    dead = advertised(sim)
    assert dead.pid == owner.pid
    assert shared.connect_to_owner(sim.port) is None
    assert endpoint.find_endpoint(sim.port) is None
    client, _ = discovery.connect(sim.port)
    with client:
        assert advertised(sim).pid == os.getpid()
    assert list(Path(os.environ["PBMWRAP_RUNTIME"]).iterdir()) == []


def test_a_new_owner_replaces_what_a_dead_one_left(sim):
    with started("monitor", "--port", sim.port) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline().startswith("idle")
        owner.kill()
    client, _ = discovery.connect(sim.port)
    with client:
        assert advertised(sim).pid == os.getpid()
    assert list(Path(os.environ["PBMWRAP_RUNTIME"]).iterdir()) == []


def test_a_cable_pulled_out_is_link_lost_for_owner_and_guests(sim):
    first, _ = discovery.connect(sim.port)
    second, _ = discovery.connect(sim.port)
    with first, second:
        sim.close()
        for client in (first, second):
            with pytest.raises(LinkLost):
                client.status()


def test_a_closed_connection_is_link_lost(sim):
    client, _ = discovery.connect(sim.port)
    client.close()
    client.close()
    with pytest.raises(LinkLost, match="is not open"):
        client.transport.read(0.1)


def test_two_commands_at_once_do_not_refuse_each_other(sim):
    words = ("status", "--json", "--port", sim.port)
    with started(*words) as first, started(*words) as second:
        for process in (first, second):
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            assert json.loads(out)["data"]["status"]["state"] == "idle"


def test_stop_in_a_second_terminal_ends_a_tethered_run(sim):
    client, _ = discovery.connect(sim.port)
    with client:
        client.flash_protocol(0, RAW)
    with started("run", "--tethered", "--json", "--port", sim.port) as runner:
        assert until(lambda: endpoint.find_endpoint(sim.port) is not None)
        watcher, _ = discovery.connect(sim.port)
        with watcher:
            assert until(lambda: watcher.status().state != "idle")
        assert run_command("stop", "--port", sim.port)[0] == 0
        out, _ = runner.communicate(timeout=60)
    assert json.loads(out)["data"]["reason"] == "link"


# The order of requests


def user() -> PortUser:
    ours, theirs = socket.socketpair()
    ours.close()
    return PortUser(theirs, authenticated=True)


def asked(who: PortUser, method: str, number: int = 1) -> Request:
    (request,) = who.split_requests(encode_request(number, method, None))
    assert isinstance(request, Request)
    return request


def taken(waiting: RequestQueue) -> list[str]:
    out = []
    while (request := waiting.take(0.0, 0.0)) is not None:
        out.append(request.method)
    return out


def put(waiting: RequestQueue, *requests: Request) -> None:
    for request in requests:
        waiting.put(request)


def test_what_can_only_darken_is_what_the_wrap_acts_on_when_repeated():
    assert DARKENING == AGAIN


def test_a_stop_is_taken_first():
    waiting, a, b = RequestQueue(), user(), user()
    put(waiting, asked(a, "status"), asked(b, "session.stop"))
    assert waiting.has_urgent()
    assert taken(waiting) == ["session.stop", "status"]


@pytest.mark.parametrize("method", ["session.start", "session.resume"])
def test_a_stop_refuses_what_would_light_behind_it(method):
    waiting, a, b = RequestQueue(), user(), user()
    put(waiting, asked(a, method), asked(b, "session.stop"))
    assert taken(waiting) == ["session.stop"]
    assert b'"e":["not_now"' in a.out
    put(waiting, asked(a, method, 2))
    assert taken(waiting) == [method]


def test_of_a_guest_that_is_gone_only_a_stop_is_acted_on():
    waiting, a, b, c = RequestQueue(), user(), user(), user()
    put(waiting, asked(a, "lease"), asked(b, "session.stop"), asked(c, "status"))
    waiting.drop_user(a)
    waiting.drop_user(b)
    assert taken(waiting) == ["session.stop", "status"]


def test_a_second_log_transfer_waits_for_the_first_to_end():
    waiting, a, b = RequestQueue(), user(), user()
    first = asked(a, "log.open")
    put(waiting, first)
    assert waiting.take(0.0, 0.0) is first
    waiting.note_done(first, 0.0)
    put(waiting, asked(b, "log.open"), asked(a, "log.close", 2))
    close = waiting.take(0.0, 0.0)
    assert close is not None and close.method == "log.close"
    assert waiting.take(0.0, 0.0) is None
    waiting.note_done(close, 0.0)
    assert taken(waiting) == ["log.open"]


def test_a_log_transfer_that_is_given_up_or_forgotten_does_not_block_others():
    for gone in (True, False):
        waiting, a, b = RequestQueue(), user(), user()
        first = asked(a, "log.open")
        waiting.note_done(first, 0.0)
        put(waiting, asked(b, "log.open"), asked(b, "log.info", 2))
        assert taken(waiting) == ["log.info"]
        if gone:
            waiting.drop_user(a)
        request = waiting.take(0.0 if gone else 11.0, 0.0)
        assert request is not None and request.user is b


def test_a_repetition_is_not_acted_on_twice():
    a = user()
    line = encode_request(7, "session.start", None)
    (request,) = a.split_requests(line)
    assert list(a.split_requests(line)) == []
    assert isinstance(request, Request)
    request.send_result({"r": {"session": 1}})
    sent = bytes(a.out)
    assert list(a.split_requests(line)) == []
    assert bytes(a.out) == sent * 2
    assert len(list(a.split_requests(encode_request(8, "session.start", None)))) == 1


def test_a_sample_is_dropped_for_a_guest_that_does_not_read():
    a = user()
    assert a.send(b"x" * 20000)
    assert not a.send(b"sample", may_drop=True)
    assert a.send(b"answer")
