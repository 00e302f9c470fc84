"""Blinded trials in the household's file: the frozen plan, a day's numbers, guesses, what happened.

All of it is events of the append-only store, in its chain of hashes (`store`). The schema of the
file is the same: a trial has kinds of events of its own. The wrap keeps the secret; this side
learns it at the reveal, and has nothing to hide before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pbmwrap.errors import Refused, UsageError
from pbmwrap.programme.journal import EARLIEST, MAX_NOTE, check_value, find_zone, list_history
from pbmwrap.programme.model import Kind, Person, Stamp, read_stamp
from pbmwrap.programme.store import Event, Store, readable
from pbmwrap.programme.times import make_stamp, require_clock
from pbmwrap.trial.analysis import Entry, PeriodGuess
from pbmwrap.trial.plan import Asked, TrialPlan, hash_plan, read_plan

ARMED = "armed"
CLOSED = "closed"
REVEALED = "revealed"
UNBLINDED = "unblinded"
ENDED = "ended"
KINDS = (Kind.TRIAL, Kind.TRIAL_ENTRY, Kind.GUESS, Kind.TRIAL_EVENT)


@dataclass(frozen=True)
class Trial:
    """A trial. body: the plan as it was frozen, which the hash `sha` covers.

    armed: when a wrap took it; uid, commitment: of that wrap. closed: periods (from 0) that were
    closed early. over: when it was revealed, unblinded or ended; how: which of these; reason: of an
    early end. secret: hex, "" before the reveal.
    """

    plan: TrialPlan
    body: Mapping[str, Any]
    sha: str
    frozen: Stamp
    armed: Stamp | None = None
    uid: str = ""
    commitment: str = ""
    closed: tuple[int, ...] = ()
    over: Stamp | None = None
    how: str = ""
    reason: str = ""
    secret: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it may still be blind."""
        return self.over is None

    @property
    def complete(self) -> bool:
        """Whether the confirmatory part stands: it was revealed after its last period."""
        return self.how == REVEALED

    @property
    def state(self) -> str:
        """`frozen` (no wrap has taken it), `running`, or how it is over."""
        return self.how or ("running" if self.armed else "frozen")


@dataclass(frozen=True)
class TrialEntry:
    """A day's numbers, one for each site of the plan. number: of its event; unix_ms: of the event,
    which the chain of hashes covers; written: the same moment, with the zone."""

    number: int
    day: date
    values: tuple[float, ...]
    written: Stamp
    way: str = "cli"

    @property
    def late(self) -> bool:
        """Whether it was written on a later local day than the one it is about."""
        return self.written.day > self.day

    def for_analysis(self) -> Entry:
        return Entry(self.day, self.values, self.written.unix_ms, self.late)


@dataclass(frozen=True)
class TrialGuess:
    """A guess after a period, and when it was made."""

    number: int
    guess: PeriodGuess
    written: Stamp


def refuse_for_whom_it_is_not(asked: Asked) -> None:
    """Refuse a trial that would withhold treatment, or heat a foot that nobody looks at. Raises
    Refused."""
    if asked.needs_treatment:
        raise Refused(
            "a trial is not for a condition that needs treatment now",
            "half of the sessions give no light: see a clinician first",
        )
    if asked.numb and not asked.looks_at_skin.strip():
        raise Refused(
            "a trial is not for a numb site without a person who looks at the skin after sessions",
            "ask somebody to look, and name the person",
        )


# ---- reading


def read_trials(events: Sequence[Event]) -> list[Trial]:
    """Read the trials of one person out of their events, in the order of the freeze."""
    found: dict[str, Trial] = {}
    for event in events:
        if event.kind not in (Kind.TRIAL, Kind.TRIAL_EVENT):
            continue
        with readable(event):
            _apply(found, event)
    return list(found.values())


