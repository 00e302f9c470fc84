"""The logs that this page has pulled, in memory: what the archive is for the server."""

from __future__ import annotations

from typing import Any

from pbmwrap.logs.clock import Mark, make_clock
from pbmwrap.logs.decode import decode
from pbmwrap.logs.notes import note_clocks, note_damage, note_losses, note_unread_records
from pbmwrap.logs.summary import SessionSummary, WrapInfo, read_wrap_info, summarize_sessions
from pbmwrap.web.session_view import describe_session, list_rows


class LogBook:
    """The log of one wrap. hello: its answer, with which it was read."""

    def __init__(self) -> None:
        self.hello: dict[str, Any] = {}
        self.start = 0
        self.data = b""
        self.marks: list[Mark] = []
        self._read: tuple[WrapInfo, list[SessionSummary], list[str]] | None = None

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.start + len(self.data)

    def add(self, start: int, data: bytes) -> None:
        """Add bytes at `start`. Where the wrap has deleted what would be between, begin anew."""
        if start != self.end:
            self.start, self.data = start, b""
        self.data += data
        self._read = None

    def add_mark(self, hello: dict[str, Any], unix_ms: int) -> None:
        """Add the time (UTC) at which the wrap gave `hello`, which dates its records."""
        mark = Mark(hello["boot"], hello["uptime_s"] * 1000, unix_ms)
        self.hello = hello
        self.marks = [old for old in self.marks if old.boot != mark.boot]
        self.marks.append(mark)
        self._read = None

    def read(self) -> tuple[WrapInfo, list[SessionSummary], list[str]]:
        """Return the wrap, its sessions, and notes on the log."""
        uid = self.hello.get("uid", "")
        if self._read is None:
            decoded = decode(self.data, self.start)
            info = read_wrap_info(uid, self.hello)
            sessions = summarize_sessions(decoded, make_clock(decoded, self.marks), info)
            notes = [
                *note_unread_records(uid, decoded),
                *note_damage(uid, decoded),
                *note_losses(uid, decoded),
                *note_clocks(uid, decoded, self.marks),
            ]
            self._read = info, sessions, notes
        return self._read

    def list_sessions(self) -> list[dict[str, Any]]:
        """Return all sessions, newest first."""
        return list_rows([self.read()[1]])

    def find_session(self, uid: str, number: int) -> dict[str, Any] | None:
        """Return one session with its samples; None when there is none."""
        info, sessions, notes = self.read()
        found = [session for session in sessions if session.number == number]
        return describe_session(found[-1], info, notes) if found and uid == info.uid else None
