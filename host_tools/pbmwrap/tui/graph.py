"""Draws temperatures with their limits, and light and dose, over time in braille dots.

Independent of the widgets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from plotille import Canvas

from pbmwrap.tui.watcher import Limits, Point

AXIS = 5  # columns of the temperatures at the left
SPAN_LEAST_S = 120.0
LOW_C = 28.0  # shown at least, from a worn wrap to above the trip
BOARD_NEAR_K = 10.0  # the board's trip is shown once a board is this near
ROOM_LOW_C = 5.0  # never below: what a sensor can mean
LABEL_MOST = 16
_BLANK = "\u2800"


@dataclass(frozen=True)
class Curve:
    """One sensor. kind: "skin" or "board"; the board's curve is dotted."""

    name: str
    kind: str


@dataclass
class Layer:
    """What has one style: `canvas` has its dots."""

    style: str
    canvas: Canvas
    dots: list[str] = field(default_factory=list)


Row = list[tuple[str, str]]  # (text, style) from left to right


class Graph:
    """One drawing of temperatures. width, height: characters in all, with axes and labels."""

    unit = "C"
    least_mc = round(ROOM_LOW_C * 1000)  # a lower reading is none

    def __init__(
        self,
        curves: Sequence[Curve],
        points: Sequence[Point],
        limits: Limits,
        now_s: float,
        width: int,
        height: int,
    ) -> None:
        self._curves = curves
        self._points = points
        self._limits = limits
        self._names = short_names([curve.name for curve in curves])
        self._label = min(LABEL_MOST, 1 + len("+".join(self._names)))
        self._columns = max(1, width - AXIS - self._label)
        self._rows = max(1, height - 1)
        first_s = points[0].at_s if points else now_s
        self.span_s = max(SPAN_LEAST_S, now_s - first_s)
        self._end_s = now_s
        self._low_c, self._high_c = self._range()

    def _range(self) -> tuple[float, float]:
        """Return the lowest and the highest temperature of the axis, C."""
        seen = [mc / 1000 for p in self._points for mc in p.temps_mc if mc is not None]
        low = min([LOW_C, *(math.floor(c) - 1.0 for c in seen if c * 1000 >= self.least_mc)])
        high = max([self._limits.skin_trip_mc / 1000 + 1, *(math.ceil(c) for c in seen)])
        board_trip = self._limits.board_trip_mc / 1000
        return low, max(high, board_trip + 1) if high > board_trip - BOARD_NEAR_K else high

    def rows(self) -> list[Row]:
        """Return the graph from top to bottom; the last row is the time axis."""
        layers = list(self._layers())
        labels = self._curve_labels()
        ticks = self._ticks()
        words = self._limit_words()
        out: list[Row] = []
        for y in range(self._rows):
            row: Row = [(f"{ticks.get(y, ''):>{AXIS - 2}} │", "axis")]
            row += _join_cells(layers, y, self._columns, words.get(y))
            row.append((f" {labels.get(y, '')}"[: self._label], "label"))
            out.append(row)
        out.append([(self._time_axis(), "axis")])
        return out

    def _layers(self) -> Iterator[Layer]:
        """Yield limits, boards, skins: a later layer's style wins in a shared character."""
        for style, mc, dash in self._limit_lines():
            layer = self._new_layer(style)
            self._draw_limit(layer.canvas, mc / 1000, dash)
            yield self._finish(layer)
        for kind in ("board", "skin"):
            layer = self._new_layer(kind)
            for n, curve in enumerate(self._curves):
                if (curve.kind == "board") == (kind == "board"):
                    self._draw_curve(layer.canvas, n, dotted=kind == "board")
            yield self._finish(layer)

    def _limit_lines(self) -> list[tuple[str, int, int]]:
        """Return (style, temperature, dots of a dash) of the limits that are in the range."""
        lines = [("derate", self._limits.derate_from_mc, 1), ("trip", self._limits.skin_trip_mc, 3)]
        lines.append(("trip", self._limits.board_trip_mc, 3))
        return [line for line in lines if self._low_c <= line[1] / 1000 <= self._high_c]

    def _limit_words(self) -> dict[int, str]:
        """Return the words on a limit's line by row."""
        out: dict[int, str] = {}
        for style, mc, _ in self._limit_lines():
            skin = mc != self._limits.board_trip_mc
            what = "dims above" if style == "derate" else f"{'skin' if skin else 'board'} trip"
            out.setdefault(self._row_of(mc / 1000), f"{what} {mc / 1000:.0f}")
        return out

    def _new_layer(self, style: str) -> Layer:
        # The canvas leaves its upper ends out; a dot more keeps the newest and the hottest inside.
        x_dots, y_dots = self._columns * 2, self._rows * 4
        return Layer(
            style,
            Canvas(
                self._columns,
                self._rows,
                xmin=self._end_s - self.span_s,
                xmax=self._end_s + self.span_s / max(1, x_dots - 1),
                ymin=self._low_c,
                ymax=self._high_c + (self._high_c - self._low_c) / max(1, y_dots - 1),
            ),
        )

    def _finish(self, layer: Layer) -> Layer:
        layer.dots = layer.canvas.plot(linesep="\n").split("\n")
        return layer

    def _draw_limit(self, canvas: Canvas, c: float, dash: int) -> None:
        dots = self._columns * 2
        for dot in range(dots):
            if dot % (2 * dash) < dash:
                canvas.point(self._end_s - self.span_s * (1 - dot / max(1, dots - 1)), c)

    def _draw_curve(self, canvas: Canvas, sensor: int, dotted: bool) -> None:
        for a, b in pairwise(self._points):
            a_mc, b_mc = self._reading(a, sensor), self._reading(b, sensor)
            if b_mc is None:
                continue
            if a_mc is None:
                canvas.point(b.at_s, b_mc / 1000)
            elif dotted:
                self._draw_dots(canvas, (a.at_s, a_mc / 1000), (b.at_s, b_mc / 1000))
            else:
                canvas.line(a.at_s, a_mc / 1000, b.at_s, b_mc / 1000)
        if self._points and (mc := self._reading(self._points[-1], sensor)) is not None:
            canvas.point(self._points[-1].at_s, mc / 1000)

    def _draw_dots(
        self, canvas: Canvas, start: tuple[float, float], end: tuple[float, float]
    ) -> None:
        """Draw every other dot of a line, counted from the right edge, which does not move."""
        dot_s = self.span_s / max(1, self._columns * 2 - 1)
        first = math.floor((self._end_s - end[0]) / dot_s)
        last = math.floor((self._end_s - start[0]) / dot_s)
        for dot in range(first, last + 1):
            at_s = self._end_s - dot * dot_s
            if dot % 2 == 0 and start[0] <= at_s <= end[0]:
                share = (at_s - start[0]) / (end[0] - start[0])
                canvas.point(at_s, start[1] + share * (end[1] - start[1]))

    def _row_of(self, c: float) -> int:
        """Return the row of a temperature, 0 at the top."""
        dots = self._rows * 4
        dot = round((c - self._low_c) / (self._high_c - self._low_c) * (dots - 1))
        return self._rows - 1 - min(dots - 1, max(0, dot)) // 4

    def _curve_labels(self) -> dict[int, str]:
        """Return the names of the curves by the row in which each ends."""
        found: dict[int, list[str]] = {}
        last = self._points[-1] if self._points else None
        for n, name in enumerate(self._names):
            mc = self._reading(last, n) if last else None
            if mc is not None:
                found.setdefault(self._row_of(mc / 1000), []).append(name)
        return {row: "+".join(names) for row, names in found.items()}

    def _ticks(self) -> dict[int, str]:
        """Return the temperatures at the left by row, as many as fit."""
        step = next(
            (s for s in (1, 2, 5, 10, 20) if (self._high_c - self._low_c) / s <= self._rows / 2),
            20,
        )
        first = math.ceil(self._low_c / step) * step
        count = int((self._high_c - first) / step) + 1
        return {self._row_of(first + n * step): f"{first + n * step:.0f}" for n in range(count)}

    def _time_axis(self) -> str:
        left = f"{_ago_text(self.span_s)} ago"
        right = "now"
        gap = max(1, self._columns - len(left) - len(right))
        return f"{self.unit:>{AXIS - 2}} └{left}{'─' * gap}{right}"

    def _reading(self, point: Point, sensor: int) -> int | None:
        """Return the sensor's temperature, None without a reading (also one out of its range)."""
        mc = point.temps_mc[sensor] if sensor < len(point.temps_mc) else None
        return None if mc is None or mc < self.least_mc else mc


