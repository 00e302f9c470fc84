"""The guide of the page on the wrap of `tests/calibration/bench.py`, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pbmwrap.calibration.record import Record, as_json, from_json
from pbmwrap.device.answers import parse_answer
from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.disk import Lock
from pbmwrap.errors import LinkLost, NoDevice, PortBusy
from pbmwrap.web.calibration_guide import Guide
from tests.calibration.bench import ANSWERS, BenchWrap, read_pad

ME = "my-browser"
BEGUN_S = 1_796_000_000


class _Free:
    def __init__(self, shelf: MemoryShelf) -> None:
        self._shelf = shelf

    def release(self) -> None:
        self._shelf.locks -= 1


class MemoryShelf:
    """Records without a disk. locks: how many are held; taken: another program has them."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.locks = 0
        self.taken = False

    def find_newest(self, uid: str) -> Record | None:
        return self.find_id(uid, max(self.kept)) if self.kept else None

    def find_id(self, uid: str, record_id: str) -> Record | None:
        found = self.kept.get(record_id)
        return from_json(found) if found else None

    def save_record(self, record: Record) -> None:
        assert self.locks == 1, "a record is written without the lock"
        self.kept[record.id] = as_json(record)

    def lock_records(self, uid: str) -> Lock:
        if self.taken or self.locks:
            raise PortBusy("the calibration of this wrap is in use by another pbmwrap", "end it")
        self.locks += 1
        return _Free(self)


class BenchPort:
    """The server's connection to the wrap. cable: whether it is plugged in."""

    speed = 1

    def __init__(self, wrap: BenchWrap) -> None:
        self.wrap = wrap
        self.cable = True

    @contextmanager
    def borrow(self) -> Iterator[tuple[Client, Hello]]:
        if not self.cable:
            raise NoDevice("no wrap is connected yet", "plug the wrap in")
        try:
            yield Client(self.wrap), self.hello
        except LinkLost:
            self.cable = False
            raise

    def now_s(self) -> float:
        return self.wrap.now_s

    def limit_speed(self, most: int) -> None:
        assert most >= self.speed

    @property
    def hello(self) -> Hello:
        return parse_answer(Hello, self.wrap.hello)


class Bench:
    """The guide and a person at the page. actor: the browser that controls the wrap; read: what the
    meter shows at a point, None: with the light off."""

    def __init__(self, shelf: MemoryShelf | None = None, wrap: BenchWrap | None = None) -> None:
        self.wrap = wrap or BenchWrap()
        self.port = BenchPort(self.wrap)
        self.shelf = shelf or MemoryShelf()
        self.actor = ME
        self.read: Callable[[str, tuple[int, int] | None], str] = read_pad
        self.answers = dict(ANSWERS)
        self.guide = self.make_guide()

    def make_guide(self) -> Guide:
        """A guide as a server has it that was just started."""
        return Guide(
            self.port,
            lambda browser: browser == self.actor,
            self.shelf,
            unix_s=lambda: BEGUN_S + self.wrap.now_s,
            wall_s=lambda: self.wrap.now_s,
            start=lambda run: None,
        )

    def look(self, browser: str = ME) -> dict[str, Any]:
        return self.guide.describe(browser, self.port.hello if self.port.cable else None)

    def pass_s(self, seconds: int, there: bool = True) -> None:
        """Let time pass. there: whether the page is open."""
        for _ in range(seconds):
            self.wrap.now_s += 1.0
            self.guide.keep_light()
            if there:
                self.look()

    def answer(self, text: str, **more: Any) -> dict[str, Any]:
        return self.guide.answer(ME, self.look()["turn"], text, **more)

    def light(self) -> dict[str, Any]:
        return self.guide.light(ME, self.look()["turn"], True)

    def go(self, until: Callable[[dict[str, Any]], bool] = lambda step: False) -> dict[str, Any]:
        """Do what the page asks for, until a step fits or all readings are there."""
        for _ in range(400):
            seen = self.look()
            if seen["phase"] != "measure" or until(seen["step"]):
                return seen
            self._do(seen["step"])
        raise AssertionError(f"the guide does not end: {self.look()}")

    def _do(self, step: dict[str, Any]) -> None:
        kind, key = step["kind"], step["key"]
        if kind == "field":
            self.answer(self.answers[key])
        elif kind == "wavelength":
            self.answer(str(step["nm"]))
        elif kind == "confirm":
            self.answer("")
        elif kind == "question":
            self.answer("keep")
        elif kind == "light_on":
            self.light()
        elif kind == "warm_up":
            self.pass_s(step["seconds"])
        elif key == "dark":
            self.answer(self.read(step["channel"], None))
        else:
            row, column = ord(step["point"][0]) - ord("A"), int(step["point"][1:]) - 1
            self.answer(self.read(step["channel"], (row, column)))
            self.pass_s(4)


def wants(kind: str, key: str = "") -> Callable[[dict[str, Any]], bool]:
    """Whether a step is of a kind, and of a key when one is given."""
    return lambda step: step["kind"] == kind and key in ("", step["key"])
