"""Light of a grid of bare LEDs on a plane: pure functions, no parts, no I/O.

An LED is a Lambertian point: at height d and sideways r it gives phi/pi * d^2 / (d^2 + r^2)^2.
"""

from __future__ import annotations

import math

_ROWS = 12  # neighbours counted each way; the rest is taken as an even sheet
_POINTS = 5  # each way, over a quarter of a cell: all there is, by symmetry


def mean_mw_cm2(leds: int, led_mw: float, coupling: float, area_cm2: float) -> float:
    """Irradiance if the light were even."""
    return leds * led_mw * coupling / area_cm2


def spacing_cm(leds: int, area_cm2: float) -> float:
    """Side of the square that one LED has to itself."""
    return math.sqrt(area_cm2 / leds)


def relative_irradiance(x: float, y: float, ratio: float) -> float:
    """Irradiance at (x, y), in spacings from an LED, over the mean; `ratio` = spacing/distance."""
    square = 1.0 / ratio**2  # d^2 in spacings
    total = 0.0
    for i in range(-_ROWS, _ROWS + 1):
        for j in range(-_ROWS, _ROWS + 1):
            total += square / (square + (x - i) ** 2 + (y - j) ** 2) ** 2
    half = _ROWS + 0.5
    beyond = square / (square + half * half * 4.0 / math.pi)  # outside a disc of the same area
    return total / math.pi + beyond


def extreme_irradiances(ratio: float) -> tuple[float, float]:
    """(darkest, brightest) point of an endless square grid, over the mean."""
    steps = [0.5 * i / (_POINTS - 1) for i in range(_POINTS)]
    seen = [relative_irradiance(x, y, ratio) for x in steps for y in steps if y <= x]
    return min(seen), max(seen)


def unevenness(ratio: float) -> float:
    """The half width of what there is, over its middle: 0.1 is +-10 %."""
    dark, bright = extreme_irradiances(ratio)
    return (bright - dark) / (bright + dark)


def widest_ratio(allowed: float) -> float:
    """The largest spacing/distance that keeps the unevenness within `allowed`."""
    low, high = 0.5, 6.0
    while high - low > 0.005:
        middle = (low + high) / 2
        if unevenness(middle) <= allowed:
            low = middle
        else:
            high = middle
    return low
