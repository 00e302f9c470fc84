"""Attacks on the server: each rule of docs/web.md with a request that breaks it."""

from __future__ import annotations

import time

import pytest

from pbmwrap.web import security
from pbmwrap.web.security import MOST_BODY, Logins, Refusal
from tests.web.kit import BASE, PORT, SECRET, Site, make_site, protocol_text

OTHER_HOSTS = (
    "evil.example",
    f"evil.example:{PORT}",
    "127.0.0.1",
    f"127.0.0.1:{PORT + 1}",
    f"127.0.0.1.evil.example:{PORT}",
    f"localhost.evil.example:{PORT}",
    f"[::1]:{PORT}",
    f"0.0.0.0:{PORT}",
    "",
)
OTHER_ORIGINS = (
    "http://evil.example",
    f"http://evil.example:{PORT}",
    f"https://127.0.0.1:{PORT}",
    f"http://127.0.0.1:{PORT + 1}",
    "http://127.0.0.1",
    f"http://127.0.0.1:{PORT}.evil.example",
    "null",
    "file://",
    "",
)
GETS = (
    "/api/events",
    "/api/history",
    "/api/sessions",
    "/api/sessions/sim0/1",
    "/api/protocols",
    "/api/doctor",
    "/api/settings",
    "/api/calibration",
    "/api/calibration/guide",
    "/api/calibration/report",
    "/api/fault",
    "/api/people",
    "/api/people/sessions",
    "/api/journal",
    "/api/journal/flags",
    "/api/journal/mnsi",
    "/api/course",
    "/api/course/calendar",
    "/api/course/sheet",
    "/api/report",
    "/api/trial",
    "/api/trial/plan",
    "/api/trial/report",
    "/api/trial/picture",
    "/api/trial/bundle",
    "/api/trial/heat",
)
CHANGES = (
    ("POST", "/api/session"),
    ("POST", "/api/act"),
    ("POST", "/api/fault/ack"),
    ("POST", "/api/sessions/pull"),
    ("POST", "/api/protocols/check"),
    ("PUT", "/api/protocols/0"),
    ("POST", "/api/protocols/0/activate"),
    ("DELETE", "/api/protocols/0"),
    ("PUT", "/api/settings/time_s"),
    ("POST", "/api/settings/confirm"),
    ("POST", "/api/world"),
    ("POST", "/api/people"),
    ("POST", "/api/people/choose"),
    ("POST", "/api/people/sessions"),
    ("POST", "/api/journal"),
    ("POST", "/api/journal/read"),
    ("POST", "/api/journal/mnsi"),
    ("POST", "/api/course"),
    ("POST", "/api/course/change"),
    ("POST", "/api/course/freeze"),
    ("POST", "/api/course/close"),
    ("POST", "/api/trial/draft"),
    ("POST", "/api/trial/start"),
    ("POST", "/api/trial/send"),
    ("POST", "/api/trial/close"),
    ("POST", "/api/trial/unknown"),
    ("POST", "/api/trial/entry"),
    ("POST", "/api/trial/next"),
    ("POST", "/api/trial/guess"),
    ("POST", "/api/trial/reveal"),
    ("POST", "/api/trial/unblind"),
    ("POST", "/api/trial/heat"),
    ("POST", "/api/trial/heat/stop"),
    ("POST", "/api/calibration/guide"),
    ("POST", "/api/calibration/guide/answer"),
    ("POST", "/api/calibration/guide/light"),
    ("POST", "/api/calibration/guide/dark"),
    ("POST", "/api/calibration/guide/back"),
    ("POST", "/api/calibration/guide/store"),
)
FREE = (  # of the changes: who watches may do these too, see docs/web.md
    "/api/act",
    "/api/session",
    "/api/sessions/pull",
    "/api/protocols/check",
    "/api/people/choose",
    "/api/calibration/guide/dark",
    "/api/trial/heat/stop",
)


def error_code(response) -> str:
    return response.json()["error"]["code"]


def test_every_request_is_attacked_here(site: Site) -> None:
    """A request that these lists lack would not be tested without login, from another page and
    by who only watches. Private: `_app`, since nothing else knows all requests."""
    routes = {
        (method, route.path)
        for route in site.web.asgi._app.routes  # type: ignore[attr-defined]
        for method in route.methods - {"HEAD"}
        if route.path.startswith("/api/") and "{" not in route.path
    }
    known = {*CHANGES, *(("GET", path) for path in GETS)}
    assert routes - known == {("POST", "/api/login")}


# ---- DNS rebinding: the name of the request is not this server's


@pytest.mark.parametrize("host", OTHER_HOSTS)
@pytest.mark.parametrize("path", ["/", "/static/app/main.js", "/api/history", "/api/events"])
def test_another_host_gets_nothing(site: Site, host: str, path: str) -> None:
    answer = site.browser().get(path, host=host)
    assert answer.status_code == 421
    assert error_code(answer) == "bad_host"


