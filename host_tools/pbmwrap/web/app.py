"""Makes the web application: the guard around it, the requests, the page's files, the wrap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pbmwrap.logs.archive import Archive
from pbmwrap.web.actors import Actors
from pbmwrap.web.api import Api
from pbmwrap.web.choices import Choices
from pbmwrap.web.hub import DARK_MS, LIT_MS, Hub, OpenWrap
from pbmwrap.web.security import Address, Guard, Logins
from pbmwrap.web.static_files import FOLDER, StaticFiles
from pbmwrap.web.streams import Streams
from pbmwrap.web.world import SimulatedWrap


@dataclass(frozen=True)
class Web:
    """The application and its parts. asgi: what a server runs."""

    asgi: ASGIApp
    hub: Hub
    streams: Streams
    logins: Logins
    address: Address
    actors: Actors


def make_app(
    port: str,
    open_wrap: OpenWrap,
    secret: bytes,
    address: Address | None = None,
    world: SimulatedWrap | None = None,
    archive: Archive | None = None,
    static: Path = FOLDER,
    on_login: Callable[[], None] = lambda: None,
    lit_ms: int = LIT_MS,
    dark_ms: int = DARK_MS,
    choices: Choices | None = None,
) -> Web:
    """Make the application for the wrap at `port`; it connects when the server starts.

    open_wrap: see Hub. secret: signs the cookies. address: where the server will listen. world:
    the simulated wrap, if it is one. on_login: called when a token has been used. choices: which
    person each browser chose.
    """
    address = address or Address()
    logins, actors = Logins(secret), Actors()
    streams = Streams(lambda browser: api.describe_state(browser))
    hub = Hub(port, open_wrap, streams.publish, streams.publish_state, world, lit_ms, dark_ms)
    api = Api(hub, streams, actors, logins, address, archive or Archive(), on_login, choices)
    logins.on_revoke = lambda browser: streams.call(api.end_login, browser)
    files = StaticFiles(static)

    @asynccontextmanager
    async def live(_: Starlette) -> AsyncIterator[None]:
        streams.bind(asyncio.get_running_loop())
        hub.start()
        try:
            yield
        finally:
            streams.end_all()
            await asyncio.to_thread(api.close)
            await asyncio.to_thread(hub.close)

    routes = [
        Route("/", files.serve_page, methods=["GET"]),
        Route("/static/{path:path}", files.serve_file, methods=["GET"]),
        *api.routes(),
    ]
    app = Starlette(
        routes=routes, lifespan=live, exception_handlers={404: _not_found, 405: _not_found}
    )
    app.router.redirect_slashes = False
    return Web(Guard(app, address, logins), hub, streams, logins, address, actors)


def _not_found(request: Request, problem: Exception) -> Response:
    status = getattr(problem, "status_code", 404)
    message = "there is nothing here" if status == 404 else "this is not possible here"
    error = {"code": "not_found", "message": message, "hint": "docs/web.md lists all requests"}
    return JSONResponse({"error": error}, status)
