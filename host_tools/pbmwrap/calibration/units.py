"""Reads what a person types from a meter: a number, with its unit or without.

Irradiance is kept in mW/cm2, power in mW. Nothing is guessed in silence: a decimal comma is asked
about, and a unit that cannot become irradiance is refused with the reason.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from pbmwrap.calibration.problems import Question, Refusal

# Unit: (what it measures, factor to mW/cm2 or mW). 1 W/m2 = 1000 mW / 10000 cm2 = 0.1 mW/cm2.
UNITS: dict[str, tuple[str, float]] = {
    "mW/cm2": ("irradiance", 1.0),
    "W/m2": ("irradiance", 0.1),
    "uW/cm2": ("irradiance", 1e-3),
    "W/cm2": ("irradiance", 1e3),
    "mW/m2": ("irradiance", 1e-4),
    "mW": ("power", 1.0),
    "uW": ("power", 1e-3),
    "W": ("power", 1e3),
}
_NOT_IRRADIANCE = {
    "lx": "lux weighs light by the eye, which hardly sees 660 nm and does not see 850 nm",
    "lux": "lux weighs light by the eye, which hardly sees 660 nm and does not see 850 nm",
    "klx": "lux weighs light by the eye, which hardly sees 660 nm and does not see 850 nm",
    "fc": "foot-candles weigh light by the eye, which hardly sees 660 nm and does not see 850 nm",
    "umol/m2/s": "this counts photons of a plant's range, which ends at 700 nm",
    "ppfd": "this counts photons of a plant's range, which ends at 700 nm",
    "a": "this is the current of a detector; its responsivity makes power of it",
    "ma": "this is the current of a detector; its responsivity makes power of it",
    "ua": "this is the current of a detector; its responsivity makes power of it",
    "v": "this is the voltage of a detector; its responsivity makes power of it",
    "mv": "this is the voltage of a detector; its responsivity makes power of it",
    "%": "a percentage has no size of its own",
}
_OVER = re.compile(r"(o\.?l\.?|over(load|range|flow)?|sat(urated)?|-{2,}|={2,}|err(or)?)\.?", re.I)
_NUMBER = re.compile(r"([+-]?)(\d[\d.,' ]*|[.,]\d+)(e[+-]?\d+)?", re.I)


@dataclass(frozen=True)
class Typed:
    """A number as it was typed. value: in its own unit; unit: None without one; step: size of its
    last digit; question: what must be asked before it is used."""

    value: float
    unit: str | None
    step: float
    question: Question | None = None


def parse_typed(text: str) -> Typed:
    """Read one number with an optional unit. Raises Refusal."""
    plain = text.strip()
    if not plain:
        raise Refusal("empty", "nothing was typed: type the number that the meter shows")
    if _OVER.fullmatch(plain):
        raise Refusal(
            "over",
            f"the meter shows {plain!r}, so it is beyond its range: choose a higher range or put "
            "its attenuator on, then measure again",
            shown=plain,
        )
    match = _NUMBER.match(plain)
    if not match:
        raise Refusal("not_a_number", f"{plain!r} is not a number, such as 12.4 or 12.4 mW/cm2")
    sign, digits, power = match[1], match[2].strip(), match[3] or ""
    number, question = _read_digits(digits, plain)
    value = float(sign + number + power)
    if not math.isfinite(value):
        raise Refusal("not_a_number", f"{plain!r} is too large to be a reading")
    after = number.partition(".")[2]
    step = float(f"1e{-len(after)}") * (float("1" + power) if power else 1.0)
    return Typed(value, find_unit(plain[match.end() :].strip()), step, question)


def _read_digits(digits: str, plain: str) -> tuple[str, Question | None]:
    """Return digits with a decimal point, and what must be asked about them. Raises Refusal."""
    if "'" in digits or " " in digits:
        raise Refusal("marks", f"{plain!r} has marks in the number: type it without them")
    commas, points = digits.count(","), digits.count(".")
    if not commas and points <= 1:
        return digits, None
    if commas == 1 and not points:
        guess = digits.replace(",", ".")
        whole, _, after = digits.partition(",")
        if len(after) == 3 and whole.strip("0"):
            raise Refusal(
                "comma",
                f"{digits} can be {guess} or {whole}{after}: type it with a decimal point and "
                "without thousands marks",
                shown=digits,
            )
        text = f"{digits} has a comma: is it {guess}?"
        return guess, Question("comma", text, {"shown": digits}, guess)
    raise Refusal(
        "marks", f"{plain!r} has several points or commas: type it with one decimal point"
    )


def find_unit(text: str) -> str | None:
    """Return the unit as UNITS has it; None for no text. Raises Refusal."""
    plain = text.replace("²", "2").replace("^2", "2").replace("µ", "u").replace("μ", "u")
    plain = plain.replace(" ", "").replace("·", "").replace("⋅", "")
    if not plain:
        return None
    plain = re.sub(r"(cm|m)-2$", r"/\g<1>2", plain)
    for unit in UNITS:
        if plain.lower() == unit.lower() and not _is_mega(plain):
            return unit
    reason = _NOT_IRRADIANCE.get(plain.lower())
    if reason:
        raise Refusal(
            "unit",
            f"{text.strip()} cannot become irradiance: {reason}; set the meter to mW/cm2 or W/m2",
            unit=text.strip(),
        )
    known = ", ".join(UNITS)
    raise Refusal("unit", f"the unit {text.strip()!r} is not known: use one of {known}", unit=text)


def _is_mega(plain: str) -> bool:
    return plain.startswith("M")  # MW must not be read as mW


def convert_to_irradiance(value: float, unit: str, area_cm2: float | None) -> float:
    """Return a reading in mW/cm2. area_cm2: of the meter's aperture, needed for power. Raises
    Refusal."""
    kind, factor = UNITS[unit]
    if kind == "irradiance":
        return value * factor
    if not area_cm2:
        raise Refusal(
            "aperture",
            f"{unit} is power: the diameter of the meter's aperture is needed to make irradiance",
            unit=unit,
        )
    return value * factor / area_cm2
