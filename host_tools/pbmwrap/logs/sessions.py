"""Records put together to sessions. Says what the log says; guesses nothing but a lost power."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pbmwrap.logs.clock import Clock, Mark, marks_of
from pbmwrap.logs.decode import Decoded, Entry, lost_of
from wrap.rules import states
from wrap.storage import records

RUNNING = "still running"


@dataclass
class Session:
    """One session. `start` is None when the log no longer holds it, `end` when it has none.

    `reason`: as the wrap gave it (`wrap.rules.states`), `power-lost`, or `still running`.
    `restart_cause`: what the boot record after a lost session gave as its cause.
    """

    number: int
    boot: int
    first: Entry
    last: Entry
    start: Entry | None = None
    end: Entry | None = None
    states: list[Entry] = field(default_factory=list)
    samples: list[Entry] = field(default_factory=list)
    faults: list[Entry] = field(default_factory=list)
    reason: str = RUNNING
    restart_cause: str | None = None
    lost: int = 0  # records lost in the wrap, told since its first record

    @property
    def protocol(self) -> str | None:
        """Canonical JSON of the protocol that ran."""
        return _get(self.start, "protocol")

    def protocol_text(self, key: str) -> str | None:
        """A text of the protocol that ran, for example its `id`; None where it has none."""
        try:
            said = json.loads(self.protocol or "")
        except (ValueError, RecursionError):
            return None
        value = said.get(key) if isinstance(said, dict) else None
        return value if isinstance(value, str) and value else None

    @property
    def started_by(self) -> str | None:
        """`button` or `link`."""
        return _get(self.start, "by")

    @property
    def calibrations(self) -> list[dict[str, Any] | None]:
        """Per channel, as the wrap held them at the start."""
        return _get(self.start, "cal") or []

    @property
    def active_ms(self) -> int:
        """Light time, by the end record or the last sample."""
        return int(self._last("active_ms") or 0)

    @property
    def dose_uj(self) -> list[int | None]:
        """Per channel uJ/cm2, None where not calibrated; by the end record or the last sample."""
        return list(_get(self.end, "dose_uj") or self._last("doses_uj") or [])

    @property
    def max_mc(self) -> list[int | None]:
        """Highest temperature per sensor in mC, by the end record or the samples."""
        ended = _get(self.end, "max_mc")
        if ended:
            return list(ended)
        rows = [_get(sample, "temps_mc") or [] for sample in self.samples]
        width = max((len(row) for row in rows), default=0)
        columns = [[row[i] for row in rows if i < len(row)] for i in range(width)]
        return [max((t for t in c if t is not None), default=None) for c in columns]

    @property
    def paused_ms(self) -> int | None:
        """Time in pauses, None without an end record."""
        return _get(self.end, "paused_ms")

    @property
    def on_ms(self) -> list[int] | None:
        """Time at full duty per channel (duty integrated), None without an end record."""
        return _get(self.end, "on_ms")

    def _last(self, key: str) -> Any:
        for entry in (self.end, *reversed(self.samples)):
            value = _get(entry, key)
            if value is not None:
                return value
        return None


_TEXTS = ("protocol", "by")
_NUMBERS = ("active_ms", "paused_ms")
_ROWS = ("dose_uj", "doses_uj", "on_ms", "max_mc", "temps_mc")


def _get(entry: Entry | None, key: str) -> Any:
    """A field of a record, None when it is not there or of a kind that no wrap writes."""
    value = None if entry is None or entry.data is None else entry.data.get(key)
    if key in _TEXTS:
        return value if isinstance(value, str) else None
    if key in _NUMBERS:
        return value if isinstance(value, int) else None
    if key in _ROWS or key == "cal":
        kind = dict if key == "cal" else int
        good = isinstance(value, list) and all(v is None or isinstance(v, kind) for v in value)
        return value if good else None
    return value


_LISTS = {records.STATE: "states", records.SAMPLE: "samples", records.FAULT: "faults"}


class _Builder:
    """Goes through the records once, in the log's order."""

    def __init__(self) -> None:
        self.done: list[Session] = []
        self._open: dict[tuple[int, int], Session] = {}
        self._lost = 0  # told in this boot

    def _session(self, entry: Entry, number: int) -> Session:
        key = (entry.boot, number)
        if key not in self._open:
            self._open[key] = Session(number, entry.boot, entry, entry)
            self.done.append(self._open[key])
        return self._open[key]

    def take(self, entry: Entry) -> None:
        if entry.kind == records.BOOT:
            self._boot(entry)
        self._take_lost(entry)
        number = _get(entry, "session")
        if not isinstance(number, int) or number <= 0:
            return
        session = self._session(entry, number)
        session.last = entry
        if entry.kind in _LISTS:
            getattr(session, _LISTS[entry.kind]).append(entry)
        elif entry.kind == records.START:
            session.start = entry
        elif entry.kind == records.END:
            session.end = entry
            session.reason = str(_get(entry, "reason") or "unknown")

    def _take_lost(self, entry: Entry) -> None:
        lost = lost_of(entry)
        if lost is None:
            return
        if self.done and self.done[-1].boot == entry.boot:
            self.done[-1].lost += max(0, lost - self._lost)
        self._lost = lost

    def _boot(self, entry: Entry) -> None:
        for session in self._open.values():
            if session.end is None:
                session.reason = states.BY_POWER
                session.restart_cause = _get(entry, "cause")
        self._open.clear()
        self._lost = 0


def sessions(decoded: Decoded) -> list[Session]:
    """All sessions in the log's order."""
    builder = _Builder()
    for entry in decoded.entries:
        builder.take(entry)
    return builder.done


def clock_of(decoded: Decoded, marks: Iterable[Mark] = ()) -> Clock:
    """The log's clock; marks: more of them, from the host."""
    return Clock([*marks_of(decoded.entries), *marks])
