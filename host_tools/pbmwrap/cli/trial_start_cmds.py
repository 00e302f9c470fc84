"""`pbmwrap trial start`: for whom it is, the plan with its power, the freeze, the wrap's secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import Json, Port, Result, Yes, ask, print_note, warn, wrap_at
from pbmwrap.cli.household import Who, open_household_of, read_now_ms
from pbmwrap.cli.options import Argument, Option
from pbmwrap.cli.trial_run_cmds import format_plan, pull_log
from pbmwrap.errors import Refused, UsageError
from pbmwrap.trial.planner import SPEEDS, import_power, list_schedules

if TYPE_CHECKING:
    from pbmwrap.device.models import Hello
    from pbmwrap.programme.model import Measure, Person
    from pbmwrap.programme.store import Store
    from pbmwrap.programme.trials import Trial
    from pbmwrap.trial.plan import Asked, TrialPlan
    from pbmwrap.trial.power import Power, Schedule

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
    from pbmwrap.programme import trials
    from pbmwrap.programme.trial_steps import describe_trial
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
                with trial_run.pulling_on_failure(lambda: pull_log(client, hello)):
                    trial = trial_run.arm_trial(client, hello, store, who, trial, read_now_ms())
            pull_log(client, hello)
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


def _require_wrap_for(trial: Trial, hello: Hello) -> None:
    if trial.armed:
        from pbmwrap.programme.trial_run import require_own_wrap

        require_own_wrap(hello, trial)


def _make_protocols(plan: TrialPlan, hello: Hello) -> list[Any]:
    """Make the protocols of a frozen plan again. Raises Refused when they would differ."""
    from pbmwrap.programme.trial_run import make_protocols
    from pbmwrap.trial.heat_test import find_most_pm

    first = plan.sites[0]
    sites = [one.site for one in plan.sites]
    level_pm, most_pm = first.near_infrared_pm, find_most_pm(hello)
    made = make_protocols(sites, plan.person, first.minutes, level_pm, hello.channels, most_pm)
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
    from pbmwrap.trial.heat_test import find_most_pm
    from pbmwrap.trial.plan import Promise, TrialPlan

    now_ms = read_now_ms()
    require_clock(now_ms)
    if len(sites) > 2 or len(set(sites)) < len(sites):
        raise UsageError("a trial has one site, or two that differ", "write one or two sites")
    if not given["aim"]:
        raise UsageError("the aim is missing", 'add --aim "less pain"')
    if given["speed"] not in SPEEDS:
        raise UsageError(f"--speed {given['speed']} is not known", f"write {', '.join(SPEEDS)}")
    most_pm = find_most_pm(hello)
    if given["level_pm"] > most_pm:
        raise UsageError(
            f"--level {given['level_pm'] / 10:g} is more than a trial of this wrap may have",
            f"give at most {most_pm / 10:g} (docs/trial.md, The warmer)",
        )
    today = find_today(store, who, now_ms)
    start = given["start"]
    begin = read_day(start, today) if start else today + timedelta(days=WAIT_DAYS + BASELINE_DAYS)
    if begin < today:
        raise UsageError(f"the start {begin} is in the past", "give today or a later day")
    protocols = make_protocols(
        sites, who.tag, given["minutes"], given["level_pm"], hello.channels, most_pm
    )
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
