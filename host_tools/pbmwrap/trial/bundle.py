"""The bundle of a trial: everything from which anybody can repeat it, in one file of JSON.

`make_bundle` collects it, `verify_bundle` repeats it with no store and no wrap: the plan's hash,
the chain of hashes over the entries, the seals of the wrap's log, the commitment, the allocation,
the true dose of each session, entries before sessions, guesses before the reveal, and the analysis.
What it cannot find is said in docs/trial.md. Pure, but for reading what it is given.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

from pbmwrap.errors import InvalidFile
from pbmwrap.logs.clock import Clock, Mark, read_marks
from pbmwrap.logs.decode import decode_extents
from pbmwrap.logs.extents import Extent
from pbmwrap.logs.verify import verify_log
from pbmwrap.programme.model import Kind, Stamp, canonical_json
from pbmwrap.programme.store import FIRST, ChainRow, Event, check_chain
from pbmwrap.programme.trials import (
    ARMED,
    KINDS,
    UNBLINDED,
    Trial,
    TrialEntry,
    TrialGuess,
    read_guesses,
    read_trial_entries,
    read_trials,
)
from pbmwrap.trial.analysis import Analysis, Session, analyse_trial
from pbmwrap.trial.plan import hash_plan
from pbmwrap.trial.sealed_log import (
    SessionTruth,
    TrialLog,
    find_hidden,
    read_trial_log,
    reveal_sessions,
)
from wrap.rules import blinding

FORMAT = "pbmwrap trial bundle"
VERSION = 1
_CLOCK_BACK_MS = 120_000  # a computer's clock may be set back by so much
TOLERANCE = 2e-6  # of figures that two machines compute


@dataclass(frozen=True)
class LogCopy:
    """A wrap's log. channels: (name, nm), from its `hello`; marks: dates that the host gave."""

    uid: str
    channels: tuple[tuple[str, int], ...]
    pieces: tuple[Extent, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Evidence:
    """All that a trial's result is computed from.

    offsets: minutes between local time and UTC where the person was, by a session's number in the
    trial. other_light: days on which a site got light outside of the trial.
    """

    trial: Trial
    entries: tuple[TrialEntry, ...]
    guesses: tuple[TrialGuess, ...]
    log: LogCopy
    offsets: Mapping[int, int]
    other_light: tuple[date, ...]


@dataclass(frozen=True)
class Outcome:
    """What the evidence says, once the secret is known. arms: 1 where the first site was active."""

    log: TrialLog
    arms: tuple[int, ...]
    sessions: tuple[Session, ...]
    truths: tuple[SessionTruth, ...]
    analysis: Analysis

    def as_body(self) -> dict[str, Any]:
        """Return the report's figures: what `verify_bundle` computes again."""
        return {
            "arms": list(self.arms),
            "sessions": [one.as_body() for one in self.truths],
            "analysis": self.analysis.as_body(),
        }


def decode_trial_log(copy: LogCopy, trial_id: str) -> TrialLog:
    """Decode a log and read the trial out of it.

    A clock that the sealed log itself names dates the sessions of its boot; what the host noted
    beside the log counts only for boots without one, because no seal covers it.
    """
    decoded = decode_extents(copy.pieces)
    sealed = read_marks(decoded.entries)
    dated = {mark.boot for mark in sealed}
    clock = Clock([*sealed, *(mark for mark in copy.marks if mark.boot not in dated)])
    return read_trial_log(decoded.entries, clock, trial_id)


def date_sessions(log: TrialLog, offsets: Mapping[int, int]) -> list[Session]:
    """Return the sessions with the local day of each."""
    found = []
    for one in log.sessions:
        day = None
        if one.unix_ms is not None:
            day = Stamp(one.unix_ms, offsets.get(one.n, 0)).day
        found.append(Session(one.period, one.site, day, one.unix_ms))
    return found


def compute_outcome(evidence: Evidence) -> Outcome:
    """Compute the result of a revealed trial. Raises ValueError for a secret that is none."""
    trial, plan = evidence.trial, evidence.trial.plan
    secret = bytes.fromhex(trial.secret)
    if len(secret) != blinding.SECRET_BYTES:
        raise ValueError("the secret has 32 bytes")
    log = decode_trial_log(evidence.log, plan.id)
    sites = plan.analysis.sites
    arms = blinding.allocate(secret, plan.design, plan.periods)
    hidden = find_hidden(evidence.log.channels)
    truths = reveal_sessions(log, secret, plan.design, sites, plan.periods, hidden)
    sessions = date_sessions(log, evidence.offsets)
    analysis = analyse_trial(
        plan.analysis,
        arms,
        [one.for_analysis() for one in evidence.entries],
        sessions,
        [one.guess for one in evidence.guesses],
        evidence.other_light,
        complete=trial.complete,
    )
    return Outcome(log, tuple(arms), tuple(sessions), tuple(truths), analysis)


# ---- writing


def make_bundle(
    evidence: Evidence, chain: Sequence[ChainRow], outcome: Outcome, program: str
) -> dict[str, Any]:
    """Return the bundle as JSON values. chain: of the whole household's file, with the text of the
    trial's own events only."""
    trial, log = evidence.trial, evidence.log
    return {
        "format": FORMAT,
        "version": VERSION,
        "program": program,
        "trial": trial.plan.id,
        "person": trial.plan.person,
        "plan": dict(trial.body),
        "plan_sha": trial.sha,
        "secret": trial.secret,
        "log": {
            "uid": log.uid,
            "channels": [list(pair) for pair in log.channels],
            "marks": [[m.boot, m.up_ms, m.unix_ms, m.said_ms] for m in log.marks],
            "pieces": [[at, base64.b64encode(raw).decode()] for at, raw in log.pieces],
        },
        "offsets": {str(n): minutes for n, minutes in evidence.offsets.items()},
        "other_light": [day.isoformat() for day in evidence.other_light],
        "chain": [
            [r.number, r.kind, r.person, r.unix_ms, r.body_sha, r.sha, r.salt, r.body]
            for r in chain
        ],
        "report": outcome.as_body(),
    }


def select_chain(rows: Sequence[ChainRow], person: str) -> list[ChainRow]:
    """Return the rows of a household's file with the text of this person's trials only: of all
    else, kinds, times and salted hashes are left."""
    return [
        row if _is_of_a_trial(row, person) else replace(row, body=None, salt=None) for row in rows
    ]


def _is_of_a_trial(row: ChainRow, person: str) -> bool:
    return row.kind in KINDS and row.person == person


def format_bundle(bundle: Mapping[str, Any]) -> str:
    """Format a bundle as text, for a file."""
    return canonical_json(bundle) + "\n"


# ---- verifying


@dataclass(frozen=True)
class Check:
    """One check of a bundle. name: of CHECKS; text: what was found."""

    name: str
    ok: bool
    text: str


CHECKS = (
    "bundle",
    "plan",
    "chain",
    "log",
    "commitment",
    "allocation",
    "sessions",
    "dose",
    "entries",
    "guesses",
    "analysis",
)


def parse_bundle(text: str, source: str) -> dict[str, Any]:
    """Parse a bundle's text. Raises InvalidFile."""
    again = "export it again, or use another copy"
    try:
        bundle = json.loads(text)
    except (ValueError, RecursionError):
        bundle = None
    if not isinstance(bundle, dict) or bundle.get("format") != FORMAT:
        raise InvalidFile(f"{source} is no bundle of `pbmwrap trial export`", again)
    if bundle.get("version") != VERSION:
        raise InvalidFile(f"{source} was written by a newer pbmwrap", "install that version here")
    return bundle


def read_evidence(bundle: Mapping[str, Any]) -> tuple[Evidence, list[ChainRow]]:
    """Read what a bundle has. The trial, its entries and guesses come from the events in the chain,
    not from what the bundle says beside it. Raises ValueError and others for one that is damaged.
    """
    rows = [ChainRow(*fields) for fields in bundle["chain"]]
    events = [
        Event(row.number, row.kind, row.person, row.unix_ms, json.loads(row.body))
        for row in rows
        if row.body is not None and row.person == bundle["person"]
    ]
    trials = [one for one in read_trials(events) if one.plan.id == bundle["trial"]]
    if not trials:
        raise ValueError("the chain has no frozen plan of this trial")
    log = bundle["log"]
    copy = LogCopy(
        str(log["uid"]),
        tuple((str(name), int(nm)) for name, nm in log["channels"]),
        tuple((int(at), base64.b64decode(raw, validate=True)) for at, raw in log["pieces"]),
        tuple(Mark(*map(int, mark)) for mark in log["marks"]),
    )
    evidence = Evidence(
        trials[0],
        tuple(read_trial_entries(events, trials[0].plan.id)),
        tuple(read_guesses(events, trials[0].plan.id)),
        copy,
        {int(n): int(minutes) for n, minutes in bundle["offsets"].items()},
        tuple(date.fromisoformat(day) for day in bundle["other_light"]),
    )
    return evidence, rows


def verify_bundle(bundle: Mapping[str, Any]) -> list[Check]:
    """Repeat a trial from its bundle. Returns the checks in the order of CHECKS; the first alone
    when the bundle cannot be read."""
    try:
        evidence, rows = read_evidence(bundle)
        outcome = compute_outcome(evidence)
    except _UNREADABLE as problem:
        return [Check("bundle", False, f"it cannot be read: {problem}")]
    found = [Check("bundle", True, f"trial {evidence.trial.plan.id}, by {bundle.get('program')}")]
    tests: dict[str, Callable[[], str]] = {
        "plan": lambda: _check_plan(bundle, evidence.trial),
        "chain": lambda: _check_chain(rows, bundle, evidence),
        "log": lambda: _check_log(evidence.log),
        "commitment": lambda: _check_commitment(bundle, evidence, outcome),
        "allocation": lambda: _check_allocation(bundle, outcome),
        "sessions": lambda: _check_sessions(evidence, outcome),
        "dose": lambda: _check_doses(bundle, outcome),
        "entries": lambda: _check_entries(evidence, outcome),
        "guesses": lambda: _check_guesses(evidence, outcome),
        "analysis": lambda: _check_analysis(bundle, outcome),
    }
    for name, test in tests.items():
        try:
            found.append(Check(name, True, test()))
        except _Wrong as wrong:
            found.append(Check(name, False, str(wrong)))
        except _UNREADABLE as problem:
            found.append(Check(name, False, f"it cannot be read: {problem}"))
    return found


# What reading something that may be anything can raise.
_UNREADABLE = (
    KeyError,
    TypeError,
    ValueError,
    IndexError,
    AttributeError,
    OverflowError,
    InvalidFile,
)


class _Wrong(Exception):
    """What a check found wrong."""


def _require(right: bool, text: str) -> None:
    if not right:
        raise _Wrong(text)


def _check_plan(bundle: Mapping[str, Any], trial: Trial) -> str:
    sha = hash_plan(trial.body)
    _require(sha == trial.sha, "the plan in the chain does not fit its own hash")
    _require(hash_plan(bundle["plan"]) == sha, "the plan differs from the one that was frozen")
    _require(bundle["plan_sha"] == sha, "the plan's hash differs from the frozen plan's")
    return f"SHA-256 {sha}, frozen {trial.frozen.utc}"


def _check_chain(rows: Sequence[ChainRow], bundle: Mapping[str, Any], evidence: Evidence) -> str:
    problems = check_chain(rows)
    _require(not problems, "; ".join(problems[:3]))
    its = [row for row in rows if _is_of_a_trial(row, str(bundle["person"]))]
    # A text that is left out would be an entry that was made and does not please.
    gone = [row.number for row in its if row.body is None]
    _require(not gone, f"event {', '.join(map(str, gone[:3]))} of a trial has lost its text")
    order: dict[str, int] = {}
    for row in its:
        body = json.loads(row.body or "{}")
        if evidence.trial.plan.id in (body.get("trial"), (body.get("plan") or {}).get("id")):
            order.setdefault(str(body.get("what") or row.kind), row.number)
    _require(
        order.get(Kind.TRIAL, 0) < order.get(ARMED, 0),
        "the plan was not frozen before a wrap took it",
    )
    head = rows[-1].sha if rows else FIRST
    return f"{len(rows)} events, head {head[:16]}"


def _check_log(copy: LogCopy) -> str:
    verdict = verify_log(copy.pieces)
    _require(
        not verdict.problems,
        "; ".join(f"at {p.start}: {p.text}" for p in verdict.problems[:3]),
    )
    _require(verdict.sectors > 0, "it has no sector that could be verified")
    return f"{verdict.records} records, {verdict.sealed} seals, wrap {copy.uid}"


def _check_commitment(bundle: Mapping[str, Any], evidence: Evidence, outcome: Outcome) -> str:
    trial, log = evidence.trial, outcome.log
    _require(bool(log.commitment), "the log has no commitment of this trial")
    _require(bundle["secret"] == trial.secret, "the secret differs from the one in the chain")
    plan_sha = bytes.fromhex(hash_plan(bundle["plan"]))
    made = blinding.commit(bytes.fromhex(bundle["secret"]), plan_sha).hex()
    _require(made == log.commitment, "secret and plan do not fit the commitment in the wrap's log")
    _require(trial.commitment == log.commitment, "the chain has another commitment than the log")
    _require(evidence.log.uid.startswith(trial.uid), "the log is of another wrap")
    before = all(one.offset > log.armed_offset for one in log.sessions)
    _require(before, "the log has sessions of the trial before its commitment")
    return f"{log.commitment[:16]} in the wrap's log"


def _check_allocation(bundle: Mapping[str, Any], outcome: Outcome) -> str:
    arms = list(outcome.arms)
    _require(bundle["report"]["arms"] == arms, "the report states another allocation")
    return "".join(map(str, arms)) + ", drawn from the secret"


def _check_sessions(evidence: Evidence, outcome: Outcome) -> str:
    sessions = outcome.log.sessions
    numbers = [one.n for one in sessions]
    gone = sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))
    _require(not gone, f"sessions {', '.join(map(str, gone))} of the trial are missing")
    _require(len(numbers) == len(set(numbers)), "a session is there twice")
    how, log = evidence.trial.how, outcome.log
    early = log.unblinded is not None
    _require(not (evidence.trial.complete and early), "the log says that it was unblinded early")
    _require(not (how == UNBLINDED and not early), "the log has no early unblinding")
    _require(early or log.revealed, "the log has no reveal")
    plan = evidence.trial.plan
    most: dict[tuple[int, str], int] = {}
    for one in sessions:
        most[one.period, one.site] = most.get((one.period, one.site), 0) + 1
    _require(all(many <= plan.sessions for many in most.values()), "a period has too many sessions")
    # Every period is over by its sessions or by a note, unless the trial was ended early.
    if evidence.trial.complete:
        sites = plan.analysis.sites
        open_ = [
            period + 1
            for period in range(plan.periods)
            if period not in outcome.log.closed
            and any(most.get((period, site), 0) < plan.sessions for site in sites)
        ]
        _require(not open_, f"period {', '.join(map(str, open_))} lacks sessions")
    return f"{len(sessions)} sessions, {len(outcome.log.closed)} periods closed early"


