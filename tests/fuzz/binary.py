"""Sends random lines to the real image on the emulated RP2040: each is answered as docs/link.md
says, and afterwards the wrap is as before.

python -m tests.fuzz.binary [--lines N] [--seed S] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.contract.conftest import Bench
from tests.fuzz import campaign, engine, kit, mutate, odd
from tests.fuzz.targets import frames as frames_target
from tests.fuzz.targets import server as server_target
from wrap import errors
from wrap.link import frames

AT_ONCE = 16  # lines; a request follows them: 32 wrong lines in a row are answered, no more
GROWTH_MOST = 1024  # bytes of heap: answers of other lengths, and no more
WARM = 64  # lines after which everything that is kept once is there
_SETTLE_MS = 20
_WRITTEN_MS = 500  # until the END record of a session is in the log
_LONG_MS = 20_000
_CTRL_C = b"\x03"
_CODES = {
    frames.OK: errors.BAD_FRAME,
    frames.BAD_CRC: errors.BAD_CRC,
    frames.TOO_LONG: errors.TOO_LONG,
}
_ASKED = ("settings.get", "cal.get", "proto.list", "log.info", "fault.get", "state")


@dataclass(frozen=True)
class Storm:
    """Counts what happened: lines that were sent; answers that came; bytes of heap in use before
    and after."""

    lines: int
    answers: int
    bytes_sent: int
    virtual_ms: int
    seconds: float
    heap_before: int
    heap_after: int


def lines(seed: int, count: int) -> list[bytes]:
    """Return `count` lines that are no requests, from changed frames, true frames around anything,
    and bytes."""
    rng = mutate.Rng(seed)
    seeds = engine.corpus("frames") + engine.corpus("server")
    made: list[bytes] = []
    while len(made) < count:
        data = mutate.made(rng, seeds)
        if rng.below(3) == 0:
            text = server_target.request(odd.Choices(data), 1)
            data = server_target.framed(text.encode("utf-8", "surrogatepass"))
            data = mutate.made(rng, [data]) if rng.below(2) else data
        for line in data.replace(_CTRL_C, b"").split(b"\n"):
            if line and not kit.requests(line + b"\n"):
                made.append(line + b"\n")
    return made[:count]


def expected(line: bytes) -> list[str]:
    """Return the code of the answer to a line; nothing when it is not a frame."""
    event = frames_target.judged(line[:-1], frames.MAX_REQUEST)[0]
    return [_CODES[event]] if event in _CODES else []


def _send(bench: Bench, raw: bytes, answers: int) -> list[dict[str, Any]]:
    """Return what comes back, once `answers` lines have."""
    back, sent, began = b"", 0, bench.twin.now_ms
    while sent < len(raw) or back.count(b"\n") < answers:
        assert bench.twin.now_ms - began < _LONG_MS, "the wrap takes no more, or does not answer"
        sent += bench.twin.write(raw[sent:])
        bench.advance(2)
        back += bench.twin.read()
    bench.advance(_SETTLE_MS)
    return kit.said(back + bench.twin.read())


def snapshot(bench: Bench) -> dict[str, Any]:
    """Return all that can be asked, but for what time changes."""
    hello = bench.client.call("hello")
    hello.pop("uptime_s")
    sites = bench.client.call("course.get")["sites"]
    kept = {name: (site["day"], site["week"]) for name, site in sites.items()}
    reported = {method: bench.client.call(method) for method in _ASKED}
    return {"hello": hello, "course": kept, **reported}


def heap(bench: Bench, site: str) -> int:
    """Return the bytes in use while a session begins: garbage has just been collected."""
    bench.flash(0, site=site)
    bench.client.start()
    used = bench.client.call("status")["heap_used"]
    bench.client.stop()
    bench.wait_for("done", 5000)
    bench.advance(_WRITTEN_MS)
    return used


def storm(bench: Bench, made: list[bytes]) -> Storm:
    """Send the lines. AssertionError when the wrap is not as before."""
    _all(bench, made[:WARM])
    used = heap(bench, "hand-left")
    before, began_ms, began = snapshot(bench), bench.twin.now_ms, time.perf_counter()
    answers = _all(bench, made[WARM:])
    assert snapshot(bench) == before, "changed by what is no request"
    assert bench.twin.dark()
    took_ms, seconds = bench.twin.now_ms - began_ms, time.perf_counter() - began
    after = heap(bench, "hand-right")
    assert after - used <= GROWTH_MOST, f"the heap has grown from {used} to {after} bytes"
    sent = sum(map(len, made))
    return Storm(len(made), answers, sent, took_ms, round(seconds, 1), used, after)


def _all(bench: Bench, made: list[bytes]) -> int:
    """Return the number of answers, each of them the right one."""
    count = 0
    for at in range(0, len(made), AT_ONCE):
        some = made[at : at + AT_ONCE]
        wanted = [code for line in some for code in expected(line)]
        reported = _send(bench, b"".join(some), len(wanted))
        assert [message["e"][0] for message in reported] == wanted, (some, reported)
        count += len(reported)
        bench.client.call("state")
        if at // AT_ONCE % 20 == 19:
            print(f"  {at + AT_ONCE:,} lines, {bench.twin.now_ms} ms", file=sys.stderr)
    return count


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.binary", description=__doc__)
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=engine.SEED)
    parser.add_argument("--out", type=Path, default=campaign.ROOT / "build" / "fuzz")
    options = parser.parse_args(words)
    bench = Bench("rp2040")
    result = storm(bench, lines(options.seed, options.lines))
    bench.twin.close()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "binary.json").write_text(json.dumps(asdict(result), indent=1) + "\n")
    print(json.dumps(asdict(result)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
