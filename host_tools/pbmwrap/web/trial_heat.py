"""The heat test of a trial by the page: `pbmwrap trial heat-test`, in a thread of the server.

It takes one to two hours, so it goes on without a page: a page that is loaded again finds it. Its
light needs the server, as the command's needs the command: it goes out 3 s after the last sign.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import date
from typing import Any, Protocol

from starlette.requests import Request

from pbmwrap.device.models import Hello
from pbmwrap.errors import InvalidFile, LinkLost, NoDevice, Refused, WrapError
from pbmwrap.trial import heat_test
from pbmwrap.trial.heat_test import HeatTest, Pace, Setup, Stage
from pbmwrap.web.answers import read_json
from pbmwrap.web.calibration_guide import LIT_SPEED, refuse_light
from pbmwrap.web.calibration_guide import Wrap as LitWrap
from pbmwrap.web.hub import Hub
from pbmwrap.web.programme import Fields
from pbmwrap.web.security import Refusal
from wrap.rules.states import ACTIVE, NAMES

MINUTES = (3, heat_test.MOST_MINUTES)  # as the options of `pbmwrap trial heat-test`
SESSION_MIN = (1, 20)
LEVEL = (1.0, 100.0)
ENDS_S = 10.0  # what the thread needs at most to end
_ACTIVE = tuple(NAMES[state] for state in ACTIVE)


class Wrap(LitWrap, Protocol):
    """What a calibration needs of the server's wrap, and a bottle."""

    def around_bottle(self) -> AbstractContextManager[None]:
        """Do with a simulated wrap what the person has said of it."""
        ...


class Stopped(Exception):
    """A person has ended the test."""


def start_thread(run: Callable[[], None]) -> Callable[[], None]:
    """Run a function beside the requests; returns what waits for its end."""
    thread = threading.Thread(target=run, name="pbmwrap heat", daemon=True)
    thread.start()
    return lambda: thread.join(ENDS_S)


