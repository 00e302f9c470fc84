"""Plays a day of the real image on the emulated RP2040 once, and records it: every program and
erase of its flash, and what had been promised by then. A power cut is then a matter of replaying a
part of it.

What is known here comes from the flash's own commands, from the pins and from what the wrap
answered.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import board_facts
from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.rp2040 import Rp2040Twin
from tests.contract.conftest import BOOT_MS, ROOT, Bench, tool
from tests.contract.conftest import protocol as some_protocol
from tests.powercut import binary_tape
from tests.powercut.binary_tape import Promise, Tape
from wrap.rules import limits
from wrap.rules.protocol import course_key

TRIAL = "trial"
KINDS = ("new", "used", TRIAL)
BRIEF = "brief"
SITES = ("hand-left", "hand-right")
_HOT_K = 10.0  # what the skin sensor then reads too much


@functools.cache
def image() -> Path:
    """Return the wrap's image, built if need be."""
    return Path(tool("firmware", "--board", "PBMWRAP_RP2040", "--out", str(ROOT / "build")))


class RecordedTwin(Rp2040Twin):
    """Records flash operations: `ops` grows by (byte offset, data; none: an erase) before each
    operation."""

    def __init__(self, flash: bytes | None = None) -> None:
        super().__init__(image(), Plant(board_facts), flash=flash)
        self.ops: list[tuple[int, bytes]] = []

    def start(self) -> None:
        super().start()
        self.chip.flash_part.before = self.take

    def take(self, at: int, data: bytes) -> None:
        self.ops.append((at, data))


class Wrap(Bench):
    """Plays the day on an emulated wrap with a flash of ours, off at first."""

    twin: RecordedTwin

    def __init__(self, twin: RecordedTwin) -> None:
        self.target = "rp2040"
        self.twin = twin
        self.client = Client(TwinTransport(twin), first_id=1000)

    def on(self, ms: int = BOOT_MS) -> None:
        self.twin.start()
        self.advance(ms)


