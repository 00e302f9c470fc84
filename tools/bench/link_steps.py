"""Measures what the link costs a step, from outside, at the converter and the watchdog, in virtual
time and in the unchanged image.

A step begins with its sensors' conversions, so the first conversion after a pause of more than a
millisecond is a step's beginning; it ends with the watchdog fed, which light has started.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from statistics import median

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.facts import board_facts
from pbmwrap.logs.verify import verify_log
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.rp2040 import Rp2040Twin
from wrap.link import frames

BOOT_MS = 1000
STEP_US = 10_000
LIMIT_US = 2000  # more than this a flood may not change a step
_PAUSE_NS = 1_000_000
_WATCHDOG_LOAD = 0x04  # RP2040 data sheet 4.7.6
_RAMP_MS = 500
_RISE_MS = 3000  # self-test and ramp, with something to spare
_READY_S = 10

Figures = dict[str, float]


class StepClock(Plant):
    """A plant that notes when steps begin and end, ns. Call `record_feeds` once the twin has
    started."""

    def __init__(self) -> None:
        super().__init__(board_facts())
        self.steps: list[tuple[int, int]] = []
        self._began_ns = 0
        self._last_ns = -_PAUSE_NS
        self._twin: Rp2040Twin | None = None

    def record_feeds(self, twin: Rp2040Twin) -> None:
        """Begin to record when `twin`'s watchdog is fed."""
        self._twin = twin
        dog = twin.chip.mcu.watchdog
        write = dog.write_uint32

        def note_feed(offset: int, value: int) -> None:
            if offset == _WATCHDOG_LOAD and self._began_ns:
                self.steps.append((self._began_ns, twin.now_ns))
                self._began_ns = 0
            write(offset, value)

        dog.write_uint32 = note_feed

    def raw12(self, sensor: int) -> int:
        now_ns = self._twin.now_ns if self._twin else 0
        if now_ns - self._last_ns >= _PAUSE_NS:
            self._began_ns = now_ns
        self._last_ns = now_ns
        return super().raw12(sensor)


@dataclass
class Seen:
    """Steps as (begin, end) in ns, what the log's check says, and figures by name."""

    steps: list[tuple[int, int]]
    figures: Figures

    @property
    def gaps_us(self) -> list[float]:
        """How much later than 10 ms after the one before each step began."""
        begins = [begin for begin, _ in self.steps]
        return [(b - a) / 1000 - STEP_US for a, b in pairwise(begins)]

    @property
    def took_us(self) -> list[float]:
        return [(end - begin) / 1000 for begin, end in self.steps]


def encode_protocol(seconds: int) -> bytes:
    """Canonical bytes of one step of `seconds`, both channels lit."""
    lamps = {"red": [500], "nir": [800]}
    steps = [{"t": seconds, "ch": lamps}]
    obj = {"v": 1, "id": "steps", "name": "Steps", "site": "bench", "steps": steps}
    obj |= {"ramp": _RAMP_MS}
    return json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()


def encode_request(number: int, method: str) -> bytes:
    """Return one request's line."""
    return frames.encode(json.dumps({"i": number, "m": method}, separators=(",", ":")).encode())


def generate_flood() -> Iterator[bytes]:
    """Yield right lines, wrong ones, long ones and noise, without end."""
    for n in count():
        right = encode_request(n % 1000, ("status", "state", "hello", "log.info")[n % 4])
        yield right
        yield right.replace(b"*", b"+", 1)
        yield b"@" + b"x" * 300 + b"\n"
        yield b"noise \xff\r\n\n\n\n\n\n\n\n\n\n@@@@@@{}*\n"


class Session:
    """A lit session on a board of its own, its steps watched."""

    def __init__(self, image: Path, seconds: int) -> None:
        self.clock = StepClock()
        self.twin = Rp2040Twin(image, self.clock)
        self.twin.start()
        self.clock.record_feeds(self.twin)
        self.twin.advance_ms(BOOT_MS)
        self.client = Client(TwinTransport(self.twin), first_id=5000, answer_s=_READY_S)
        self.client.flash_protocol(0, encode_protocol(seconds))
        self.client.start()
        began_ms = self.twin.now_ms
        while self.client.call("state")["state"] != "running":
            assert self.twin.now_ms - began_ms < _RISE_MS
            self.twin.advance_ms(50)

    def watch_ms(self, ms: int, flooded: bool) -> Seen:
        """Let `ms` pass. A flood offers all that the port takes, every millisecond."""
        self.clock.steps.clear()
        sent = starved = 0
        lines, waiting = generate_flood(), b""
        for _ in range(ms):
            while flooded:
                waiting = waiting or next(lines)
                taken = self.twin.write(waiting)
                sent, waiting = sent + taken, waiting[taken:]
                if waiting:
                    break
            self.twin.advance_ms(1)
            self.twin.read()
            starved += flooded and not self.twin.chip.usb.waiting
        lit = float(not self.twin.dark())
        return Seen(
            list(self.clock.steps), {"bytes": sent, "ms_port_not_full": starved, "lit": lit}
        )

    def verify_log(self) -> Figures:
        """End the session; whether its log is whole, by the code of `pbmwrap logs verify`."""
        self.twin.advance_ms(100)
        self.twin.read()
        self.client.call("session.stop")
        self.twin.advance_ms(1000)
        pulled = self.client.pull_log()
        verdict = verify_log([(pulled.start, pulled.data)])
        status = self.client.status()
        self.twin.close()
        return {
            "records": verdict.records,
            "records_lost": len(verdict.problems) + len(verdict.torn) + status.log_failed,
            "sessions_sealed": verdict.sealed,
            "steps_late": status.steps_late,
        }


def run_session(image: Path, seconds: int, flooded: bool) -> Seen:
    """A whole session: `seconds` of it watched, then its log judged."""
    session = Session(image, seconds + 30)
    seen = session.watch_ms(seconds * 1000, flooded)
    seen.figures |= session.verify_log()
    return seen


def summarize_steps(seen: Seen) -> Figures:
    """Return the figures of one session."""
    gaps, took = sorted(seen.gaps_us), sorted(seen.took_us)
    return seen.figures | {
        "steps": len(seen.steps),
        "late_us_p99": gaps[len(gaps) * 99 // 100],
        "late_us_max": gaps[-1],
        "took_us_median": median(took),
        "took_us_p99": took[len(took) * 99 // 100],
        "took_us_max": took[-1],
    }


def compare_steps(calm: Seen, flooded: Seen) -> Figures:
    """How much a flood changes the steps of the same session, each against its twin, us."""
    return {
        "flood_moves_us": _largest_rise_us(calm.gaps_us, flooded.gaps_us),
        "flood_prolongs_us": _largest_rise_us(calm.took_us, flooded.took_us),
        "flood_records_fewer": calm.figures["records"] - flooded.figures["records"],
    }


def _largest_rise_us(calm: list[float], flooded: list[float]) -> float:
    return max(abs(b - a) for a, b in zip(calm, flooded, strict=True))
