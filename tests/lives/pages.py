"""The pages of a life: the real server in this process, and a browser for each person.

The requests are those that the page's script sends (its own tests are in tests/web_page), with
login, cookie, person and `take over`. Two things differ from `pbmwrap web`: there is no socket, and
the connection to the wrap is opened when a page asks for it. A thread that reads samples would let
the wrap's time pass as the machine happens to be busy, and a life would not repeat.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from unittest import mock

import httpx

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.logs.archive import Archive
from pbmwrap.web import app
from pbmwrap.web.hub import Hub
from pbmwrap.web.security import Address
from tests.lives.world import World

with warnings.catch_warnings():  # it asks for httpx2, which few systems have yet
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

_PORT = 8722
_BASE = f"http://127.0.0.1:{_PORT}"
_SECRET = bytes(range(32))  # kept over a restart, as `pbmwrap web` does
_PRESSES = 5  # log in, choose, take over: no request needs more


class _LentHub(Hub):
    """Connects to the wrap for each request."""

    def start(self) -> None:
        """Start no thread."""

    def close(self) -> None:
        """Nothing is open."""

    @contextmanager
    def borrow(self) -> Iterator[tuple[Client, Hello]]:
        client, hello = self._open_wrap()
        try:
            yield client, hello
        finally:
            client.close()


class Pages:
    """The server of a household, which can be restarted, and its people's browsers.

    tags: of the people, by name. counts: how often each request was answered.
    """

    def __init__(self, world: World, seed: str) -> None:
        self.world = world
        self.random = random.Random(seed)  # of its own: what happens does not depend on the pages
        self.tags: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.restarts = 0
        self._cookies: dict[str, httpx.Cookies] = {}
        self._server: TestClient | None = None

    def close(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.__exit__(None, None, None)
            self._server = None

    def restart(self) -> None:
        """Restart the server: browsers stay logged in, and nobody is chosen."""
        self.close()
        self.restarts += 1

    def _start(self) -> TestClient:
        if self._server is None:
            with mock.patch.object(app, "Hub", _LentHub):
                self._web = app.make_app(
                    "unplugged", self._open_wrap, _SECRET, Address(_PORT), archive=Archive()
                )
            self._server = TestClient(self._web.asgi, base_url=_BASE)
            self._server.__enter__()
        return self._server

    def _open_wrap(self) -> tuple[Client, Hello]:
        client = Client(self.world.open_port("unplugged"))
        return client, client.hello()

    def send(self, name: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send one request from the browser of this person."""
        with self.world.as_machine():
            server = self._start()
            server.cookies = self._cookies.setdefault(name, httpx.Cookies())
            headers = {"origin": _BASE, "sec-fetch-site": "same-origin"}
            if method == "GET":
                answer = server.get(path, headers=headers)
            else:
                answer = server.request(method, path, json=body or {}, headers=headers)
            self._cookies[name] = server.cookies
        key = f"{method} {path.partition('?')[0]}"
        self.counts[key] = self.counts.get(key, 0) + answer.is_success
        return answer

    def ask(self, name: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request; log in, say who it is and take over where the page asks for it.

        Before one of several people is chosen, the browser must show nothing of anybody.
        """
        for _ in range(_PRESSES):
            answer = self.send(name, method, path, body)
            code = answer.json()["error"]["code"] if answer.status_code in (401, 403, 409) else ""
            if answer.is_success and path.startswith(("/api/journal", "/api/course")):
                if _shows_nobody(answer):
                    code = "no_person"
                else:
                    return answer
            if code == "no_login":
                token = {"token": self._web.logins.token}
                assert self.send(name, "POST", "/api/login", token).status_code == 204
            elif code == "watching":
                assert self.send(name, "POST", "/api/act").status_code == 204
            elif code == "no_person":
                self._choose(name)
            else:
                return answer
        raise AssertionError(f"{name} cannot {method} {path}")

    def _choose(self, name: str) -> None:
        for path in ("/api/journal?all=1", "/api/course"):
            assert self.send(name, "GET", path).json() == {"person": None}, path
        for path in ("/api/report", "/api/course/calendar", "/api/course/sheet"):
            assert self.send(name, "GET", path).status_code == 409, path
        said = self.send(name, "POST", "/api/people/choose", {"tag": self.tags[name]}).json()
        assert said["chosen"] == self.tags[name]

    def get(self, name: str, path: str) -> Any:
        """Return what a page shows to this person."""
        answer = self.ask(name, "GET", path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    def post(self, name: str, path: str, body: Any = None) -> Any:
        """Change something that must succeed."""
        answer = self.ask(name, "POST", path, body)
        assert answer.is_success, f"{path} {body}: {answer.text}"
        return answer.json()

    def refuse(self, name: str, path: str, body: Any) -> str:
        """Ask for what must be refused; returns the code of the error."""
        answer = self.ask(name, "POST", path, body)
        assert answer.status_code in (400, 409, 422), f"{path} {body}: {answer.text}"
        return answer.json()["error"]["code"]

    def read_numbers(self, name: str) -> dict[date, float]:
        """Return the numbers that the page Journal shows, by day."""
        entries = self.get(name, "/api/journal?all=1")["entries"]
        known = [entry for entry in entries if entry["value"] is not None]
        found = {date.fromisoformat(entry["day"]): entry["value"] for entry in known}
        assert len(found) == len(known), "a day has two numbers"
        return found


def _shows_nobody(answer: httpx.Response) -> bool:
    kind = answer.headers.get("content-type", "")
    return kind.startswith("application/json") and answer.json() == {"person": None}
