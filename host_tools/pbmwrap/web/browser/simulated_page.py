"""A page's conversation with the simulated wrap that runs in the same browser.

JavaScript calls these functions; each returns what has come up meanwhile: `send` (hex digits),
`events`, `answers` (pbmwrap/portable/page_session.py). Times are in ms: of the page's clock, UTC, and
of the simulated wrap.
"""

from __future__ import annotations

import json
from binascii import hexlify, unhexlify
from typing import Any

import board_facts
from pbmwrap.errors import Refused, WrapError
from pbmwrap.portable import transfers
from pbmwrap.portable.page_session import PageSession
from pbmwrap.portable.transfers import Request, sha256
from pbmwrap.web.browser.log_book import LogBook

# What the example needs to end by its dose: an irradiance at the skin as LEDs of such a pad give it.
EXAMPLE = "minor-injury"
EXAMPLE_UW, EXAMPLE_UNC_PM = 50_000, 100
EXAMPLE_DATE = 20_260_101
EXAMPLE_HOW = "simulated, not measured"
# Strong light under a strict limit: a covered pad dims within minutes. For the simulated wrap only.
TOUR = {
    "dose": 0,
    "flicker_ok": False,
    "grade": "none: for the simulated wrap only",
    "id": "tour-heat",
    "name": "Tour: strong light, strict heat limit",
    "ramp": 2000,
    "site": "calf-right",
    "steps": [{"ch": {"nir": [1000], "red": [1000]}, "t": 1200}],
    "trip": 38_500,
    "v": 1,
}
TOUR_POWER_PM, TOUR_HOTTEST_MC = 1000, 40_000


class NotFound(WrapError):
    """There is nothing with this name."""

    code = "not_found"


class SimulatedPage(PageSession):
    """Keeps the log that it has read, so that the page can show sessions."""

    def __init__(self, first_id: int, examples: list[dict[str, Any]]) -> None:
        super().__init__(first_id, examples)
        self.book = LogBook()

    def begin(self, name: str, args: list[Any]) -> Any:
        """Return the answer to a request of the page, or the steps to it. Raises WrapError."""
        if name == "sessions":
            return self.book.list_sessions()
        if name == "sessionOf":
            return self._find_session(*args)
        if name == "pull":
            return self._pull()
        if name == "prepare":
            return self._prepare()
        return super().begin(name, args)

    def _find_session(self, uid: str, number: Any) -> dict[str, Any]:
        found = self.book.find_session(uid, int(number))
        if found is None:
            raise NotFound("this session was not read from the wrap", "read the log")
        return found

    def _pull(self) -> Any:
        if self.pulls:
            raise Refused("the log is being read already", "wait until it has ended")
        return self._pull_steps()

    def _pull_steps(self) -> Any:
        self.pulls = True
        try:
            hello = (yield Request("hello")).result
            self.book.add_mark(hello, self.unix_ms)
            before = self.book.end
            yield from transfers.pull_log(before, None, self.book.add)
            notes = self.book.read()[2]
            uid = hello["uid"]
            return {"uid": uid, "log": uid, "new_bytes": self.book.end - before, "notes": notes}
        finally:
            self.pulls = False

    def _prepare(self) -> Any:
        """Calibrate the wrap, record a heat test, store an example and the tour's protocol, and
        activate the example, so that a session can be started at once and ends by its dose."""
        test = {"pm": TOUR_POWER_PM, "max_mc": TOUR_HOTTEST_MC}
        test.update({"date": EXAMPLE_DATE, "how": EXAMPLE_HOW})
        yield Request("heat.set", test)
        for channel in board_facts.CHANNELS:
            cal = {"ch": channel[0], "uw": EXAMPLE_UW, "unc_pm": EXAMPLE_UNC_PM}
            cal.update({"date": EXAMPLE_DATE, "how": EXAMPLE_HOW})
            yield Request("cal.set", cal)
        stored = [one["stored"] for one in self.examples if one["id"] == EXAMPLE]
        stored.append(json.dumps(TOUR, sort_keys=True, separators=(",", ":")))
        for slot, text in enumerate(stored):
            raw = text.encode()
            yield from transfers.flash_protocol(slot, raw, sha256(raw))
        yield Request("proto.activate", {"slot": 0}, b"", transfers.COMMIT_S)
        self.refresh(True)
        return None


_pages: list[SimulatedPage] = []


def start(first_id: int, examples: list[dict[str, Any]], times: list[int]) -> dict[str, Any]:
    """Make the conversation and greet the wrap. examples: rows of the protocols of the page."""
    _pages[:] = [SimulatedPage(first_id, examples)]
    page = _find(times)
    page.open()
    return _drain(page)


def take(data: str, speed: int, times: list[int]) -> dict[str, Any]:
    """Handle bytes that arrived, and let time pass."""
    page = _find(times)
    page.speed = speed
    if data:
        page.take(unhexlify(data))
    page.tick()
    return _drain(page)


def ask(number: int, name: str, args: list[Any], times: list[int]) -> dict[str, Any]:
    """Begin a request of the page."""
    page = _find(times)
    page.ask(number, name, args)
    page.tick()
    return _drain(page)


def read_log() -> str:
    """Return all bytes of the log that were pulled."""
    return hexlify(_pages[0].book.data).decode()


def _find(times: list[int]) -> SimulatedPage:
    page = _pages[0]
    page.set_time(*times)
    return page


def _drain(page: SimulatedPage) -> dict[str, Any]:
    found = page.drain()
    found["send"] = "".join([hexlify(line).decode() for line in found["send"]])
    return found
