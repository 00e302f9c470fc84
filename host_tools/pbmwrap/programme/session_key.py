"""The name of a session, which never changes: claims and caches refer to it."""

from __future__ import annotations

import hashlib
import json

from pbmwrap.logs.summary import SessionSummary


def make_session_key(session: SessionSummary) -> str:
    """Name a session by what it is, not by where its log lies: `WRAP:BOOT:NUMBER:START`.

    After `logs pull --anew` another log may have the same boots and numbers, and the old log has
    another name; a claim must neither be lost nor pass to another session.
    """
    up_ms = session.first_up_ms if session.start_up_ms is None else session.start_up_ms
    parts = (up_ms, session.protocol_id or "", session.site or "")
    start = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:6]
    wrap = session.uid.partition(".")[0]
    return f"{wrap}:{session.boot}:{session.number}:{start}"


def read_boot(key: str) -> int:
    """Return the number of the boot in a key. Raises ValueError."""
    return int(key.split(":")[-3])
