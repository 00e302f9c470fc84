"""What the page's form of a new trial sends, read into the wishes of `programme.trial_start`.

For whom a trial is not made has no default: without an answer nothing begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbmwrap.trial.planner import SPEEDS
from pbmwrap.web.programme import Fields, read_measure
from pbmwrap.web.security import Refusal

if TYPE_CHECKING:
    from pbmwrap.programme.trial_start import Wishes

CAUTIONS = ("advice", "half", "stop", "frozen")  # each is read and confirmed for itself
BOUNDS = {  # as the options of `pbmwrap trial plan` and `start`: default, least, most
    "sites": (2, 1, 2),
    "weeks": (24, 4, 52),
    "matters": (2.0, 0.1, 10),
    "spread": (1.5, 0.1, 5),
    "missing": (15.0, 0, 80),
    "sessions": (3, 1, 5),
    "minutes": (20.0, 0.1, 30),
    "level": (25.0, 0.1, 100),
}


def read_wishes(asked: Fields) -> Wishes:
    """Read the form. Raises Refusal."""
    from pbmwrap.programme.trial_start import MOST_NAME, Wishes
    from pbmwrap.trial.plan import Asked

    speed = asked.text("speed") or "week"
    if speed not in SPEEDS:
        raise Refusal(400, "bad_param", f"speed must be one of {', '.join(SPEEDS)}")
    period = asked.whole("period")
    if period not in (None, 7, 14):
        raise Refusal(400, "bad_param", "period must be 7 or 14, or left out")
    treat, numb = asked.answer("needs_treatment"), asked.answer("numb")
    skin_by = " ".join(asked.text("skin_by").split())[:MOST_NAME]
    return Wishes(
        sites=tuple(asked.texts("sites")),
        aim=asked.text("aim"),
        measure=read_measure(asked),
        asked=Asked(treat, numb, skin_by if numb else ""),
        weeks=int(_read_bounded(asked.whole("weeks"), "weeks")),
        period_days=period,
        sessions=int(_read_bounded(asked.whole("sessions"), "sessions")),
        minutes=float(_read_bounded(asked.number("minutes"), "minutes")),
        level_pm=round(10 * _read_bounded(asked.number("level"), "level")),
        speed=speed,
        matters=float(_read_bounded(asked.number("matters"), "matters")),
        spread=float(_read_bounded(asked.number("spread"), "spread")),
        missing_percent=float(_read_bounded(asked.number("missing"), "missing")),
        start=asked.day("start"),
        others=tuple(asked.texts("others")),
        exploratory=asked.flag("exploratory"),
    )


def require_confirmed(asked: Fields) -> None:
    """Refuse a begin whose cautions were not all confirmed. Raises Refusal."""
    if set(CAUTIONS) - set(asked.texts("confirmed")):
        hint = "read and confirm each of them"
        raise Refusal(409, "unconfirmed", "not every caution is confirmed", hint)


def _read_bounded(value: Any, key: str) -> float:
    default, least, most = BOUNDS[key]
    if value is None:
        return default
    if not least <= value <= most:
        raise Refusal(400, "bad_param", f"{key} must be a number from {least} to {most}")
    return value
