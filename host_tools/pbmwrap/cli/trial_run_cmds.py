"""`pbmwrap trial` while it is blind: begin, a day's numbers, guesses, the reveal, an emergency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import Json, Port, Result, Yes, ask, print_note, warn, wrap_at
from pbmwrap.cli.household import (
    Who,
    open_household_of,
    read_book,
    read_now_ms,
    remember_log,
)
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import Refused, UsageError, VerifyFailed
from pbmwrap.trial.planner import SPEEDS, import_power, list_schedules
from pbmwrap.words import count

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello
    from pbmwrap.programme.model import Measure, Person
    from pbmwrap.programme.store import Store
    from pbmwrap.programme.trial_run import Progress
    from pbmwrap.programme.trial_steps import AtWrap
    from pbmwrap.programme.trials import Trial
    from pbmwrap.trial.plan import Asked, TrialPlan
    from pbmwrap.trial.power import Power, Schedule

_LENGTHS = {"week": 7, "fortnight": 14}
Id = Annotated[
    str | None, Option("--trial", metavar="TRIAL", help="Its number. Default: the open one.")
]
YesNo = Annotated[str | None, Option(metavar="ANSWER", help="yes or no; asked if it is missing.")]


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


# ---- begin


_START = """\
It is a measurement of one person under these conditions, no medical advice.
It is not for a condition that needs treatment now, and not for a numb foot
without someone who looks at the skin. In half of the periods there is no near
infrared.

You may stop at any time. If it gets worse: stop, see a clinician, and run
`pbmwrap trial unblind --reason "it got worse"`. That is always right, and it
ends the trial.