def _apply(found: dict[str, Trial], event: Event) -> None:
    body = event.body
    at = read_stamp(body["at"])
    if at is None:
        raise ValueError("a trial without its time")
    if event.kind == Kind.TRIAL:
        plan = read_plan(body["plan"])
        found.setdefault(plan.id, Trial(plan, body["plan"], str(body["sha"]), at))
        return
    known = found.get(body["trial"])
    if known is None or not known.is_open:
        return
    what = body["what"]
    if what == ARMED:
        uid, commitment = str(body["uid"]), str(body["commitment"])
        known = replace(known, armed=at, uid=uid, commitment=commitment)
    elif what == CLOSED:
        known = replace(known, closed=(*known.closed, int(body["period"])))
    elif what in (REVEALED, UNBLINDED, ENDED):
        secret, reason = str(body.get("secret", "")), str(body.get("reason", ""))
        known = replace(known, over=at, how=what, secret=secret, reason=reason)
    found[known.plan.id] = known


def list_trials(store: Store, person: Person) -> list[Trial]:
    """List a person's trials, in the order in which they were frozen."""
    return read_trials(store.read(Kind.TRIAL, Kind.TRIAL_EVENT, person=person.tag))


def find_trial(store: Store, person: Person, word: str | None = None) -> Trial:
    """Find a trial by its id or number, or the open one, else the last. Raises UsageError."""
    trials = list_trials(store, person)
    if not trials:
        raise UsageError(f"{person.name} has no trial", "begin one: `pbmwrap trial start`")
    if word is None:
        return next((one for one in trials if one.is_open), trials[-1])
    for one in trials:
        if word in (one.plan.id, one.plan.id.rpartition("-t")[2]):
            return one
    listed = ", ".join(one.plan.id for one in trials)
    raise UsageError(f"{person.name} has no trial {word}", f"write one of {listed}")


def find_open(store: Store, person: Person) -> Trial | None:
    """Return the trial that is not over, or None."""
    return next((one for one in list_trials(store, person) if one.is_open), None)


def refuse_second(store: Store, person: Person) -> None:
    """Refuse another trial while one is not over. Raises Refused."""
    still = find_open(store, person)
    if still:
        raise Refused(
            f"trial {still.plan.id} of {person.name} is not over",
            "finish it with `pbmwrap trial reveal`, or end it with `pbmwrap trial unblind`",
        )


def read_trial_entries(events: Sequence[Event], trial_id: str) -> list[TrialEntry]:
    """Read all numbers that were ever written for a trial, in the order of writing."""
    found = []
    for event in events:
        if event.kind == Kind.TRIAL_ENTRY and event.body.get("trial") == trial_id:
            with readable(event):
                written = Stamp(event.unix_ms, int(event.body["offset_min"]))
                values = tuple(float(value) for value in event.body["values"])
                day = date.fromisoformat(event.body["day"])
                way = str(event.body["way"])
                found.append(TrialEntry(event.number, day, values, written, way))
    return found


def list_trial_entries(store: Store, person: Person, trial: Trial) -> list[TrialEntry]:
    """List all numbers that were ever written for a trial, in the order of writing."""
    events = store.read(Kind.TRIAL_ENTRY, person=person.tag)
    return read_trial_entries(events, trial.plan.id)


def read_guesses(events: Sequence[Event], trial_id: str) -> list[TrialGuess]:
    """Read the guesses of a trial, in the order of writing."""
    found = []
    for event in events:
        if event.kind == Kind.GUESS and event.body.get("trial") == trial_id:
            with readable(event):
                body = event.body
                said = None if body["said"] is None else bool(body["said"])
                guess = PeriodGuess(
                    int(body["period"]), said, int(body["confidence"]), str(body["why"])
                )
                written = Stamp(event.unix_ms, int(body["offset_min"]))
                found.append(TrialGuess(event.number, guess, written))
    return found


def list_guesses(store: Store, person: Person, trial: Trial) -> list[TrialGuess]:
    """List the guesses of a trial, in the order of writing."""
    return read_guesses(store.read(Kind.GUESS, person=person.tag), trial.plan.id)


def is_frozen_plan_whole(trial: Trial) -> bool:
    """Whether the plan is the one that was frozen: its hash fits."""
    return hash_plan(trial.body) == trial.sha


# ---- writing


def make_trial_id(store: Store, person: Person) -> str:
    """Return the id of a person's next trial: `TAG-tNUMBER`."""
    return f"{person.tag}-t{len(list_trials(store, person)) + 1}"


