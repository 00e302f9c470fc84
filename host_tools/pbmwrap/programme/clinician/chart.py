"""Draws the number of a course over its days, with baseline, sessions and other changes, as SVG.

Lengths are px of the drawing. All text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from statistics import fmean, stdev

from pbmwrap.programme.days import find_values
from pbmwrap.programme.model import Course, JournalEntry, Measure, SessionUse
from pbmwrap.words import count

FONTS = "DejaVu Sans, Verdana, Arial, Helvetica, Liberation Sans, Libertinus Serif, sans-serif"
_WIDTH, _LEFT, _RIGHT = 760, 52, 12
_TOP, _HEIGHT = 30, 190
_TICKS_TOP = _TOP + _HEIGHT + 8
_TICKS = 16
_BOTTOM = 52
_LETTER_W = 6.3  # px of a letter at 11 px, upper bound
_INK, _GREY, _BAND, _MEAN, _MARK = "#000000", "#555555", "#E3EAF4", "#1F4E8C", "#7A1F1F"


@dataclass(frozen=True)
class Mark:
    """A change of other treatment on a day."""

    day: date
    text: str


@dataclass(frozen=True)
class ChartData:
    """points: day, value, whether it was written late. sessions: days with light, once each.

    band: mean of the baseline with its standard deviation, None with fewer than two entries.
    after: mean since the start, in the course, None without an entry.
    """

    question: str
    low: float
    high: float
    unit: str
    first: date
    last: date
    baseline_from: date
    start: date
    rule_day: date
    points: tuple[tuple[date, float, bool], ...]
    sessions: tuple[date, ...]
    marks: tuple[Mark, ...]
    band: tuple[float, float] | None
    after: float | None


@dataclass(frozen=True)
class Picture:
    """A drawing of any kind. svg: an <svg> element; caption: what it shows, beside it; alt: the
    same for people who do not see it."""

    svg: str
    caption: str
    alt: str


def draw_picture(chart: ChartData | Picture) -> Picture:
    """Draw a chart of a course; a picture stays as it is."""
    if isinstance(chart, Picture):
        return chart
    alt = describe_chart(chart)
    return Picture(draw_svg(chart), f"{chart.question} {alt}", alt)


def make_chart_data(
    course: Course,
    entries: Sequence[JournalEntry],
    sessions: Sequence[SessionUse],
    marks: Sequence[Mark],
) -> ChartData:
    """Collect what the chart of a course shows. entries: those with a value."""
    first = min([course.baseline_from, *(entry.day for entry in entries)])
    last = max([course.end, *(entry.day for entry in entries)])
    late = {entry.day: entry.late for entry in reversed(entries)}
    values = find_values(entries, course.measure.code)
    points = tuple((day, value, late[day]) for day, value in values.items())
    before = [v for day, v, _ in points if course.baseline_from <= day < course.start]
    after = [v for day, v, _ in points if course.start <= day < course.end]
    low, high = _choose_range(course.measure, [value for _, value, _ in points])
    return ChartData(
        question=course.measure.question,
        low=low,
        high=high,
        unit=course.measure.unit,
        first=first,
        last=last,
        baseline_from=course.baseline_from,
        start=course.start,
        rule_day=course.rule_day,
        points=points,
        sessions=tuple(sorted({s.day for s in sessions if s.day})),
        marks=tuple(marks),
        band=(fmean(before), stdev(before)) if len(before) > 1 else None,
        after=fmean(after) if after else None,
    )


def _choose_range(measure: Measure, values: Sequence[float]) -> tuple[float, float]:
    """Return the whole scale of a rating; of a distance what the values need."""
    if measure.high <= 10:
        return measure.low, measure.high
    highest = max(values, default=100.0)
    return measure.low, 50.0 * (highest // 50 + 1)


def format_day(day: date) -> str:
    """Format a day: `5 September 2026`."""
    return f"{day.day} {day:%B %Y}"


def describe_chart(data: ChartData) -> str:
    """Describe the chart in one sentence, for people who do not see it."""
    days = f"{format_day(data.first)} to {format_day(data.last)}"
    parts = [f"{count(len(data.points), 'day')} with an entry from {days}"]
    if data.band:
        parts.append(f"baseline mean {data.band[0]:.1f}, standard deviation {data.band[1]:.1f}")
    if data.after is not None:
        parts.append(f"mean since the start {data.after:.1f}")
    parts.append(f"{count(len(data.sessions), 'day')} with a session")
    return "; ".join(parts) + "."


def draw_svg(data: ChartData) -> str:
    """Draw the chart as an <svg> element with a title."""
    height = _TICKS_TOP + _TICKS + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        f' font-family="{FONTS}" font-size="11" fill="{_INK}">',
        f"<title>{escape(describe_chart(data))}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#FFFFFF"/>',
        *_draw_band(data),
        *_draw_axes(data),
        *_draw_days(data),
        *_draw_points(data),
        *_draw_sessions(data),
        *_draw_legend(height),
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(data: ChartData, day: date) -> float:
    days = max(1, (data.last - data.first).days)
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (day - data.first).days / days


def _y(data: ChartData, value: float) -> float:
    share = (value - data.low) / (data.high - data.low)
    return _TOP + _HEIGHT * (1 - min(1.0, max(0.0, share)))


def _draw_band(data: ChartData) -> Iterator[str]:
    end = _x(data, data.last)
    if data.band:
        mean, deviation = data.band
        begin = _x(data, data.baseline_from)
        top, bottom = _y(data, mean + deviation), _y(data, mean - deviation)
        yield (
            f'<rect x="{begin:.1f}" y="{top:.1f}" width="{end - begin:.1f}"'
            f' height="{bottom - top:.1f}" fill="{_BAND}"/>'
        )
        y = _y(data, mean)
        yield _format_line(begin, y, _x(data, data.start), y, _MEAN, 2)
    if data.after is not None:
        y = _y(data, data.after)
        yield _format_line(_x(data, data.start), y, end, y, _MEAN, 2, "7 3")


def _draw_axes(data: ChartData) -> Iterator[str]:
    step = 2 if data.high <= 10 else 50
    value = data.low
    while value <= data.high:
        y = _y(data, value)
        yield _format_line(_LEFT - 4, y, _LEFT, y, _INK)
        yield _format_text(_LEFT - 7, y + 4, f"{value:g}", 'text-anchor="end"')
        value += step
    yield _format_line(_LEFT, _TOP, _LEFT, _TOP + _HEIGHT, _INK)
    yield _format_line(_LEFT, _TOP + _HEIGHT, _WIDTH - _RIGHT, _TOP + _HEIGHT, _INK)
    name = data.unit or "0 to 10"
    middle = _TOP + _HEIGHT / 2
    turned = f'text-anchor="middle" transform="rotate(-90 14 {middle})"'
    yield _format_text(14, middle, name, turned)


def _draw_days(data: ChartData) -> Iterator[str]:
    """Draw the start, the stop rule's day, the weeks and the changes of other treatment."""
    bottom = _TICKS_TOP + _TICKS
    for words, day in (("start", data.start), ("stop rule", data.rule_day)):
        x = _x(data, day)
        yield _format_line(x, _TOP - 4, x, bottom, _INK, 1, "2 3")
        yield _format_text(x, _TOP - 18, words, f'text-anchor="{_choose_anchor(x)}"')
    right = -1.0
    for number, mark in enumerate(data.marks, 1):
        x = _x(data, mark.day)
        yield _format_line(x, _TOP, x, _TOP + _HEIGHT, _MARK, 1.5, "5 3")
        if x > right:
            yield _format_text(x, _TOP - 5, str(number), f'text-anchor="middle" fill="{_MARK}"')
            right = x + 2 * _LETTER_W
    day = data.first
    weeks = max(1, (data.last - data.first).days // 7)
    every = 7 * max(1, -(-weeks // 9))
    while day <= data.last:
        x = _x(data, day)
        yield _format_line(x, _TOP + _HEIGHT, x, _TOP + _HEIGHT + 4, _INK)
        anchor = f'text-anchor="{_choose_anchor(x)}"'
        yield _format_text(x, bottom + 14, f"{day.day} {day:%b}", anchor)
        day += timedelta(days=every)


def _choose_anchor(x: float) -> str:
    """Return how a text at `x` is placed, so that none is cut at the right edge."""
    return "end" if x > _WIDTH - 3 * _RIGHT else "middle"


def _draw_points(data: ChartData) -> Iterator[str]:
    for day, value, late in data.points:
        fill = "#FFFFFF" if late else _INK
        yield (
            f'<circle cx="{_x(data, day):.1f}" cy="{_y(data, value):.1f}" r="2.6" fill="{fill}"'
            f' stroke="{_INK}"/>'
        )


def _draw_sessions(data: ChartData) -> Iterator[str]:
    for day in data.sessions:
        x = _x(data, day)
        yield _format_line(x, _TICKS_TOP, x, _TICKS_TOP + _TICKS, _MEAN, 2)
    middle = _TICKS_TOP + _TICKS - 4
    yield _format_text(_LEFT - 7, middle, "light", 'text-anchor="end"')


def _draw_legend(height: float) -> Iterator[str]:
    y = height - 12
    x = float(_LEFT)
    for draw, words in (
        ("dot", "entry"),
        ("ring", "written later"),
        ("band", "baseline: mean, ± SD"),
        ("dashes", "mean since the start"),
        ("mark", "other change, see Findings"),
    ):
        yield from _draw_key(draw, x, y - 4)
        yield _format_text(x + 24, y, words)
        x += 24 + _LETTER_W * len(words) + 10


def _draw_key(kind: str, x: float, y: float) -> Iterator[str]:
    if kind in ("dot", "ring"):
        fill = _INK if kind == "dot" else "#FFFFFF"
        yield f'<circle cx="{x + 14}" cy="{y}" r="2.6" fill="{fill}" stroke="{_INK}"/>'
    elif kind == "band":
        yield f'<rect x="{x}" y="{y - 5}" width="20" height="10" fill="{_BAND}"/>'
        yield _format_line(x, y, x + 20, y, _MEAN, 2)
    elif kind == "dashes":
        yield _format_line(x, y, x + 20, y, _MEAN, 2, "7 3")
    else:
        yield _format_line(x + 10, y - 6, x + 10, y + 6, _MARK, 1.5, "5 3")


def _format_line(
    x: float, y: float, x_end: float, y_end: float, colour: str, width: float = 1, dashes: str = ""
) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<path d="M{x:.1f} {y:.1f}L{x_end:.1f} {y_end:.1f}" fill="none" stroke="{colour}"'
        f' stroke-width="{width:g}"{dashed}/>'
    )


def _format_text(x: float, y: float, words: str, attributes: str = "") -> str:
    space = " " if attributes else ""
    printable = "".join(c for c in words if c.isprintable())
    return f'<text x="{x:.1f}" y="{y:.1f}"{space}{attributes}>{escape(printable)}</text>'
