"""Draws a session: temperatures, duty and dose over one time axis.

Okabe and Ito's colours serve every kind of colour vision; line styles repeat what they say.
matplotlib is loaded only when something is drawn, and without its global state.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbmwrap import disk
from pbmwrap.errors import UsageError
from pbmwrap.report.model import UNCALIBRATED, SampleReport, SessionReport, clock
from pbmwrap.words import name_end

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CHANNEL_COLOURS = ("#D55E00", "#0072B2", "#CC79A7", "#000000")
_SENSOR_COLOURS = ("#009E73", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--", "-.", ":")
_LIMIT = "#7A1F1F"
_GREY = "#555555"
_SHADES = {"paused": ("#DDDDDD", "paused"), "fault": ("#F3C9C9", "fault")}
_NEAR_BOARD_TRIP_K = 10.0  # the board's trip line is drawn only when a board came this near
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_RC: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, found and scaled
    "svg.hashsalt": "pbmwrap",
    "axes.unicode_minus": False,
}


def save(report: SessionReport, *paths: Path, replace: bool = False) -> None:
    """Write the figure to each path, as its suffix says (.png or .svg).

    Raises UsageError for another suffix and for a file that exists, unless `replace`; InvalidFile,
    NoPermission when a file cannot be written.
    """
    for path in paths:
        if path.suffix not in (".png", ".svg"):
            raise UsageError(f"{path} ends in neither .png nor .svg", "use one of these endings")
    for path in paths:
        disk.write_file(path, _render(report, path.suffix[1:]), replace)


def inline_svg(report: SessionReport) -> str:
    """The figure as an <svg> element to stand in a page; it scales with the page's width."""
    text = _render(report, "svg").decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' width="[^"]*pt"', "", text, count=1)
    text = re.sub(r' height="[^"]*pt"', "", text, count=1)
    return text.replace("<svg", '<svg role="img" aria-labelledby="plot-title"', 1)


def _render(report: SessionReport, form: str) -> bytes:
    from matplotlib import rc_context

    metadata: dict[str, Any] = {"Date": None, "Creator": None} if form == "svg" else {}
    out = io.BytesIO()
    with rc_context(_RC), warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box: no reason to write on the terminal.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure(report).savefig(out, format=form, dpi=150, metadata=metadata)
    return out.getvalue()


