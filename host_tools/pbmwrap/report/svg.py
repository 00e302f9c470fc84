"""Draws a figure as SVG 1.1. Text stays text, so that it can be searched, scaled and read aloud.

Lengths are px of the drawing. All text is escaped here; characters that XML cannot contain are left
out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from pbmwrap.report.figure import Figure, Line, Panel, Style
from pbmwrap.report.model import format_duration

FONTS = "DejaVu Sans, Verdana, Arial, Helvetica, Liberation Sans, Noto Sans, sans-serif"
_LEFT, _TOP, _BOTTOM, _GAP = 76, 66, 52, 16  # around the panels, and between two
_WIDE, _HIGH = 640, 720  # all panels with their gaps
_LEGEND_GAP, _KEY, _ROW = 14, 34, 20
_LETTER = 8.2  # width of a letter of a legend, upper bound
_GREY, _GRID, _LIMIT = "#555555", "#E6E6E6", "#7A1F1F"
_LIMIT_DASHES = "5 3"


@dataclass(frozen=True)
class _Place:
    """The place of a panel in the drawing. Converts values to px."""

    figure: Figure
    panel: Panel
    top: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def x(self, t_s: float) -> float:
        span = self.figure.end_s - self.figure.first_s
        return _LEFT + _WIDE * (t_s - self.figure.first_s) / span

    def y(self, value: float) -> float:
        span = self.panel.high - self.panel.low
        return self.bottom - self.height * (value - self.panel.low) / span


def draw_svg(figure: Figure, attributes: str = "") -> str:
    """Draw the <svg> element. attributes: added to it, such as a role."""
    width = _LEFT + _WIDE + _LEGEND_GAP + _measure_legend(figure)
    height = _TOP + _HIGH + _BOTTOM
    places = _place_panels(figure)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"{attributes}'
        f' font-family="{FONTS}" font-size="13" fill="#000000">',
        f"<title>{_escape_text(f'{figure.title}: {figure.subtitle}')}</title>",
        f'<rect width="{width:g}" height="{height:g}" fill="#FFFFFF"/>',
        _format_text(12, 24, figure.title, 'font-size="17" font-weight="bold"'),
        _format_text(12, 46, figure.subtitle, f'fill="{_GREY}"'),
    ]
    for place in places:
        parts += _draw_panel(place)
    parts += _draw_time_axis(places[-1])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _place_panels(figure: Figure) -> list[_Place]:
    height_px = _HIGH - _GAP * (len(figure.panels) - 1)
    whole = sum(panel.share for panel in figure.panels)
    out, top = [], float(_TOP)
    for panel in figure.panels:
        height = height_px * panel.share / whole
        out.append(_Place(figure, panel, top, height))
        top += height + _GAP
    return out


def _draw_panel(place: _Place) -> Iterator[str]:
    """Draw from back to front: bands, grid, limits, lines, frame, texts."""
    panel = place.panel
    for band in panel.bands:
        x, end = place.x(band.first_s), place.x(band.last_s)
        yield (
            f'<rect x="{x:.1f}" y="{place.top:.1f}" width="{end - x:.1f}"'
            f' height="{place.height:.1f}" fill="{band.colour}"/>'
        )
    yield from _draw_grid(place)
    for limit in panel.limits:
        y = place.y(limit.at)
        style = Style(_LIMIT, 1, _LIMIT_DASHES if limit.dashed else "")
        yield _format_path(f"M{_LEFT} {y:.1f}h{_WIDE}", style)
    for line in panel.lines:
        yield _format_path(_draw_line(place, line), line.style)
    for limit in panel.limits:
        words = f"{limit.words} at {limit.at:g} °C"
        small = f'font-size="11" fill="{_LIMIT}"'
        yield _format_text(_LEFT + 5, place.y(limit.at) - 3, words, small)
    yield _format_path(f"M{_LEFT} {place.top:.1f}V{place.bottom:.1f}h{_WIDE}", Style("#000000", 1))
    if panel.note:
        note = f'font-weight="bold" fill="{_LIMIT}"'
        yield _format_text(_LEFT + 8, place.top + 20, panel.note, note)
    yield from _draw_legend(place)


def _draw_grid(place: _Place) -> Iterator[str]:
    grid, mark = Style(_GRID, 0.8), Style("#000000", 1)
    for t_s in _list_ticks(place.figure):
        x = place.x(t_s)
        yield _format_path(f"M{x:.1f} {place.top:.1f}V{place.bottom:.1f}", grid)
        yield _format_path(f"M{x:.1f} {place.bottom:.1f}v4", mark)
    for value in place.panel.ticks:
        y = place.y(value)
        yield _format_path(f"M{_LEFT} {y:.1f}h{_WIDE}", grid)
        yield _format_path(f"M{_LEFT} {y:.1f}h-4", mark)
        yield _format_text(_LEFT - 8, y + 4.5, f"{value:.6g}", 'text-anchor="end"')
    middle = place.top + place.height / 2
    turned = f'text-anchor="middle" transform="rotate(-90 20 {middle:.1f})"'
    yield _format_text(20, middle, place.panel.label, turned)


def _list_ticks(figure: Figure) -> Iterator[float]:
    """List the marks of the time axis. A thousandth of a step allows for rounding."""
    number = 0
    while figure.first_s + number * figure.tick_s <= figure.end_s + figure.tick_s / 1000:
        yield figure.first_s + number * figure.tick_s
        number += 1


def _draw_line(place: _Place, line: Line) -> str:
    """Draw a line as a path, interrupted at each gap; a single value between gaps is a dot."""
    parts: list[str] = []
    drawn = 0  # values since the last gap
    for t_s, value in zip(place.figure.times, line.values, strict=True):
        if value is None:
            parts += ["h1"] if drawn == 1 else []
            drawn = 0
            continue
        x, y = f"{place.x(t_s):.1f}", f"{place.y(value):.1f}"
        if not drawn:
            parts.append(f"M{x} {y}")
        else:
            parts.append(f"H{x}V{y}" if line.steps else f"L{x} {y}")
        drawn += 1
    return "".join([*parts, "h1"] if drawn == 1 else parts)


def _draw_legend(place: _Place) -> Iterator[str]:
    """Draw the legend at the right of the panel, centred."""
    lines = place.panel.lines
    bands = [band for band in place.panel.bands if band.label]
    x = _LEFT + _WIDE + _LEGEND_GAP
    y = place.top + place.height / 2 - _ROW * (len(lines) + len(bands) - 1) / 2
    for line in lines:
        yield _format_path(f"M{x} {y:.1f}h{_KEY - 8}", line.style)
        yield _format_text(x + _KEY, y + 4.5, line.label)
        y += _ROW
    for band in bands:
        yield f'<rect x="{x}" y="{y - 5:.1f}" width="{_KEY - 8}" height="10" fill="{band.colour}"/>'
        yield _format_text(x + _KEY, y + 4.5, band.label)
        y += _ROW


def _measure_legend(figure: Figure) -> float:
    labels = [line.label for panel in figure.panels for line in panel.lines]
    return _KEY + _LETTER * max([9, *map(len, labels)])


def _draw_time_axis(lowest: _Place) -> Iterator[str]:
    for t_s in _list_ticks(lowest.figure):
        yield _format_text(
            lowest.x(t_s), lowest.bottom + 19, format_duration(t_s), 'text-anchor="middle"'
        )
    middle = _LEFT + _WIDE / 2
    centred = 'text-anchor="middle"'
    yield _format_text(middle, lowest.bottom + 40, "Time in the session (min:s)", centred)
    if not lowest.figure.times:
        yield _format_text(middle, lowest.top + lowest.height / 2, "no samples kept", centred)


def _format_path(course: str, style: Style) -> str:
    dashes = f' stroke-dasharray="{style.dashes}"' if style.dashes else ""
    return (
        f'<path d="{course}" fill="none" stroke="{style.colour}"'
        f' stroke-width="{style.width:g}"{dashes}/>'
    )


def _format_text(x: float, y: float, words: str, attributes: str = "") -> str:
    space = " " if attributes else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{space}{attributes}>{_escape_text(words)}</text>'


def _escape_text(text: str) -> str:
    return escape("".join(c for c in text if c.isprintable()))
