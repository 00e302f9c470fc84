"""The logs that this page has pulled, in memory: what the archive is for the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.errors import VerifyFailed
from pbmwrap.logs.clock import Mark, make_clock
from pbmwrap.logs.decode import decode
from pbmwrap.logs.notes import note_clocks, note_damage, note_losses, note_unread_records
from pbmwrap.logs.summary import SessionSummary, WrapInfo, read_wrap_info, summarize_sessions
from pbmwrap.portable import log_lines
from pbmwrap.web.session_view import describe_session, list_rows

if TYPE_CHECKING:
    from pbmwrap.device.transfer import Progress

PART_BYTES = 32768


class KeptLog:
    """The log of one wrap from its first byte that was still there at the first pull."""

    def __init__(self, hello: Hello) -> None:
        self.hello = hello
        self.start = 0
        self.data = b""
        self.marks: list[Mark] = []
        self._read: tuple[int, WrapInfo, list[SessionSummary], list[str]] | None = None

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.start + len(self.data)

    def add(self, hello: Hello, start: int, data: bytes, mark: Mark) -> int:
        """Add a pull that began at `end`. Returns how many bytes are new."""
        self.hello = hello
        if not self.data or start != self.end:  # the wrap has deleted what would be between
            self.start, self.data = start, b""
        self.data += data
        self.marks = [old for old in self.marks if old.boot != mark.boot] + [mark]
        self._read = None
        return len(data)

    def read(self) -> tuple[WrapInfo, list[SessionSummary], list[str]]:
        """Return the wrap, its sessions, and notes on the log."""
        uid = self.hello.uid
        if self._read is None:
            decoded = decode(self.data, self.start)
            info = read_wrap_info(uid, self.hello.as_json())
            clock = make_clock(decoded, self.marks)
            sessions = summarize_sessions(decoded, clock, info)
            notes = [
                *note_unread_records(uid, decoded),
                *note_damage(uid, decoded),
                *note_losses(uid, decoded),
                *note_clocks(uid, decoded, clock),
            ]
            self._read = 0, info, sessions, notes
        return self._read[1:]


def format_part(kept: KeptLog, part: int) -> str:
    """Return lines of an exported log (pbmwrap/logs/jsonl.py): first the head, then bytes."""
    if part == 0:
        marks = [log_lines.format_mark(vars_of(mark)) for mark in kept.marks]
        about = log_lines.format_about(kept.hello.as_json())
        return log_lines.format_head(kept.hello.uid) + about + "".join(marks)
    at = (part - 1) * PART_BYTES
    data = kept.data[at : at + PART_BYTES]
    return log_lines.format_bytes(kept.start + at, data) if data else ""


def vars_of(mark: Mark) -> dict[str, int]:
    """Return the fields of a mark."""
    return {"boot": mark.boot, "up_ms": mark.up_ms, "unix_ms": mark.unix_ms}


class LogBook:
    """The logs of all wraps that this page was connected to."""

    def __init__(self) -> None:
        self._logs: dict[str, KeptLog] = {}

    def pull(
        self, client: Client, utc_ms: int, progress: Progress | None = None
    ) -> tuple[Hello, int, bytes, Mark]:
        """Read what is new. Changes nothing: `keep` takes the result. utc_ms: at the beginning.

        progress: called with (bytes done, in all).
        """
        hello = client.hello()
        mark = Mark(hello.boot, hello.uptime_s * 1000, utc_ms)
        kept = self._logs.get(hello.uid)
        info = client.log_info()
        if kept is not None and info.end < kept.end:
            raise VerifyFailed("this wrap's log is not the one that was read before", "reload")
        pulled = client.pull_log(kept.end if kept is not None else 0, progress)
        return hello, pulled.start, pulled.data, mark

    def keep(self, pulled: tuple[Hello, int, bytes, Mark]) -> dict[str, Any]:
        """Keep what `pull` returned. Returns the answer for the page."""
        hello, start, data, mark = pulled
        kept = self._logs.setdefault(hello.uid, KeptLog(hello))
        new = kept.add(hello, start, data, mark)
        return {"uid": hello.uid, "log": hello.uid, "new_bytes": new, "notes": kept.read()[2]}

    def find_log(self, uid: str) -> KeptLog | None:
        """Return the log of a wrap."""
        return self._logs.get(uid)

    def list_sessions(self) -> list[dict[str, Any]]:
        """Return all sessions, newest first."""
        return list_rows([kept.read()[1] for kept in self._logs.values()])

    def find_session(self, uid: str, number: int) -> dict[str, Any] | None:
        """Return one session with its samples; None when there is none."""
        kept = self._logs.get(uid)
        if kept is None:
            return None
        info, sessions, notes = kept.read()
        found = [session for session in sessions if session.number == number]
        return describe_session(found[-1], info, notes) if found else None
