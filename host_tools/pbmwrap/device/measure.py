"""Measures a wrap and its link, on the wrap itself."""

from __future__ import annotations

from itertools import pairwise

from pbmwrap.device.client import Client

Figures = dict[str, float]
EVERY_MS = 100  # between the samples that are requested
_TRIPS = 100


def measure_link(client: Client) -> Figures:
    """Measure round trips and a pull of the log. Raises WrapError."""
    clock = client.transport.monotonic
    trips = []
    for _ in range(_TRIPS):
        began = clock()
        client.call("state")
        trips.append((clock() - began) * 1000)
    trips.sort()
    began = clock()
    data = client.pull_log().data
    took = clock() - began
    return {
        "round_trip_ms_median": trips[_TRIPS // 2],
        "round_trip_ms_p99": trips[_TRIPS * 99 // 100],
        "round_trip_ms_worst": trips[-1],
        "log_bytes": len(data),
        "pull_kb_per_s": len(data) / 1000 / took if took > 0 else 0.0,
    }


def measure_samples(client: Client, seconds: int) -> Figures:
    """Measure the intervals between samples, by the host's clock. Raises WrapError."""
    clock = client.transport.monotonic
    samples = client.telemetry(every_ms=EVERY_MS)
    arrived_ms = []
    try:
        for _ in samples:
            arrived_ms.append(clock() * 1000)
            if len(arrived_ms) > seconds * 1000 // EVERY_MS:
                break
    finally:
        samples.close()
    gaps = [b - a for a, b in pairwise(arrived_ms)]
    return {
        "sample_ms_mean": sum(gaps) / len(gaps),
        "sample_ms_worst_off": max(abs(gap - EVERY_MS) for gap in gaps),
    }


def measure_step(client: Client) -> Figures:
    """Measure a step's hardware calls on the chip. Raises DeviceError during a session."""
    cost = client.step_cost()
    return {"inputs_us": cost.inputs_us, "held_us": cost.held_us}


def read_totals(client: Client) -> Figures:
    """Read the figures that the wrap keeps since power-on. Raises WrapError."""
    now = client.status()
    return {
        "step_us_max": now.step_us_max,
        "steps_late": now.steps_late,
        "heap_used": now.heap_used,
        "heap_free": now.heap_free,
    }
