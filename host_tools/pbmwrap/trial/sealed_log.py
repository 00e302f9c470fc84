"""Reads a trial out of a wrap's sealed log: its commitment, its sessions, and, with the secret,
what each session truly did.

Pure: from decoded records to facts. The wrap's own code (`wrap.rules.blinding`) computes secret,
allocation and keystream.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pbmwrap.logs.clock import Clock
from pbmwrap.logs.decode import Entry as LogEntry
from wrap.rules import blinding
from wrap.storage import payload_reader, payloads, records

DARK_MS = 5_000  # of a session's light: an active one that ended before may have given none yet


@dataclass(frozen=True)
class Masked:
    """A masked record. kind: its type before; record: its number in the session."""

    kind: int
    record: int
    hidden: bytes


@dataclass
class TrialSession:
    """A session of the trial. number: the wrap's; n: its number in the trial, from 1; unix_ms: of
    its begin, None without a date; active_ms, reason: of its end, None and "" without one (power
    lost)."""

    number: int
    n: int
    period: int
    site: str
    offset: int
    unix_ms: int | None
    active_ms: int | None = None
    reason: str = ""
    masked: list[Masked] = field(default_factory=list)


@dataclass
class TrialLog:
    """What a log says of one trial. commitment, plan_sha: hex, "" where the log does not have the
    record; armed_offset: of that record. closed: periods that were closed early; revealed: whether
    it was revealed after its end; unblinded: the reason of an early end, None without one.
    over_ms: when the wrap gave its secret at the latest, UTC; None while it has not, or without a
    date."""

    trial_id: str
    commitment: str = ""
    plan_sha: str = ""
    armed_offset: int = -1
    sessions: list[TrialSession] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    revealed: bool = False
    unblinded: str | None = None
    over_ms: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether the wrap gave its secret, at the end or before it."""
        return self.revealed or self.unblinded is not None

    def count_sessions(self, period: int, site: str) -> int:
        """Return how many sessions a site has had in a period."""
        return sum(one.period == period and one.site == site for one in self.sessions)


def read_trial_log(entries: Iterable[LogEntry], clock: Clock, trial_id: str) -> TrialLog:
    """Read the records of a trial, in the log's order."""
    found = TrialLog(trial_id)
    current: TrialSession | None = None
    mine = False  # the notes of sessions name no trial: they are of the one armed last
    for entry in entries:
        data = entry.data
        if data is None:
            continue
        if entry.kind == records.TRIAL:
            if "armed" in data:
                mine = data.get("id") == trial_id
                if mine and not (data.get("again") and found.commitment == data["armed"]):
                    found.commitment = str(data["armed"])
                    found.plan_sha = str(data.get("plan_sha", ""))
                    found.armed_offset = entry.offset
            elif mine:
                current = _read_note(found, entry, data, clock) or current
        elif current is not None and entry.kind == records.MASKED and data["n"] == current.n:
            hidden = bytes.fromhex(data["hidden"])
            current.masked.append(Masked(data["of_kind"], data["record"], hidden))
        elif (
            current is not None
            and entry.kind == records.END
            and data.get("session") == current.number
        ):
            current.active_ms, current.reason = data["active_ms"], data["reason"]
    return found


def _read_note(
    found: TrialLog, entry: LogEntry, data: dict[str, Any], clock: Clock
) -> TrialSession | None:
    """Read a note of the trial into `found`; returns the session that it begins.

    A wrap repeats its newest note at each boot. That tells something only where the power went
    before the first one was in the log: of a session then neither light nor date is known.
    """
    again = bool(data.get("again"))
    if "of_session" in data:
        if again and any(one.n == int(data["n"]) for one in found.sessions):
            return None
        session = TrialSession(
            int(data["of_session"]),
            int(data["n"]),
            int(data["period"]),
            str(data["site"]),
            entry.offset,
            None if again else clock.unix_ms_of(entry),
        )
        found.sessions.append(session)
        return session
    if data.get("id") == found.trial_id:
        if "closed" in data and not (again and int(data["closed"]) in found.closed):
            found.closed.append(int(data["closed"]))
        elif "revealed" in data or "unblinded" in data:
            if not found.is_over:
                found.over_ms = clock.unix_ms_of(entry)
            if "revealed" in data:
                found.revealed = True
            else:
                found.unblinded = str(data["unblinded"])
    return None


# ---- with the secret


