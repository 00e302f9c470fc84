"""The guided calibration for a page: the steps of `pbmwrap.calibration.steps`, one at a time.

The record is read from its file for each request, so a page that was closed, a server that was
started again or a pulled cable changes nothing: the next step follows from the record alone. The
light needs more than the command's does, because a page can vanish without a word: it goes out when
the browser that lit it asks nothing for PRESENT_S, gives no answer for AWAY_S, or no longer acts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from typing import Any, NoReturn, Protocol

from pbmwrap.calibration import finish, problems, store
from pbmwrap.calibration.begin import make_record
from pbmwrap.calibration.budget import ONE_REPEAT_PCT, UNEVEN_PCT
from pbmwrap.calibration.grid import name_point
from pbmwrap.calibration.instruments import KINDS
from pbmwrap.calibration.lamp import Lamp
from pbmwrap.calibration.record import LIGHT, MEASURE, Record
from pbmwrap.calibration.results import PEAK_MISSED, Result, compute_result
from pbmwrap.calibration.steps import (
    AWAY_S,
    DONE,
    FIELD,
    LIGHT_ON,
    LIGHT_S,
    QUESTION,
    READING,
    WARM_UP,
    Moment,
    Step,
    accept_answer,
    next_step,
    take_back,
    warm_up_s,
)
from pbmwrap.calibration.units import UNITS
from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.disk import Lock
from pbmwrap.errors import LinkLost, WrapError
from pbmwrap.web.security import Refusal

PRESENT_S = 20.0  # a page asks once a second; one in a hidden window may do so less often
# A lease of 10 s of a simulated wrap's time is then 1 s. A busy machine loses a shorter one.
LIT_SPEED = 10
GRIDS = ("5x5", "4x4", "3x3", "2x2")  # one point leaves more than the wrap takes
REPEATS = ("3", "2", "1")
FULL_PM = 999  # duty from which on nothing is said about it


class Wrap(Protocol):
    """The wrap that the server has: the part of `Hub` that is needed here."""

    def borrow(self) -> AbstractContextManager[tuple[Client, Hello]]:
        """Lend a connection. Raises NoDevice, LinkLost."""
        ...

    def now_s(self) -> float:
        """Return the wrap's time, s."""
        ...

    @property
    def speed(self) -> int:
        """How many times as fast as the wall clock that time runs."""
        ...

    def limit_speed(self, most: int) -> None:
        """Let it run at most so fast; for a real wrap it is 1 already."""
        ...


class Shelf(Protocol):
    """Where the records are. `store` is one."""

    def find_newest(self, uid: str) -> Record | None: ...
    def find_id(self, uid: str, record_id: str) -> Record | None: ...
    def save_record(self, record: Record) -> object: ...
    def lock_records(self, uid: str) -> Lock: ...


def start_thread(run: Callable[[], None]) -> None:
    """Run a function beside the requests."""
    threading.Thread(target=run, name="pbmwrap calibration", daemon=True).start()