After this the plan cannot change. The wrap draws a secret, and gives it after
the last period."""


def start_trial(
    sites: Annotated[
        list[str] | None,
        Argument(
            metavar="SITE",
            help="The place, or two of them, left and right: foot-left foot-right. Left out: send "
            "the frozen plan to the wrap again.",
        ),
    ] = None,
    aim: Annotated[str | None, Option(help="What you hope for, in your words.")] = None,
    question: Annotated[
        str | None, Option(help="Your own question for each site, 0 to 10. Default: pain.")
    ] = None,
    better: Annotated[
        str | None, Option(metavar="WAY", help="lower or higher, with --question.")
    ] = None,
    weeks: Annotated[
        int, Option(help="Length without the baseline, in weeks.", min=4, max=52)
    ] = 24,
    period: Annotated[
        str | None,
        Option(metavar="LENGTH", help="week or fortnight. Default: what finds more."),
    ] = None,
    sessions: Annotated[int, Option(help="Sessions a week and site.", min=1, max=5)] = 3,
    minutes: Annotated[float, Option(help="Minutes of a session.", min=0.1, max=30)] = 20.0,
    level: Annotated[
        float, Option(help="Near infrared, percent of full power; 25 at most.", min=0.1, max=25)
    ] = 25.0,
    speed: Annotated[
        str, Option(metavar="WORD", help="How fast light would work: hours, days, week, weeks.")
    ] = "week",
    matters: Annotated[
        float, Option(help="Change that matters to you, in points.", min=0.1, max=10)
    ] = 2.0,
    spread: Annotated[
        float, Option(help="Standard deviation of your daily number.", min=0.1, max=5)
    ] = 1.5,
    missing: Annotated[
        float, Option(help="Percent of days without an entry.", min=0, max=80)
    ] = 15.0,
    start: Annotated[
        str | None,
        Option(metavar="DAY", help="First day. Default: in 21 days: 7 to wait, 14 to measure."),
    ] = None,
    other: Annotated[
        list[str] | None, Option("--other", metavar="TEXT", help="Other treatment.")
    ] = None,
    needs_treatment: YesNo = None,
    numb: YesNo = None,
    skin_by: Annotated[
        str | None, Option(metavar="NAME", help="Who looks at the skin, if a site is numb.")
    ] = None,
    exploratory: Annotated[
        bool,
        Option("--exploratory", help="Begin although it cannot answer: it gives no verdict."),
    ] = False,
    person: Who = None,
    port: Port = None,
    yes: Yes = False,
    json: Json = False,
) -> Result:
    """Freeze a plan and let the wrap draw the secret.

    Store the numbers every day with `trial entry`; the baseline comes first.
    """
    import_power()
    from pbmwrap.programme import trial_steps, trials
    from pbmwrap.programme.trials import find_open

    given: dict[str, Any] = {
        "aim": aim,
        "measure": _make_measure(question, better),
        "weeks": weeks,
        "period": period,
        "sessions": sessions,
        "minutes": minutes,
        "level_pm": round(level * 10),
        "speed": speed,
        "matters": matters,
        "spread": spread,
        "missing": missing,
        "start": start,
        "others": other or [],
        "exploratory": exploratory,
    }
    with open_household_of(person) as (store, who):
        still = find_open(store, who)
        if sites and still:
            raise Refused(
                f"trial {still.plan.id} of {who.name} is not over",
                "`pbmwrap trial start` without a site sends its plan to the wrap again",
            )
        if not sites and not still:
            raise UsageError("the site is missing", "write for example foot-left foot-right")
        asked = None if still else _ask_eligibility(needs_treatment, numb, skin_by, yes or json)
        with wrap_at(port) as (client, hello):
            from pbmwrap.programme import trial_run

            if still is None:
                assert asked is not None
                trials.refuse_for_whom_it_is_not(asked)
                trial_run.refuse_busy_wrap(trial_run.read_wrap_trial(client))
                trial_run.require_settings(client, minutes, sessions, len(sites or []))
                plan, shown = _make_plan(store, who, sites or [], given, asked, hello)
                ask((shown, "", _START), "Freeze this plan and begin?", yes, json)
                trial = trials.freeze_trial(store, who, plan, read_now_ms())
            else:
                trial = still
            _require_wrap_for(trial, hello)
            plan = trial.plan
            made = _make_protocols(plan, hello)
            client.set_clock(read_now_ms() // 1000)
            slots = trial_run.store_protocols(client, made, who.tag)
            if not trial.armed:
                trial = trial_run.arm_trial(client, hello, store, who, trial, read_now_ms())
            pull_log(client, hello)
    if not plan.waited:
        warn([_UNFAIR])
    data = {
        **trial_steps.describe_trial(trial),
        "plan": dict(trial.body),
        "slots": slots,
    }
    text = (
        f"trial {plan.id} has begun: the wrap has the plan and the secret\n"
        f"plan       {trial.sha}\ncommitment {trial.commitment}\n"
        f"baseline   {plan.baseline_from} to {plan.start}: a number a day for each site, no light\n"
        f"trial      {plan.start} to {plan.end}\n"
        "next: `pbmwrap trial entry` every day; `pbmwrap trial status` says what to do"
    )
    return Result(data, text)


_UNFAIR = (
    "the baseline of 14 days does not begin 7 days after today: people begin when it is worst, and "
    "then it gets better by itself. Light and none are compared all the same."
)


def _require_wrap_for(trial: Trial, hello: Hello) -> None:
    if trial.armed:
        from pbmwrap.programme.trial_run import require_own_wrap

        require_own_wrap(hello, trial)


def _make_protocols(plan: TrialPlan, hello: Hello) -> list[Any]:
    """Make the protocols of a frozen plan again. Raises Refused when they would differ."""
    from pbmwrap.programme.trial_run import make_protocols

    first = plan.sites[0]
    sites = [one.site for one in plan.sites]
    made = make_protocols(sites, plan.person, first.minutes, first.near_infrared_pm, hello.channels)
    if [one.site for one in made] != list(plan.sites):
        raise Refused(
            "this wrap would play another protocol than the plan has",
            "use the wrap with which the plan was made",
        )
    return made


def _make_measure(question: str | None, better: str | None) -> Measure:
    from pbmwrap.programme.model import PAIN, make_rating

    if question is None:
        return PAIN
    if better not in ("lower", "higher"):
        raise UsageError("which way is better?", "add --better lower or --better higher")
    return make_rating(" ".join(question.split())[:200], better)


def _ask_eligibility(
    needs_treatment: str | None, numb: str | None, skin_by: str | None, silent: bool
) -> Asked:
    """Ask for whom the trial is. Raises UsageError when nobody can be asked."""
    from pbmwrap.trial.plan import Asked

    treat = _ask_yes_no(
        "--needs-treatment",
        "Is there a condition there that needs treatment now, such as a wound or an infection?",
        needs_treatment,
        silent,
    )
    feels_not = _ask_yes_no(
        "--numb", "Is a site numb: does it feel warmth or touch badly?", numb, silent
    )
    if feels_not and skin_by is None and not silent:
        skin_by = click.prompt("Who looks at its skin after each session?", default="", err=True)
    return Asked(treat, feels_not, " ".join((skin_by or "").split())[:40])


def _ask_yes_no(option: str, question: str, given: str | None, silent: bool) -> bool:
    if given is None:
        if silent:
            raise UsageError(f"{option} is missing", f"add {option} yes or {option} no")
        return click.confirm(question, default=None, err=True)
    if given not in ("yes", "no"):
        raise UsageError(f"{option} {given} is no answer", "write yes or no")
    return given == "yes"


def _make_plan(
    store: Store, who: Person, sites: list[str], given: dict[str, Any], asked: Asked, hello: Hello
) -> tuple[TrialPlan, str]:
    """Make a plan with the power that its simulation promises; returns it and how it is shown."""
    from datetime import timedelta

    from pbmwrap import __version__
    from pbmwrap.programme import trials
    from pbmwrap.programme.course_state import find_today
    from pbmwrap.programme.model import BASELINE_DAYS, WAIT_DAYS
    from pbmwrap.programme.times import make_stamp, read_day, require_clock
    from pbmwrap.programme.trial_run import make_protocols
    from pbmwrap.trial.plan import Promise, TrialPlan

    now_ms = read_now_ms()
    require_clock(now_ms)
    if len(sites) > 2 or len(set(sites)) < len(sites):
        raise UsageError("a trial has one site, or two that differ", "write one or two sites")
    if not given["aim"]:
        raise UsageError("the aim is missing", 'add --aim "less pain"')
    if given["speed"] not in SPEEDS:
        raise UsageError(f"--speed {given['speed']} is not known", f"write {', '.join(SPEEDS)}")
    today = find_today(store, who, now_ms)
    start = given["start"]
    begin = read_day(start, today) if start else today + timedelta(days=WAIT_DAYS + BASELINE_DAYS)
    if begin < today:
        raise UsageError(f"the start {begin} is in the past", "give today or a later day")
    protocols = make_protocols(sites, who.tag, given["minutes"], given["level_pm"], hello.channels)
    schedule, power = _choose_schedule(len(sites), given)
    plan = TrialPlan(
        id=trials.make_trial_id(store, who),
        person=who.tag,
        aim=" ".join(given["aim"].split())[:200],
        sites=tuple(one.site for one in protocols),
        design=schedule.design,
        periods=schedule.periods,
        days=schedule.days,
        washout=schedule.washout,
        sessions=given["sessions"] * schedule.days // 7,
        start=begin,
        enrolled=make_stamp(now_ms, who.zone),
        measure=given["measure"],
        matters=given["matters"],
        promise=Promise(
            round(power.share, 4),
            round(power.error, 4),
            SPEEDS[given["speed"]],
            given["spread"],
            given["missing"] / 100,
        ),
        asked=asked,
        confirmatory=not given["exploratory"],
        others=tuple(" ".join(text.split())[:200] for text in given["others"]),
        program=__version__,
    )
    return plan, format_plan(plan)


def _choose_schedule(sites: int, given: dict[str, Any]) -> tuple[Schedule, Power]:
    """Choose the schedule that finds more. Raises Refused when it cannot answer."""
    module = import_power()
    length = given["period"]
    if length is not None and length not in _LENGTHS:
        raise UsageError(f"--period {length} is not known", "write week or fortnight")
    possible = [
        one
        for one in list_schedules(sites, given["weeks"])
        if length is None or one.days == _LENGTHS[length]
    ]
    if not possible:
        raise UsageError(
            f"{given['weeks']} weeks are too few for periods of a {length}", "add --weeks"
        )
    print_note("simulating trials, some seconds ...")
    diary = module.Diary(sd=given["spread"], missing=given["missing"] / 100)
    tau = SPEEDS[given["speed"]]
    found = [(module.estimate_power(one, given["matters"], tau, diary), one) for one in possible]
    power, schedule = max(found, key=lambda pair: pair[0].share)
    if not power.answers and not given["exploratory"]:
        raise Refused(
            f"this trial cannot answer you: it would find the change in {100 * power.share:.0f} of"
            " 100 cases, and 80 are needed",
            "see `pbmwrap trial plan`; --exploratory begins all the same, and gives no verdict",
        )
    return schedule, power


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
    lines.append(f"entries   {count(progress.days_entered, 'day')} that count so far")
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
        from pbmwrap.programme.trial_steps import is_after_session
        from pbmwrap.programme.trials import add_trial_entry

        values = numbers or _ask_numbers(trial, json)
        about = read_day(day, find_today(store, who, read_now_ms())) if day else None
        way = "paper" if paper else "cli"
        entry = add_trial_entry(store, who, trial, values, read_now_ms(), day=about, way=way)
        progress = read_trial_progress(store, who, trial)
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
        from pbmwrap.programme import trial_run

        with wrap_at(port) as (client, hello):
            trial_run.require_own_wrap(hello, trial)
            now = trial_run.require_wrap_knows(client, trial)
            number = f"Period {int(now['period']) + 1} of {trial.plan.periods}."
            ask((number, _CLOSE), "End this period?", yes, json)
            _, period = trial_run.close_period(client, store, who, trial, read_now_ms())
            pull_log(client, hello)
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
        from pbmwrap.programme import trial_run, trial_steps, trials

        trial_run.fit_reason(reason)
        if not trial.is_open:
            return make_reveal_result(store, who, trial)
        if without_wrap or not trial.armed:
            trial = trials.note_trial(
                store, who, trial, trials.ENDED, read_now_ms(), reason=reason[:200]
            )
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
    from pbmwrap.programme import trial_run

    plain = trial_run.fit_reason(reason)
    with wrap_at(port) as (client, hello), open_household_if_kept() as store:
        now = trial_run.read_wrap_trial(client)
        if now["state"] in ("none", "unblinded"):
            raise Refused("the wrap is in no blind trial", "there is nothing to end")
        if store is not None and trial_run.is_open_here(store, now):
            raise Refused(
                f"trial {now['id']} is known here", "leave out --unknown: then its result is kept"
            )
        client.call("trial.unblind", {"reason": plain})
        pull_log(client, hello)
    text = f"trial {now['id']} of wrap {hello.uid} is over; its log keeps the reason"
    return Result({"id": now["id"], "uid": hello.uid, "reason": plain}, text)
