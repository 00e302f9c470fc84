"""`bench`: measures this wrap and its link, on the wrap itself."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import Json, Port, Result, command, warn, wrap_at
from pbmwrap.cli.options import Option
from pbmwrap.errors import DeviceError
from pbmwrap.words import name_state

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello

Figures = dict[str, float]
_TRIPS = 100
_EVERY_MS = 100
_MEANS = {
    "round_trip_ms_median": "request and answer, median, ms",
    "round_trip_ms_p99": "request and answer, 99th percentile, ms",
    "round_trip_ms_worst": "request and answer, longest, ms",
    "log_bytes": "log on the wrap, bytes",
    "pull_kb_per_s": "log pulled and verified, KB/s",
    "sample_ms_mean": f"between samples requested every {_EVERY_MS} ms, mean, ms",
    "sample_ms_worst_off": "largest deviation from that, ms",
    "inputs_us": "reading sensors and button, us",
    "held_us": "verifying outputs, us",
    "step_us_max": "longest control step on the slow path since power-on, us",
    "steps_late": "control steps more than 10 ms late since power-on",
    "heap_used": "heap in use, bytes",
    "heap_free": "heap free, bytes",
}


def add_to(app: click.Group) -> None:
    """Register this file's commands."""
    command(app, "bench")(bench)


def bench(
    port: Port = None,
    seconds: Annotated[
        int, Option(help="How long to receive samples, in seconds.", min=2, max=600)
    ] = 5,
    json: Json = False,
) -> Result:
    """Measure the wrap and its link. Lights no lamp, changes nothing, disturbs no session."""
    with wrap_at(port, exclusive=True) as (client, hello):  # an owner between would be measured
        figures = _link(client) | _samples(client, seconds) | _wrap(client)
    return Result({"wrap": hello, "figures": figures}, _text(hello, figures))


def _link(client: Client) -> Figures:
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


def _samples(client: Client, seconds: int) -> Figures:
    """When samples come, by the clock of the host."""
    clock = client.transport.monotonic
    samples = client.telemetry(every_ms=_EVERY_MS)
    came = []
    try:
        for _ in samples:
            came.append(clock() * 1000)
            if len(came) > seconds * 1000 // _EVERY_MS:
                break
    finally:
        samples.close()
    gaps = [b - a for a, b in pairwise(came)]
    return {
        "sample_ms_mean": sum(gaps) / len(gaps),
        "sample_ms_worst_off": max(abs(gap - _EVERY_MS) for gap in gaps),
    }


def _wrap(client: Client) -> Figures:
    out: Figures = {}
    try:
        cost = client.step_cost()
        out |= {"inputs_us": cost.inputs_us, "held_us": cost.held_us}
    except DeviceError as refusal:
        warn([f"the time of a control step was not measured: {refusal}"])
    now = client.status()
    return out | {
        "step_us_max": now.step_us_max,
        "steps_late": now.steps_late,
        "heap_used": now.heap_used,
        "heap_free": now.heap_free,
    }


def _text(hello: Hello, figures: Figures) -> str:
    lines = [f"{hello.board}, firmware {hello.fw}, {hello.runs_on}, {name_state(hello.state)}"]
    for name, value in figures.items():
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        lines.append(f"  {shown:>10}  {_MEANS[name]}")
    return "\n".join(lines)
