"""Measures whole sessions of the real image on the emulated RP2040 from outside: its pins, the
converter, the watchdog. Virtual time, the same on every machine.

`measure_session`: 20 minutes without a host - the session's time and dose against the pins, when
steps begin, how much of the time the CPU sleeps. `measure_loaded_session`: 5 minutes with a host
that streams telemetry, pulls the log and floods. `across_the_wrap`: a session in which `ticks_ms`
wraps to 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.facts import board_facts
from pbmwrap.logs.decode import decode
from pbmwrap.twin.base import Twin
from pbmwrap.twin.rp2040 import Rp2040Twin
from tools.bench.link_steps import BOOT_MS, STEP_US, StepClock, generate_flood
from wrap.rules import limits

WHOLE_S = 1200
SHORT_S = 10
LOADED_S = 300
UW = (31_000, 43_000)  # uW/cm2 at full duty, of the calibration
TICKS_WRAP_US = (1 << 30) * 1000
_CYCLE_S, _FLOOD_MS, _RENEW_MS = 10, 2000, 2000
_SAMPLE_NS = 101_000  # between two looks at whether the CPU sleeps
_MS = 1_000_000
_PATIENCE_MS = 10_000
_ANSWER_S = 10
_ANSWERED_MS = limits.WAKE_S * 1000 + 3000
_PRESS_MS = 100

Figures = dict[str, float]


def encode_protocol(site: str, seconds: int) -> bytes:
    """Canonical bytes of one step with both channels lit."""
    steps = [{"t": seconds, "ch": {"red": [203], "nir": [397]}}]
    obj = {"v": 1, "id": site, "name": "Bench", "site": site, "steps": steps, "ramp": 500}
    return json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()


class Sleep:
    """Samples whether the CPU of a chip is asleep."""

    def __init__(self, twin: Rp2040Twin) -> None:
        self._core = twin.chip.mcu.core
        self.asleep = self.looks = 0
        twin.chip.every(_SAMPLE_NS, _SAMPLE_NS, self._sample_sleep)

    def _sample_sleep(self) -> None:
        self.looks += 1
        self.asleep += bool(self._core.waiting)

    def begin_count(self) -> None:
        self.asleep = self.looks = 0

    @property
    def percent(self) -> float:
        return 100 * self.asleep / self.looks


class Day:
    """A calibrated wrap on the bench. `timer_us`: what its timer shows at power-on."""

    def __init__(self, image: Path, timer_us: int = 0) -> None:
        self.clock = StepClock()
        self.twin = Rp2040Twin(image, self.clock)
        self.twin.start()
        if timer_us:
            self._set_timer(timer_us)
        self.clock.record_feeds(self.twin)
        self.sleep = Sleep(self.twin)
        self.twin.advance_ms(BOOT_MS)
        self.client = Client(TwinTransport(self.twin), first_id=5000, answer_s=_ANSWER_S)
        for (name, *_), uw in zip(board_facts().CHANNELS, UW, strict=True):
            self.client.set_calibration(name, uw, 50, 20260101, "bench")

    def _set_timer(self, us: int) -> None:
        """The chip resets its timer in booting; from there on it counts from `us`."""
        timer = self.twin.chip.mcu.timer
        reset = timer.reset

        def set_forward() -> None:
            reset()
            timer._epoch_nanos -= us * 1000.0

        timer.reset = set_forward
        set_forward()

    def start_session(self, seconds: int) -> None:
        """Begin a session of `seconds` at a site of its own, until it runs."""
        self.client.flash_protocol(0, encode_protocol(f"site{seconds}", seconds))
        for lamp in self.twin.pins.lamps:
            lamp.lit.edges = []
        self.lit_before = [lamp.lit.on_ns() for lamp in self.twin.pins.lamps]
        self.client.start()
        self._wait_until(lambda: any(lamp.lit.edges for lamp in self.twin.pins.lamps))
        self.began_ns = min(lamp.lit.edges[0][0] for lamp in self.twin.pins.lamps if lamp.lit.edges)
        for lamp in self.twin.pins.lamps:
            lamp.lit.edges = None
        self._wait_until(lambda: self.client.call("state")["state"] == "running")

    def _wait_until(self, so: Callable[[], bool]) -> None:
        began_ms = self.twin.now_ms
        while not so():
            assert self.twin.now_ms - began_ms < _PATIENCE_MS, "it did not happen"
            self.twin.advance_ms(1)

    def finish_session(self) -> Figures:
        """Let it come to its end; light time and dose at the pins, and the dose as recorded."""
        while self.twin.enabled():
            self.twin.advance_ms(10)
            self.twin.read()
        lamps = self.twin.pins.lamps
        ended_ns = max(lamp.lit.last_fall_ns or 0 for lamp in lamps)
        on_ns = [lamp.lit.on_ns() for lamp in lamps]
        self.twin.advance_ms(1000)
        self.twin.read()
        reported = self.read_end_record()["dose_uj"]
        true = [
            (ns - before) / _MS * uw / 1000
            for ns, before, uw in zip(on_ns, self.lit_before, UW, strict=True)
        ]
        off = max(abs(t / at_pins - 1) for at_pins, t in zip(true, reported, strict=True))
        return {
            "light_ms": (ended_ns - self.began_ns) / _MS,
            "dose_true_uj": sum(true),
            "dose_told_uj": sum(reported),
            "dose_off_percent": off * 100,
        }

    def read_end_record(self) -> dict[str, list[int]]:
        """Return the newest END record."""
        pulled = self.client.pull_log()
        entries = decode(pulled.data, pulled.start).entries
        return next(e.data for e in reversed(entries) if e.name == "end" and e.data)

    def close(self) -> None:
        self.twin.close()


def advance_awake(twin: Twin, seconds: int) -> None:
    """Let time pass with a press, 3 s after each wake check."""
    left_ms = seconds * 1000
    while left_ms > _ANSWERED_MS:
        twin.advance_ms(_ANSWERED_MS - _PRESS_MS)
        twin.press(True)
        twin.advance_ms(_PRESS_MS)
        twin.press(False)
        left_ms -= _ANSWERED_MS
    twin.advance_ms(left_ms)


def measure_jitter(begins_ns: list[int]) -> Figures:
    """How far steps begin from the 10 ms grid that their median lies on, us, and steps missing."""
    period = STEP_US * 1000
    phase = median((ns - begins_ns[0] + period // 2) % period for ns in begins_ns) - period // 2
    grid = begins_ns[0] + phase
    off = sorted(abs((ns - grid + period / 2) % period - period / 2) / 1000 for ns in begins_ns)
    shares = (*range(0, 100, 5), 99, 99.9, 99.99, 100)
    quantiles = {
        f"jitter_us_q{share:g}": off[min(int(len(off) * share / 100), len(off) - 1)]
        for share in shares
    }
    due = round((begins_ns[-1] - begins_ns[0]) / period) + 1
    return quantiles | {
        "jitter_us_p50": off[len(off) // 2],
        "jitter_us_p99": off[len(off) * 99 // 100],
        "jitter_us_worst": off[-1],
        "steps": len(off),
        "steps_missing": due - len(off),
    }


def measure_session(image: Path, seconds: int = WHOLE_S, timer_us: int = 0) -> Figures:
    """A session of `seconds` without a host behind one of 10 s: what is longer about it should be
    just the difference, whatever ramps and the pins' phase take of both."""
    day = Day(image, timer_us)
    day.start_session(SHORT_S)
    short = day.finish_session()
    day.start_session(seconds)
    day.clock.steps.clear()
    day.sleep.begin_count()
    advance_awake(day.twin, seconds - 2)
    seen = measure_jitter([began for began, _ in day.clock.steps])
    asleep = day.sleep.percent
    out = day.finish_session()
    day.close()
    long_ms = out["light_ms"] - short["light_ms"]
    return (
        out
        | seen
        | {
            "time_off_ms": long_ms - (seconds - SHORT_S) * 1000,
            "asleep_percent": asleep,
        }
    )


