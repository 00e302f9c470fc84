"""The requests of the page (docs/web.md). Each handler returns what becomes the JSON answer."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pbmwrap.device.client import Client
from pbmwrap.device.models import Calibration, Hello
from pbmwrap.errors import DeviceError, LinkLost, NoDevice, WrapError
from pbmwrap.logs.archive import Archive
from pbmwrap.programme.holds import require_light
from pbmwrap.web import protocols
from pbmwrap.web.actors import Actors
from pbmwrap.web.answers import answering, browser_of, read_json, read_text
from pbmwrap.web.calibration import Calibration as GuidedCalibration
from pbmwrap.web.choices import Choices
from pbmwrap.web.hub import Hub
from pbmwrap.web.programme import Programme
from pbmwrap.web.requests import (
    SESSION,
    change_session,
    confirm_settings,
    describe_fault,
    describe_settings,
    read_calibration,
)
from pbmwrap.web.security import Address, Logins, Refusal
from pbmwrap.web.sessions import SessionBook
from pbmwrap.web.streams import Streams
from pbmwrap.web.trial_heat import HeatPages
from pbmwrap.web.trial_pages import TrialPages
from wrap.rules.states import IDLE, NAMES
from wrap.version import VERSION

_ALWAYS = ("pause", "stop")  # they can only switch light off, so a browser that watches may as well
_STOP_TRIES = 2


class Api:
    """All handlers. on_login: called when a token has been used, so that a new one is valid."""

    def __init__(
        self,
        hub: Hub,
        streams: Streams,
        actors: Actors,
        logins: Logins,
        address: Address,
        archive: Archive,
        on_login: Callable[[], None],
        choices: Choices | None = None,
    ) -> None:
        self._hub = hub
        self._streams = streams
        self._actors = actors
        self._logins = logins
        self._address = address
        self._archive = archive
        self._book = SessionBook(archive)
        self._programme = Programme(hub, archive, self._require_actor, choices)
        self._trial = TrialPages(hub, archive, self._programme, self._alone)
        self._heat = HeatPages(hub, self._require_actor)
        self._calibration = GuidedCalibration(hub, actors, self._require_actor)
        self._on_login = on_login
        self._slow = threading.Lock()  # a log transfer or the doctor, one at a time

    def routes(self) -> list[Route]:
        """Return the table of requests."""
        table: tuple[tuple[str, str, Callable[[Request], Any]], ...] = (
            ("POST", "/api/login", self.log_in),
            ("POST", "/api/act", self.take_over),
            ("GET", "/api/history", self.get_history),
            ("POST", "/api/session", self.change_session),
            ("GET", "/api/fault", self.get_fault),
            ("POST", "/api/fault/ack", self.acknowledge_fault),
            ("GET", "/api/sessions", self.list_sessions),
            ("POST", "/api/sessions/pull", self.pull_log),
            ("GET", "/api/sessions/{uid}/{number:int}", self.get_session),
            ("GET", "/api/protocols", self.list_protocols),
            ("POST", "/api/protocols/check", self.check_protocol),
            ("PUT", "/api/protocols/{slot:int}", self.store_protocol),
            ("DELETE", "/api/protocols/{slot:int}", self.delete_protocol),
            ("POST", "/api/protocols/{slot:int}/activate", self.activate_protocol),
            ("GET", "/api/doctor", self.run_doctor),
            ("GET", "/api/settings", self.list_settings),
            ("POST", "/api/settings/confirm", self.confirm_settings),
            ("PUT", "/api/settings/{key}", self.change_setting),
            ("GET", "/api/calibration", self.get_calibration),
            ("POST", "/api/world", self.change_world),
            *self._calibration.list_requests(),
            *self._programme.list_requests(),
            *self._trial.list_requests(),
            *self._heat.list_requests(),
        )
        routes = [
            Route(path, answering(handler), methods=[method]) for method, path, handler in table
        ]
        return [Route("/api/events", self.open_events, methods=["GET"]), *routes]

    def close(self) -> None:
        """End what runs beside the requests; its light goes out."""
        self._heat.tests.close()

    def describe_state(self, browser: str) -> dict[str, Any]:
        """Return the data of the event `state` for one browser."""
        now = self._hub.connection
        return {
            "connection": now.state,
            "message": now.message,
            "hint": now.hint,
            "port": self._hub.port,
            "simulated": self._hub.world is not None,
            "hello": now.hello.as_json() if now.hello else None,
            "actor": self._actors.may_act(browser),
            "version": VERSION,
        }

    # ---- logins and streams

    def log_in(self, request: Request) -> Response:
        """Exchange the token for the cookie."""
        cookie = request.cookies.get(self._address.cookie)
        before = self._logins.token
        value = self._logins.exchange(read_json(request).get("token"), cookie)
        browser = self._logins.browser_of(value)
        if browser is not None:
            self._actors.join(browser)
        if self._logins.token != before:
            self._on_login()
        answer = Response(status_code=204)
        answer.set_cookie(self._address.cookie, value, path="/", httponly=True, samesite="strict")
        return answer

    def end_login(self, browser: str) -> None:
        """End the streams and the rights of a login that was revoked. In the loop's thread."""
        self._actors.leave(browser)
        self._programme.end_login(browser)
        self._streams.end_browser(browser)

    def take_over(self, request: Request) -> None:
        """Let this browser act."""
        self._actors.take_over(browser_of(request))
        self._streams.publish_state()

    async def open_events(self, request: Request) -> Response:
        """Stream events until the page is closed."""
        browser = browser_of(request)
        self._actors.join(browser)
        stream = self._streams.open(browser)
        if stream is None:
            hint = "close some of its windows"
            refusal = Refusal(503, "too_many", "too many pages are open", hint)
            return JSONResponse(refusal.body, refusal.status, {"connection": "close"})

        async def body() -> AsyncIterator[bytes]:
            try:
                async for event in stream.read():
                    yield event
            finally:
                self._streams.close(stream)

        return StreamingResponse(body(), media_type="text/event-stream")

    def _require_actor(self, request: Request) -> None:
        if not self._actors.may_act(browser_of(request)):
            hint = "press `take over` to act here"
            raise Refusal(403, "watching", "another browser controls the wrap", hint)

    @contextmanager
    def _acting(self, request: Request, limits_changed: bool = False) -> Iterator[Client]:
        """Lend a connection to a browser that may act; then refresh the status."""
        self._require_actor(request)
        try:
            with self._hub.borrow() as (client, _):
                yield client
        finally:
            self._hub.refresh(limits_changed)

    # ---- sessions

    def get_history(self, request: Request) -> dict[str, Any]:
        """Return the samples of the running or last session."""
        return self._hub.history.as_json()

    def change_session(self, request: Request) -> dict[str, Any]:
        """Start, pause, resume or stop a session, or answer the wake question."""
        do = read_text(request, "do")
        if do not in SESSION:
            raise Refusal(400, "bad_param", f"do must be one of {', '.join(SESSION)}")
        if do == "stop" and self._heat.tests.stop():  # it would light later
            with suppress(DeviceError):  # dark already
                return self._darken(do)
            return {"state": NAMES[IDLE]}
        if do in _ALWAYS:
            return self._darken(do)
        with self._acting(request) as client:
            if do == "start":
                require_light(client)
            return change_session(client, do)

    def _darken(self, do: str) -> dict[str, Any]:
        """Pause or stop, over a new connection if the first one has just ended."""
        try:
            for left in reversed(range(_STOP_TRIES)):
                try:
                    with self._hub.borrow() as (client, _):
                        return change_session(client, do)
                except LinkLost:
                    if not left:
                        raise
        finally:
            self._hub.refresh()
        raise AssertionError("unreachable")

    def get_fault(self, request: Request) -> dict[str, Any] | None:
        """Return the latched fault, or {"fault": null}."""
        with self._hub.borrow() as (client, _):
            return describe_fault(client.fault())

    def acknowledge_fault(self, request: Request) -> dict[str, Any]:
        """Acknowledge the fault; the wrap refuses it while the cause is there."""
        with self._acting(request) as client:
            return {"state": client.ack_fault()}

    def list_sessions(self, request: Request) -> list[dict[str, Any]]:
        """List the sessions in the archive, newest first."""
        return self._book.list_sessions()

    def get_session(self, request: Request) -> dict[str, Any]:
        """Return one session with its samples."""
        uid, number = request.path_params["uid"], request.path_params["number"]
        found = self._book.find_session(uid, number)
        if found is None:
            raise Refusal(404, "not_found", "this session is not on this machine", "pull the log")
        return found

    def pull_log(self, request: Request) -> dict[str, Any]:
        """Copy new records of the wrap into the archive."""
        from pbmwrap.logs.pull import pull_into_archive

        notes: list[str] = []
        with self._alone(), self._hub.borrow() as (client, hello):
            pulled = pull_into_archive(client, hello, self._archive, notes.append)
        self._programme.tell_wrap()
        return {
            "uid": hello.uid,
            "log": pulled.kept.folder.name,
            "new_bytes": pulled.new_bytes,
            "notes": notes,
            "open_sessions": self._programme.count_open_sessions(),
        }

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._slow.acquire(blocking=False):
            hint = "wait until it has ended"
            raise Refusal(409, "busy", "a log transfer or a check is running already", hint)
        try:
            yield
        finally:
            self._slow.release()

    # ---- protocols

    def list_protocols(self, request: Request) -> list[dict[str, Any]]:
        """List the wrap's slots, then the examples. Without a wrap, only those."""
        try:
            with self._hub.borrow() as (client, hello):
                cals = client.calibrations()
                slots = protocols.list_slots(client, hello)
        except (NoDevice, LinkLost):
            return protocols.list_examples(None, None)
        return [*slots, *protocols.list_examples(hello, cals)]

    def check_protocol(self, request: Request) -> dict[str, Any]:
        """Check a text, and compute what it gives on this wrap, or on the default board."""
        text = read_text(request, "toml")
        hello, cals = self._read_calibrations()
        return protocols.check(text, hello, cals)

    def _read_calibrations(self) -> tuple[Hello | None, list[Calibration | None] | None]:
        try:
            with self._hub.borrow() as (client, hello):
                return hello, client.calibrations()
        except WrapError:
            return None, None

    def store_protocol(self, request: Request) -> dict[str, Any]:
        """Check a text and store it in a slot."""
        text, slot = read_text(request, "toml"), request.path_params["slot"]
        hello = self._hub.connection.hello
        with self._acting(request, limits_changed=True) as client:
            return protocols.store(client, hello or client.hello(), slot, text)

    def delete_protocol(self, request: Request) -> dict[str, Any]:
        """Empty a slot."""
        with self._acting(request, limits_changed=True) as client:
            return {"active": client.delete(request.path_params["slot"])}

    def activate_protocol(self, request: Request) -> dict[str, Any]:
        """Choose the protocol that starts next."""
        with self._acting(request, limits_changed=True) as client:
            return {"active": client.activate(request.path_params["slot"])}

    # ---- the wrap

    def run_doctor(self, request: Request) -> list[dict[str, Any]]:
        """Check this machine, the port and the wrap."""
        from dataclasses import asdict

        from pbmwrap.doctor.run_checks import run_checks

        with self._alone():
            return [asdict(check) for check in run_checks(self._hub.borrow())]

    def list_settings(self, request: Request) -> list[dict[str, Any]]:
        """List the settings with unit, meaning, range, default and value."""
        with self._hub.borrow() as (client, _):
            return describe_settings(client.settings())

    def change_setting(self, request: Request) -> dict[str, Any]:
        """Change one setting; the wrap refuses what is out of its range."""
        value = read_json(request).get("value")
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refusal(400, "bad_param", "value must be a whole number")
        key = request.path_params["key"]
        with self._acting(request, limits_changed=True) as client:
            return describe_settings(client.set_setting(key, value))[0]

    def confirm_settings(self, request: Request) -> dict[str, Any]:
        """Confirm the values in force after a store was damaged."""
        with self._acting(request, limits_changed=True) as client:
            return confirm_settings(client)

    def get_calibration(self, request: Request) -> dict[str, Any]:
        """Return the calibration of each channel, and the heat test."""
        with self._hub.borrow() as (client, hello):
            return read_calibration(client, hello)

    def change_world(self, request: Request) -> dict[str, Any]:
        """Change the world of a simulated wrap."""
        world = self._hub.world
        if world is None:
            raise Refusal(404, "not_simulated", "this wrap is real: its world has no controls")
        self._require_actor(request)
        asked = read_json(request)
        control = asked.get("control")
        world.change(control if isinstance(control, str) else "", asked.get("value"))
        self._hub.world_changed()
        return world.state()