class Guide:
    """One measurement at a time. may_act: whether a browser controls the wrap; unix_s: clock of the
    readings; wall_s: clock of the people; start: runs what keeps the light on."""

    def __init__(
        self,
        wrap: Wrap,
        may_act: Callable[[str], bool],
        shelf: Shelf = store,
        unix_s: Callable[[], float] = time.time,
        wall_s: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], None] = start_thread,
    ) -> None:
        self._wrap = wrap
        self._may_act = may_act
        self._shelf = shelf
        self._unix_s = unix_s
        self._wall_s = wall_s
        self._start = start
        self._lock = threading.RLock()
        self._lamp: Lamp | None = None
        self._lamp_of: tuple[str, int] | None = None  # the wrap and its boot
        self._held: Lock | None = None  # the records', while the light is on
        self._owner = ""  # the browser that lit it
        self._seen_s = self._answered_s = 0.0
        self._said = ""

    # ---- what a page shows

    def describe(self, browser: str, hello: Hello | None) -> dict[str, Any]:
        """Return the step, the light, and the results of the newest measurement."""
        with self._lock:
            if browser == self._owner:
                self._seen_s = self._wall_s()
            if hello is None:
                return {"wrap": None}
            record = self._shelf.find_newest(hello.uid)
            if record and record.finished_s is None and self._is_complete(record):
                with self._locked(hello.uid):
                    self._finish(record)
            return self._describe(hello.uid, record)

    def _describe(self, uid: str, record: Record | None) -> dict[str, Any]:
        now = self._moment()
        left_s = max(0, round(LIGHT_S - now.lit_s)) if now.lit else 0
        found: dict[str, Any] = {
            "wrap": uid,
            "phase": "start",
            "said": self._said,
            "light": {"channel": now.lit, "left_s": left_s, "duty": now.duty_u16 / 65535},
            "record": None,
        }
        if record is None:
            return found
        found |= {"record": record.id, "begun_s": record.begun_s, "answers": record.answers}
        if record.finished_s is None:
            step = next_step(record, now)
            found |= {"phase": "measure", "turn": make_turn(record, step)}
            found["step"] = self._describe_step(record, step)
            found["grid"] = describe_grid(record, step)
            found["readings"] = sum(not one.replaced for one in record.readings)
            return found
        results = [compute_result(record, name) for name in record.results]
        found["phase"] = "store" if finish.list_unstored(record) else "start"
        found["finished_s"] = record.finished_s
        found["results"] = [describe_result(record, one) for one in results]
        return found

    def _describe_step(self, record: Record, step: Step) -> dict[str, Any]:
        text = step.text if step.kind == QUESTION else ""
        found = {
            "kind": step.kind,
            "key": step.key,
            "channel": step.channel,
            "nm": record.channel(step.channel).wavelength_nm if step.channel else None,
            "text": text,
            "choices": list(step.choices),
            "repeat": step.repeat + 1,
            "number": step.number,
            "total": step.total,
            "seconds": step.seconds,
            "default": step.default,
            "values": step.values,
            "options": list_options(step),
            "point": name_point((step.row, step.column)) if step.number else None,
        }
        meter = record.answers.get("meter")
        found["settle_s"] = KINDS[meter].settle_s if step.number and meter else 0
        if step.kind == QUESTION and record.pending and record.pending.reading:
            found["point"] = name_point(record.pending.reading.point)
            found["typed"] = record.pending.reading.text
        return found

    def make_report(self, uid: str | None, record_id: str) -> str:
        """Return the report of a finished measurement as a page. Raises Refusal."""
        from pbmwrap.calibration import report

        record = self._shelf.find_id(uid, record_id) if uid else None
        if record is None or not record.results or record.purpose != MEASURE:
            raise Refusal(404, "not_found", "this measurement is not on this machine")
        try:
            with self._wrap.borrow() as (client, hello):
                names = [name for name, _ in hello.channels]
                cals = dict(zip(names, client.calibrations(), strict=True))
            on_wrap = report.check_stored(record, cals)
        except WrapError:
            on_wrap = dict.fromkeys(record.results, "not known: no wrap is connected now")
        results = [compute_result(record, name) for name in record.results]
        return report.make_page(record, results, on_wrap)

    # ---- what a page changes

    def begin(self, browser: str, again: bool) -> dict[str, Any]:
        """Begin a measurement, unless one is under way. again: give that one up; it stays saved."""
        with self._changing(browser) as (hello, lamp):
            record = self._shelf.find_newest(hello.uid)
            if record is None or record.finished_s is not None or again:
                self._darken(lamp, "")
                record = make_record(hello, MEASURE, self._unix_s())
                self._shelf.save_record(record)
            return self._describe(hello.uid, record)

    def answer(
        self, browser: str, turn: str, text: str, file: bytes | None = None, name: str = ""
    ) -> dict[str, Any]:
        """Take the answer to the step that `turn` names. Raises Refusal with what is wrong."""
        with self._changing(browser) as (hello, lamp):
            record, step = self._find_step(hello, turn)
            if step.kind in (LIGHT_ON, WARM_UP, DONE):
                raise Refusal(409, "no_answer", "this step takes no answer")
            try:
                accept_answer(record, step, text, lamp.moment(), file, name)
            except problems.Refusal as refused:
                raise Refusal(422, f"cal_{refused.code}", refused.text) from refused
            self._shelf.save_record(record)
            if step.kind == READING:
                lamp.note_reading()
            self._go_on(record, lamp)
            return self._describe(hello.uid, record)

    def light(self, browser: str, turn: str, is_nobody: bool) -> dict[str, Any]:
        """Light the channel of the step. is_nobody: a person has confirmed that nobody is in the
        wrap and nobody looks into the light."""
        if not is_nobody:
            refuse_light()
        with self._changing(browser) as (hello, lamp):
            record, step = self._find_step(hello, turn)
            if step.kind != LIGHT_ON:
                raise Refusal(409, "no_light", "this step needs no light")
            self._wrap.limit_speed(LIT_SPEED)
            lamp.begin(step.key)
            self._owner, self._seen_s = browser, self._wall_s()
            duty = lamp.moment().duty_u16 / 65535
            if duty < FULL_PM / 1000:
                self._said = (
                    f"{step.key} is lit at {duty * 100:.1f} %, the most that the wrap allows now; "
                    "readings are scaled to full duty"
                )
            self._start(self._run)
            return self._describe(hello.uid, record)

    def darken(self, hello: Hello | None) -> dict[str, Any]:
        """Turn the light off. Any browser may do this. Raises WrapError."""
        with self._lock:
            if self._lamp and self._lamp.lit:
                try:
                    with self._reached() as lamp:
                        self._darken(lamp, "")
                finally:
                    self._release_when_dark()
            if hello is None:
                return {"wrap": None}
            return self._describe(hello.uid, self._shelf.find_newest(hello.uid))

    def back(self, browser: str) -> dict[str, Any]:
        """Mark the last reading as replaced, so that it is measured again."""
        with self._changing(browser) as (hello, lamp):
            record = self._shelf.find_newest(hello.uid)
            if record is None or record.finished_s is not None or not take_back(record):
                raise Refusal(409, "nothing_back", "there is no reading to measure again")
            self._shelf.save_record(record)
            self._go_on(record, lamp)
            return self._describe(hello.uid, record)

    def decide(self, browser: str, channel: str, is_wanted: bool) -> dict[str, Any]:
        """Store a channel's result on the wrap, or note that it is not wanted there."""
        with self._changing(browser) as (hello, lamp):
            record = self._shelf.find_newest(hello.uid)
            if record is None or channel not in finish.list_unstored(record):
                raise Refusal(409, "decided", "this result has been decided about already")
            result = compute_result(record, channel)
            if is_wanted and (why := finish.refuse_store(record, result)):
                raise Refusal(409, "cal_refused", f"{channel} is not stored: {why}")
            if is_wanted:
                day = date.fromtimestamp(record.finished_s or 0)
                finish.store_on_wrap(lamp.client, record, result, day)
            else:
                finish.note_declined(record, channel)
            self._shelf.save_record(record)
            return self._describe(hello.uid, record)

    # ---- the light

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self.keep_light():
                    return
                wait_s = self._lamp.renewal_s() if self._lamp else 0.0
            time.sleep(wait_s)

    def keep_light(self) -> bool:
        """Renew the lease, or turn the light off when nobody is there. Returns whether it is on."""
        with self._lock:
            if not self._lamp or not self._lamp.lit:
                return False
            try:
                with self._reached() as lamp:
                    self._wrap.limit_speed(LIT_SPEED)  # it may have been chosen meanwhile
                    why = self._why_dark(lamp)
                    if why:
                        self._darken(lamp, why)
                    elif ended := lamp.keep():
                        self._note_dark(f"the light has ended: {ended}")
            except WrapError:
                pass  # noted in _reached
            self._release_when_dark()
            return bool(self._lamp.lit)

    def _why_dark(self, lamp: Lamp) -> str:
        """Return why the light must go out; "" while it may stay."""
        now_s, now = self._wall_s(), lamp.moment()
        if not self._may_act(self._owner):
            return "another browser has taken over: the light is off, nothing is lost"
        if now_s - self._seen_s > PRESENT_S:
            return "the page was closed: the light is off, nothing is lost"
        if now.lit_s < warm_up_s(now.dark_s):
            self._answered_s = now_s  # nobody can answer meanwhile
        elif now_s - self._answered_s > AWAY_S:
            return "no answer for a while: the light is off, nothing is lost"
        return ""

    def _darken(self, lamp: Lamp, why: str) -> None:
        """Turn the light off, if it is on."""
        if lamp.lit:
            try:
                lamp.end()
            finally:
                self._note_dark(why)

    def _note_dark(self, why: str) -> None:
        self._said = why
        self._owner = ""

    def _release_when_dark(self) -> None:
        """Let the command have the records, unless the light is on for them."""
        if self._held and not (self._lamp and self._lamp.lit):
            self._held.release()
            self._held = None

    def _moment(self) -> Moment:
        return self._lamp.moment() if self._lamp else Moment(int(self._unix_s()))

    @contextmanager
    def _reached(self) -> Iterator[Lamp]:
        """Let the lamp use a connection. When it breaks, the wrap turns the light off by itself."""
        lamp = self._lamp
        assert lamp
        was_lit = lamp.lit
        try:
            with self._wrap.borrow() as (client, _):
                lamp.use_client(client)
                yield lamp
        except LinkLost as problem:
            lamp.lose()
            if was_lit:
                self._note_dark(f"the light has ended: {problem.message}")
            raise
        except WrapError:
            if was_lit and not lamp.lit:
                self._note_dark("")
            raise

    # ---- the record

    @contextmanager
    def _changing(self, browser: str) -> Iterator[tuple[Hello, Lamp]]:
        """Reach the wrap, with the records locked. Raises Refusal, WrapError."""
        with self._lock:
            with self._wrap.borrow() as (client, hello):
                if self._lamp is None or self._lamp_of != (hello.uid, hello.boot):
                    self._note_dark("")
                    self._lamp = Lamp(
                        client, hello, self._unix_s, self._wrap.now_s, lambda: self._wrap.speed
                    )
                    self._lamp_of = hello.uid, hello.boot
            with self._locked(hello.uid), self._reached() as lamp:
                self._answered_s = self._wall_s()
                self._said = ""
                if ended := lamp.keep():
                    self._note_dark(f"the light has ended: {ended}")
                yield hello, lamp

    @contextmanager
    def _locked(self, uid: str) -> Iterator[None]:
        self._held = self._held or self._shelf.lock_records(uid)
        try:
            yield
        finally:
            self._release_when_dark()

    def _find_step(self, hello: Hello, turn: str) -> tuple[Record, Step]:
        record = self._shelf.find_newest(hello.uid)
        if record is None or record.finished_s is not None:
            raise Refusal(409, "moved_on", "no measurement is under way", "begin one")
        step = next_step(record, self._moment())
        if make_turn(record, step) != turn:
            text = "the measurement has gone on meanwhile: this was not taken"
            raise Refusal(409, "moved_on", self._said or text, "look at the step on the page")
        return record, step

    def _is_complete(self, record: Record) -> bool:
        return next_step(record, self._moment()).kind == DONE

    def _go_on(self, record: Record, lamp: Lamp) -> None:
        """Turn the light off where the next step has none, and close a complete record."""
        step = next_step(record, lamp.moment())
        if step.lit is None and step.kind != QUESTION:
            self._darken(lamp, "")
        if step.kind == DONE:
            self._finish(record)

    def _finish(self, record: Record) -> None:
        finish.finish_record(record, int(self._unix_s()))
        self._shelf.save_record(record)