class LightGraph(Graph):
    """The channels' duty in percent of full power, and the dose in percent of its target.

    names: of the channels. The dose is dotted, and missing without a target.
    """

    unit = "%"
    least_mc = 0

    def __init__(
        self, names: Sequence[str], points: Sequence[Point], now_s: float, width: int, height: int
    ) -> None:
        curves = [*(Curve(name, "skin") for name in names), Curve("dose", "board")]
        shares = [Point(p.at_s, _percent_thousandths(p, len(names))) for p in points]
        super().__init__(curves, shares, Limits(0, 0), now_s, width, height)

    def _range(self) -> tuple[float, float]:
        return 0.0, 100.0

    def _limit_lines(self) -> list[tuple[str, int, int]]:
        return []


def _percent_thousandths(point: Point, channels: int) -> tuple[int | None, ...]:
    """Return duty and dose in thousandths of a percent; empty where the link was lost."""
    if not point.temps_mc:
        return ()
    duties = [round(duty * 100_000 / 65535) for duty in point.duty_u16[:channels]]
    missing = [None] * (channels - len(duties))
    dose = None if point.dose_pm is None else min(100_000, point.dose_pm * 100)
    return (*duties, *missing, dose)


def _ago_text(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def _join_cells(layers: Sequence[Layer], y: int, columns: int, words: str | None) -> Row:
    """Return a row of characters, each with the dots of all layers and the last one's style."""
    row: Row = []
    style_of_words = ""
    for x in range(columns):
        dots, style = 0, ""
        for layer in layers:
            more = ord(layer.dots[y][x]) - ord(_BLANK)
            if more:
                dots, style = dots | more, layer.style
                if layer.style in ("trip", "derate"):
                    style_of_words = layer.style
        row.append((chr(ord(_BLANK) + dots) if dots else " ", style))
    if words and len(words) + 2 < columns:
        start = _find_room(row, len(words) + 1)
        for n, char in enumerate(f"{words} ", start):
            row[n] = (char, style_of_words or "trip")
    return _merge(row)


def _find_room(row: Row, width: int) -> int:
    """Return where words hide no curve; 0, the oldest part, when there is no such place."""
    free = [style in ("", "trip", "derate") for _, style in row]
    for start in range(len(row) - width + 1):
        if all(free[start : start + width]):
            return start
    return 0


def _merge(row: Row) -> Row:
    """Join neighbours of one style. Blanks take the style before them: fewer bytes over ssh."""
    out: Row = []
    for text, style in row:
        if out and (out[-1][1] == style or text.isspace()):
            out[-1] = (out[-1][0] + text, out[-1][1])
        else:
            out.append((text, style))
    return out


def short_names(names: Sequence[str]) -> list[str]:
    """Return the sensors' names without the role before them: "skin-mid" is "mid"."""
    shorter = [name.removeprefix("skin-") or name for name in names]
    return shorter if len(set(shorter)) == len(shorter) else list(names)
