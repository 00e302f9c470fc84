"""Drives one emulated wrap on the bench, and breaks things on it at an exact moment."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import board_facts
from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import DeviceError
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.rp2040 import Rp2040Twin
from tests.contract.conftest import BOOT_MS, ROOT, Bench, tool
from tests.warmed import WARMER, warmed_facts
from wrap.link import frames

MS = 1_000_000  # nanoseconds
SCRATCH = 0x40058010  # a watchdog scratch register that nothing else uses
RUNNING = [{"t": 120, "ch": {"red": [500], "nir": [800]}}]
PULSED = [{"t": 120, "ch": {"nir": [800, 10, 500]}}]
FILLING = 45  # records of 214 bytes: more than the two sectors that are erased ahead
_FLOOD_NS = 100_000
_CONVERSIONS = 6
_FIRST_ID = 500_000
_DRAIN_MS, _DRAIN_SLICES = 40, 25
Act = Callable[[], None]

# The wrap's own program with its own HAL, where the test can make one call fail.
CODED = f"""
import machine, board_facts
from wrap.hal import open_board
from wrap.app import App
from wrap import main_loop
from wrap.storage import records
from wrap.storage.mount import mount
hal = open_board(board_facts)
plain = hal.inputs
left = {FILLING}
kept = [None] * 2000
filled = 0
def fill():
    global filled
    for size in (16000, 4000, 1000, 250, 60):
        try:
            while True:
                kept[filled] = bytearray(size)
                filled += 1
        except MemoryError:
            pass
    raise MemoryError
def inputs(out):
    global left
    how = machine.mem32[{SCRATCH}]
    if how == 1:
        1 // 0
    if how == 2:
        raise MemoryError
    if how == 3:
        raise OSError(5)
    while how == 4:
        pass
    if how == 5 and left:
        left -= 1
        app.log_queue.note(records.NOTE, bytes(200))
    if how == 6:
        fill()
    return plain(out)
