"""Decides which requests are answered: Host, Origin, login, size (docs/web.md).

The server listens on 127.0.0.1 only, but every page that this machine's browsers show can send
requests there, and so can other users of the machine. So each request must name this server as its
host and origin, and carry the cookie of a login.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 160_000  # bytes: a protocol file of 64 KiB, escaped
BODY_S = 10.0
LOGIN_S = 24 * 3600  # a login lasts so long, also when the server is restarted
MOST_USED = 64  # used tokens that are remembered
COOKIE = "pbmwrap"
BODY_KEY, BROWSER_KEY = "pbmwrap.body", "pbmwrap.browser"
_READS = ("GET", "HEAD")
_WITHOUT_LOGIN = ("/", "/favicon.ico", "/api/login")
STATIC = "/static/"

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class Refusal(Exception):
    """A request that is not answered. status: of HTTP."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message, "hint": hint}}


LOGIN_AGAIN = "open the link that `pbmwrap web` prints in its terminal"


class Logins:
    """Exchanges a token, once, for a cookie; a fresh token replaces it.

    secret: signs the cookies; the same secret after a restart keeps browsers logged in.
    on_revoke: called with the browser whose login has ended.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._lock = threading.Lock()
        self._token = secrets.token_urlsafe(32)
        self._used: dict[str, str] = {}  # token: the browser that used it
        self._revoked: set[str] = set()
        self.on_revoke: Callable[[str], None] = lambda browser: None

    @property
    def token(self) -> str:
        """The token that the next browser may use."""
        with self._lock:
            return self._token

    def exchange(self, token: object, cookie: str | None) -> str:
        """Return the cookie for `token`, which is used up. Raises Refusal.

        A used token is refused, and ends the login that it gave: one of its two users is not the
        person who started the server. cookie: of the request; a browser that sends its own token
        twice keeps its login.
        """
        given = token if isinstance(token, str) else ""
        with self._lock:
            if hmac.compare_digest(given.encode(), self._token.encode()):
                browser = secrets.token_hex(16)
                self._used[self._token] = browser
                while len(self._used) > MOST_USED:
                    del self._used[next(iter(self._used))]
                self._token = secrets.token_urlsafe(32)
                return self._sign(browser, time.time() + LOGIN_S)
            owner = self._used.get(given)
        if owner is not None:
            if cookie is not None and self.browser_of(cookie) == owner:
                return cookie
            self.revoke(owner)
            raise Refusal(403, "used_token", "this link has been used already", LOGIN_AGAIN)
        raise Refusal(403, "bad_token", "this link is not valid", LOGIN_AGAIN)

    def browser_of(self, cookie: str) -> str | None:
        """Return the id of the browser that logged in with this cookie; None when not valid."""
        browser, _, rest = cookie.partition(".")
        until, _, _ = rest.partition(".")
        if not until.isascii() or not until.isdigit() or len(until) > 12:
            return None
        if not hmac.compare_digest(cookie.encode(), self._sign(browser, int(until)).encode()):
            return None
        if int(until) < time.time() or browser in self._revoked:
            return None
        return browser

    def revoke(self, browser: str) -> None:
        """End a login."""
        self._revoked.add(browser)
        self.on_revoke(browser)

    def _sign(self, browser: str, until_s: float) -> str:
        text = f"{browser}.{int(until_s)}"
        return f"{text}.{hmac.digest(self._secret, text.encode(), 'sha256').hex()}"


@dataclass
class Address:
    """Where the server listens. port: set when it is known."""

    port: int = 0
    names: tuple[str, ...] = ("127.0.0.1", "localhost")

    def hosts(self) -> set[str]:
        """Return the Host headers that a browser on this machine sends."""
        found = {f"{name}:{self.port}" for name in self.names}
        return found | set(self.names) if self.port == 80 else found

    def origins(self) -> set[str]:
        """Return the origins of this server's own pages."""
        return {f"http://{host}" for host in self.hosts()}

    @property
    def cookie(self) -> str:
        """Name of the cookie. Cookies do not depend on the port, so the name does."""
        return f"{COOKIE}-{self.port}"


