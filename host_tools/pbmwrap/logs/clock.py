"""Places records in time. A wrap without a battery clock knows only its boot number and uptime."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pbmwrap.logs.decode import Entry
from wrap.storage import records


@dataclass(frozen=True, order=True)
class Mark:
    """At this uptime of this boot it was `unix_ms` (UTC)."""

    boot: int
    up_ms: int
    unix_ms: int


def marks_of(entries: Iterable[Entry]) -> list[Mark]:
    """The marks in the log itself: clock settings, and session starts with the clock set."""
    return [
        Mark(e.boot, e.up_ms_total, e.data["unix_s"] * 1000)
        for e in entries
        if e.kind in (records.CLOCK, records.START) and e.data is not None and e.data["unix_s"]
    ]


class Clock:
    """Marks from the log and from the host. Boots without any stay undated."""

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        self._boots: dict[int, tuple[list[int], list[Mark]]] = {}
        for mark in sorted(marks):
            ups, its = self._boots.setdefault(mark.boot, ([], []))
            ups.append(mark.up_ms)
            its.append(mark)

    def unix_ms(self, boot: int, up_ms: int) -> int | None:
        """UTC milliseconds, by the boot's last mark before that uptime, else by its first after."""
        if boot not in self._boots:
            return None
        ups, marks = self._boots[boot]
        mark = marks[max(0, bisect_right(ups, up_ms) - 1)]
        return mark.unix_ms + up_ms - mark.up_ms

    def of(self, entry: Entry) -> int | None:
        """UTC milliseconds of a record, or None."""
        return self.unix_ms(entry.boot, entry.up_ms_total)

    def text(self, boot: int, up_ms: int) -> str:
        """`2026-11-21T08:30:05Z`, or `boot 3 +00:12:05` when undated."""
        unix_ms = self.unix_ms(boot, up_ms)
        if unix_ms is None:
            minutes, seconds = divmod(up_ms // 1000, 60)
            return f"boot {boot} +{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
        return iso(unix_ms)


def iso(unix_ms: int) -> str:
    """UTC to the second, or to the millisecond when there are any."""
    moment = datetime.fromtimestamp(unix_ms / 1000, UTC)
    spec = "milliseconds" if unix_ms % 1000 else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")
