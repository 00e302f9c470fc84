"""Groups the records of a log by session. `summary` reads the figures out of a group."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbmwrap.logs.decode import Decoded, Entry, get_reported_loss
from wrap.rules import states
from wrap.storage import records

RUNNING = "still running"


@dataclass
class Session:
    """The records of one session.

    first, last: the first and last record that name it. start, end: its start and end records,
    None where the log does not have them. reason: as the end record gives it
    (`wrap.rules.states`), `power-lost`, or `still running`. restart_cause: after `power-lost`, the
    cause in the next boot record. records_lost: lost in the wrap, reported since its first record.
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
    records_lost: int = 0


_LISTS = {records.STATE: "states", records.SAMPLE: "samples", records.FAULT: "faults"}


class _Builder:
    """Groups records that come in the log's order."""

    def __init__(self) -> None:
        self.done: list[Session] = []
        self._open: dict[tuple[int, int], Session] = {}
        self._lost = 0  # reported so far in this boot

    def add(self, entry: Entry) -> None:
        """Add the next record to its session."""
        if entry.kind == records.BOOT:
            self._close_sessions(entry)
        self._add_loss(entry)
        number = entry.session
        if number is None:
            return
        session = self._get_session(entry, number)
        session.last = entry
        if entry.kind in _LISTS:
            getattr(session, _LISTS[entry.kind]).append(entry)
        elif entry.kind == records.START:
            session.start = entry
        elif entry.kind == records.END:
            session.end = entry
            session.reason = str((entry.data or {}).get("reason") or "unknown")

    def _get_session(self, entry: Entry, number: int) -> Session:
        key = (entry.boot, number)
        if key not in self._open:
            self._open[key] = Session(number, entry.boot, entry, entry)
            self.done.append(self._open[key])
        return self._open[key]

    def _add_loss(self, entry: Entry) -> None:
        """Count a reported loss for the last session that began in the same boot."""
        lost = get_reported_loss(entry)
        if lost is None:
            return
        if self.done and self.done[-1].boot == entry.boot:
            self.done[-1].records_lost += max(0, lost - self._lost)
        self._lost = lost

    def _close_sessions(self, boot: Entry) -> None:
        """A session without an end record ended by the loss of power before this boot."""
        for session in self._open.values():
            if session.end is None:
                session.reason = states.BY_POWER
                session.restart_cause = (boot.data or {}).get("cause")
        self._open.clear()
        self._lost = 0


def group_sessions(decoded: Decoded) -> list[Session]:
    """Group all records of sessions, in the log's order."""
    builder = _Builder()
    for entry in decoded.entries:
        builder.add(entry)
    return builder.done
