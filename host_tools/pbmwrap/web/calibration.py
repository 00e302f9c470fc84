"""The requests of the guided calibration (docs/web.md)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pbmwrap.web.actors import Actors
from pbmwrap.web.answers import browser_of, read_json, read_text
from pbmwrap.web.calibration_guide import Guide
from pbmwrap.web.hub import Hub
from pbmwrap.web.security import Refusal

MOST_NAME = 100  # characters of a file's name


class Calibration:
    """Handlers. require_actor: raises Refusal for a browser that only watches."""

    def __init__(self, hub: Hub, actors: Actors, require_actor: Callable[[Request], None]) -> None:
        self._hub = hub
        self._require_actor = require_actor
        self._guide = Guide(hub, actors.may_act)

    def list_requests(self) -> list[tuple[str, str, Callable[[Request], Any]]]:
        """Return (method, path, handler) of each request."""
        return [
            ("GET", "/api/calibration/guide", self.show_step),
            ("POST", "/api/calibration/guide", self.begin),
            ("POST", "/api/calibration/guide/answer", self.take_answer),
            ("POST", "/api/calibration/guide/light", self.light),
            ("POST", "/api/calibration/guide/dark", self.darken),
            ("POST", "/api/calibration/guide/back", self.take_back),
            ("POST", "/api/calibration/guide/store", self.store_result),
            ("GET", "/api/calibration/report", self.get_report),
        ]

    def show_step(self, request: Request) -> dict[str, Any]:
        """Return the step, the light and the results. The light stays on while its page asks."""
        return self._guide.describe(browser_of(request), self._hub.connection.hello)

    def begin(self, request: Request) -> dict[str, Any]:
        """Begin a measurement, or go on with the one that is under way."""
        self._require_actor(request)
        return self._guide.begin(browser_of(request), read_json(request).get("again") is True)

    def take_answer(self, request: Request) -> dict[str, Any]:
        """Take an answer, or a spectrometer's file."""
        self._require_actor(request)
        turn, text = read_text(request, "turn"), read_text(request, "text")
        asked = read_json(request)
        name, file = asked.get("name", ""), None
        if not isinstance(name, str) or len(name) > MOST_NAME:
            raise Refusal(400, "bad_param", f"name must be text of at most {MOST_NAME} characters")
        if asked.get("file") is not None:
            file = _decode(read_text(request, "file"))
        return self._guide.answer(browser_of(request), turn, text, file, name)

    def light(self, request: Request) -> dict[str, Any]:
        """Light the channel of the step, after a person has confirmed that nobody is in it."""
        self._require_actor(request)
        nobody = read_json(request).get("nobody") is True
        try:
            return self._guide.light(browser_of(request), read_text(request, "turn"), nobody)
        finally:
            self._hub.refresh()

    def darken(self, request: Request) -> dict[str, Any]:
        """Turn the light off; a browser that watches may as well."""
        try:
            return self._guide.darken(self._hub.connection.hello)
        finally:
            self._hub.refresh()

    def take_back(self, request: Request) -> dict[str, Any]:
        """Measure the last reading again."""
        self._require_actor(request)
        return self._guide.back(browser_of(request))

    def store_result(self, request: Request) -> dict[str, Any]:
        """Store a channel's result on the wrap, or not."""
        self._require_actor(request)
        wanted = read_json(request).get("store") is True
        try:
            return self._guide.decide(browser_of(request), read_text(request, "channel"), wanted)
        finally:
            self._hub.refresh(limits_changed=True)

    def get_report(self, request: Request) -> Response:
        """Return the report of a measurement as a page."""
        from pbmwrap.web.programme import make_page_response

        hello = self._hub.connection.hello
        wanted = request.query_params.get("id", "")
        return make_page_response(self._guide.make_report(hello.uid if hello else None, wanted))


def _decode(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, "bad_param", "file must be base64") from None