class HeatTests:
    """One test at a time, and what became of the last one. unix_s: clock of the results; start:
    runs a test, returns what waits for its end."""

    def __init__(
        self,
        wrap: Wrap,
        unix_s: Callable[[], float] = time.time,
        start: Callable[[Callable[[], None]], Callable[[], None]] = start_thread,
    ) -> None:
        self._wrap = wrap
        self._unix_s = unix_s
        self._start = start
        self._lock = threading.Lock()
        self._setup: Setup | None = None  # of the test that runs
        self._uid = ""
        self._stage: Stage | None = None
        self._stopping = False
        self._wait: Callable[[], None] = lambda: None
        self._ended: dict[str, Any] | None = None  # why the last test has no result
        self._unsaved: dict[str, Any] | None = None  # a result that the disk did not take
        self._unsaved_why = ""

    # ---- what a page shows

    def describe(self, hello: Hello | None, is_there: bool) -> dict[str, Any]:
        """Return what this wrap can be tested for, the test that runs, and the last result. hello:
        of the wrap seen last; is_there: whether it is connected."""
        with self._lock:
            return {
                "wrap": hello.uid if hello and is_there else None,
                "channels": heat_test.list_near_infrared(hello) if hello else [],
                "warmer": bool(hello and hello.warmer and any(hello.warmer[1])),
                "most_level": heat_test.find_most_pm(hello) / 10 if hello else None,
                "most_minutes": heat_test.MOST_MINUTES,
                "wait_min": heat_test.STEADY_WAIT_S // 60,
                "running": self._describe_running(),
                "ended": self._ended,
                **self._find_last(hello.uid if hello else ""),
            }

    def _describe_running(self) -> dict[str, Any] | None:
        setup, stage = self._setup, self._stage
        if setup is None:
            return None
        now_s = self._wrap.now_s()
        return {
            "channel": setup.channel,
            "warmer": setup.warmer,
            "level": setup.level_pm / 10,
            "minutes": setup.minutes,
            "session_min": setup.session_min,
            "step": find_step(stage),
            "lit": bool(stage and stage.is_lit),
            "gone_s": round(now_s - stage.began_s) if stage else 0,
            "left_s": max(0, round(stage.until_s - now_s)) if stage else heat_test.STEADY_WAIT_S,
            "drift_k": None if stage is None or stage.drift_k is None else round(stage.drift_k, 2),
            "steady_k": heat_test.STEADY_K,
            "stopping": self._stopping,
        }

    def _find_last(self, uid: str) -> dict[str, Any]:
        """Return {last, problem}: the newest result of a wrap, and what is wrong with its file."""
        unsaved = self._unsaved
        if unsaved and unsaved["wrap"] == uid:
            return {"last": describe_result(unsaved), "problem": self._unsaved_why}
        try:
            found = heat_test.find_newest(uid) if uid else None
            return {"last": describe_result(found) if found else None, "problem": ""}
        except WrapError as problem:
            return {"last": None, "problem": f"{problem.message}; {problem.hint}"}

    # ---- what a page changes

    def begin(
        self,
        level_pm: int | None,
        minutes: int,
        session_min: int,
        channel: str | None,
        is_nobody: bool,
    ) -> None:
        """Begin a test. is_nobody: a person has confirmed that the wrap lies around a bottle.
        Raises Refusal, Refused, UsageError, NoDevice, LinkLost, DeviceError."""
        if not is_nobody:  # H-62
            refuse_light()
        from pbmwrap.programme.trial_run import read_wrap_trial

        with self._lock:
            if self._setup is not None:
                hint = "wait until it has ended, or stop it"
                raise Refusal(409, "busy", "a heat test is running already", hint)
            with self._wrap.borrow() as (client, hello):
                heat_test.require_not_blind(read_wrap_trial(client))
                setup = heat_test.make_setup(hello, level_pm, minutes, session_min, channel)
                if client.status().state in _ACTIVE:
                    raise Refused("a session is under way", "let it end, then begin the heat test")
            self._setup, self._uid = setup, hello.uid
            self._stage, self._ended, self._stopping = None, None, False
        self._wait = self._start(lambda: self._run(setup))

    def stop(self) -> bool:
        """End the test that runs; its light goes out at once. Returns whether there was one."""
        with self._lock:
            if self._setup is None:
                return False
            self._stopping = True
            is_lit = self._stage is not None and self._stage.is_lit
        if is_lit:
            with suppress(WrapError), self._wrap.borrow() as (client, _):  # else the lease ends it
                client.stop()
        return True

    def close(self) -> None:
        """End the test that runs, and wait for it: the server ends."""
        self.stop()
        self._wait()

    # ---- the thread

    def _run(self, setup: Setup) -> None:
        ended: dict[str, Any] | None = None
        try:
            result = self._measure(setup)
            self._keep(result)
        except Stopped:
            ended = _describe_end("stopped")
        except (LinkLost, NoDevice) as problem:
            ended = _describe_end("stopped" if self._stopping else "lost", problem)
        except WrapError as problem:
            ended = _describe_end("stopped" if self._stopping else "failed", problem)
        except Exception as bug:  # the next test may succeed
            traceback.print_exception(bug, file=sys.stderr)
            ended = _describe_end("failed", WrapError(f"{type(bug).__name__} in the server"))
        with self._lock:
            if ended and self._stage:
                ended |= {"step": find_step(self._stage), "lit": self._stage.is_lit}
            self._setup, self._stage, self._ended = None, None, ended

    def _measure(self, setup: Setup) -> dict[str, Any]:
        pace = Pace(self._wrap.now_s, lambda: self._wrap.speed, self._go_on, self._note)
        with self._wrap.around_bottle(), self._wrap.borrow() as (client, hello):
            if hello.uid != self._uid:
                raise LinkLost("another wrap was plugged in", "begin the heat test again")
            test = HeatTest(client, hello, setup, _drop, pace)
            active = test.run_active()
            sham = test.run_sham(active)
        unix_s = int(self._unix_s())
        day = date.fromtimestamp(unix_s).isoformat()
        return heat_test.make_result(hello, setup, active, sham, unix_s, day)

    def _go_on(self) -> None:
        if self._stopping:
            raise Stopped
        if self._stage and self._stage.is_lit:
            self._wrap.limit_speed(LIT_SPEED)  # it may have been chosen meanwhile

    def _note(self, stage: Stage) -> None:
        if stage.is_lit:
            self._wrap.limit_speed(LIT_SPEED)
        self._stage = stage

    def _keep(self, result: dict[str, Any]) -> None:
        """Keep a result; one that the disk does not take is shown until the server ends."""
        self._unsaved = None
        try:
            heat_test.save_result(result, heat_test.make_stamp(result["unix_s"]))
        except WrapError as problem:
            self._unsaved, self._unsaved_why = result, f"{problem.message}; {problem.hint}"