def refuse_light() -> NoReturn:
    """Raise Refusal: light begins only when a person has confirmed."""
    hint = "confirm that nobody is in the wrap"
    raise Refusal(400, "not_confirmed", "the light stays off until you confirm", hint)


def make_turn(record: Record, step: Step) -> str:
    """Return what names a step: an answer to another one is refused, for example a second press."""
    have = len(record.readings), len(record.answers), len(record.wavelengths), len(record.done)
    parts = (record.id, step.kind, step.key, step.repeat, step.row, step.column, *have)
    return ":".join(map(str, parts))


def list_options(step: Step) -> list[dict[str, Any]]:
    """Return the usual answers of a field, with what they cost."""
    if step.kind != FIELD:
        return []
    if step.key == "meter":
        return [{"value": kind.name, "absolute": kind.absolute} for kind in KINDS.values()]
    if step.key == "unit":
        return [{"value": unit} for unit in UNITS]
    if step.key == "grid":
        return [_describe_grid_cost(text) for text in GRIDS]
    if step.key == "repeats":
        unknown_pct = round(ONE_REPEAT_PCT / 3**0.5, 1)
        return [{"value": n, "cost_pct": unknown_pct if n == "1" else None} for n in REPEATS]
    return []


def _describe_grid_cost(text: str) -> dict[str, Any]:
    rows, _, columns = text.partition("x")
    points = int(rows) * int(columns)
    cost_pct = round(UNEVEN_PCT / points, 1)
    return {"value": text, "points": points, "cost_pct": cost_pct, "peak": 1 + PEAK_MISSED / points}


