"""The person of a trial with the emulated RP2040 as the wrap.

What a session gave is measured at the chip's pins, never asked of the firmware.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.rp2040 import Rp2040Twin
from tests.lives.world import BOOT_MS, World
from tests.powercut.binary_tape import LOG_AT
from tests.trial.person import BEGIN, FEET, NIR, TrialPerson

WRAP = "wrap-1"
NIR_UW = 80_000  # at full duty, uW/cm2: what the board states, and what the wrap is calibrated with
_STEP_MS = 250  # each look costs the chip a request
_WAIT_MS = 30_000
_LIT_MS = 300  # of a session that is not whole
_LOOKS, _COUNT_MS = 3, 1300  # to find the uptime
_ENDED_MS = 500  # the records of an end are written after it


class PowerCut(Exception):
    """The power is gone, in the middle of whatever the chip did."""


@dataclass
class ChipWrap:
    """The emulated chip as a wrap of a `World`."""

    name: str
    twin: Rp2040Twin

    @property
    def state(self) -> str:
        """What the wrap says it does."""
        return Client(TwinTransport(self.twin)).call("state")["state"]

    def read_lit_ns(self) -> int:
        """Return for how long near infrared was lit since the twin was made: its pin and the enable
        both high."""
        return self.twin.pins.lamps[NIR].lit.on_ns()


@dataclass(frozen=True)
class Session:
    """A session as it was at the pins. whole: the power stayed to its end."""

    site: str
    lit_ns: int
    whole: bool


class ChipPerson(TrialPerson):
    """Ada with one emulated wrap. had: her sessions, in their order."""

    def __init__(self, folder: Path, twin: Rp2040Twin) -> None:
        self.wrap = ChipWrap(WRAP, twin)
        self.had: list[Session] = []
        world = World(folder, BEGIN, "chip", {WRAP: self.wrap})
        super().__init__(folder, FEET, world=world)

    def calibrate(self) -> None:
        words = ("cal", "set", "nir", f"{NIR_UW / 1000:g}", "--uncertainty", "10")
        self.run(*words, "--how", "made up")

    def advance_until(self, states: Sequence[str]) -> None:
        """Let time pass until the wrap says one of `states`."""
        for _ in range(_WAIT_MS // _STEP_MS):
            if self.wrap.state in states:
                return
            self.wrap.twin.advance_ms(_STEP_MS)
        raise AssertionError(f"the wrap is {self.wrap.state}, not one of {states}")

    def begin(self, site: str, button: bool) -> None:
        """Begin the session of a site, by the button or by `pbmwrap run`."""
        self.run("trial", "next", site)
        if button:
            self.world.press(self.wrap)
        else:
            self.run("run")

    def play(
        self, site: str, button: bool = True, end: Callable[[], object] | None = None
    ) -> Session:
        """Have the session of a site and measure it. end: ends it early; default: none does."""
        lit_ns = self.wrap.read_lit_ns()
        self.begin(site, button)
        self.advance_until(("running",))
        if end:
            self.wrap.twin.advance_ms(_LIT_MS)
            end()
        whole = end != self.cut_power
        if whole:
            self.advance_until(("done",))
            self.wrap.twin.advance_ms(_ENDED_MS)
        assert self.wrap.twin.dark()
        session = Session(site, self.wrap.read_lit_ns() - lit_ns, whole)
        self.had.append(session)
        self.lit[site] = session.lit_ns > 0
        return session

    def move_uptime(self, seconds: int) -> None:
        """Let the wrap's uptime be greater by this, where the firmware keeps it in RAM: an idle
        hour takes half an hour of CPU time. It is found by its value at several times, and by the
        milliseconds beside it (`wrap.uptime`)."""
        sram = self.wrap.twin.chip.mcu.sram
        looks: list[set[int]] = []
        for _ in range(_LOOKS):
            self.wrap.twin.advance_ms(_COUNT_MS)
            said = self.read_status()["uptime_s"]
            looks.append({at for s in (said, said + 1) for at in _find_uptimes(bytes(sram), s)})
        found = set.intersection(*looks)
        assert found, "the uptime was not found"
        at = min(found)  # of the heap, which is below the stack
        later_s = (int.from_bytes(sram[at : at + 4], "little") >> 1) + seconds
        sram[at : at + 4] = (later_s << 1 | 1).to_bytes(4, "little")
        assert self.read_status()["uptime_s"] >= said + seconds

    def read_status(self) -> dict[str, Any]:
        """Return what any host can read of the wrap."""
        return Client(TwinTransport(self.wrap.twin)).call("status")

    def cut_power(self) -> None:
        """Take the power away; it comes back at once."""
        self.wrap.twin.reset("power")
        self.wrap.twin.advance_ms(BOOT_MS)

    def cut_at_write(self, name: bytes, act: Callable[[], object], then_log: bool = False) -> None:
        """Take the power away as `act` makes the chip write the stored file `name`, before a byte
        of it is there. It comes back at once. then_log: after it, before the next record of the
        log."""
        flash_part = self.wrap.twin.chip.flash_part
        pages: list[bytes] = [b""]
        seen: list[int] = []

        def watch(at: int, data: bytes) -> None:
            pages.append(data)
            if at < LOG_AT and name in b"".join(pages[-2:]):
                seen.append(at)
            if seen and (at >= LOG_AT or not then_log):
                raise PowerCut

        flash_part.before = watch
        try:
            act()
            self.wrap.twin.advance_ms(_ENDED_MS)
        except PowerCut:
            pass
        assert seen, f"the chip did not write {name!r}"
        self.cut_power()


def _find_uptimes(sram: bytes, seconds: int) -> list[int]:
    """Return where an object has the attributes s, of this value, and ms: MicroPython keeps names
    and values in turn, as words, and marks small integers by bit 0 and names by 010."""
    found = []
    for at in range(4, len(sram) - 8, 4):
        if int.from_bytes(sram[at : at + 4], "little") == seconds << 1 | 1:
            names = [int.from_bytes(sram[n : n + 4], "little") for n in (at - 4, at + 4)]
            ms = int.from_bytes(sram[at + 8 : at + 12], "little")
            if all(name & 7 == 2 for name in names) and ms & 1 and ms >> 1 < 1000:
                found.append(at)
    return found


def compare_with_pins(had: Sequence[Session], truths: Sequence[dict[str, Any]]) -> list[str]:
    """Return what the decrypted sessions say that the pins do not, as texts. A dose may differ by
    1 %."""
    wrong = []
    if [one.site for one in had] != [one["site"] for one in truths]:
        return [f"the sessions were {had}, not {truths}"]
    for one, truth in zip(had, truths, strict=True):
        name = f"session {truth['number']} on {one.site}"
        if (one.lit_ns > 0) != truth["active"]:
            wrong.append(f"{name}: {one.lit_ns} ns of light, and its arm is {truth['active']}")
        dose_uj = NIR_UW * one.lit_ns / 1e9
        said_uj = truth["doses_uj"][NIR] if truth["doses_uj"] else None
        if one.whole and (said_uj is None or abs(said_uj - dose_uj) > 0.01 * dose_uj):
            wrong.append(f"{name}: {dose_uj:.0f} uJ/cm2 at the pins, not {said_uj}")
    return wrong
