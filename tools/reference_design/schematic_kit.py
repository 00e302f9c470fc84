"""Places symbols for the schematic. Knows schemdraw, not the wrap."""

from __future__ import annotations

from typing import NamedTuple

import schemdraw
import schemdraw.elements as elm
from schemdraw.types import Halign

Point = tuple[float, float]
Named = tuple[str, str]  # reference, value
_SMALL = 9
_ALIGN: dict[str, Halign] = {
    "top": "center",
    "below": "center",
    "left": "right",
    "right": "left",
}


class Fet(NamedTuple):
    """Where a transistor's ends are."""

    gate: Point
    drain: Point
    source: Point


def format_ohm(value: float) -> str:
    """56 -> "56 R", 10000 -> "10 k", 1000000 -> "1 M"."""
    if value >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1000:g} k" if value >= 1000 else f"{value:g} R"


def format_farad(value: float) -> str:
    """1e-7 -> "100 nF"."""
    return f"{value * 1e9:g} nF" if value < 0.99e-6 else f"{value * 1e6:g} uF"


def _to_coordinates(point: object) -> Point:
    x, y = point  # type: ignore[misc]
    return round(float(x), 3), round(float(y), 3)


class Sheet:
    """Places symbols on a drawing, every one by its coordinates."""

    def __init__(self, drawing: schemdraw.Drawing) -> None:
        self._drawing = drawing

    def _add_element(self, element: elm.Element) -> elm.Element:
        return self._drawing.add(element)

    def draw_title(self, at: Point, text: str) -> None:
        self._add_element(elm.Label().at(at).label(text, halign="left", fontsize=13))

    def draw_note(self, at: Point, text: str) -> None:
        self._add_element(
            elm.Label().at(at).label(text, halign="left", valign="center", fontsize=_SMALL)
        )

    def draw_line(self, start: Point, end: Point) -> None:
        self._add_element(elm.Line().at(start).to(end))

    def draw_dot(self, at: Point) -> None:
        self._add_element(elm.Dot().at(at))

    def draw_ellipsis(self, at: Point) -> None:
        """Three small dots one above the other: more of the same."""
        for step in (-0.22, 0.0, 0.22):
            self._add_element(elm.Dot(radius=0.035).at((at[0], at[1] + step)))

    def draw_terminal(self, at: Point, text: str, side: str) -> None:
        self._add_element(elm.Dot(open=True).at(at).label(text, loc=side))

    def draw_ground(self, at: Point) -> None:
        self._add_element(elm.Ground().at(at).right())

    def draw_net(self, at: Point, text: str, side: str) -> None:
        """A named end: the same name elsewhere is the same wire."""
        self._add_element(
            elm.Dot(open=True, radius=0.06).at(at).label(text, loc=side, fontsize=_SMALL)
        )

    def draw_part(
        self,
        element: elm.Element2Term,
        start: Point,
        end: Point,
        ref: str,
        value: str,
        side: str = "top",
    ) -> None:
        """A part with two ends; its words beside it."""
        self._add_element(element.at(start).to(end))
        text = "\n".join(t for t in (ref, value) if t)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        wide = 0.7 if isinstance(element, (elm.Thermistor, elm.Zener)) else 0.42
        away = {
            "top": (0.0, 0.42),
            "below": (0.0, -0.7),
            "left": (-wide, 0.0),
            "right": (wide, 0.0),
        }
        place = elm.Label().at((middle[0] + away[side][0], middle[1] + away[side][1]))
        vertical = "bottom" if side == "top" else "center"
        self._add_element(place.label(text, halign=_ALIGN[side], valign=vertical, fontsize=_SMALL))

    def _draw_fet(self, element: elm.Element, name_at: Point, name: str, align: Halign) -> Fet:
        placed = self._add_element(element)
        ends = [_to_coordinates(placed.absanchors[k]) for k in ("gate", "drain", "source")]
        self._add_element(
            elm.Label().at(name_at).label(name, halign=align, valign="center", fontsize=_SMALL)
        )
        return Fet(*ends)

    def p_fet_source_left(self, at: Point, name: str) -> Fet:
        """Source at `at`, drain to the right, gate below."""
        element = elm.PFet().theta(90).reverse().anchor("source").at(at)
        self.draw_note((at[0] + 0.05, at[1] + 0.25), "S")
        return self._draw_fet(element, (at[0] + 0.75, at[1] + 0.55), name, "center")

    def p_fet_drain_left(self, at: Point, name: str) -> Fet:
        """Source at `at`, drain to the left, gate below."""
        element = elm.PFet().theta(-90).anchor("source").at(at)
        self.draw_note((at[0] - 0.25, at[1] + 0.25), "S")
        return self._draw_fet(element, (at[0] - 0.75, at[1] + 0.55), name, "center")

    def n_fet_gate_left(self, at: Point, name: str) -> Fet:
        """Drain at `at`, source below, gate to the left."""
        element = elm.NFet().theta(0).reverse().anchor("drain").at(at)
        return self._draw_fet(element, (at[0] + 0.35, at[1] - 0.75), name, "left")

    def draw_box(self, at: Point, width: float, height: float, text: str) -> None:
        """A block; `at` is its lower left corner."""
        corner = (at[0] + width, at[1] + height)
        self._add_element(elm.Rect(corner1=(0, 0), corner2=(width, height)).at(at).theta(0))
        middle = ((at[0] + corner[0]) / 2, (at[1] + corner[1]) / 2)
        self._add_element(
            elm.Label().at(middle).label(text, halign="center", valign="center", fontsize=_SMALL)
        )

    def draw_frame(self, low: Point, high: Point, text: str) -> None:
        """A dashed frame with a word under it."""
        size = (high[0] - low[0], high[1] - low[1])
        self._add_element(elm.Rect(corner1=(0, 0), corner2=size, ls="--").at(low).theta(0))
        self.draw_note((low[0] + 0.2, low[1] + 0.3), text)

    def draw_divider(
        self,
        at: Point,
        *,
        supply: str,
        upper: Named,
        lower: Named,
        series: Named | None,
        cap: Named,
        net: str,
        lower_end: str = "",
    ) -> None:
        """A divider from `supply` to ground; its middle by `series` to `net`, with `cap` there.

        `lower_end`: the net that `lower` goes to, where it has a ground wire of its own.
        """
        x, y = at
        middle, out = (x, y - 2), (x + 2.4, y - 2)
        self.draw_net(at, supply, "top")
        self.draw_part(elm.Resistor(), at, middle, *upper, "left")
        self.draw_dot(middle)
        kind = elm.Thermistor() if lower[0].startswith("RT") else elm.Resistor()
        self.draw_part(kind, middle, (x, y - 4), *lower, "left")
        if lower_end:
            self.draw_net((x, y - 4), lower_end, "right")
        else:
            self.draw_ground((x, y - 4))
        if series:
            self.draw_part(elm.Resistor(), middle, out, *series)
        else:
            self.draw_line(middle, out)
        self.draw_dot(out)
        self.draw_part(elm.Capacitor(), out, (out[0], y - 4), *cap, "right")
        self.draw_ground((out[0], y - 4))
        self.draw_line(out, (out[0] + 0.4, out[1]))
        self.draw_net((out[0] + 0.4, out[1]), net, "right")

    def draw_chip(self, at: Point, name: str, left: list[str], right: list[str]) -> None:
        """A block with named ends on both sides, its top left corner at `at`."""
        rows = max(len(left), len(right))
        height = rows * 0.9 + 0.5
        self.draw_box((at[0], at[1] - height), 4.4, height, name)
        for number, text in enumerate(left):
            y = at[1] - 0.7 - 0.9 * number
            self.draw_line((at[0], y), (at[0] - 0.6, y))
            self.draw_net((at[0] - 0.6, y), text, "left")
        for number, text in enumerate(right):
            y = at[1] - 0.7 - 0.9 * number
            self.draw_line((at[0] + 4.4, y), (at[0] + 5.0, y))
            self.draw_net((at[0] + 5.0, y), text, "right")
