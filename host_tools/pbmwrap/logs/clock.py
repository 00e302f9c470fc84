"""Dates records. A wrap has no battery clock: a record carries only boot number and uptime."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pbmwrap.logs.decode import Decoded, Entry
from wrap.rules import limits
from wrap.storage import records

EARLIEST_MS = 1_735_689_600_000  # 2025-01-01: no wrap is older, so an earlier clock is not set
SAME_MS = limits.CLOCK_DRIFT_S * 1000  # clocks of one boot that differ by less agree
_DRIFT = 10_000  # and by one part in so many of the boot's length: two crystals of 50 ppm


@dataclass(frozen=True, order=True)
class Mark:
    """States that at uptime `up_ms` of boot `boot` the time was `unix_ms` (UTC).

    said_ms: 0 if a clock gave the time; else a person did, at this UTC time, and no clock counts.
    """

    boot: int
    up_ms: int
    unix_ms: int
    said_ms: int = 0

    @property
    def start_ms(self) -> int:
        """UTC in ms at the start of its boot."""
        return self.unix_ms - self.up_ms


def read_marks(entries: Iterable[Entry]) -> list[Mark]:
    """Read the marks in the log itself: clock settings, and session starts with the clock set."""
    return [
        Mark(e.boot, e.up_ms_total, e.data["unix_s"] * 1000)
        for e in entries
        if e.kind in (records.CLOCK, records.START) and e.data is not None and e.data["unix_s"]
    ]


def group_marks(marks: Iterable[Mark]) -> list[list[Mark]]:
    """Group the marks of one boot that can all be true together, the earliest time first."""
    rising = sorted(marks, key=lambda mark: mark.start_ms)
    ups = [mark.up_ms for mark in rising]
    apart_ms = SAME_MS + (max(ups, default=0) - min(ups, default=0)) // _DRIFT
    groups: list[list[Mark]] = []
    for mark in rising:
        if groups and mark.start_ms - groups[-1][-1].start_ms <= apart_ms:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


class Clock:
    """Converts uptimes to UTC by marks from the log and the host. Boots without any stay undated.

    Where marks of a boot contradict each other, the latest time counts: a clock that was never set
    is behind. A time that a person gave counts before all clocks.
    conflicts: {boot: UTC in ms at its start, by each clock that contradicts the others, rising}.
    """

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        self._boots: dict[int, tuple[list[int], list[Mark]]] = {}
        self.conflicts: dict[int, list[int]] = {}
        by_boot: dict[int, list[Mark]] = {}
        for mark in marks:
            by_boot.setdefault(mark.boot, []).append(mark)
        for boot, its in by_boot.items():
            believed = sorted(self._select_marks(boot, its))
            self._boots[boot] = [mark.up_ms for mark in believed], believed

    def _select_marks(self, boot: int, marks: list[Mark]) -> list[Mark]:
        given = [mark for mark in marks if mark.said_ms]
        if given:
            return [max(given, key=lambda mark: (mark.said_ms, mark))]
        groups = group_marks(marks)
        if len(groups) > 1:
            self.conflicts[boot] = [group[-1].start_ms for group in groups]
        return groups[-1]

    def unix_ms(self, boot: int, up_ms: int) -> int | None:
        """Return UTC in ms, by the boot's last mark before that uptime, else its first after it.

        None for a boot without marks.
        """
        if boot not in self._boots:
            return None
        ups, marks = self._boots[boot]
        mark = marks[max(0, bisect_right(ups, up_ms) - 1)]
        return mark.unix_ms + up_ms - mark.up_ms

    def unix_ms_of(self, entry: Entry) -> int | None:
        """Return UTC in ms of a record, or None."""
        return self.unix_ms(entry.boot, entry.up_ms_total)


def make_clock(decoded: Decoded, marks: Iterable[Mark] = ()) -> Clock:
    """Make the clock of a log. marks: further ones, from the host."""
    return Clock([*read_marks(decoded.entries), *marks])


def format_uptime(boot: int, up_ms: int) -> str:
    """Format the place of an undated record: `boot 3 +00:12:05`."""
    minutes, seconds = divmod(up_ms // 1000, 60)
    return f"boot {boot} +{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def format_utc(unix_ms: int) -> str:
    """Format UTC to the second, or to the millisecond if it has a fraction of a second."""
    moment = datetime.fromtimestamp(unix_ms / 1000, UTC)
    spec = "milliseconds" if unix_ms % 1000 else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def format_local(unix_ms: int) -> str:
    """Format a time for people, to the minute: `2026-11-21 09:30`, in this machine's time zone."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
