"""`bench`: measures a wrap and its link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import Json, Port, Result, register_command, warn, wrap_at
from pbmwrap.cli.options import Option
from pbmwrap.errors import DeviceError
from pbmwrap.words import name_state

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello

Figures = dict[str, float]
_MEANS = {
    "round_trip_ms_median": "request and answer, median, ms",
    "round_trip_ms_p99": "request and answer, 99th percentile, ms",
    "round_trip_ms_worst": "request and answer, longest, ms",
    "log_bytes": "log on the wrap, bytes",
    "pull_kb_per_s": "log pulled and verified, KB/s",
    "sample_ms_mean": "between samples requested every 100 ms, mean, ms",
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
    register_command(app, "bench")(measure_wrap)


def measure_wrap(
    port: Port = None,
    seconds: Annotated[
        int, Option(help="How long to receive samples, in seconds.", min=2, max=600)
    ] = 5,
    json: Json = False,
) -> Result:
    """Measure the wrap and its link. Lights no lamp, changes nothing, disturbs no session."""
    # Exclusive: through another program's port the link is slower.
    with wrap_at(port, exclusive=True) as (client, hello):
        figures = _measure_figures(client, seconds)
    return Result({"wrap": hello, "figures": figures}, _format_figures(hello, figures))


def _measure_figures(client: Client, seconds: int) -> Figures:
    from pbmwrap.device import measure

    figures = measure.measure_link(client) | measure.measure_samples(client, seconds)
    try:
        figures |= measure.measure_step(client)
    except DeviceError as refusal:
        warn([f"the time of a control step was not measured: {refusal}"])
    return figures | measure.read_totals(client)


def _format_figures(hello: Hello, figures: Figures) -> str:
    lines = [f"{hello.board}, firmware {hello.fw}, {hello.runs_on}, {name_state(hello.state)}"]
    for name, value in figures.items():
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        lines.append(f"  {shown:>10}  {_MEANS[name]}")
    return "\n".join(lines)
