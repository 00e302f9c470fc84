"""Measures how many bytes a host's requests allocate in a running session of the real image, and so
how often the heap is collected. Without a host only an occasional record allocates.

A lit board is made once; each host is tried in a copy of the process, then Ctrl-C asks MicroPython
how many bytes were given out since the heap was last collected.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tools.bench.copies import in_a_copy
from tools.bench.link_steps import generate_flood
from tools.bench.session import Day, encode_protocol, ignore_push, send_flood

_SETTLED_MS = 3000
_CALM_S = 10
_TELEMETRY_S = (5, 15)  # the difference is without the request that starts it
_REQUESTS = 8
_FLOOD_MS = 200  # 500 reached a collection, whose bytes were missing then

Figures = dict[str, float]


def _read_allocated(day: Day) -> int:
    """Return the bytes allocated since the last collection. The session ends."""
    return int(day.twin.repl("import wrap_usb; print(wrap_usb.allocated())").strip())


def _run_without_host(day: Day) -> None:
    day.twin.advance_ms(1000 * _CALM_S)


def _stream_telemetry(day: Day, seconds: int) -> None:
    """Receive a push a second."""
    params = {"every_ms": 1000, "ms": 1000 * (seconds + 5)}
    day.client.call("telemetry", params, on_push=ignore_push)
    for _ in range(seconds * 100):
        day.twin.advance_ms(10)
        day.twin.read()


def _request_status(day: Day) -> None:
    for _ in range(_REQUESTS):
        day.client.call("status")


def _pull_log(day: Day) -> None:
    day.client.pull_log()


def measure_garbage(image: Path) -> Figures:
    """Return bytes a second, a push, a request, a pull, and a flooded kilobyte."""
    day = Day(image)
    day.client.flash_protocol(0, encode_protocol("garbage", 120))
    day.client.start()  # the heap is collected
    day.client.call("status")  # what a known request is parsed to is kept
    day.twin.advance_ms(_SETTLED_MS)
    assert day.twin.enabled()

    def measure_work(host: Callable[[Day], object]) -> tuple[int, int]:
        """Return (bytes allocated, bytes that the host sent) in a copy of the process."""

        def run() -> str:
            sent = host(day)
            return f"{_read_allocated(day)} {sent or 0}"

        gone, sent = in_a_copy(run).split()
        return int(gone), int(sent)

    nothing = measure_work(lambda _: None)[0]
    calm, status, pull = (
        measure_work(host)[0] - nothing for host in (_run_without_host, _request_status, _pull_log)
    )
    fewer, more = (
        measure_work(lambda it, seconds=seconds: _stream_telemetry(it, seconds))[0]
        for seconds in _TELEMETRY_S
    )
    pushes_then = _TELEMETRY_S[0]
    per_push = (more - fewer) / (_TELEMETRY_S[1] - pushes_then) - calm / _CALM_S
    half, _ = measure_work(lambda it: send_flood(it.twin, generate_flood(), _FLOOD_MS // 2))
    flooding, sent = measure_work(lambda it: send_flood(it.twin, generate_flood(), _FLOOD_MS))
    assert nothing < half < flooding, "a collection came during the flood"
    day.close()
    return {
        "garbage_calm_bytes_per_s": calm / _CALM_S,
        "garbage_telemetry_bytes_per_push": per_push,
        "garbage_telemetry_request_bytes": fewer - nothing - pushes_then * per_push,
        "garbage_status_bytes": status / _REQUESTS,
        "garbage_pull_bytes": pull,
        "garbage_flood_bytes_per_kb": (flooding - nothing) / sent * 1024,
        "garbage_flood_bytes_per_s": (flooding - nothing) / _FLOOD_MS * 1000,
    }
