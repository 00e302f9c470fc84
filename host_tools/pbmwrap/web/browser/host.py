"""The page's side of a connection: what the server is for a page of `pbmwrap web`.

JavaScript calls `open_wrap` once, `pump` with the bytes that have arrived and whenever time has
passed, and `ask` for a request of a page. Its answer comes out of a later `pump`.
"""

from __future__ import annotations

from binascii import hexlify, unhexlify
from collections.abc import Callable
from datetime import date
from typing import Any

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.doctor import wrap as wrap_checks
from pbmwrap.errors import UsageError, WrapError
from pbmwrap.web import requests
from pbmwrap.web.browser import example_texts
from pbmwrap.web.browser.dispatch import describe_error
from pbmwrap.web.browser.engine import NORMAL, URGENT, Engine
from pbmwrap.web.browser.log_book import LogBook, format_part
from pbmwrap.web.browser.shelf import Shelf
from pbmwrap.web.browser.tour import prepare_wrap

MISSING = "this session was not read from the wrap"


class NotFound(WrapError):
    """There is nothing with this name."""

    code = "not_found"


class NotHere(WrapError):
    """The page cannot do this without `pbmwrap web`."""

    code = "not_here"
    default_hint = "install pbmwrap and run `pbmwrap web`"


class Host:
    """One page with one wrap."""

    def __init__(self, port: str, simulated: bool, first_id: int) -> None:
        self.engine = Engine(port, simulated, first_id)
        self.book = LogBook()
        self.shelf = Shelf(example_texts.EXAMPLES)
        self.answers: list[tuple[int, Any, Any]] = []

    def ask(self, number: int, name: str, args: list[Any]) -> None:
        """Start a request; its answer goes to `answers`."""
        act = getattr(self, f"_ask_{name}", None)
        try:
            if act is None:
                raise NotHere(f"{name} is not possible in this page")
            act(number, *args)
        except WrapError as problem:
            self._fail(number, problem)

    def _fail(self, number: int, problem: WrapError) -> None:
        self.answers.append((number, None, describe_error(problem)))

    def _done(self, number: int, value: Any) -> None:
        self.answers.append((number, value, None))

    def _job(
        self,
        number: int,
        act: Callable[[Client], Any],
        *,
        rank: int = NORMAL,
        changes: bool = False,
        limits: bool = False,
        finish: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        """Run `act` with the wrap. changes: it may change the wrap's state. limits: and those in
        force. finish: makes the answer, once."""

        def done(value: Any) -> None:
            if changes:
                self.engine.refresh(limits)
            try:
                self._done(number, finish(value))
            except WrapError as problem:
                self._fail(number, problem)

        def failed(problem: WrapError) -> None:
            if changes:
                self.engine.refresh(limits)
            self._fail(number, problem)

        self.engine.add_job(act, done, failed, rank)

    def _hello(self) -> Hello:
        hello = self.engine.hello
        if hello is None:
            raise NotFound("no wrap has answered yet", "wait until the page shows its state")
        return hello

    # ---- requests

    def _ask_act(self, number: int) -> None:
        self._done(number, None)  # there is no other browser

    def _ask_prepare(self, number: int) -> None:
        if not self.engine.simulated:
            raise NotHere("only a simulated wrap is prepared by the page", "")
        self._job(number, lambda c: prepare_wrap(c, self.shelf), changes=True, limits=True)

    def _ask_history(self, number: int) -> None:
        self._done(number, self.engine.history.as_json())

    def _ask_session(self, number: int, do: str) -> None:
        if do not in requests.SESSION:
            raise UsageError(f"do must be one of {', '.join(requests.SESSION)}")
        rank = URGENT if do in ("pause", "stop") else NORMAL
        self._job(number, lambda c: requests.change_session(c, do), rank=rank, changes=True)

    def _ask_fault(self, number: int) -> None:
        self._job(number, lambda c: requests.describe_fault(c.fault()))

    def _ask_ackFault(self, number: int) -> None:
        self._job(number, lambda c: {"state": c.ack_fault()}, changes=True)

    def _ask_sessions(self, number: int) -> None:
        self._done(number, self.book.list_sessions())

    def _ask_sessionOf(self, number: int, uid: str, session: Any) -> None:
        found = self.book.find_session(uid, int(session))
        if found is None:
            raise NotFound(MISSING, "press the button that reads the log")
        self._done(number, found)

    def _ask_pull(self, number: int) -> None:
        utc_ms = self.engine.now()[0]
        most = [0]  # the function runs again for each answer

        def report(done: int, total: int) -> None:
            if done > most[0]:
                most[0] = done
                self.engine.progress(done, total)

        self._job(number, lambda c: self.book.pull(c, utc_ms, report), finish=self.book.keep)

    def _ask_protocols(self, number: int) -> None:
        hello = self.engine.hello
        if hello is None:
            self._done(number, self.shelf.list_examples(None, None))
            return
        self._job(number, lambda c: self.shelf.list_rows(c, hello))

    def _ask_flash(self, number: int, slot: int, toml: str) -> None:
        canonical = self.shelf.read_file(toml, self._hello())
        self._job(number, lambda c: self.shelf.store(c, slot, canonical), changes=True, limits=True)

    def _ask_check(self, number: int, toml: str) -> None:
        hello = self.engine.hello
        if hello is None:
            self._done(number, self.shelf.check(toml, None, None))
            return
        self._job(number, lambda c: self.shelf.check(toml, hello, c.calibrations()))

    def _ask_doctor(self, number: int) -> None:
        unix_s = self.engine.now()[0] / 1000
        self._job(number, lambda c: _run_checks(c, unix_s))

    def _ask_activate(self, number: int, slot: int) -> None:
        self._job(number, lambda c: {"active": c.activate(slot)}, changes=True, limits=True)

    def _ask_erase(self, number: int, slot: int) -> None:
        self._job(number, lambda c: {"active": c.delete(slot)}, changes=True, limits=True)

    def _ask_settings(self, number: int) -> None:
        self._job(number, lambda c: requests.describe_settings(c.settings()))

    def _ask_setSetting(self, number: int, key: str, value: int) -> None:
        self._job(
            number,
            lambda c: requests.describe_settings(c.set_setting(key, value))[0],
            changes=True,
            limits=True,
        )

    def _ask_confirm(self, number: int) -> None:
        self._job(number, requests.confirm_settings, changes=True, limits=True)

    def _ask_calibration(self, number: int) -> None:
        hello = self._hello()
        self._job(number, lambda c: requests.read_calibration(c, hello))


def _run_checks(client: Client, unix_s: float) -> list[dict[str, Any]]:
    """Check the wrap by what it says of itself, as `pbmwrap doctor` does."""
    hello, status = client.hello(), client.status()
    found = list(wrap_checks.check_hello(hello)) + list(
        wrap_checks.check_status(hello, status, unix_s)
    )
    today = date.fromtimestamp(unix_s)
    found += wrap_checks.check_calibrations(hello, client.calibrations(), status, today)
    found += wrap_checks.list_readable(
        "protocols", lambda: [wrap_checks.check_slots(client.protocols())]
    )
    return [
        {"name": one.name, "level": one.level, "text": one.text, "hint": one.hint} for one in found
    ]


_hosts: list[Host] = []


def open_wrap(port: str, simulated: bool, first_id: int) -> None:
    """Begin to look for a wrap. first_id: any number, another one in each page."""
    _hosts[:] = [Host(port, simulated, first_id)]


def ask(number: int, name: str, args: list[Any]) -> None:
    """Start a request of a page, of the names in app/transport.js."""
    _hosts[0].ask(number, name, args)


def lose(message: str, hint: str, reason: str = "unplugged") -> None:
    """The port was closed from outside. reason: a key of the texts `serial.reason`."""
    _hosts[0].engine.lose(message, hint, reason)


def pump(now_s: float, utc_ms: float, wrap_s: float, speed: int, text: str) -> dict[str, Any]:
    """Take received bytes (hex digits), and do what is due: see `Engine.pump`.

    Returns {send, events: [[name, data]], answers: [[number, value, error]]}; send is hex digits.
    """
    host = _hosts[0]
    host.engine.speed = speed
    host.engine.pump(now_s, int(utc_ms), wrap_s, unhexlify(text) if text else b"")
    answers, host.answers = host.answers, []
    return {
        "send": hexlify(host.engine.take_output()).decode(),
        "events": host.engine.take_events(),
        "answers": answers,
    }


def format_log(uid: str, part: int) -> str:
    """Return part 0, 1, 2... of a log as `pbmwrap logs import` takes it; "" behind the last."""
    kept = _hosts[0].book.find_log(uid)
    return "" if kept is None else format_part(kept, part)


def read_log(uid: str) -> dict[str, Any] | None:
    """Return the bytes of a wrap's log that this page has read (hex digits), with their offset."""
    kept = _hosts[0].book.find_log(uid)
    if kept is None:
        return None
    return {"start": kept.start, "data": hexlify(kept.data).decode(), "hello": kept.hello.as_json()}
