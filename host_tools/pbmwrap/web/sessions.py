"""Sessions for the page, out of the archive of pulled logs."""

from __future__ import annotations

import threading
from typing import Any

from pbmwrap.logs.archive import FILE, Archive, WrapArchive, paused_collection
from pbmwrap.logs.notes import list_notes
from pbmwrap.logs.sessions import group_sessions
from pbmwrap.logs.summary import (
    SessionSummary,
    WrapInfo,
    read_wrap_info,
    summarize_sessions,
)
from pbmwrap.web.session_view import describe_session, list_rows

_MOST_LOGS = 16  # summarised logs that are kept in memory


def _read_samples(kept: WrapArchive, info: WrapInfo, outline: SessionSummary) -> SessionSummary:
    """Read one session again, with its samples: reading those of a whole log takes seconds."""
    place = (outline.boot, outline.number, outline.first_up_ms)
    first = next(
        (
            session.first
            for session in group_sessions(kept.outline())
            if (session.boot, session.number, session.first.up_ms_total) == place
        ),
        None,
    )
    if first is None:
        return outline  # the file has changed just now
    decoded = kept.decode_boot(first.offset)
    found = summarize_sessions(decoded, kept.clock(), info.with_default_board())
    return next((s for s in found if (s.boot, s.number, s.first_up_ms) == place), outline)


class SessionBook:
    """Reads the archive; a log is read again only when its file has changed."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Any, WrapInfo, list[SessionSummary], list[str]]] = {}

    def list_sessions(self) -> list[dict[str, Any]]:
        """Return all sessions of all wraps, newest first."""
        return list_rows(self._read(uid)[1] for uid in self._archive.uids())

    def find_session(self, uid: str, number: int) -> dict[str, Any] | None:
        """Return one session with its samples, faults and notes; None when there is none."""
        if uid not in self._archive.uids():
            return None
        info, sessions, notes = self._read(uid)
        outline = next((s for s in reversed(sessions) if s.number == number), None)
        if outline is None:
            return None
        with paused_collection():
            session = _read_samples(self._archive.wrap(uid), info, outline)
        return describe_session(session, info, notes)

    def _read(self, uid: str) -> tuple[WrapInfo, list[SessionSummary], list[str]]:
        with self._lock:
            file = self._archive.root / uid / FILE
            stamp = (file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else None
            known = self._kept.pop(uid, None)
            if known is None or known[0] != stamp:
                with paused_collection():
                    kept = self._archive.wrap(uid)
                    info = read_wrap_info(uid, kept.about())
                    sessions = summarize_sessions(
                        kept.outline(), kept.clock(), info.with_default_board()
                    )
                known = (stamp, info, sessions, list(list_notes(kept)))
            self._kept[uid] = known
            while len(self._kept) > _MOST_LOGS:
                del self._kept[next(iter(self._kept))]
            return known[1:]