def across_the_wrap(image: Path, seconds: int = 60) -> Figures:
    """The same when `ticks_ms` begins anew in the session."""
    lasts_us = (SHORT_S + 10 + seconds // 2) * 1_000_000
    return measure_session(image, seconds, TICKS_WRAP_US - lasts_us)


def measure_loaded_session(image: Path, seconds: int = LOADED_S) -> Figures:
    """A session with a host that streams telemetry each second, pulls the whole log every 10 s and
    floods for 2 s of each 10."""
    day = Day(image)
    day.start_session(seconds + 60)
    twin = day.twin
    twin.advance_ms(200)  # what was asked is answered, what came of it written
    day.clock.steps.clear()
    lines = generate_flood()
    pulls = sent = 0
    for _ in range(seconds // _CYCLE_S):
        ends_ms = twin.now_ms + _CYCLE_S * 1000
        day.client.pull_log()
        pulls += 1
        while twin.now_ms < ends_ms - _FLOOD_MS:
            day.client.call(
                "telemetry", {"every_ms": 1000, "ms": 2 * _RENEW_MS}, on_push=ignore_push
            )
            until_ms = min(twin.now_ms + _RENEW_MS, ends_ms - _FLOOD_MS)
            while twin.now_ms < until_ms:
                twin.advance_ms(5)
                twin.read()
        sent += send_flood(twin, lines, ends_ms - twin.now_ms)
        twin.write(b"\n")
        twin.advance_ms(100)
        twin.read()
    seen = measure_jitter([began for began, _ in day.clock.steps])
    took = sorted((end - began) / 1000 for began, end in day.clock.steps)
    gone = int(twin.repl("import wrap_usb; print(wrap_usb.allocated())").strip())
    return seen | {
        "step_us_p99": took[len(took) * 99 // 100],
        "step_us_worst": took[-1],
        "pulls": pulls,
        "flood_bytes": sent,
        "bytes_since_collection": gone,
    }


def send_flood(twin: Twin, lines: Iterator[bytes], ms: int) -> int:
    """Offer all of `lines` that the port takes, each of `ms`; returns the bytes that it took."""
    sent, waiting = 0, b""
    for _ in range(ms):
        while True:
            waiting = waiting or next(lines)
            taken = twin.write(waiting)
            sent, waiting = sent + taken, waiting[taken:]
            if waiting:
                break
        twin.advance_ms(1)
        twin.read()
    return sent


def ignore_push(_name: str, _params: dict[str, object]) -> None:
    """Ignore a push."""
    return
