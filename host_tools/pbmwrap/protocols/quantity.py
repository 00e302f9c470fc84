"""The file's quantities: exact decimals, their smallest steps, and keys that belong together.

These are the checks that a file's model makes beyond types. The model of `pbmwrap` and the page
without a server both use them.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

_MAX_MAGNITUDE = 12  # most decimal digits left or right of the point that a quantity here needs
MODE_MISSING = 'is missing: mode = "pulsed" requires it'
MODE_EXTRA = 'requires mode = "pulsed"; remove it for continuous light'

# {key of the file: (device units in one of the file's, the step in words)}
STEPS = {
    "intensity": (10, "0.1 %"),
    "on_fraction": (1000, "0.001"),
    "dose_j_cm2": (1000, "0.001 J/cm2"),
    "skin_trip_c": (1000, "0.001 C"),
    "ramp_s": (1000, "0.001 s"),
}


def make_exact(value: Any) -> Decimal:
    """Return the number as an exact decimal. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number")
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > _MAX_MAGNITUDE:
        raise ValueError("must be a finite number of ordinary size")
    return number


def check_step(key: str, value: Decimal) -> Decimal:
    """Return the value of `key` unchanged. Raises ValueError when the device would round it."""
    per_unit, step = STEPS[key]
    if (Fraction(value) * per_unit).denominator != 1:
        raise ValueError(f"must be a multiple of {step}, {value} is not")
    return value


def check_dose(value: Decimal | None) -> Decimal | None:
    """Return the dose unchanged. Raises ValueError when it is 0."""
    if value == 0:
        raise ValueError("must be above 0; remove it to let time end the session")
    return value


def find_mode_problem(mode: Any, has_value: bool) -> str:
    """Return what is wrong with a key that only pulsed light has; "" when nothing is. mode: None
    when it is not valid itself."""
    if mode == "pulsed" and not has_value:
        return MODE_MISSING
    return MODE_EXTRA if mode == "continuous" and has_value else ""