@dataclass(frozen=True)
class _Headers:
    """The headers of a request that matter here, in lower case."""

    values: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: Iterable[tuple[bytes, bytes]]) -> _Headers:
        values: dict[str, list[str]] = {}
        for name, value in raw:
            values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        return cls(values)

    def only(self, name: str) -> str | None:
        """Return the header; None when it is missing. Raises Refusal when there are several."""
        found = self.values.get(name, [])
        if len(found) > 1:
            raise Refusal(400, "bad_request", f"the header {name} is there more than once")
        return found[0] if found else None

    def cookie(self, name: str) -> str | None:
        """Return a cookie; None without it. Of several the first counts."""
        for line in self.values.get("cookie", []):
            for part in line.split(";"):
                key, _, value = part.strip().partition("=")
                if key == name:
                    return value
        return None


class Guard:
    """ASGI middleware: refuses what it must, reads the body, adds the security headers."""

    def __init__(self, app: ASGIApp, address: Address, logins: Logins) -> None:
        self._app = app
        self._address = address
        self._logins = logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        path = scope["path"]
        api = path != "/" and not path.startswith(STATIC)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                cache = b"no-store" if api else b"no-cache"
                given = list(message.get("headers", ()))
                # A page that stands alone (a report) has a policy of its own, see programme.py.
                named = {name.lower() for name, _ in given}
                ours = [pair for pair in HEADERS if pair[0] not in named]
                headers = [*given, *ours, (b"cache-control", cache)]
                message = {**message, "headers": headers}
            await send(message)

        try:
            headers = _Headers.of(scope["headers"])
            self._check_source(scope, headers, api)
            if api and path not in _WITHOUT_LOGIN:
                scope[BROWSER_KEY] = self._require_login(headers)
            if scope["method"] not in _READS:
                scope[BODY_KEY] = await _read_body(headers, receive)
        except Refusal as refusal:
            await _send_json(send_guarded, refusal.status, refusal.body)
            return
        await self._app(scope, receive, send_guarded)

    def _check_source(self, scope: Scope, headers: _Headers, api: bool) -> None:
        """Refuse other hosts (DNS rebinding), other origins, and pages of other sites."""
        if headers.only("host") not in self._address.hosts():
            raise Refusal(421, "bad_host", "this server has another name", LOGIN_AGAIN)
        origin = headers.only("origin")
        if origin is not None and origin not in self._address.origins():
            raise Refusal(403, "bad_origin", "requests of other pages are refused")
        if api and headers.only("sec-fetch-site") not in (None, "same-origin"):
            raise Refusal(403, "bad_origin", "requests of other pages are refused")
        if scope["method"] in _READS:
            return
        if origin is None:
            raise Refusal(403, "bad_origin", "the request does not say which page sent it")
        kind = (headers.only("content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal(415, "bad_type", "the request must be application/json")

    def _require_login(self, headers: _Headers) -> str:
        cookie = headers.cookie(self._address.cookie)
        browser = self._logins.browser_of(cookie) if cookie else None
        if browser is None:
            raise Refusal(401, "no_login", "this browser is not logged in", LOGIN_AGAIN)
        return browser


async def _read_body(headers: _Headers, receive: Receive) -> bytes:
    """Return the whole body. Raises Refusal when it is too large, or does not come."""
    too_large = Refusal(413, "too_large", f"the request has more than {MOST_BODY} bytes")
    length = headers.only("content-length")
    if length is not None and (not length.isdigit() or int(length) > MOST_BODY):
        raise too_large
    body = b""
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Refusal(400, "bad_request", "the request ended too early")
                body += message.get("body", b"")
                if len(body) > MOST_BODY:
                    raise too_large
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        raise Refusal(408, "too_slow", "the request did not come within 10 s") from None


async def _send_json(send: Send, status: int, body: Any) -> None:
    raw = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(raw))]
    headers.append((b"connection", b"close"))  # a refused program keeps no connection
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": raw})
