"""What the link costs a step: seen from outside, at the converter and in virtual time.

A step begins with its sensors' conversions, so the first conversion after a pause of more than a
millisecond is a step's beginning, to the nanosecond, in the unchanged image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pbmwrap.device.client import Client
from pbmwrap.device.twin_port import TwinTransport
from pbmwrap.facts import board_facts
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.rp2040 import Rp2040Twin
from wrap.link import frames
from wrap.storage import records

BOOT_MS = 1000
STEP_NS = 10_000_000
_PAUSE_NS = 1_000_000
_RAMP_MS = 5000
_READY_S = 10


class StepClock(Plant):
    """A plant that notes when steps begin, ns."""

    now_ns = staticmethod(lambda: 0)

    def __init__(self) -> None:
        super().__init__(board_facts())
        self.begins: list[int] = []
        self._last_ns = -_PAUSE_NS

    def raw12(self, sensor: int) -> int:
        now_ns = self.now_ns()
        if now_ns - self._last_ns >= _PAUSE_NS:
            self.begins.append(now_ns)
        self._last_ns = now_ns
        return super().raw12(sensor)


def protocol(seconds: int) -> bytes:
    """Canonical bytes of one step of `seconds`, both channels lit."""
    lamps = {"red": [500], "nir": [800]}
    steps = [{"t": seconds, "ch": lamps}]
    obj = {"v": 1, "id": "steps", "name": "Steps", "site": "bench", "steps": steps}
    return json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()


def request(number: int, method: str) -> bytes:
    """One request's line."""
    return frames.encode(json.dumps({"i": number, "m": method}, separators=(",", ":")).encode())


def flood() -> Iterator[bytes]:
    """Right lines, wrong ones, long ones and noise, for ever."""
    for n in count():
        right = request(n % 1000, ("status", "state", "hello", "log.info")[n % 4])
        yield right
        yield right.replace(b"*", b"+", 1)
        yield b"@" + b"x" * 300 + b"\n"
        yield b"noise \xff\r\n\n\n\n\n\n\n\n\n\n@@@@@@{}*\n"


def lit_session(image: Path, seconds: int, flooded: bool, kinds: int = 4) -> dict[str, float]:
    """A lit session watched for `seconds`, with or without a flood at full USB speed."""
    clock = StepClock()
    twin = Rp2040Twin(image, clock)
    clock.now_ns = lambda: twin.now_ns  # type: ignore[assignment]
    twin.start()
    twin.advance_ms(BOOT_MS)
    client = Client(TwinTransport(twin), first_id=5000, answer_s=_READY_S)
    client.flash_protocol(0, protocol(seconds + _RAMP_MS // 1000))
    client.start()
    twin.advance_ms(_RAMP_MS)
    client.call("state")
    clock.begins.clear()
    sent = _watch(twin, seconds * 1000, flooded)
    begins = list(clock.begins)
    out = _late(begins) | {"flood_bytes": sent, "lit": float(not twin.dark())}
    twin.advance_ms(_RAMP_MS)
    twin.read()
    out |= _lost(client)
    status = client.status()
    out |= {"step_us_max": status.step_us_max, "steps_late": status.steps_late}
    twin.close()
    return out


def _watch(twin: Rp2040Twin, ms: int, flooded: bool) -> int:
    """Let `ms` pass; the host sends whatever the port takes, every millisecond."""
    lines, sent, waiting = flood(), 0, b""
    for _ in range(ms):
        while flooded:
            waiting = waiting or next(lines)
            taken = twin.write(waiting)
            sent, waiting = sent + taken, waiting[taken:]
            if waiting:
                break
        twin.advance_ms(1)
        twin.read()
    return sent


def _late(begins: list[int]) -> dict[str, float]:
    """How far steps are from one every 10 ms, us: from the one before, and worst ever."""
    gaps = sorted(b - a - STEP_NS for a, b in zip(begins, begins[1:], strict=False))
    return {
        "steps": len(begins),
        "late_us_median": gaps[len(gaps) // 2] / 1000,
        "late_us_p99": gaps[len(gaps) * 99 // 100] / 1000,
        "late_us_max": gaps[-1] / 1000,
        "steps_over_2_ms": sum(gap > 2_000_000 for gap in gaps),
    }


def _lost(client: Client) -> dict[str, float]:
    """Sequence numbers that are missing in the log, and bytes that are no record."""
    found, gaps = records.scan(client.pull_log().data)
    numbers = [record[1] for record in found]
    missing = numbers[-1] - numbers[0] + 1 - len(set(numbers))
    ends = sum(record[0] == records.END for record in found)
    samples = sum(record[0] == records.SAMPLE for record in found)
    return {"records_lost": missing + len(gaps), "sessions_ended": ends, "samples": samples}