class _Day(Wrap):
    def __init__(self, base: bytes | None, trip_mc: int) -> None:
        self.promises: list[Promise] = []
        self._now = Promise(settings=(trip_mc,), slots=("",))
        self._site = ""
        self._dark_ns = 0
        self._lit_trial = ""  # the trial once the session under way has light
        super().__init__(_Watched(base, self))

    def promise(self) -> Promise:
        lit = self._site and self.twin.pins.light_ns() > self._dark_ns
        sites = (*self._now.sites, self._site) if lit else self._now.sites
        now = replace(self._now, sites=tuple(dict.fromkeys(sites)))
        return replace(now, trials=(self._lit_trial,)) if lit and self._lit_trial else now

    def whole(self) -> None:
        """Wait until the program's first check is over, and a session may begin."""
        while self.client.hello().integrity != "whole":
            self.advance(50)

    def off(self) -> None:
        self._now = self.promise()
        self._site = self._lit_trial = ""
        self.twin.power_off()

    def set_trip(self, mc: int) -> None:
        self._now.settings = (*self._now.settings, mc)
        self.client.set_setting("trip_mc", mc)
        self._now.settings = (mc,)

    def store(self, name: str, site: str, red: int = 500, nir: int = 800, **more: str) -> None:
        self._now.slots = (*self._now.slots, name)
        steps = [{"t": 2, "ch": {"red": [red], "nir": [nir]}}]
        raw = some_protocol(id=name, name=name, site=site, steps=steps, **more)
        self.client.flash_protocol(0, raw)
        self._now.slots = (name,)

    def hold(self, *people: str) -> None:
        """Let holds stand for these people and no others."""
        for one in self.client.holds():
            if one.person not in people:
                self._now.holds = (*self._now.holds, ",".join(people))
                self.client.clear_hold(one.person, one.reason)
        for number, person in enumerate(people, 1):
            self._now.holds = (*self._now.holds, ",".join(people[:number]))
            self.client.set_hold(person, "wound")
        self._now.holds = (",".join(people),)

    def session(self, site: str) -> None:
        """Let the session of the active protocol begin. site: as the course names it."""
        self._now = self.promise()
        self.whole()
        self._site, self._dark_ns = site, self.twin.pins.light_ns()
        self.press()
        self.wait_for("running", 4000)

    def overheat(self) -> None:
        self.twin.plant.set_fault("skin-mid", "offset", _HOT_K)
        self.wait_for("fault", 1000)
        self.advance(200)

    def acknowledge(self) -> None:
        self.twin.plant.set_fault("skin-mid", "none")
        self.advance(200)
        self.client.ack_fault()

    def call_trial(self, method: str, after: str, **params: object) -> None:
        """Change the blinded trial by the link. after: what it is then, by `describe_trial`."""
        before = self._now.trials
        self._now.trials = (*before, after)
        self.client.call(f"trial.{method}", params)
        self._now.trials = (after,)

    def have_trial_session(self, name: str, site: str, after: str) -> None:
        """Store the trial's protocol for a site and let its session begin: it is counted before its
        first light."""
        self._now = self.promise()
        self._site = ""
        self.store(name, site, red=limits.TRIAL_GLOW_PM, nir=limits.TRIAL_NIR_PM, person="a1")
        self._now.trials = (*self._now.trials, after)
        self._lit_trial = after
        self.session(course_key("a1", site))
        self._now = self.promise()

    def live_trial(self) -> None:
        """Play a blinded trial of two periods: armed, a session to its end, power off and on, one
        that ends the period and is cut off, the second period closed, the reveal."""
        self.on()
        self.call_trial("arm", "armed, period 0, session 0, counts 0,0", **_TRIAL_PLAN)
        self.have_trial_session("first", SITES[0], "running, period 0, session 1, counts 1,0")
        self.wait_for("done", 5000)
        self.advance(300)
        self.off()
        self.on()
        self.have_trial_session("second", SITES[1], "running, period 1, session 2, counts 0,0")
        self.advance(700)
        self.off()
        self.on()
        self.call_trial("close", "finished, period 2, session 2, counts 0,0", period=1)
        self.call_trial("reveal", "unblinded, period 2, session 2, counts 0,0")
        self.advance(300)
        self.promises.append(self.promise())

    def brief(self) -> None:
        """Play the first boot, a protocol, a setting, a hold, a fault without a session."""
        self.on()
        self.store("first", SITES[0])
        self.set_trip(40000)
        self.hold("a1")
        self.overheat()
        self.promises.append(self.promise())

    def live(self) -> None:
        """Play a protocol, a setting, a hold and its end, a session to its end, power off and on,
        one into a fault, its end, a hold."""
        self.on()
        self.store("first", SITES[0])
        self.set_trip(40000)
        self.hold("a1")
        self.hold()
        self.session(SITES[0])
        self.wait_for("done", 5000)
        self.advance(300)
        self.store("second", SITES[1])
        self.off()
        self.on()
        self.session(SITES[1])
        self.overheat()
        self.off()
        self.on()
        self.acknowledge()
        self.set_trip(39000)
        self.client.set_clock(1_800_000_000)
        self.hold("*")
        self.advance(300)
        self.promises.append(self.promise())


class _Watched(RecordedTwin):
    def __init__(self, flash: bytes | None, day: _Day) -> None:
        super().__init__(flash)
        self._day = day

    def take(self, at: int, data: bytes) -> None:
        super().take(at, data)
        self._day.promises.append(self._day.promise())


_TRIAL_PLAN = {
    "id": "hands",
    "person": "a1",
    "design": "sides",
    "sites": list(SITES),
    "periods": 2,
    "sessions": 1,
    "plan_sha": "5a" * 32,
    "random": "07" * 32,
}


def _base(kind: str) -> tuple[bytes, int]:
    """Return (flash, trip_mc in force) of a wrap as it was delivered, or that has been used."""
    if kind == "used":
        return binary_tape.used(tape("new").flash(len(tape("new").ops)))
    return RecordedTwin().flash(), 41000


@functools.cache
def tape(kind: str) -> Tape:
    """Return the day of a wrap that is "new", or "used": whose log has gone round; or a "brief"
    one; or a "trial", which is that of a new wrap."""
    kept = ROOT / "build/powercut" / f"tape-{kind}-{binary_tape.stamp(image())}.json.gz"
    base, trip_mc = _base(kind)
    if not kept.exists():
        day = _Day(base, trip_mc)
        {BRIEF: day.brief, TRIAL: day.live_trial}.get(kind, day.live)()
        day.twin.close()
        binary_tape.keep(kept, day.twin.ops, day.promises)
    return Tape(base, *binary_tape.kept(kept))
