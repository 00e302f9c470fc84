"""`pbmwrap trial start`: for whom it is, the plan with its power, the freeze, the wrap's secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import Json, Port, Result, Yes, ask, print_note, warn, wrap_at
from pbmwrap.cli.household import Who, open_household_of, read_now_ms
from pbmwrap.cli.options import Argument, Option
from pbmwrap.cli.trial_run_cmds import format_plan, pull_log
from pbmwrap.errors import Refused, UsageError
from pbmwrap.trial.planner import SPEEDS, import_power

if TYPE_CHECKING:
    from pbmwrap.programme.model import Measure
    from pbmwrap.trial.plan import Asked

_LENGTHS = {"week": 7, "fortnight": 14}
Matters = Annotated[
    float,
    Option("--matters", help="Change that matters to you, in points.", min=0.1, max=10),
]
Spread = Annotated[
    float,
    Option("--spread", help="Standard deviation of your daily number, in points.", min=0.1, max=5),
]
Missing = Annotated[
    float, Option("--missing", help="Percent of days without an entry.", min=0, max=80)
]
Weeks = Annotated[
    int, Option("--weeks", help="Length without the baseline, in weeks.", min=4, max=52)
]
YesNo = Annotated[str | None, Option(metavar="ANSWER", help="yes or no; asked if it is missing.")]


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
    weeks: Weeks = 24,
    period: Annotated[
        str | None,
        Option(metavar="LENGTH", help="week or fortnight. Default: what finds more."),
    ] = None,
    sessions: Annotated[int, Option(help="Sessions a week and site.", min=1, max=5)] = 3,
    minutes: Annotated[float, Option(help="Minutes of a session.", min=0.1, max=30)] = 20.0,
    level: Annotated[
        float,
        Option(
            help="Near infrared, percent of full power; without a warmer 25 at most.",
            min=0.1,
            max=100,
        ),
    ] = 25.0,
    speed: Annotated[
        str, Option(metavar="WORD", help="How fast light would work: hours, days, week, weeks.")
    ] = "week",
    matters: Matters = 2.0,
    spread: Spread = 1.5,
    missing: Missing = 15.0,
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
    from pbmwrap.programme.course_state import find_today
    from pbmwrap.programme.times import read_day
    from pbmwrap.programme.trial_steps import describe_trial
    from pbmwrap.programme.trials import find_open

    if speed not in SPEEDS:
        raise UsageError(f"--speed {speed} is not known", f"write {', '.join(SPEEDS)}")
    if period is not None and period not in _LENGTHS:
        raise UsageError(f"--period {period} is not known", "write week or fortnight")
    measure = _make_measure(question, better)
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
            from pbmwrap.programme import trial_start

            if still is None:
                assert asked is not None
                today = find_today(store, who, read_now_ms())
                wishes = trial_start.Wishes(
                    sites=tuple(sites or ()),
                    aim=aim or "",
                    measure=measure,
                    asked=asked,
                    weeks=weeks,
                    period_days=None if period is None else _LENGTHS[period],
                    sessions=sessions,
                    minutes=minutes,
                    level_pm=round(level * 10),
                    speed=speed,
                    matters=matters,
                    spread=spread,
                    missing_percent=missing,
                    start=read_day(start, today) if start else None,
                    others=tuple(other or ()),
                    exploratory=exploratory,
                )
                trial_start.require_possible(client, wishes)
                print_note("simulating trials, some seconds ...")
                plan = trial_start.make_plan(store, who, wishes, hello, read_now_ms())
                shown = (format_plan(plan), "", _START)
                ask(shown, "Freeze this plan and begin?", yes, json)
                trial = trial_start.freeze_plan(store, who, plan, read_now_ms())
            else:
                trial = still
            plan = trial.plan
            trial, slots = trial_start.send_to_wrap(
                client, hello, store, who, trial, read_now_ms, lambda: pull_log(client, hello)
            )
    if not plan.waited:
        warn([_UNFAIR])
    data = {
        **describe_trial(trial),
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
