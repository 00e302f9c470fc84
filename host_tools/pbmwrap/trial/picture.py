"""Draws the periods of a trial as SVG: each period's value, with and without light apart by shape,
so that no colour is needed. Lengths are px of the drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from statistics import fmean

from pbmwrap.programme.clinician.chart import FONTS, Picture
from pbmwrap.trial.analysis import Analysis, PeriodResult
from pbmwrap.trial.plan import TrialPlan
from pbmwrap.words import count
from wrap.rules.blinding import SIDES

_WIDTH, _LEFT, _RIGHT = 760, 52, 12
_TOP, _HEIGHT, _BOTTOM = 16, 180, 58
_INK, _LIGHT, _DARK = "#000000", "#1F4E8C", "#000000"
_R = 5


def draw_periods(plan: TrialPlan, analysis: Analysis, say: Callable[[str], str] = str) -> Picture:
    """Draw the value of each period, and the mean of each arm. say: its words in a language."""
    sides = plan.design == SIDES
    names = (
        (say(f"light on {plan.sites[0].site}"), say(f"light on {plan.sites[1].site}"))
        if sides
        else (say("light"), say("no light"))
    )
    known = [one for one in analysis.periods if one.value is not None]
    missing = len(analysis.periods) - len(known)
    means = {
        active: fmean([one.value or 0.0 for one in known if one.active == active])
        for active in (True, False)
        if any(one.active == active for one in known)
    }
    parts = [say(f"{count(len(known), 'period')} with a value, {missing} missing")]
    parts += [
        f"{say('mean with')} {names[0 if a else 1]} {say(f'{mean:.1f}')}"
        for a, mean in means.items()
    ]
    alt = "; ".join(parts) + "."
    first, last = (say(one.site) for one in (plan.sites[0], plan.sites[-1]))
    what = f"{first} minus {last}" if sides else say(plan.measure.question)
    low, high = _choose_range([one.value or 0.0 for one in known], sides)
    height = _TOP + _HEIGHT + _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        f' font-family="{FONTS}" font-size="11" fill="{_INK}">',
        f"<title>{escape(alt)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#FFFFFF"/>',
        *_draw_axis(low, high),
        *_draw_means(means, low, high),
        *_draw_points(analysis, low, high, say),
        *_draw_legend(names, height, say),
        "</svg>",
    ]
    return Picture(
        "\n".join(lines) + "\n",
        f"{say('Mean of each period')}: {what}{'.' if sides else ''} {alt}",
        alt,
    )


def _choose_range(values: list[float], sides: bool) -> tuple[int, int]:
    """Return the ends of the axis, multiples of its step; with two sites around 0 too."""
    every = [*values, *([0.0] if sides or not values else [])]
    step = _choose_step(max(every) - min(every))
    low, high = int(min(every) // step) * step, int(-(-max(every) // step)) * step
    return (low, high) if high > low else (low - step, low + step)


def _choose_step(span: float) -> int:
    return max(1, -(-int(span) // 6))


def _x(number: int, periods: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (number + 0.5) / periods


def _y(value: float, low: int, high: int) -> float:
    return _TOP + _HEIGHT * (1 - (value - low) / (high - low))


def _draw_axis(low: int, high: int) -> Iterator[str]:
    step = _choose_step(high - low)
    for value in range(low, high + 1, step):
        y = _y(value, low, high)
        colour = _INK if value == 0 else "#AAAAAA"
        yield _line(_LEFT, y, _WIDTH - _RIGHT, y, colour, 0.6)
        yield f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{value}</text>'
    yield _line(_LEFT, _TOP, _LEFT, _TOP + _HEIGHT, _INK, 1)


def _draw_means(means: dict[bool, float], low: int, high: int) -> Iterator[str]:
    for active, mean in means.items():
        y = _y(mean, low, high)
        dashes = "" if active else ' stroke-dasharray="6 4"'
        colour = _LIGHT if active else _DARK
        yield _line(_LEFT, y, _WIDTH - _RIGHT, y, colour, 1.5, dashes)


def _draw_points(
    analysis: Analysis, low: int, high: int, say: Callable[[str], str]
) -> Iterator[str]:
    periods = len(analysis.periods)
    for one in analysis.periods:
        x = _x(one.number, periods)
        yield (
            f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 16}" text-anchor="middle">'
            f"{one.number + 1}</text>"
        )
        if one.value is None:
            y = _TOP + _HEIGHT - 6
            yield f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{escape(say("missing"))}</text>'
        else:
            yield _draw_mark(one, x, _y(one.value, low, high))
    yield f'<text x="{_LEFT}" y="{_TOP + _HEIGHT + 32}">{escape(say("period"))}</text>'


def _draw_mark(one: PeriodResult, x: float, y: float) -> str:
    if one.active:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_R}" fill="{_LIGHT}"/>'
    return (
        f'<rect x="{x - _R:.1f}" y="{y - _R:.1f}" width="{2 * _R}" height="{2 * _R}"'
        f' fill="#FFFFFF" stroke="{_DARK}" stroke-width="1.5"/>'
    )


def _draw_legend(names: tuple[str, str], height: int, say: Callable[[str], str]) -> Iterator[str]:
    full, dashes = escape(say("mean: full line")), escape(say("mean: dashes"))
    y = height - 12
    yield f'<circle cx="{_LEFT + 6}" cy="{y - 4}" r="{_R}" fill="{_LIGHT}"/>'
    yield f'<text x="{_LEFT + 18}" y="{y}">{escape(names[0])}, {full}</text>'
    x = _LEFT + 300
    yield (
        f'<rect x="{x}" y="{y - 4 - _R}" width="{2 * _R}" height="{2 * _R}" fill="#FFFFFF"'
        f' stroke="{_DARK}" stroke-width="1.5"/>'
    )
    yield f'<text x="{x + 18}" y="{y}">{escape(names[1])}, {dashes}</text>'


def _line(
    x: float, y: float, x_end: float, y_end: float, colour: str, width: float, dashes: str = ""
) -> str:
    return (
        f'<path d="M{x:.1f} {y:.1f}L{x_end:.1f} {y_end:.1f}" fill="none" stroke="{colour}"'
        f' stroke-width="{width:g}"{dashes}/>'
    )