hal.inputs = inputs
app = App(hal, board_facts, mount(hal))
"""
WARMED = CODED.replace("hal = open", f"board_facts.WARMER = {WARMER}\nhal = open")
SITES = ("hand-left", "hand-right")
TRIAL = {
    "id": "bench",
    "person": "a1",
    "design": "sides",
    "sites": list(SITES),
    "periods": 2,
    "sessions": 1,
    "plan_sha": "5a" * 32,
    "random": "00" * 32,
}


class Lab(Bench):
    """Drives a wrap. `strike` breaks something now; `cause_ns` is when that was (-1: not yet)."""

    def __init__(self) -> None:
        super().__init__("rp2040")
        self.cause_ns = -1
        self.lit_at_cause = False
        self.note = ""
        self.dark_for_ms = 0  # from power to the first light, where a base measured it
        self.flooding = self._flooded = False
        self._ids = itertools.count(_FIRST_ID)
        for slot, steps in enumerate((RUNNING, PULSED)):
            self.flash(slot, steps=steps, id=f"bench{slot}")
        self.client.activate(0)

    # ---- where it can be before the fault

    def session(self, slot: int = 0, tethered: bool = False) -> None:
        """Begin a session, until it is at its level."""
        if slot:
            self.client.activate(slot)
        self.client.start(tethered)
        self.wait_for("running", 4000)

    def settled(self) -> None:
        """Begin a session, until it has been at its level for some time: nothing is written to
        flash now."""
        self.session()
        self.advance(100)

    def coded(self) -> None:
        """Begin a session of CODED instead of main.py."""
        self.twin.repl(CODED)
        self.twin.write(b"main_loop.loop(app)\r")
        self.advance(100)
        self.twin.read()
        self.session()

    def sham(self) -> None:
        """Begin a session of a blinded trial in which a warmer stands in for near infrared, on a
        board that has one. The arm is judged at the pins."""
        self.twin.close()
        facts = warmed_facts()
        image = tool("firmware", "--board", "PBMWRAP_RP2040", "--out", str(ROOT / "build"))
        self.twin = Rp2040Twin(Path(image), Plant(facts), facts=facts)
        self.client = Client(TwinTransport(self.twin), first_id=next(self._ids))
        self.twin.start()
        self.advance(BOOT_MS)
        self.twin.repl(WARMED)
        self.twin.write(b"main_loop.loop(app)\r")
        self.advance(100)
        self.twin.read()
        for slot, site in enumerate(SITES):
            steps = [{"t": 120, "ch": {"nir": [500]}}]
            self.flash(slot, steps=steps, id=f"trial{slot}", person="a1", site=site)
        self.client.call("trial.arm", TRIAL)
        for slot in range(len(SITES)):
            self.client.activate(slot)
            self.client.start()
            self.wait_for("running", 4000)
            if self.twin.lamps()[-1].on_ppm:
                return
            self.client.stop()
            self.wait_for("done", 2000)
        raise AssertionError("neither site had a sham")

    def paused(self) -> None:
        self.session()
        self.client.pause()
        self.wait_for("paused", 1000)
        self.advance(800)  # the light fades for 500 ms

    def try_start(self) -> str:
        """Return what the wrap says to a start: "" when it begins."""
        try:
            self.client.start()
        except DeviceError as refusal:
            return str(refusal)
        return ""

    def resumed(self) -> None:
        self.paused()
        self.client.resume()
        self.wait_for("running", 1000)

    # ---- the fault

    @property
    def now_ns(self) -> int:
        return self.twin.now_ns

    def lit(self) -> bool:
        """Return whether there is light now, or within the last 101 ms: longer than the slowest
        pulse."""
        lines = [lamp.lit for lamp in self.twin.pins.lamps]
        ago = self.now_ns - 101 * MS
        return any(line.high or (line.last_fall_ns or 0) > ago > 0 for line in lines)

    def strike(self, cause: Callable[[Lab], None]) -> None:
        """Break it now; only the first time counts."""
        if self.cause_ns < 0:
            self.lit_at_cause = self.lit()
            self.cause_ns = self.now_ns
            cause(self)

    def strike_after(self, ns: float, cause: Callable[[Lab], None]) -> None:
        """Break it in the middle of whatever the firmware then does, at exactly that time."""
        self.twin.chip.once(ns, lambda: self.strike(cause))

    def strike_after_reading(self, sensor: int, cause: Callable[[Lab], None]) -> None:
        """Break it right after this sensor was read, so that the next step sees it first."""
        plain, seen = self.twin.plant.raw12, [0, 0]

        def raw12(index: int) -> int:
            code = plain(index)
            if index == sensor and self.cause_ns < 0:
                fresh = self.now_ns - seen[1] > MS
                seen[:] = [1 if fresh else seen[0] + 1, self.now_ns]
                if seen[0] == _CONVERSIONS:
                    self.strike(cause)
            return code

        self.twin.plant.raw12 = raw12  # type: ignore[method-assign]

    def strike_in_reading(
        self, sensor: int, ready: Callable[[], bool], cause: Callable[[Lab], None]
    ) -> None:
        """Break it in the first conversion of this sensor at which `ready` holds. That conversion
        is the first one that sees it."""
        plain = self.twin.plant.raw12

        def raw12(index: int) -> int:
            if index == sensor and self.cause_ns < 0 and ready():
                self.strike(cause)
            return plain(index)

        self.twin.plant.raw12 = raw12  # type: ignore[method-assign]

    def swap_sensors(self) -> None:
        plain, last = self.twin.plant.raw12, len(board_facts.SENSORS) - 1
        self.twin.plant.raw12 = lambda i: plain(last - i)  # type: ignore[method-assign]

    def poke(self, address: int, value: int) -> None:
        """Write a register of the chip from outside."""
        self.twin.chip.mcu.write_uint32(address, value)

    # ---- what goes on meanwhile

    def request(self, method: str, **params: object) -> bytes:
        """Return the bytes of a request with an id of its own."""
        body = json.dumps({"i": next(self._ids), "m": method, "p": params}, separators=(",", ":"))
        return frames.encode(body.encode())

    def new_clock(self) -> bytes:
        """Return the bytes of a clock.set that differs from the one before by 10 s: worth a
        record."""
        return self.request("clock.set", t=1_800_000_000 + 10 * (next(self._ids) & 1))

    def flood(self, more: Callable[[], bytes]) -> None:
        """Keep the port's queue full with what `more` gives, as fast as the wrap takes it."""
        self.flood_soon(more)
        self.advance(30)

    def flood_soon(self, more: Callable[[], bytes]) -> None:
        """Flood from now on, without letting time pass."""
        self.flooding = self._flooded = True
        left = bytearray()

        def fill() -> None:
            if self.flooding:
                while len(left) < 512:
                    left.extend(more())
                del left[: self.twin.write(bytes(left[:512]))]
                self.twin.read()
                self.twin.chip.once(_FLOOD_NS, fill)

        fill()

    def calm(self) -> None:
        """End whatever goes on, so that the wrap can be asked."""
        self.flooding = False
        self.twin.set_reader(True)
        self.twin.slow_flash(0, 0)
        self._drain()
        if self._flooded:
            self.twin.write(b"\n")
            self._drain()

    def _drain(self) -> None:
        """Wait until the wrap has nothing more to say to what it was sent."""
        for _ in range(_DRAIN_SLICES if self._flooded else 1):
            self.advance(_DRAIN_MS)
            if not self.twin.read():
                return

    def reboot(self, content: bytes | None = None) -> None:
        """Switch power off and on, with another flash if `content` is given."""
        self.twin.power_off()
        if content is not None:
            self.twin.load_flash(content)
        self.twin.start()
        self.advance(BOOT_MS)