def freeze_trial(store: Store, person: Person, plan: TrialPlan, unix_ms: int) -> Trial:
    """Freeze a plan. Raises Refused while another trial is not over, and for whom it is not."""
    require_clock(unix_ms)
    refuse_for_whom_it_is_not(plan.asked)
    body = plan.as_body()
    at = make_stamp(unix_ms, person.zone)
    with store.writing():
        refuse_second(store, person)
        sha = hash_plan(body)
        store.append(
            Kind.TRIAL, person.tag, {"plan": body, "sha": sha, "at": at.as_body()}, unix_ms
        )
    return Trial(plan, body, sha, at)


def note_trial(
    store: Store, person: Person, trial: Trial, what: str, unix_ms: int, **more: Any
) -> Trial:
    """Keep what happened to a trial; returns it as it is now. what: ARMED (uid, commitment), CLOSED
    (period), REVEALED (secret), UNBLINDED (secret, reason) or ENDED (reason)."""
    at = make_stamp(unix_ms, person.zone)
    body = {"trial": trial.plan.id, "what": what, "at": at.as_body()} | more
    store.append(Kind.TRIAL_EVENT, person.tag, body, unix_ms)
    return find_trial(store, person, trial.plan.id)


def add_trial_entry(
    store: Store,
    person: Person,
    trial: Trial,
    values: Sequence[float],
    unix_ms: int,
    *,
    day: date | None = None,
    way: str = "cli",
) -> TrialEntry:
    """Write a day's numbers, one for each site. day: the local day that they are about, by default
    today where the person is; of an earlier day they are late. Raises UsageError and Refused."""
    require_clock(unix_ms)
    plan = trial.plan
    if not trial.is_open:
        raise Refused(f"trial {plan.id} is over", "entries after the reveal would not be blind")
    if len(values) != len(plan.sites):
        sites = " and ".join(one.site for one in plan.sites)
        raise UsageError(
            f"{len(values)} numbers for {sites}", f"write one number for each: {sites}"
        )
    checked = [check_value(value, plan.measure) for value in values]
    written = make_stamp(unix_ms, find_zone(list_history(store, person), person))
    day = day or written.day
    if day > written.day:
        raise UsageError(f"{day} is in the future", f"today is {written.day}")
    if day < max(EARLIEST, plan.enrolled.day):
        raise UsageError(f"{day} is before the trial was made", f"it was on {plan.enrolled.day}")
    body = {
        "trial": plan.id,
        "day": day.isoformat(),
        "values": checked,
        "offset_min": written.offset_min,
        "way": way,
    }
    number = store.append(Kind.TRIAL_ENTRY, person.tag, body, unix_ms)
    return TrialEntry(number, day, tuple(checked), written, way)


def add_guess(
    store: Store, person: Person, trial: Trial, guess: PeriodGuess, unix_ms: int
) -> TrialGuess:
    """Keep a guess about a period that is over. Raises Refused for a second one, and after the
    reveal; UsageError."""
    require_clock(unix_ms)
    plan = trial.plan
    if not trial.is_open:
        raise Refused(f"trial {plan.id} is over", "a guess after the reveal says nothing")
    if not 0 <= guess.period < plan.periods:
        raise UsageError(f"there is no period {guess.period + 1}", f"write 1 to {plan.periods}")
    if not 0 <= guess.confidence <= 10:
        raise UsageError(f"confidence {guess.confidence} is outside 0 to 10", "10 is certain")
    if len(guess.why) > MAX_NOTE:
        raise UsageError(f"the reason has more than {MAX_NOTE} characters", "write less")
    written = make_stamp(unix_ms, find_zone(list_history(store, person), person))
    with store.writing():
        if any(one.guess.period == guess.period for one in list_guesses(store, person, trial)):
            raise Refused(
                f"period {guess.period + 1} has a guess already", "the first one stays: it counts"
            )
        body = {
            "trial": plan.id,
            "period": guess.period,
            "said": guess.said,
            "confidence": guess.confidence,
            "why": " ".join(guess.why.split()),
            "offset_min": written.offset_min,
        }
        number = store.append(Kind.GUESS, person.tag, body, unix_ms)
    return TrialGuess(number, guess, written)
