"""Begins a trial: what a person wishes becomes a plan with its power, is frozen, and goes to the
wrap. Commands and pages use the same functions; nothing here is formatted for people but errors and
hints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pbmwrap import __version__
from pbmwrap.errors import Refused, UsageError
from pbmwrap.programme import trial_run, trials
from pbmwrap.programme.course_state import find_today
from pbmwrap.programme.model import BASELINE_DAYS, WAIT_DAYS, Measure, Person
from pbmwrap.programme.store import Store
from pbmwrap.programme.times import make_stamp, require_clock
from pbmwrap.programme.trial_run import SiteProtocol
from pbmwrap.programme.trials import Trial
from pbmwrap.trial.heat_test import find_most_pm
from pbmwrap.trial.plan import Asked, Promise, TrialPlan, hash_plan
from pbmwrap.trial.planner import SPEEDS, choose_schedule

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello
    from pbmwrap.trial.power import Power, Schedule

MOST_TEXT = 200  # characters of the aim, and of each other treatment
MOST_NAME = 40  # of who looks at the skin


@dataclass(frozen=True)
class Wishes:
    """What a person wishes of a trial.

    weeks: without the baseline. period_days: 7 or 14, None for what finds more. sessions: a week
    and site. level_pm: near infrared, permille of full duty. speed: of SPEEDS. matters, spread:
    points of the measure. missing_percent: of the days without an entry. start: first day of light,
    None for the earliest that leaves time to wait and for a baseline. exploratory: begin although
    it cannot answer.
    """

    sites: tuple[str, ...]
    aim: str
    measure: Measure
    asked: Asked
    weeks: int = 24
    period_days: int | None = None
    sessions: int = 3
    minutes: float = 20.0
    level_pm: int = 250
    speed: str = "week"
    matters: float = 2.0
    spread: float = 1.5
    missing_percent: float = 15.0
    start: date | None = None
    others: tuple[str, ...] = ()
    exploratory: bool = False


def require_possible(client: Client, wishes: Wishes) -> None:
    """Refuse a trial for whom it is not made, and on a wrap that cannot play it. Raises Refused."""
    trials.refuse_for_whom_it_is_not(wishes.asked)
    trial_run.refuse_busy_wrap(trial_run.read_wrap_trial(client))
    trial_run.require_settings(client, wishes.minutes, wishes.sessions, len(wishes.sites))


def choose_design(wishes: Wishes) -> tuple[Schedule, Power]:
    """Choose the design that finds more. Takes some seconds. Raises UsageError, and Refused when it
    cannot answer, unless the trial is exploratory."""
    schedule, power = choose_schedule(
        len(wishes.sites),
        wishes.weeks,
        wishes.period_days,
        wishes.speed,
        wishes.matters,
        wishes.spread,
        wishes.missing_percent,
    )
    if not power.answers and not wishes.exploratory:
        raise Refused(
            f"this trial cannot answer you: it would find the change in {100 * power.share:.0f} of"
            " 100 cases, and 80 are needed",
            "see `pbmwrap trial plan`; --exploratory begins all the same, and gives no verdict",
        )
    return schedule, power


def make_plan(
    store: Store, person: Person, wishes: Wishes, hello: Hello, unix_ms: int
) -> TrialPlan:
    """Make a plan with the power that its simulation promises. Nothing is stored.

    Raises UsageError for what no trial of this wrap can have, and Refused when it cannot answer.
    """
    require_clock(unix_ms)
    sites = wishes.sites
    if not 1 <= len(sites) <= 2 or len(set(sites)) < len(sites):
        raise UsageError("a trial has one site, or two that differ", "write one or two sites")
    if not wishes.aim.strip():
        raise UsageError("the aim is missing", "write what you hope for")
    most_pm = find_most_pm(hello)
    if wishes.level_pm > most_pm:
        raise UsageError(
            f"near infrared of {wishes.level_pm / 10:g} % is more than a trial of this wrap may"
            " have",
            f"give at most {most_pm / 10:g} % (docs/trial.md, The warmer)",
        )
    today = find_today(store, person, unix_ms)
    begin = wishes.start or today + timedelta(days=WAIT_DAYS + BASELINE_DAYS)
    if begin < today:
        raise UsageError(f"the start {begin} is in the past", "give today or a later day")
    protocols = trial_run.make_protocols(
        sites, person.tag, wishes.minutes, wishes.level_pm, hello.channels, most_pm
    )
    schedule, power = choose_design(wishes)
    return TrialPlan(
        id=trials.make_trial_id(store, person),
        person=person.tag,
        aim=" ".join(wishes.aim.split())[:MOST_TEXT],
        sites=tuple(one.site for one in protocols),
        design=schedule.design,
        periods=schedule.periods,
        days=schedule.days,
        washout=schedule.washout,
        sessions=wishes.sessions * schedule.days // 7,
        start=begin,
        enrolled=make_stamp(unix_ms, person.zone),
        measure=wishes.measure,
        matters=wishes.matters,
        promise=Promise(
            round(power.share, 4),
            round(power.error, 4),
            SPEEDS[wishes.speed],
            wishes.spread,
            wishes.missing_percent / 100,
        ),
        asked=wishes.asked,
        confirmatory=not wishes.exploratory,
        others=tuple(" ".join(text.split())[:MOST_TEXT] for text in wishes.others),
        program=__version__,
    )


def hash_draft(plan: TrialPlan) -> str:
    """Return a hash of all that a person reads of a plan before it is frozen: of its body without
    the moment, which passes between reading and confirming."""
    return hash_plan(
        {key: value for key, value in plan.as_body().items() if key not in ("enrolled", "spent")}
    )


def freeze_plan(store: Store, person: Person, plan: TrialPlan, unix_ms: int) -> Trial:
    """Freeze a plan. From now on it is a trial, which a wrap has to take. Raises Refused."""
    return trials.freeze_trial(store, person, plan, unix_ms)


def send_to_wrap(
    client: Client,
    hello: Hello,
    store: Store,
    person: Person,
    trial: Trial,
    read_ms: Callable[[], int],
    pull: Callable[[], None],
) -> tuple[Trial, dict[str, int]]:
    """Store the protocols of a frozen plan on the wrap, and let it draw the secret if none has.

    Also brings the protocols back to a wrap that has lost them. read_ms: UTC; pull: copies its log
    into the archive. Returns the trial and {site: slot}. Raises Refused for another wrap.
    """
    if trial.armed:
        trial_run.require_own_wrap(hello, trial)
    made = _make_protocols_again(trial.plan, hello)
    client.set_clock(read_ms() // 1000)
    slots = trial_run.store_protocols(client, made, person.tag)
    if not trial.armed:
        with trial_run.pulling_on_failure(pull):
            trial = trial_run.arm_trial(client, hello, store, person, trial, read_ms())
    pull()
    return trial, slots


def _make_protocols_again(plan: TrialPlan, hello: Hello) -> list[SiteProtocol]:
    """Make the protocols of a frozen plan again. Raises Refused when they would differ."""
    first = plan.sites[0]
    sites = [one.site for one in plan.sites]
    made = trial_run.make_protocols(
        sites,
        plan.person,
        first.minutes,
        first.near_infrared_pm,
        hello.channels,
        find_most_pm(hello),
    )
    if [one.site for one in made] != list(plan.sites):
        raise Refused(
            "this wrap would play another protocol than the plan has",
            "use the wrap with which the plan was made",
        )
    return made