def test_a_rebound_name_cannot_log_in_even_with_the_token(site: Site) -> None:
    token = site.web.logins.token
    headers = {"host": f"evil.example:{PORT}", "origin": f"http://evil.example:{PORT}"}
    answer = site.client.post(
        "/api/login", json={"token": token}, headers={**headers, "sec-fetch-site": "same-origin"}
    )
    assert answer.status_code == 421
    assert site.web.logins.token == token  # not used up


def test_two_host_headers_are_refused(site: Site) -> None:
    headers = [("host", f"127.0.0.1:{PORT}"), ("host", "evil.example")]
    assert site.client.get("/", headers=headers).status_code in (400, 421)


def test_localhost_is_this_server_too(site: Site) -> None:
    assert site.client.get("/", headers={"host": f"localhost:{PORT}"}).status_code == 200


# ---- other sites


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_another_origin_gets_nothing(site: Site, origin: str) -> None:
    browser = site.browser()
    for answer in (
        browser.get("/api/history", origin=origin),
        browser.get("/api/events", origin=origin),
        browser.get("/", origin=origin),
        browser.client.post(
            "/api/session", json={"do": "start"}, headers=browser.headers(origin=origin)
        ),
    ):
        assert answer.status_code == 403
        assert error_code(answer) == "bad_origin"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("site_kind", ["cross-site", "same-site", "none"])
def test_a_page_of_another_site_cannot_read_or_send(site: Site, site_kind: str) -> None:
    browser = site.browser()
    headers = {"sec-fetch-site": site_kind}
    assert browser.client.get("/api/history", headers=headers).status_code == 403
    sent = browser.client.post(
        "/api/session", json={"do": "stop"}, headers={**headers, "origin": BASE}
    )
    assert sent.status_code == 403


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_change_without_an_origin_is_refused(site: Site, method: str, path: str) -> None:
    browser = site.browser()
    answer = browser.client.request(method, path, json={"do": "start"})
    assert answer.status_code == 403
    assert error_code(answer) == "bad_origin"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_form_of_another_site_is_no_request(site: Site, kind: str) -> None:
    browser = site.browser()
    headers = browser.headers(content_type=kind)
    answer = browser.client.post("/api/session", content=b'{"do":"start"}', headers=headers)
    assert answer.status_code == 415


