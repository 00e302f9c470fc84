"""The server as a program: real sockets, real processes, a wrap behind a pseudo terminal."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbmwrap.web import server, streams
from pbmwrap.web.hub import Hub
from tests.host.served_sim import ServedSim, run_command, started
from tests.web.kit import EventReader, RealServer, protocol_text, start_world, until

posix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="NOT TESTED HERE: Windows has no pseudo terminals"
)


@pytest.fixture
def real(static: Path) -> Iterator[RealServer]:
    world = start_world(speed=5)
    with RealServer(static, "sim:", world, lit_ms=100, dark_ms=100) as made:
        made.wait_connected()
        yield made
    world.close()


def begin_session(browser, seconds: int = 600) -> None:
    stored = browser.send("PUT", "/api/protocols/0", {"toml": protocol_text(seconds)})
    assert stored.status_code == 200, stored.text
    assert browser.post("/api/protocols/0/activate").status_code == 200
    assert browser.session("start").status_code == 200


# ---- streams


def test_a_page_gets_the_state_first_and_then_samples(real: RealServer) -> None:
    page = EventReader(real.browser())
    assert page.status_code == 200
    state = page.wait_for("state")
    assert page.events[0][1] == "state"
    assert (state["connection"], state["simulated"], state["actor"]) == ("connected", True, True)
    assert state["hello"]["channels"] == [["red", 660], ["nir", 850]]
    sample = page.wait_for("sample")
    assert {"state", "temps_mc", "duty_u16", "at_ms", "uptime_s"} <= set(sample)
    status = page.wait_for("status", lambda data: data["limits"])
    assert set(status["limits"]) == {
        "skin_trip_mc",
        "derate_from_mc",
        "derate_zero_mc",
        "board_trip_mc",
    }
    assert page.wait_for("world")["speed"] == 5


def test_a_stream_without_a_login_is_refused(real: RealServer) -> None:
    assert EventReader(real.browser(logged_in=False)).status_code == 401


def test_twenty_pages_miss_no_sample(real: RealServer) -> None:
    browsers = [real.browser() for _ in range(20)]
    pages = [EventReader(browser) for browser in browsers]
    begin_session(browsers[0])
    until(lambda: all(len(page.named("sample")) >= 100 for page in pages))
    for page in pages:
        numbers = [number for number, _, _ in list(page.events) if number is not None]
        live = numbers[3:]  # the first are the last ones from before, in the order of their kind
        assert live == list(range(live[0], live[0] + len(live)))
    shortest = min(len(page.named("sample")) for page in pages)
    last = [page.numbers("sample")[shortest - 60 : shortest - 10] for page in pages]
    common = set(last[0]).intersection(*map(set, last))
    assert len(common) >= 10


def test_the_second_browser_watches_until_it_takes_over(real: RealServer) -> None:
    first, second = real.browser(), real.browser()
    one, two = EventReader(first), EventReader(second)
    assert one.wait_for("state")["actor"] is True
    assert two.wait_for("state")["actor"] is False
    assert second.post("/api/act").status_code == 204
    assert two.wait_for("state", lambda data: data["actor"])
    assert one.wait_for("state", lambda data: not data["actor"])


def test_a_replayed_token_ends_the_stream_of_its_login(real: RealServer) -> None:
    token = real.web.logins.token
    browser = real.browser(logged_in=False)
    browser.log_in(token)
    page = EventReader(browser)
    assert real.browser(logged_in=False).log_in(token).status_code == 403
    assert page.ended.wait(30)


def test_a_pulled_cable_is_told_to_the_page(real: RealServer) -> None:
    browser = real.browser()
    page = EventReader(browser)
    browser.world("cable", False)
    lost = page.wait_for("state", lambda data: data["connection"] == "lost")
    assert "cable" in lost["message"]
    browser.world("cable", True)
    until(lambda: [s["connection"] for s in page.named("state")][2:] == ["connected"])


def test_a_thousand_streams_do_not_keep_a_stop_out(real: RealServer) -> None:
    browser = real.browser()
    begin_session(browser)
    until(lambda: real.web.hub.world and real.web.hub.world.state()["lit"])
    cookie = f"{real.web.address.cookie}={browser.client.cookies[real.web.address.cookie]}"
    request = (
        f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{real.number}\r\nCookie: {cookie}\r\n\r\n"
    ).encode()
    socks: list[socket.socket] = []
    server.raise_file_limit(3000)
    try:
        for _ in range(1000):
            sock = socket.create_connection(("127.0.0.1", real.number), 30)
            socks.append(sock)
            sock.sendall(request)
        assert browser.session("stop").status_code == 200
        assert len(real.web.streams) <= streams.MOST_STREAMS
        refused = EventReader(browser)
        assert refused.status_code == 503
    finally:
        for sock in socks:
            sock.close()
    until(lambda: len(real.web.streams) == 0)  # no stream of a page that is gone is kept
    assert EventReader(browser).status_code == 200


def test_a_thousand_silent_connections_do_not_keep_a_stop_out(real: RealServer) -> None:
    browser = real.browser()
    server.raise_file_limit(3000)
    socks = [socket.create_connection(("127.0.0.1", real.number), 30) for _ in range(1000)]
    try:
        assert real.browser(logged_in=False).session("stop").status_code == 401
        assert browser.session("stop").status_code == 409
    finally:
        for sock in socks:
            sock.close()


def test_a_connection_that_sends_nothing_is_closed(
    real: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEADERS_S", 0.1)
    with socket.create_connection(("127.0.0.1", real.number), 30) as sock:
        assert sock.recv(10) == b""


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
        b"GET /static/../../app.py HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"X" * 100_000,
    ],
)
def test_raw_requests_get_no_file(real: RealServer, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", real.number), 30) as sock:
        sock.sendall(head.replace(b"%d", str(real.number).encode()))
        first = sock.recv(4096)
    if first:
        assert int(first.split()[1]) in (400, 401, 404, 421)
        assert b"root:" not in first


def test_it_listens_on_this_machine_only() -> None:
    with server.listen(0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


def test_a_page_that_reads_nothing_is_dropped_and_the_others_stay() -> None:
    async def run() -> None:
        all_streams = streams.Streams(lambda browser: {})
        all_streams.bind(asyncio.get_running_loop())
        slow, quick = all_streams.open("a"), all_streams.open("b")
        assert slow is not None and quick is not None
        seen = 0
        reader = quick.read()
        for number in range(streams.MOST_WAITING + 10):
            all_streams.publish("sample", {"n": number})
            await asyncio.sleep(0)
            while seen < number:
                seen += b"sample" in await anext(reader)
        assert slow.ended
        assert not quick.ended

    asyncio.run(run())


def test_a_quiet_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_S", 0.01)

    async def run() -> list[bytes]:
        reader = streams.Stream("a").read()
        return [await anext(reader) for _ in range(2)]

    assert asyncio.run(run())[1].startswith(b":")


def test_a_figure_that_is_no_number_is_not_sent() -> None:
    found = streams.Streams(lambda browser: {})
    found.publish("status", {"dose": float("nan")})
    assert not found._last


# ---- as a program


def web_process(port: str, listen_port: int):
    return started("web", "--port", port, "--no-browser", "--listen-port", str(listen_port))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def log_in(process, number: int):
    """A browser that uses the address that the process has printed."""
    import httpx

    from tests.web.kit import Browser

    url = process.stdout.readline().strip()
    base, _, token = url.partition("/#t=")
    assert base == f"http://127.0.0.1:{number}"
    browser = Browser(httpx.Client(timeout=60), base)

    def try_it() -> bool:
        try:
            return browser.log_in(token).status_code == 204
        except httpx.ConnectError:
            return False

    until(try_it)
    return browser


def wait_state(browser, state: str):
    page = EventReader(browser)
    return page.wait_for("status", lambda data: data["state"] == state)


@posix_only
def test_a_killed_server_leaves_the_session_and_the_next_one_tells_the_truth() -> None:
    sim, number = ServedSim(), free_port()
    try:
        with web_process(sim.port, number) as process:
            browser = log_in(process, number)
            page = EventReader(browser)
            page.wait_for("state", lambda data: data["connection"] == "connected")
            begin_session(browser)
            page.wait_for("status", lambda data: data["state"] == "running")
            process.kill()
            process.wait(30)
        assert page.ended.wait(30)
        until(lambda: not sim.twin.dark())
        before_ms = sim.twin.now_ms
        until(lambda: sim.twin.now_ms > before_ms + 2000)
        until(lambda: not sim.twin.dark())
        with web_process(sim.port, number):
            until(lambda: _answers(number))
            status = wait_state(browser, "running")  # with the login from before
            assert status["session"] == 1
            assert status["active_ms"] > 1000
            assert browser.session("stop").json() == {"state": "ramp-down"}
        until(sim.twin.dark)
    finally:
        sim.close()


def _answers(number: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", number), 1).close()
    except OSError:
        return False
    return True


@posix_only
def test_commands_work_beside_an_open_page() -> None:
    sim, number = ServedSim(), free_port()
    try:
        with web_process(sim.port, number) as process:
            browser = log_in(process, number)
            page = EventReader(browser)
            page.wait_for("state", lambda data: data["connection"] == "connected")
            begin_session(browser)
            page.wait_for("status", lambda data: data["state"] == "running")
            code, out, err = run_command("status", "--port", sim.port, "--json")
            assert code == 0, err
            assert json.loads(out)["data"]["status"]["state"] == "running"
            code, out, err = run_command("logs", "pull", "--port", sim.port)
            assert code == 0, err
            code, out, err = run_command("stop", "--port", sim.port)
            assert code == 0, err
            page.wait_for("status", lambda data: data["state"] == "done")
            assert {s["connection"] for s in page.named("state")} <= {"searching", "connected"}
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
            assert page.ended.wait(30)
    finally:
        sim.close()


@posix_only
def test_a_second_server_names_the_first_one() -> None:
    number = free_port()
    with web_process("sim:", number) as process:
        first = process.stdout.readline().strip()
        code, out, _ = run_command(
            "web", "--port", "sim:", "--no-browser", "--listen-port", str(number)
        )
        assert (code, out.strip()) == (0, first)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert server.find_server(number) is None


def test_a_port_of_another_program_is_an_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = str(other.getsockname()[1])
        code, _, err = run_command("web", "--port", "sim:", "--no-browser", "--listen-port", number)
    assert code == 5
    assert "--listen-port" in err


def test_the_files_of_a_server_are_private(tmp_path: Path) -> None:
    server.advertise(4711, "http://127.0.0.1:4711/#t=x")
    secret = server.read_secret(4711)
    assert server.read_secret(4711) == secret
    assert len(secret) == server.SECRET_BYTES
    folder = server.paths.runtime_dir()
    assert {f.stat().st_mode & 0o077 for f in folder.iterdir()} == {0}
    assert server.find_server(4711) is not None
    for file in folder.iterdir():
        file.chmod(0o644)
    assert server.find_server(4711) is None
    assert server.read_secret(4711) != secret


def test_a_hub_without_a_wrap_ends_at_once() -> None:
    def no_wrap():
        from pbmwrap.errors import NoDevice

        raise NoDevice("none")

    hub = Hub("auto", no_wrap, lambda name, data: None, lambda: None)
    hub.start()
    until(lambda: hub.connection.message == "none")
    hub.close()
