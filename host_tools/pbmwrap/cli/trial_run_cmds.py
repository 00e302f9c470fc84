"""`pbmwrap trial` while it is blind: a day's numbers, guesses, the reveal, an emergency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import Json, Port, Result, Yes, ask, warn, wrap_at
from pbmwrap.cli.household import (
    Who,
    open_household_of,
    read_book,
    read_now_ms,
    remember_log,
)
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import UsageError, VerifyFailed
from pbmwrap.trial.planner import import_power
from pbmwrap.words import count

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello
    from pbmwrap.programme.model import Person
    from pbmwrap.programme.store import Store
    from pbmwrap.programme.trial_run import Progress
    from pbmwrap.programme.trial_steps import AtWrap
    from pbmwrap.programme.trials import Trial
    from pbmwrap.trial.plan import TrialPlan

Id = Annotated[
    str | None, Option("--trial", metavar="TRIAL", help="Its number. Default: the open one.")
]


@contextmanager
def open_trial(
    person: str | None, word: str | None = None
) -> Iterator[tuple[Store, Person, Trial]]:
    """Open the household's file for one trial. Raises UsageError."""
    import_power()
    from pbmwrap.programme.trials import find_trial

    with open_household_of(person) as (store, who):
        yield store, who, find_trial(store, who, word)


def pull_log(client: Client, hello: Hello) -> None:
    """Copy the wrap's log into the archive."""
    from pbmwrap.cli.log_choice import open_archive
    from pbmwrap.logs.pull import pull_into_archive

    pulled = pull_into_archive(client, hello, open_archive(), lambda text: warn([text]))
    remember_log(pulled.kept)


def _make_hands(client: Client, hello: Hello, store: Store, who: Person) -> AtWrap:
    """Return what the steps at a wrap need of the command line."""
    from pbmwrap.programme.trial_steps import AtWrap

    return AtWrap(
        client,
        hello,
        lambda: pull_log(client, hello),
        lambda trial: read_trial_progress(store, who, trial),
        read_now_ms,
        lambda text: warn([text]),
    )


def format_plan(plan: TrialPlan) -> str:
    """Format a plan for people."""
    from pbmwrap.trial.plan import describe_design

    sites = " and ".join(one.site for one in plan.sites)
    first = plan.sites[0]
    kind = "" if plan.confirmatory else " (exploratory: it cannot answer, and gives no verdict)"
    return "\n".join(
        [
            f"trial {plan.id}: {plan.aim}{kind}",
            f"sites     {sites}",
            f"light     {first.minutes:g} min, near infrared {first.near_infrared_pm / 10:g} %,"
            " or none",
            f"plan      {describe_design(plan)}",
            f"sessions  {plan.sessions} a period and site",
            f"baseline  {plan.baseline_from} to {plan.start}, without light",
            f"trial     {plan.start} to {plan.end}",
            f"number    {plan.measure.question} For each site, before the session.",
            f"matters   {plan.measure.format_value(plan.matters)}",
            f"power     {100 * plan.promise.power:.0f} of 100",
        ]
    )


# ---- while it runs


def read_trial_progress(store: Store, who: Person, trial: Trial) -> Progress:
    """Read how far a trial is; prints the notes on the logs."""
    from pbmwrap.cli.log_choice import open_archive
    from pbmwrap.programme.trial_run import read_progress

    book = read_book()
    warn(book.notes)
    return read_progress(store, who, trial, book, open_archive(), read_now_ms())


def show_status(trial: Id = None, person: Who = None, json: Json = False) -> Result:
    """Show how far a trial is, by the logs pulled so far, and what to do next."""
    with open_trial(person, trial) as (store, who, chosen):
        from pbmwrap.programme import trial_steps

        progress = read_trial_progress(store, who, chosen)
    warn(progress.warnings)
    return Result(trial_steps.describe_progress(progress), format_status(progress))


def format_status(progress: Progress) -> str:
    """Format the progress for people."""
    trial = progress.trial
    plan = trial.plan
    lines = [format_plan(plan), f"state     {trial.state}"]
    if trial.reason:
        lines[-1] += f": {trial.reason}"
    if trial.is_open and trial.armed:
        if progress.period >= plan.periods:
            lines.append(f"period    all {plan.periods} are over")
        else:
            pairs = zip(plan.sites, progress.counts, strict=True)
            done = ", ".join(f"{one.site} {n} of {plan.sessions}" for one, n in pairs)
            lines.append(f"period    {progress.period + 1} of {plan.periods}: {done}")
    lines.append(f"entries   days that count so far: {progress.days_entered}")
    if trial.commitment:
        lines.append(f"secret    commitment {trial.commitment[:16]}, in the log of {trial.uid}")
    if progress.steps:
        lines += ["", "now:", *(f"  {step}" for step in progress.steps)]
    return "\n".join(lines)


