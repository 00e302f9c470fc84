"""Days and moments: this machine's clock, zones, and dates as people write them.

The journal's day is the local day where the person was. UTC and the zone's offset are stored, so a
later change of the zone rules changes no stored day.
"""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from pbmwrap.errors import UsageError
from pbmwrap.logs.clock import EARLIEST_MS
from pbmwrap.programme.model import Stamp, format_offset

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_LOCALTIME = Path("/etc/localtime")


def read_unix_ms() -> int:
    """Read this machine's clock: UTC in ms. Tests replace it."""
    return round(time.time() * 1000)


def require_clock(unix_ms: int) -> None:
    """Refuse to write what depends on the day by a clock that cannot be true. Raises UsageError."""
    if unix_ms < EARLIEST_MS:
        said = datetime.fromtimestamp(unix_ms / 1000, UTC).date()
        raise UsageError(
            f"this machine's clock says {said}, which cannot be true",
            "set this machine's clock, then give the command again",
        )


def find_machine_zone() -> str:
    """Find this machine's zone: its IANA name, or its present offset if the name is unknown."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named and _LOCALTIME.is_symlink():
        named = str(_LOCALTIME.resolve()).partition("zoneinfo/")[2]
    if named and is_zone(named):
        return named
    offset = datetime.now().astimezone().utcoffset() or timedelta()
    return format_offset(round(offset.total_seconds() / 60))


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA zone or an offset such as "+01:00"."""
    try:
        read_zone(name)
    except UsageError:
        return False
    return True


@lru_cache(64)
def read_zone(name: str) -> tzinfo:
    """Return the zone. Raises UsageError."""
    found = _OFFSET.fullmatch(name)
    if found:
        sign = -1 if found[1] == "-" else 1
        minutes = int(found[2]) * 60 + int(found[3])
        if minutes <= 14 * 60:
            return timezone(sign * timedelta(minutes=minutes))
    else:
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, KeyError):
            pass
    raise UsageError(f"{name!r} is not a time zone", _suggest_zone(name))


def _suggest_zone(name: str) -> str:
    end = name.rpartition("/")[2].replace(" ", "_").casefold()
    near = sorted(z for z in available_timezones() if z.rpartition("/")[2].casefold() == end)
    return f"write {near[0]}" if near else "write for example Europe/Berlin or +01:00"


def make_stamp(unix_ms: int, zone: str) -> Stamp:
    """Return a moment with the offset that the zone had then."""
    moment = datetime.fromtimestamp(unix_ms / 1000, UTC).astimezone(read_zone(zone))
    offset = moment.utcoffset() or timedelta()
    return Stamp(unix_ms, round(offset.total_seconds() / 60))


def make_local_stamp(local: datetime, zone: str) -> Stamp:
    """Return the stamp of a wall time in a zone; of two in autumn the first one."""
    moment = local.replace(tzinfo=read_zone(zone), fold=0)
    return make_stamp(round(moment.timestamp() * 1000), zone)


_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")


def parse_day(text: str, order: str = "") -> date | None:
    """Parse `2026-11-29`, `29.11.2026`, or with slashes; None if it is none of these.

    order: "dmy" or "mdy" for dates with slashes. Without it one of them counts only if the other
    is impossible; else AmbiguousDay is raised.
    """
    text = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text[:10]) and text[10:11] in ("", " ", "T"):
            return date.fromisoformat(text[:10])
        if found := _DOTTED.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        return None
    found = _SLASHED.fullmatch(text)
    return _parse_slashed(int(found[1]), int(found[2]), int(found[3]), order) if found else None


class AmbiguousDay(ValueError):
    """A date such as 3/4/2026."""


def _parse_slashed(first: int, second: int, year: int, order: str) -> date | None:
    by_order = {"dmy": (second, first), "mdy": (first, second)}
    possible = {}
    for name, (month, day) in by_order.items():
        try:
            possible[name] = date(year, month, day)
        except ValueError:
            continue
    if order:
        return possible.get(order)
    if len(set(possible.values())) > 1:
        raise AmbiguousDay(f"{first}/{second}/{year}")
    return next(iter(possible.values()), None)


def read_day(text: str, today: date) -> date:
    """Read a day that was typed: a date, "today", "yesterday". Raises UsageError."""
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    if text.casefold() in words:
        return words[text.casefold()]
    try:
        found = parse_day(text)
    except AmbiguousDay:
        raise UsageError(
            f"{text} can be two days", "write it as 2026-11-29 or 29.11.2026"
        ) from None
    if found is None:
        raise UsageError(f"{text!r} is not a day", "write it as 2026-11-29 or 29.11.2026")
    return found
