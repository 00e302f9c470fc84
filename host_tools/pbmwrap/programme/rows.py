"""The programme's objects as rows of an answer, for `--json` and for the page."""

from __future__ import annotations

from typing import Any

from pbmwrap.programme.attribution import LoggedSession
from pbmwrap.programme.model import JournalEntry


def make_entry_row(entry: JournalEntry, at: str | None, written: str) -> dict[str, Any]:
    """Return one entry of a journal. at, written: its times, in the reader's form."""
    return {
        "id": entry.id,
        "day": entry.day.isoformat(),
        "value": entry.value,
        "measure": entry.measure,
        "at": at,
        "written": written,
        "late": entry.late,
        "sleep": entry.sleep,
        "skin": entry.skin,
        "changed": entry.changed,
        "flags": list(entry.flags),
        "corrects": entry.corrects,
        "way": entry.way,
    }


def make_session_row(session: LoggedSession) -> dict[str, Any]:
    """Return a session that is nobody's yet, so that a person can recognise it."""
    return {
        "key": session.key,
        "uid": session.uid,
        "number": session.number,
        "unix_ms": session.unix_ms,
        "site": session.site,
        "protocol": session.protocol_id,
        "active_ms": session.active_ms,
        "started_by": session.started_by,
        "tag": session.tag,
    }
