"""Helpers of the web tests: a site around a simulated wrap, browsers, streams over real sockets."""

from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from pbmwrap.logs.archive import Archive
from pbmwrap.twin.sim import SimTwin
from pbmwrap.web import server
from pbmwrap.web.app import Web, make_app
from pbmwrap.web.choices import Choices
from pbmwrap.web.hub import OpenWrap
from pbmwrap.web.security import Address
from pbmwrap.web.world import SimulatedWrap

with warnings.catch_warnings():  # it asks for httpx2, which few systems have yet
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PORT = 8722
BASE = f"http://127.0.0.1:{PORT}"
SECRET = b"0123456789abcdef" * 2
PATIENCE_S = 60.0  # generous: the machine may be busy

PROTOCOL = """schema = 1
id = "{id}"
name = {name}
site = "calf-left"
cautions = ["Not on open wounds."]

[evidence]
grade = "weak"

[[step]]
duration_s = {seconds}

[step.red]
intensity = 25.0

[step.nir]
intensity = 25.0
"""


def protocol_text(seconds: int = 60, id: str = "short", name: str = "Short one") -> str:
    """A protocol file that ends by time."""
    return PROTOCOL.format(seconds=seconds, id=id, name=json.dumps(name))


def until(happened: Callable[[], Any]) -> Any:
    """Look again and again until it has happened; returns what `happened` returned."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := happened()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found, "it has not happened"
    return found


class Browser:
    """A browser on this machine: its cookie, and the headers of the page's own requests."""

    def __init__(self, client: httpx.Client, base: str = BASE) -> None:
        self.client = client
        self.base = base

    def headers(self, **more: str) -> dict[str, str]:
        found = {"origin": self.base, "sec-fetch-site": "same-origin"}
        return found | {name.replace("_", "-"): value for name, value in more.items()}

    def get(self, path: str, **more: str) -> httpx.Response:
        return self.client.get(f"{self.base}{path}", headers=self.headers(**more))

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        raw = json.dumps({} if body is None else body)
        headers = self.headers(content_type="application/json")
        return self.client.request(method, f"{self.base}{path}", content=raw, headers=headers)

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.send("POST", path, body)

    def log_in(self, token: str) -> httpx.Response:
        return self.post("/api/login", {"token": token})

    def session(self, do: str) -> httpx.Response:
        return self.post("/api/session", {"do": do})

    def world(self, control: str, value: Any) -> httpx.Response:
        return self.post("/api/world", {"control": control, "value": value})


@dataclass
class Site:
    """A server in this process without a socket, and its simulated wrap."""

    web: Web
    world: SimulatedWrap
    client: TestClient

    def browser(self, logged_in: bool = True) -> Browser:
        """A new browser, with a cookie jar of its own."""
        client = TestClient(self.client.app, base_url=BASE)
        client.portal = self.client.portal  # the same event loop
        browser = Browser(client)
        if logged_in:
            assert browser.log_in(self.web.logins.token).status_code == 204
        return browser

    def wait_connected(self) -> None:
        until(lambda: self.web.hub.connection.state == "connected")


def start_world(speed: int = 1) -> SimulatedWrap:
    twin = SimTwin()
    twin.start()
    return SimulatedWrap(twin, speed)


@contextmanager
def make_site(
    static: Path,
    open_wrap: OpenWrap | None = None,
    speed: int = 20,
    choices: Choices | None = None,
) -> Iterator[Site]:
    world = start_world(speed)
    web = make_app(
        "sim:",
        open_wrap or server.opener("sim:", world),
        SECRET,
        Address(PORT),
        world,
        Archive(),
        static,
        choices=choices,
    )
    try:
        with TestClient(web.asgi, base_url=BASE) as client:
            site = Site(web, world, client)
            if open_wrap is None:
                site.wait_connected()
            yield site
    finally:
        world.close()


class RealServer:
    """The application behind uvicorn on a free port, in a thread."""

    def __init__(
        self, static: Path, port: str = "sim:", world: SimulatedWrap | None = None, **options: Any
    ) -> None:
        self._sock = server.listen(options.pop("listen_port", 0))
        self.number = self._sock.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.number}"
        self.web = make_app(
            port,
            server.opener(port, world),
            SECRET,
            Address(self.number),
            world,
            Archive(),
            static,
            **options,
        )
        self._server = server.make_server(self.web)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._sock]}, daemon=True
        )
        self._thread.start()
        until(lambda: self._server.started)

    def __enter__(self) -> RealServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.web.streams.end_all()
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        self._sock.close()

    def browser(self, logged_in: bool = True) -> Browser:
        browser = Browser(httpx.Client(timeout=PATIENCE_S), self.base)
        if logged_in:
            assert browser.log_in(self.web.logins.token).status_code == 204
        return browser

    def wait_connected(self) -> None:
        until(lambda: self.web.hub.connection.state == "connected")


class EventReader:
    """Reads a browser's stream in a thread. events: (id or None, name, data) as they arrive."""

    def __init__(self, browser: Browser) -> None:
        self.events: list[tuple[int | None, str, Any]] = []
        self.comments = 0
        self.status_code = 0
        self.ended = threading.Event()
        self._browser = browser
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        until(lambda: self.status_code)

    def _read(self) -> None:
        try:
            url = f"{self._browser.base}/api/events"
            with self._browser.client.stream("GET", url, headers=self._browser.headers()) as got:
                self.status_code = got.status_code
                self._parse(got)
        except httpx.HTTPError:
            self.status_code = self.status_code or 599
        finally:
            self.ended.set()

    def _parse(self, got: httpx.Response) -> None:
        number, name = None, ""
        for line in got.iter_lines():
            if line.startswith(":"):
                self.comments += 1
            elif line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                self.events.append((number, name, json.loads(line[6:])))
                number, name = None, ""

    def named(self, name: str) -> list[Any]:
        """The data of all events with this name so far."""
        return [data for _, event, data in list(self.events) if event == name]

    def numbers(self, name: str) -> list[int]:
        return [number for number, event, _ in list(self.events) if event == name and number]

    def wait_for(self, name: str, fits: Callable[[Any], bool] = lambda data: True) -> Any:
        """Wait for an event, also one that has arrived already; returns its data."""
        return until(lambda: next((d for d in reversed(self.named(name)) if fits(d)), None))