def _check_doses(bundle: Mapping[str, Any], outcome: Outcome) -> str:
    wrong = [one for one in outcome.truths if one.problem]
    _require(not wrong, "; ".join(f"session {one.number}: {one.problem}" for one in wrong[:3]))
    stated = bundle["report"]["sessions"]
    _require(stated == [one.as_body() for one in outcome.truths], "the report states other doses")
    lit = sum(one.active for one in outcome.truths)
    return f"{lit} sessions with light and {len(outcome.truths) - lit} without, as drawn"


def _find_last_blind_ms(evidence: Evidence, outcome: Outcome) -> float:
    """Return the last moment, UTC in ms, at which nobody could know the secret. The household's
    file alone does not tell: the wrap may have been asked by another program before."""
    over, by_wrap = evidence.trial.over, outcome.log.over_ms
    by_file = math.inf if over is None else over.unix_ms
    return min(by_file, math.inf if by_wrap is None else by_wrap + _CLOCK_BACK_MS)


def _check_entries(evidence: Evidence, outcome: Outcome) -> str:
    analysis = outcome.analysis
    last_ms = _find_last_blind_ms(evidence, outcome)
    _require(
        all(one.written.unix_ms <= last_ms for one in evidence.entries),
        "an entry was written after the reveal",
    )
    numbers = [one.number for one in evidence.entries]
    times = [one.written.unix_ms for one in sorted(evidence.entries, key=lambda e: e.number)]
    _require(len(numbers) == len(set(numbers)), "an entry is there twice")
    back = any(b < a - _CLOCK_BACK_MS for a, b in pairwise(times))
    _require(not back, "the clock went back between two entries: their times prove nothing")
    far = [m for m in evidence.offsets.values() if abs(m) > 14 * 60]
    _require(not far, "a session's local time is no zone's")
    return (
        f"{analysis.counted} days count, written before that day's session;"
        f" {analysis.after} after it and {analysis.late} later do not"
    )


