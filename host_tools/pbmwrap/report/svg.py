"""Writes a figure as SVG 1.1. Text stays text: it can be read aloud, found and scaled.

Lengths are px of the drawing. All text is escaped here, and what XML cannot carry is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from pbmwrap.report.figure import Figure, Line, Panel, Style
from pbmwrap.report.model import clock

FONTS = "DejaVu Sans, Verdana, Arial, Helvetica, Liberation Sans, Noto Sans, sans-serif"
_LEFT, _TOP, _BOTTOM, _GAP = 76, 66, 52, 16  # around the panels, and between two
_WIDE, _HIGH = 640, 720  # all panels with their gaps
_LEGEND_GAP, _KEY, _ROW = 14, 34, 20
_LETTER = 8.2  # width of a letter of a legend, on the safe side
_GREY, _GRID, _LIMIT = "#555555", "#E6E6E6", "#7A1F1F"
_LIMIT_DASHES = "5 3"


@dataclass(frozen=True)
class _Place:
    """Where a panel lies, and how values become px."""

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


def svg(figure: Figure, attributes: str = "") -> str:
    """The <svg> element. attributes: added to it, such as a role."""
    width = _LEFT + _WIDE + _LEGEND_GAP + _legend_width(figure)
    height = _TOP + _HIGH + _BOTTOM
    places = _places(figure)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"{attributes}'
        f' font-family="{FONTS}" font-size="13" fill="#000000">',
        f"<title>{_words(f'{figure.title}: {figure.subtitle}')}</title>",
        f'<rect width="{width:g}" height="{height:g}" fill="#FFFFFF"/>',
        _text(12, 24, figure.title, 'font-size="17" font-weight="bold"'),
        _text(12, 46, figure.subtitle, f'fill="{_GREY}"'),
    ]
    for place in places:
        parts += _panel(place)
    parts += _time_axis(places[-1])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(figure: Figure) -> list[_Place]:
    room = _HIGH - _GAP * (len(figure.panels) - 1)
    whole = sum(panel.share for panel in figure.panels)
    out, top = [], float(_TOP)
    for panel in figure.panels:
        height = room * panel.share / whole
        out.append(_Place(figure, panel, top, height))
        top += height + _GAP
    return out


def _panel(place: _Place) -> Iterator[str]:
    """From back to front: bands, grid, limits, lines, frame, words."""
    panel = place.panel
    for band in panel.bands:
        x, end = place.x(band.first_s), place.x(band.last_s)
        yield (
            f'<rect x="{x:.1f}" y="{place.top:.1f}" width="{end - x:.1f}"'
            f' height="{place.height:.1f}" fill="{band.colour}"/>'
        )
    yield from _grid(place)
    for limit in panel.limits:
        y = place.y(limit.at)
        style = Style(_LIMIT, 1, _LIMIT_DASHES if limit.dashed else "")
        yield _path(f"M{_LEFT} {y:.1f}h{_WIDE}", style)
    for line in panel.lines:
        yield _path(_course(place, line), line.style)
    for limit in panel.limits:
        words = f"{limit.words} at {limit.at:g} °C"
        small = f'font-size="11" fill="{_LIMIT}"'
        yield _text(_LEFT + 5, place.y(limit.at) - 3, words, small)
    yield _path(f"M{_LEFT} {place.top:.1f}V{place.bottom:.1f}h{_WIDE}", Style("#000000", 1))
    if panel.note:
        note = f'font-weight="bold" fill="{_LIMIT}"'
        yield _text(_LEFT + 8, place.top + 20, panel.note, note)
    yield from _legend(place)


def _grid(place: _Place) -> Iterator[str]:
    grid, mark = Style(_GRID, 0.8), Style("#000000", 1)
    for t_s in _times(place.figure):
        x = place.x(t_s)
        yield _path(f"M{x:.1f} {place.top:.1f}V{place.bottom:.1f}", grid)
        yield _path(f"M{x:.1f} {place.bottom:.1f}v4", mark)
    for value in place.panel.ticks:
        y = place.y(value)
        yield _path(f"M{_LEFT} {y:.1f}h{_WIDE}", grid)
        yield _path(f"M{_LEFT} {y:.1f}h-4", mark)
        yield _text(_LEFT - 8, y + 4.5, f"{value:.6g}", 'text-anchor="end"')
    middle = place.top + place.height / 2
    turned = f'text-anchor="middle" transform="rotate(-90 20 {middle:.1f})"'
    yield _text(20, middle, place.panel.label, turned)


def _times(figure: Figure) -> Iterator[float]:
    """The marks of the time axis; the small part is for what rounding leaves."""
    number = 0
    while figure.first_s + number * figure.tick_s <= figure.end_s + figure.tick_s / 1000:
        yield figure.first_s + number * figure.tick_s
        number += 1


def _course(place: _Place, line: Line) -> str:
    """The path of a line: it begins anew behind each gap, and a lone value is a dot."""
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


def _legend(place: _Place) -> Iterator[str]:
    """At the right of the panel, in its middle."""
    lines = place.panel.lines
    bands = [band for band in place.panel.bands if band.label]
    x = _LEFT + _WIDE + _LEGEND_GAP
    y = place.top + place.height / 2 - _ROW * (len(lines) + len(bands) - 1) / 2
    for line in lines:
        yield _path(f"M{x} {y:.1f}h{_KEY - 8}", line.style)
        yield _text(x + _KEY, y + 4.5, line.label)
        y += _ROW
    for band in bands:
        yield f'<rect x="{x}" y="{y - 5:.1f}" width="{_KEY - 8}" height="10" fill="{band.colour}"/>'
        yield _text(x + _KEY, y + 4.5, band.label)
        y += _ROW


def _legend_width(figure: Figure) -> float:
    labels = [line.label for panel in figure.panels for line in panel.lines]
    return _KEY + _LETTER * max([9, *map(len, labels)])


def _time_axis(lowest: _Place) -> Iterator[str]:
    for t_s in _times(lowest.figure):
        yield _text(lowest.x(t_s), lowest.bottom + 19, clock(t_s), 'text-anchor="middle"')
    middle = _LEFT + _WIDE / 2
    centred = 'text-anchor="middle"'
    yield _text(middle, lowest.bottom + 40, "Time in the session (min:s)", centred)
    if not lowest.figure.times:
        yield _text(middle, lowest.top + lowest.height / 2, "no samples kept", centred)


def _path(course: str, style: Style) -> str:
    dashes = f' stroke-dasharray="{style.dashes}"' if style.dashes else ""
    return (
        f'<path d="{course}" fill="none" stroke="{style.colour}"'
        f' stroke-width="{style.width:g}"{dashes}/>'
    )


def _text(x: float, y: float, words: str, attributes: str = "") -> str:
    space = " " if attributes else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{space}{attributes}>{_words(words)}</text>'


def _words(text: str) -> str:
    return escape("".join(c for c in text if c.isprintable()))
