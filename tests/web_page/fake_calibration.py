"""The calibration's answers for the fake server: the real guide on a wrap in virtual time."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from pbmwrap.errors import WrapError
from pbmwrap.web.answers import error_response
from pbmwrap.web.security import Refusal
from tests.web.cal_bench import ME, Bench, wants

WARM_S = 60  # that pass while the page asks once


def _go_to_outlier(bench: Bench) -> None:
    for text in ("24.1", "25.9", "26.4", "25.8", "27.3"):
        bench.answer(text)
        bench.pass_s(4)
    bench.answer("45.3")


def _finish(bench: Bench) -> None:
    bench.go()


def _decide(bench: Bench) -> None:
    bench.go()
    bench.guide.decide(ME, "red", True)
    bench.guide.decide(ME, "nir", False)


# name: the answers that differ, what the page waits for, and what is done then
CAL_MOMENTS: dict[str, tuple[dict[str, str], Any, Any]] = {
    "start": ({}, None, None),
    "meter": ({}, wants("field", "meter"), None),
    "name": ({}, wants("field", "name"), None),
    "grid": ({}, wants("field", "grid"), None),
    "wavelength": ({}, wants("wavelength"), None),
    "dark": ({}, wants("reading", "dark"), None),
    "light": ({}, wants("light_on"), None),
    "warm": ({}, wants("warm_up"), None),
    "reading": ({"grid": "5x5", "repeats": "3"}, wants("reading", "light"), None),
    "file": ({"meter": "spectrometer"}, wants("reading", "light"), None),
    "question": ({"grid": "5x5"}, wants("reading", "light"), _go_to_outlier),
    "reposition": ({}, wants("confirm"), None),
    "store": ({"grid": "3x3", "repeats": "3"}, None, _finish),
    "done": ({"grid": "3x3", "repeats": "3"}, None, _decide),
}
LIT = ("warm", "reading", "file", "question", "reposition")


class FakeCalibration:
    """A moment of a measurement. warms: whether time passes while the page looks at a warm-up."""

    def __init__(self, moment: str, warms: bool = False) -> None:
        answers, until, then = CAL_MOMENTS[moment]
        self.bench = Bench()
        self.warms = warms
        self.bench.answers |= answers
        if moment != "start":
            self.bench.guide.begin(ME, False)
        if until:
            self.bench.go(until)
        if then:
            then(self.bench)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return (status, JSON) of one request below `calibration/guide`."""
        try:
            return 200, self._answer(method, path.removeprefix("calibration/guide"), body)
        except Refusal as refusal:
            return refusal.status, refusal.body
        except WrapError as problem:
            found = error_response(problem)
            return found.status_code, {"error": {"code": problem.code, "message": problem.message}}

    def _answer(self, method: str, path: str, body: Any) -> dict[str, Any]:
        guide = self.bench.guide
        if method == "GET":
            seen = self.bench.look()
            if self.warms and seen.get("step", {}).get("kind") == "warm_up":
                self.bench.pass_s(min(WARM_S, seen["step"]["seconds"]))
            return self.bench.look()
        if path == "/answer":
            file = b64decode(body["file"]) if "file" in body else None
            return guide.answer(ME, body["turn"], body["text"], file, body.get("name", ""))
        if path == "/light":
            return guide.light(ME, body["turn"], body["nobody"])
        if path == "/dark":
            return guide.darken(self.bench.port.hello)
        if path == "/back":
            return guide.back(ME)
        if path == "/store":
            return guide.decide(ME, body["channel"], body["store"])
        return guide.begin(ME, body["again"])
