"""Which entries of a journal count, and the number of each day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from pbmwrap.programme.model import JournalEntry


def select_current(history: Iterable[JournalEntry]) -> list[JournalEntry]:
    """Select the entries that no later one corrects, by day. Of two of one day both stay."""
    current = {entry.id: entry for entry in history}
    for entry in list(current.values()):
        if entry.corrects is not None:
            current.pop(entry.corrects, None)
    return sorted(current.values(), key=lambda entry: (entry.day, entry.id))


def find_values(entries: Iterable[JournalEntry], measure: str) -> dict[date, float]:
    """Return {day: number} of a measure. Of two entries of one day the one written first counts."""
    found: dict[date, float] = {}
    for entry in sorted(entries, key=lambda entry: entry.id):
        if entry.value is not None and entry.measure == measure:
            found.setdefault(entry.day, entry.value)
    return dict(sorted(found.items()))


def list_between(values: Mapping[date, float], first: date, after: date) -> list[float]:
    """List the numbers of the days from `first` to the one before `after`."""
    return [value for day, value in values.items() if first <= day < after]