def test_a_preflight_request_grants_nothing(site: Site) -> None:
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answer = site.client.options("/api/session", headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_link_on_another_site_opens_the_page_without_rights(site: Site) -> None:
    answer = site.client.get("/", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


# ---- logins


@pytest.mark.parametrize("path", GETS)
def test_nothing_is_read_without_a_login(site: Site, path: str) -> None:
    answer = site.browser(logged_in=False).get(path)
    assert answer.status_code == 401
    assert error_code(answer) == "no_login"


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_nothing_is_changed_without_a_login(site: Site, method: str, path: str) -> None:
    assert site.browser(logged_in=False).send(method, path).status_code == 401


def test_a_path_that_is_not_known_is_not_open(site: Site) -> None:
    for path in ("/api", "/API/events", "//api/events", "/api/login/", "/metrics", "/static"):
        assert site.browser(logged_in=False).get(path).status_code in (401, 404), path


def test_the_cookie_is_for_this_server_only(site: Site) -> None:
    answer = site.browser(logged_in=False).log_in(site.web.logins.token)
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"pbmwrap-{PORT}=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "domain" not in cookie


@pytest.mark.parametrize("token", ["", "guess", None, 7, ["x"], "ä", "x" * 10000])
def test_a_wrong_token_is_refused(site: Site, token: object) -> None:
    answer = site.browser(logged_in=False).post("/api/login", {"token": token})
    assert answer.status_code == 403
    assert error_code(answer) == "bad_token"
    assert "set-cookie" not in answer.headers


def test_a_token_works_once_and_a_replay_ends_the_login_that_it_gave(site: Site) -> None:
    token = site.web.logins.token
    first, second = site.browser(logged_in=False), site.browser(logged_in=False)
    assert first.log_in(token).status_code == 204
    assert first.get("/api/history").status_code == 200
    replayed = second.log_in(token)
    assert replayed.status_code == 403
    assert error_code(replayed) == "used_token"
    assert second.get("/api/history").status_code == 401
    assert first.get("/api/history").status_code == 401  # one of the two is an intruder


def test_a_reload_with_the_own_token_keeps_the_login(site: Site) -> None:
    token = site.web.logins.token
    browser = site.browser(logged_in=False)
    assert browser.log_in(token).status_code == 204
    assert browser.log_in(token).status_code == 204
    assert browser.get("/api/history").status_code == 200


@pytest.mark.parametrize(
    "cookie", ["", "x", "a.b.c", "a.9999999999.00", "..", "a.99999999999999999999.x", "ä.1.ß"]
)
def test_a_made_up_cookie_is_refused(cookie: str) -> None:
    assert Logins(SECRET).browser_of(cookie) is None


def test_a_cookie_of_another_secret_or_an_old_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = Logins(SECRET), Logins(b"another secret of 32 bytes......")
    cookie = ours.exchange(ours.token, None)
    assert ours.browser_of(cookie)
    assert Logins(SECRET).browser_of(cookie)  # after a restart
    assert theirs.browser_of(cookie) is None
    browser, until, mac = cookie.split(".")
    assert ours.browser_of(f"{browser}.{int(until) + 1}.{mac}") is None
    later = time.time() + security.LOGIN_S + 1
    monkeypatch.setattr("time.time", lambda: later)
    assert ours.browser_of(cookie) is None


def test_used_tokens_do_not_pile_up() -> None:
    logins = Logins(SECRET)
    first = logins.token
    for _ in range(security.MOST_USED + 1):
        logins.exchange(logins.token, None)
    with pytest.raises(Refusal) as refused:
        logins.exchange(first, None)
    assert refused.value.body["error"]["code"] == "bad_token"


# ---- sizes and shapes


def test_an_oversized_body_is_refused(site: Site) -> None:
    browser = site.browser()
    answer = browser.post("/api/protocols/check", {"toml": "x" * MOST_BODY})
    assert answer.status_code == 413


def test_an_oversized_body_without_a_length_is_refused(site: Site) -> None:
    browser = site.browser()
    answer = browser.client.post(
        "/api/protocols/check",
        content=(b"x" * 10_000 for _ in range(MOST_BODY // 10_000 + 1)),
        headers=browser.headers(content_type="application/json"),
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'"x"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(site: Site, body: bytes) -> None:
    browser = site.browser()
    headers = browser.headers(content_type="application/json")
    answer = browser.client.post("/api/session", content=body, headers=headers)
    assert answer.status_code == 400


TRAVERSALS = (
    "/static/../secret.txt",
    "/static/%2e%2e/secret.txt",
    "/static/..%2fsecret.txt",
    "/static/%2e%2e%2fsecret.txt",
    "/static/app/../../secret.txt",
    "/static/....//secret.txt",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/..%5csecret.txt",
    "/static/app/%00main.js",
    "/static/",
    "/static/app",
    "/static/app/link.txt",
)


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leaves_the_folder(static, path: str) -> None:
    (static / "app" / "link.txt").symlink_to(static.parent / "secret.txt")
    with make_site(static) as site:
        answer = site.client.get(path)
        assert answer.status_code in (401, 404)
        assert "secret" not in answer.text.replace("secret.txt", "")


@pytest.mark.parametrize(
    "path", ["/api/sessions/..%2f..%2fx/1", "/api/sessions/%2e%2e/1", "/api/sessions/.hidden/1"]
)
def test_a_session_of_another_folder_is_not_found(site: Site, path: str) -> None:
    assert site.browser().get(path).status_code in (404, 405)


def test_the_page_comes_with_its_headers(site: Site) -> None:
    for answer in (site.client.get("/"), site.client.get("/static/app/main.js")):
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert site.client.get("/static/app/main.js").headers["content-type"].startswith("text/java")


def test_refusals_come_with_the_headers_too(site: Site) -> None:
    answer = site.client.get("/api/history")
    assert answer.headers["content-security-policy"] == security.CSP
    assert answer.headers["cache-control"] == "no-store"


def test_an_unchanged_file_is_not_sent_again(site: Site) -> None:
    first = site.client.get("/static/app/main.js")
    again = site.client.get("/static/app/main.js", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_a_web_socket_is_closed(site: Site) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), site.client.websocket_connect("/api/events"):
        pass


# ---- texts that come from files and from the wrap

SCRIPT = "<script>alert(1)</script>"


def test_script_in_a_protocol_stays_text(site: Site) -> None:
    browser = site.browser()
    text = protocol_text(name=SCRIPT)
    assert browser.send("PUT", "/api/protocols/3", {"toml": text}).status_code == 200
    answer = browser.get("/api/protocols")
    _assert_only_data(answer)
    assert answer.json()[0]["name"] == SCRIPT


def test_script_in_a_calibration_note_stays_text(site: Site) -> None:
    with site.web.hub.borrow() as (client, _):
        client.set_calibration("red", 50000, 100, 20260101, "<img src=x onerror=alert(1)>")
    answer = site.browser().get("/api/calibration")
    _assert_only_data(answer)
    assert answer.json()["channels"][0]["how"] == "<img src=x onerror=alert(1)>"


def test_a_line_end_in_a_text_does_not_end_an_event() -> None:
    from pbmwrap.web.streams import encode_event

    line = encode_event("status", {"protocol": "a\n\nevent: state\ndata: {}\r\r\u2028"}, 1)
    assert line.count(b"\n") == 4
    assert b"\r" not in line


def _assert_only_data(answer) -> None:
    """JSON that no browser takes for a page."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_browser_that_watches_may_only_pause_and_stop(site: Site) -> None:
    first, second = site.browser(), site.browser()
    assert first.session("start").status_code == 409  # nothing is stored: refused by the wrap
    refused = second.session("start")
    assert refused.status_code == 403
    assert error_code(refused) == "watching"
    for method, path in CHANGES:
        if path not in FREE:
            body = {"toml": "", "value": 60, "control": "cover"}
            assert second.send(method, path, body).status_code == 403, path
    assert second.session("stop").status_code == 409  # asked the wrap, which has no session
    assert second.post("/api/act").status_code == 204
    assert first.session("start").status_code == 403
    assert second.session("start").status_code == 409