def _check_guesses(evidence: Evidence, outcome: Outcome) -> str:
    last_ms = _find_last_blind_ms(evidence, outcome)
    for one in evidence.guesses:
        name = f"the guess of period {one.guess.period + 1}"
        _require(one.written.unix_ms <= last_ms, f"{name} is after the reveal")
        last = max(
            (
                s.unix_ms
                for s in outcome.log.sessions
                if s.period == one.guess.period and s.unix_ms is not None
            ),
            default=None,
        )
        _require(last is None or one.written.unix_ms >= last, f"{name} is before its last session")
    return f"{len(evidence.guesses)}, each after its period and before the reveal"


def _check_analysis(bundle: Mapping[str, Any], outcome: Outcome) -> str:
    differs = find_difference(bundle["report"], outcome.as_body(), "report")
    _require(not differs, f"{differs} differs from what the data give")
    return f"{outcome.analysis.verdict}, as the report says"


def find_difference(stated: Any, made: Any, name: str = "") -> str:
    """Return the name of the first value that differs, "" when none does. Numbers may differ by
    TOLERANCE: two machines add up in another order."""
    if isinstance(made, dict):
        if not isinstance(stated, dict) or stated.keys() != made.keys():
            return name
        parts = [find_difference(stated[key], made[key], f"{name}.{key}") for key in made]
    elif isinstance(made, list):
        if not isinstance(stated, list) or len(stated) != len(made):
            return name
        pairs = enumerate(zip(stated, made, strict=True), 1)
        parts = [find_difference(a, b, f"{name}.{n}") for n, (a, b) in pairs]
    elif isinstance(made, float) and isinstance(stated, int | float):
        return "" if math.isclose(stated, made, abs_tol=TOLERANCE) else name
    else:
        return "" if stated == made and type(stated) is type(made) else name
    return next(filter(None, parts), "")
