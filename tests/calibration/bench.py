"""A wrap on the bench with a pad of known irradiance, and the person who measures it. Virtual time.

The wrap implements the calibration light of docs/link.md: one channel, a lease, an end by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pbmwrap.calibration.dialog import Ended
from pbmwrap.calibration.driver import Driver
from pbmwrap.calibration.lamp import Lamp
from pbmwrap.calibration.record import Channel, Record
from pbmwrap.calibration.steps import begin_record
from pbmwrap.device.answers import parse_answer
from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from tests.host.scripted_wrap import HELLO, ScriptedWrap
from wrap.errors import Refused
from wrap.rules.limits import CAL_LIGHT_S, LEASE_MS
from wrap.rules.states import NOBODY

WORST_UW = [60000, 80000]
HELLO_BENCH = HELLO | {"worst_uw": WORST_UW}
ANSWERS = {
    "meter": "silicon",
    "name": "Thorlabs S121C 1207",
    "uncertainty": "5",
    "k": "2",
    "unit": "mW/cm2",
    "aperture": "9.5",
    "saturation": "500",
    "cover": "film",
    "grid": "2x2",
    "repeats": "2",
}
MEAN = {"red": 30.0, "nir": 40.0}


def shape(row: int, column: int) -> float:
    """The unevenness of the pad: 1 in the middle of a 5 x 5 grid, 0.8 in its corners."""
    return 1.0 - 0.025 * ((row - 2) ** 2 + (column - 2) ** 2)


class BenchWrap(ScriptedWrap):
    """The wrap. duty_u16: what its power limit lets a channel have."""

    def __init__(self) -> None:
        super().__init__()
        self.hello = dict(HELLO_BENCH)
        self.duty_u16 = 65535
        self.lit: str | None = None
        self.lit_until_s = self.lease_until_s = 0.0
        self.cal: dict[str, dict | None] = {"red": None, "nir": None}
        self.begun: list[str] = []
        self.refuse: str | None = None

    def _names(self) -> list[str]:
        return [name for name, _ in self.hello["channels"]]

    def _cal_light(self, p: dict) -> dict:
        if self.refuse:
            raise Refused("not_now", self.refuse)
        if p["confirm"] != NOBODY or not 1 <= p["seconds"] <= CAL_LIGHT_S:
            raise Refused("bad_param", "wrong")
        self.lit = p["channel"]
        self.begun.append(p["channel"])
        self.lit_until_s = self.now_s + p["seconds"]
        self.lease_until_s = self.now_s + LEASE_MS / 1000
        return {"state": "calibrating"}

    def put_out(self, why: str) -> None:
        """End the light as the wrap does by itself."""
        self.lit = None
        self.status |= {"end_reason": why}

    def _status(self, p: dict) -> dict:
        if self.lit and self.now_s > min(self.lit_until_s, self.lease_until_s):
            self.put_out("time" if self.now_s > self.lit_until_s else "lease")
        duty = [self.duty_u16 if name == self.lit else 0 for name in self._names()]
        state = "calibrating" if self.lit else "idle"
        now = {"state": state, "duty_u16": duty, "calibrated": all(self.cal.values())}
        return self.status | now

    def _lease(self, p: dict) -> dict:
        self.lease_until_s = self.now_s + p["ms"] / 1000
        return {"ms": p["ms"]}

    def _session_stop(self, p: dict) -> dict:
        if not self.lit:
            raise Refused("not_now", "not while idle")
        self.put_out("link")
        return {"state": "idle"}

    def _hold_get(self, p: dict) -> dict:
        return {"holds": []}

    def _cal_get(self, p: dict) -> list:
        return [self.cal[name] for name in self._names()]

    def _cal_set(self, p: dict) -> list:
        kept = {key: value for key, value in p.items() if key != "ch"}
        self.cal[p["ch"]] = kept | {"lit_s": 0} if p["uw"] else None
        return self._cal_get({})


class Interrupt(Exception):
    """The computer is switched off."""


class Person:
    """Answers prompts. answers: of the set-up; read: the meter, from channel and point (None: the
    dark reading) to the text that is typed; decide: answers a question; wait_s: before each answer;
    stop_after: answers after which `stop_by` is raised."""

    def __init__(
        self,
        wrap: BenchWrap,
        read: Callable[[str, tuple[int, int] | None], str] | None = None,
        answers: dict[str, str] | None = None,
        decide: Callable[[str], str] = lambda text: "keep",
        wait_s: float = 4.0,
        stop_after: int = -1,
        stop_by: type[BaseException] = Ended,
    ) -> None:
        self.wrap = wrap
        self.read = read or read_pad
        self.answers = ANSWERS | (answers or {})
        self.decide = decide
        self.wait_s = wait_s
        self.stop_after = stop_after
        self.stop_by = stop_by
        self.asked: list[str] = []
        self.shown: list[str] = []

    def show(self, text: str) -> None:
        self.shown.append(text)

    def count_down(self, text: str, seconds: int) -> None:
        pass

    def ask(self, text: str, meanwhile: Callable[[], bool]) -> str | None:
        if self.stop_after == 0:
            raise self.stop_by
        self.stop_after -= 1
        self.asked.append(text)
        assert len(self.asked) < 400, f"the guide does not end: {self.asked[-3:]} {self.shown[-3:]}"
        until_s = self.wrap.now_s + self.wait_s
        while self.wrap.now_s < until_s:
            self.wrap.now_s += 1.0
            if not meanwhile():
                self.wait_s = min(self.wait_s, 80.0)
                return None
        return self.give_answer(text)

    def give_answer(self, text: str) -> str:
        if text.startswith("?"):
            return self.decide(text)
        if "Type yes" in text or "(yes / no)" in text:
            return "yes"
        if "press Enter" in text:
            return ""
        setting = re.search(r"Set the meter to (\d+) nm", text)
        if setting:
            return setting[1]
        if "Dark reading" in text:
            return self.read(text.split(",")[0], None)
        point = re.search(r"^(\w+) \d+ of \d+, point ([A-I])(\d)", text)
        if point:
            return self.read(point[1], (ord(point[2]) - ord("A"), int(point[3]) - 1))
        from pbmwrap.calibration.setup_fields import list_fields

        for purpose in ("measure", "check"):
            for one in list_fields(purpose):
                if text.startswith(one.text):
                    return self.answers[one.key]
        raise AssertionError(f"nobody can answer {text!r}")


def read_pad(channel: str, point: tuple[int, int] | None) -> str:
    """What a perfect meter shows of the pad."""
    if point is None:
        return "0.02"
    return f"{MEAN[channel] * shape(*point) + 0.02:.2f}"


def new_record(purpose: str = "measure", **answers: Any) -> Record:
    """A record of the bench's wrap, with some answers given already."""
    channels = [
        Channel(name, nm, worst)
        for (name, nm), worst in zip(HELLO_BENCH["channels"], WORST_UW, strict=True)
    ]
    record = Record(
        id="20261129-100000-measure",
        uid=HELLO["uid"],
        board=HELLO["board"],
        firmware=HELLO["fw"],
        begun_s=1_796_000_000,
        channels=channels,
        purpose=purpose,
    )
    begin_record(record)
    record.answers |= answers
    return record


def new_driver(
    wrap: BenchWrap,
    person: Person,
    record: Record,
    save: Callable[[Record], object] = lambda record: None,
) -> Driver:
    """A driver at the wrap, with a fixed clock."""
    hello = parse_answer(Hello, wrap.hello)
    lamp = Lamp(Client(wrap), hello, lambda: 1_796_000_000 + wrap.now_s)
    return Driver(record, lamp, person, save)
