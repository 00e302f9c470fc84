"""Records a scripted day on bare flash, operation by operation: what the flash was asked to do, and
what had been promised by then. A power cut is then a matter of replaying a part of it."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from pbmwrap.facts import board_facts
from tests.between_steps import between_steps
from tests.nor import LOG, SECTOR, STORE, Nor, NorBoard
from wrap.rules import states
from wrap.rules.limits import LEASE_MS
from wrap.safety.thermistor import Thermistor

SITES = ("hand-left", "hand-right", "foot-left")
_RUN_MS = 9000
CAL_LIGHT_S = 6


@dataclass
class Promise:
    """Holds what was true when an operation was asked for: all of it must hold after power goes
    there."""

    records: int = 0  # how many had been committed
    latched: int = 0  # the fault that had been stored
    tripped: int = 0  # the fault that was being stored, or had been
    acked: bool = False  # an acknowledgement was under way: latched or not, both are right
    settings: tuple[int, ...] = ()  # trip_mc values that may be in force
    slots: tuple[str, ...] = ()  # ids that may be in slot 0
    holds: tuple[tuple[str, ...], ...] = ((),)  # people whom holds may stand for
    cal_light: bool = False  # calibration light has begun
    lit_ms: int = 0  # light of a channel that had been stored
    sites: tuple[str, ...] = ()  # where light had been


@dataclass
class Tape:
    """Holds a recorded day. ops: (operation, byte offset, data); promises: one for each, and one
    for the end."""

    base: bytes
    ops: list[tuple[str, int, bytes]] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    committed: list[tuple[int, int, bytes]] = field(default_factory=list)


class _Recorder(Nor):
    def __init__(self, mem: bytes, tape: Tape, promise: Any) -> None:
        super().__init__(0, mem=mem)
        self._tape = tape
        self._promise = promise

    def program(self, at: int, page: bytes) -> None:
        self._tape.ops.append(("program", at, bytes(page)))
        self._tape.promises.append(self._promise())
        super().program(at, page)

    def erase(self, at: int) -> None:
        self._tape.ops.append(("erase", at, b""))
        self._tape.promises.append(self._promise())
        super().erase(at)


class Wrap:
    """Plays a wrap on bare flash, and what a person does with it."""

    def __init__(self, nor: Nor, facts: ModuleType | None = None) -> None:
        self.facts: Any = facts or board_facts()
        self.board = self._board(nor)
        f = self.facts
        self._curve = Thermistor(f.NTC_R25_OHM, f.NTC_BETA_K, f.PULLUP_OHM)
        self.warm(33000)

    def _board(self, nor: Nor) -> NorBoard:
        return NorBoard(nor, self.facts)

    @property
    def app(self) -> Any:
        return self.board.app

    def warm(self, mc: int) -> None:
        for i in range(len(self.facts.SENSORS)):
            self.board.set_raw(i, self._curve.raw_at(mc))

    def on(self) -> None:
        self.board.power_on()
        self.board.advance(100)

    def until(self, *names: str) -> None:
        for _ in range(_RUN_MS // 10):
            if states.NAMES[self.app.session.state] in names:
                return
            self.board.advance(10)
        raise AssertionError(f"{states.NAMES[self.app.session.state]}, not {names}")

    def store(self, name: str, site: str) -> None:
        raw = protocol(name, site)
        self.app.protocols.save(0, raw, hashlib.sha256(raw).hexdigest())

    def session(self) -> None:
        between_steps(self.app).starter.start("link", False)
        self.until("running")


def protocol(name: str, site: str) -> bytes:
    """Return canonical bytes of a session of two seconds."""
    steps = [{"t": 2, "ch": {"red": [500], "nir": [800]}}]
    obj = {"v": 1, "id": name, "name": name, "site": site, "ramp": 500, "steps": steps}
    return json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()


class _Day:
    def __init__(self, base: bytes) -> None:
        self.tape = Tape(base)
        self._now = Promise(settings=(41000,), slots=("",))
        self.wrap = Wrap(_Recorder(base, self.tape, self._promise))

    def _promise(self) -> Promise:
        now = self._now
        app = self.wrap.app
        tripped = 0 if app is None else app.fault_latch.code
        latched = tripped if tripped and not app.fault_latch.unsaved else 0
        return replace(now, records=len(self.tape.committed), latched=latched, tripped=tripped)

    def on(self) -> None:
        """Power on; from then on each record whose append returned is a promise."""
        self.wrap.board.power_on()
        log = self.wrap.app.log
        plain = log.append

        def append(
            kind: int, boot: int, up_s: int, up_ms: int, payload: bytes, more: bytes = b""
        ) -> None:
            plain(kind, boot, up_s, up_ms, payload, more)
            self.tape.committed.append((kind, boot, bytes(payload + more)))

        log.append = append
        self.wrap.board.advance(200)

    def off(self) -> None:
        self.wrap.board.power_off()

    def set_trip(self, mc: int) -> None:
        before = self._now.settings[-1]
        self._now.settings = (before, mc)
        self.wrap.app.settings.set("trip_mc", mc)
        self._now.settings = (mc,)

    def store(self, name: str, site: str) -> None:
        self._now.slots = (self._now.slots[-1], name)
        self.wrap.store(name, site)
        self._now.slots = (name,)

    def session(self, site: str) -> None:
        self.wrap.session()
        self._now.sites += (site,)

    def hold(self, *people: str) -> None:
        """Let holds stand for these people and no others."""
        holds = self.wrap.app.holds
        for person, reason in holds.pairs():
            if person not in people:
                self._change_holds(people, holds.clear, person, reason)
        for person in people:
            self._change_holds(people, holds.add, person, "wound")

    def _change_holds(self, people: tuple[str, ...], act: Any, person: str, reason: str) -> None:
        self._now.holds = (self._now.holds[-1], people)
        act(person, reason)
        self._now.holds = (people,)

    def calibrate(self) -> None:
        """Give light of six seconds for a calibration, with the wrap on a bench."""
        self.wrap.warm(23000)
        self.wrap.board.advance(3000)
        between_steps(self.wrap.app).calibration_light.begin("red", 1000, CAL_LIGHT_S)
        self._now.cal_light = True
        for _ in range(CAL_LIGHT_S + 2):
            self.wrap.app.control.lease_ms = LEASE_MS
            self.wrap.board.advance(1000)
        self._now.lit_ms = self.wrap.app.lit_time.lit_s()[0] * 1000
        self.wrap.warm(33000)
        self.wrap.board.advance(3000)

    def acknowledge(self) -> None:
        self._now.acked = True
        self.wrap.app.fault_control.acknowledge("link")
        self._now.acked = False

    def live(self) -> Tape:
        """Play a protocol, settings, a hold and its end, calibration light, a session to its end,
        power off and on, one into a fault, its end, a hold."""
        self.on()
        self.store("first", SITES[0])
        self.set_trip(40000)
        self.hold("a1")
        self.hold()
        self.calibrate()
        self.session(SITES[0])
        self.wrap.until("done")
        self.wrap.board.advance(300)
        self.store("second", SITES[1])
        self.off()
        self.on()
        self.session(SITES[1])
        self.wrap.board.advance(300)
        self.wrap.warm(46000)
        self.wrap.board.advance(300)
        self.off()
        self.on()
        self.wrap.warm(33000)
        self.wrap.board.advance(200)
        self.acknowledge()
        self.set_trip(39000)
        self.hold("*")
        self.wrap.board.advance(300)
        self.tape.promises.append(self._promise())
        return self.tape


def _used(rounds: int) -> bytes:
    """Return the flash of a wrap that has been used before: everything has gone round."""
    nor = Nor(STORE + LOG)
    for k in range(rounds):
        wrap = Wrap(nor)
        wrap.on()
        for n in range(30):
            wrap.app.log.append(9, wrap.app.log_queue.boot, k, 0, b"%07d" % n * 50)
        for n in range(5):
            wrap.app.settings.set("time_s", 600 + n)
        wrap.board.advance(200)
        wrap.board.power_off()
    return bytes(nor.mem)


@functools.cache
def tape(kind: str) -> Tape:
    """Return the day of a wrap that is "new", or "used": whose log and store have been round."""
    base = bytes(b"\xff" * ((STORE + LOG) * SECTOR)) if kind == "new" else _used(6)
    return _Day(base).live()