def find_step(stage: Stage | None) -> int:
    """Return the number of a stage: 0 waits, 1 near infrared, 2 waits, 3 the warmer or darkness."""
    return 0 if stage is None else 2 * stage.sham + stage.measures


def describe_result(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result as the page shows it. Raises InvalidFile for one that it cannot show."""
    shown = heat_test.compare_sensor(result)
    keys = (
        *("unix_s", "date", "channel", "sham", "minutes", "session_min", "level_percent"),
        *("measured_percent", "gap_k", "gap_in_trial_k", "limit_k", "passed"),
    )
    return {key: result[key] for key in keys} | {
        "fits_percent": heat_test.find_fitting_percent(result),
        "sensor": shown.sensor,
        "seconds": shown.seconds,
        "active_k": shown.active_k,
        "sham_k": shown.sham_k,
    }


def find_last(hello: Hello | None) -> dict[str, Any] | None:
    """Return what the form of a trial needs of the newest heat test of a wrap; None without one."""
    try:
        found = heat_test.find_newest(hello.uid) if hello else None
    except InvalidFile:
        return None  # the page of the heat test says so
    if found is None:
        return None
    keys = ("date", "session_min", "level_percent", "gap_in_trial_k", "limit_k", "passed")
    return {key: found[key] for key in keys} | {
        "fits_percent": heat_test.find_fitting_percent(found)
    }


def _describe_end(code: str, problem: WrapError | None = None) -> dict[str, Any]:
    """Return why a test has no result. code: stopped, lost or failed."""
    message, hint = (problem.message, problem.hint) if problem else ("", "")
    return {"code": code, "message": message, "hint": hint, "step": 0, "lit": False}


def _drop(text: str) -> None:
    """Take a line of the command: the page has its own words."""


class HeatPages:
    """Handlers of the heat test's requests. require_actor: raises Refusal for a browser that only
    watches."""

    def __init__(self, hub: Hub, require_actor: Callable[[Request], None]) -> None:
        self._hub = hub
        self._require_actor = require_actor
        self.tests = HeatTests(hub)

    def list_requests(self) -> list[tuple[str, str, Callable[[Request], Any]]]:
        """Return (method, path, handler) of each request."""
        return [
            ("GET", "/api/trial/heat", self.show),
            ("POST", "/api/trial/heat", self.begin),
            ("POST", "/api/trial/heat/stop", self.stop),
        ]

    def show(self, request: Request) -> dict[str, Any]:
        """Return the test that runs, how far it is, and the last result. Asks the wrap nothing."""
        now = self._hub.connection
        return self.tests.describe(now.hello, now.state == "connected")

    def begin(self, request: Request) -> dict[str, Any]:
        """Begin a test, after a person has confirmed that the wrap lies around a bottle."""
        self._require_actor(request)
        asked = Fields(read_json(request))
        level = _check(asked.number("level"), "level", *LEVEL)
        minutes = _check(asked.whole("minutes"), "minutes", *MINUTES)
        session_min = _check(asked.whole("session"), "session", *SESSION_MIN)
        self.tests.begin(
            None if level is None else round(10 * level),
            int(minutes or MINUTES[1]),
            int(session_min or SESSION_MIN[1]),
            asked.text("channel") or None,
            asked.flag("nobody"),
        )
        return self.show(request)

    def stop(self, request: Request) -> dict[str, Any]:
        """End the test; a browser that watches may as well."""
        self.tests.stop()
        self._hub.refresh()
        return self.show(request)


def _check(value: float | None, key: str, least: float, most: float) -> float | None:
    """Return a number that is in its bounds, or None. Raises Refusal."""
    if value is not None and not least <= value <= most:
        raise Refusal(400, "bad_param", f"{key} must be a number from {least:g} to {most:g}")
    return value