def describe_grid(record: Record, step: Step) -> dict[str, Any] | None:
    """Return what was typed at each point in the step's repeat, and where the head must be now."""
    if step.channel is None or "grid" not in record.answers or "repeats" not in record.answers:
        return None
    pending = record.pending.reading if record.pending else None
    repeat = pending.repeat if pending else step.repeat
    rows, columns = record.grid
    typed = {one.point: one.text for one in record.current(LIGHT, step.channel, repeat)}
    at = pending.point if pending and pending.kind == LIGHT else None
    if step.number:
        at = step.row, step.column
    return {
        "repeat": repeat + 1,
        "rows": [
            [{"text": typed.get((r, c)), "now": (r, c) == at} for c in range(columns)]
            for r in range(rows)
        ],
    }


def describe_result(record: Record, one: Result) -> dict[str, Any]:
    """Return a channel's result with its budget, and what was decided about it."""
    kept = record.stored.get(one.channel)
    decision = None if kept is None else "declined" if "declined" in kept else "stored"
    return {
        "channel": one.channel,
        "nm": one.wavelength_nm,
        "mean": one.mean,
        "u_pct": one.budget.expanded_pct,
        "combined_pct": one.budget.combined_pct,
        "peak": one.peak,
        "evenness": one.evenness,
        "upper": one.upper,
        "peak_pm": one.peak_pm,
        "budget": [
            {"code": c.code, "title": c.title, "kind": c.kind, "u_pct": c.standard_pct}
            for c in one.budget.contributions
        ],
        "warnings": list(finish.list_warnings(record, one)),
        "refused": finish.refuse_store(record, one),
        "decision": decision,
    }
