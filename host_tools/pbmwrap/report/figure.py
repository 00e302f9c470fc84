"""What the plot of a session shows: three panels over one time axis, as plain values.

Okabe and Ito's colours serve every kind of colour vision; line styles repeat what they say.
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
_MOST_TIME_TICKS = 10
_MOST_TICKS = 7  # of a vertical axis
_MARGIN = 0.05  # of an axis, above the highest value and below the lowest


@dataclass(frozen=True)
class Style:
    """How a line is drawn. `dashes`: lengths of dash and gap in px, "" for a whole line."""

    colour: str
    width: float
    dashes: str = ""


@dataclass(frozen=True)
class Line:
    """A value over the times of the figure; None is a gap. `steps`: it holds until the next."""

    label: str
    values: Values
    style: Style
    steps: bool = False


@dataclass(frozen=True)
class Limit:
    """A horizontal line with its meaning."""

    at: float
    words: str
    dashed: bool


@dataclass(frozen=True)
class Band:
    """A span of time that is shaded. `label` "": the legend has its name already."""

    first_s: float
    last_s: float
    colour: str
    label: str


@dataclass(frozen=True)
class Panel:
    """One vertical axis from `low` to `high`, with a `share` of the figure's height."""

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
    """The whole plot. `times`: of every value, in s; `tick_s`: between marks of the time axis."""

    title: str
    subtitle: str
    times: tuple[float, ...]
    first_s: float
    end_s: float
    tick_s: float
    panels: tuple[Panel, ...]


def figure(report: SessionReport) -> Figure:
    """What is drawn of this session."""
    times = tuple(sample.t_s for sample in report.samples)
    first, end = min([0.0, *times]), max([*times, report.duration_s, 1.0])
    even = (end - first) / _MOST_TIME_TICKS
    panels = (
        _temperatures(report),
        _duties(report),
        _doses(report) if report.calibrated else _on_times(report),
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
            replace(panel, bands=_bands(report.samples, named=number > 0))
            for number, panel in enumerate(panels)
        ),
    )


def _temperatures(report: SessionReport) -> Panel:
    lines = tuple(
        Line(
            _sensor_label(report, i),
            tuple(_or_gap(sample.temps_c, i) for sample in report.samples),
            _sensor_style(i),
        )
        for i in range(len(report.sensors))
    )
    limits = [
        Limit(report.skin_trip_c, "skin: light off", dashed=False),
        Limit(report.skin_derate_c, "skin: light dims", dashed=True),
    ]
    if (report.max_board_c or 0.0) > report.board_trip_c - _NEAR_BOARD_TRIP_K:
        limits.append(Limit(report.board_trip_c, "board: light off", dashed=False))
    shown = [*_known(lines), *(limit.at for limit in limits)]
    margin = (max(shown) - min(shown)) * _MARGIN
    low, high = min(shown) - margin, max(shown) + 2 * margin  # room for the highest limit's words
    ticks = _ticks(low, high)
    return Panel("Temperature (°C)", 1.2, lines, low, high, ticks, tuple(limits))


def _sensor_label(report: SessionReport, index: int) -> str:
    name = report.sensors[index]
    role = report.roles[index] if index < len(report.roles) else ""
    return name if role in name else f"{name} ({role})"


def _sensor_style(index: int) -> Style:
    """Each line is thinner than the one before it: where they coincide all are seen."""
    width = (4.5, 3.0, 1.5, 2.0)[index % 4]
    return Style(_SENSOR_COLOURS[index % 4], width, _DASHES[index % 4])


def _channel_style(index: int) -> Style:
    """Later channels are dashed and thinner, so that equal lines are both seen."""
    width = 3.0 if index == 0 else 1.8
    return Style(_CHANNEL_COLOURS[index % 4], width, _DASHES[index % 4])


def _or_gap(values: Sequence[float | None], index: int) -> float | None:
    """The value, or None where there is none that can be drawn."""
    value = values[index] if index < len(values) else None
    return value if value is not None and math.isfinite(value) else None


def _known(lines: Sequence[Line]) -> list[float]:
    return [value for line in lines for value in line.values if value is not None]


def _duties(report: SessionReport) -> Panel:
    rows = [
        tuple(_or_gap(sample.duty_pct, i) for sample in report.samples)
        for i in range(len(report.channels))
    ]
    lines = _channel_lines(report, rows, steps=True)
    return Panel("Duty (%)", 0.8, lines, -4.0, 104.0, (0.0, 25.0, 50.0, 75.0, 100.0))


def _channel_lines(
    report: SessionReport, rows: Sequence[Values], steps: bool = False
) -> tuple[Line, ...]:
    return tuple(
        Line(f"{channel.name} {channel.wavelength_nm} nm", row, _channel_style(i), steps)
        for i, (channel, row) in enumerate(zip(report.channels, rows, strict=True))
    )


def _doses(report: SessionReport) -> Panel:
    rows = [
        tuple(_or_gap(sample.dose_j_cm2, i) for sample in report.samples)
        for i in range(len(report.channels))
    ]
    lines = _channel_lines(report, rows)
    if len(rows) > 1:
        lines += (Line("sum", tuple(map(_sum, zip(*rows, strict=True))), Style(_SUM, 1.2)),)
    return _from_zero("Dose (J/cm²)", lines)


def _sum(parts: Values) -> float | None:
    """None where a part is missing: less than all is no sum."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _on_times(report: SessionReport) -> Panel:
    rows = [_full_duty_s(report.samples, i) for i in range(len(report.channels))]
    lines = _channel_lines(report, rows)
    return replace(_from_zero("Time at full duty (s)", lines), note=UNCALIBRATED)


def _full_duty_s(samples: Sequence[SampleReport], channel: int) -> Values:
    """Duty integrated over time: seconds that full duty would have taken for as much light."""
    total, out = 0.0, [0.0] if samples else []
    for sample, after in pairwise(samples):
        total += (after.t_s - sample.t_s) * (_or_gap(sample.duty_pct, channel) or 0.0) / 100.0
        out.append(total)
    return tuple(out)


def _from_zero(label: str, lines: tuple[Line, ...]) -> Panel:
    high = max([0.0, *_known(lines)]) * (1 + _MARGIN) or 1.0
    return Panel(label, 1.0, lines, 0.0, high, _ticks(0.0, high))


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers from `low` to `high`, at most _MOST_TICKS of them."""
    rough = (high - low) / _MOST_TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * n for n in (1, 2, 5, 10, 20) if size * n >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return tuple(n * step for n in range(first, last + 1))


def _bands(samples: Sequence[SampleReport], named: bool) -> tuple[Band, ...]:
    """Pauses and faults, each from the sample that shows it first to the sample after the last.

    `named`: another panel's legend has their names already.
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