@dataclass(frozen=True)
class SessionTruth:
    """What a session did, out of its masked records. active: its arm by the allocation. on_ms:
    per channel, at full duty; doses_uj: per channel, None where it is not calibrated. whole: its
    end was read; else both are what its samples show. problem: "" when it did what its arm says."""

    number: int
    n: int
    period: int
    site: str
    active: bool
    active_ms: int
    on_ms: tuple[int, ...]
    doses_uj: tuple[int | None, ...]
    whole: bool
    problem: str

    def as_body(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "n": self.n,
            "period": self.period,
            "site": self.site,
            "active": self.active,
            "active_ms": self.active_ms,
            "on_ms": list(self.on_ms),
            "doses_uj": list(self.doses_uj),
            "problem": self.problem,
        }


def find_hidden(channels: Sequence[tuple[str, int]]) -> tuple[bool, ...]:
    """Return for each channel, of (name, nm), whether a sham leaves it out: it can hardly be
    seen."""
    return tuple(nm >= 700 for _, nm in channels)


def reveal_sessions(
    log: TrialLog,
    secret: bytes,
    design: str,
    sites: Sequence[str],
    periods: int,
    hidden: Sequence[bool],
) -> list[SessionTruth]:
    """Decrypt the masked records of each session and compare what it did with its arm."""
    arms = blinding.allocate(secret, design, periods)
    return [_reveal_session(one, secret, arms, sites, hidden) for one in log.sessions]


def _reveal_session(
    session: TrialSession,
    secret: bytes,
    arms: Sequence[int],
    sites: Sequence[str],
    hidden: Sequence[bool],
) -> SessionTruth:
    known = session.site in sites and 0 <= session.period < len(arms)
    first = known and sites.index(session.site) == 0
    active = known and bool(arms[session.period]) == first
    try:
        on_ms, doses, active_ms, whole = _decrypt(session, secret, len(hidden))
        problem = _find_problem(session, active, on_ms, active_ms, whole, hidden)
    except (ValueError, KeyError, IndexError, struct.error):
        on_ms, doses, active_ms, whole = (), (), session.active_ms or 0, False
        problem = "its records cannot be decrypted with this secret"
    if not known:
        problem = f"its site {session.site} or period {session.period + 1} is not of this trial"
    return SessionTruth(
        session.number,
        session.n,
        session.period,
        session.site,
        active,
        active_ms,
        on_ms,
        doses,
        whole,
        problem,
    )


_Light = tuple[tuple[int, ...], tuple[int | None, ...], int, bool]


def _decrypt(session: TrialSession, secret: bytes, channels: int) -> _Light:
    """Return on_ms, doses_uj and active_ms of the end record, or what the samples show. Raises
    ValueError and others for a secret that is not this trial's."""
    samples = []
    for one in session.masked:
        raw = blinding.mask(secret, session.n, one.record, one.hidden)
        if payload_reader.schema(raw) != payloads.SCHEMA:
            raise ValueError("not a record")
        if one.kind == records.END:
            end = payload_reader.unpack_end(raw)
            if end["session"] != session.number or len(end["on_ms"]) != channels:
                raise ValueError("the end of another session")
            if session.active_ms is not None and end["active_ms"] != session.active_ms:
                raise ValueError("another length than the record beside it says")
            return tuple(end["on_ms"]), tuple(end["dose_uj"]), end["active_ms"], True
        samples.append(payload_reader.unpack_sample(raw))
    lit = [0] * channels
    for sample in samples:
        if len(sample["duties_u16"]) != channels:
            raise ValueError("a sample of another board")
        lit = [max(a, b) for a, b in zip(lit, sample["duties_u16"], strict=True)]
    doses = samples[-1]["doses_uj"] if samples else [None] * channels
    # Of a session that the power ended: whether there was light is known, for how long is not.
    return tuple(1 if duty else 0 for duty in lit), tuple(doses), session.active_ms or 0, False


def _find_problem(
    session: TrialSession,
    active: bool,
    on_ms: Sequence[int],
    active_ms: int,
    whole: bool,
    hidden: Sequence[bool],
) -> str:
    """Return how the light differs from what the arm says, or ""."""
    light = sum(on for on, its in zip(on_ms, hidden, strict=True) if its)
    if not active and light:
        return "it gave near infrared, and its arm is the one without"
    if active and not light and (active_ms >= DARK_MS if whole else len(session.masked) > 2):
        return "it gave no near infrared, and its arm is the one with light"
    return ""