def write_entry(
    numbers: Annotated[
        list[float] | None,
        Argument(metavar="NUMBER", help="One for each site, in the order of the plan."),
    ] = None,
    day: Annotated[
        str | None, Option(metavar="DAY", help="An earlier day. It is kept, and does not count.")
    ] = None,
    paper: Annotated[bool, Option("--paper", help="It was on paper.")] = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Write today's numbers, before the session. After it they do not count.

    Red flags go into the journal: `pbmwrap journal add --flag`.
    """
    from pbmwrap.programme.course_state import find_today
    from pbmwrap.programme.times import read_day

    with open_trial(person) as (store, who, trial):
        from pbmwrap.programme.trial_steps import is_after_session, require_blind
        from pbmwrap.programme.trials import add_trial_entry

        progress = read_trial_progress(store, who, trial)
        require_blind(trial, progress)
        values = numbers or _ask_numbers(trial, json)
        about = read_day(day, find_today(store, who, read_now_ms())) if day else None
        way = "paper" if paper else "cli"
        entry = add_trial_entry(store, who, trial, values, read_now_ms(), day=about, way=way)
        after = is_after_session(progress, entry)
    pairs = zip(trial.plan.sites, entry.values, strict=True)
    shown = ", ".join(f"{one.site} {value:g}" for one, value in pairs)
    text = f"{entry.day}: {shown}, stored as entry {entry.number}"
    if entry.late or after:
        why = "on a later day" if entry.late else "after that day's session"
        text += f"; written {why}, so it does not count in the main analysis"
    data = {
        "id": entry.number,
        "day": entry.day.isoformat(),
        "values": list(entry.values),
        "written": str(entry.written),
        "late": entry.late,
        "counts": not entry.late and not after,
    }
    return Result(data, text)


def _ask_numbers(trial: Trial, as_json: bool) -> list[float]:
    if as_json:
        raise UsageError("the numbers are missing", "write one for each site")
    return [
        click.prompt(f"{one.site}: {trial.plan.measure.question}", type=float, err=True)
        for one in trial.plan.sites
    ]


def choose_next(
    site: Annotated[
        str | None, Argument(metavar="SITE", help="Default: the one that has had fewer sessions.")
    ] = None,
    person: Who = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Let button and `run` start the session of a site of the trial."""
    with open_trial(person) as (store, who, trial):
        from pbmwrap.programme import trial_steps

        with wrap_at(port) as (client, hello):
            at = _make_hands(client, hello, store, who)
            progress, chosen, slot = trial_steps.choose_next(at, trial, site)
    if not progress.entered:
        warn(["today has no numbers yet: `pbmwrap trial entry`, before the session"])
    text = f"the next session is on {chosen} (slot {slot}): press the button, or `pbmwrap run`"
    return Result({"site": chosen, "slot": slot, "entered": progress.entered}, text)


def write_guess(
    word: Annotated[
        str,
        Argument(
            metavar="GUESS",
            help="The site that you think got light; with one site light or none; or unknown.",
        ),
    ],
    confidence: Annotated[int, Option(help="0 (a guess) to 10 (certain).", min=0, max=10)] = 0,
    why: Annotated[str | None, Option(help="What gave it away.")] = None,
    period: Annotated[
        int | None, Option(help="Number of the period. Default: the first without one.", min=1)
    ] = None,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Say what you think a period was, once it is over. It shows how blind you were."""
    with open_trial(person) as (store, who, trial):
        from pbmwrap.programme.trial_steps import make_guess

        progress = read_trial_progress(store, who, trial)
        number = None if period is None else period - 1
        kept = make_guess(
            store, who, trial, progress, word, confidence, why or "", number, read_now_ms()
        )
    number = kept.guess.period
    data = {
        "period": number,
        "said": kept.guess.said,
        "confidence": confidence,
        "why": kept.guess.why,
        "written": str(kept.written),
    }
    return Result(data, f"guess of period {number + 1} kept: {word}")


_CLOSE = "This ends the period that is under way, and cannot be undone."


def close_period(
    person: Who = None, port: Port = None, yes: Yes = False, json: Json = False
) -> Result:
    """End the period under way before its sessions are complete."""
    with open_trial(person) as (store, who, trial):
        from pbmwrap.programme import trial_run, trial_steps

        with wrap_at(port) as (client, hello):
            trial_run.require_own_wrap(hello, trial)
            now = int(trial_run.require_wrap_knows(client, trial)["period"])
            at = _make_hands(client, hello, store, who)
            lost = trial_steps.note_lost_closings(at, store, who, trial)
            if lost:
                text = f"period {lost[-1] + 1} was over already, and is noted now; none was ended"
                return Result({"period": lost[-1]}, text)
            number = f"Period {now + 1} of {trial.plan.periods}."
            ask((number, _CLOSE), "End this period?", yes, json)
            _, period = trial_steps.close_period(at, store, who, trial, now)
    text = f"period {period + 1} is over; say what you think it was: `pbmwrap trial guess`"
    return Result({"period": period}, text)


# ---- the end


def reveal_trial(
    early: Annotated[
        bool, Option("--early", help="Before the last day whose numbers count.")
    ] = False,
    person: Who = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Ask the wrap for the secret after the last period, and verify what it did.

    It checks the commitment, draws the allocation again, decrypts the masked records of the log and
    compares the light of each session with its arm.
    """
    with open_trial(person) as (store, who, trial):
        from pbmwrap.programme import trial_steps

        if trial.is_open:
            with wrap_at(port) as (client, hello):
                at = _make_hands(client, hello, store, who)
                trial = trial_steps.reveal(at, store, who, trial, early)
        return make_reveal_result(store, who, trial)


def make_reveal_result(store: Store, who: Person, trial: Trial) -> Result:
    """Show the allocation and what was found in the masked records."""
    from pbmwrap.cli.log_choice import open_archive
    from pbmwrap.programme.trial_run import collect_evidence
    from pbmwrap.programme.trial_steps import describe_reveal
    from pbmwrap.trial.bundle import compute_outcome

    book = read_book()
    outcome = compute_outcome(collect_evidence(store, who, trial, book, open_archive()))
    wrong = [one for one in outcome.truths if one.problem]
    plan = trial.plan
    two = len(plan.sites) == 2
    names = [one.site for one in plan.sites] if two else ["light", "none"]
    lines = [f"trial {plan.id} is {trial.how}; the secret fits the commitment"]
    lines += [
        f"period {number:>2}: {names[0 if arm else 1]}"
        for number, arm in enumerate(outcome.arms, 1)
    ]
    lines.append(
        f"{count(len(outcome.truths), 'session')} decrypted: "
        + (f"{len(wrong)} did not do what the arm says" if wrong else "each did what its arm says")
    )
    lines.append("next: `pbmwrap trial report`, `pbmwrap trial export BUNDLE`")
    problem = None
    if wrong:
        problem = VerifyFailed(
            f"session {wrong[0].number}: {wrong[0].problem}",
            "the result cannot be trusted: keep the bundle (`pbmwrap trial export`) and report it",
        )
    return Result(describe_reveal(trial, outcome), "\n".join(lines), problem)


def unblind_trial(
    reason: Annotated[str | None, Option(metavar="WHY", help="In your words.")] = None,
    without_wrap: Annotated[
        bool, Option("--without-wrap", help="The wrap is lost or broken: end the trial here.")
    ] = False,
    unknown: Annotated[
        bool,
        Option("--unknown", help="End a trial of the wrap that this machine does not know."),
    ] = False,
    person: Who = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """End the blinding at once, in an emergency or because it got worse.

    It always works, stops a session that is under way, and ends the trial: there is no verdict
    afterwards.
    """
    if not reason:
        raise UsageError("the reason is missing", 'add --reason "it got worse"')
    if unknown:
        return _end_unknown(reason, port)
    with open_trial(person) as (store, who, trial):
        from pbmwrap.programme import trial_run, trial_steps

        trial_run.fit_reason(reason)
        if not trial.is_open:
            return make_reveal_result(store, who, trial)
        if without_wrap or not trial.armed:
            trial = trial_steps.end_without_wrap(store, who, trial, reason, read_now_ms())
            text = f"trial {trial.plan.id} is over: {reason}. Which period had light stays unknown"
            return Result(trial_steps.describe_trial(trial) | {"reason": trial.reason}, text)
        with wrap_at(port) as (client, hello):
            at = _make_hands(client, hello, store, who)
            trial = trial_steps.unblind(at, store, who, trial, reason)
        warn(["stopping early is always right when it gets worse: see a clinician"])
        return make_reveal_result(store, who, trial)


def _end_unknown(reason: str, port: str | None) -> Result:
    """End the trial of the wrap at the port, if no trial of this machine's household is that one:
    of a person who was forgotten, of another computer, or one that was ended without its wrap."""
    import_power()
    from pbmwrap.cli.household import open_household_if_kept
    from pbmwrap.programme import trial_run, trial_steps

    plain = trial_run.fit_reason(reason)
    with wrap_at(port) as (client, hello), open_household_if_kept() as store:
        now = trial_steps.end_unknown(client, store, plain)
        pull_log(client, hello)
    text = f"trial {now['id']} of wrap {hello.uid} is over; its log keeps the reason"
    return Result({"id": now["id"], "uid": hello.uid, "reason": plain}, text)
