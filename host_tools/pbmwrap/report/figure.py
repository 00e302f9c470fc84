"""Computes the plot of a session as values: three panels over one time axis.

The colours are those of Okabe and Ito, which people with any colour vision can tell apart. Line
styles repeat the distinction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pbmwrap.report.model import UNCALIBRATED, SampleReport, SessionReport
from pbmwrap.words import name_end

Values = tuple[float | None, ...]

_CHANNEL_COLOURS = ("#D55E00", "#0072B2", "#CC79A7", "#000000")
_SENSOR_COLOURS = ("#009E73", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("", "10 5", "10 4 2 4", "2 3")
_SUM = "#555555"
_SHADES = {"paused": ("#DDDDDD", "paused"), "fault": ("#F3C9C9", "fault")}
_NEAR_BOARD_TRIP_K = 10.0  # the board's trip line is drawn only when a board came this near
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_MAX_TIME_TICKS = 10
_MAX_TICKS = 7  # of a vertical axis
_MARGIN = 0.05  # of an axis, above the highest value and below the lowest


@dataclass(frozen=True)
class Style:
    """Style of a line. width: px. dashes: lengths of dash and gap in px, "" for a solid line."""

    colour: str
    width: float
    dashes: str = ""


@dataclass(frozen=True)
class Line:
    """Values at the times of the figure; None is a gap. steps: each holds until the next."""

    label: str
    values: Values
    style: Style
    steps: bool = False


@dataclass(frozen=True)
class Limit:
    """A horizontal line at a limit. words: its meaning."""

    at: float
    words: str
    dashed: bool


@dataclass(frozen=True)
class Band:
    """A shaded span of time. label: for the legend, "" if the legend has it already."""

    first_s: float
    last_s: float
    colour: str
    label: str


@dataclass(frozen=True)
class Panel:
    """One vertical axis from low to high. share: of the figure's height, relative to the others."""

    label: str
    share: float
    lines: tuple[Line, ...]
    low: float
    high: float
    ticks: tuple[float, ...]
    limits: tuple[Limit, ...] = ()
    bands: tuple[Band, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """The whole plot. times: of every value, s. tick_s: between marks of the time axis."""

    title: str
    subtitle: str
    times: tuple[float, ...]
    first_s: float
    end_s: float
    tick_s: float
    panels: tuple[Panel, ...]


def make_figure(report: SessionReport) -> Figure:
    """Make the plot of a session."""
    times = tuple(sample.t_s for sample in report.samples)
    first, end = min([0.0, *times]), max([*times, report.duration_s, 1.0])
    even = (end - first) / _MAX_TIME_TICKS
    panels = (
        _make_temperatures(report),
        _make_duties(report),
        _make_doses(report) if report.calibrated else _make_on_times(report),
    )
    which = f"session {report.session_id} of wrap {report.wrap_id}"
    return Figure(
        title=report.protocol or "Session",
        subtitle=f"{which}, {report.when}, ended: {name_end(report.end_reason)}",
        times=times,
        first_s=first,
        end_s=end,
        tick_s=next((s for s in _TICKS_S if s >= even), even),
        panels=tuple(
            replace(panel, bands=_list_bands(report.samples, named=number > 0))
            for number, panel in enumerate(panels)
        ),
    )


def _make_temperatures(report: SessionReport) -> Panel:
    lines = tuple(
        Line(
            _format_sensor(report, i),
            tuple(_read_or_gap(sample.temps_c, i) for sample in report.samples),
            _choose_sensor_style(i),
        )
        for i in range(len(report.sensors))
    )
    limits = [
        Limit(report.skin_trip_c, "skin: light off", dashed=False),
        Limit(report.skin_derate_c, "skin: light dims", dashed=True),
    ]
    if (report.max_board_c or 0.0) > report.board_trip_c - _NEAR_BOARD_TRIP_K:
        limits.append(Limit(report.board_trip_c, "board: light off", dashed=False))
    shown = [*_list_known(lines), *(limit.at for limit in limits)]
    margin = (max(shown) - min(shown)) * _MARGIN
    low, high = min(shown) - margin, max(shown) + 2 * margin  # space for the top limit's text
    ticks = _list_ticks(low, high)
    return Panel("Temperature (°C)", 1.2, lines, low, high, ticks, tuple(limits))


def _format_sensor(report: SessionReport, index: int) -> str:
    name = report.sensors[index]
    role = report.roles[index] if index < len(report.roles) else ""
    return name if role in name else f"{name} ({role})"


def _choose_sensor_style(index: int) -> Style:
    """Make each line thinner than the one before it, so that all are visible if they coincide."""
    width = (4.5, 3.0, 1.5, 2.0)[index % 4]
    return Style(_SENSOR_COLOURS[index % 4], width, _DASHES[index % 4])


def _choose_channel_style(index: int) -> Style:
    """Make later channels dashed and thinner, so that all are visible if they coincide."""
    width = 3.0 if index == 0 else 1.8
    return Style(_CHANNEL_COLOURS[index % 4], width, _DASHES[index % 4])


def _read_or_gap(values: Sequence[float | None], index: int) -> float | None:
    """Return the value, or None if there is none or it is not finite."""
    value = values[index] if index < len(values) else None
    return value if value is not None and math.isfinite(value) else None


def _list_known(lines: Sequence[Line]) -> list[float]:
    return [value for line in lines for value in line.values if value is not None]


def _make_duties(report: SessionReport) -> Panel:
    rows = [
        tuple(_read_or_gap(sample.duty_pct, i) for sample in report.samples)
        for i in range(len(report.channels))
    ]
    lines = _make_channel_lines(report, rows, steps=True)
    return Panel("Duty (%)", 0.8, lines, -4.0, 104.0, (0.0, 25.0, 50.0, 75.0, 100.0))


def _make_channel_lines(
    report: SessionReport, rows: Sequence[Values], steps: bool = False
) -> tuple[Line, ...]:
    return tuple(
        Line(f"{channel.name} {channel.wavelength_nm} nm", row, _choose_channel_style(i), steps)
        for i, (channel, row) in enumerate(zip(report.channels, rows, strict=True))
    )


def _make_doses(report: SessionReport) -> Panel:
    rows = [
        tuple(_read_or_gap(sample.dose_j_cm2, i) for sample in report.samples)
        for i in range(len(report.channels))
    ]
    lines = _make_channel_lines(report, rows)
    if len(rows) > 1:
        lines += (Line("sum", tuple(map(_add_known, zip(*rows, strict=True))), Style(_SUM, 1.2)),)
    return _make_panel_from_zero("Dose (J/cm²)", lines)


def _add_known(parts: Values) -> float | None:
    """Add the parts; None if one is missing, since the rest is not the sum."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _make_on_times(report: SessionReport) -> Panel:
    rows = [_integrate_duty_s(report.samples, i) for i in range(len(report.channels))]
    lines = _make_channel_lines(report, rows)
    return replace(_make_panel_from_zero("Time at full duty (s)", lines), note=UNCALIBRATED)


def _integrate_duty_s(samples: Sequence[SampleReport], channel: int) -> Values:
    """Integrate duty over time: seconds at full duty that would give as much light."""
    total, out = 0.0, [0.0] if samples else []
    for sample, after in pairwise(samples):
        total += (after.t_s - sample.t_s) * (_read_or_gap(sample.duty_pct, channel) or 0.0) / 100.0
        out.append(total)
    return tuple(out)


def _make_panel_from_zero(label: str, lines: tuple[Line, ...]) -> Panel:
    high = max([0.0, *_list_known(lines)]) * (1 + _MARGIN) or 1.0
    return Panel(label, 1.0, lines, 0.0, high, _list_ticks(0.0, high))


def _list_ticks(low: float, high: float) -> tuple[float, ...]:
    """List round numbers from low to high, at most _MAX_TICKS + 1."""
    rough = (high - low) / _MAX_TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * n for n in (1, 2, 5, 10, 20) if size * n >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return tuple(n * step for n in range(first, last + 1))


def _list_bands(samples: Sequence[SampleReport], named: bool) -> tuple[Band, ...]:
    """List pauses and faults, each from its first sample to the sample after its last.

    named: the legend of another panel has their names already.
    """
    known = set(_SHADES) if named else set()
    out: list[Band] = []
    state = ""
    for sample, after in pairwise(samples):
        if sample.state in _SHADES and sample.state == state:
            out[-1] = replace(out[-1], last_s=after.t_s)
        elif sample.state in _SHADES:
            colour, words = _SHADES[sample.state]
            label = "" if sample.state in known else words
            out.append(Band(sample.t_s, after.t_s, colour, label))
            known.add(sample.state)
        state = sample.state
    return tuple(out)
