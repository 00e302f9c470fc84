"""Draws the measured points of a channel as a heat map, SVG 1.1. Text stays text."""

from __future__ import annotations

from html import escape

from pbmwrap.calibration.grid import name_point
from pbmwrap.calibration.results import Result
from pbmwrap.calibration.words import format_mw
from pbmwrap.report.svg import FONTS

_CELL, _LEFT, _TOP = 84, 34, 58  # px
_LEGEND = 190
# The weakest and the strongest point: black text has a contrast of 7.3 or more on all between.
_LIGHT, _DARK = (0xF8, 0xFA, 0xFD), (0x6C, 0x9B, 0xD2)


def draw_heat_map(result: Result) -> str:
    """Draw the <svg> element of a channel: irradiance in mW/cm2 at each point, and the share of the
    mean."""
    rows = 1 + max(row for row, _ in result.values)
    columns = 1 + max(column for _, column in result.values)
    width = _LEFT + columns * _CELL + _LEGEND
    height = _TOP + rows * _CELL + 16
    title = f"{result.channel} {result.wavelength_nm} nm: irradiance at full duty, mW/cm2"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {max(height, 210)}" '
        f'role="img" font-family="{FONTS}" font-size="14" fill="#000000">',
        f"<title>{escape(title)}</title>",
        f'<text x="0" y="18" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    parts += [
        f'<text x="{_LEFT + (column + 0.5) * _CELL:g}" y="{_TOP - 8}" text-anchor="middle">'
        f"{column + 1}</text>"
        for column in range(columns)
    ]
    parts += [
        f'<text x="{_LEFT - 10}" y="{_TOP + (row + 0.5) * _CELL + 5:g}" text-anchor="end">'
        f"{chr(ord('A') + row)}</text>"
        for row in range(rows)
    ]
    parts += [_cell(result, point, value) for point, value in result.values.items()]
    parts += _legend(result, _LEFT + columns * _CELL + 24)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _share(result: Result, value: float) -> float:
    span = result.highest - result.lowest
    return (value - result.lowest) / span if span > 0 else 0.0


def _colour(share: float) -> str:
    return "#" + "".join(
        f"{round(a + (b - a) * share):02X}" for a, b in zip(_LIGHT, _DARK, strict=True)
    )


def _cell(result: Result, point: tuple[int, int], value: float) -> str:
    row, column = point
    x, y = _LEFT + column * _CELL, _TOP + row * _CELL
    share = _share(result, value)
    middle = x + _CELL / 2
    shown, part = format_mw(value, result.mean), f"{value / result.mean * 100:.0f} %"
    return (
        f"<g><title>{name_point(point)}: {shown} mW/cm2, {part} of the mean</title>"
        f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" fill="{_colour(share)}" '
        f'stroke="#555555" stroke-width="0.5"/>'
        f'<text x="{middle:g}" y="{y + _CELL / 2 - 2:g}" text-anchor="middle" font-size="18">'
        f"{shown}</text>"
        f'<text x="{middle:g}" y="{y + _CELL / 2 + 19:g}" text-anchor="middle" font-size="14">'
        f"{part}</text></g>"
    )


def _legend(result: Result, x: int) -> list[str]:
    rows = (
        (1.0, f"highest {format_mw(result.highest, result.mean)}"),
        (_share(result, result.mean), f"mean {format_mw(result.mean, result.mean)}"),
        (0.0, f"lowest {format_mw(result.lowest, result.mean)}"),
    )
    parts = []
    for n, (share, words) in enumerate(rows):
        y = _TOP + n * 30
        parts.append(
            f'<rect x="{x}" y="{y}" width="22" height="22" fill="{_colour(share)}" '
            f'stroke="#555555" stroke-width="0.5"/>'
        )
        parts.append(f'<text x="{x + 30}" y="{y + 16}">{words}</text>')
    y = _TOP + 100
    parts.append(f'<text x="{x}" y="{y}">peak / mean {result.peak:.2f}</text>')
    parts.append(f'<text x="{x}" y="{y + 22}">min / mean {result.evenness:.2f}</text>')
    return parts
