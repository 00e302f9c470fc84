"""What a compact record leaves to those before it: which session it belongs to, for how long light
had been on, and what a blob's name stands for. Adds only what the log itself says: where records
are missing, None."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from wrap.rules import states
from wrap.storage import records

if TYPE_CHECKING:
    from pbmwrap.logs.decode import Entry

_LIT = (states.RAMP_UP, states.RUNNING)  # the session's clock runs in these
_OF_A_SESSION = (records.STATE, records.SAMPLE, records.WAKE)


class Context:
    """Goes through the entries once, in the log's order."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._before: Entry | None = None
        self._forget()

    def _forget(self) -> None:
        self._session: int | None = None
        self._lost: list[dict[str, Any]] = []  # whose session's start is not in the log
        self._active_ms: int | None = None
        self._lit_since: int | None = None

    def take(self, entry: Entry) -> None:
        """One more. Its `data` is changed in place."""
        self._look_back(entry)
        if entry.data is not None:
            self._fill(entry, entry.data)
        self._before = entry

    def _look_back(self, entry: Entry) -> None:
        """What is known of the records before this one still holds, or not."""
        before = self._before
        if before is None or entry.kind == records.BOOT or entry.boot != before.boot:
            self._forget()
        elif entry.seq != before.seq + 1:
            self._active_ms = None
            if entry.seq != before.seq + 2:  # one record cannot be a session's end and a start
                self._forget()

    def _fill(self, entry: Entry, data: dict[str, Any]) -> None:
        if entry.kind == records.BLOB:
            self._blobs[data["name"]] = data["raw"]
            data["raw"] = data["raw"].decode("utf-8", "replace")
        elif entry.kind == records.SECTOR:
            data["blobs"] = [{"name": name.hex(), "offset": at} for name, at in data["blobs"]]
        elif entry.kind == records.START:
            self._begin(data)
        elif entry.kind == records.END:
            self._end(data)
        elif entry.kind in _OF_A_SESSION:
            self._inside(entry, data)

    def _begin(self, data: dict[str, Any]) -> None:
        self._forget()
        self._session = data["session"]
        self._active_ms = 0
        protocol = self._blobs.get(data["protocol_blob"])
        data["protocol"] = None if protocol is None else protocol.decode("utf-8", "replace")
        try:
            data["cal"] = json.loads(self._blobs.get(data["cal_blob"], b"[]"))
        except ValueError:
            data["cal"] = []

    def _end(self, data: dict[str, Any]) -> None:
        for other in self._lost if self._session is None else ():
            other["session"] = data["session"]
        self._forget()

    def _inside(self, entry: Entry, data: dict[str, Any]) -> None:
        if entry.kind == records.STATE:
            self._clock(entry, data["new"])
        else:
            data.setdefault("active_ms", self._active_at(entry))
        data["session"] = self._session
        if self._session is None:
            self._lost.append(data)

    def _active_at(self, entry: Entry) -> int | None:
        if self._active_ms is None:
            return None
        lit = 0 if self._lit_since is None else entry.up_ms_total - self._lit_since
        return self._active_ms + lit

    def _clock(self, entry: Entry, state: int) -> None:
        self._active_ms = self._active_at(entry)
        self._lit_since = entry.up_ms_total if state in _LIT else None


def fill_in(entries: Iterable[Entry]) -> None:
    """Put into each entry's `data` what those before it tell."""
    context = Context()
    for entry in entries:
        context.take(entry)
