"""What a compact record leaves to those before it: which session it belongs to, for how long light
had been on, and what a blob's name stands for. Adds only what the log itself says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wrap.session import states
from wrap.storage import records

if TYPE_CHECKING:
    from pbmwrap.logs.decode import Entry

_LIT = (states.RAMP_UP, states.RUNNING)  # the session's clock runs in these
_OF_A_SESSION = (records.STATE, records.SAMPLE, records.WAKE)


class Context:
    """Goes through the entries once, in the log's order."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._out: list[Entry] = []
        self._forget()

    def _forget(self) -> None:
        self._session: int | None = None
        self._lost: list[int] = []  # places in `_out` whose session's start is not in the log
        self._active_ms = 0
        self._lit_since: int | None = None

    def take(self, entry: Entry) -> None:
        """One more."""
        data = entry.data
        if entry.kind == records.BOOT:
            self._forget()
        if data is not None:
            data = self._filled(entry, dict(data))
        self._out.append(entry if data is None else replace(entry, data=data))

    def _filled(self, entry: Entry, data: dict[str, Any]) -> dict[str, Any]:
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
        return data

    def _begin(self, data: dict[str, Any]) -> None:
        self._forget()
        self._session = data["session"]
        protocol = self._blobs.get(data["protocol_blob"])
        data["protocol"] = None if protocol is None else protocol.decode("utf-8", "replace")
        try:
            data["cal"] = json.loads(self._blobs.get(data["cal_blob"], b"[]"))
        except ValueError:
            data["cal"] = []

    def _end(self, data: dict[str, Any]) -> None:
        for place in self._lost if self._session is None else ():
            entry = self._out[place]
            known = {**(entry.data or {}), "session": data["session"]}
            self._out[place] = replace(entry, data=known)
        self._forget()

    def _inside(self, entry: Entry, data: dict[str, Any]) -> None:
        if entry.kind == records.STATE:
            self._clock(entry, data["new"])
        else:
            data.setdefault("active_ms", self._active_at(entry))
        data["session"] = self._session
        if self._session is None:
            self._lost.append(len(self._out))

    def _active_at(self, entry: Entry) -> int:
        lit = 0 if self._lit_since is None else entry.up_ms_total - self._lit_since
        return self._active_ms + lit

    def _clock(self, entry: Entry, state: int) -> None:
        self._active_ms = self._active_at(entry)
        self._lit_since = entry.up_ms_total if state in _LIT else None

    def entries(self) -> tuple[Entry, ...]:
        """All of them, with what was left out."""
        return tuple(self._out)


def in_context(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The same entries, their `data` filled in."""
    context = Context()
    for entry in entries:
        context.take(entry)
    return context.entries()
