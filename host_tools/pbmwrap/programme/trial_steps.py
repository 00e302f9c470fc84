"""The steps of a trial that commands and pages share: the next session, a guess, the reveal, an
early end, and what both show of it. Nothing here is formatted for people but errors and hints."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pbmwrap.errors import DeviceError, Refused, UsageError
from pbmwrap.programme import trial_run, trials
from pbmwrap.programme.holds import stop_session_of
from pbmwrap.programme.journal import list_entries
from pbmwrap.programme.model import Person
from pbmwrap.programme.red_flags import list_flags
from pbmwrap.programme.store import Store
from pbmwrap.programme.trial_run import Progress
from pbmwrap.programme.trials import Trial, TrialEntry, TrialGuess
from pbmwrap.trial.analysis import PeriodGuess
from pbmwrap.trial.bundle import Outcome
from pbmwrap.words import count
from wrap.rules import limits

MOST_REASON = 200  # characters that are kept here; a wrap keeps fewer

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello


@dataclass(frozen=True)
class AtWrap:
    """A connected wrap, and how its caller works. pull: copies its log into the archive;
    read_progress: reads the trial's progress from the archive; read_ms: UTC; note: takes what a
    person should know."""

    client: Client
    hello: Hello
    pull: Callable[[], None]
    read_progress: Callable[[Trial], Progress]
    read_ms: Callable[[], int]
    note: Callable[[str], None]


def choose_next(at: AtWrap, trial: Trial, site: str | None = None) -> tuple[Progress, str, int]:
    """Let button and `run` start the session of a site, by default the one that has had fewer.
    Returns the progress, the site and its slot. Raises Refused, UsageError, LinkLost."""
    trial_run.require_own_wrap(at.hello, trial)
    trial_run.require_wrap_knows(at.client, trial)
    at.pull()
    progress = at.read_progress(trial)
    chosen = site or progress.next_site
    _set_clock(at)
    return progress, chosen, trial_run.activate_site(at.client, trial.plan, chosen)


def _set_clock(at: AtWrap) -> None:
    """Set the wrap's clock: its log then dates what comes by itself, in whole seconds.

    A clock this close is not stored again, so a number that was written just now could seem to come
    after the session: ahead of it by as much, nothing is dated before this moment."""
    at.client.set_clock(at.read_ms() // 1000 + limits.CLOCK_SAME_S)


def require_blind(trial: Trial, progress: Progress) -> None:
    """Refuse a number or a guess once the wrap has given its secret, by the log pulled last. One
    that is over here too is refused by what keeps them. Raises Refused."""
    if trial.is_open and progress.log.is_over:
        raise Refused(
            "the wrap has given its secret: what is written now is not blind",
            "connect the wrap: `pbmwrap trial reveal` takes the secret over",
        )


def is_after_session(progress: Progress, entry: TrialEntry) -> bool:
    """Whether an entry was written after the first session of the day that it is about."""
    first_ms = progress.first_ms.get(entry.day)
    return first_ms is not None and entry.written.unix_ms >= first_ms


def list_guess_words(trial: Trial) -> dict[str, bool | None]:
    """Return what can be guessed: words, and whether the first site got light."""
    sites = [one.site for one in trial.plan.sites]
    two = {sites[0]: True, sites[-1]: False}
    return (two if len(sites) == 2 else {"light": True, "none": False}) | {"unknown": None}


def make_guess(
    store: Store,
    person: Person,
    trial: Trial,
    progress: Progress,
    word: str,
    confidence: int,
    why: str,
    period: int | None,
    unix_ms: int,
) -> TrialGuess:
    """Keep a guess. word: of `list_guess_words`; period: from 0, by default the first that is over
    and has none. Raises Refused before its end and after the reveal, UsageError."""
    require_blind(trial, progress)
    words = list_guess_words(trial)
    if word not in words:
        raise UsageError(f"{word} is no guess", f"write {', '.join(words)}")
    number = min(progress.due, default=progress.period) if period is None else period
    if number not in progress.over:
        raise Refused(
            f"period {number + 1} is not over, by the log pulled last",
            "guess after its last day; `pbmwrap logs pull` brings the log",
        )
    guess = PeriodGuess(number, words[word], confidence, why)
    return trials.add_guess(store, person, trial, guess, unix_ms)


def note_lost_closings(at: AtWrap, store: Store, person: Person, trial: Trial) -> list[int]:
    """Keep the periods that the wrap has closed and this machine could not note at the time;
    returns them, from 0. Call it before another one is closed. Raises LinkLost, InvalidFile."""
    at.pull()
    closed = at.read_progress(trial).log.closed
    return trial_run.note_closings(store, person, trial, closed, at.read_ms())


def close_period(
    at: AtWrap, store: Store, person: Person, trial: Trial, expected: int | None = None
) -> tuple[Trial, int]:
    """End the period under way early; returns the trial and the period's number, from 0. expected:
    the one that the person has read. Raises Refused, DeviceError, LinkLost."""
    trial_run.require_own_wrap(at.hello, trial)
    period = int(trial_run.require_wrap_knows(at.client, trial)["period"])
    if expected is not None and period != expected:
        at.pull()
        raise Refused(
            f"period {period + 1} is under way by now", "look again which one you want to end"
        )
    with trial_run.pulling_on_failure(at.pull):
        found = trial_run.close_period(at.client, store, person, trial, at.read_ms())
    at.pull()
    return found


def end_without_wrap(
    store: Store, person: Person, trial: Trial, reason: str, unix_ms: int
) -> Trial:
    """End a trial whose wrap is lost, or that no wrap has taken: which periods had light stays
    unknown. Raises UsageError for an empty reason."""
    trial_run.fit_reason(reason)
    more = {"reason": " ".join(reason.split())[:MOST_REASON]}
    return trials.note_trial(store, person, trial, trials.ENDED, unix_ms, **more)


def reveal(at: AtWrap, store: Store, person: Person, trial: Trial, early: bool) -> Trial:
    """Ask the wrap for the secret after the last period, verify it and keep it. early: before the
    last day whose numbers count. Raises Refused, VerifyFailed, LinkLost, DeviceError."""
    trial_run.require_own_wrap(at.hello, trial)
    trial_run.require_wrap_knows(at.client, trial)
    at.pull()
    _require_end(at.read_progress(trial), early, at.note)
    _set_clock(at)
    answer = at.client.call("trial.reveal")
    with trial_run.pulling_on_failure(at.pull):
        found = trial_run.take_secret(answer, store, person, trial, at.read_ms())
    at.pull()
    return found


def _require_end(progress: Progress, early: bool, note: Callable[[str], None]) -> None:
    """Refuse a reveal while numbers still count, and note guesses that are missing. The wrap itself
    refuses while sessions are left. Raises Refused."""
    if progress.log.is_over:
        return
    until = progress.reveal_from
    if until and progress.today < until and not early:
        raise Refused(
            f"numbers still count until the end of the last period, before {until}",
            "write them every day, then reveal; --early does it now, and the rest is missing",
        )
    if progress.due:
        many = count(len(progress.due), "period")
        note(f"{many} without a guess: it cannot be made after the reveal")


def unblind(at: AtWrap, store: Store, person: Person, trial: Trial, reason: str) -> Trial:
    """End the blinding at once: stop a session of the person, take the secret, keep the reason.
    Raises UsageError for an empty reason, Refused for another wrap, VerifyFailed, LinkLost."""
    plain = trial_run.fit_reason(reason)
    trial_run.require_own_wrap(at.hello, trial)
    trial_run.require_wrap_knows(at.client, trial)
    stop_session_of(at.client, [person.tag])
    with suppress(DeviceError):  # the date of its record must not stand in the way
        _set_clock(at)
    answer = at.client.call("trial.unblind", {"reason": plain})
    with trial_run.pulling_on_failure(at.pull):
        found = trial_run.take_secret(answer, store, person, trial, at.read_ms())
    at.pull()
    return found


def end_unknown(client: Client, store: Store | None, reason: str) -> dict[str, Any]:
    """End the wrap's blind trial that no trial of this household is; returns what the wrap said of
    it. Raises Refused for a known one, and without one; UsageError, LinkLost."""
    plain = trial_run.fit_reason(reason)
    now = trial_run.read_wrap_trial(client)
    if now["state"] in ("none", "unblinded"):
        raise Refused("the wrap is in no blind trial", "there is nothing to end")
    if store is not None and trial_run.is_open_here(store, now):
        raise Refused(
            f"trial {now['id']} is known here", "leave out --unknown: then its result is kept"
        )
    client.call("trial.unblind", {"reason": plain})
    return now


def list_harms(store: Store, person: Person, trial: Trial) -> list[str]:
    """List red flags and skin findings of the journal since the begin of a trial."""
    begin = trial.frozen.day
    end = trial.over.day if trial.over else trial.plan.end
    found = [(f.day, f"red flag {f.code}") for f in list_flags(store, person)]
    found += [
        (e.day, f"skin {e.skin}") for e in list_entries(store, person) if e.skin not in ("", "fine")
    ]
    return [f"{day}: {text}" for day, text in sorted(set(found)) if begin <= day <= end]


# ---- what commands and pages show


def describe_trial(trial: Trial) -> dict[str, Any]:
    """Return the facts of a trial that nobody is blind to."""
    plan = trial.plan
    return {
        "id": plan.id,
        "state": trial.state,
        "sha": trial.sha,
        "commitment": trial.commitment,
        "uid": trial.uid,
        "start": plan.start.isoformat(),
        "end": plan.end.isoformat(),
        "baseline_from": plan.baseline_from.isoformat(),
        "waited": plan.waited,
        "periods": plan.periods,
        "sessions": plan.sessions,
        "sites": [one.site for one in plan.sites],
        "power": plan.promise.power,
        "confirmatory": plan.confirmatory,
    }


def describe_progress(progress: Progress) -> dict[str, Any]:
    """Return the progress for --json and for the page. Nothing in it depends on the arms."""
    return describe_trial(progress.trial) | {
        "today": progress.today.isoformat(),
        "period": progress.period,
        "planned_period": progress.planned,
        "counts": list(progress.counts),
        "done": len(progress.log.sessions),
        "closed": list(progress.log.closed),
        "over_on_wrap": progress.log.is_over,
        "next_site": progress.next_site,
        "entered": progress.entered,
        "days_entered": progress.days_entered,
        "guesses_due": list(progress.due),
        "reveal_from": progress.reveal_from.isoformat() if progress.reveal_from else None,
        "reason": progress.trial.reason,
        "warnings": list(progress.warnings),
        "steps": list(progress.steps),
    }


def describe_reveal(trial: Trial, outcome: Outcome) -> dict[str, Any]:
    """Return the allocation and what was found in the masked records."""
    return describe_trial(trial) | {
        "secret": trial.secret,
        "reason": trial.reason,
        "complete": trial.complete,
        "arms": list(outcome.arms),
        "truths": [one.as_body() for one in outcome.truths],
        "wrong": [one.number for one in outcome.truths if one.problem],
    }