def figure(report: SessionReport) -> Figure:
    """Three panels over one time axis, in minutes and seconds of the session."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(9, 8), layout="constrained")
    heat, duty, dose = drawn.subplots(3, 1, sharex=True, height_ratios=(1.2, 0.8, 1.0))
    name = report.protocol or "Session"
    drawn.suptitle(_plain(name), x=0.01, ha="left", fontsize=13, fontweight="bold")
    heat.set_title(_plain(_subtitle(report)), loc="left", fontsize=10, color=_GREY)
    _temperatures(heat, report)
    _duties(duty, report)
    if report.calibrated:
        _doses(dose, report)
    else:
        _on_times(dose, report)
    for axes in (heat, duty, dose):
        _shade(axes, report.samples, named=axes is not heat)
        axes.grid(axis="both", color="#E6E6E6", linewidth=0.8)
        axes.set_axisbelow(True)
        _legend(axes)
    drawn.align_ylabels()
    _time_axis(dose, report)
    return drawn


def _subtitle(report: SessionReport) -> str:
    which = f"session {report.session_id} of wrap {report.wrap_id}"
    return f"{which}, {report.when}, ended: {name_end(report.end_reason)}"


def _plain(text: str) -> str:
    """Text that draws as it reads: no formulas, nothing that XML cannot carry."""
    return "".join(c for c in text if c.isprintable()).replace("$", r"\$")


def _times(report: SessionReport) -> list[float]:
    return [sample.t_s for sample in report.samples]


def _temperatures(axes: Axes, report: SessionReport) -> None:
    times = _times(report)
    for i, name in enumerate(report.sensors):
        values = [_or_gap(sample.temps_c, i) for sample in report.samples]
        role = report.roles[i] if i < len(report.roles) else ""
        label = name if role in name else f"{name} ({role})"
        axes.plot(times, values, label=_plain(label), **_sensor_style(i))
    _limit(axes, report.skin_trip_c, "skin: light off", "-")
    _limit(axes, report.skin_derate_c, "skin: light dims", "--")
    if (report.max_board_c or 0.0) > report.board_trip_c - _NEAR_BOARD_TRIP_K:
        _limit(axes, report.board_trip_c, "board: light off", "-")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.08 * (high - low))
    axes.set_ylabel("Temperature (°C)")


def _sensor_style(index: int) -> dict[str, Any]:
    """Each line is thinner than the one before it: where they coincide all are seen."""
    width = (4.5, 3.0, 1.5, 2.0)[index % 4]
    return {"color": _SENSOR_COLOURS[index % 4], "ls": _STYLES[index % 4], "lw": width}


def _limit(axes: Axes, celsius: float, words: str, style: str) -> None:
    axes.axhline(celsius, color=_LIMIT, lw=1, ls=style)
    axes.annotate(
        f"{words} at {celsius:g} °C",
        (0.0, celsius),
        xycoords=("axes fraction", "data"),
        xytext=(4, 2),
        textcoords="offset points",
        color=_LIMIT,
        fontsize=8,
    )


def _or_gap(values: Sequence[float | None], index: int) -> float:
    """The value, or NaN, which matplotlib draws as a gap."""
    value = values[index] if index < len(values) else None
    return float("nan") if value is None else value


def _duties(axes: Axes, report: SessionReport) -> None:
    times = _times(report)
    for i, label in enumerate(_channel_labels(report)):
        values = [_or_gap(sample.duty_pct, i) for sample in report.samples]
        axes.plot(times, values, drawstyle="steps-post", label=label, **_channel_style(i))
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_ylabel("Duty (%)")


def _channel_labels(report: SessionReport) -> list[str]:
    return [_plain(f"{c.name} {c.wavelength_nm} nm") for c in report.channels]


def _channel_style(index: int) -> dict[str, Any]:
    """Later channels are dashed and thinner, so that equal lines are both seen."""
    width = 3.0 if index == 0 else 1.8
    return {"color": _CHANNEL_COLOURS[index % 4], "ls": _STYLES[index % 4], "lw": width}


def _doses(axes: Axes, report: SessionReport) -> None:
    times = _times(report)
    rows = [[_or_gap(s.dose_j_cm2, i) for s in report.samples] for i in range(len(report.channels))]
    for i, label in enumerate(_channel_labels(report)):
        axes.plot(times, rows[i], label=label, **_channel_style(i))
    if len(rows) > 1:
        axes.plot(times, [sum(column) for column in zip(*rows, strict=True)], color=_GREY, lw=1.2)
        axes.lines[-1].set_label("sum")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Dose (J/cm²)")


def _on_times(axes: Axes, report: SessionReport) -> None:
    for i, label in enumerate(_channel_labels(report)):
        axes.plot(_times(report), _full_duty_s(report.samples, i), label=label, **_channel_style(i))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Time at full duty (s)")
    axes.text(
        0.01,
        0.95,
        UNCALIBRATED,
        transform=axes.transAxes,
        va="top",
        color=_LIMIT,
        fontweight="bold",
    )


def _full_duty_s(samples: Sequence[SampleReport], channel: int) -> list[float]:
    """Duty integrated over time: seconds that full duty would have taken for as much light."""
    total, out = 0.0, [0.0] if samples else []
    for sample, after in pairwise(samples):
        duty = sample.duty_pct[channel] if channel < len(sample.duty_pct) else 0.0
        total += (after.t_s - sample.t_s) * duty / 100.0
        out.append(total)
    return out


def _shade(axes: Axes, samples: Sequence[SampleReport], named: bool) -> None:
    """Pauses and faults as bands, from the sample that shows one to the next sample.

    `named`: another panel's legend has their names already.
    """
    known = set(_SHADES) if named else set()
    for sample, after in pairwise(samples):
        if sample.state in _SHADES:
            colour, words = _SHADES[sample.state]
            label = None if sample.state in known else words
            axes.axvspan(sample.t_s, after.t_s, color=colour, lw=0, zorder=0, label=label)
            known.add(sample.state)


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _time_axis(axes: Axes, report: SessionReport) -> None:
    from matplotlib.ticker import MultipleLocator

    times = _times(report)
    first, end = min([0.0, *times]), max([*times, report.duration_s, 1.0])
    axes.set_xlim(first, end)
    step = next((s for s in _TICKS_S if (end - first) / s <= 10), (end - first) / 10)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(lambda value, _: clock(value))
    axes.set_xlabel("Time in the session (min:s)")
    if not times:
        axes.text(0.5, 0.5, "no samples kept", transform=axes.transAxes, ha="center")
