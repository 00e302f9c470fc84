"""Whose session is it? Sessions of the archive of logs, and the person that each belongs to.

A protocol with a person's tag says it, and a person may say it (a claim; the newest counts).
Nothing else does: a session without either belongs to nobody until someone is asked.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

from pbmwrap import disk
from pbmwrap.errors import UsageError, WrapError
from pbmwrap.logs.archive import FILE, Archive, WrapArchive, paused_collection
from pbmwrap.logs.notes import list_notes
from pbmwrap.logs.sessions import RUNNING
from pbmwrap.logs.summary import SessionSummary
from pbmwrap.programme.light_facts import ReadLog, read_log, remember_facts
from pbmwrap.programme.model import JournalEntry, Kind, Person, SessionUse, Stamp
from pbmwrap.programme.people import find_person, is_tag, list_people, require_one
from pbmwrap.programme.session_key import make_session_key
from pbmwrap.programme.store import Store
from pbmwrap.programme.times import make_stamp
from wrap.rules import states

NOBODY = ""
FULL = (states.BY_DOSE, states.BY_TIME)
_SUMMARY_VERSION = 3
SUMMARY = "sessions.json"  # beside the log: derived from it, and may be deleted


@dataclass(frozen=True)
class LoggedSession:
    """What the programme needs of a session. tag: of its protocol, "" without one."""

    key: str
    uid: str
    number: int
    unix_ms: int | None
    tag: str
    site: str
    protocol_id: str
    reason: str
    started_by: str
    active_ms: int
    dose_uj: int | None
    dose_unc_uj: int | None
    max_skin_mc: int | None
    faults: int

    @property
    def ended(self) -> bool:
        return self.reason != RUNNING

    @property
    def lit(self) -> bool:
        return self.active_ms > 0


@dataclass(frozen=True)
class SessionBook:
    """All sessions of the archive, oldest first, and the notes on its logs.

    read: the logs that had to be read for it, by uid; what was kept of the others was enough.
    """

    sessions: tuple[LoggedSession, ...]
    notes: tuple[str, ...] = ()
    read: Mapping[str, ReadLog] = field(default_factory=dict, compare=False)


def read_sessions(archive: Archive | None = None) -> SessionBook:
    """Read the sessions of all logs. What was read from a log is kept beside it until it changes.

    A log that cannot be read becomes a note: the others still count.
    """
    archive = archive or Archive()
    found: dict[str, LoggedSession] = {}
    notes: list[str] = []
    read: dict[str, ReadLog] = {}
    for uid in archive.uids():
        try:
            its, said = _load_summary(archive, uid) or _read_log(archive, uid, read)
        except WrapError as problem:
            notes.append(f"the log of wrap {uid} cannot be read: {problem}")
            continue
        notes += said
        for session in its:
            known = found.get(session.key)
            # Of two copies the one with a date and an end knows more.
            if known is None or (known.unix_ms is None, not known.ended) > (
                session.unix_ms is None,
                not session.ended,
            ):
                found[session.key] = session
    ordered = sorted(found.values(), key=lambda s: (s.unix_ms or 0, s.uid, s.number))
    return SessionBook(tuple(ordered), tuple(notes), read)


_Summary = tuple[list[LoggedSession], list[str]]  # sessions and notes


def _load_summary(archive: Archive, uid: str) -> _Summary | None:
    """Return what was kept of a log, if the log has not changed since."""
    folder = archive.root / uid
    with suppress(OSError, ValueError, TypeError, KeyError):
        content = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        if content["stamp"] == _read_stamp(folder):
            return [LoggedSession(*row) for row in content["sessions"]], content["notes"]
    return None


def _read_log(archive: Archive, uid: str, read: dict[str, ReadLog]) -> _Summary:
    """Read a log; what others append meanwhile is read the next time."""
    stamp = _read_stamp(archive.root / uid)
    with paused_collection():
        read[uid] = read_log(archive.wrap(uid))
    return _remember(read[uid], stamp)


def remember_log(kept: WrapArchive) -> None:
    """Keep a summary of a log beside it, until it changes.

    Each command that changes a log calls it, with the log that it has read and written itself, so
    that none that only shows has to read a long log.
    """
    _remember(read_log(kept), _read_stamp(kept.folder))


def _remember(log: ReadLog, stamp: list[int | str]) -> _Summary:
    sessions = [*map(_make_logged, log.sessions)]
    remember_facts(log, {(s.person, s.site): s for s in log.sessions}.values())
    notes = list(list_notes(log.kept))
    names = [one.name for one in fields(LoggedSession)]
    rows = [[getattr(session, name) for name in names] for session in sessions]
    content = {"stamp": stamp, "sessions": rows, "notes": notes}
    disk.write_derived(log.kept.folder / SUMMARY, json.dumps(content))
    return sessions, notes


def _read_stamp(folder: Path) -> list[int | str]:
    """Return what changes when the log's file does, or its folder's name, which sessions have."""
    try:
        stat = (folder / FILE).stat()
    except OSError:
        return [_SUMMARY_VERSION, folder.name]
    return [_SUMMARY_VERSION, folder.name, stat.st_size, stat.st_mtime_ns]


def _make_logged(session: SessionSummary) -> LoggedSession:
    tag = session.person or ""
    return LoggedSession(
        make_session_key(session),
        session.uid,
        session.number,
        session.first_unix_ms,
        # Another program's protocol may have anything there: only a tag names a person.
        tag if is_tag(tag) else "",
        session.site or "",
        session.protocol_id or "",
        session.reason,
        session.started_by or "",
        session.active_ms or 0,
        session.dose_total_uj,
        _sum_uncertainty(session),
        session.max_skin_mc,
        len(session.faults),
    )


def _sum_uncertainty(session: SessionSummary) -> int | None:
    """Return U of the total dose, uJ/cm2, k = 2; None unless every calibration states one.

    One instrument measured all channels, so their errors go together: they add up linearly, which
    is never too little.
    """
    if not session.calibrated or len(session.calibrations) != len(session.dose_uj):
        return None
    total = 0
    for dose, cal in zip(session.dose_uj, session.calibrations, strict=True):
        permille = cal.uncertainty_permille if cal else None
        if not permille or dose is None:
            return None
        total += round(dose * permille / 1000)
    return total


def claim_sessions(store: Store, keys: Sequence[str], person: Person | None, unix_ms: int) -> None:
    """Keep who had these sessions. None: nobody of this household, for example a test."""
    tag = person.tag if person else NOBODY
    if keys:
        store.append(Kind.CLAIM, tag, {"keys": list(keys)}, unix_ms)


def read_claims(store: Store) -> dict[str, str]:
    """Return {session key: tag, or NOBODY} of what was said last."""
    found: dict[str, str] = {}
    # In the order of writing, so a later claim replaces an earlier one.
    for event in store.read(Kind.CLAIM):
        for key in event.body.get("keys", ()):
            found[key] = event.person
    return found


def _find_owner(session: LoggedSession, claims: Mapping[str, str]) -> tuple[str | None, str]:
    """Return (tag, how it is known); (None, "") if nobody said it."""
    if session.key in claims:
        return claims[session.key], "claim"
    return (session.tag, "tag") if session.tag else (None, "")


def list_unattributed(store: Store, book: SessionBook) -> list[LoggedSession]:
    """List the sessions with light that a person has to be asked about.

    Also those with a tag that this household has never had.
    """
    claims = read_claims(store)
    # Forgotten people too: nobody is asked again about sessions that were theirs.
    known = {event.person for event in store.read(Kind.PERSON, Kind.FORGET)}
    return [
        session
        for session in book.sessions
        if session.ended and session.lit and session.key not in claims and session.tag not in known
    ]


def list_uses(
    store: Store, person: Person, book: SessionBook, history: Iterable[JournalEntry] = ()
) -> list[SessionUse]:
    """List a person's sessions that have ended, undated ones first.

    history: the journal, which says where the person was at the time.
    """
    claims = read_claims(store)
    zones = _ZoneFinder(person, history)
    found = []
    for session in book.sessions:
        tag, how = _find_owner(session, claims)
        if tag == person.tag and session.ended:
            found.append(_make_use(session, how, zones))
    return found


def _make_use(session: LoggedSession, how: str, zones: _ZoneFinder) -> SessionUse:
    return SessionUse(
        key=session.key,
        uid=session.uid,
        number=session.number,
        start=None if session.unix_ms is None else zones.make_stamp(session.unix_ms),
        site=session.site,
        protocol_id=session.protocol_id,
        full=session.reason in FULL,
        reason=session.reason,
        active_ms=session.active_ms,
        dose_uj=session.dose_uj,
        dose_unc_uj=session.dose_unc_uj,
        by=how,
        started_by=session.started_by,
        max_skin_mc=session.max_skin_mc,
        faults=session.faults,
    )


class _ZoneFinder:
    """Says in which zone a person was: that of the last entry before which names one."""

    def __init__(self, person: Person, history: Iterable[JournalEntry]) -> None:
        named = [((e.at or e.written).unix_ms, e.zone) for e in history if e.zone]
        self._named = sorted(named)
        self._home = person.zone

    def make_stamp(self, unix_ms: int) -> Stamp:
        place = bisect_right(self._named, unix_ms, key=lambda pair: pair[0])
        return make_stamp(unix_ms, self._named[place - 1][1] if place else self._home)


def find_session(book: SessionBook, word: str) -> LoggedSession:
    """Find a session by its key or its number. Raises UsageError."""
    found = [s for s in book.sessions if word in (s.key, str(s.number))]
    if not found:
        raise UsageError(f"no session {word} is in the archive", "see `pbmwrap person sessions`")
    return require_one(found, f"session {word}", lambda s: s.key, "write the whole key")


def name_owner(store: Store, session: LoggedSession) -> str:
    """Return the name of the person who had a session; "nobody", or "" if it is not known."""
    tag, _ = _find_owner(session, read_claims(store))
    people = list_people(store)
    if tag is None:
        return ""
    named = next((p.name for p in people if p.tag == tag), None)
    return named or ("nobody" if tag == NOBODY else "")


def choose_owner(store: Store, word: str) -> Person | None:
    """Return the person that `word` means; None for "nobody". Raises UsageError."""
    return None if word.casefold() == "nobody" else find_person(list_people(store), word)
