"""The questions before a measurement: which meter, which cover, how many points.

Each field takes what was typed and returns the value of the record. Shared by the command's
options, its prompts, and a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pbmwrap.calibration.grid import SIDE_MOST
from pbmwrap.calibration.instruments import KINDS, refuse_absolute
from pbmwrap.calibration.problems import Question, Refusal
from pbmwrap.calibration.record import MEASURE, NO_COVER
from pbmwrap.calibration.units import find_unit, parse_typed
from wrap.rules.limits import CAL_UNC_MOST_PM

NAME_MOST = 40
APERTURE_LEAST_MM, APERTURE_MOST_MM = 1.0, 50.0
REPEATS_MOST = 9
_BETTER_THAN_ANY_PCT = 1.0  # k = 2; a national laboratory states 1 % for a silicon head
_PLAIN_UNITS = r"[A-Za-z%µ/²2*]{1,10}"


@dataclass(frozen=True)
class Field:
    """A question. read: makes the record's value, raises Refusal, or returns a Question. default:
    what an empty line means; "" asks again. ratio: whether a ratio check asks it too."""

    key: str
    text: str
    read: Callable[[str, dict[str, Any]], Any]
    default: str = ""
    ratio: bool = False


def read_meter(text: str, purpose: str) -> str:
    """Return the kind of meter. Raises Refusal for one that cannot calibrate."""
    names = list(KINDS)
    plain = text.strip().lower()
    if plain.isdigit() and 1 <= int(plain) <= len(names):
        plain = names[int(plain) - 1]
    if plain not in KINDS:
        raise Refusal("meter", f"{text.strip()!r} is not one of {', '.join(names)}")
    why = refuse_absolute(plain) if purpose == MEASURE else None
    if why:
        raise Refusal("not_absolute", why, meter=plain)
    return plain


def _read_name(text: str, _given: dict[str, Any]) -> str:
    plain = " ".join(text.split())
    if not plain or len(plain) > NAME_MOST or not plain.isprintable():
        raise Refusal("name", f"the meter's name must have 1 to {NAME_MOST} characters")
    return plain


def _number(text: str, what: str, low: float, high: float, unit: str) -> float | Question:
    typed = parse_typed(re.sub(r"\s*(%|mm)$", "", text.strip()))
    if not low <= typed.value <= high:
        behind = f" {unit}" if unit else ""
        raise Refusal(
            "bounds",
            f"{what} is {typed.value:g}{behind}, it must be {low:g} to {high:g}{behind}",
            low=low,
            high=high,
        )
    return typed.question or typed.value


def _read_uncertainty(text: str, _given: dict[str, Any]) -> float | Question:
    most = CAL_UNC_MOST_PM / 10
    found = _number(text, "the meter's uncertainty", 0.1, most, "%")
    if isinstance(found, float) and found < _BETTER_THAN_ANY_PCT:
        return Question(
            "too_good",
            f"{found:g} % is better than a national laboratory states for such a head: is it the "
            "uncertainty on its certificate, and not its resolution?",
            {"percent": found},
        )
    return found


def _read_k(text: str, _given: dict[str, Any]) -> float | Question:
    return _number(text, "k", 1.0, 3.0, "")


def _read_aperture(text: str, _given: dict[str, Any]) -> float | Question:
    what = "the diameter of the aperture"
    return _number(text, what, APERTURE_LEAST_MM, APERTURE_MOST_MM, "mm")


def _read_unit(text: str, _given: dict[str, Any]) -> str:
    return find_unit(text) or "mW/cm2"


def _read_plain_unit(text: str, _given: dict[str, Any]) -> str:
    """The unit of a ratio check: only that it stays the same counts."""
    plain = text.strip()
    if not re.fullmatch(_PLAIN_UNITS, plain):
        raise Refusal("unit", f"{plain!r} is not a unit, such as lx or W/m2", unit=plain)
    return plain


def _read_saturation(text: str, _given: dict[str, Any]) -> float | Question | None:
    if text.strip().lower() in ("?", "unknown", "none"):
        return None
    return _number(text, "the most that the meter can show", 1e-6, 1e9, "")


def _read_cover(text: str, _given: dict[str, Any]) -> str:
    plain = " ".join(text.split())
    if not plain or len(plain) > NAME_MOST:
        raise Refusal(
            "cover", f"describe the cover in at most {NAME_MOST} characters, or type {NO_COVER}"
        )
    return NO_COVER if plain.lower() in (NO_COVER, "no") else plain


def _read_grid(text: str, _given: dict[str, Any]) -> list[int] | Question:
    match = re.fullmatch(r"(\d)\s*[x*×]\s*(\d)", text.strip().lower())
    if not match or not all(1 <= int(one) <= SIDE_MOST for one in match.groups()):
        raise Refusal("grid", f"{text.strip()!r} is not a grid, such as 5x5 (1 to {SIDE_MOST})")
    return [int(one) for one in match.groups()]


def _read_repeats(text: str, _given: dict[str, Any]) -> int:
    plain = text.strip()
    if not plain.isdigit() or not 1 <= int(plain) <= REPEATS_MOST:
        raise Refusal("repeats", f"{plain!r} is not a number of repeats, 1 to {REPEATS_MOST}")
    return int(plain)


_METERS = "".join(f"  {n}  {kind.title}\n" for n, kind in enumerate(KINDS.values(), 1))
_FIELDS = (
    Field(
        "meter",
        f"{_METERS}Which kind of meter is it, 1 to {len(KINDS)}",
        lambda t, g: t,
        ratio=True,
    ),
    Field("name", "Its maker, model and number", _read_name, ratio=True),
    Field(
        "uncertainty",
        "Its uncertainty in percent, from its calibration certificate",
        _read_uncertainty,
    ),
    Field(
        "k", "The coverage factor k of that uncertainty (the certificate states it)", _read_k, "2"
    ),
    Field("unit", "The unit that it shows: mW/cm2, W/m2, uW/cm2, mW", _read_unit, "mW/cm2"),
    Field("aperture", "The diameter of its aperture in mm", _read_aperture),
    Field(
        "saturation",
        "The most that it can show in this range, in its unit (? when not known)",
        _read_saturation,
        "?",
    ),
    Field(
        "cover",
        "Which cover is on the pad, as in sessions (film, cloth; none when none is used)",
        _read_cover,
        ratio=True,
    ),
    Field("grid", "How many points, rows x columns", _read_grid, "5x5"),
    Field("repeats", "How often is the whole grid measured", _read_repeats, "3"),
)
_PLAIN_UNIT = Field(
    "unit", "The unit that it shows, such as lx or W/m2", _read_plain_unit, ratio=True
)


def list_fields(purpose: str) -> list[Field]:
    """Return the fields that a purpose asks for, in order."""
    if purpose == MEASURE:
        return list(_FIELDS)
    out = [one for one in _FIELDS if one.ratio]
    out.insert(2, _PLAIN_UNIT)
    return out


def read_field(one: Field, text: str, purpose: str, given: dict[str, Any]) -> Any:
    """Return the value of a field, or a Question. Raises Refusal."""
    plain = text.strip() or one.default
    if not plain:
        raise Refusal("empty", "nothing was typed")
    if one.key == "meter":
        return read_meter(plain, purpose)
    return one.read(plain, given)
